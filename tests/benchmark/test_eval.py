"""`bench eval`: images from elsewhere, scored as the benchmark's own."""

import json
import shutil

import numpy as np
import pytest
from harness import IDS, cell, draw, snapshot
from PIL import Image

import metrics
from benchmark.imaging import bt601, reading
from benchmark.store import cells, files


@pytest.fixture
def fused(pairs, bench_folder):
    """Fused images of all pairs, made by `average`."""
    bench_folder("run", "--methods", "average", "--protocol", "standard,cddfuse")
    shutil.copytree(cell(pairs, "average") / "fused", pairs / "fused")
    return pairs / "fused"


def lines(folder):
    return {(line["id"], line["protocol"]): line for line in files.read_lines(folder / "scores.jsonl")}


def test_the_same_images_get_the_same_scores(pairs, fused, bench, bench_folder):
    arguments = ("eval", "--fused", fused, "--name", "theirs")
    result = bench_folder(*arguments, "--protocol", "standard,cddfuse")
    assert result.exit_code == 0, result.output
    ours, theirs = lines(cell(pairs, "average")), lines(cell(pairs, "theirs"))
    assert ours.keys() == theirs.keys()
    for place, line in theirs.items():
        assert (line["scores"], line["fused"]) == (ours[place]["scores"], ours[place]["fused"])
    record = json.loads((cell(pairs, "theirs") / "run.json").read_text())
    assert record["kind"] == "external"
    assert record["fused"]["a"] == {
        "file": str(fused / "a.png"),
        "sha256": files.file_sha256(fused / "a.png"),
    }
    assert not (cell(pairs, "theirs") / "fused").exists()
    report = bench("report", "--format", "markdown", "--out", "-").stdout
    assert "| theirs |" in report
    # Nothing is done twice; a changed file is scored anew.
    before = snapshot(cell(pairs, "theirs"))
    bench_folder(*arguments, "--protocol", "standard,cddfuse")
    assert snapshot(cell(pairs, "theirs")) == before
    draw(fused / "a.png", 77)
    bench_folder(*arguments)
    again = lines(cell(pairs, "theirs"))
    assert again["a", "standard"]["scores"] != theirs["a", "standard"]["scores"]
    assert again["b", "standard"] == theirs["b", "standard"]
    assert ("a", "cddfuse") not in again


def test_the_record_of_an_evaluation(pairs, fused, bench_folder, monkeypatch):
    """Nothing is fused, so what would fuse plays no part."""
    monkeypatch.setenv("BENCH_SCAN_BACKEND", "nonsense")
    assert bench_folder("eval", "--fused", fused, "--name", "theirs", "--metrics", "EN").exit_code == 0
    (run,) = json.loads((cell(pairs, "theirs") / "run.json").read_text())["runs"]
    assert run["metrics_kernel"] == (metrics.isa() or "numpy")
    assert "scan_backend" not in run


def test_colour_images_are_scored_by_their_luminance(pairs, fused, bench_folder):
    for id in IDS:
        draw(fused / f"{id}.png", 60, colour=True)
    assert bench_folder("eval", "--fused", fused, "--name", "theirs").exit_code == 0
    rgb = reading.read(fused / "a.png").rgb
    ir, vis = (reading.read_luminance(pairs / side / "a.png") for side in ("ir", "vis"))
    expected = metrics.evaluate(bt601.luminance(rgb), ir, vis)
    assert cells.scores_of(lines(cell(pairs, "theirs"))["a", "standard"]) == expected


def test_a_protocol_that_scores_colours_gets_them(pairs, fused, bench_folder):
    for id in IDS:
        draw(fused / f"{id}.png", 60, colour=True)
    arguments = ("eval", "--fused", fused, "--name", "theirs", "--protocol", "vifb", "--metrics", "EN,SF,MI")
    assert bench_folder(*arguments).exit_code == 0
    rgb, vis_rgb = (reading.read(path).rgb for path in (fused / "a.png", pairs / "vis" / "a.png"))
    ir = reading.read_luminance(pairs / "ir" / "a.png")
    expected = metrics.evaluate(rgb, ir, vis_rgb, ["EN", "SF", "MI"], "vifb")
    assert cells.scores_of(lines(cell(pairs, "theirs"))["a", "vifb"]) == expected


@pytest.mark.parametrize("suffix", [".bmp", ".tif", ".JPG"])
def test_other_kinds_of_file(pairs, fused, bench_folder, suffix):
    for id in IDS:
        Image.open(fused / f"{id}.png").save(fused / f"{id}{suffix}")
        (fused / f"{id}.png").unlink()
    assert bench_folder("eval", "--fused", fused, "--name", "theirs", "--metrics", "EN").exit_code == 0
    assert len(lines(cell(pairs, "theirs"))) == len(IDS)


