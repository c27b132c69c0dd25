from __future__ import annotations

import math

import numpy as np

from .. import kernel
from ..declaring import metric
from ..images import Image, needs_side, once


@once
def squared_differences(x: Image) -> tuple[int, int]:
    """Sums of the squared first differences along the rows and along the columns."""
    if library := kernel.library():
        return library.squared_differences(x.levels)
    levels = x.levels.astype(np.int16)
    sums = []
    for axis in (1, 0):
        d = np.diff(levels, axis=axis).astype(np.float32).ravel()
        d *= d
        sums.append(int(d.sum(dtype=np.float64)))
    return sums[0], sums[1]


@metric(
    "SF",
    title="Spatial frequency",
    year=1995,
    family="statistics",
    direction=+1,
    range="0 .. 360.6",
    unit="grey levels",
    source="Eskicioglu & Fisher, IEEE Trans. Commun. 43, 2959 (1995)",
    protocols={
        "standard": "each mean over the differences that exist",
        "cddfuse": "each mean over the differences that exist",
        "tang2023": "each mean over the differences that exist",
        "tang-py": "each mean over the differences that exist",
        "ivifzoo": "each mean over the differences that exist",
    },
)
def SF(f, a, b):
    """SF = sqrt(RF^2 + CF^2), RF^2 and CF^2 being the mean squared first differences along rows and columns.

    The means run over the m(n-1) and (m-1)n differences that exist, as in most codes of the field; the paper
    divides both sums by mn, which makes the value depend on the image's size. Noise raises it. Undefined
    below 2x2 pixels.
    """
    needs_side(f, 2, "for a difference")
    m, n = f.shape
    row, column = squared_differences(f)
    return math.sqrt(row / (m * (n - 1)) + column / ((m - 1) * n))


@SF.dialect("tang2022", note="on 0..1: divided by 255")
def on_unit_range(f, a, b):
    return SF(f, a, b) / 255


@SF.dialect(
    "vifb",
    note="both sums divided by mn, as in the paper: slightly lower. Colour: the channels side by side",
    colour="unfold",
)
def over_all_pixels(f, a, b):
    return math.sqrt(sum(squared_differences(f)) / f.size)
