"""Histograms of one image and of two, and the information in them."""

from __future__ import annotations

import numpy as np

from . import kernel
from .images import Image, bands, once

BAND = 128


@once
def histogram(x: Image) -> np.ndarray:
    """Number of pixels of each level, int64, (256,)."""
    if library := kernel.library():
        return library.histogram(x.levels)
    return np.bincount(x.levels.ravel(), minlength=256)


@once
def joint_histogram(x: Image, y: Image) -> np.ndarray:
    """Number of pixels with level i in x and j in y, integers, (256, 256)."""
    if library := kernel.library():
        return library.joint_histogram(x.levels, y.levels)
    counts = np.zeros(65536, np.int64)
    for p, q in bands((x, y), BAND):
        pair = p.levels.astype(np.uint16)
        pair <<= 8
        pair |= q.levels
        counts += np.bincount(pair.ravel(), minlength=65536)
    return counts.reshape(256, 256)


def entropy(counts: np.ndarray) -> float:
    """-sum p log2 p, in bits, of the distribution that `counts` gives."""
    counts = counts.ravel()
    p = counts[np.flatnonzero(counts)] / counts.sum()
    return float(max(0.0, -np.dot(p, np.log2(p))))


@once
def level_entropy(x: Image) -> float:
    """H(X) in bits."""
    return entropy(histogram(x))


@once
def mutual_information(x: Image, y: Image) -> float:
    """I(X; Y) = H(X) + H(Y) - H(X, Y) in bits."""
    if x is y:
        return level_entropy(x)
    return max(0.0, level_entropy(x) + level_entropy(y) - entropy(joint_histogram(x, y)))
