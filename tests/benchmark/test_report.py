"""`bench report`: from the store alone, the same bytes each time, and nothing ranked that is not complete."""

import csv
import io
import json
import shutil
import statistics
import subprocess
import sys
import time

import harness
import pytest
from harness import FOLDER, IDS, ROOT, cell, draw

from benchmark.store import files


@pytest.fixture
def stored(pairs, bench_folder):
    """Results of two methods under two protocols; the images are gone."""
    result = bench_folder("run", "--methods", "average,max", "--protocol", "standard,cddfuse", "--metrics", "EN,SD")
    assert result.exit_code == 0
    for side in ("ir", "vis"):
        shutil.rmtree(pairs / side)
    return pairs / "results"


def csv_rows(bench, *arguments):
    return list(csv.DictReader(io.StringIO(bench("report", "--format", "csv", "--out", "-", *arguments).stdout)))


def rewrite(folder, method, change):
    """Pass the lines of a method's cell through `change`."""
    harness.rewrite(cell(folder, method) / "scores.jsonl", change)


def edit_record(folder, method, **values):
    path = cell(folder, method) / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_formats_and_places(bench, stored):
    result = bench("report")
    formats = {
        "latex": "report.tex",
        "bibtex": "report.bib",
        "csv": "report.csv",
        "markdown": "report.md",
        "html": "report.html",
        "json": "report.json",
        "excel": "report.xlsx",
    }
    assert result.stdout.split() == [f"results/report/{name}" for name in formats.values()]
    assert sorted(path.name for path in (stored / "report").iterdir()) == sorted(formats.values())
    assert bench("report", "--format", "markdown", "--out", "elsewhere").stdout == "elsewhere/report.md\n"
    for kind, name in formats.items():
        if kind != "excel":
            assert bench("report", "--format", kind, "--out", "-").stdout == (stored / "report" / name).read_text()


def test_same_store_same_bytes(bench, stored, pairs):
    bench("report", "--standalone")
    first = {path.name: path.read_bytes() for path in (stored / "report").iterdir()}
    assert len(first) == 7
    shutil.copytree(stored, pairs / "copy", ignore=shutil.ignore_patterns("report"))
    time.sleep(1.1)  # what states the time states it in seconds
    bench("report", "--standalone", "--results", "copy")
    assert {path.name: path.read_bytes() for path in (pairs / "copy" / "report").iterdir()} == first


