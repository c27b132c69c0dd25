"""Killed runs, runs side by side, and what is kept when something changes."""

import csv
import json
import signal

import pytest
from harness import FOLDER, IDS, cell, draw, newest, snapshot, start

from benchmark.store import files

RUN = ("run", *FOLDER, "--methods", "average", "--protocol", "standard,cddfuse")

# The process kills itself when it is asked to fuse the third image.
KILLED_IN_THE_THIRD = """
    import os, signal
    from benchmark.run import runner
    real = runner._seed
    def seed(number, id):
        if id == "c":
            os.kill(os.getpid(), signal.SIGKILL)
        real(number, id)
    runner._seed = seed
"""


@pytest.mark.parametrize("jobs", [0, 1])
def test_killed_in_the_third_image(pairs, bench, jobs):
    process = start(pairs, *RUN, "--jobs", jobs, before=KILLED_IN_THE_THIRD)
    process.communicate(timeout=60)  # ends only when the scoring processes have gone, too
    assert process.returncode == -signal.SIGKILL
    folder = cell(pairs, "average")
    kept = snapshot(folder / "fused")
    assert set(kept) == {"a.png", "b.png"}
    assert json.loads((folder / "run.json").read_text())["runs"][0]["end"] is None
    report = bench("report", "--out", "-", "--format", "csv").stdout.splitlines()
    states = {line["state"] for line in csv.DictReader(report)}
    # In a process of their own the scores may come later than the kill.
    assert states == {"partial 2/4"} if jobs == 0 else states <= {f"partial {n}/4" for n in range(3)}

    assert bench(*RUN, "--jobs", jobs).exit_code == 0
    after = snapshot(folder / "fused")
    assert set(after) == {f"{id}.png" for id in IDS}
    assert {name: after[name] for name in kept} == kept
    fused = [line["id"] for line in files.read_lines(folder / "timings.jsonl") if "fuse_s" in line]
    assert fused == list(IDS)

    assert bench(*RUN, "--jobs", "0", "--results", "unbroken/results").exit_code == 0
    unbroken = cell(pairs / "unbroken", "average")
    assert (folder / "scores.jsonl").read_bytes() == (unbroken / "scores.jsonl").read_bytes()
    assert len((folder / "scores.jsonl").read_text().splitlines()) == 2 * len(IDS)


def test_a_torn_line_is_scored_again(pairs, bench_folder):
    arguments = ("run", "--methods", "average", "--metrics", "EN")
    bench_folder(*arguments)
    folder = cell(pairs, "average")
    whole = (folder / "scores.jsonl").read_bytes()
    pictures = snapshot(folder / "fused")
    (folder / "scores.jsonl").write_bytes(whole[:-30])
    assert bench_folder(*arguments).exit_code == 0
    assert (folder / "scores.jsonl").read_bytes() == whole
    assert snapshot(folder / "fused") == pictures


def test_leftovers_of_killed_writers_are_swept(pairs, bench_folder):
    arguments = ("run", "--methods", "average", "--metrics", "EN")
    bench_folder(*arguments)
    folder = cell(pairs, "average")
    for name in (".run.json.77.tmp", "fused/.77-1.tmp"):
        (folder / name).write_text("half")
    bench_folder(*arguments)
    assert not [*folder.rglob("*.tmp")]


def test_two_runs_at_once_share_the_work(pairs):
    """The second waits for the first, told in a line, and then has nothing left to do."""
    before = """
        import os, pathlib, time
        from benchmark.run import runner
        real = runner._seed
        def seed(number, id):
            with open("fused.log", "a") as file:
                file.write(f"{os.getpid()}\\n")
            while not pathlib.Path("go").exists():
                time.sleep(0.05)
            real(number, id)
        runner._seed = seed
    """
    arguments = (*RUN, "--metrics", "EN", "--jobs", "0")
    both = [start(pairs, *arguments, before=before) for _ in range(2)]
    waiting = None
    try:
        # Whichever comes second says so; the other is held in its first image until then.
        import selectors

        with selectors.DefaultSelector() as selector:
            for process in both:
                selector.register(process.stderr, selectors.EVENT_READ)
            ((key, _), *_) = selector.select(timeout=60)
            waiting = key.fileobj.readline()
    finally:
        (pairs / "go").touch()
    for process in both:
        process.communicate(timeout=60)
    assert "another run is at work on it; waiting" in waiting
    assert [process.returncode for process in both] == [0, 0]
    fused = (pairs / "fused.log").read_text().split()
    assert len(fused) == len(IDS)
    assert len(set(fused)) == 1
    assert len(files.read_lines(cell(pairs, "average") / "scores.jsonl")) == 2 * len(IDS)


def test_protocols_and_metrics_added_later_keep_the_pictures(pairs, bench_folder):
    bench_folder("run", "--methods", "average", "--metrics", "EN,SD")
    folder = cell(pairs, "average")
    pictures = snapshot(folder / "fused")
    bench_folder("run", "--methods", "average", "--metrics", "EN,SF", "--protocol", "cddfuse,standard")
    assert snapshot(folder / "fused") == pictures
    later = (folder / "scores.jsonl").read_bytes()
    held = {(line["id"], line["protocol"]): set(line["scores"]) for line in files.read_lines(folder / "scores.jsonl")}
    assert held == {
        (id, protocol): {"EN", "SF"} | ({"SD"} if protocol == "standard" else set())
        for id in IDS
        for protocol in ("cddfuse", "standard")
    }
    # Fewer metrics asked for: nothing is lost and nothing is done.
    before = snapshot(folder)
    bench_folder("run", "--methods", "average", "--metrics", "SF")
    assert snapshot(folder) == before
    # The same content whatever the order in which it came.
    at_once = ("--results", "once/results", "--protocol", "standard")
    bench_folder("run", "--methods", "average", "--metrics", "SD,SF,EN", *at_once)
    bench_folder("run", "--methods", "average", "--metrics", "EN,SF", *at_once[:2], "--protocol", "cddfuse")
    assert (cell(pairs / "once", "average") / "scores.jsonl").read_bytes() == later


