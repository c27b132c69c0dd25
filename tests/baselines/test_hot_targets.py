"""Fused images keep what is hot: a person or a fire that infrared shows bright and the visible image dark."""

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

import baselines
from benchmark import datasets

SIDE = 128
PAIRS = {
    "tno": ("04", "17", "21", "38"),
    "roadscene": ("FLIR_00977", "FLIR_06325", "FLIR_06392", "FLIR_06430"),
    "msrs": ("00024N", "00581D", "00710N", "00984N"),
}


def hot_pixels(ir, vis):
    """The brightest percent of the infrared image, where the visible one is darker by 60 grey levels."""
    return (ir >= np.percentile(ir, 99)) & (ir >= 120) & (ir.astype(int) - vis >= 60)


def window(hot):
    """Rows and columns of the square that holds most of them."""
    share = uniform_filter(hot.astype(float), SIDE, mode="constant")[SIDE // 2 :, SIDE // 2 :]
    share = share[: hot.shape[0] - SIDE + 1, : hot.shape[1] - SIDE + 1]
    top, left = np.unravel_index(share.argmax(), share.shape)
    return slice(top, top + SIDE), slice(left, left + SIDE)


@pytest.fixture(scope="module")
def targets(shared):
    """(pair, infrared, visible, hot pixels) of SIDE x SIDE pixels."""
    found = []
    for name, ids in PAIRS.items():
        pairs = {pair.id: pair for pair in datasets.get(name).pairs(None, shared / "data")}
        for id in ids:
            images = pairs[id].load()
            hot = hot_pixels(images.ir, images.vis)
            part = window(hot)
            found.append((f"{name} {id}", *(np.ascontiguousarray(x[part]) for x in (images.ir, images.vis, hot))))
    return found


def brightness_kept(fuser, targets):
    return {name: float((fuser.fuse(ir, vis) * 255)[hot].mean() / ir[hot].mean()) for name, ir, vis, hot in targets}


def test_windows_hold_hot_targets(targets):
    assert len(targets) == 12
    assert min(hot.sum() for *_, hot in targets) > 1000


@pytest.mark.parametrize("method", ["mambadfuse", "mambadfuse-tuned"])
def test_mambadfuse_keeps_the_brightness_of_hot_targets(method, targets):
    kept = brightness_kept(baselines.load(method), targets)
    assert min(kept.values()) >= 0.91, kept


def test_an_average_loses_it(targets):
    assert max(brightness_kept(baselines.load("average"), targets).values()) < 0.9
