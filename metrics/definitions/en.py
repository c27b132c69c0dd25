from __future__ import annotations

import numpy as np

from ..declaring import metric
from ..histograms import histogram, level_entropy


@metric(
    "EN",
    title="Entropy",
    year=2008,
    family="statistics",
    direction=+1,
    range="0 .. 8",
    unit="bit",
    source="Roberts, van Aardt & Ahmed, J. Appl. Remote Sens. 2, 023522 (2008)",
    protocols={
        "standard": "the definition",
        "cddfuse": "the definition",
        "tang2023": "the definition",
        "tang2022": "the definition",
        "vifb": "the definition",
        "hli": "the definition",
    },
)
def EN(f, a, b):
    """EN = -sum_k p_k log2 p_k over the histogram p of the 256 levels of F.

    0 for a constant image, 8 when all levels are equally frequent. Noise raises it.
    """
    return level_entropy(f)


@EN.dialect("tang-py", "ivifzoo", note="1e-7 added to p inside the logarithm: lower by up to 4e-5")
def with_offset(f, a, b):
    p = histogram(f) / f.size
    return float(-np.dot(p, np.log2(p + 1e-7)))
