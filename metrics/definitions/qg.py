from __future__ import annotations

import cv2
import numpy as np

from .. import kernel
from ..defining import metric
from ..filters import sobel
from ..images import Image, once

ALMOST = 1e-5


@once
def edges(x: Image) -> tuple[np.ndarray, np.ndarray]:
    """Strength and orientation of the edges at each pixel: Sobel with zeros beyond the border."""
    sx, sy = sobel(x, cv2.BORDER_CONSTANT)
    return np.sqrt(sx * sx + sy * sy), np.arctan(sy / np.where(sx == 0, ALMOST, sx))


def preserved(f, s) -> np.ndarray:
    (g_f, a_f), (g_s, a_s) = f, s
    ratio = np.where(g_s > g_f, g_f / g_s, g_s / g_f)
    angle = np.abs(np.abs(a_s - a_f) - np.pi / 2) * 2 / np.pi
    return 1 / (1 + np.exp(-10 * (ratio - 0.5))) / (1 + np.exp(-20 * (angle - 0.75)))


@metric(
    "Qg",
    title="Gradient preservation, mean over the pixels",
    year=2012,
    family="gradient",
    direction=+1,
    range="0 .. 0.9867",
    unit="1",
    source="Xydeas & Petrovic, Electron. Lett. 36, 308 (2000), as in Liu et al., IEEE TPAMI 34, 94 (2012)",
    protocols={
        "standard": "the definition",
        "liu2012": "the definition; vanishing strengths become 1e-5 one after the other",
    },
)
def Qg(f, a, b):
    """Qg = mean over the pixels of (Q_AF g_A + Q_BF g_B) / (g_A + g_B), where Q_SF = Q_g Q_a compares the
    edges of S with those of F.

    Sobel gradients with zeros beyond the border; strength g (1e-5 where it vanishes), orientation a = atan(Sy
    / Sx) (Sx = 1e-5 where it vanishes). Q_g = 1 / (1 + exp(-10 (G - 0.5))), G = min(g_S, g_F) / max(g_S,
    g_F); Q_a = 1 / (1 + exp(-20 (A - 0.75))), A = ||a_S - a_F| - pi/2| / (pi/2). Unlike Qabf, each pixel
    counts the same, flat ones too.
    """
    if library := kernel.library():
        return library.qg(f.levels, a.levels, b.levels)
    (g_f, a_f), sources = edges(f), [edges(a), edges(b)]
    weights = [np.where(g == 0, ALMOST, g) for g, _ in sources]
    g_f = np.where(g_f == 0, ALMOST, g_f)
    qualities = [preserved((g_f, a_f), (w, s[1])) for w, s in zip(weights, sources)]
    return float(((qualities[0] * weights[0] + qualities[1] * weights[1]) / (weights[0] + weights[1])).mean())
