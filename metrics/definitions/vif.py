from __future__ import annotations

import cv2
import numpy as np

from ..images import Image, once
from ..registry import Undefined, metric

WINDOWS = (17, 9, 5, 3)
SMALLEST = 41  # the shorter side, so that no scale is empty
NOISE = 2.0


def gaussian(n: int, sigma: float) -> np.ndarray:
    k = np.arange(n) - (n - 1) / 2
    w = np.exp(-k * k / (2 * sigma * sigma))
    return w / w.sum()


def valid(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """x filtered by w along both axes, where the window fits."""
    r = len(w) // 2
    return cv2.sepFilter2D(x, cv2.CV_64F, w, w, borderType=cv2.BORDER_CONSTANT)[r:-r, r:-r]


@once
def scales(x: Image) -> list[np.ndarray]:
    """The image at the four scales: each next one filtered with its own window, every second row and column
    kept.
    """
    levels = [x.values]
    for n in WINDOWS[1:]:
        levels.append(np.ascontiguousarray(valid(levels[-1], gaussian(n, n / 5))[::2, ::2]))
    return levels


@once
def scale_moments(x: Image) -> list[tuple[np.ndarray, np.ndarray]]:
    """Local mean and variance (not below 0) at each scale."""
    found = []
    for n, level in zip(WINDOWS, scales(x)):
        w = gaussian(n, n / 5)
        mean = valid(level, w)
        variance = valid(level * level, w)
        variance -= mean * mean
        found.append((mean, np.maximum(variance, 0, out=variance)))
    return found


@once
def information(f: Image, s: Image) -> tuple[float, float]:
    """What of the information in source s is in f, and what there is in s, summed over scales and positions
    (nats).
    """
    kept = there = 0.0
    for n, x, y, (m1, s1), (m2, s2) in zip(WINDOWS, scales(s), scales(f), scale_moments(s), scale_moments(f)):
        s12 = valid(x * y, gaussian(n, n / 5))
        s12 -= m1 * m2
        g = s12 / (s1 + 1e-10)
        rest = s2 - g * s12
        flat = s1 < 1e-10
        if flat.any():
            g[flat], rest[flat] = 0, s2[flat]
        flat = s2 < 1e-10
        if flat.any():
            g[flat], rest[flat] = 0, 0
        inverse = g < 0
        rest[inverse] = s2[inverse]
        g[inverse] = 0
        np.maximum(rest, 1e-10, out=rest)
        rest += NOISE
        g *= g
        g *= s1
        g /= rest
        kept += log_sum(g)
        there += log_sum(s1 / NOISE)
    return kept, there


def log_sum(x: np.ndarray) -> float:
    """Sum of log(1 + x); x is overwritten."""
    return float(np.log1p(x, out=x).sum())


def fidelity(f: Image, a: Image, b: Image, flat: float | None) -> float:
    """flat: the value for a source without any variance; None where that is undefined."""
    if min(f.shape) < SMALLEST:
        raise Undefined(
            f"needs a shorter side of at least {SMALLEST} pixels for its four scales, not {min(f.shape)}"
        )
    value = 0.0
    for name, s in (("ir", a), ("vis", b)):
        # The filters leave rounding noise of a flat source; hence the test on the levels.
        if s.levels.min() == s.levels.max():
            if flat is None:
                raise Undefined(f"{name} is constant: no information to keep")
            value += flat
            continue
        kept, there = information(f, s)
        value += kept / there
    return value


@metric(
    "VIF",
    title="Visual information fidelity, pixel domain",
    year=2006,
    family="fidelity",
    direction=+1,
    range="0 .. (2 where nothing is sharper than the sources)",
    unit="1",
    source="Sheikh & Bovik, IEEE Trans. Image Process. 15, 430 (2006); the authors' pixel-domain code, vifp",
    protocols={"standard": "sum over the two sources"},
)
def VIF(f, a, b):
    """VIF = sum over the sources S of sum log(1 + g^2 s_S / (v + 2)) / sum log(1 + s_S / 2).

    Both sums run over four scales (gaussian windows of 17, 9, 5, 3 pixels, sigma a fifth of it, where they
    fit) and all positions; s_S, s_F, s_SF are local variances and covariance, g = s_SF / (s_S + 1e-10) the
    gain of F over S (not below 0), v = s_F - g s_SF what F has besides. Between scales: the next window's
    filter, then every second row and column. The field prints the sum over the sources; some call it VIFF,
    which is another metric. Undefined where the shorter side is below 41 pixels (a scale would be empty) or a
    source is constant.
    """
    return fidelity(f, a, b, flat=None)


@VIF.dialect(
    "cddfuse",
    note=(
        "a constant source counts 1; below 41 pixels, where the code silently swaps window and image, "
        "undefined"
    ),
)
def flat_source_counts_one(f, a, b):
    return fidelity(f, a, b, flat=1.0)