def test_metrics_of_another_version_are_computed_anew(pairs, bench_folder, monkeypatch):
    import metrics

    arguments = ("run", "--methods", "average", "--metrics", "EN")
    bench_folder(*arguments, "--protocol", "standard,cddfuse")
    folder = cell(pairs, "average")
    pictures = snapshot(folder / "fused")
    old = {line["key"] for line in files.read_lines(folder / "scores.jsonl")}
    monkeypatch.setattr(metrics, "version", "next")
    bench_folder(*arguments)
    lines = files.read_lines(folder / "scores.jsonl")
    # What the old version computed under the other protocol is gone: a table must not mix the two.
    assert {line["protocol"] for line in lines} == {"standard"}
    assert not old & {line["key"] for line in lines}
    assert snapshot(folder / "fused") == pictures


def test_a_changed_image_is_computed_anew(pairs, bench_folder):
    arguments = ("run", "--methods", "average", "--metrics", "EN", "--colour")
    bench_folder(*arguments)
    folder = cell(pairs, "average")
    before = snapshot(folder)
    draw(pairs / "ir" / "b.png", 99)
    bench_folder(*arguments)
    after = snapshot(newest(pairs, "average"))
    pictures = [name for name in after if name.endswith(".png")]
    assert len(pictures) == 2 * len(IDS)
    assert {name for name in pictures if after[name][0] != before[name][0]} == {"fused/b.png", "colour/b.png"}
    assert snapshot(folder) == before, "what was made of other images stays"


def test_a_picture_that_was_tampered_with_is_computed_anew(pairs, bench_folder):
    arguments = ("run", "--methods", "average", "--metrics", "EN")
    bench_folder(*arguments)
    folder = cell(pairs, "average")
    before = snapshot(folder)
    draw(folder / "fused" / "b.png", 99)
    (folder / "fused" / "c.png").unlink()
    assert bench_folder(*arguments).exit_code == 0
    after = snapshot(folder)
    assert {name: content for name, (content, _) in after.items() if name.startswith("fused")} == {
        name: content for name, (content, _) in before.items() if name.startswith("fused")
    }
    assert after["scores.jsonl"][0] == before["scores.jsonl"][0]


def test_a_changed_checkpoint_is_computed_anew(pairs, bench_folder, gain):
    arguments = ("run", "--methods", "gain", "--metrics", "EN", "--weights-root", gain)
    assert bench_folder(*arguments).exit_code == 0
    folder = cell(pairs, "gain")
    old, old_scores = snapshot(folder / "fused"), files.read_lines(folder / "scores.jsonl")
    (gain / "gain" / "gain.txt").write_text("0.25")
    assert bench_folder(*arguments).exit_code == 0
    new = snapshot(folder / "fused")
    assert all(new[name][0] != old[name][0] for name in old)
    lines = files.read_lines(folder / "scores.jsonl")
    assert len(lines) == len(IDS)
    assert not {line["key"] for line in lines} & {line["key"] for line in old_scores}


def test_checkpoints_that_are_named_stand_side_by_side(pairs, bench_folder, gain):
    paths = []
    for value in ("0.3", "0.6"):
        paths.append(pairs / f"{value}.txt")
        paths[-1].write_text(value)
    given = ["--trust-checkpoint", *(part for path in paths for part in ("--checkpoint", f"gain={path}"))]
    result = bench_folder("run", "--methods", "gain,average", "--metrics", "EN", *given)
    assert result.exit_code == 0, result.output
    names = {path.name for path in cell(pairs, "average").parent.iterdir()}
    hashes = {f"gain+{files.file_sha256(path)[:8]}" for path in paths}
    assert names == hashes | {"average"}


def test_random_methods_resume_to_the_same_pictures_and_follow_the_seed(pairs, bench_folder, gain):
    arguments = ("run", "--methods", "gain", "--metrics", "EN", "--weights-root", gain)
    bench_folder(*arguments)
    folder = cell(pairs, "gain")
    before = {name: content for name, (content, _) in snapshot(folder / "fused").items()}
    (folder / "fused" / "c.png").unlink()
    bench_folder(*arguments)
    assert {name: content for name, (content, _) in snapshot(folder / "fused").items()} == before
    bench_folder(*arguments, "--seed", "1")
    assert {name: content for name, (content, _) in snapshot(folder / "fused").items()} != before


def test_force(pairs, bench_folder):
    arguments = ("run", "--methods", "average", "--metrics", "EN")
    bench_folder(*arguments)
    folder = cell(pairs, "average")
    before = snapshot(folder)
    bench_folder(*arguments, "--force")
    after = snapshot(folder)
    for name in ("scores.jsonl", *(f"fused/{id}.png" for id in IDS)):
        assert after[name][0] == before[name][0]
        assert after[name][1] != before[name][1]


def test_the_order_of_options_does_not_matter(pairs, bench_folder):
    bench_folder("run", "--methods", "average, max,average", "--metrics", "SD,EN", "--protocol", "standard,cddfuse")
    before = snapshot(pairs / "results")
    bench_folder("run", "--protocol", "cddfuse , standard", "--metrics", "EN,SD,EN", "--methods", "max,average")
    assert snapshot(pairs / "results") == before
