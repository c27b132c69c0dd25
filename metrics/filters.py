"""Linear filters on images, and local moments in windows."""

from __future__ import annotations

import cv2
import numpy as np

from . import kernel
from .images import Field, Image, once


def gaussian(n: int, sigma: float) -> np.ndarray:
    """n weights of a gaussian, centred, with sum 1."""
    k = np.arange(n) - (n - 1) / 2
    w = np.exp(-k * k / (2 * sigma * sigma))
    return w / w.sum()


def same(x: np.ndarray, w: np.ndarray, times: np.ndarray | None = None) -> np.ndarray:
    """x, or x * times, filtered by the symmetric window w along both axes; zeros beyond the border."""
    return windowed(x, times, w, everywhere=True)


def valid(x: np.ndarray, w: np.ndarray, times: np.ndarray | None = None) -> np.ndarray:
    """As `same`, but only where the window fits."""
    return windowed(x, times, w, everywhere=False)


def windowed(x: np.ndarray, times: np.ndarray | None, w: np.ndarray, everywhere: bool) -> np.ndarray:
    library = kernel.library()
    if library and len(w) in library.WINDOW_SIZES:
        x, times = (None if v is None else np.ascontiguousarray(v) for v in (x, times))
        return library.windowed(x, times, w, everywhere)
    product = x if times is None else x * times
    filtered = cv2.sepFilter2D(product, cv2.CV_64F, w, w, borderType=cv2.BORDER_CONSTANT)
    r = 0 if everywhere else len(w) // 2
    return filtered[r : x.shape[0] - r, r : x.shape[1] - r]


WINDOW_11 = (11, 1.5)
WINDOW_7 = (7, 1.5)


@once
def local_moments(x: Field, window: tuple[int, float]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and population variance in a gaussian window (n, sigma), where it fits."""
    w = gaussian(*window)
    mean = valid(x.values, w)
    return mean, valid(x.values, w, x.values) - mean * mean


@once
def local_covariance(x: Field, y: Field, window: tuple[int, float]) -> np.ndarray:
    """Population covariance in a gaussian window (n, sigma), where it fits."""
    product = valid(x.values, gaussian(*window), y.values)
    return product - local_moments(x, window)[0] * local_moments(y, window)[0]


@once
def sobel(x: Image, border: int) -> tuple[np.ndarray, np.ndarray]:
    """Right minus left column, lower minus upper row, weights 1 2 1, not divided. border: a border type of cv2."""
    options = {"ksize": 3, "borderType": border}
    return cv2.Sobel(x.levels, cv2.CV_64F, 1, 0, **options), cv2.Sobel(x.levels, cv2.CV_64F, 0, 1, **options)


def sobel_on_unit_range(x: Image, pad: str, columns: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """As `sobel`, but of x / 255, and rounded as the conv2 of MATLAB or Octave rounds it.

    Codes that scale to 0..1 leave traces where differences of equal levels should vanish, and then compare
    these traces. So the order of the nine additions matters: one column of the window after the other, as in
    `columns`, each from its lowest row up. pad: a mode of numpy.pad.
    """
    v = np.pad(x.values / 255, 1, mode=pad)
    m, n = x.shape
    sx, sy = np.zeros((m, n)), np.zeros((m, n))
    smooth, step = (1, 2, 1), (-1, 0, 1)
    for j in columns:
        for i in (2, 1, 0):
            part = v[i : i + m, j : j + n]
            sx += smooth[i] * step[j] * part
            sy += step[i] * smooth[j] * part
    return sx, sy
