"""Qp: correlation of phase congruency. The feature maps follow Kovesi's phase congruency as modified by Liu
et al.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import fft

from ..filters import gaussian, same
from ..images import Image, Undefined, once
from ..registry import metric
from .mi import refuse_constant

SCALES, ORIENTATIONS = 4, 6
SHORTEST_WAVE, STEP, BANDWIDTH = 3, 2.1, 0.55
SPREAD = np.pi / ORIENTATIONS / 1.2
EPS = 1e-4
CUT_OFF, GAIN = 0.5, 10
THRESHOLD = 0.1
WINDOW = gaussian(11, 1.5)


@lru_cache(maxsize=2)
def grid(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Log-Gabor filters (4, H, W) and angular windows (6, H, W) on the grid of `fft2`."""
    m, n = shape

    def axis(k):
        return (np.arange(k) - k // 2) / (k if k % 2 == 0 else max(k - 1, 1))

    x, y = np.meshgrid(axis(n), axis(m))
    radius = np.sqrt(x * x + y * y)
    radius[m // 2, n // 2] = 1
    angle = np.arctan2(-y, x)
    radius, angle = fft.ifftshift(radius), fft.ifftshift(angle)
    u, v = np.meshgrid((np.arange(n) - n // 2) / n, (np.arange(m) - m // 2) / m)
    low_pass = fft.fftshift(1 / (1 + (np.sqrt(u * u + v * v) / 0.45) ** 30))
    radial = np.empty((SCALES, m, n))
    for s in range(SCALES):
        centre = 1 / (SHORTEST_WAVE * STEP**s)
        radial[s] = np.exp(-(np.log(radius / centre) ** 2) / (2 * np.log(BANDWIDTH) ** 2)) * low_pass
        radial[s][0, 0] = 0
    spread = np.empty((ORIENTATIONS, m, n))
    for o in range(ORIENTATIONS):
        turned = angle - o * np.pi / ORIENTATIONS
        distance = np.arctan2(np.sin(turned), np.cos(turned))
        spread[o] = np.exp(-(distance**2) / (2 * SPREAD**2))
    return radial, spread


@lru_cache(maxsize=2)
def filter_energy(shape: tuple[int, int]) -> np.ndarray:
    """Per orientation: sum of the squared finest filter, sums over the impulse responses' squares and cross
    products.
    """
    radial, spread = grid(shape)
    energy = []
    for angular in spread:
        filters = radial * angular
        responses = fft.ifft2(filters).real * np.sqrt(filters[0].size)
        own = (responses**2).sum()
        energy.append(((filters[0] ** 2).sum(), own, (responses.sum(axis=0) ** 2).sum() - own))
    return np.array(energy)


@once
def features(x: Image) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Phase congruency, its maximum and minimum moment."""
    radial, spread = grid(x.shape)
    spectrum = fft.fft2(x.values)
    total_energy, total_amplitude = np.zeros(x.shape), np.zeros(x.shape)
    c_xx, c_yy, c_xy = np.zeros(x.shape), np.zeros(x.shape), np.zeros(x.shape)
    for o in range(ORIENTATIONS):
        angle = o * np.pi / ORIENTATIONS
        even_odd = fft.ifft2(radial * spread[o] * spectrum)
        amplitude = np.abs(even_odd)
        amplitudes = amplitude.sum(axis=0)
        sum_even, sum_odd = even_odd.real.sum(axis=0), even_odd.imag.sum(axis=0)
        norm = np.sqrt(sum_even**2 + sum_odd**2) + EPS
        mean_even, mean_odd = sum_even / norm, sum_odd / norm
        energy = (
            even_odd.real * mean_even
            + even_odd.imag * mean_odd
            - np.abs(even_odd.real * mean_odd - even_odd.imag * mean_even)
        ).sum(axis=0)
        finest, own, cross = filter_energy(x.shape)[o]
        noise = np.median(amplitude[0] ** 2) / np.log(2) / finest
        tau = np.sqrt((2 * noise * own + 2 * noise * cross) / 2)
        energy = np.maximum(energy - tau * (np.sqrt(np.pi / 2) + 2 * np.sqrt(2 - np.pi / 2)) / 1.7, 0)
        width = amplitudes / (amplitude.max(axis=0) + EPS) / SCALES
        energy /= 1 + np.exp(GAIN * (CUT_OFF - width))
        total_energy += energy
        total_amplitude += amplitudes
        congruency = energy / np.where(amplitudes > 0, amplitudes, 1)
        c_xx += (congruency * np.cos(angle)) ** 2
        c_yy += (congruency * np.sin(angle)) ** 2
        c_xy += congruency**2 * (np.cos(angle) * np.sin(angle))
    c_xx, c_yy, c_xy = c_xx / 3, c_yy / 3, c_xy / 6
    difference = np.sqrt(c_xy**2 + (c_xx - c_yy) ** 2) + EPS
    return (
        total_energy / (total_amplitude + EPS),
        (c_yy + c_xx + difference) / 2,
        (c_yy + c_xx - difference) / 2,
    )


def correlation(x: np.ndarray, y: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Local correlation of two feature maps, 0 outside the mask."""
    mx, my = same(x, WINDOW), same(y, WINDOW)
    s_xy = same(x * y, WINDOW) - mx * my
    s_xx, s_yy = same(x * x, WINDOW) - mx * mx, same(y * y, WINDOW) - my * my
    return np.where(mask, (s_xy + EPS) / (np.sqrt(np.abs(s_xx * s_yy)) + EPS), 0)


@metric(
    "Qp",
    title="Phase congruency preservation",
    year=2007,
    family="gradient",
    direction=+1,
    range="0 .. 1",
    unit="1",
    source=(
        "Zhao, Laganiere & Liu, Int. J. Innov. Comput. Inf. Control 3, 1433 (2007), as in Liu et al., "
        "IEEE TPAMI 34, 94 (2012)"
    ),
    protocols={"standard": "as Liu et al."},
)
def Qp(f, a, b):
    """Qp = P_p P_M P_m: how well F keeps the phase congruency p of the sources and its maximum and minimum
    moments M, m.
    """
    p_a, p_b = features(a)[0], features(b)[0]
    first = p_a > p_b
    masks = p_a > THRESHOLD, p_b > THRESHOLD, np.where(first, p_a, p_b) > THRESHOLD
    count = np.count_nonzero(masks[2])
    if count == 0:
        raise Undefined("no source has a feature above the threshold")
    value = 1.0
    for x_a, x_b, x_f in zip(features(a), features(b), features(f)):
        best = None
        for x, mask in zip((x_a, x_b, np.where(first, x_a, x_b)), masks):
            r = correlation(x * mask, x_f, mask)
            best = r if best is None else np.maximum(best, r)
        value *= float(best.sum()) / count
    return value


@Qp.dialect("liu2012", note="undefined where an image is constant")
def undefined_for_constant(f, a, b):
    refuse_constant(f, a, b)
    return Qp(f, a, b)
