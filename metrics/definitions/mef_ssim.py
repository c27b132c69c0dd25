from __future__ import annotations

import cv2
import numpy as np

from ..declaring import metric
from ..filters import WINDOW_11, local_covariance, local_moments
from ..images import Field, Undefined, needs_side, once

SIDE = 11
PIXELS = SIDE * SIDE
C = (0.03 * 255) ** 2
EPS = np.finfo(np.float64).eps
SCALE_WEIGHTS = np.array([0.0448, 0.2856, 0.3001])


def box_sum(x: np.ndarray) -> np.ndarray:
    """Sums over 11x11 patches, where they fit; exact for integers."""
    r = SIDE // 2
    return cv2.boxFilter(x, cv2.CV_64F, (SIDE, SIDE), normalize=False, borderType=cv2.BORDER_CONSTANT)[r:-r, r:-r]


@once
def patch_product(x: Field, y: Field) -> np.ndarray:
    """Inner product of the patches of x and y, each without its mean."""
    return box_sum(x.values * y.values) - box_sum(x.values) * box_sum(y.values) / PIXELS


@once
def desired(a: Field, b: Field) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The factors by which the patches of a and b enter the desired patch, and its gaussian-weighted variance."""
    square_a, square_b = (patch_product(x, x) for x in (a, b))  # of levels and of their means: exact, never below 0
    product = patch_product(a, b)
    norm_a, norm_b = np.sqrt(square_a), np.sqrt(square_b)
    strength_a, strength_b = norm_a + 0.001, norm_b + 0.001
    consistency = np.sqrt(np.maximum(square_a + square_b + 2 * product, 0)) + EPS
    consistency /= norm_a + norm_b + EPS
    consistency = np.where(consistency > 1, 1 - EPS, consistency)
    power = np.minimum(np.tan(np.pi / 2 * consistency), 10)
    weight_a, weight_b = (strength_a / SIDE) ** power + EPS, (strength_b / SIDE) ** power + EPS
    total = weight_a + weight_b
    factor_a, factor_b = weight_a / total / strength_a, weight_b / total / strength_b
    norm = np.sqrt(np.maximum(factor_a**2 * square_a + factor_b**2 * square_b + 2 * factor_a * factor_b * product, 0))
    scale = np.where(norm > 0, np.maximum(strength_a, strength_b) / np.where(norm > 0, norm, 1), 0)
    factor_a *= scale
    factor_b *= scale
    variance = factor_a**2 * local_moments(a, WINDOW_11)[1] + factor_b**2 * local_moments(b, WINDOW_11)[1]
    variance += 2 * factor_a * factor_b * local_covariance(a, b, WINDOW_11)
    return factor_a, factor_b, variance


def score(f: Field, a: Field, b: Field) -> float:
    factor_a, factor_b, variance = desired(a, b)
    covariance = factor_a * local_covariance(f, a, WINDOW_11) + factor_b * local_covariance(f, b, WINDOW_11)
    return float(((2 * covariance + C) / (variance + local_moments(f, WINDOW_11)[1] + C)).mean())


@metric(
    "MEF-SSIM",
    title="Structural similarity to the desired patches of a sequence",
    year=2015,
    family="structure",
    direction=+1,
    range="-1 .. 1",
    unit="1",
    source="Ma, Zeng & Wang, IEEE Trans. Image Process. 24, 3345 (2015)",
    protocols={"standard": "one scale"},
)
def MEF_SSIM(f, a, b):
    """MEF-SSIM = mean of (2 s_DF + C) / (s_D + s_F + C) over all 11x11 patches, D being the desired patch, C
    = (0.03 · 255)^2.

    D points in the direction of sum_k w_k (x_k - m_k) / e_k and has the norm max_k e_k: x_k are the sources'
    patches, m_k their means, e_k = ||x_k - m_k|| + 0.001, w_k proportional to (e_k / 11)^p + eps with p =
    min(10, tan(pi R / 2)) and R = ||sum_k (x_k - m_k)|| / sum_k ||x_k - m_k||, the sources' agreement.
    Variances and covariance s are weighted by a gaussian of sigma 1.5. Made for exposure stacks: means do not
    enter. Undefined below 11x11 pixels.
    """
    needs_side(f, SIDE, "for one patch")
    return score(f, a, b)


@once
def halved(x: Field) -> Field:
    """Means of 2x2 pixels, the last row or column repeated where the size is odd."""
    v = x.values
    v = np.pad(v, [(0, n % 2) for n in v.shape], mode="edge")
    return Field((v[::2, ::2] + v[1::2, ::2] + v[::2, 1::2] + v[1::2, 1::2]) / 4)


@metric(
    "MEF-MS-SSIM",
    title="Structural similarity to the desired patches of a sequence, three scales",
    year=2015,
    family="structure",
    direction=+1,
    range="0 .. 1",
    unit="1",
    source="Ma, Zeng & Wang, IEEE Trans. Image Process. 24, 3345 (2015)",
    protocols={"standard": "three scales"},
)
def MEF_MS_SSIM(f, a, b):
    """MEF-MS-SSIM = product over three scales of MEF-SSIM^w, w = (0.0448, 0.2856, 0.3001) / 0.6305.

    From scale to scale the images are halved by 2x2 means. Undefined below 44x44 pixels or where a scale's
    value is negative.
    """
    needs_side(f, 4 * SIDE, "for three scales")
    values = []
    for _ in SCALE_WEIGHTS:
        values.append(score(f, a, b))
        f, a, b = halved(f), halved(a), halved(b)
    if min(values) < 0:
        raise Undefined("negative at one scale: no real power")
    return float(np.prod(np.array(values) ** (SCALE_WEIGHTS / SCALE_WEIGHTS.sum())))
