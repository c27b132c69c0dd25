from __future__ import annotations

import cv2
import numpy as np

from .. import kernel
from ..declaring import metric
from ..filters import gaussian, valid
from ..images import Field, Image, Undefined, bands, is_constant, needs_side, once

WINDOWS = (17, 9, 5, 3)
SMALLEST = 41  # the shorter side, so that no scale is empty
NOISE = 2.0
BAND = 64


def scales(x: Image) -> list[Field]:
    """The image at the four scales."""
    return [x, *further_scales(x)]


@once
def further_scales(x: Image) -> list[Field]:
    """Each scale is the one before, filtered with its own window, every second row and column kept."""
    found: list[Field] = []
    for n in WINDOWS[1:]:
        w = gaussian(n, n / 5)
        # Bands of an even number of rows, so that every second row of each is every second row of all.
        parts = [valid(band.values, w)[::2, ::2] for (band,) in bands((found[-1] if found else x,), BAND, n - 1)]
        found.append(Field(np.concatenate(parts)))
    return found


@once
def moments(x: Field, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance (not below 0) in the window of n pixels."""
    w = gaussian(n, n / 5)
    mean = valid(x.values, w)
    variance = valid(x.values, w, x.values)
    variance -= mean * mean
    return mean, np.maximum(variance, 0, out=variance)


def covariance(x: Field, y: Field, n: int) -> np.ndarray:
    product = valid(x.values, gaussian(n, n / 5), y.values)
    product -= moments(x, n)[0] * moments(y, n)[0]
    return product


def gained(s1: np.ndarray, s2: np.ndarray, s12: np.ndarray) -> tuple[float, float]:
    """Information kept and information there (nats). s1, s2, s12: variance of the source, of F, covariance."""
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
    return log_sum(g), log_sum(s1 / NOISE)


def log_sum(x: np.ndarray) -> float:
    """Sum of log(1 + x); x is overwritten."""
    return float(np.log1p(x, out=x).sum())


def informations_in_numpy(f: Image, a: Image, b: Image) -> np.ndarray:
    """As `informations`, in nats."""
    sums = np.zeros((2, 2))
    for n, *images in zip(WINDOWS, scales(f), scales(a), scales(b)):
        for band, *sources in bands(tuple(images), BAND, n - 1):
            for k, s in enumerate(sources):
                sums[k] += gained(moments(s, n)[1], moments(band, n)[1], covariance(band, s, n))
    return sums


WEIGHTS = np.concatenate([gaussian(n, n / 5) for n in WINDOWS])


@once
def compiled_scales(x: Image) -> np.ndarray:
    """All scales but the first, one after the other."""
    return kernel.library().vif_scales(x.levels, WEIGHTS[WINDOWS[0] :])


def informations(f: Image, a: Image, b: Image):
    """(kept, there) of source a, then of source b."""
    if library := kernel.library():
        images = (f, a, b)
        sums = library.vif([x.levels for x in images], [compiled_scales(x) for x in images], WEIGHTS)
        return sums.reshape(2, 2).tolist()
    return informations_in_numpy(f, a, b).tolist()


def fidelity(f: Image, a: Image, b: Image, flat: float | None) -> float:
    """flat: the value for a source without any variance; None where that is undefined."""
    needs_side(f, SMALLEST, "for its four scales")
    value = 0.0
    for name, s, (kept, there) in zip(("ir", "vis"), (a, b), informations(f, a, b)):
        # The filters leave rounding noise of a flat source; hence the test on the levels.
        if not is_constant(s):
            value += kept / there
        elif flat is None:
            raise Undefined(f"{name} is constant: no information to keep")
        else:
            value += flat
    return value


@metric(
    "VIF",
    title="Visual information fidelity, pixel domain",
    year=2006,
    family="fidelity",
    direction=+1,
    range="0 .. about 2",
    unit="1",
    source="Sheikh & Bovik, IEEE Trans. Image Process. 15, 430 (2006); the authors' pixel-domain code, vifp",
    protocols={
        "standard": "sum over the sources",
        "tang2023": "sum over the sources",
        "tang-py": "sum over the sources",
    },
)
def VIF(f, a, b):
    """VIF = sum over the sources S of sum log(1 + g^2 s_S / (v + 2)) / sum log(1 + s_S / 2).

    Both sums run over four scales (gaussian windows of 17, 9, 5, 3 pixels, sigma a fifth of it, where they
    fit) and all positions. s_S, s_F, s_SF are local variances and covariance, g = s_SF / (s_S + 1e-10) the
    gain of F over S (not below 0), v = s_F - g s_SF what F has besides. From scale to scale the images are
    filtered by the next window, then every second row and column is kept. A source that F equals counts 1,
    and more where F enhances its contrast. The field prints the sum over the sources; some call it VIFF,
    which is another metric. Undefined where the shorter side is below 41 pixels (a scale would be empty) or a
    source is constant.
    """
    return fidelity(f, a, b, flat=None)


@VIF.dialect(
    "cddfuse",
    note="a constant source counts 1; below 41 pixels, where the code swaps window and image, undefined",
)
def flat_source_counts_one(f, a, b):
    return fidelity(f, a, b, flat=1.0)


def saturated(x: np.ndarray) -> np.ndarray:
    return np.minimum(x, 255)


@VIF.dialect(
    "tang2022",
    note="8-bit arithmetic: squares and products saturate at 255 at the first scale, so that it means little",
)
def saturating(f, a, b):
    needs_side(f, SMALLEST, "for its four scales")
    value = 0.0
    for s in (a, b):
        kept = there = 0.0
        for n, level_s, level_f in zip(WINDOWS, scales(s), scales(f)):
            x, y = level_s.values, level_f.values
            w = gaussian(n, n / 5)
            product = saturated if n == WINDOWS[0] else np.asarray
            m1, m2 = valid(x, w), valid(y, w)
            s1 = np.maximum(valid(product(x * x), w) - m1 * m1, 0)
            s2 = np.maximum(valid(product(y * y), w) - m2 * m2, 0)
            s12 = valid(product(x * y), w) - m1 * m2
            sums = gained(s1, s2, s12)
            kept, there = kept + sums[0], there + sums[1]
        if there == 0:
            raise Undefined("a source has no variance left")
        value += kept / there
    return value


def framed(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """x correlated with w along both axes, zeros beyond the border."""
    return cv2.sepFilter2D(x, cv2.CV_64F, w, w, borderType=cv2.BORDER_CONSTANT)


def off_centre(n: int) -> np.ndarray:
    """n samples of a gaussian of sigma n / 5 on the grid from floor(-n / 2) to floor(n / 2), with sum 1."""
    k = np.linspace(-n // 2, n // 2, n)
    w = np.exp(-k * k / (2 * (n / 5) ** 2))
    return w / w.sum()


@once
def framed_scales(x: Image) -> list[np.ndarray]:
    """As `scales`, with zeros beyond the border and off-centre windows."""
    levels = [x.values]
    for n in WINDOWS[1:]:
        levels.append(np.ascontiguousarray(framed(levels[-1], off_centre(n))[::2, ::2]))
    return levels


@VIF.dialect("ivifzoo", note="off-centre windows and zeros beyond the border: a few percent higher")
def off_centre_windows(f, a, b):
    value = 0.0
    for s in (a, b):
        if is_constant(s):
            raise Undefined("a source is constant: no information to keep")
        kept = there = 0.0
        for n, x, y in zip(WINDOWS, framed_scales(s), framed_scales(f)):
            w = off_centre(n)
            m1, m2 = framed(x, w), framed(y, w)
            s1 = np.maximum(framed(x * x, w) - m1 * m1, 0)
            s2 = np.maximum(framed(y * y, w) - m2 * m2, 0)
            s12 = framed(x * y, w) - m1 * m2
            sums = gained(s1, s2, s12)
            kept, there = kept + sums[0], there + sums[1]
        value += kept / there
    return value
