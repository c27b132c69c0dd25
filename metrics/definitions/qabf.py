from __future__ import annotations

import cv2
import numpy as np

from .. import kernel
from ..declaring import metric
from ..filters import sobel, sobel_on_unit_range
from ..images import Image, Undefined, bands, needs_side, once

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


def framed_preserved(f, s) -> tuple[float, float]:
    """As `preserved`, but the ratio of equal strengths is the strength itself, and orientations that differ by pi
    count as opposite.
    """
    (g_f, a_f), (g_s, a_s) = f, s
    high = np.maximum(g_s, g_f)
    same = g_s == g_f
    ratio = np.minimum(g_s, g_f)
    ratio /= np.where(high > 0, high, 1)
    ratio[same] = g_f[same]
    return weighted(ratio, 1 - np.abs(a_s - a_f) / (np.pi / 2), g_s)


def agreement(f, s) -> np.ndarray:
    """1 where two edges run the same way, 0 where they are at right angles or only one of them is there.

    f, s: strength and orientation; orientations that differ by pi are the same.
    """
    (g_f, a_f), (g_s, a_s) = f, s
    angle = np.abs(np.abs(a_s - a_f) - np.pi / 2) / (np.pi / 2)
    angle[(g_f == 0) != (g_s == 0)] = 0
    return angle


def preserved(f, s) -> tuple[float, float]:
    """Sum over the pixels of the weighted edge preservation from s to f, and of the weights.

    f, s: strength and orientation.
    """
    g_f, g_s = f[0], s[0]
    high = np.maximum(g_s, g_f)
    return weighted(np.minimum(g_s, g_f) / np.where(high > 0, high, 1), agreement(f, s), g_s)


def weighted(ratio: np.ndarray, angle: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    lost = (1 + np.exp(-15 * (ratio - 0.5))) * (1 + np.exp(-22 * (angle - 0.8)))
    return 0.9994 * 0.9879 * float(np.sum(weight / lost)), float(weight.sum())


def edge_preservation(f, a, b) -> float:
    """As the field computes it. f, a, b: strength and orientation of the images' edges."""
    kept_a, weight_a = framed_preserved(f, a)
    kept_b, weight_b = framed_preserved(f, b)
    return ratio(kept_a + kept_b, weight_a + weight_b)


def ratio(kept: float, weight: float) -> float:
    if weight == 0:
        raise Undefined("no source has an edge")
    return kept / weight


def of_levels(f: Image, a: Image, b: Image, framed: bool) -> float:
    """framed: whether zeros surround the images, and edges are compared by `framed_preserved`."""
    if library := kernel.library():
        return ratio(*library.qabf(f.levels, a.levels, b.levels, framed))
    images = tuple(Image(np.pad(x.levels, 1)) for x in (f, a, b)) if framed else (f, a, b)
    kept = weight = 0.0
    for band in bands(images, BAND, 2):
        edges_f, *sources = (inner_edges(x) for x in band)
        for edges_s in sources:
            more, total = (framed_preserved if framed else preserved)(edges_f, edges_s)
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
    source="Xydeas & Petrovic, Electron. Lett. 36, 308 (2000); Proc. SPIE 4051, 89 (2000)",
    protocols={"standard": "orientations modulo pi, as in the SPIE paper; pixels that have all eight neighbours"},
    note=(
        "The field's codes surround the images by zeros, which draw an edge around them (0.1 to 10 % of the "
        "weight on six real triples, up to +0.052), and take the orientations -pi/2 and pi/2, one and the same, "
        "for opposite (-0.015 to -0.047). Together, `cddfuse` is 0.016 above to 0.023 below this value; on ten "
        "pairs of VIFB SeAFusion and `max` change places among ten methods. The equations, as Z. Liu's and Y. "
        "Liu's codes quote them (the papers were not at hand), know no border; A is that of the SPIE paper. An "
        "inverted image scores like the upright one."
    ),
)
def Qabf(f, a, b):
    """Qabf = sum(Q_AF g_A + Q_BF g_B) / sum(g_A + g_B), where Q_SF = Q_g Q_a compares the edges of source S
    with those of F.

    Sobel gradients; strength g = sqrt(Sx^2 + Sy^2), orientation a = atan(Sy / Sx), pi/2 where Sx = 0. G =
    min(g_S, g_F) / max(g_S, g_F), Q_g = 0.9994 / (1 + exp(-15 (G - 0.5))); A = ||a_S - a_F| - pi/2| / (pi/2),
    0 where F has no edge, Q_a = 0.9879 / (1 + exp(-22 (A - 0.8))). The constants keep the value of a perfect
    fusion below 1, at 0.9748. Undefined below 3x3 pixels and where neither source has an edge.
    """
    needs_side(f, 3, "for one window")
    return of_levels(f, a, b, framed=False)


@Qabf.dialect(
    "cddfuse",
    "tang2023",
    "tang-py",
    "vifb",
    "ivifzoo",
    note=(
        "orientations -pi/2 and pi/2 far apart, zeros beyond the border, and where g_S = g_F, G is the strength "
        "itself instead of 1: at most 0.9753"
    ),
)
def in_a_frame(f, a, b):
    return of_levels(f, a, b, framed=True)


UNIT_RANGE = "as `cddfuse`, but images in 0..1, where G of equal strengths is low: equal edges are punished"


@Qabf.dialect("tang2022", note=f"{UNIT_RANGE} (rounded as in MATLAB)")
def on_unit_range_in_matlab(f, a, b):
    return edge_preservation(*(edges_on_unit_range(x, (2, 1, 0)) for x in (f, a, b)))


@Qabf.dialect("hli", note=f"{UNIT_RANGE} (rounded as in Octave)")
def on_unit_range_in_octave(f, a, b):
    return edge_preservation(*(edges_on_unit_range(x, (0, 1, 2)) for x in (f, a, b)))
