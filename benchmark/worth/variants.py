"""Alter fused images in a controlled way: noise, sharpening, contrast and the like, each of a stated strength.

A variant is made of a stored image, 8-bit luminance, and is saved as such: floor(x + 1/2) of the altered levels x,
clipped to [0, 255]. It depends on that image, the pair's id (noise alone) and the strength, and on nothing else.

Source of unsharp masking and of the gamma curve: R. C. Gonzalez and R. E. Woods, Digital Image Processing, 4th edition
(2018), sections 3.6 and 3.2.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from benchmark.errors import UserError, unknown

# Part of the key of every altered image. Raise it when this module makes other pixels.
VERSION = "1"

RADIUS = 1.0  # of the unsharp mask: standard deviation of its Gaussian, in pixels
DEFAULT = ("noise-8", "sharpen-1", "contrast-1.3", "gamma-0.7", "brightness-20", "blur-1", "full-range")
_STRENGTH = re.compile(r"-?\d{1,4}(\.\d{1,4})?")


@dataclass(frozen=True)
class Alteration:
    """A way to alter an image.

    says: what it does, with {} for the strength. neutral: the strength that changes nothing; None where there is no
    strength to choose. lowest, highest: of the strengths that are taken. alter: (levels (H, W) float64, strength, id)
    -> levels.
    """

    says: str
    neutral: float | None
    lowest: float
    highest: float
    alter: Callable[[np.ndarray, float, str], np.ndarray]


def _noise(levels: np.ndarray, strength: float, id: str) -> np.ndarray:
    """Add the same field of each pair in every variant and method, times the strength: only the strength differs."""
    seed = int(sha256(f"noise {id}".encode()).hexdigest()[:16], 16)
    return levels + strength * np.random.default_rng(seed).standard_normal(levels.shape)


def _blurred(levels: np.ndarray, sigma: float) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(levels, sigma, mode="nearest")


def _contrast(levels: np.ndarray, strength: float, id: str) -> np.ndarray:
    mean = levels.mean()
    return mean + strength * (levels - mean)


def _full_range(levels: np.ndarray, strength: float, id: str) -> np.ndarray:
    low, high = levels.min(), levels.max()
    return levels if low == high else (levels - low) * (255 / (high - low))


ALTERATIONS = {
    "noise": Alteration("Gaussian noise of standard deviation {} levels, seeded by the pair's id", 0, 0, 255, _noise),
    "sharpen": Alteration(
        f"unsharp mask of radius {RADIUS:g} px and amount {{}}",
        0,
        0,
        100,
        lambda levels, amount, id: levels + amount * (levels - _blurred(levels, RADIUS)),
    ),
    "contrast": Alteration("gain {} about the image's mean", 1, 0.01, 100, _contrast),
    "gamma": Alteration(
        "gamma curve 255 (x / 255)^{}", 1, 0.01, 100, lambda levels, gamma, id: 255 * (levels / 255) ** gamma
    ),
    "brightness": Alteration("{} levels added", 0, -255, 255, lambda levels, shift, id: levels + shift),
    "blur": Alteration(
        "Gaussian blur of standard deviation {} px", 0, 0, 100, lambda levels, sigma, id: _blurred(levels, sigma)
    ),
    "full-range": Alteration("stretched from its minimum to its maximum", None, 0, 0, _full_range),
}


@dataclass(frozen=True)
class Variant:
    """An alteration of one strength. kind: a key of ALTERATIONS. strength: 0 where the kind has none to choose."""

    kind: str
    strength: float = 0.0

    def __str__(self) -> str:
        """Return its name, such as "noise-8" or "full-range"."""
        return self.kind if ALTERATIONS[self.kind].neutral is None else f"{self.kind}-{self.strength:.7g}"

    @property
    def says(self) -> str:
        """Say what it does."""
        return ALTERATIONS[self.kind].says.format(f"{self.strength:.7g}")

    def alter(self, image: np.ndarray, id: str) -> np.ndarray:
        """Alter a fused image. image: uint8 (H, W), luminance. id: of its pair. Returns uint8 (H, W); an equal image
        where the strength is the neutral one. Raises ValueError for another kind of array."""
        if image.dtype != np.uint8 or image.ndim != 2:
            raise ValueError(f"a luminance image is uint8 (H, W), not {image.dtype} {image.shape}")
        levels = ALTERATIONS[self.kind].alter(image.astype(np.float64), self.strength, id)
        return np.floor(np.clip(levels, 0, 255) + 0.5).astype(np.uint8)


def read(names: Sequence[str]) -> tuple[Variant, ...]:
    """Read names such as "noise-8", "gamma-0.7", "brightness--20" or "full-range", each variant once. Raises UserError
    for a name of another form, an unknown kind, and a strength outside its range."""
    return tuple(dict.fromkeys(map(_read, names)))


def _read(name: str) -> Variant:
    if name in ALTERATIONS and ALTERATIONS[name].neutral is None:
        return Variant(name)
    kind, _, text = name.partition("-")
    if kind not in ALTERATIONS:
        raise unknown("kind of variant", kind if text and _STRENGTH.fullmatch(text) else name, ALTERATIONS)
    about = ALTERATIONS[kind]
    if not _STRENGTH.fullmatch(text):
        example = next(one for one in DEFAULT if one.startswith(f"{kind}-"))
        raise UserError(f"--variants {name}: expected {kind}-STRENGTH, such as {example}")
    strength = float(text)
    if not about.lowest <= strength <= about.highest:
        raise UserError(
            f"--variants {name}: a strength of {kind} is from {about.lowest:g} to {about.highest:g}, not {strength:g}"
        )
    return Variant(kind, math.copysign(strength, 1) if strength == 0 else strength)
