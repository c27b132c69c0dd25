"""`bench run`: what is fused, saved, scored and said, and what happens when something is wrong."""

import json
import re
import struct
import zlib

import numpy as np
import pytest
from harness import FOLDER, IDS, cell, draw, newest, snapshot, start, table
from PIL import Image

import baselines.scan
import metrics
from benchmark.imaging import bt601, reading, saving
from benchmark.store import cells, files, provenance

ALL = "EN,SD,SF,MI,SCD,VIF,Qabf,SSIM"


def scores(folder, protocol="standard"):
    lines = files.read_lines(folder / "scores.jsonl")
    return {line["id"]: cells.scores_of(line) for line in lines if line["protocol"] == protocol}


def test_scores_are_those_of_the_saved_picture(pairs, bench_folder):
    result = bench_folder("run", "--methods", "average", "--protocol", "standard,cddfuse")
    assert result.exit_code == 0, result.output
    folder = cell(pairs, "average")
    fuser = baselines.load("average")
    for id in IDS:
        ir, vis = (reading.read_luminance(pairs / side / f"{id}.png") for side in ("ir", "vis"))
        fused = reading.read_luminance(folder / "fused" / f"{id}.png")
        np.testing.assert_array_equal(fused, saving.quantise(fuser.fuse(ir, vis)))
        for protocol in ("standard", "cddfuse"):
            expected = metrics.evaluate(fused, ir, vis, protocol=protocol)
            assert list(expected) == ALL.split(",")
            assert scores(folder, protocol)[id] == expected
    for line in files.read_lines(folder / "scores.jsonl"):
        assert line["fused"] == files.file_sha256(folder / "fused" / f"{line['id']}.png")


def test_an_infinite_value_makes_no_mean_and_is_not_ranked(pairs, bench_folder):
    """PSNR has no end where both sources and the fused image are the same. Means over the same other images are
    ranked."""
    (pairs / "vis" / "a.png").write_bytes((pairs / "ir" / "a.png").read_bytes())
    result = bench_folder("run", "--methods", "pca,dwt", "--metrics", "PSNR,EN")
    means = {}
    for method, places in table(result.stdout).items():
        values = [line["PSNR"] for line in scores(cell(pairs, method)).values()]
        assert np.isinf(values).tolist() == [True, False, False, False]
        assert places[0].rstrip("¹²") == f"{np.mean(values[1:]):.2f} (n=3)"
        means[places[0][-1]] = np.mean(values[1:])
        assert f"{method}: PSNR is infinite for 1 of 4 images; the mean is of the other 3" in result.stdout
    assert means["¹"] > means["²"]


def test_run_says_why_a_metric_is_undefined(pairs, bench_folder):
    result = bench_folder("run", "--methods", "ir", "--metrics", "SCD", "--protocol", "cddfuse")
    (reason,) = {line["reasons"]["SCD"] for line in files.read_lines(cell(pairs, "ir") / "scores.jsonl")}
    assert f"ir: SCD is undefined for 4 of 4 images: {reason}" in result.stdout


def test_workers_score_as_this_process_does(pairs, bench):
    for jobs in (0, 2):
        arguments = ("--methods", "average,max", "--jobs", jobs, "--results", f"{jobs}/results")
        assert bench("run", *FOLDER, *arguments).exit_code == 0
    for method in ("average", "max"):
        one, other = (cell(pairs / str(jobs), method) / "scores.jsonl" for jobs in (0, 2))
        assert one.read_bytes() == other.read_bytes()


