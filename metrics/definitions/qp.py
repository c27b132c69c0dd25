"""Qp: correlation of phase congruency. The feature maps follow Kovesi's phase congruency as modified by Liu
et al.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import scipy  # imports scipy.fft on its first use, which takes longer than all else here

from .. import kernel
from ..declaring import metric
from ..filters import gaussian, same, valid
from ..images import Image, Undefined, is_constant, needs_side, once
from .mi import refuse_constant

SCALES, ORIENTATIONS = 4, 6
SHORTEST_WAVE, STEP, BANDWIDTH = 3, 2.1, 0.55
SPREAD = np.pi / ORIENTATIONS / 1.2
EPS = 1e-4
CUT_OFF, GAIN = 0.5, 10
THRESHOLD = 0.1
FLAT = 1e-12
WINDOW = gaussian(11, 1.5)


@lru_cache(maxsize=1)
def grid(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Log-Gabor filters (4, H, W) and angular windows (6, H, W) on the grid of `fft2`."""
    m, n = shape

    def axis(k):
        return (np.arange(k) - k // 2) / (k if k % 2 == 0 else max(k - 1, 1))

    x, y = np.meshgrid(axis(n), axis(m))
    radius = np.sqrt(x * x + y * y)
    radius[m // 2, n // 2] = 1
    angle = np.arctan2(-y, x)
    radius, angle = scipy.fft.ifftshift(radius), scipy.fft.ifftshift(angle)
    u, v = np.meshgrid((np.arange(n) - n // 2) / n, (np.arange(m) - m // 2) / m)
    low_pass = scipy.fft.fftshift(1 / (1 + (np.sqrt(u * u + v * v) / 0.45) ** 30))
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


@lru_cache(maxsize=1)
def filter_energy(shape: tuple[int, int]) -> np.ndarray:
    """For each orientation three sums: over the squared finest filter, and over the squares and the cross
    products of the impulse responses.
    """
    radial, spread = grid(shape)
    energy = []
    for angular in spread:
        filters = radial * angular
        responses = scipy.fft.ifft2(filters).real * np.sqrt(filters[0].size)
        own = (responses**2).sum()
        energy.append(((filters[0] ** 2).sum(), own, (responses.sum(axis=0) ** 2).sum() - own))
    return np.array(energy)


@dataclass
class Sums:
    """What is summed over the orientations, (H, W) each."""

    energy: np.ndarray
    amplitude: np.ndarray
    xx: np.ndarray
    yy: np.ndarray
    xy: np.ndarray


def add_orientation(sums: Sums, responses: list[np.ndarray], angle: float, noise: float) -> None:
    """Add one orientation to `sums`. responses: one per scale, complex (H, W): even and odd part."""
    amplitude = [np.abs(r) for r in responses]
    total = sum(amplitude)
    even, odd = sum(r.real for r in responses), sum(r.imag for r in responses)
    norm = np.sqrt(even**2 + odd**2) + EPS
    even /= norm
    odd /= norm
    energy = np.full_like(even, -noise)
    for r in responses:
        energy += r.real * even + r.imag * odd
        energy -= np.abs(r.real * odd - r.imag * even)
    np.maximum(energy, 0, out=energy)
    width = total / (np.maximum.reduce(amplitude) + EPS) / SCALES
    energy /= 1 + np.exp(GAIN * (CUT_OFF - width))
    sums.energy += energy
    sums.amplitude += total
    congruency = energy / np.where(total > 0, total, 1)
    congruency *= congruency
    sums.xx += congruency * np.cos(angle) ** 2
    sums.yy += congruency * np.sin(angle) ** 2
    sums.xy += congruency * (np.cos(angle) * np.sin(angle))


def median(x: np.ndarray) -> float:
    k = x.size // 2
    # One element put in its place is much faster than two.
    ordered = np.partition(x.ravel(), k)
    upper = float(ordered[k])
    return upper if x.size % 2 else (float(ordered[:k].max()) + upper) / 2


def weigh(x: np.ndarray, p: np.ndarray, q: np.ndarray, out: np.ndarray) -> None:
    np.multiply(x, p * q, out=out)


def pairs(x: np.ndarray) -> np.ndarray:
    """Complex (H, W) as cv2 takes it: real (H, W, 2), the same memory."""
    return x.view(np.float64).reshape(*x.shape, 2)


@once
def features(x: Image) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Phase congruency, its maximum and minimum moment."""
    radial, spread = grid(x.shape)
    library = kernel.library()
    weigh_by = library.weigh if library else weigh
    add = library.phase_congruency if library else add_orientation
    # cv2 has the fastest of the Fourier transforms at hand; buffers, since new memory costs as much as the transform.
    spectrum, weighted, *responses = np.empty((2 + SCALES, *x.shape), np.complex128)
    weighted[:] = x.values
    cv2.dft(pairs(weighted), dst=pairs(spectrum))
    sums = Sums(*np.zeros((5, *x.shape)))
    for o, (finest, own, cross) in enumerate(filter_energy(x.shape)):
        for r, response in zip(radial, responses):
            weigh_by(spectrum, r, spread[o], weighted)
            cv2.dft(pairs(weighted), dst=pairs(response), flags=cv2.DFT_INVERSE | cv2.DFT_SCALE)
        power = median(responses[0].real ** 2 + responses[0].imag ** 2) / np.log(2) / finest
        tau = np.sqrt(power * own + power * cross)
        noise = tau * (np.sqrt(np.pi / 2) + 2 * np.sqrt(2 - np.pi / 2)) / 1.7
        add(sums, responses, o * np.pi / ORIENTATIONS, noise)
    c_xx, c_yy, c_xy = sums.xx / 3, sums.yy / 3, sums.xy / 6
    difference = np.sqrt(c_xy**2 + (c_xx - c_yy) ** 2) + EPS
    return (
        sums.energy / (sums.amplitude + EPS),
        (c_yy + c_xx + difference) / 2,
        (c_yy + c_xx - difference) / 2,
    )


def moments(x: np.ndarray, window_sum) -> tuple[np.ndarray, np.ndarray]:
    """Local mean and absolute variance in the window. window_sum: `same` or `valid` of `filters`."""
    mean = window_sum(x, WINDOW)
    return mean, np.abs(window_sum(x, WINDOW, x) - mean * mean)


def correlation(x: np.ndarray, y: np.ndarray, y_moments) -> np.ndarray:
    """Local correlation of two feature maps, where the window fits: 0 where one of them is flat, 1 where both are."""
    (mx, vx), (my, vy) = moments(x, valid), y_moments
    covariance, scale = valid(x, WINDOW, y) - mx * my, np.sqrt(vx * vy)
    varies = scale > FLAT
    return np.where(varies, covariance / np.where(varies, scale, 1), (vx <= FLAT) & (vy <= FLAT))


def padded_correlation(x: np.ndarray, y: np.ndarray, y_moments) -> np.ndarray:
    """Local correlation with zeros beyond the border and a constant against 0/0, which makes it 1 where y is flat."""
    (mx, vx), (my, vy) = moments(x, same), y_moments
    covariance = same(x, WINDOW, y) - mx * my
    return (covariance + EPS) / (np.sqrt(vx * vy) + EPS)


def preservation(f, a, b, correlate, window_sum, cut: int, masked: bool) -> float:
    """The product over the feature maps of the mean best correlation; the masks are `cut` pixels smaller all round.

    masked: whether the sources' maps are 0 outside the masks, or the masks choose the windows alone.
    """
    p_a, p_b = features(a)[0], features(b)[0]
    first = p_a > p_b
    inner = tuple(slice(cut, n - cut) for n in f.shape)
    masks = p_a > THRESHOLD, p_b > THRESHOLD, np.where(first, p_a, p_b) > THRESHOLD
    count = np.count_nonzero(masks[2][inner])
    if count == 0:
        raise Undefined("no source has a feature above the threshold")
    value = 1.0
    for x_a, x_b, x_f in zip(features(a), features(b), features(f)):
        f_moments = moments(x_f, window_sum)
        choices = zip((x_a, x_b, np.where(first, x_a, x_b)), masks)
        found = []
        for x, mask in choices:
            kept = correlate(x * mask if masked else x, x_f, f_moments)
            found.append(np.where(mask[inner], kept, 0))
        value *= float(np.maximum.reduce(found).sum()) / count
    return value


@metric(
    "Qp",
    title="Phase congruency preservation",
    year=2007,
    family="gradient",
    direction=+1,
    range="about 0 .. 1",
    unit="1",
    source=(
        "Zhao, Laganiere & Liu, Int. J. Innov. Comput. Inf. Control 3, 1433 (2007), as in Liu et al., "
        "IEEE TPAMI 34, 94 (2012)"
    ),
    protocols={
        "standard": (
            "plain correlations in the windows that fit, of maps that are not masked; undefined where F is constant"
        )
    },
    note=(
        "`liu2012` adds 1e-4 to numerator and denominator of each correlation, so that what is lost altogether "
        "counts as kept: there a grey card has 0.999, and 0.413 a fused image of MSRS half of which was painted "
        "over, before that 0.307 (here 0.028 and 0.233). It masks the sources' maps but not F's, so that a copy of "
        "both sources has 0.95 to 0.96 (here 1). On six real triples this value is 0.007 to 0.090 lower. The paper "
        "asks for the local cross-correlation of the maps; it was not at hand beyond its abstract. Phase congruency "
        "has no sign: an inverted image scores like the upright one. It treats the image as repeated beyond its "
        "border, and transposing moves Qp by up to 0.0005."
    ),
)
def Qp(f, a, b):
    """Qp = P_p P_M P_m: how well F keeps the phase congruency p of the sources and its maximum and minimum
    moments M, m.

    Each P is the mean, over the pixels where a source's p exceeds 0.1, of the best local correlation of F's map
    with that of A and that of B where their p exceeds 0.1, and with that of whichever has the larger p. p as in
    Kovesi's phase congruency of four scales and six orientations, as Liu et al. changed it. Windows are 11x11
    gaussians of sigma 1.5 where they fit. A correlation is 0 where F's map is flat and the source's is not.
    Undefined below 11x11 pixels, where F is constant, and where no source has a feature.
    """
    needs_side(f, len(WINDOW), "for one window")
    if is_constant(f):
        raise Undefined("fused is constant: no correlation")
    return preservation(f, a, b, correlation, valid, len(WINDOW) // 2, masked=False)


@Qp.dialect(
    "liu2012",
    note=(
        "1e-4 added above and below each correlation: where F is flat it is 1; the sources' maps are 0 where p is "
        "at most 0.1; zeros beyond the border; undefined where an image is constant"
    ),
)
def with_constants(f, a, b):
    refuse_constant(f, a, b)
    return preservation(f, a, b, padded_correlation, same, 0, masked=True)
