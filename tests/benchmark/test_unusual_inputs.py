"""Files as people have them, one of each kind: from the command line to the numbers and to what is said of them."""

import json

import cv2
import numpy as np
import pytest
import tifffile

from benchmark.datasets.synth import scene
from benchmark.imaging import reading
from benchmark.store import files

METRICS = "EN,SD,MI,VIF,SSIM,PSNR"


@pytest.fixture(scope="module")
def drawn():
    """A drawn pair: infrared levels that reach from 0 to 255, and a visible image in RGB."""
    found = scene(3, 128, 96)
    low, high = int(found.ir.min()), int(found.ir.max())
    return np.round((found.ir.astype(float) - low) * 255 / (high - low)).astype(np.uint8), found.vis_rgb


@pytest.fixture
def lay(tmp_path, drawn):
    """Write a pair as somebody has it; returns its folder. ir: the infrared pixels."""

    def write(folder, ir=None, ir_name="x.png", vis_name="x.png"):
        for side, name, pixels in (
            ("ir", ir_name, drawn[0] if ir is None else ir),
            ("vis", vis_name, drawn[1][..., ::-1]),
        ):
            path = tmp_path / folder / side / name
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), pixels)
        return tmp_path / folder

    return write


@pytest.fixture
def run(bench, tmp_path):
    """Fuse and score a folder; returns click's result, the scores of its first image and its record."""

    def call(folder, *options, method="average"):
        results = tmp_path / "results" / f"{folder.name}{len(options)}"
        both = ("--dataset", "folder", "--ir", folder / "ir", "--vis", folder / "vis", "--results", results)
        result = bench("run", *both, "--methods", method, "--metrics", METRICS, "--jobs", 0, *options)
        assert result.exit_code == 0, result.output
        (cell,) = results.glob(f"*/{method}")
        return result, files.read_lines(cell / "scores.jsonl")[0]["scores"], json.loads((cell / "run.json").read_text())

    return call


def told(result, record, words):
    """Whether words reach the user in all three ways: as it goes, below the table, in the record."""
    return words in result.stderr and words in result.stdout and any(words in line for line in record["told"])


@pytest.mark.parametrize(("scale", "offset"), [(3, 7400), (16, 0)], ids=["counts of 14 bits", "12 bits in 16"])
def test_deep_files_are_told_and_can_be_stretched(lay, run, drawn, scale, offset):
    plain = run(lay("plain"))[1]
    deep = drawn[0].astype(np.uint16) * scale + offset
    result, scores, record = run(lay("deep", deep))
    used = len(np.unique(np.round(deep / 257)))
    assert told(result, record, f"16-bit grey, scaled by 1/257; {used} of 256 levels are used; --stretch")
    assert scores != plain
    assert run(lay("deep", deep), "--stretch", "minmax")[1] == plain


def test_white_as_zero(lay, run, drawn, tmp_path):
    folder = lay("white")
    (folder / "ir" / "x.png").unlink()
    inverted = (65535 - drawn[0].astype(np.uint16) * 257).astype(np.uint16)
    tifffile.imwrite(folder / "ir" / "x.tif", inverted, photometric="miniswhite")
    run(folder, method="ir")
    (stored,) = (tmp_path / "results").glob("*/*/ir/fused/x.png")
    np.testing.assert_array_equal(reading.read_luminance(stored), drawn[0])


def test_false_colours(lay, run, drawn):
    result, _, record = run(lay("colour", cv2.applyColorMap(drawn[0], cv2.COLORMAP_JET)))
    assert told(result, record, "coloured; its luminance is no temperature")


@pytest.mark.parametrize(
    ("ir_name", "vis_name", "words"),
    [
        ("x.pgm", "x.png", ""),
        ("x.webp", "x.bmp", ""),
        ("seq1/x.png", "seq1/x.png", ""),
        ("0001_T.png", "0001_V.png", "paired by a guess, '{id}_T' and '{id}_V'"),
        ("ir-7.png", "vis-07.png", "paired by a guess"),
    ],
)
def test_other_formats_folders_and_names_are_the_same_pair(lay, run, ir_name, vis_name, words):
    plain = run(lay("plain"))[1]
    if ir_name.endswith(".webp"):
        folder = lay("same")
        image = cv2.imread(str(folder / "ir" / "x.png"), cv2.IMREAD_UNCHANGED)
        (folder / "ir" / "x.png").unlink()
        assert cv2.imwrite(str(folder / "ir" / ir_name), image, [cv2.IMWRITE_WEBP_QUALITY, 101])
    else:
        folder = lay("same", ir_name=ir_name, vis_name=vis_name)
    result, scores, _ = run(folder)
    assert scores == plain and words in result.stderr


def test_forgotten_times_255(lay, bench, drawn, tmp_path):
    folder, fused = lay("plain"), tmp_path / "fused"
    fused.mkdir()
    assert cv2.imwrite(str(fused / "x.png"), (drawn[0] > 127).astype(np.uint8))
    both = ("--dataset", "folder", "--ir", folder / "ir", "--vis", folder / "vis", "--results", tmp_path / "results")
    result = bench("eval", "--fused", fused, "--name", "f", *both, "--metrics", "EN", "--jobs", 0)
    assert result.exit_code == 0 and "x 255?" in result.stderr and "x 255?" in result.stdout


def test_an_identical_pair_spoils_no_mean(lay, run, drawn):
    folder = lay("twice")
    for side in ("ir", "vis"):
        assert cv2.imwrite(str(folder / side / "y.png"), drawn[0])
    result, scores, _ = run(folder)
    assert "PSNR is infinite for 1 of 2 images" in result.stdout
    assert f"{scores['PSNR']:.2f} (n=1)" in result.stdout


def test_a_list_with_a_byte_order_mark(bench, tmp_path):
    lists = {"train": "00001\n", "lf": "00002\n09999\n", "bom": "\ufeff00002\r\n\r\n# remark\r\nVis\\09999.png\r\n"}
    for name, text in lists.items():
        (tmp_path / f"{name}.txt").write_bytes(text.encode())
    shares = []
    for test in ("lf", "bom"):
        result = bench(
            "data", "leak", "--dataset", "m3fd", "--data-root", tmp_path, "--train", tmp_path / "train.txt",
            "--test", tmp_path / f"{test}.txt",
        )  # fmt: skip
        assert result.exit_code == 0
        shares.append([line.split()[1] for line in result.stdout.splitlines() if line.startswith("±")])
    assert shares[0] == shares[1] and shares[0][0] == "50.0"


def test_every_kind_that_is_shared_is_taken(shared, bench, tmp_path):
    """Pairs that others made: none of them ends in an error, whatever is told of them."""
    folders = [path for path in sorted((shared / "inputs").glob("*")) if (path / "vis").is_dir()]
    assert folders
    for folder in folders:
        both = ("--dataset", "folder", "--ir", folder / "ir", "--vis", folder / "vis")
        result = bench("run", *both, "--methods", "average", "--metrics", "EN", "--jobs", 0, "--results", tmp_path)
        assert result.exit_code == 0, (folder.name, result.output)
