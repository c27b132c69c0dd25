from __future__ import annotations

import math

import numpy as np

from ..images import Image, once
from ..registry import Undefined, metric


@once
def squared_differences(x: Image) -> tuple[int, int]:
    """Sums of the squared first differences along the rows and along the columns."""
    # 16 bits hold the differences; their squares are summed in float64, exactly.
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
    },
)
def SF(f, a, b):
    """SF = sqrt(RF^2 + CF^2), RF^2 and CF^2 being the mean squared first differences along rows and columns.

    The means run over the m(n-1) and (m-1)n differences that exist, as in nearly all codes of the field; the
    paper divides both sums by mn, which makes the value depend on the image's size. Noise raises it.
    Undefined for an image one pixel wide or high.
    """
    m, n = f.shape
    if min(m, n) < 2:
        raise Undefined(f"needs at least 2x2 pixels, not {m}x{n}")
    row, column = squared_differences(f)
    return math.sqrt(row / (m * (n - 1)) + column / ((m - 1) * n))
