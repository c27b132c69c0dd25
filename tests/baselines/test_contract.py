"""What every method promises, on small images. A method whose weights are not at hand is skipped with its reason."""

import os

import numpy as np
import pytest

import baselines
from baselines import NetworkFuser, Unavailable

SIZES = [(16, 16), (17, 23), (40, 31)]


@pytest.fixture(scope="module", params=baselines.names())
def fuser(request):
    try:
        weights = request.getfixturevalue("shared") / "weights"
    except pytest.skip.Exception:  # the methods that ship their weights need no others
        weights = None
    try:
        return baselines.load(request.param, weights_root=os.environ.get("BENCH_WEIGHTS", weights))
    except Unavailable as reason:
        pytest.skip(str(reason))


def scene(height, width, seed=0):
    """A uint8 pair: smooth shading and a bright disc in ir, stripes and noise in vis."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    ir = 60 + 40 * np.cos(y / 9 + seed) + 120 * (np.hypot(y - height / 2, x - width / 3) < 5)
    vis = 110 + 60 * np.sin(x / 2 + seed) + rng.normal(0, 15, (height, width))
    return ir.clip(0, 255).astype(np.uint8), vis.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", SIZES)
def test_shape_type_and_range(fuser, size):
    ir, vis = scene(*size)
    kept = ir.copy(), vis.copy()
    fused = fuser.fuse(ir, vis)
    assert fused.shape == size and fused.dtype == np.float32
    assert np.isfinite(fused).all() and fused.min() >= 0 and fused.max() <= 1
    assert np.array_equal(ir, kept[0]) and np.array_equal(vis, kept[1])
    assert np.array_equal(fuser.fuse(ir, vis), fused)  # the same again, bit for bit


def test_float_input_is_the_same_image_and_stays_as_it_was(fuser):
    """8-bit values as floats in [0, 1]: equal to 1e-5."""
    ir, vis = scene(24, 35)
    floats = [(image / 255).astype(dtype) for image, dtype in ((ir, np.float32), (vis, np.float64))]
    kept = [image.copy() for image in floats]
    fused = fuser.fuse(*floats)
    assert fused.dtype == np.float32
    np.testing.assert_allclose(fused, fuser.fuse(ir, vis), atol=1e-5)
    assert all(np.array_equal(image, copy) for image, copy in zip(floats, kept))


def test_a_batch_is_its_images_one_by_one(fuser):
    """To 1e-5: sums may be split differently."""
    pairs = [scene(21, 34, seed) for seed in range(3)]
    ir, vis = (np.stack(images)[:, None] for images in zip(*pairs))
    fused = fuser.fuse(ir, vis)
    assert fused.shape == ir.shape
    for i, pair in enumerate(pairs):
        np.testing.assert_allclose(fused[i, 0], fuser.fuse(*pair), atol=1e-5)


@pytest.mark.parametrize("levels", [(0, 0), (255, 255), (0, 255), (128, 7)])
def test_flat_images_give_finite_results(fuser, levels):
    fused = fuser.fuse(*(np.full((18, 20), level, np.uint8) for level in levels))
    assert np.isfinite(fused).all() and fused.min() >= 0 and fused.max() <= 1


def test_views_are_accepted(fuser):
    """Rows with gaps, reversed columns and Fortran order are the same image as their copy."""
    ir, vis = scene(40, 36)
    ir, vis = ir[::2, ::-1], np.asfortranarray(vis[::2])
    assert np.array_equal(fuser.fuse(ir, vis), fuser.fuse(ir.copy(order="C"), vis.copy(order="C")))


def test_every_parameter_is_counted(fuser):
    if isinstance(fuser, NetworkFuser):
        assert sum(p.numel() for p in fuser.network.parameters()) == fuser.card.parameters
    else:
        assert fuser.card.parameters == 0


BAD = {
    "different sizes": (np.zeros((16, 16)), np.zeros((16, 17)), "one shape"),
    "too small": (np.zeros((15, 40)), np.zeros((15, 40)), "at least 16"),
    "three axes": (np.zeros((3, 16, 16)), np.zeros((3, 16, 16)), "expected shape"),
    "colour batch": (np.zeros((1, 3, 16, 16)), np.zeros((1, 3, 16, 16)), "expected shape"),
    "whole numbers": (np.zeros((16, 16), int), np.zeros((16, 16), int), "expected uint8 or float"),
    "grey levels as floats": (np.zeros((16, 16)), np.full((16, 16), 200.0), "vis: expected float in"),
    "negative": (np.full((16, 16), -0.1), np.zeros((16, 16)), "ir: expected float in"),
    "not a number": (np.full((16, 16), np.nan), np.zeros((16, 16)), "NaN"),
}


@pytest.mark.parametrize("mistake", BAD)
def test_bad_input_gets_one_line(mistake):
    ir, vis, words = BAD[mistake]
    with pytest.raises(ValueError, match=words) as error:
        baselines.load("average").fuse(ir, vis)
    assert "\n" not in str(error.value)


def test_required_methods_are_there():
    required = {"ir", "vis", "average", "max", "laplacian", "seafusion", "cddfuse", "mambadfuse"}
    assert required <= set(baselines.names())
    assert baselines.names() == sorted(set(baselines.names()))
    with pytest.raises(KeyError, match=r"unknown method 'mambadfus'; did you mean mambadfuse\?.* .*average, "):
        baselines.load("mambadfus")


@pytest.mark.parametrize("name", ["average", "mambadfuse"])
def test_a_device_that_is_not_here_is_one_line(name):
    for device in ("foo", "meta", "cuda:99"):
        with pytest.raises(ValueError, match=f"device '{device}'") as error:
            baselines.load(name, device=device)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", baselines.names())
def test_card_is_complete(name):
    card = baselines.card(name)
    assert card.name == name and card.title
    if card.family == "learned":
        assert card.year and card.citation and card.licence and card.link and card.trained_on
        assert card.parameters > 0 and card.checkpoints
    if card.family == "classical":
        assert card.year and card.citation


LEARNED = [name for name in baselines.names() if baselines.card(name).family == "learned"]


@pytest.mark.parametrize("name", LEARNED)
def test_a_file_that_does_not_fit_makes_the_method_unavailable(name, tmp_path):
    """Garbage, another network's weights, and no file: one line each that names the file."""
    import torch
    from safetensors.torch import save_file

    garbage, other = tmp_path / "garbage.pth", tmp_path / "other.safetensors"
    garbage.write_bytes(b"not a checkpoint" * 9)
    save_file({"layer.weight": torch.zeros(3)}, other)
    for path in (garbage, other, tmp_path / "absent.pth"):
        with pytest.raises(Unavailable, match=path.name) as error:
            baselines.load(name, checkpoint=path)
        assert "\n" not in str(error.value)


