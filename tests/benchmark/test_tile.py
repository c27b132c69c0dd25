"""`bench run --tile`: when images are fused in tiles, what that is called, and what is said where memory is short."""

import json
import re

import numpy as np
import pytest
from harness import FOLDER, cell, draw

import baselines
from baselines import tiling
from benchmark.imaging import reading, saving
from benchmark.run import memory, plan
from benchmark.run.methods import in_tiles
from benchmark.store import files

ALONE = ("--jobs", 0, "--metrics", "EN")
NOTE = "in tiles of 288 pixels: as --tile says"


@pytest.fixture
def wide(pairs):
    """One pair of 640x48 beside four of 64x48."""
    draw(pairs / "ir" / "wide.png", 20, (48, 640))
    draw(pairs / "vis" / "wide.png", 21, (48, 640), colour=True)
    return pairs


@pytest.fixture
def free(monkeypatch):
    """Says how many bytes are at hand."""
    return lambda size: monkeypatch.setattr(memory, "at_hand", lambda device: size)


def labels(folder):
    return sorted(path.parent.name for path in folder.glob("results/*/*/run.json"))


def keys(folder, label):
    return {line["id"]: line["key"] for line in files.read_lines(cell(folder, label) / "scores.jsonl")}


def test_tiles_are_results_of_their_own(wide, bench_folder):
    plain = bench_folder("run", "--methods", "laplacian", *ALONE)
    tiled = bench_folder("run", "--methods", "laplacian", "--tile", "288", *ALONE)
    assert plain.exit_code == tiled.exit_code == 0, tiled.output
    assert labels(wide) == ["laplacian", "laplacian+tile288"]
    assert NOTE in tiled.stderr and "in tiles" not in plain.output
    record = json.loads((cell(wide, "laplacian+tile288") / "run.json").read_text())
    assert record["tile"] == 288 and record["version"].endswith("+tile288")
    assert "tile" not in json.loads((cell(wide, "laplacian") / "run.json").read_text())
    assert all(key != keys(wide, "laplacian+tile288")[id] for id, key in keys(wide, "laplacian").items())
    fuser = baselines.load("laplacian", tile=288)
    ir, vis = (reading.read_luminance(wide / side / "wide.png") for side in ("ir", "vis"))
    saved = reading.read_luminance(cell(wide, "laplacian+tile288") / "fused" / "wide.png")
    np.testing.assert_array_equal(saved, saving.quantise(fuser.fuse(ir, vis)))


def test_images_no_larger_than_a_tile_change_nothing(pairs, bench_folder):
    result = bench_folder("run", "--methods", "laplacian,average", "--tile", "288", *ALONE)
    assert result.exit_code == 0 and labels(pairs) == ["average", "laplacian"]
    assert "in tiles" not in result.output and "whole" not in result.output


def test_what_cannot_be_tiled_runs_whole_and_is_told(wide, bench_folder):
    result = bench_folder("run", "--methods", "laplacian,pca,average", "--tile", "288", "--dry-run")
    lines = result.stderr.splitlines()
    assert [line.partition(" ")[2] for line in lines] == [
        f"laplacian+tile288: {NOTE}",
        "pca: whole, cannot be tiled: its weights follow from the covariance of the whole image",
    ]


@pytest.mark.parametrize(
    ("methods", "tile", "words"),
    [
        ("pca,adf", "512", "--tile 512: pca: cannot be tiled: .*; adf: cannot be tiled: "),
        ("laplacian,mambadfuse", "100", "--tile 100: laplacian: tiles of 100 pixels are too small; .* least 288"),
        ("laplacian", "15", "expected auto, none or a number of pixels from 16 up, not 15"),
        ("laplacian", "-1", "not -1"),
        ("laplacian", "512x512", "not 512x512"),
    ],
)
def test_wrong_tiles_are_one_line(pairs, bench_folder, methods, tile, words):
    result = bench_folder("run", "--methods", methods, "--tile", tile, *ALONE)
    assert result.exit_code == 2 and not labels(pairs)
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    assert re.search(words, line)


def test_auto_takes_tiles_only_where_memory_would_not_do(wide, bench_folder, free):
    need = tiling.bytes_per_pixel("laplacian") * 640 * 48
    free(int(need / 0.8) + 1000)
    assert bench_folder("run", "--methods", "laplacian", "--dry-run").stderr == ""
    free(int(need / 0.8) - 1000)
    dry = bench_folder("run", "--methods", "laplacian", "--tile", "none", "--dry-run")
    assert dry.stderr == "" and dry.stdout.split()[1] == "laplacian:"
    result = bench_folder("run", "--methods", "laplacian", "--dry-run")
    # A tile is higher than these images and would take more than they do.
    assert "in tiles of 512 about" in result.stdout and "unavailable" in result.stdout


def test_auto_in_tiles(pairs, bench_folder, free):
    for side, seed in (("ir", 1), ("vis", 2)):
        draw(pairs / side / "large.png", seed, (1040, 1040))
    free(int(tiling.bytes_per_pixel("gff") * 1040 * 1040))
    result = bench_folder("run", "--methods", "gff", *ALONE)
    assert result.exit_code == 0
    assert "gff+tile512: in tiles of 512 pixels: 1040x1040 pixels would take about" in result.stderr
    free(1 << 40)
    again = bench_folder("run", "--methods", "gff", *ALONE)
    assert "gff+tile512: in tiles of 512 pixels: as the results that are there" in again.stderr
    assert not list(pairs.glob("results/*/gff/fused/large.png"))
    assert bench_folder("run", "--methods", "gff", "--tile", "none", *ALONE).exit_code == 0
    assert list(pairs.glob("results/*/gff/fused/large.png"))
    assert bench_folder("run", "--methods", "gff", *ALONE).stderr.count("in tiles") == 0