def test_the_record(pairs, bench_folder, gain):
    bench_folder("run", "--methods", "gain", "--weights-root", gain, "--metrics", "EN,CE", "--limit", "3")
    record = json.loads((cell(pairs, "gain") / "run.json").read_text())
    checkpoint = {"file": "gain.txt", "sha256": files.file_sha256(gain / "gain" / "gain.txt")}
    expected = {
        "dataset": "folder",
        "method": "gain",
        "kind": "run",
        "checkpoint": checkpoint,
        "n": 3,
        "seed": 0,
        "protocols": ["standard"],
        "metrics": {"EN": 1, "CE": -1},
        "metrics_version": str(metrics.version),
        "failed": {},
        "states": {"standard": "done"},
    }
    assert {name: record[name] for name in expected} == expected
    assert record["split"].endswith("-first3")
    (run,) = record["runs"]
    assert run["command"].startswith("bench run --dataset folder")
    assert run["fused"] == run["scored"] == 3
    assert run["start"] <= run["end"]
    assert run["process_peak_memory_mib"] > 10
    assert run["gpu_peak_memory_mib"] is None
    assert run["metrics_kernel"] == (metrics.isa() or "numpy")
    assert run["scan_backend"] == baselines.scan.in_use("cpu")
    assert run["cpu"] == provenance.cpu_model() != ""
    assert "gpu" not in run
    assert {"numpy", "torch"} <= run["packages"].keys()
    for name in ("mmif-bench", "git", "python", "machine", "threads", "device"):
        assert name in run


def test_colour(pairs, bench_folder):
    bench_folder("run", "--methods", "average", "--metrics", "EN", "--colour")
    folder = cell(pairs, "average")
    for id in IDS:
        fused = reading.read_luminance(folder / "fused" / f"{id}.png")
        vis = reading.read(pairs / "vis" / f"{id}.png").rgb
        expected = bt601.attach_colour(fused, vis)
        np.testing.assert_array_equal(reading.read(folder / "colour" / f"{id}.png").rgb, expected)


def test_colour_asked_for_later_keeps_the_rest(pairs, bench_folder):
    arguments = ("run", "--methods", "average", "--metrics", "EN")
    bench_folder(*arguments)
    folder = cell(pairs, "average")
    before = snapshot(folder)
    bench_folder(*arguments, "--colour")
    after = snapshot(folder)
    assert {name for name in after if before.get(name) != after[name]} == {
        "run.json", *(f"colour/{id}.png" for id in IDS),
    }  # fmt: skip


def test_a_limited_split_is_a_split_of_its_own(pairs, bench_folder):
    bench_folder("run", "--methods", "average", "--metrics", "EN", "--limit", "2")
    bench_folder("run", "--methods", "average", "--metrics", "EN")
    bench_folder("run", "--methods", "average", "--metrics", "EN", "--limit", str(len(IDS)))
    whole, limited = sorted((pairs / "results").iterdir(), key=lambda folder: len(folder.name))
    assert limited.name.endswith("-first2") and whole.name.rpartition("-")[0] == "folder@all"
    assert len(scores(whole / "average")) == len(IDS)
    assert list(scores(limited / "average")) == list(IDS[:2])


def test_two_folders_of_ones_own_do_not_overwrite_each_other(pairs, bench):
    (pairs / "other").mkdir()
    for side in ("ir", "vis"):
        draw(pairs / "other" / side / "a.png", 50)
    rest = ("--methods", "average", "--metrics", "EN", "--jobs", "0")
    bench("run", *FOLDER, *rest)
    bench("run", "--dataset", "folder", "--ir", "other/ir", "--vis", "other/vis", *rest)
    assert len(list((pairs / "results").iterdir())) == 2


def test_outputs_are_results_of_their_own(pairs, bench_folder, gain):
    """The method's native output is stretched and cut; what it makes is in 0 to 0.6."""
    method = pairs / "methods" / "gain.py"
    text = method.read_text().replace('{"gain.txt": None})', '{"gain.txt": None}, stretch=True, truncate=True)')
    method.write_text(text.replace("0.1 * np.random.random(ir.shape)", "0.1 * vis"))
    arguments = ("run", "--methods", "gain", "--weights-root", gain, "--metrics", "EN,SD", "--output")
    for output, label in (("native", "gain+native"), ("raw", "gain"), ("minmax", "gain+minmax")):
        result = bench_folder(*arguments, output)
        assert result.exit_code == 0, result.output
        assert list(table(result.stdout)) == [label]
        assert json.loads((cell(pairs, label) / "run.json").read_text())["output"] == output
    fused = [
        reading.read_luminance(cell(pairs, label) / "fused" / "a.png").astype(int)
        for label in ("gain+native", "gain", "gain+minmax")
    ]
    ir, vis = (reading.read_luminance(pairs / side / "a.png") for side in ("ir", "vis"))
    np.testing.assert_allclose(fused[1], 0.5 * ir + 0.1 * vis, atol=0.51)
    assert fused[2].min() == 0 and fused[2].max() == 255
    assert set(np.unique(fused[2] - fused[0])) == {0, 1}  # rounded, and cut
    keys = {label: files.read_lines(cell(pairs, label) / "scores.jsonl")[0]["key"] for label in ("gain+native", "gain")}
    assert keys["gain"] != keys["gain+native"]
    assert scores(cell(pairs, "gain+native"))["a"]["SD"] > 1.3 * scores(cell(pairs, "gain"))["a"]["SD"]