class _Intruder:
    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return (open, (str(self.trace), "w"))


@pytest.mark.parametrize("name", LEARNED)
def test_a_checkpoint_runs_no_code(name, tmp_path):
    import torch

    path, trace = tmp_path / "weights.pth", tmp_path / "trace"
    torch.save({"weight": _Intruder(trace)}, path)
    with pytest.raises(Unavailable):
        baselines.load(name, checkpoint=path)
    assert not trace.exists()


@pytest.mark.parametrize("name", LEARNED)
def test_missing_weights_are_named_with_the_remedy(name, tmp_path, monkeypatch):
    monkeypatch.delenv("BENCH_WEIGHTS", raising=False)
    monkeypatch.setattr("baselines.base.SHIPPED", tmp_path)
    with pytest.raises(Unavailable, match=f"--checkpoint {name}=PATH") as error:
        baselines.load(name, weights_root=tmp_path)
    assert next(iter(baselines.card(name).checkpoints)) in str(error.value)


def test_a_broken_file_leaves_the_other_methods(tmp_path, monkeypatch, caplog):
    (tmp_path / "broken_fuser.py").write_text("x = 1 / 0\n")
    monkeypatch.setattr(baselines, "__path__", [*baselines.__path__, str(tmp_path)])
    assert "average" in baselines.names()
    with pytest.raises(KeyError, match="unknown method 'broken_fuser'"):
        baselines.method("broken_fuser")
    assert [record.getMessage() for record in caplog.records] == [
        "baselines/broken_fuser: left out, ZeroDivisionError: division by zero"
    ]
