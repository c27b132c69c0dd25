from __future__ import annotations

import math

import numpy as np

from ..declaring import metric
from ..images import Image, Undefined, needs_side, once

DIAGONAL = math.sqrt(2) / 2


@once
def differences(x: Image) -> list[np.ndarray]:
    """First differences along rows, columns, and both diagonals."""
    v = x.levels.astype(np.int16)
    return [v[:, 1:] - v[:, :-1], v[1:] - v[:-1], v[1:, 1:] - v[:-1, :-1], v[1:, :-1] - v[:-1, 1:]]


def frequency(steps: list[np.ndarray], pixels: int) -> float:
    sums = [float((d.astype(np.float64) ** 2).sum()) for d in steps]
    return math.sqrt((sums[0] + sums[1] + DIAGONAL * (sums[2] + sums[3])) / pixels)


@once
def reference(a: Image, b: Image) -> float:
    """The spatial frequency of the larger of the sources' differences."""
    steps = [np.maximum(np.abs(d), np.abs(e)) for d, e in zip(differences(a), differences(b))]
    return frequency(steps, a.size)


@metric(
    "Qsf",
    title="Ratio of spatial frequency error",
    year=2007,
    family="gradient",
    direction=0,
    range="-1 .. unbounded, best 0",
    unit="1",
    source="Zheng, Essock, Hansen & Haun, Inf. Fusion 8, 177 (2007)",
    protocols={"standard": "the definition", "liu2012": "the definition"},
    note=(
        "On ten pairs of VIFB noise has 6.05, a grey card -1, `average` -0.48 and SeAFusion -0.11: the best is 0, "
        "so that neither the highest nor the lowest is."
    ),
)
def Qsf(f, a, b):
    """Qsf = (SF_F - SF_R) / SF_R, SF = sqrt(RF^2 + CF^2 + MDF^2 + SDF^2) over first differences in four
    directions.

    Each term is the sum of the squared differences divided by mn, those of the diagonals times sqrt(2) / 2.
    The reference SF_R takes at each pixel and direction the larger |difference| of the two sources. Below 0
    detail is lost, above 0 noise or sharpening is added: neither more nor less is
    better, so that nothing is ranked by it. Undefined where both sources are constant.
    """
    needs_side(f, 2, "for a difference")
    expected = reference(a, b)
    if expected == 0:
        raise Undefined("both sources are constant")
    return (frequency(differences(f), f.size) - expected) / expected