def test_a_method_that_neither_fits_nor_can_be_tiled_is_told_before_it_starts(wide, bench_folder, free):
    free(100_000)
    result = bench_folder("run", "--methods", "pca", *ALONE)
    assert result.exit_code == 1
    told = [line for line in result.stderr.splitlines() if "pca" in line]
    assert len(told) == 1 and told[0].startswith("pca: unavailable: 640x48 pixels would take about 0.0 GB, of 0.0 GB")
    assert "cannot be tiled: its weights follow" in told[0]
    assert not list(wide.glob("results/*/pca/fused"))
    record = json.loads((cell(wide, "pca") / "run.json").read_text())
    assert "cannot be tiled" in record["unavailable"]


def test_mambadfuse_in_bands_is_not_another_result(wide, bench_folder):
    whole = bench_folder("run", "--methods", "mambadfuse", "--tile", "none", *ALONE)
    folder = cell(wide, "mambadfuse")
    before = {path.name: reading.read_luminance(path).astype(int) for path in folder.glob("fused/*")}
    banded = bench_folder("run", "--methods", "mambadfuse", "--tile", "64", *ALONE, "--force")
    assert whole.exit_code == banded.exit_code == 0
    assert "mambadfuse: in bands of 64² pixels, with the same result: as --tile says" in banded.stderr
    assert labels(wide) == ["mambadfuse"]
    for name, image in before.items():  # rounding may carry a value over to the next level
        levels = np.abs(reading.read_luminance(folder / "fused" / name) - image)
        assert levels.max() <= (name == "wide.png") and (levels > 0).mean() < 1e-3
    assert json.loads((folder / "run.json").read_text())["tile"] == 64


def test_drawn_scenes_have_a_size(bench):
    result = bench("run", "--methods", "laplacian", "--tile", "288", "--limit", "1", "--dry-run")
    assert "laplacian+tile288: 1 pairs" in result.stdout  # they are 320x240


def test_a_pair_that_cannot_be_read_is_told_as_ever(wide, bench_folder):
    (wide / "ir" / "wide.png").write_bytes(b"no image")
    result = bench_folder("run", "--methods", "laplacian", "--tile", "288", *ALONE)
    assert result.exit_code == 1 and "wide" in result.stderr and labels(wide) == ["laplacian"]


V2 = {"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "5000\n", "sys/fs/cgroup/a/memory.current": "3000"}
V1 = {
    "proc/self/cgroup": "4:cpu:/x\n3:memory:/job\n",
    "sys/fs/cgroup/memory/job/memory.limit_in_bytes": "7000",
    "sys/fs/cgroup/memory/job/memory.usage_in_bytes": "6500",
    "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
    "sys/fs/cgroup/memory/memory.usage_in_bytes": "10",
}


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({}, None),
        ({"proc/meminfo": "MemTotal: 9 kB\nMemAvailable:   12 kB\n"}, 12 * 1024),
        (V2, 2000),
        ({**V2, "sys/fs/cgroup/a/memory.stat": "file 9\ninactive_file 500\n"}, 2500),
        ({**V2, "sys/fs/cgroup/a/memory.max": "max", "proc/meminfo": "MemAvailable: 1 kB"}, 1024),
        ({**V2, "sys/fs/cgroup/a/b/memory.max": "100", "sys/fs/cgroup/a/b/memory.current": "300"}, 0),
        (
            {
                **V2,
                "proc/self/cgroup": "0::/../outside\n",
                "sys/fs/cgroup/memory.max": "9",
                "sys/fs/cgroup/memory.current": "2",
            },
            7,
        ),
        (V1, 500),
        ({**V1, "sys/fs/cgroup/memory/job/memory.stat": "inactive_file 3\ntotal_inactive_file 100"}, 600),
        ({**V1, "proc/self/cgroup": "3:memory:/elsewhere\n"}, None),
    ],
)
def test_memory_at_hand(tmp_path, tree, expected):
    for name, text in tree.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert memory.at_hand("cpu", tmp_path) == expected


def test_ulimit_counts(tmp_path, monkeypatch):
    resource = pytest.importorskip("resource")
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/status").write_text("VmPeak:\t 9 kB\nVmSize:\t 3 kB\n")
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (5000, 5000))
    assert memory.at_hand("cpu", tmp_path) == 5000 - 3 * 1024


def test_here_the_system_tells():
    assert memory.at_hand("cpu") is None or memory.at_hand("cpu") > 1 << 26


def test_keys_follow_from_tiles():
    (method,) = plan.select_methods(["laplacian"])
    tiled = in_tiles(method, 512)
    assert (tiled.label, tiled.version) == ("laplacian+tile512", method.version + "+tile512")
    assert method.load("cpu").tile is None and tiled.load("cpu").tile == 512
    (stretched,) = plan.select_methods(["laplacian"], outputs=["minmax"])
    assert in_tiles(stretched, 512).label == "laplacian+minmax+tile512"


def test_options_of_a_file(wide, bench):
    (wide / "run.yaml").write_text("tile: 288\nmethods: laplacian\nmetrics: EN\njobs: 0\n")
    result = bench("run", *FOLDER, "--config", "run.yaml")
    assert result.exit_code == 0 and labels(wide) == ["laplacian+tile288"]
