"""Fractal noise and crowns of leaves, made once per process and the same in every one."""

from __future__ import annotations

import math
from functools import cache, lru_cache

import numpy as np

from benchmark.datasets.synth.exact import Draws, cos_sin

NOISE_SIZE = 512
FOLIAGE_KINDS = 10
FOLIAGE_SIZE = 176

# Name: cells per side of the coarsest octave, and how much weaker each finer octave is.
_PATTERNS = {
    "grain": (128, 1.0),
    "rough": (32, 0.85),
    "patchy": (8, 0.55),
    "soft": (4, 0.5),
    "leaves": (32, 0.95),
}


@cache
def noise(name: str) -> np.ndarray:
    """Fractal noise, float32 (512, 512), mean 0, deviation 1, repeating without a seam; read-only."""
    cells, persistence = _PATTERNS[name]
    rng = Draws(7001, cells, round(100 * persistence))
    total, weight = np.zeros((NOISE_SIZE, NOISE_SIZE), np.float32), 1.0
    while cells <= NOISE_SIZE:
        total += np.float32(weight) * _interpolated(rng.standard_normal((cells, cells)))
        cells, weight = cells * 2, weight * persistence
    # Mean and deviation from whole numbers, whose sums are exact in any order.
    whole = np.rint(total * 4096).astype(np.int64)
    mean = int(whole.sum()) / whole.size
    variance = int(np.square(whole).sum()) / whole.size - mean * mean
    total -= np.float32(mean / 4096)
    total /= np.float32(math.sqrt(variance) / 4096)
    total.flags.writeable = False
    return total


def _interpolated(cells: np.ndarray) -> np.ndarray:
    """A periodic field at NOISE_SIZE, by cubic convolution (Keys, 1981; with a = -3/4)."""
    step = NOISE_SIZE // len(cells)
    if step == 1:
        return cells
    place = (np.arange(NOISE_SIZE) + 0.5) / step - 0.5
    first = np.floor(place)
    t = place - first
    inner = [(1.25 * d - 2.25) * d * d + 1 for d in (t, 1 - t)]
    outer = [((3.75 - 0.75 * d) * d - 6) * d + 3 for d in (1 + t, 2 - t)]
    weights = [weight.astype(np.float32) for weight in (outer[0], *inner, outer[1])]
    for axis in (0, 1):
        mixed = np.float32(0)
        for offset, weight in enumerate(weights, start=-1):
            samples = cells.take((first + offset).astype(int) % cells.shape[axis], axis)
            mixed = mixed + samples * (weight[:, None] if axis == 0 else weight[None, :])
        cells = mixed
    return cells


@cache
def _seamed(name: str) -> np.ndarray:
    """A noise pattern with its first row and column repeated at the end, flat."""
    return np.pad(noise(name), (0, 1), mode="wrap").ravel()


def sampled(name: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A noise pattern at the places (x, y), float32 of 0..512 that repeat; bilinear, float32."""
    left, top = np.floor(x), np.floor(y)
    across, down = x - left, y - top
    size = NOISE_SIZE + 1
    place = (top.astype(np.int32) & (NOISE_SIZE - 1)) * size + (left.astype(np.int32) & (NOISE_SIZE - 1))
    pattern = _seamed(name)
    rows = []
    for start in (place, place + size):
        here = pattern.take(start)
        here += across * (pattern.take(start + 1) - here)
        rows.append(here)
    upper, lower = rows
    upper += down * (lower - upper)
    return upper


@cache
def _doubled(name: str) -> np.ndarray:
    return np.tile(noise(name), (2, 2))


def crop(name: str, rng: Draws, height: int, width: int) -> np.ndarray:
    """A random window (height, width) of a noise pattern, read-only."""
    top, left = (int(v) for v in rng.integers(0, NOISE_SIZE, 2))
    pattern = _doubled(name)
    repeats = -(-(top + height) // pattern.shape[0]), -(-(left + width) // pattern.shape[1])
    if max(repeats) > 1:
        pattern = np.tile(pattern, repeats)
    return pattern[top : top + height, left : left + width]


_STATIC_SIZES = 512, 487  # without a common divisor: their sum repeats after 249,344 pixels


@cache
def _white(size: int, coarse: bool) -> np.ndarray:
    tile = Draws(7003, size).standard_normal((size, size)) * np.float32(math.sqrt(0.5))
    if coarse:
        blocks = tile + np.roll(tile, 1, axis=0)
        blocks += np.roll(blocks, 1, axis=1)
        tile = np.float32(0.55) * tile + np.float32(0.9 / 4) * blocks
    tile.flags.writeable = False
    return tile


def static(rng: Draws, height: int, width: int, coarse: bool = False) -> np.ndarray:
    """White noise, float32 (height, width), mean 0, deviation 1. Two periodic ones are added, which is much quicker
    than drawing each value. `coarse`: mixed with the means of 2x2 values, as if smoothed already."""
    total = np.zeros((height, width), np.float32)
    for size in _STATIC_SIZES:
        top, left = (int(v) for v in rng.integers(0, size, 2))
        tile = _white(size, coarse)
        for y in range(-top, height, size):
            for x in range(-left, width, size):
                y0, x0, y1, x1 = max(y, 0), max(x, 0), min(y + size, height), min(x + size, width)
                if y0 < y1 and x0 < x1:
                    total[y0:y1, x0:x1] += tile[y0 - y : y1 - y, x0 - x : x1 - x]
    return total


@lru_cache(maxsize=FOLIAGE_KINDS)
def foliage(kind: int) -> np.ndarray:
    """A crown of leaves, uint32 (176, 176): in the lowest byte of each word the cover (leaves where above 127), in
    the next the shade (how much of the light from above and the left reaches the leaves)."""
    rng = Draws(7002, kind)
    size = FOLIAGE_SIZE
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / (size / 2) - 1
    field = np.full((size, size), -1e3, np.float32)
    light_sum, weight_sum = np.zeros((2, size, size), np.float32)
    slender = 0.62 + 0.3 * rng.random()
    for _ in range(34):
        (across, down), reach = cos_sin(rng.random() * 2 * math.pi), math.sqrt(rng.random()) * 0.66
        bx, by = reach * across * slender, reach * down * 0.95
        radius = 0.16 + 0.16 * rng.random()
        u, v = (x - bx) / radius, (y - by) / (radius * 0.85)
        clump = 1 - (u * u + v * v)
        light = np.clip(0.5 - 0.4 * v - 0.12 * u, 0, 1) * (0.7 + 0.3 * rng.random()) - 0.16 * by
        # The eighth power: neighbouring clumps grow into each other.
        weight = np.square(np.square(np.square((np.clip(clump, -2, 1) + 2) / 3))) + np.float32(1e-5)
        light_sum += weight * light
        weight_sum += weight
        np.maximum(field, clump, out=field)
    leaves, clusters = noise("leaves")[:size, :size], noise("rough")[:size, -size:]
    cover = 0.5 + 0.5 * (field + 0.34 * leaves + 0.30 * clusters)
    shade = light_sum / weight_sum + 0.15 * leaves + 0.13 * clusters - 0.10 * (clusters < -0.7)
    low, high = (np.clip(255 * layer, 0, 255).astype(np.uint32) for layer in (cover, shade))
    return low | high << np.uint32(8)


@lru_cache(maxsize=1)
def leaf_noise() -> np.ndarray:
    """Single leaves, int16 (512, 512), deviation about 24: what `foliage` lacks when seen from near."""
    return np.rint(24 * noise("leaves")).astype(np.int16)
