"""Results that somebody changed: told in one line, recomputed or left out, never a wrong number in silence."""

import json
import os
import re
import shutil

import pytest
import stores
from harness import FOLDER, IDS, draw

from benchmark import progress

METHODS = ("run", *FOLDER, "--methods", "average,max", "--metrics", "EN,SD")
FORMS = ("markdown", "html", "latex", "json", "csv")


@pytest.fixture
def made(pairs, bench_folder):
    """The folder of `average`, beside which `max` is as it was written."""
    assert bench_folder(*METHODS[:1], *METHODS[1 + len(FOLDER) :]).exit_code == 0
    (folder,) = pairs.glob("results/*@*/average")
    return folder


def change_digit(folder):
    """In the second line, the last digit of a score."""
    file = folder / "scores.jsonl"
    lines = file.read_text().splitlines()
    number = re.search(r'"EN": (\d+\.\d+)', lines[1])[1]
    lines[1] = lines[1].replace(number, number[:-1] + str((int(number[-1]) + 1) % 10))
    file.write_text("\n".join(lines) + "\n")
    return lines


def test_a_changed_digit_is_told_left_out_and_computed_again(made, bench, bench_folder, pairs):
    before = (made / "scores.jsonl").read_bytes()
    change_digit(made)
    told = f"{made / 'scores.jsonl'}, line 2: it is not as it was written; left out"
    for form in FORMS:
        done = bench("report", "--format", form, "--out", "-")
        assert done.exit_code == 0 and "Traceback" not in done.output
    document = json.loads(bench("report", "--format", "json", "--out", "-").stdout)
    assert "partial 3/4" in json.dumps(document)
    result = bench("doctor", "results")
    assert result.exit_code == 1 and result.output.count("line 2: it is not as it was written") == 1
    assert "line 2: it is not as it was written" in result.stdout
    again = bench_folder("run", "--methods", "average,max", "--metrics", "EN,SD")
    assert again.exit_code == 0 and (made / "scores.jsonl").read_bytes() == before
    assert bench("doctor", "results").exit_code == 0
    assert told.startswith(str(made))


def test_the_line_is_named_once(made, bench):
    change_digit(made)
    progress.say_once.cache_clear()
    done = bench("report", "--format", "csv", "--out", "-")
    assert done.stderr.count("line 2: it is not as it was written; left out") == 1


def test_a_file_written_with_other_spaces_is_believed(made, bench):
    file = made / "scores.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    file.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    assert bench("doctor", "results").exit_code == 0


def test_lines_of_older_versions_are_believed_and_counted(made, bench):
    file = made / "scores.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    for line in lines:
        del line["check"]
    file.write_text("".join(json.dumps(line, sort_keys=True) + "\n" for line in lines))
    result = bench("doctor", "results")
    assert result.exit_code == 0 and "4 of them without a check of older versions" in result.stdout


def test_a_replaced_image_is_no_picture_of_its_scores(made, bench, bench_folder, pairs):
    id = IDS[1]
    before = (made / "scores.jsonl").read_bytes()
    draw(made / "fused" / f"{id}.png", 77)
    done = bench("report", "--html", "--format", "csv")
    assert done.exit_code == 0 and f"1 of its images, {id}, were replaced after they were scored" in done.stderr
    result = bench("doctor", "results")
    assert result.exit_code == 1 and f"{id}.png: it is not the image that was scored" in result.stdout
    assert bench_folder("run", "--methods", "average,max", "--metrics", "EN,SD").exit_code == 0
    assert (made / "scores.jsonl").read_bytes() == before and bench("doctor", "results").exit_code == 0


@pytest.mark.parametrize("form", FORMS)
def test_a_cell_under_another_name_is_not_ranked(made, bench, form):
    shutil.copytree(made, made.parent / "mine")
    done = bench("report", "--format", form, "--out", "-")
    assert done.exit_code == 0 and "run.json is of method average, not of mine" in done.output
    result = bench("doctor", "results")
    assert result.exit_code == 1 and "it is of method average, not of mine" in result.stdout


def test_a_cell_of_another_split_is_not_ranked(made, bench):
    shutil.copytree(made.parent, made.parent.parent / "tno@cddfuse25")
    text = bench("report", "--format", "markdown", "--out", "-").stdout
    assert text.count("run.json is of dataset folder, not of tno") == 2
    result = bench("doctor", "results")
    assert "ids that the split does not have: " in result.stdout and result.exit_code == 1


@pytest.mark.parametrize("form", FORMS)
def test_strange_titles_spoil_no_report(tmp_path, monkeypatch, bench, form):
    monkeypatch.chdir(tmp_path)
    titles = (
        "half \ud800",
        "</script><script>alert(1)</script>",
        "=1+1",
        "\x1b[31mred\x07",
        "\\input{/etc/passwd}",
        "a\nb",
    )
    for i, title in enumerate(titles):
        stores.write(tmp_path / "results", "synth@demo", {f"m{i}": stores.random(i, 1, 8)["m0"]}, title=title)
    done = bench("report", "--format", form, "--out", "-")
    assert done.exit_code == 0 and "Traceback" not in done.output
    assert "\x1b[31m" not in done.output and "\x07" not in done.output
    if form == "html":
        assert "<script>alert(1)" not in done.stdout
    if form == "latex":
        assert "\\input{/etc" not in done.stdout
    if form == "csv":
        assert not re.search(r"(^|,)\"?=", done.stdout, re.M)


def test_doctor_tells_strange_names_and_links(made, bench, tmp_path):
    (made.parent / "a\x1b[31mb").mkdir()
    os.symlink("/etc/hostname", made / "fused" / "away.png")
    os.symlink("nowhere", made / "fused" / "lost.png")
    (made.parent / "bare").mkdir()
    (made.parent / "bare" / "scores.jsonl").write_text("{}\n")
    result = bench("doctor", "results")
    assert result.exit_code == 1
    for what in ("holds what is not printed", "leads out of the results", "a link to nowhere", "it holds no run.json"):
        assert what in result.stdout
    assert "\x1b" not in result.stdout


def test_doctor_says_events_where_they_are_asked_for(made, bench):
    change_digit(made)
    events = [json.loads(line) for line in bench("doctor", "results", "--json").stdout.splitlines()]
    assert [event["event"] for event in events][-3:] == ["finding", "summary", "end"]
    assert events[-2]["findings"] == 1 and events[-2]["cells"] == 2


def test_doctor_of_no_folder(bench, pairs):
    result = bench("doctor", "nowhere")
    assert result.exit_code == 2 and "nowhere: no such folder" in result.output