def test_the_table(pairs, bench_folder):
    result = bench_folder("run", "--methods", "max,pca,dwt,ir", "--metrics", "EN,CE", "--protocol", "standard")
    lines = [line for line in result.stdout.splitlines() if line]
    assert "4 pairs, protocol standard" in lines[0]
    head = next(line for line in lines if "method" in line)
    assert "EN ↑" in head
    assert "CE ↓" in head
    rows = table(result.stdout)
    assert list(rows) == ["pca", "dwt", "max", "ir"], "simple baselines last"
    assert re.search(r"\ndwt .*\n─+\nmax ", result.stdout), "below a line"
    assert not any(mark in text for name in ("max", "ir") for text in rows.pop(name) for mark in "¹²")
    for column, sign in zip(zip(*rows.values()), (1, -1)):
        best = max(column, key=lambda text: sign * float(text[:-1]))
        assert best.endswith("¹")
        assert {text[-1] for text in column} == {"¹", "²"}


def test_the_table_on_a_terminal(pairs, bench_folder, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "20")
    result = bench_folder("run", "--methods", "pca,dwt", "--metrics", ALL)
    (first, second) = [line for line in result.stdout.splitlines() if line.startswith(("pca", "dwt"))]
    for bold, underlined in zip(first.split()[1:], second.split()[1:]):
        assert {bold[:4], underlined[:4]} == {"\x1b[1m", "\x1b[4m"}
    # Narrow or not, no number is cut.
    assert "…" not in result.stdout


def grey16(path):
    Image.fromarray(np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) * 21).save(path)


def palette(path):
    draw(path, 7, colour=True)
    Image.open(path).convert("P").save(path)


def truncate(path):
    path.write_bytes(path.read_bytes()[:200])


