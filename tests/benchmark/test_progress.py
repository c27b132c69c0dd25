"""What commands say while they work: events, lines, bars, silence, and how far and how long."""

import json
import os
import pty
import re
import subprocess
import sys
from datetime import datetime
from types import SimpleNamespace

import pytest
from harness import FOLDER, IDS, ROOT

from benchmark import progress
from benchmark.cli import main
from benchmark.progress import Part, Progress, duration
from benchmark.run import forecast, runner

RUN = ("run", *FOLDER, "--jobs", "0", "--metrics", "EN")
LOUD = """
def loud(ir, vis):
    print("a method may print")
    return (ir + vis) / 2
"""


def events(result) -> list[dict]:
    """What stdout holds: JSON lines, and nothing else. The first begins the command, the last ends it."""
    found = [json.loads(line, parse_constant=pytest.fail) for line in result.stdout.splitlines()]
    for one in found:
        assert {"event", "time", "command"} <= set(one)
        assert datetime.fromisoformat(one["time"]).tzinfo is not None
    assert [one["event"] for one in found].count("start") == 1 and found[0]["event"] == "start"
    assert found[-1]["event"] == "end" and found[-1]["exit_code"] == result.exit_code
    return found


def of(found: list[dict], event: str) -> list[dict]:
    return [one for one in found if one["event"] == event]


def test_a_run_as_events(bench, pairs, gain, monkeypatch):
    """With a pair that cannot be read, a method that lacks its weights and one that prints."""
    monkeypatch.setattr(progress, "EVENT_EVERY", 0)
    (pairs / "loud.py").write_text(LOUD)
    (pairs / "ir" / "b.png").write_bytes(b"no image")
    methods = ("--methods", "average,loud.py:loud,gain")
    result = bench(*RUN, *methods, "--json")
    assert result.exit_code == 1 and "a method may print" in result.stderr
    found = events(result)
    assert {one["command"] for one in found} == {"run"} and found[0]["arguments"][0] == "run"

    steps = [one for one in of(found, "progress") if "overall" in one]
    assert {one["method"] for one in steps} == {"average", "loud"}
    for one in steps:
        assert one["dataset"] == "folder" and one["done"] <= one["total"] == 4
        assert one["seconds"] >= 0 and (one["left"] is None or one["left"] >= 0)
    overall = [one["overall"] for one in steps]
    assert {one["total"] for one in overall} == {3 * len(IDS)}
    done = [one["done"] for one in overall]
    assert done == sorted(done) and done[0] == 0 and done[-1] == 2 * len(IDS)
    assert overall[0]["left"] is None and overall[-1]["left"] is not None
    (last,) = [one for one in of(found, "progress") if one["title"].startswith("all 3 methods")]
    assert last["done"] == last["total"] == 3 * len(IDS)  # what is unavailable is over, too
    for one in of(found, "finished")[1:]:
        assert (one["done"], one["total"], one["failed"]) == (4, 4, 1)

    (failure, *_) = of(found, "failure")
    assert failure["ids"] == ["b"] and failure["method"] == "average" and failure["reason"] in failure["message"]
    assert of(found, "unavailable")[0]["method"] == "gain"
    rows = {one["method"]: one for one in of(found, "result")}
    assert rows["gain"]["state"].startswith("unavailable") and rows["average"]["state"].startswith("partial 3/4")

    (pairs / "ir" / "b.png").write_bytes((pairs / "ir" / "a.png").read_bytes())
    found = events(bench(*RUN, "--methods", "average", "--json"))
    (row,) = of(found, "result")
    (cell,) = pairs.glob(f"results/{row['dataset']}@{row['split']}/average/scores.jsonl")
    scores = [json.loads(line)["scores"]["EN"] for line in cell.read_text().splitlines()]
    assert row["scores"]["EN"]["mean"] == pytest.approx(sum(scores) / len(scores)) and row["scores"]["EN"]["n"] == 4
    again = [one for one in of(events(bench(*RUN, "--methods", "average", "--json")), "progress") if "overall" in one]
    assert not again  # all is there


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--json", "--dataset", "nope"),
        ("run", "--limt", "2", "--json"),
        ("run", "--json", "--limit", "0"),
        ("run", "--json", "--quiet"),
        ("data", "verify", "nope", "--json"),
        ("eval", "--json", "--name", "x"),
        ("report", "--json"),
        ("train", "--json", "--method", "nope"),
        ("profile", "--json", "--methods", "nope"),
    ],
)
def test_mistakes_as_events(bench, pairs, arguments):
    result = bench(*arguments)
    found = events(result)
    assert result.exit_code == 2 and result.stderr == ""
    assert [one["event"] for one in found] == ["start", "error", "end"] and found[1]["message"]


