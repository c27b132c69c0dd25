"""Filters whose results are the same on every machine: see `exact`.

Values are rounded to whole numbers first, of so few bits that every product and every partial sum of the filter is
exact. Then neither the order of the additions nor the width of the processor's instructions matters.
"""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np

from benchmark.datasets.synth.exact import exp2

_LANES = np.uint32(0x00FF00FF)  # two bytes of a word, with room above each
_KERNEL_SUM = 512
_BAND = 32  # rows at a time, which fit in a processor's cache


def smoothed(image: np.ndarray, sigma: float, unit: float) -> np.ndarray:
    """Gaussian smoothing, float32, of an image that is rounded to multiples of `unit`; its values lie within
    32768 of these."""
    kernel = _gaussian(sigma)
    if len(kernel) == 1:
        return image
    one = np.ones(1, np.float32)
    for across, down in ((kernel, one), (one, kernel)):
        whole = image * np.float32(1 / unit)
        np.rint(whole, out=whole)
        # 15 bits times 9 bits: exact in float32.
        image = cv2.sepFilter2D(whole, -1, across, down, borderType=cv2.BORDER_REFLECT)
        image *= np.float32(unit / _KERNEL_SUM)
    return image


@lru_cache(maxsize=16)
def _gaussian(sigma: float) -> np.ndarray:
    """Whole weights, float32, that add up to 512."""
    reach = math.ceil(3 * sigma)
    square = np.square(np.arange(-reach, reach + 1, dtype=np.float64))
    weights = exp2(square * (-0.7213475204444817 / (sigma * sigma)))  # log2(e) / 2
    weights = np.rint(weights * (_KERNEL_SUM * 0.3989422804014327 / sigma)).astype(int)
    weights = weights[weights > 0]
    weights[len(weights) // 2] += _KERNEL_SUM - int(weights.sum())
    return weights.astype(np.float32)


def spread(image: np.ndarray, width: int, height: int, times: int, unit: float = 2.0**-16) -> np.ndarray:
    """Take the mean over a window (odd sides) `times` times, float64. Each time the image is first rounded to multiples
    of `unit`. Three times are nearly a Gaussian, see `window`."""
    for _ in range(times):
        whole = image * (1 / unit)
        np.rint(whole, out=whole)
        image = cv2.boxFilter(whole, cv2.CV_64F, (width, height), normalize=False, borderType=cv2.BORDER_REFLECT)
        image *= unit / (width * height)
    return image


def window(sigma: float) -> int:
    """The odd side of the window that, three times, smooths as a Gaussian of `sigma` pixels does."""
    return max(2 * round((math.sqrt(4 * sigma * sigma + 1) - 1) / 2) + 1, 3)


def enlarged(image: np.ndarray, unit: float = 1.0) -> np.ndarray:
    """Twice as large, bilinear, float32, from an image (rounded to multiples of `unit`; its values lie within 2^19
    of these). Weights are multiples of 1/16: exact."""
    height, width = image.shape[:2]
    whole = np.rint(image * np.float32(1 / unit)).astype(np.float32)
    large = cv2.resize(whole, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR)
    return large if unit == 1 else large * np.float32(unit)


def shrunk(image: np.ndarray, factor: int) -> np.ndarray:
    """Sums over blocks of `factor` x `factor` pixels; what is left at the edges is cut off. Whole numbers only."""
    height, width = (side // factor * factor for side in image.shape[:2])
    rows = image[0:height:factor, :width].copy()
    for k in range(1, factor):
        rows += image[k:height:factor, :width]
    sums = rows[:, 0::factor].copy()
    for k in range(1, factor):
        sums += rows[:, k::factor]
    return sums


def packed(layers: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 4) as one word a pixel, uint32 (H, W): what `mixed` and `halved` work on."""
    return layers.view(np.uint32)[..., 0]


def unpacked(words: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(words)[..., None].view(np.uint8)


def halved(words: np.ndarray) -> np.ndarray:
    """Means of 2x2 pixels, of each byte, halves rounded up; of words with even sides."""
    height, width = words.shape
    result = np.empty((height // 2, width // 2), np.uint32)
    for top in range(0, height, _BAND):
        band = words[top : top + _BAND]
        for shift in (0, 8):
            lanes = (band >> np.uint32(shift)) & _LANES
            rows = lanes[0::2]
            rows += lanes[1::2]
            sums = rows[:, 0::2] + rows[:, 1::2]
            sums += np.uint32(0x00020002)
            sums >>= np.uint32(2)
            sums &= _LANES
            if shift:
                result[top // 2 : (top + _BAND) // 2] |= sums << np.uint32(shift)
            else:
                result[top // 2 : (top + _BAND) // 2] = sums
    return result


def mixed(a: np.ndarray, b: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Byte for byte (256 - share) / 256 of `a` and share / 256 of `b`; `share` uint32, 0..255."""
    rest = np.uint32(256) - share
    low = (a & _LANES) * rest
    low += (b & _LANES) * share
    low >>= np.uint32(8)
    low &= _LANES
    high = ((a >> np.uint32(8)) & _LANES) * rest
    high += ((b >> np.uint32(8)) & _LANES) * share
    high &= ~_LANES
    high |= low
    return high


def between(position: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The samples before and after each position in an array of `count` samples, and the share of the latter (uint32,
    of 256)."""
    position = np.clip(position, 0, count - 1)
    before = position.astype(np.int32)
    share = ((position - before) * 256).astype(np.uint32)
    return before, np.minimum(before + 1, count - 1), share


def resized(words: np.ndarray, width: int, height: int) -> np.ndarray:
    """Words, one a pixel, bilinear at another size; halved first while both sides stay large enough."""
    while words.shape[0] >= 2 * height and words.shape[1] >= 2 * width and not any(s % 2 for s in words.shape):
        words = halved(words)
    for axis, size in ((0, height), (1, width)):
        count = words.shape[axis]
        position = (np.arange(size) + 0.5) * (count / size) - 0.5
        before, after, share = between(position, count)
        share = share[:, None] if axis == 0 else share[None, :]
        words = mixed(words.take(before, axis), words.take(after, axis), share)
    return words
