"""One image as all metrics see it, and what is computed from images only once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property, wraps

import numpy as np


class Undefined(ArithmeticError):
    """A metric has no value for these images; the text is the reason."""


class Field:
    """Real values on a grid, and the cache of what was computed from them.

    values: float64, (H, W).
    """

    def __init__(self, values: np.ndarray) -> None:
        self.values = values
        self.cache: dict = {}

    @property
    def shape(self) -> tuple[int, int]:
        return self.values.shape

    @property
    def size(self) -> int:
        return self.values.size


class Image(Field):
    """Grey levels of one image.

    levels: uint8, (H, W), C-contiguous.
    """

    def __init__(self, levels: np.ndarray) -> None:
        self.levels = levels
        self.cache = {}

    @property
    def shape(self) -> tuple[int, int]:
        return self.levels.shape

    @property
    def size(self) -> int:
        return self.levels.size

    @cached_property
    def values(self) -> np.ndarray:
        """The levels as float64, (H, W)."""
        return self.levels.astype(np.float64)


def once(function: Callable) -> Callable:
    """Decorator: `function(image, *others)` is computed once for these images (and options) and kept with
    `image`.

    So the fused image must come first: what depends on it then goes when it goes, and what depends on the
    sources alone stays as long as their `Pair`.
    """

    @wraps(function)
    def cached(image: Field, *others):
        # An image within its own cache would be freed only by the garbage collector.
        key = (function, *("itself" if other is image else other for other in others))
        if key not in image.cache:
            result = function(image, *others)
            image.cache[key] = "itself" if result is image else result
        kept = image.cache[key]
        return image if isinstance(kept, str) else kept

    return cached


def bands(images: tuple[Field, ...], size: int, reach: int = 0) -> Iterator[tuple[Field, ...]]:
    """The images in bands of `size` rows and `reach` more, so that every window of reach + 1 rows is in one
    band.

    Maps of whole large images would need new memory each time, which is slow.
    """
    for start in range(0, images[0].shape[0] - reach, size):
        rows = slice(start, start + size + reach)
        yield tuple(Image(x.levels[rows]) if isinstance(x, Image) else Field(x.values[rows]) for x in images)


@once
def is_constant(x: Image) -> bool:
    return bool(x.levels.min() == x.levels.max())


@once
def stretched(x: Image) -> Image:
    """The levels stretched to 0..255: round(255 (x - min) / (max - min)), halves up. Distinct levels stay
    distinct.

    Raises Undefined for a constant image.
    """
    low, high = int(x.levels.min()), int(x.levels.max())
    if low == high:
        raise Undefined("a constant image cannot be stretched to 0..255")
    if (low, high) == (0, 255):
        return x
    k = np.arange(high + 1) - low
    table = np.zeros(256, np.uint8)
    table[low : high + 1] = np.floor(255 * k[low:] / (high - low) + 0.5)
    return Image(table[x.levels])


def needs_side(x: Field, side: int, why: str) -> None:
    """Raises Undefined where the shorter side of x is below `side` pixels."""
    if min(x.shape) < side:
        raise Undefined(f"needs at least {side}x{side} pixels {why}, not {x.shape[0]}x{x.shape[1]}")


def shape(sides) -> str:
    """The sides of an array in order: "48x64" for 48 rows of 64."""
    return "x".join(map(str, sides)) or "of a single number"


def to_levels(image, name: str) -> np.ndarray:
    """`image` as uint8 levels, C-contiguous. Floats are rounded to the nearest level (halves to even).

    Raises ValueError, one line that says what was expected, for anything but finite real numbers in 0..255 in
    an array of two dimensions (three, with three channels, for colour).
    """
    array = np.asarray(image)
    expected = f"{name}: expected grey levels 0..255 in an array (H, W), uint8 or float"
    if array.dtype == object or array.dtype.kind not in "uif":
        raise ValueError(f"{expected}; got dtype {array.dtype}")
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)) or array.size == 0:
        raise ValueError(f"{expected}; got shape {shape(array.shape)}")
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    low, high = array.min(), array.max()
    if array.dtype.kind == "f":
        if not np.isfinite(low) or not np.isfinite(high):
            raise ValueError(f"{expected}; got NaN or infinite values")
        if low >= 0 and 0 < high <= 1 and (array != np.rint(array)).any():
            raise ValueError(f"{expected}; got values in {low:.3g}..{high:.3g}: multiply by 255")
    if low < 0 or high > 255:
        raise ValueError(f"{expected}; got values in {low:.10g}..{high:.10g}")
    return np.ascontiguousarray(np.rint(array).astype(np.uint8))
