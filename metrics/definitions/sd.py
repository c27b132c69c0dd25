from __future__ import annotations

import math

import numpy as np

from ..declaring import metric
from ..histograms import histogram
from ..moments import covariance, total


@metric(
    "SD",
    title="Standard deviation",
    year=2019,
    family="statistics",
    direction=+1,
    range="0 .. 127.5",
    unit="grey levels",
    source="as in Ma, Ma & Li, Inf. Fusion 45, 153 (2019)",
    protocols={
        "standard": "the definition",
        "cddfuse": "the definition",
        "tang2023": "the definition",
        "tang-py": "the definition",
        "vifb": 'the definition (printed as "Variance")',
        "ivifzoo": "the definition",
    },
)
def SD(f, a, b):
    """SD = sqrt(mean((F - mean F)^2)): contrast. The population form (over N), from exact integer sums."""
    return math.sqrt(covariance(f, f)) / f.size


@SD.dialect(
    "tang2022",
    note=("8-bit arithmetic: negative differences become 0, squares at most 255; never above 15.97"),
)
def saturating(f, a, b):
    difference = np.floor(np.arange(256) - total(f) / f.size + 0.5)
    squares = np.minimum(np.maximum(difference, 0) ** 2, 255)
    return math.sqrt(np.dot(histogram(f), squares) / f.size)


@SD.dialect("hli", note="root of the sum, not of the mean, on 0..1: SD sqrt(N) / 255, grows with the image")
def root_of_the_sum(f, a, b):
    return SD(f, a, b) * math.sqrt(f.size) / 255
