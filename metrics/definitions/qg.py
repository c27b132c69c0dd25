from __future__ import annotations

import cv2
import numpy as np

from .. import kernel
from ..declaring import metric
from ..filters import sobel
from ..images import Image, needs_side, once
from .qabf import agreement, inner_edges

ALMOST = 1e-5


@once
def edges(x: Image) -> tuple[np.ndarray, np.ndarray]:
    """Strength and orientation of the edges: Sobel with zeros beyond the border, Sx 1e-5 where it vanishes."""
    sx, sy = sobel(x, cv2.BORDER_CONSTANT)
    return np.sqrt(sx * sx + sy * sy), np.arctan(sy / np.where(sx == 0, ALMOST, sx))


def preservation(ratio: np.ndarray, angle: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-10 * (ratio - 0.5))) / (1 + np.exp(-20 * (angle - 0.75)))


def framed_preserved(f, s) -> np.ndarray:
    (g_f, a_f), (g_s, a_s) = f, s
    ratio = np.where(g_s > g_f, g_f / g_s, g_s / g_f)
    return preservation(ratio, np.abs(np.abs(a_s - a_f) - np.pi / 2) * 2 / np.pi)


def preserved(f, s) -> np.ndarray:
    g_f, g_s = f[0], s[0]
    high = np.maximum(g_s, g_f)
    ratio = np.where(g_f == g_s, 1, np.minimum(g_s, g_f) / np.where(high > 0, high, 1))
    return preservation(ratio, agreement(f, s))


def mean(qualities, strengths) -> float:
    """Mean over the pixels of the qualities, weighted by the strengths of the sources."""
    weights = [np.where(g == 0, ALMOST, g) for g in strengths]
    return float(((qualities[0] * weights[0] + qualities[1] * weights[1]) / (weights[0] + weights[1])).mean())


@metric(
    "Qg",
    title="Gradient preservation, mean over the pixels",
    year=2012,
    family="gradient",
    direction=+1,
    range="0 .. 0.9867",
    unit="1",
    source="Xydeas & Petrovic, Electron. Lett. 36, 308 (2000), as in Liu et al., IEEE TPAMI 34, 94 (2012)",
    protocols={"standard": "as the code of Liu et al., over the pixels that have all eight neighbours"},
    note=(
        "A quantity of the code of Liu et al.: the papers divide the sum of all weighted qualities by the sum of "
        "all weights, as Qabf does. `liu2012` differs by 0.001 to 0.007 on six real triples through its frame of "
        "zeros. An inverted image scores like the upright one."
    ),
)
def Qg(f, a, b):
    """Qg = mean over the pixels of (Q_AF g_A + Q_BF g_B) / (g_A + g_B), where Q_SF = Q_g Q_a compares the
    edges of S with those of F.

    Sobel gradients; strength g, orientation a as for Qabf. Q_g = 1 / (1 + exp(-10 (G - 0.5))), G = min(g_S,
    g_F) / max(g_S, g_F), 1 where both vanish; Q_a = 1 / (1 + exp(-20 (A - 0.75))), A = ||a_S - a_F| - pi/2| /
    (pi/2), 1 where both images are flat and 0 where one is. Where both sources are flat they weigh the same.
    Unlike Qabf, each pixel counts the same, flat ones too. Undefined below 3x3 pixels.
    """
    needs_side(f, 3, "for one window")
    if library := kernel.library():
        return library.qg(f.levels, a.levels, b.levels, framed=False)
    edges_f, *sources = (inner_edges(x) for x in (f, a, b))
    return mean([preserved(edges_f, s) for s in sources], [s[0] for s in sources])


@Qg.dialect(
    "liu2012",
    note="zeros beyond the border; vanishing strengths become 1e-5 one after the other, as does a vanishing Sx",
)
def in_a_frame(f, a, b):
    if library := kernel.library():
        return library.qg(f.levels, a.levels, b.levels, framed=True)
    (g_f, a_f), sources = edges(f), [edges(a), edges(b)]
    g_f = np.where(g_f == 0, ALMOST, g_f)
    patched = [(np.where(g == 0, ALMOST, g), angle) for g, angle in sources]
    return mean([framed_preserved((g_f, a_f), s) for s in patched], [s[0] for s in sources])