def claim_to_be_huge(path):
    """A PNG of a few bytes that says it holds 10^10 pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))


BREAK = {
    "truncated": (lambda path: truncate(path), "broken or truncated image"),
    "another size": (lambda path: draw(path, 5, size=(48, 72)), "different sizes"),
    "missing": (lambda path: path.unlink(), "no visible image of that name"),
    "text": (lambda path: path.write_text("hello"), "not a PNG"),
    "empty": (lambda path: path.write_bytes(b""), "empty"),
    "huge": (claim_to_be_huge, "pixels"),
}


@pytest.mark.parametrize("kind", BREAK)
def test_a_bad_pair_fails_in_one_line_and_the_others_are_done(pairs, bench, bench_folder, kind):
    damage, words = BREAK[kind]
    damage(pairs / "vis" / "b.png")
    arguments = ("run", "--methods", "average", "--metrics", "EN")
    result = bench_folder(*arguments)
    assert result.exit_code == 1
    (line,) = [line for line in result.stderr.splitlines() if " b: " in line]
    assert words in line
    folder = cell(pairs, "average")
    assert list(scores(folder)) == ["a", "c", "d"]
    assert list(json.loads((folder / "run.json").read_text())["failed"]) == ["b"]
    # Not ranked, shown as what it is, here and in the report.
    assert "average: partial 3/4 (1 failed: b: " in result.stdout
    assert "¹" not in result.stdout
    report = bench("report", "--format", "csv", "--out", "-").stdout.replace('"', "")
    assert ",EN,,,3,4,partial 3/4" in report
    # Tried again, and again a failure; mended, it is another split, of which only this one is made.
    pictures = {name: content for name, (content, _) in snapshot(folder / "fused").items()}
    assert bench_folder(*arguments).exit_code == 1
    for side, seed in (("ir", 2), ("vis", 3)):
        draw(pairs / side / "b.png", seed, colour=side == "vis")
    assert bench_folder(*arguments).exit_code == 0
    mended = newest(pairs, "average")
    assert mended != folder and list(scores(mended)) == list(IDS)
    after = {name: content for name, (content, _) in snapshot(mended / "fused").items()}
    assert {name: after[name] for name in pictures} == pictures
    made = {line["id"] for line in files.read_lines(mended / "timings.jsonl") if "fuse_s" in line}
    assert made == {"b"}


def test_odd_pictures_and_names_are_handled(pairs, bench_folder):
    grey16(pairs / "vis" / "a.png")
    palette(pairs / "vis" / "b.png")
    names = ("with space", "snow ☃ naïve", "-dash", "a@b", "[x]")
    for seed, name in enumerate(names):
        for side in ("ir", "vis"):
            draw(pairs / side / f"{name}.png", 20 + seed)
    result = bench_folder("run", "--methods", "average", "--metrics", "EN", "--colour")
    assert result.exit_code == 0, result.output
    folder = cell(pairs, "average")
    assert set(scores(folder)) == {*IDS, *names}
    for kind in ("fused", "colour"):
        assert {path.stem for path in (folder / kind).iterdir()} == {*IDS, *names}


def test_everything_broken(pairs, bench_folder):
    for id in IDS:
        truncate(pairs / "ir" / f"{id}.png")
    result = bench_folder("run", "--methods", "average", "--metrics", "EN")
    assert result.exit_code == 1
    assert "average: failed (a: " in result.stdout
    assert "and 3 more" in result.stdout


def test_missing_weights_leave_the_other_methods_running(pairs, bench, bench_folder, gain, monkeypatch):
    result = bench_folder("run", "--methods", "gain,average", "--metrics", "EN")
    assert result.exit_code == 1  # it was asked for by name
    assert result.stderr.count("no checkpoint gain/gain.txt") == 1
    assert "gain: unavailable (no checkpoint gain/gain.txt" in result.stdout
    assert list(table(result.stdout)) == ["average"]
    assert ",unavailable (no checkpoint" in bench("report", "--format", "csv", "--out", "-").stdout.replace('"', "")
    # With weights it runs; without them again, what it made stays in the store.
    assert bench_folder("run", "--methods", "gain", "--metrics", "EN", "--weights-root", gain).exit_code == 0
    before = snapshot(cell(pairs, "gain"))
    assert bench_folder("run", "--methods", "gain", "--metrics", "EN").exit_code == 1
    assert snapshot(cell(pairs, "gain")) == before


def test_a_default_method_without_weights_is_no_failure(pairs, bench_folder, gain, monkeypatch):
    from benchmark.commands import run

    option = next(option for option in run.command.params if option.name == "methods")
    monkeypatch.setattr(option, "default", ["gain,average"])
    result = bench_folder("run", "--metrics", "EN")
    assert result.exit_code == 0, result.output
    assert "gain: unavailable" in result.stdout


def test_weights_that_do_not_fit_are_unavailable(pairs, bench_folder, gain):
    (gain / "gain" / "gain.txt").write_text("weights of another network")
    result = bench_folder("run", "--methods", "gain,average", "--metrics", "EN", "--weights-root", gain)
    assert result.exit_code == 1
    assert "gain: unavailable (" in result.stdout and "(gain: " not in result.stdout
    assert "holds no number" in result.stdout
    assert not list((cell(pairs, "gain")).glob("fused/*"))


def test_a_method_that_raises_fails_and_the_others_run(pairs, bench_folder, gain):
    method = pairs / "methods" / "gain.py"
    text = method.read_text()
    method.write_text(text.replace("return self.gain * ir", "1 / 0; return ir"))
    arguments = ("run", "--methods", "gain,average", "--metrics", "EN", "--weights-root", gain)
    result = bench_folder(*arguments)
    assert result.exit_code == 1
    assert result.stderr.count("fusing failed: ZeroDivisionError: division by zero") == len(IDS)
    assert "gain: 0 of 4 images in " in result.stderr
    assert "gain: failed (a: fusing failed" in result.stdout
    assert list(table(result.stdout)) == ["average"]


def test_a_metric_that_raises_fails_the_image(pairs, bench_folder, monkeypatch):
    real = metrics.evaluate

    def evaluate(fused, ir, vis, names, protocol, reasons):
        if protocol == "cddfuse":
            raise FloatingPointError("overflow")
        return real(fused, ir, vis, names, protocol, reasons)

    arguments = ("run", "--methods", "average", "--metrics", "EN", "--protocol")
    bench_folder(*arguments, "standard")
    monkeypatch.setattr(metrics, "evaluate", evaluate)
    result = bench_folder(*arguments, "standard,cddfuse")
    assert result.exit_code == 1
    assert "a: scoring failed: FloatingPointError: overflow" in result.stderr
    assert len(scores(cell(pairs, "average"))) == len(IDS)
    assert "average: failed (a: scoring failed" in result.stdout


def test_undefined_values_are_shown_and_left_out_of_ranks(pairs, bench_folder):
    Image.fromarray(np.full((48, 64), 90, np.uint8)).save(pairs / "ir" / "a.png")
    Image.fromarray(np.full((48, 64), 90, np.uint8)).save(pairs / "vis" / "a.png")
    result = bench_folder("run", "--methods", "pca,dwt", "--metrics", "EN,SCD")
    assert result.exit_code == 0
    (line,) = [line for line in files.read_lines(cell(pairs, "dwt") / "scores.jsonl") if line["id"] == "a"]
    assert line["scores"] == {"EN": 0.0, "SCD": None}
    assert line["reasons"]["SCD"]
    assert result.stdout.count("(n=3)") == 2
    assert "dwt: SCD is undefined for 1 of 4 images" in result.stdout
    rows = table(result.stdout)
    assert {scd[-1] for _, scd in rows.values()} == {"¹", "²"}, "over the same three images"
    assert any("¹" in en for en, _ in rows.values())


def test_a_data_set_that_is_not_there_leaves_the_others_running(pairs, bench):
    arguments = ("run", *FOLDER, "--dataset", "msrs,Folder", "--methods", "average", "--metrics", "EN", "--jobs", 0)
    result = bench(*arguments)
    assert result.exit_code == 1
    assert list(table(result.stdout)) == ["average"]
    (line,) = [line for line in result.stdout.splitlines() if "msrs" in line]
    assert line.startswith("msrs: unavailable (no data root given")
    (line,) = [line for line in result.stderr.splitlines() if "msrs" in line]
    assert line.startswith("msrs: unavailable: no data root given")
    assert "msrs: unavailable: no data root given" in bench(*arguments, "--dry-run").stdout


def test_a_split_that_a_data_set_lacks_leaves_the_others_running(pairs, bench):
    arguments = ("--dataset", "folder,synth", "--split", "all", "--methods", "average", "--metrics", "EN", "--jobs", 0)
    result = bench("run", "--ir", "ir", "--vis", "vis", *arguments)
    assert result.exit_code == 1
    assert list(table(result.stdout)) == ["average"]
    assert "synth: unavailable (unknown split of synth 'all'" in result.stdout


def test_names_of_data_sets_in_any_case_are_one_data_set(pairs, bench):
    for name in ("Folder", "folder", "FOLDER,folder"):
        arguments = ("--dataset", name, "--ir", "ir", "--vis", "vis", "--jobs", 0, "--metrics", "EN")
        assert bench("run", "--methods", "average", *arguments).exit_code == 0
    assert bench("eval", *FOLDER, "--dataset", "Folder", "--fused", "ir", "--name", " x ").exit_code == 0
    (folder,) = (pairs / "results").iterdir()
    assert folder.name.startswith("folder@")
    assert {path.name for path in folder.iterdir()} == {"average", "x"}


def test_a_folder_without_a_pair_of_the_split(pairs, bench):
    for side in ("ir", "vi"):
        draw(pairs / "MSRS" / "test" / side / "not of the list.png", 3)
    result = bench("run", "--dataset", "msrs", "--data-root", pairs, "--methods", "average")
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert "msrs@test: no pairs found in " in line
    assert "; expected MSRS" in line


def test_progress_off_a_terminal(pairs, bench_folder, monkeypatch):
    from benchmark import progress

    arguments = ("run", "--methods", "average", "--metrics", "EN", "--force")
    assert "1/4" not in bench_folder(*arguments).stderr
    monkeypatch.setattr(progress, "EVERY", 0)
    told = [line for line in bench_folder(*arguments).stderr.splitlines() if " average: " in line]
    assert [f" average: {n}/4 in " in line for n, line in zip((1, 2, 3), told)] == [True] * 3
    assert " average: 4 images in " in told[3]


def test_the_default_run(bench, pairs):
    """Seven methods on the built-in scenes with the shipped checkpoints, the first scene here: all finite."""
    result = bench("run", "--limit", "1", "--jobs", "0")
    assert result.exit_code == 0, result.output
    rows = table(result.stdout)
    assert list(rows) == ["mambadfuse", "cddfuse", "laplacian", "average", "max", "ir", "vis"]
    numbers = np.array([[float(place.rstrip("¹²")) for place in row] for row in rows.values()])
    assert numbers.shape == (7, len(ALL.split(",")))
    assert np.isfinite(numbers).all()


def test_dry_run(pairs, bench_folder, gain):
    arguments = ("run", "--methods", "average,gain", "--metrics", "EN")
    result = bench_folder(*arguments, "--dry-run")
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    assert first.endswith("average: 4 pairs, 4 to fuse, 4 to score")
    assert "gain: unavailable: no checkpoint" in second
    assert not (pairs / "results").exists()
    bench_folder(*arguments)
    (pairs / "vis" / "c.png").unlink()
    (cell(pairs, "average") / "fused" / "b.png").unlink()
    result = bench_folder(*arguments, "--protocol", "cddfuse", "--dry-run")
    assert "average: 4 pairs, 2 fused in other splits, 1 to fuse, 3 to score, 1 incomplete" in result.stdout


@pytest.mark.parametrize(("deaths", "jobs"), [(1, "2"), (9, "1"), (9, "2")])
def test_a_scoring_process_that_dies_takes_no_other_image_along(pairs, deaths, jobs):
    """Killed, as for lack of memory: what was in hand is scored alone, and only what dies then has failed."""
    process = start(
        pairs, "run", *FOLDER, "--methods", "average", "--metrics", "EN", "--jobs", jobs,
        before=f"""
            import os
            from benchmark.run import scoring
            real, died = scoring.Scorer.submit, []
            def submit(self, path, *rest):
                if path.stem == "b" and len(died) < {deaths}:
                    died.append(path)
                    return self._in_worker(os.abort)
                return real(self, path, *rest)
            scoring.Scorer.submit = submit
        """,
    )  # fmt: skip
    out, err = process.communicate(timeout=100)
    assert "Traceback" not in err
    folder = cell(pairs, "average")
    failed = json.loads((folder / "run.json").read_text())["failed"]
    if deaths == 1:
        assert process.returncode == 0 and not failed and {*scores(folder)} == set(IDS), err
        return
    assert process.returncode == 1 and "partial" in out
    assert "b: the process that scored it died, with no other image beside (out of memory?)" in err
    assert [*failed] == ["b"] and {*scores(folder)} == {*IDS} - {"b"}


def test_real_pairs(shared, bench, tmp_path):
    """The publishers' own layouts, found under the data root."""
    for dataset in ("msrs", "tno", "roadscene"):
        arguments = (
            "--dataset",
            dataset,
            "--data-root",
            shared / "data",
            "--results",
            tmp_path,
            "--limit",
            "1",
        )
        result = bench("run", *arguments, "--methods", "average,max", "--jobs", "0", "--metrics", "EN,SD,SF")
        assert result.exit_code == 0, result.output
        (folder,) = tmp_path.glob(f"{dataset}@*-first1")
        for values in scores(folder / "max").values():
            assert 3 < values["EN"] < 8
