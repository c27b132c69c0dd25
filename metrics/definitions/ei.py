from __future__ import annotations

import cv2
import numpy as np

from ..declaring import metric
from ..filters import sobel


def mean_strength(f, border: int) -> float:
    sx, sy = sobel(f, border)
    return float(np.sqrt(sx * sx + sy * sy).mean())


@metric(
    "EI",
    title="Edge intensity",
    year=2018,
    family="statistics",
    direction=+1,
    range="0 .. 1140.4",
    unit="grey levels, times 8",
    source="Rajalingam & Priya, Int. J. Eng. Sci. Invent. 2, 52 (2018)",
    protocols={
        "standard": "border pixels repeated",
        "vifb": "border pixels repeated",
    },
)
def EI(f, a, b):
    """EI = mean of sqrt(Sx^2 + Sy^2), Sx and Sy the responses to the Sobel masks with weights 1 2 1, not
    divided by 8.

    Border pixels are repeated beyond the border. Noise raises it.
    """
    return mean_strength(f, cv2.BORDER_REPLICATE)


@EI.dialect("ivifzoo", note="zeros beyond the border, which draw an edge around the image: higher")
def framed_by_zeros(f, a, b):
    return mean_strength(f, cv2.BORDER_CONSTANT)
