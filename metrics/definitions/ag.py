from __future__ import annotations

import numpy as np

from ..declaring import metric
from ..images import Image, needs_side, once


@metric(
    "AG",
    title="Average gradient",
    year=2015,
    family="statistics",
    direction=+1,
    range="0 .. 255",
    unit="grey levels",
    source="Cui, Feng, Xu, Li & Chen, Opt. Commun. 341, 199 (2015)",
    protocols={"standard": "forward differences, as published"},
)
def AG(f, a, b):
    """AG = mean of sqrt((Dx^2 + Dy^2) / 2), Dx and Dy the forward differences of F along rows and columns.

    The mean runs over the (m-1)(n-1) pixels that have both, as published. The codes of the field use central
    differences, which see less of fine detail. Noise raises it. Undefined below 2x2 pixels.
    """
    needs_side(f, 2, "for a gradient")
    x = f.values
    dx, dy = x[:-1, 1:] - x[:-1, :-1], x[1:, :-1] - x[:-1, :-1]
    return float(np.sqrt((dx * dx + dy * dy) / 2).mean())


@once
def central_sum(x: Image) -> float:
    """Sum of sqrt((gx^2 + gy^2) / 2), central differences inside and one-sided ones at the border."""
    needs_side(x, 2, "for a gradient")
    gy, gx = np.gradient(x.values)
    return float(np.sqrt((gx * gx + gy * gy) / 2).sum())


@AG.dialect("cddfuse", "ivifzoo", note="central differences, one-sided at the border; mean over all mn pixels")
def central(f, a, b):
    return central_sum(f) / f.size


@AG.dialect(
    "tang2023",
    "tang2022",
    "tang-py",
    "vifb",
    note="central differences, one-sided at the border; the sum over mn pixels divided by (m-1)(n-1)",
)
def central_over_fewer(f, a, b):
    return central_sum(f) / ((f.shape[0] - 1) * (f.shape[1] - 1))
