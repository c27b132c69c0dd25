"""Arithmetic that gives the same bits on every machine.

IEEE 754 fixes + - * / and the square root, but no sine, exponential or power: those differ between C libraries and
between the vector units that numpy chooses from. Nor does it fix a whole expression: a compiler may fuse a product
with a sum, and add in any order. So everything that pixels follow from is made of

- single operations on numbers or, elementwise, on arrays, where there is nothing to fuse or to reorder;
- the functions below, made of such operations;
- sums of products in which every partial result is representable (whole numbers, small enough), for which order and
  fusing do not matter: those of `exact_filters`, whatever OpenCV runs them on;
- the polygons and lines of `raster`: OpenCV's differ between its versions;
- `Draws`, on a bit generator whose stream numpy promises never to change (it does not promise that for the methods
  of `numpy.random.Generator`).

Python's ``sum`` of floats, ``math.hypot`` and ``**`` are left out too: they differ between versions of Python or call
the C library.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

_HALF_PI = math.pi / 2
_LN2 = 0.6931471805599453
# Taylor coefficients; what is left out is below 1e-15 of the value.
_SINE = tuple((-1) ** k / math.factorial(2 * k + 1) for k in range(1, 8))
_COSINE = tuple((-1) ** k / math.factorial(2 * k) for k in range(1, 9))
_POWER = tuple(1 / math.factorial(k) for k in range(1, 15))


def cos_sin(angle: float) -> tuple[float, float]:
    """Cosine and sine of an angle in radians."""
    quarter = math.floor(angle / _HALF_PI + 0.5)
    rest = angle - quarter * _HALF_PI
    square = rest * rest
    sine = cosine = 0.0
    for factor in reversed(_SINE):
        sine = (sine + factor) * square
    for factor in reversed(_COSINE):
        cosine = (cosine + factor) * square
    sine, cosine = rest + rest * sine, 1.0 + cosine
    return ((cosine, sine), (-sine, cosine), (-cosine, -sine), (sine, -cosine))[quarter % 4]


def cos(angle: float) -> float:
    return cos_sin(angle)[0]


def sin(angle: float) -> float:
    return cos_sin(angle)[1]


def exp2(power: np.ndarray | float) -> np.ndarray:
    """2 to the `power`, elementwise, float64; powers are cut to -100..100."""
    power = np.clip(np.asarray(power, np.float64), -100, 100)
    whole = np.floor(power)
    rest = (power - whole) * _LN2
    value = np.zeros_like(rest)
    for factor in reversed(_POWER):
        value = (value + factor) * rest
    return np.ldexp(value + 1, whole.astype(np.int32))


def norm(*sides: float) -> float:
    """The length of a vector."""
    return math.sqrt(total(side * side for side in sides))


def total(values: Iterable[float]) -> float:
    """The sum of numbers, added one after the other."""
    result = 0.0
    for value in values:
        result += value
    return result


def steps(start: float, stop: float, step: float) -> list[float]:
    """`start`, start + step, … below `stop`."""
    return [start + k * step for k in range(max(math.ceil((stop - start) / step), 0))]


class Draws:
    """Random numbers, the same for the same key of non-negative integers: methods as numpy's Generator has them.

    Scalars are Python's own numbers where no `shape` is given.
    """

    def __init__(self, *key: int) -> None:
        self._bits = np.random.PCG64(list(key))

    def random(self, shape: int | Sequence[int] | None = None):
        """From 0 to below 1, in steps of 2^-53."""
        if shape is None:
            return (self._bits.random_raw() >> 11) * 2.0**-53
        return (self._raw(shape) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def uniform(self, low: float, high: float, shape: int | Sequence[int] | None = None):
        return low + (high - low) * self.random(shape)

    def integers(self, low: int, high: int | None = None, shape: int | Sequence[int] | None = None):
        """From `low` to below `high`, or from 0 to below `low`; at most 2^32 apart."""
        low, high = (0, low) if high is None else (low, high)
        if shape is None:
            return low + ((self._bits.random_raw() >> 32) * (high - low) >> 32)
        scaled = (self._raw(shape) >> np.uint64(32)) * np.uint64(high - low)
        return low + (scaled >> np.uint64(32)).astype(np.int64)

    def normal(self, mean: float, deviation: float) -> float:
        """Normal but for the tails: the sum of twelve uniform numbers of 16 bits."""
        lanes = 0
        for _ in range(3):
            bits = self._bits.random_raw()
            lanes += (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48)
        return mean + deviation * ((lanes - 12 * 32767.5) / 65536)

    def standard_normal(self, shape: int | Sequence[int]) -> np.ndarray:
        """Mean 0, deviation 1, float32, normal but for the tails: sums of eight uniform bytes."""
        bits = self._raw(shape)
        bits = (bits & np.uint64(0x00FF00FF00FF00FF)) + (bits >> np.uint64(8) & np.uint64(0x00FF00FF00FF00FF))
        bits = bits + (bits >> np.uint64(32))
        bytes_sum = (bits + (bits >> np.uint64(16)) & np.uint64(0xFFFF)).astype(np.float32)
        return (bytes_sum - np.float32(8 * 127.5)) / np.float32(209.0223)

    def choice(self, options: Sequence, p: Sequence[float] | None = None):
        """One of `options`, each as likely as the others or with the probabilities `p`."""
        if p is None:
            return options[self.integers(len(options))]
        left = self.random()
        for option, likely in zip(options, p):
            left -= likely
            if left < 0:
                return option
        return options[-1]

    def _raw(self, shape: int | Sequence[int]) -> np.ndarray:
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        return self._bits.random_raw(math.prod(shape)).reshape(shape)