def test_a_bug_and_an_interruption_as_events(bench, pairs, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "run_jobs", stop)
    result = bench(*RUN, "--methods", "average", "--json")
    assert result.exit_code == 130 and of(events(result), "error")[0]["message"].startswith("Interrupted; ")

    def fail(*_):
        raise RuntimeError("a\nbug")

    from click.testing import CliRunner

    monkeypatch.setattr(runner, "run_jobs", fail)
    result = CliRunner().invoke(main, [*RUN, "--methods", "average", "--json"])
    assert isinstance(result.exception, RuntimeError)
    assert of(events(result), "error")[0]["message"] == "RuntimeError: a bug"
    stdout = sys.stdout
    bench("ls")
    assert sys.stdout is stdout


def test_quiet_leaves_failures_and_what_was_asked_for(bench, pairs):
    (pairs / "ir" / "b.png").write_bytes(b"no image")
    loud, quiet = (bench(*RUN, "--methods", "average,max", "--force", *more) for more in ((), ("--quiet",)))
    assert quiet.stdout == loud.stdout and quiet.exit_code == loud.exit_code == 1
    lines = quiet.stderr.splitlines()
    assert len(lines) == 2 and all(" b: " in line for line in lines)  # one for each method
    assert " 3 of 4 images in " in loud.stderr
    (pairs / "ir" / "b.png").write_bytes((pairs / "ir" / "a.png").read_bytes())
    assert bench(*RUN, "--methods", "average", "--quiet").stderr == ""


def test_lines_tell_how_far_all_has_come(bench, pairs, monkeypatch):
    monkeypatch.setattr(progress, "EVERY", 0)
    lines = bench(*RUN, "--methods", "average,max").stderr.splitlines()
    told = [re.fullmatch(r"\S+ (\w+): (\d)/4 in \d+ s; (\d) of 8 in all, \d+ s left", line) for line in lines]
    assert [match.groups() for match in told if match] == [
        (method, str(n), str(n + before)) for method, before in (("average", 0), ("max", 4)) for n in (1, 2, 3)
    ]
    assert [line.split(":")[1].split(" in ")[0] for line in lines if " images in " in line] == [" 4 images"] * 2


def on_terminal(folder, columns: int, *arguments) -> str:
    """What a terminal of that width gets from `bench`, its control codes left out."""
    ours, theirs = pty.openpty()
    code = "import benchmark.progress, sys; from benchmark.cli import main; main(prog_name='bench')"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": str(columns)}
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=folder, env=environment, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    data = b""
    while True:
        try:
            data += os.read(ours, 1 << 16)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    assert process.wait(60) == 0
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", data.decode())


def test_bars_leave_nothing_below_a_summary(pairs):
    text = on_terminal(pairs, 44, *RUN, "--methods", "average,max")
    assert "all 2 methods" in text and "0/8" in text
    for method in ("average", "max"):
        assert f" {method}: 4 images in " in text
    after = text[text.rindex(" images in ") :]
    assert "/4" not in after and "/8" not in after and "protocol standard" in after


def test_what_forces_colours_makes_no_terminal(bench, pairs, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" not in bench(*RUN, "--methods", "average").stderr


def test_values_that_json_does_not_know(capsys):
    import numpy as np

    with progress.speaking() as voice:
        voice.select("json", "test")
        odd = {"a": np.float64("nan"), "b": (np.int32(2), None), "c": ROOT, 1: float("inf"), "d": np.arange(2)}
        progress.say("a\udc80b\nc", "note", odd=odd, name="\udc80é")
        progress.answer("\ntwo\nlines", "table")
        voice.end(0)
    _, line, table, _ = capsys.readouterr().out.splitlines()
    assert json.loads(table)["message"] == "two lines"
    found = json.loads(line, parse_constant=pytest.fail)
    assert line.isascii() and found["message"] == "aU+DC80bU+000Ac" and found["name"] == "U+DC80é"
    assert found["odd"] == {"a": None, "b": [2, None], "c": str(ROOT), "1": None, "d": [0, 1]}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (99, "99 s"), (150, "2 min"), (5940, "99 min"), (7500, "2 h 05 min"), (200000, "2 d 07 h")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.fixture
def clock(monkeypatch):
    """A clock that tests move: clock.now."""
    found = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: found.now)
    return found


