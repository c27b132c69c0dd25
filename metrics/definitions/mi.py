from __future__ import annotations

import math

from ..histograms import mutual_information
from ..registry import metric


@metric(
    "MI",
    title="Mutual information",
    year=2002,
    family="information",
    direction=+1,
    range="0 .. 16",
    unit="bit",
    source="Qu, Zhang & Yan, Electron. Lett. 38, 313 (2002)",
    protocols={"standard": "in bits, sum over the two sources"},
)
def MI(f, a, b):
    """MI = I(A; F) + I(B; F), I(X; F) = sum_xf p_xf log2(p_xf / (p_x p_f)) from the 256 x 256 joint
    histogram.

    A sum over the sources, not a mean, as the field prints it; at most 2 H(F).
    """
    return mutual_information(f, a) + mutual_information(f, b)


@MI.dialect("cddfuse", note="natural logarithm: nats, that is bits times ln 2")
def in_nats(f, a, b):
    return math.log(2) * MI(f, a, b)
