"""More published networks against what their authors' code computed, and the reading of TensorFlow 1 checkpoints."""

import csv
import shutil

import numpy as np
import pytest

import baselines
from baselines import checkpoint_files
from baselines.tensorflow1 import data_file, read_checkpoint

SCENES = {  # the crops of a golden, and what its two inputs are called
    **dict.fromkeys(
        ["gifnet", "mfeif", "res2fusion", "sage", "sdnet", "ship", "u2fusion"],
        (("tno06", "msrs00131D_odd"), ("ir", "vis")),
    ),
    **dict.fromkeys(["matr", "sdnet-medical"], (("spect", "pet"), ("a", "b"))),
}
TOLERANCE = {"ship": 5e-5}  # of the output's scale; float32 alone changes 1.6e-5 in the authors' code


def load(shared, name):
    return baselines.load(name, weights_root=shared / "weights")


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("name", SCENES)
def test_output_is_the_authors(shared, name, number):
    """2e-6 of the output's scale but for SHIP; required: 1e-4."""
    from safetensors.numpy import load_file

    golden = load_file(shared / "goldens" / "networks" / f"{name.replace('-', '_')}.safetensors")
    crops, sides = SCENES[name]
    first, second = (np.float32(golden[f"{crops[number]}.{side}"])[None, None] / np.float32(255) for side in sides)
    fused = load(shared, name).fuse_batch(first, second)[0, 0]
    expected = golden[f"{crops[number]}.out"]
    assert np.ptp(expected) > 0.2
    np.testing.assert_allclose(fused, expected, atol=TOLERANCE.get(name, 2e-6) * np.abs(expected).max(), rtol=0)


@pytest.mark.parametrize("name", SCENES)
def test_files_are_those_on_the_card(shared, name):
    """And in the list of what was downloaded, with its sha256 and commit, which the card's link names."""
    fuser = load(shared, name)
    card, folder = fuser.card, fuser.checkpoint.parent.name
    rows = csv.DictReader((shared / "weights" / "MANIFEST.csv").open())
    rows = {row["file"]: row for row in rows if row["method"] == folder}
    published = {**card.checkpoints, **card.companions.get(fuser.checkpoint.name, {})}
    files = checkpoint_files(card, fuser.checkpoint)
    assert {path.name for path in files} == set(published)
    for path in files:
        row = rows[path.name]
        assert baselines.sha256(path) == published[path.name] == row["sha256"]
        assert card.link == f"https://github.com/{row['upstream_repo']}/tree/{row['upstream_commit']}"


@pytest.mark.parametrize("name", sorted({*SCENES} - {"res2fusion"}))
def test_flops_are_those_on_the_card(shared, name):
    """By torch's counter, attention as matrix products."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    fuser = load(shared, name)
    fuser.network.to("meta")
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        fuser.forward(*torch.empty(2, 1, 1, 480, 640, device="meta"))
    assert counter.get_total_flops() == fuser.card.flops


def test_flops_of_res2fusion(shared, monkeypatch):
    """Counted at a tenth of the sides; attention of pixels to squares grows with the product of their numbers."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from baselines import res2fusion

    monkeypatch.setattr(res2fusion, "extremes", lambda pixels, squares: (0.0, 1.0))
    fuser = load(shared, "res2fusion")
    monkeypatch.setattr(res2fusion.F, "scaled_dot_product_attention", lambda queries, keys, values, scale: queries)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        fuser.forward(*torch.rand(2, 1, 1, 48, 64))
    pixels, channels, images, products = 480 * 640, 112, 2, 2
    attention = images * products * 2 * pixels * (pixels // 64) * channels
    assert 100 * counter.get_total_flops() + attention == fuser.card.flops


def test_res2fusion_finds_the_extreme_products():
    """Against all products, for rows of very different lengths, in several chunks."""
    import torch

    from baselines.res2fusion import extremes

    torch.manual_seed(0)
    pixels, squares = torch.rand(5000, 7) ** 4 * torch.rand(5000, 1), torch.rand(400, 7) ** 3
    products = pixels @ squares.T
    assert extremes(pixels, squares) == pytest.approx((float(products.min()), float(products.max())), rel=1e-5)
    assert extremes(0 * pixels, squares) == (0, 0)


def test_gifnet_windows_are_put_together_again():
    import torch

    from baselines.gifnet import DIM, unwindows, windows

    image = torch.rand(2, DIM, 20, 28)
    for shift in (0, 4):
        assert torch.equal(unwindows(windows(image, shift), shift, image), image)


def test_matr_takes_images_that_are_not_square(shared):
    """Their rows are not mixed up: the fused image stays close to the second one, as on squares."""
    rng = np.random.default_rng(0)
    a, b = (np.kron(rng.random((3, 5)), np.ones((12, 12))).astype(np.float32) for _ in range(2))
    fused = load(shared, "matr").fuse(a, b)
    assert fused.shape == (36, 60)
    assert np.corrcoef(fused.ravel(), b.ravel())[0, 1] > 0.9


@pytest.mark.parametrize("name", ["sdnet", "u2fusion"])
def test_a_tensorflow_checkpoint_is_read_whole(shared, name):
    fuser = load(shared, name)
    variables = read_checkpoint(fuser.checkpoint)
    assert sum(values.size for values in variables.values()) == fuser.card.parameters
    assert all(values.dtype == np.float32 and np.isfinite(values).all() for values in variables.values())
    assert data_file(fuser.checkpoint).stat().st_size == 4 * fuser.card.parameters


DAMAGE = {
    "cut": (lambda table: table[: len(table) // 2], "no TensorFlow checkpoint index"),
    "empty": (lambda table: b"", "no TensorFlow checkpoint index"),
    "without its entries": (lambda table: bytes(len(table) - 48) + table[-48:], "damaged|compressed|fit"),
    "compressed": (lambda table: table[:-53] + b"\1" + table[-52:], "compressed"),  # the byte behind the last block
    "of doubles": (lambda table: table.replace(b"\x08\x01\x12\x04", b"\x08\x02\x12\x04", 1), "not float32"),
    "of another size": (lambda table: table.replace(b"\x12\x02\x08\x10", b"\x12\x02\x08\x11", 1), "not whole"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_tensorflow_checkpoint_is_one_line(shared, tmp_path, damage):
    change, words = DAMAGE[damage]
    index = tmp_path / "model.index"
    original = shared / "weights" / "sdnet" / "IRVIS.model-10.index"
    shutil.copy(data_file(original), data_file(index))
    table = original.read_bytes()
    assert change(table) != table
    index.write_bytes(change(table))
    with pytest.raises(baselines.Unavailable, match=words) as error:
        baselines.load("sdnet", checkpoint=index)
    assert "\n" not in str(error.value) and "model.index" in str(error.value)


def test_a_tensorflow_checkpoint_without_its_data_is_one_line(shared, tmp_path):
    index = shutil.copy(shared / "weights" / "sdnet" / "IRVIS.model-10.index", tmp_path)
    with pytest.raises(baselines.Unavailable, match=r"IRVIS\.model-10\.data-00000-of-00001") as error:
        baselines.load("sdnet", checkpoint=index)
    assert "\n" not in str(error.value)
