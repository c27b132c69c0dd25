from __future__ import annotations

import cv2
import numpy as np

from .. import kernel
from ..declaring import metric
from ..filters import sobel
from ..images import Image, Undefined, needs_side, once

THRESHOLD = 2.0
FAINT = 0.001


@once
def edges(x: Image) -> tuple[np.ndarray, np.ndarray]:
    """Strength and orientation: Sobel / 8, mirrored at the border without repeating it."""
    sx, sy = sobel(x, cv2.BORDER_REFLECT_101)
    return strength_and_orientation(sx / 8, sy / 8)


@once
def edges_on_unit_range(x: Image) -> tuple[np.ndarray, np.ndarray]:
    """As `edges`, but of x / 255, summed within columns and then over them, as the reference does.

    Rounding makes one of two equal edges the stronger.
    """
    v = np.pad(x.values / 255, 1, mode="reflect")
    rows = [v[i : i + x.shape[0]] for i in range(3)]
    smooth = rows[0] * 0.125 + rows[1] * 0.25 + rows[2] * 0.125
    step = rows[0] * -0.125 + rows[2] * 0.125
    gv = -smooth[:, :-2] + smooth[:, 2:]
    gh = step[:, :-2] + 2 * step[:, 1:-1] + step[:, 2:]
    return strength_and_orientation(gv, gh)


def strength_and_orientation(gv: np.ndarray, gh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    zero = gh == 0
    orientation = np.arctan(gv / np.where(zero, 1, gh))
    orientation[zero] = np.sign(gv[zero]) * np.pi / 2
    return np.sqrt(gv * gv + gh * gh), orientation


def preserved(f, s) -> np.ndarray:
    """The map Q of how much of the edges of s is in f; f, s: strength and orientation."""
    (g_f, a_f), (g_s, a_s) = f, s
    high = np.maximum(g_f, g_s)
    ratio = np.minimum(g_f, g_s) / np.where(high > 0, high, 1)
    angle = np.abs(np.abs(a_s - a_f) - np.pi / 2) * 2 / np.pi
    q_g = 0.9999 / (1 + np.exp(-19 * (ratio - 0.5)))
    q_a = 0.9995 / (1 + np.exp(-22 * (angle - 0.5)))
    return np.sqrt(q_g * q_a)


def sums(f, a, b, faint: float) -> tuple[float, float, float]:
    """The sums of what is lost, of what is added and of the weights; f, a, b: strength and orientation."""
    loss = artefacts = total = 0.0
    artificial = (f[0] > a[0]) & (f[0] > b[0])
    for s in (a, b):
        weight = np.where(s[0] >= THRESHOLD, s[0] ** 1.5, faint)
        missing = (1 - preserved(f, s)) * weight
        total += float(weight.sum())
        artefacts += float(missing[artificial].sum())
        loss += float(missing[~artificial].sum())
    return loss, artefacts, total


def split(f: Image, a: Image, b: Image, faint: float) -> tuple[float, float]:
    """Labf and Nabf; faint: the weight of edges below the threshold."""
    needs_side(f, 2, "to mirror the border")
    if library := kernel.library():
        loss, artefacts, total = library.nabf(f.levels, a.levels, b.levels, faint)
    else:
        loss, artefacts, total = sums(edges(f), edges(a), edges(b), faint)
    if total == 0:
        raise Undefined("no source has an edge above the threshold")
    return loss / total, artefacts / total


shares = once(split)


@metric(
    "Nabf",
    title="Fusion artefacts",
    year=2013,
    family="gradient",
    direction=-1,
    range="0 .. 1",
    unit="1",
    source="Petrovic & Xydeas, ICCV 2005; modified by Kumar, Signal Image Video Process. 7, 1125 (2013)",
    protocols={"standard": "Kumar's, on 0..255"},
    note=("Read it with Labf: a grey card adds nothing (0) and loses all (Labf 0.99)."),
)
def Nabf(f, a, b):
    """Nabf = sum over the pixels with g_F > g_A and g_F > g_B of ((1 - Q_AF) w_A + (1 - Q_BF) w_B), divided
    by sum(w_A + w_B).

    Sobel / 8 gradients, mirrored at the border; strength g, orientation a. Q_SF = sqrt(Q_g Q_a) with Q_g =
    0.9999 / (1 + exp(-19 (G - 0.5))), G = min(g_S, g_F) / max(g_S, g_F) (0 where both vanish), and Q_a =
    0.9995 / (1 + exp(-22 (A - 0.5))), A = ||a_S - a_F| - pi/2| / (pi/2). Weights w = g^1.5 where g >= 2, else
    0.001. Labf + Nabf + (what is kept) = 1.
    """
    return shares(f, a, b, FAINT)[1]


@Nabf.dialect(
    "tang2023",
    note=("arguments in the wrong order: the infrared image is taken for the fused one, F for a source"),
)
def infrared_taken_for_fused(f, a, b):
    return split(a, b, f, FAINT)[1]


@Nabf.dialect(
    "tang2022",
    "hli",
    note=(
        "images in 0..1, where no edge reaches the threshold: all pixels weigh the same; equal edges are "
        "told apart by rounding"
    ),
)
def on_unit_range(f, a, b):
    needs_side(f, 2, "to mirror the border")
    _, artefacts, total = sums(*map(edges_on_unit_range, (f, a, b)), FAINT)
    return artefacts / total


@Nabf.dialect("tang-py", "ivifzoo", note="weight 0 instead of 0.001 below the threshold")
def faint_edges_ignored(f, a, b):
    return shares(f, a, b, 0.0)[1]


@metric(
    "Labf",
    title="Fusion loss",
    year=2013,
    family="gradient",
    direction=-1,
    range="0 .. 1",
    unit="1",
    source="Petrovic & Xydeas, ICCV 2005; Kumar, Signal Image Video Process. 7, 1125 (2013)",
    protocols={"standard": "on 0..255"},
    note=(
        "Read it with Nabf: noise loses little (0.26 on ten pairs of VIFB, `average` 0.34) and adds much (Nabf "
        "0.44). The orientation of a flat pixel is taken as 0, as in Kumar's code: transposing moves Labf by up to "
        "0.0001."
    ),
)
def Labf(f, a, b):
    """Labf = sum over the pixels with g_F <= g_A or g_F <= g_B of ((1 - Q_AF) w_A + (1 - Q_BF) w_B), divided
    by sum(w_A + w_B).

    Everything as for Nabf.
    """
    return shares(f, a, b, FAINT)[0]
