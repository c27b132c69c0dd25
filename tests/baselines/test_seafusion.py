import numpy as np
import pytest
from PIL import Image

import baselines
from benchmark.imaging import reading, saving

LUMINANCE = np.array([0.299, 0.587, 0.114])


@pytest.fixture(scope="module")
def fuser(shared):
    return baselines.load("seafusion", weights_root=shared / "weights")


def test_checkpoint_is_the_one_on_the_card(fuser):
    assert baselines.sha256(fuser.checkpoint) == fuser.card.checkpoints["SeAFusion.pth"]


@pytest.mark.parametrize("crop", ["tno06", "msrs00131D_odd"])
def test_output_is_the_authors(fuser, shared, crop):
    """1e-5 of the output's scale."""
    from safetensors.numpy import load_file

    golden = load_file(shared / "goldens" / "networks" / "seafusion.safetensors")
    expected = golden[f"{crop}.out"]
    fused = fuser.fuse(golden[f"{crop}.ir"], golden[f"{crop}.vis"], output="raw")
    np.testing.assert_allclose(fused, expected, atol=1e-5 * np.abs(expected).max(), rtol=0)


def as_the_authors_save(luminance, visible):
    """8-bit RGB from the fused luminance (H, W) and the visible image (H, W, 3), both in [0, 1].

    Their test script: Cr and Cb of the visible image, back to RGB, clipped, stretched to [0, 1], truncated.
    """
    y = visible @ LUMINANCE
    cr, cb = 0.713 * (visible[..., 0] - y), 0.564 * (visible[..., 2] - y)
    channels = luminance + 1.403 * cr, luminance - 0.714 * cr - 0.344 * cb, luminance + 1.773 * cb
    rgb = np.clip(np.stack(channels, axis=-1), 0, 1)
    rgb = (rgb - rgb.min()) / (rgb.max() - rgb.min())
    return np.uint8(255 * rgb)


def published(shared, fuser, name):
    """Our luminance (H, W) in [0, 1], the visible image and the authors' saved image, RGB."""
    visible = np.asarray(Image.open(shared / "data/MSRS/test/vi" / name).convert("RGB")) / 255
    infrared = np.asarray(Image.open(shared / "data/MSRS/test/ir" / name).convert("L"))
    luminance = fuser.fuse(infrared / 255, np.clip(visible @ LUMINANCE, 0, 1), output="raw")
    return luminance, visible, np.asarray(Image.open(shared / "oracles/msrs_seafusion" / name).convert("RGB"))


def check(shared, fuser, name):
    luminance, visible, saved = published(shared, fuser, name)
    ours = as_the_authors_save(luminance.astype(float), visible).astype(float)
    assert np.abs(ours @ LUMINANCE - saved @ LUMINANCE).mean() <= 0.01  # grey levels; required: 0.6
    assert np.abs(ours - saved).max() <= 1


# The first is the one image of the 15 that the stretch changes, by 2.3 grey levels.
@pytest.mark.parametrize("name", ["00345D.png", "00024N.png"])
def test_published_images_are_reproduced(fuser, shared, name):
    """Mean 0.01 grey levels of luminance, no value off by more than one level."""
    check(shared, fuser, name)


@pytest.mark.parametrize("name", ["00345D.png", "01306N.png"])
def test_what_is_scored_is_the_luminance_of_the_published_images(fuser, shared, name):
    """Of colour pairs, within 0.3 grey levels on average: the authors cut levels of R, G and B, not of luminance."""
    pair = reading.read(shared / "data/MSRS/test/vi" / name)
    infrared = reading.read_luminance(shared / "data/MSRS/test/ir" / name)
    saved = reading.read(shared / "oracles/msrs_seafusion" / name).rgb @ LUMINANCE
    fused = saving.quantise(fuser.fuse(infrared, pair.luminance, "native", pair.rgb), truncate=True)
    assert np.abs(fused - saved).mean() <= 0.3


def test_published_grey_images_are_reproduced(fuser, shared):
    """Of TNO, mean 0.01 grey levels, none off by more than one."""
    for name in ("01.png", "41.png"):
        ir, vis = (reading.read_luminance(shared / "data/TNO" / side / name) for side in ("ir", "vi"))
        saved = reading.read_luminance(shared / "oracles/tno42/fused/SeAFusion" / name).astype(int)
        difference = np.abs(saving.quantise(fuser.fuse(ir, vis, "native"), truncate=True) - saved)
        assert difference.mean() <= 0.01 and difference.max() <= 1


@pytest.mark.slow
def test_all_published_images_are_reproduced(fuser, shared):
    paths = sorted((shared / "oracles" / "msrs_seafusion").glob("*.png"))
    assert len(paths) == 15
    for path in paths:
        check(shared, fuser, path.name)
