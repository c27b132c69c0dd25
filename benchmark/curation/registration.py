"""How well two images of one scene lie on each other, from their edges and their joint histogram."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

_LONGER_SIDE = 256  # pixels that images are shrunk to; finer shifts are not looked for
_NEAR = 2  # such pixels that count as no shift
_BINS = 32
_CLEAR = 6.0  # standard deviations by which a correlation peak must stand out to be believed
_LOST = 0.6  # share of the peak that must be left at no shift


@dataclass(frozen=True)
class Registration:
    """`shift`: columns and rows by which the infrared edges lie to the right of and below the visible ones, in
    pixels of the image, to about 1/256 of the longer side. `peak`: the correlation there, in standard deviations
    of the correlation surface; `kept`: the correlation at no shift as a share of it. `information`: mutual
    information of the two images over the mean of their entropies, 0..1."""

    shift: tuple[int, int]
    peak: float
    kept: float
    information: float


def measure(ir: np.ndarray, vis: np.ndarray) -> Registration:
    """Compare two luminance images of one size, uint8 (H, W).

    The correlation is between gradient magnitudes, its spectrum whitened half way (between cross-correlation and
    the phase correlation of Kuglin and Hines, 1975), for shifts up to a quarter of the shorter side.
    """
    scale = min(_LONGER_SIDE / max(ir.shape), 1.0)
    a, b = (_shrunk(image, scale) for image in (ir, vis))
    spectrum = np.fft.rfft2(_edges(a)) * np.conj(np.fft.rfft2(_edges(b)))
    strength = np.abs(spectrum)
    surface = np.fft.irfft2(spectrum / np.sqrt(strength + 1e-6 * strength.max() + 1e-30), a.shape)
    surface = cv2.GaussianBlur(np.fft.fftshift(surface), (0, 0), 0.8)
    row, column, reach = a.shape[0] // 2, a.shape[1] // 2, max(min(a.shape) // 4, 1)
    window = surface[max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1]
    row, column = row - max(row - reach, 0), column - max(column - reach, 0)
    at = np.unravel_index(int(window.argmax()), window.shape)
    near = window[max(row - _NEAR, 0) : row + _NEAR + 1, max(column - _NEAR, 0) : column + _NEAR + 1].max()
    top, deviation = float(window.max()), float(window.std()) or 1.0
    shift = round((at[1] - column) / scale), round((at[0] - row) / scale)
    return Registration(shift, top / deviation, float(near) / top if top > 0 else 1.0, _information(a, b))


def outliers(measured: dict[str, Registration], edges_agree: bool = True) -> dict[str, str]:
    """The pairs of a set that stick out: id -> the reason in words.

    A shift is believed where its peak is clear and little correlation is left without it, both absolutely and
    against the median of the set. With `edges_agree` False shifts are not looked for: edges of functional images
    have no counterpart in anatomy. Mutual information counts as little where its logarithm lies more than five
    robust deviations below the median.
    """
    if not measured:
        return {}
    usual = float(np.median([found.kept for found in measured.values()]))
    lost = min(_LOST, usual - 0.35)
    logs = {id: math.log(found.information + 1e-4) for id, found in measured.items()}
    middle = float(np.median(list(logs.values())))
    spread = max(1.4826 * float(np.median([abs(value - middle) for value in logs.values()])), 0.15)
    told = {}
    for id, found in measured.items():
        if edges_agree and found.peak > _CLEAR and found.kept < lost:
            x, y = found.shift
            told[id] = f"seems shifted: infrared edges lie about {x:+d} columns and {y:+d} rows off the visible ones"
        elif logs[id] < middle - 5 * spread:
            usual_here = f"{found.information:.3f}, usual {math.exp(middle):.3f}"
            told[id] = f"hardly any mutual information ({usual_here}): the same scene?"
    return told


def _shrunk(image: np.ndarray, scale: float) -> np.ndarray:
    if scale == 1:
        return image.astype(np.float32)
    size = (max(round(side * scale), 1) for side in image.shape[::-1])
    return cv2.resize(image, tuple(size), interpolation=cv2.INTER_AREA).astype(np.float32)


def _edges(image: np.ndarray) -> np.ndarray:
    smooth = cv2.GaussianBlur(image, (0, 0), 1.0)
    edges = np.sqrt(cv2.magnitude(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)))
    return (edges - edges.mean()) * (np.hanning(edges.shape[0])[:, None] * np.hanning(edges.shape[1])).astype(
        np.float32
    )


def _information(a: np.ndarray, b: np.ndarray) -> float:
    joint = (a.astype(np.uint8) // (256 // _BINS)).astype(np.intp) * _BINS + b.astype(np.uint8) // (256 // _BINS)
    counts = np.bincount(joint.ravel(), minlength=_BINS * _BINS).reshape(_BINS, _BINS) / joint.size
    both, first, second = _entropy(counts), _entropy(counts.sum(axis=1)), _entropy(counts.sum(axis=0))
    mean = (first + second) / 2
    return max((first + second - both) / mean, 0.0) if mean > 0 else 0.0


def _entropy(share: np.ndarray) -> float:
    share = share[share > 0]
    return float(-(share * np.log2(share)).sum())