def test_time_left_is_of_what_was_worked_on_and_counts_down(clock):
    part = Part("x", 10, "image", {})
    assert part.left is None
    part.reach(6)
    part.reach(2)  # what is done never becomes less
    assert part.done == 6 and part.left is None
    clock.now += 4
    part.step()
    assert part.left == 12  # three more, four seconds each
    clock.now += 5
    assert part.left == 7
    clock.now += 50
    assert part.left == 0


def test_a_step_of_a_bar_is_a_step_of_the_whole(clock, capsys, monkeypatch):
    monkeypatch.setattr(progress, "EVERY", 0)
    with progress.speaking(), Progress().whole("all", 5) as whole:
        for title, count in (("a", 2), ("b", 3)):
            with Progress().bar(title, count, whole=whole) as step:
                for _ in range(count):
                    clock.now += 10
                    step(note="note")
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "a: 1/2 in 10 s, note; 1 of 5 in all, 40 s left",
        "a: 2 images in 20.0 s",
        "b: 1/3 in 10 s, note; 3 of 5 in all, 20 s left",
        "b: 2/3 in 20 s, note; 4 of 5 in all, 10 s left",
        "b: 3 images in 30.0 s",
    ]


def job(method, folder, family="learned", flops=0.0, pairs=10, split="s", size=(480, 640), **more):
    """What a forecast sees of a job."""
    from benchmark.run.jobs import Job
    from benchmark.run.plan import Split
    from benchmark.store.cells import Cell

    ids = [str(number) for number in range(pairs)]
    found = Split("set", split, ids)
    vars(found)["largest"] = size
    return Job(
        Cell(folder, "set", split, method), found, dict.fromkeys(ids, "key"), {"standard": ["EN"]}, {}, "1", {},
        family=family, flops=flops, **more,
    )  # fmt: skip


def work(found, clock, place, pairs, each, load=0.0):
    """Do a job: yields what is left after each pair."""
    found.begin(place, pairs)
    clock.now += load
    for _ in range(pairs):
        clock.now += each
        found.step()
        yield found.left()
    found.end(place)


def test_a_forecast_is_sane_from_the_first_pair_on(tmp_path, clock):
    """Quick methods first, slow ones last, whose loading takes long: 2 minutes and a half in all."""
    jobs = [job("average", tmp_path, "naive"), job("heavy", tmp_path, flops=4e11), job("light", tmp_path, flops=4e9)]
    found = forecast.Forecast(jobs, 1)
    assert found.left() is None
    first, *_ = work(found, clock, 0, 10, 0.02, load=3)
    assert 30 < first < 400
    left = list(work(found, clock, 1, 10, 14, load=5))
    assert left[5] == pytest.approx(4 * 14, rel=0.3) and left[-1] < 40
    assert list(work(found, clock, 2, 10, 0.6))[-1] == 0


def test_a_forecast_knows_methods_from_other_sets_and_earlier_runs(tmp_path, clock):
    from benchmark.store import files

    small, large = {"split": "s"}, {"split": "t", "size": (960, 1280)}
    jobs = [job("a", tmp_path, **small), job("a", tmp_path, **large), job("b", tmp_path, **small)]
    jobs[2].cell.folder.mkdir(parents=True)
    for id in "012345":
        timed = {"id": id, "key": "key", "fused": "f", "fuse_s": 3.0}
        files.append(jobs[2].cell.timings_file, timed)
        files.append(
            jobs[2].cell.scores_file,
            {**timed, "protocol": "standard", "key": jobs[2].key(id, "standard"), "scores": {"EN": 1.0}},
        )
    found = forecast.Forecast(jobs, 1)
    *_, left = work(found, clock, 0, 10, 1)
    # Ten of a that are four times as large, and four of b, as an earlier run measured them.
    assert left == pytest.approx(10 * 4 + 4 * 3)


def test_a_forecast_counts_what_is_fused_along_once(tmp_path, clock):
    jobs = [job("a", tmp_path, flops=4e11), job("a+minmax", tmp_path, flops=4e11)]
    jobs[0].also.append(jobs[1])
    found = forecast.Forecast(jobs, 1)
    *_, left = work(found, clock, 0, 10, 10)
    assert 0 < left < 10


def test_a_forecast_leaves_out_what_cannot_run(tmp_path, clock):
    jobs = [job("a", tmp_path, unavailable="no weights"), job("b", tmp_path), job("c", tmp_path, unavailable="none")]
    found = forecast.Forecast(jobs, 0)
    found.end(0)
    first, *_ = work(found, clock, 1, 3, 2)
    assert first == pytest.approx(2 * 2)
    assert found.left() == 0
