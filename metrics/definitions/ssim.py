from __future__ import annotations

import cv2
import numpy as np

from ..images import Image, once
from ..registry import Undefined, metric
from .vif import gaussian, valid

WINDOW = gaussian(11, 1.5)


@once
def local_moments(x: Image) -> tuple[np.ndarray, np.ndarray]:
    """Local mean and population variance, 11x11 gaussian of sigma 1.5, where it fits."""
    mean = valid(x.values, WINDOW)
    return mean, valid(x.values * x.values, WINDOW) - mean * mean


@once
def local_covariance(x: Image, y: Image) -> np.ndarray:
    return valid(x.values * y.values, WINDOW) - local_moments(x)[0] * local_moments(y)[0]


def similarity(x: Image, y: Image, peak: float) -> np.ndarray:
    """The map of SSIM between x and y."""
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    (mx, vx), (my, vy) = local_moments(x), local_moments(y)
    return (
        (2 * mx * my + c1) * (2 * local_covariance(x, y) + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    )


def needs(x: Image, side: int) -> None:
    if min(x.shape) < side:
        raise Undefined(f"needs at least {side}x{side} pixels for one window, not {x.shape[0]}x{x.shape[1]}")


@metric(
    "SSIM",
    title="Structural similarity",
    year=2004,
    family="structure",
    direction=+1,
    range="-2 .. 2",
    unit="1",
    source="Wang, Bovik, Sheikh & Simoncelli, IEEE Trans. Image Process. 13, 600 (2004)",
    protocols={"standard": "11x11 gaussian, L = 255, sum over the two sources"},
)
def SSIM(f, a, b):
    """SSIM = ssim(A, F) + ssim(B, F), ssim being the mean of (2 m_x m_y + C1)(2 s_xy + C2) / ((m_x^2 + m_y^2
    + C1)(s_x + s_y + C2)).

    Local means m, variances and covariance s (population) in an 11x11 gaussian window of sigma 1.5 where it
    fits; C1 = (0.01 L)^2, C2 = (0.03 L)^2 with L = 255, as published. The sum over the sources, as the field
    prints it and as MI, SCD and VIF are; its half is the mean. Undefined below 11x11 pixels.
    """
    needs(f, 11)
    return float(similarity(f, a, 255.0).mean() + similarity(f, b, 255.0).mean())


def box_mean(x: np.ndarray) -> np.ndarray:
    """7x7 means of integers, where the window fits, as scipy.ndimage.uniform_filter rounds them for a float32
    image.

    Column sums are exact and rounded to float32 after division by 7, then the same along the rows.
    """
    sums = cv2.boxFilter(x, cv2.CV_64F, (1, 7), normalize=False, borderType=cv2.BORDER_CONSTANT)[3:-3]
    sums /= 7
    columns = sums.astype(np.float32)
    sums = cv2.boxFilter(columns, cv2.CV_64F, (7, 1), normalize=False, borderType=cv2.BORDER_CONSTANT)[
        :, 3:-3
    ]
    sums = sums / 7
    return sums.astype(np.float32)


@once
def box_moments(x: Image) -> tuple[np.ndarray, np.ndarray]:
    """float32 means and sample variances in 7x7 windows."""
    mean = box_mean(x.values)
    return mean, SAMPLE * (box_mean(x.values * x.values) - mean * mean)


SAMPLE = np.float32(49 / 48)


@SSIM.dialect(
    "cddfuse",
    note=(
        "7x7 uniform window, sample covariance, and L = 2 (what scikit-image 0.19.2 assumes for float images)"
    ),
)
def range_of_two(f, a, b):
    needs(f, 7)
    c1, c2 = np.float32((0.01 * 2) ** 2), np.float32((0.03 * 2) ** 2)
    two = np.float32(2)
    value = 0.0
    my, vy = box_moments(f)
    for s in (a, b):
        mx, vx = box_moments(s)
        vxy = SAMPLE * (box_mean(f.values * s.values) - mx * my)
        similar = (two * mx * my + c1) * (two * vxy + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
        value += float(similar.mean(dtype=np.float64))
    return value
