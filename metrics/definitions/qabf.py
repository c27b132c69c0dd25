from __future__ import annotations

import cv2
import numpy as np

from .. import kernel
from ..defining import metric
from ..filters import sobel, sobel_on_unit_range
from ..images import Image, Undefined, bands, once

BAND = 32


def inner_edges(x: Image) -> tuple[np.ndarray, np.ndarray]:
    """Strength and orientation (-pi/2, pi/2] of the edges, one pixel from the border on: Sobel.

    The orientation is atan(Sy / Sx), Sx = left minus right column, Sy = lower minus upper row, and pi/2 where
    Sx = 0.
    """
    sx, sy = (s[1:-1, 1:-1] for s in sobel(x, cv2.BORDER_CONSTANT))
    return strength_and_orientation(-sx, sy)


@once
def edges_on_unit_range(x: Image, columns: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Strength and orientation of the edges of x / 255, with zeros beyond the border. Where Sx should vanish,
    the sign of what rounding leaves decides the orientation.
    """
    sx, sy = sobel_on_unit_range(x, "constant", columns)
    return strength_and_orientation(-sx, sy)


def strength_and_orientation(sx: np.ndarray, sy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    strength = np.sqrt(sx * sx + sy * sy)
    flat = sx == 0
    orientation = np.arctan(sy / np.where(flat, 1, sx))
    orientation[flat] = np.pi / 2
    return strength, orientation


def preserved(f, s, equal_is_one: bool) -> tuple[float, float]:
    """Sum over the pixels of the weighted edge preservation from s to f, and of the weights.

    f, s: strength and orientation. equal_is_one: whether the ratio of equal strengths is 1, as it should be,
    or the strength itself.
    """
    (g_f, a_f), (g_s, a_s) = f, s
    high = np.maximum(g_s, g_f)
    same = g_s == g_f
    ratio = np.minimum(g_s, g_f)
    ratio /= np.where(high > 0, high, 1)
    ratio[same] = 1 if equal_is_one else g_f[same]
    # exp(-15 (G - 0.5)) and exp(-22 (A - 0.8)), A = 1 - |a_s - a_f| / (pi/2)
    ratio *= -15
    ratio += 7.5
    strength = np.exp(ratio, out=ratio)
    angle = a_s - a_f
    np.abs(angle, out=angle)
    angle *= 22 / (np.pi / 2)
    angle -= 4.4
    np.exp(angle, out=angle)
    strength += 1
    angle += 1
    strength *= angle
    return 0.9994 * 0.9879 * float(np.sum(g_s / strength)), float(g_s.sum())


def edge_preservation(f, a, b, equal_is_one: bool) -> float:
    """f, a, b: strength and orientation of the images' edges."""
    kept_a, weight_a = preserved(f, a, equal_is_one)
    kept_b, weight_b = preserved(f, b, equal_is_one)
    return ratio(kept_a + kept_b, weight_a + weight_b)


def ratio(kept: float, weight: float) -> float:
    if weight == 0:
        raise Undefined("no source has an edge")
    return kept / weight


def of_levels(f: Image, a: Image, b: Image, equal_is_one: bool) -> float:
    if library := kernel.library():
        return ratio(*library.qabf(f.levels, a.levels, b.levels, equal_is_one))
    kept = weight = 0.0
    for band in bands(tuple(Image(np.pad(x.levels, 1)) for x in (f, a, b)), BAND, 2):
        edges_f, *sources = (inner_edges(x) for x in band)
        for edges_s in sources:
            more, total = preserved(edges_f, edges_s, equal_is_one)
            kept, weight = kept + more, weight + total
    return ratio(kept, weight)


@metric(
    "Qabf",
    title="Edge preservation",
    year=2000,
    family="gradient",
    direction=+1,
    range="0 .. 0.9748",
    unit="1",
    source="Xydeas & Petrovic, Electron. Lett. 36, 308 (2000)",
    protocols={"standard": "the definition"},
)
def Qabf(f, a, b):
    """Qabf = sum(Q_AF g_A + Q_BF g_B) / sum(g_A + g_B), where Q_SF = Q_g Q_a compares the edges of source S
    with those of F.

    Sobel gradients with zeros beyond the border; strength g = sqrt(Sx^2 + Sy^2), orientation a = atan(Sy /
    Sx), pi/2 where Sx = 0. G = min(g_S, g_F) / max(g_S, g_F), Q_g = 0.9994 / (1 + exp(-15 (G - 0.5))); A = 1
    - |a_S - a_F| / (pi/2), Q_a = 0.9879 / (1 + exp(-22 (A - 0.8))). The constants keep the value of a perfect
    fusion below 1, at 0.9748. Undefined where neither source has an edge.
    """
    return of_levels(f, a, b, equal_is_one=True)


@Qabf.dialect(
    "cddfuse",
    "tang2023",
    "tang-py",
    "vifb",
    "ivifzoo",
    note="where g_S = g_F, G is the strength itself instead of 1: slightly higher, at most 0.9753",
)
def equal_strength_kept(f, a, b):
    return of_levels(f, a, b, equal_is_one=False)


UNIT_RANGE = "images in 0..1, and where g_S = g_F, G is the strength itself instead of 1: equal edges are punished"


@Qabf.dialect("tang2022", note=f"{UNIT_RANGE} (rounded as in MATLAB)")
def on_unit_range_in_matlab(f, a, b):
    return edge_preservation(*(edges_on_unit_range(x, (2, 1, 0)) for x in (f, a, b)), equal_is_one=False)


@Qabf.dialect("hli", note=f"{UNIT_RANGE} (rounded as in Octave)")
def on_unit_range_in_octave(f, a, b):
    return edge_preservation(*(edges_on_unit_range(x, (0, 1, 2)) for x in (f, a, b)), equal_is_one=False)
