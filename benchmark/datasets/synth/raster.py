"""Polygons and lines as pixels, by arithmetic that every machine does alike: see `exact`.

OpenCV's own change at the edges from version to version. Pixel centres have whole coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

_LESS = 2.0**-20


def polygon(corners: np.ndarray, width: int, height: int) -> tuple[tuple[slice, slice], np.ndarray] | None:
    """The pixels of a polygon (N, 2), which may be concave, within a picture of this size: a part of the picture and
    a mask for it, bool; None where nothing is within.

    Edges are rounded to the nearest pixels, which are drawn: nothing is too thin to be seen.
    """
    (x_low, low), (x_high, high) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    top, bottom = max(math.floor(low + 0.5), 0), min(math.floor(high + 0.5) + 1, height)
    left, right = max(math.floor(x_low + 0.5), 0), min(math.floor(x_high + 0.5) + 1, width)
    if top >= bottom or left >= right:
        return None
    part = slice(top, bottom), slice(left, right)
    if high - low < 2 * _LESS:
        return part, np.ones((bottom - top, right - left), bool)
    rows = np.arange(top, bottom, dtype=np.float64)[:, None]
    if top < low:
        rows[0] = low
    if bottom - 1 >= high:
        rows[-1] = high - _LESS
    following = np.concatenate((corners[1:], corners[:1]))
    x, y, next_y = corners[:, 0], corners[:, 1], following[:, 1]
    run, fall = (following - corners).T
    fall[fall == 0] = 1  # level edges cross no row
    places = (rows - y) * (run / fall)
    places += x
    places[(y <= rows) == (next_y <= rows)] = np.inf
    places.sort(axis=1)
    columns = np.arange(left, right)
    mask = _between(columns, places, 0)
    for k in range(2, len(corners) - 1, 2):
        if places[:, k].min() == np.inf:
            break
        mask |= _between(columns, places, k)
    return part, mask


def _between(columns: np.ndarray, places: np.ndarray, k: int) -> np.ndarray:
    inside = columns >= places[:, k : k + 1] - 0.5
    inside &= columns <= places[:, k + 1 : k + 2] + 0.5
    return inside


def lines(ends: Sequence[tuple[float, float, float, float]], width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """The pixels, as rows and columns, of lines one pixel thick, each (x0, y0, x1, y1)."""
    x0, y0, x1, y1 = np.array(ends, np.float64).reshape(-1, 4).T
    count = np.ceil(np.maximum(np.abs(x1 - x0), np.abs(y1 - y0))).astype(int) + 1
    line = np.repeat(np.arange(len(count)), count)
    step = np.arange(len(line)) - np.repeat(np.cumsum(count) - count, count)
    share = step / np.maximum(count - 1, 1)[line]
    columns = np.floor(x0[line] + (x1 - x0)[line] * share + 0.5).astype(int)
    rows = np.floor(y0[line] + (y1 - y0)[line] * share + 0.5).astype(int)
    within = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    return rows[within], columns[within]