def test_needs_the_store_only(stored, pairs):
    code = (
        "import sys\nfrom benchmark.cli import main\n"
        "try: main(['report'], prog_name='bench')\nexcept SystemExit: pass\n"
        "print(sorted({'torch', 'metrics', 'baselines'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=pairs, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_csv(bench, stored, pairs):
    rows = csv_rows(bench)
    assert list(rows[0])[:8] == ["dataset", "split", "method", "protocol", "metric", "mean", "sd", "n"]
    assert [(row["method"], row["protocol"], row["metric"]) for row in rows] == [
        (method, protocol, metric)
        for protocol in ("cddfuse", "standard")
        for method in ("average", "max")
        for metric in ("EN", "SD")
    ]
    for row in rows:
        values = [
            line["scores"][row["metric"]]
            for line in files.read_lines(cell(pairs, row["method"]) / "scores.jsonl")
            if line["protocol"] == row["protocol"]
        ]
        assert float(row["mean"]) == pytest.approx(statistics.fmean(values), rel=1e-14)
        assert float(row["sd"]) == pytest.approx(statistics.stdev(values), rel=1e-12)  # ddof = 1
        assert (row["n"], row["images"], row["state"]) == ("4", "4", "done")


def test_markdown(bench, stored):
    text = bench("report", "--rank-baselines", "--format", "markdown", "--out", "-").stdout
    assert text.count("### ") == 6
    assert text.count("| method | EN ↑ | SD ↑ |") == 2
    assert text.count("### Ranks: ") == 2
    assert text.count("**") >= 4
    assert text.count("<u>") >= 4
    assert bench("report", "--format", "markdown", "--sections", "scores", "--out", "-").stdout.count("### ") == 2


def test_ranks_follow_the_direction_and_what_is_printed(bench, stored, pairs):
    def value(number):
        return lambda line: {**line, "scores": {"EN": number, "SD": 1.0}}

    edit_record(pairs, "average", metrics={"EN": -1, "SD": 0})
    edit_record(pairs, "max", metrics={"EN": -1, "SD": 0})
    rewrite(pairs, "average", value(2.0))
    rewrite(pairs, "max", value(3.0))
    text = bench("report", "--rank-baselines", "--format", "markdown", "--out", "-").stdout
    assert "| Average | **2.000** | 1.000 |" in text
    assert "| Maximum | <u>3.000</u> | 1.000 |" in text
    # Equal as printed: equal in rank.
    rewrite(pairs, "max", value(2.00001))
    text = bench("report", "--rank-baselines", "--format", "markdown", "--out", "-").stdout
    assert "| Average | **2.000** |" in text
    assert "| Maximum | **2.000** |" in text


def test_infinite_values(bench, stored, pairs):
    """They make no mean, are best in nothing, and are told."""
    finite = [line["scores"]["EN"] for line in files.read_lines(cell(pairs, "average") / "scores.jsonl")]

    def infinite(*ids):
        return lambda line: {**line, "scores": {**line["scores"], "EN": "inf"}} if line["id"] in ids else line

    rewrite(pairs, "average", infinite("a"))
    rewrite(pairs, "max", infinite(*IDS))
    first, second = (row for row in csv_rows(bench) if row["metric"] == "EN" and row["protocol"] == "standard")
    assert float(first["mean"]) == pytest.approx(statistics.fmean(finite[3::2]))
    assert (first["n"], first["infinite"], first["images"], first["best"]) == ("3", "1", "4", "")
    assert (second["mean"], second["n"], second["infinite"], second["best"]) == ("inf", "0", "4", "")
    text = bench("report", "--format", "markdown", "--out", "-").stdout
    assert f"| Average | {statistics.fmean(finite[3::2]):.3f} (n=3) |" in text
    assert "| Maximum | ∞ |" in text
    assert "Average: EN is infinite for 1 of 4 images; the mean is of the other 3" in text
    assert "Maximum: EN is infinite for 4 of 4 images" in text
    assert "EN is undefined" not in text
    for one in json.loads(bench("report", "--format", "json", "--out", "-").stdout)["measured"]:
        methods = one["metrics"]["EN"]["methods"]
        assert methods["average"]["mean"] < 10 and methods["average"]["infinite"] == 1
        assert methods["max"]["mean"] == "inf" and "best" not in methods["max"]
        assert "infinite" not in one["metrics"]["SD"]["methods"]["average"]
    for kind in ("latex", "html", "excel"):
        assert bench("report", "--format", kind).exit_code == 0


def test_undefined_values(bench, stored, pairs):
    def undefined(*ids):
        return lambda line: {**line, "scores": {**line["scores"], "EN": None}} if line["id"] in ids else line

    rewrite(pairs, "average", undefined("a"))
    rewrite(pairs, "max", undefined(*IDS))
    rewrite(pairs, "max", lambda line: {**line, "reasons": {"EN": f"{IDS.index(line['id'])} grey levels"}})
    rows = csv_rows(bench)
    assert [row["n"] for row in rows if row["metric"] == "EN"] == ["3", "0", "3", "0"]
    assert [row["mean"] for row in rows if row["metric"] == "EN"][1::2] == ["", ""]
    text = bench("report", "--format", "markdown", "--out", "-").stdout
    assert "(n=3) |" in text
    assert "| Maximum | — |" in text
    assert "Average: EN is undefined for 1 of 4 images" in text
    assert "Maximum: EN is undefined for 4 of 4 images: 0…3 grey levels" in text


def test_incomplete_rows_are_shown_and_not_ranked(bench, stored, pairs):
    rewrite(pairs, "max", lambda line: None if (line["id"], line["protocol"]) == ("c", "standard") else line)
    states = {(row["method"], row["protocol"]): row["state"] for row in csv_rows(bench)}
    assert states == {
        ("average", "cddfuse"): "done",
        ("average", "standard"): "done",
        ("max", "cddfuse"): "done",
        ("max", "standard"): "partial 3/4",
    }
    assert {row["mean"] for row in csv_rows(bench) if row["state"] != "done"} == {""}
    for kind in ("latex", "markdown"):
        text = bench("report", "--rank-baselines", "--format", kind, "--out", "-").stdout
        assert "Maximum: partial 3/4" in text
        standard = text[text.index("protocol standard") :]
        assert ("| Maximum | 3/4 | 3/4 |" if kind == "markdown" else "Maximum & {3/4} & {3/4}") in standard
        assert "Ranks: Own pairs" in text
        assert "protocol standard" not in text[text.index("Ranks: Own pairs") :]  # one method has no rank


def test_a_metric_that_some_images_lack_is_left_out(bench, stored, pairs):
    def without_sd(line):
        return {**line, "scores": {"EN": line["scores"]["EN"]}} if line["id"] == "d" else line

    rewrite(pairs, "max", without_sd)
    rows = {(row["method"], row["protocol"], row["metric"]): row for row in csv_rows(bench)}
    assert rows["max", "standard", "EN"]["state"] == "done"
    assert rows["max", "standard", "SD"]["state"] == "partial 3/4"
    assert rows["max", "standard", "SD"]["mean"] == ""
    assert "Maximum: SD partial 3/4" in bench("report", "--format", "markdown", "--out", "-").stdout


def test_a_torn_line_makes_the_row_partial(bench, stored, pairs):
    path = cell(pairs, "max") / "scores.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    states = [row["state"] for row in csv_rows(bench)]
    assert states.count("partial 3/4") == 2


def test_results_on_other_images_do_not_stand_side_by_side(pairs, bench):
    """The splits of a published set are called alike whatever their images hold."""
    run = ("run", "--dataset", "tno", "--data-root", pairs, "--metrics", "EN", "--jobs", 0)
    for side in ("ir", "vi"):
        draw(pairs / "TNO" / side / "01.png", len(side))
    bench(*run, "--methods", "average,max")
    draw(pairs / "TNO" / "ir" / "01.png", 70)
    bench(*run, "--methods", "max")
    (path,) = pairs.glob("results/tno@*/max/run.json")
    record = json.loads(path.read_text())
    record["runs"][-1]["start"] = "2999-01-01T00:00:00+00:00"
    path.write_text(json.dumps(record))
    states = {row["method"]: row["state"] for row in csv_rows(bench)}
    assert states["max"] == "done"
    assert states["average"].startswith("outdated (made from other images")
    bench(*run, "--methods", "average")
    assert {row["state"] for row in csv_rows(bench)} == {"done"}


def test_preliminary_checkpoints_are_marked(bench, stored, pairs):
    edit_record(pairs, "max", preliminary=True)
    text = bench("report", "--format", "markdown", "--out", "-").stdout
    assert "| Maximum† |" in text
    assert "† preliminary checkpoint" in text
    assert r"Maximum$^\dagger$ &" in bench("report", "--format", "latex", "--out", "-").stdout


def test_limited_splits_have_tables_of_their_own(pairs, bench, bench_folder):
    for rest in ((), ("--limit", "2")):
        bench_folder("run", "--methods", "average", "--metrics", "EN", *rest)
    text = bench("report", "--format", "markdown", "--out", "-").stdout
    assert text.count("### ") == 2
    assert "4 pairs" in text
    assert "first 2 pairs" in text


def test_one_image_has_no_deviation(pairs, bench, bench_folder):
    bench_folder("run", "--methods", "average", "--metrics", "EN", "--limit", "1")
    (row,) = csv_rows(bench)
    assert row["sd"] == ""
    assert row["n"] == "1"


def test_options_of_the_folder_data_set_are_not_needed(bench, stored):
    assert bench("report").exit_code == 0
    assert bench("report", *FOLDER).exit_code == 2
