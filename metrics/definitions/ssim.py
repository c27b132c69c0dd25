from __future__ import annotations

import cv2
import numpy as np

from .. import kernel
from ..declaring import metric
from ..filters import WINDOW_11, local_covariance, local_moments
from ..images import Field, Image, bands, needs_side, once
from .mef_ssim import MEF_SSIM


def similarity(x: Field, y: Field, peak: float) -> np.ndarray:
    """The map of SSIM between x and y."""
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    (mx, vx), (my, vy) = local_moments(x, WINDOW_11), local_moments(y, WINDOW_11)
    similar = (2 * mx * my + c1) * (2 * local_covariance(x, y, WINDOW_11) + c2)
    return similar / ((mx * mx + my * my + c1) * (vx + vy + c2))


@metric(
    "SSIM",
    title="Structural similarity",
    year=2004,
    family="structure",
    direction=+1,
    range="-2 .. 2",
    unit="1",
    source="Wang, Bovik, Sheikh & Simoncelli, IEEE Trans. Image Process. 13, 600 (2004)",
    protocols={
        "standard": "11x11 gaussian where it fits, L = 255; sum over the sources",
        "vifb": "11x11 gaussian where it fits, L = 255; sum over the sources",
    },
)
def SSIM(f, a, b):
    """SSIM = ssim(A, F) + ssim(B, F), ssim being the mean of (2 m_x m_y + C1)(2 s_xy + C2) / ((m_x^2 + m_y^2
    + C1)(s_x + s_y + C2)).

    Local means m, variances and covariance s (population) in an 11x11 gaussian window of sigma 1.5 where it
    fits; C1 = (0.01 L)^2, C2 = (0.03 L)^2 with L = 255, as published. The sum over the sources, as the field
    prints it and as MI, SCD and VIF are; its half is the mean. Undefined below 11x11 pixels.
    """
    return sum_over_sources(f, a, b, 255.0)


def sum_over_sources(f: Image, a: Image, b: Image, peak: float) -> float:
    needs_side(f, 11, "for one window")
    return float(similarity(f, a, peak).mean() + similarity(f, b, peak).mean())


@SSIM.dialect(
    "tang-py",
    "ivifzoo",
    note=("11x11 gaussian where it fits, L = 1 on 0..255: flat regions, that is noise, dominate; sum over the sources"),
)
def range_of_one(f, a, b):
    return sum_over_sources(f, a, b, 1.0)


@SSIM.dialect("tang2023", note="MATLAB's ssim: border pixels repeated, L = 1 on 0..255; mean over the sources")
def matlab_range_of_one(f, a, b):
    return matlab(f, a, b, 1.0)


@SSIM.dialect("hli", note=("MATLAB's ssim: border pixels repeated, range of values right; mean over the sources"))
def matlab_full_range(f, a, b):
    return matlab(f, a, b, 255.0)


@once
def with_border(x: Image) -> Field:
    """x with five pixels more on each side, the border pixels repeated."""
    return Field(np.pad(x.values, 5, mode="edge"))


def matlab(f: Image, a: Image, b: Image, peak: float) -> float:
    f, a, b = with_border(f), with_border(a), with_border(b)
    return float(similarity(f, a, peak).mean() + similarity(f, b, peak).mean()) / 2


@SSIM.dialect("tang2022", note="MEF-SSIM, not SSIM")
def multi_exposure(f, a, b):
    return MEF_SSIM(f, a, b)


def box_mean(x: np.ndarray) -> np.ndarray:
    """7x7 means of integers, where the window fits, as scipy.ndimage.uniform_filter rounds them for a float32
    image.

    Column sums are exact, divided by 7 and rounded to float32; then the same along the rows.
    """
    sums = cv2.boxFilter(x, cv2.CV_64F, (1, 7), normalize=False, borderType=cv2.BORDER_CONSTANT)[3:-3]
    sums /= 7
    columns = sums.astype(np.float32)
    sums = cv2.boxFilter(columns, cv2.CV_64F, (7, 1), normalize=False, borderType=cv2.BORDER_CONSTANT)[:, 3:-3]
    sums = sums / 7
    return sums.astype(np.float32)


@once
def box_moments(x: Image) -> tuple[np.ndarray, np.ndarray]:
    """float32 means and sample variances in 7x7 windows."""
    mean = box_mean(x.values)
    return mean, SAMPLE * (box_mean(x.values * x.values) - mean * mean)


SAMPLE = np.float32(49 / 48)
BAND = 32


def in_boxes(f: Image, a: Image, b: Image, peak: float) -> float:
    """Sum over the sources of SSIM in 7x7 uniform windows with sample covariance, in float32."""
    needs_side(f, 7, "for one window")
    if library := kernel.library():
        return library.ssim_boxes(f.levels, a.levels, b.levels, peak)
    total = sum(box_similarity(*band, peak) for band in bands((f, a, b), BAND, 6))
    return total / ((f.shape[0] - 6) * (f.shape[1] - 6))


def box_similarity(f: Image, a: Image, b: Image, peak: float) -> float:
    """Sum over both sources and all windows."""
    c1, c2, two = np.float32((0.01 * peak) ** 2), np.float32((0.03 * peak) ** 2), np.float32(2)
    value = 0.0
    my, vy = box_moments(f)
    for s in (a, b):
        mx, vx = box_moments(s)
        vxy = SAMPLE * (box_mean(f.values * s.values) - mx * my)
        similar = (two * mx * my + c1) * (two * vxy + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
        value += float(similar.sum(dtype=np.float64))
    return value


@SSIM.dialect(
    "cddfuse",
    note=(
        "7x7 uniform window, sample covariance, L = 2 (what scikit-image 0.19.2 assumes of float "
        "images): noise dominates"
    ),
)
def range_of_two(f, a, b):
    return in_boxes(f, a, b, 2.0)
