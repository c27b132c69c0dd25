from __future__ import annotations

import numpy as np

from ..declaring import metric
from ..images import Image, needs_side, once
from .vif import SMALLEST, WINDOWS, covariance, moments, scales

NOISE = 0.005 * 255**2
SCALE_WEIGHTS = np.array([1, 0, 0.15, 1]) / 2.15


@once
def distortion(f: Image, s: Image) -> list[tuple[np.ndarray, np.ndarray]]:
    """At each scale: the gain of f over s, and the information of s that f keeps."""
    found = []
    for n, x, y in zip(WINDOWS, scales(s), scales(f)):
        s1, s2, s12 = moments(x, n)[1], moments(y, n)[1], covariance(y, x, n)
        g = s12 / (s1 + 1e-10)
        rest = s2 - g * s12
        flat = s1 < 1e-10
        g[flat], rest[flat] = 0, s2[flat]
        flat_s = np.where(flat, 0, s1)
        flat = s2 < 1e-10
        g[flat], rest[flat] = 0, 0
        inverse = g < 0
        rest[inverse] = s2[inverse]
        g[inverse] = 0
        rest = np.maximum(rest, 1e-10)
        found.append((g, np.log10(1 + g * g * flat_s / (rest + NOISE))))
    return found


@metric(
    "VIFF",
    title="Visual information fidelity for fusion",
    year=2013,
    family="fidelity",
    direction=+1,
    range="0 .. about 1",
    unit="1",
    source="Han, Cai, Cao & Xu, Inf. Fusion 14, 127 (2013)",
    protocols={"standard": "the definition"},
    note=(
        "The code of Han et al. takes the second source where the gains are equal; exchanging the sources then "
        "moves the value by up to 0.0004 on six real triples. Each scale keeps every other pixel: mirroring moves "
        "it by up to 1 %."
    ),
)
def VIFF(f, a, b):
    """VIFF = sum_k p_k sum(VID_k) / sum(VIND_k), p = (1, 0, 0.15, 1) / 2.15 over the four scales of VIF.

    VID = log10(1 + g^2 s_S / (v + n)), VIND = log10(1 + s_S / n) (1e-7 added to each), n = 0.005 · 255^2. At
    each position both are taken from the source S with the smaller gain g of F over S, and are the means of both
    sources where the gains are equal. The rest is as for
    VIF. Undefined where the shorter side is below 41 pixels.
    """
    needs_side(f, SMALLEST, "for its four scales")
    value = 0.0
    for k, ((g_a, kept_a), (g_b, kept_b)) in enumerate(zip(distortion(f, a), distortion(f, b))):
        share = np.where(g_a == g_b, 0.5, g_a < g_b)
        variances = (moments(scales(s)[k], WINDOWS[k])[1] for s in (a, b))
        there = (np.log10(1 + np.where(v < 1e-10, 0, v) / NOISE) for v in variances)
        there_a, there_b = there
        there = share * there_a + (1 - share) * there_b
        kept = share * kept_a + (1 - share) * kept_b
        value += SCALE_WEIGHTS[k] * float((kept + 1e-7).sum() / (there + 1e-7).sum())
    return value
