"""Sums and products of levels over whole images, exact in integers, and what follows from them."""

from __future__ import annotations

import math

import numpy as np

from . import kernel
from .histograms import histogram
from .images import Image, bands, once

LEVELS = np.arange(256)
BAND = 64


@once
def total(x: Image) -> int:
    """Sum of the levels."""
    return int(np.dot(histogram(x), LEVELS))


@once
def product_sum(x: Image, y: Image) -> int:
    """Sum of x·y over the pixels."""
    if x is y:
        return int(np.dot(histogram(x), LEVELS**2))
    if library := kernel.library():
        return library.product_sum(x.levels, y.levels)
    # Exact in float64.
    return sum(int(np.dot(p.values.ravel(), q.values.ravel())) for p, q in bands((x, y), BAND))


def covariance(x: Image, y: Image) -> int:
    """N sum xy - sum x sum y, that is N^2 times the population covariance."""
    return x.size * product_sum(x, y) - total(x) * total(y)


def correlation(c_xy: int, c_xx: int, c_yy: int) -> float:
    """Pearson's r from three values of `covariance`; nan where a variance is 0."""
    if c_xx == 0 or c_yy == 0:
        return math.nan
    return max(-1.0, min(1.0, c_xy / (math.sqrt(c_xx) * math.sqrt(c_yy))))


@once
def squared_error(x: Image, y: Image) -> int:
    """Sum of (x - y)^2 over the pixels."""
    return product_sum(x, x) + product_sum(y, y) - 2 * product_sum(x, y)
