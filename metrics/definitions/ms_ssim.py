from __future__ import annotations

import numpy as np

from ..declaring import metric
from ..filters import WINDOW_11, local_covariance, local_moments
from ..images import Field, needs_side, once
from .mef_ssim import MEF_MS_SSIM, halved
from .ssim import similarity

WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
SMALLEST = 161  # at the fifth scale one 11x11 window must fit


def multi_scale(f: Field, a: Field, b: Field, peak: float, smaller) -> float:
    needs_side(f, SMALLEST, "for five scales")
    c2 = (0.03 * peak) ** 2
    values = np.ones(2)
    for scale, weight in enumerate(WEIGHTS):
        for k, s in enumerate((a, b)):
            if scale == len(WEIGHTS) - 1:
                mean = similarity(f, s, peak).mean()
            else:
                spread = local_moments(f, WINDOW_11)[1] + local_moments(s, WINDOW_11)[1]
                mean = ((2 * local_covariance(f, s, WINDOW_11) + c2) / (spread + c2)).mean()
            values[k] *= max(mean, 0) ** weight
        f, a, b = smaller(f), smaller(a), smaller(b)
    return float(values.sum())


@metric(
    "MS-SSIM",
    title="Multi-scale structural similarity",
    year=2003,
    family="structure",
    direction=+1,
    range="0 .. 2",
    unit="1",
    source="Wang, Simoncelli & Bovik, Asilomar Conf. Signals Syst. Comput. 2, 1398 (2003)",
    protocols={"standard": "11x11 gaussian where it fits, L = 255; sum over the sources"},
)
def MS_SSIM(f, a, b):
    """MS-SSIM = sum over the sources of prod_j c_j^w_j, w = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333).

    c_j is the mean of the contrast-structure term (2 s_xy + C2) / (s_x + s_y + C2) at scale j, and of SSIM at
    the last one, negative means counting 0. Windows and constants as for SSIM; between scales 2x2 means, the
    last row or column repeated where the size is odd. A sum over the sources, like SSIM. Undefined below
    161x161 pixels.
    """
    return multi_scale(f, a, b, 255.0, halved)


@once
def halved_with_zeros(x: Field) -> Field:
    """Means of 2x2 pixels; an odd side is framed by zeros, which enter the means."""
    v = np.pad(x.values, [(n % 2, n % 2) for n in x.shape])
    v = v[: v.shape[0] // 2 * 2, : v.shape[1] // 2 * 2]
    return Field((v[::2, ::2] + v[1::2, ::2] + v[::2, 1::2] + v[1::2, 1::2]) / 4)


@MS_SSIM.dialect(
    "tang-py",
    "ivifzoo",
    note=("L = 1 on 0..255; between scales, odd sides are framed by zeros; sum over the sources"),
)
def range_of_one(f, a, b):
    return multi_scale(f, a, b, 1.0, halved_with_zeros)


@MS_SSIM.dialect("tang2023", "tang2022", "hli", note="MEF-MS-SSIM, not MS-SSIM")
def multi_exposure(f, a, b):
    return MEF_MS_SSIM(f, a, b)
