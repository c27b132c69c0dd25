from __future__ import annotations

from functools import lru_cache

import numpy as np

from ..declaring import metric
from ..filters import same
from ..images import Image, Undefined, is_constant, once, stretched
from .qcv import filtered, frequencies

ROUNDING = 1e-9


def response(r: np.ndarray) -> np.ndarray:
    """Difference of gaussians, the contrast sensitivity of the metric."""
    return np.exp(-((r / 15.3870) ** 2)) - 0.7622 * np.exp(-((r / 1.3456) ** 2))


def window(sigma: float) -> np.ndarray:
    """31 values of a gaussian density."""
    k = np.arange(-15, 16)
    return np.exp(-k * k / (2 * sigma * sigma)) / (np.sqrt(2 * np.pi) * sigma)


def compressed(v: np.ndarray, eps: float) -> np.ndarray:
    """Masked contrast c^3 / (c^2 + 0.0001) of the filtered image v; eps is added to the denominator of c."""
    c = np.abs(same(v, window(2)) / (same(v, window(4)) + eps) - 1)
    return c**3 / (c**2 + 0.0001)


@once
def padded_contrast(x: Image) -> np.ndarray:
    return compressed(filtered(x.values, response(frequencies(x.shape, 15))), 0.0)


def padded_preserved(c_f: np.ndarray, c_a: np.ndarray, c_b: np.ndarray, eps: float) -> float:
    total = c_a**2 + c_b**2 + eps
    quality = sum(c**2 / total * np.minimum(c, c_f) / np.maximum(c, c_f) for c in (c_a, c_b))
    return float(quality.mean())


@lru_cache(maxsize=1)
def inside(shape: tuple[int, int]) -> np.ndarray:
    """How much more of the window of sigma 2 than of that of sigma 4 lies within the image."""
    whole = np.ones(shape)
    return same(whole, window(2)) / same(whole, window(4))


@once
def masked_contrast(x: Image) -> np.ndarray:
    """As `padded_contrast`, of means over what of the windows lies within the image; 0 where there is only rounding."""
    v = filtered(x.values, response(frequencies(x.shape, 15)))
    fine, coarse = same(v, window(2)), same(v, window(4))
    c = np.abs(fine / np.where(coarse == 0, 1, coarse) / inside(x.shape) - 1)
    c[(c < ROUNDING) | (coarse == 0)] = 0
    return c**3 / (c**2 + 0.0001)


def preserved(c_f: np.ndarray, c_a: np.ndarray, c_b: np.ndarray) -> float:
    total = c_a**2 + c_b**2
    quality = np.zeros(c_f.shape)
    for c in (c_a, c_b):
        weight = np.where(total > 0, c**2 / np.where(total > 0, total, 1), 0.5)
        high = np.maximum(c, c_f)
        quality += weight * np.where(high > 0, np.minimum(c, c_f) / np.where(high > 0, high, 1), 1)
    return float(quality.mean())


def refuse_constant(f: Image, a: Image, b: Image) -> None:
    for name, x in (("fused", f), ("ir", a), ("vis", b)):
        if is_constant(x):
            raise Undefined(f"{name} is constant: no contrast")


@metric(
    "Qcb",
    title="Contrast preservation",
    year=2009,
    family="perceptual",
    direction=+1,
    range="0 .. 1",
    unit="1",
    source="Chen & Blum, Image Vis. Comput. 27, 1421 (2009)",
    protocols={"standard": "grey levels as they are, means over what of a window lies within the image"},
    note=(
        "With zeros beyond the border it would be up to 0.012 higher on six real triples, 0.001 lower on one. "
        "Where an image is black, contrast is a quotient of small numbers."
    ),
)
def Qcb(f, a, b):
    """Qcb = mean of l Q_AF + (1 - l) Q_BF, Q_SF = min(C_S, C_F) / max(C_S, C_F), l = C_A^2 / (C_A^2 + C_B^2).

    C is the masked contrast c^3 / (c^2 + 0.0001), c = |G2 * I / (G4 * I) - 1|, G gaussians of sigma 2 and 4
    on 31x31 pixels (means over what of them lies within the image), of the image I seen through exp(-(r /
    15.387)^2) - 0.7622 exp(-(r / 1.3456)^2), r in cycles per degree of an image 15 degrees wide and high. Where
    both sources lack contrast, l = 1/2; Q_SF = 1 where S and F do. Undefined for a constant image.
    """
    refuse_constant(f, a, b)
    return preserved(*map(masked_contrast, (f, a, b)))


@Qcb.dialect("liu2012", "vifb", note="each image stretched to 0..255 first; zeros beyond the border")
def of_stretched(f, a, b):
    return padded_preserved(*(padded_contrast(stretched(x)) for x in (f, a, b)), 0.0)


@once
def coarse_contrast(x: Image) -> np.ndarray:
    low, high = x.values.min(), x.values.max()
    r = frequencies(x.shape, 30)
    return compressed(filtered((x.values - low) / (high - low), response(r)), 1e-10)


@Qcb.dialect("ivifzoo", note="each image stretched to 0..1, frequencies taken for half of what they are")
def half_the_frequencies(f, a, b):
    refuse_constant(f, a, b)
    return padded_preserved(*map(coarse_contrast, (f, a, b)), 1e-10)