def test_missing_and_wrong_images_are_listed(pairs, fused, bench, bench_folder):
    (fused / "a.png").unlink()
    draw(fused / "b.png", 1, size=(40, 40))
    (fused / "c.png").write_bytes((fused / "c.png").read_bytes()[:99])
    result = bench_folder("eval", "--fused", fused, "--name", "theirs", "--metrics", "EN")
    assert result.exit_code == 1
    told = {id: [line for line in result.stderr.splitlines() if f" {id}: " in line] for id in "abc"}
    assert [len(lines) for lines in told.values()] == [1, 1, 1]
    assert "no fused image of that name" in told["a"][0]
    assert told["b"][0].endswith("b: scoring failed: the fused image is 40x40, its sources are 64x48")
    assert "broken or truncated image" in told["c"][0]
    assert set(lines(cell(pairs, "theirs"))) == {("d", "standard")}
    assert "theirs: partial 1/4 (3 failed: " in result.stdout
    assert "theirs: 1 of 3 images in " in result.stderr
    assert "¹" not in result.stdout


def test_missing_images_are_told_in_one_line(pairs, fused, bench_folder):
    for id in IDS[1:]:
        (fused / f"{id}.png").unlink()
    result = bench_folder("eval", "--fused", fused, "--name", "theirs", "--metrics", "EN")
    assert result.exit_code == 1
    missing, scored = result.stderr.splitlines()
    assert missing.endswith(f" theirs: 3 of 4 pairs (b, c, d): no fused image of that name in {fused}")
    assert " theirs: 1 image in " in scored
    assert "theirs: partial 1/4 (3 failed: b: no fused image" in result.stdout


def test_two_images_of_one_name(pairs, fused, bench_folder):
    draw(fused / "a.bmp", 1)
    result = bench_folder("eval", "--fused", fused, "--name", "theirs", "--metrics", "EN")
    assert result.exit_code == 1
    assert "2 fused images of that name: a.bmp, a.png" in result.stderr


def test_no_image_of_any_pair(pairs, fused, bench_folder):
    for path in fused.iterdir():
        path.rename(path.with_name(f"fused_{path.stem}_2.png" if path.stem < "c" else f"{path.stem}_3.png"))
    result = bench_folder("eval", "--fused", fused, "--name", "theirs")
    assert result.exit_code == 2
    (pairs / "out").mkdir()
    expected = "no image is named as a pair of the split; expected a.png, …"
    holds = "it holds 4 images (c_3.png, d_3.png, fused_a_2.png, fused_b_2.png)\n"
    assert f"{expected}, or give --pattern, such as 'c_{{id}}'; {holds}" in result.stderr
    expected += "; it holds "
    for holds in ("no image files", "no image files, but 1 folder (inner)"):
        result = bench_folder("eval", "--fused", pairs / "out", "--name", "theirs")
        assert result.exit_code == 2 and f"{expected}{holds}\n" in result.stderr
        (pairs / "out" / "inner").mkdir(exist_ok=True)


def test_all_numbers_are_finite(pairs, fused, bench_folder):
    bench_folder("eval", "--fused", fused, "--name", "theirs")
    values = [v for line in lines(cell(pairs, "theirs")).values() for v in cells.scores_of(line).values()]
    assert len(values) == 8 * len(IDS)
    assert np.isfinite(values).all()


def test_all_protocols_give_one_row_each(pairs, fused, bench_folder):
    result = bench_folder("eval", "--fused", fused, "--name", "theirs", "--protocol", "all")
    assert result.exit_code == 0, result.output
    defining = [name for name in metrics.protocols() if set(metrics.CORE) & set(metrics.names(name))]
    assert {protocol for _, protocol in lines(cell(pairs, "theirs"))} == set(defining)
    rows = [line.split() for line in result.stdout.splitlines()]
    assert [row[0] for row in rows if row and row[0] in metrics.protocols()] == defining
    values = {row[0]: row[1:] for row in rows if row and row[0] in ("standard", "cddfuse")}
    by_metric = {name: dict(zip(metrics.CORE, row)) for name, row in values.items()}
    assert by_metric["standard"]["EN"] == by_metric["cddfuse"]["EN"]
    assert by_metric["standard"]["SSIM"] != by_metric["cddfuse"]["SSIM"]


def test_all_protocols_that_define_a_metric(pairs, fused, bench_folder):
    result = bench_folder("eval", "--fused", fused, "--name", "theirs", "--protocol", "all", "--metrics", "Qg")
    assert result.exit_code == 0, result.output
    assert {protocol for _, protocol in lines(cell(pairs, "theirs"))} == {"standard", "liu2012"}


def test_each_broken_file_is_told_as_what_it_is(pairs, fused, bench_folder):
    """Sources and fused images are read by the processes that score."""
    for path in (pairs / "vis" / "a.png", fused / "b.png"):
        path.write_bytes(path.read_bytes()[:-40])
    result = bench_folder("eval", "--fused", fused, "--name", "theirs", "--jobs", "1")
    assert result.exit_code == 1
    assert "theirs: a: vis/a.png: broken or truncated image" in result.stderr
    assert "theirs: b: scoring failed: broken or truncated image" in result.stderr
    assert {id for id, _ in lines(cell(pairs, "theirs"))} == set(IDS) - {"a", "b"}
