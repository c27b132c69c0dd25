from __future__ import annotations

import math

from ..declaring import metric
from ..images import Undefined
from ..moments import correlation, covariance


@metric(
    "CC",
    title="Correlation coefficient",
    year=2019,
    family="error and correlation",
    direction=+1,
    range="-1 .. 1",
    unit="1",
    source="as in Ma, Ma & Li, Inf. Fusion 45, 153 (2019)",
    protocols={
        "standard": "mean over the sources",
        "cddfuse": "mean over the sources",
        "tang2023": "mean over the sources",
        "tang2022": "mean over the sources",
        "tang-py": "mean over the sources",
        "ivifzoo": "mean over the sources",
    },
)
def CC(f, a, b):
    """CC = (r(A, F) + r(B, F)) / 2, r being Pearson's correlation over all pixels. Undefined where an image
    is constant.
    """
    value = 0.0
    for s in (a, b):
        r = correlation(covariance(f, s), covariance(f, f), covariance(s, s))
        if math.isnan(r):
            raise Undefined("an image is constant")
        value += r / 2
    return value
