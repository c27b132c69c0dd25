from __future__ import annotations

from ..histograms import level_entropy
from ..registry import metric


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
    },
)
def EN(f, a, b):
    """EN = -sum_k p_k log2 p_k over the histogram p of the 256 levels of F.

    0 for a constant image, 8 when all levels are equally frequent. Noise raises it.
    """
    return level_entropy(f)
