"""Fractal noise and crowns of leaves, made once per process and the same in every one."""

from __future__ import annotations

from functools import cache, lru_cache

import cv2
import numpy as np

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


def generator(*key: int) -> np.random.Generator:
    """A random generator of its own for each key of non-negative integers."""
    return np.random.Generator(np.random.PCG64(list(key)))


@cache
def noise(name: str) -> np.ndarray:
    """Fractal noise, float32 (512, 512), mean 0, deviation 1, repeating without a seam; read-only."""
    cells, persistence = _PATTERNS[name]
    rng = generator(7001, cells, round(100 * persistence))
    total, weight = np.zeros((NOISE_SIZE, NOISE_SIZE), np.float32), 1.0
    while cells <= NOISE_SIZE:
        # Two cells of the neighbouring period on each side, for the interpolation.
        around = np.pad(rng.standard_normal((cells, cells), dtype=np.float32), 2, mode="wrap")
        step = NOISE_SIZE // cells
        fine = cv2.resize(around, None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC) if step > 1 else around
        total += weight * fine[2 * step : 2 * step + NOISE_SIZE, 2 * step : 2 * step + NOISE_SIZE]
        cells, weight = cells * 2, weight * persistence
    total -= total.mean()
    total /= total.std()
    total.flags.writeable = False
    return total


@cache
def _doubled(name: str) -> np.ndarray:
    return np.tile(noise(name), (2, 2))


def crop(name: str, rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A random window (height, width) of a noise pattern, read-only."""
    top, left = (int(v) for v in rng.integers(0, NOISE_SIZE, 2))
    pattern = _doubled(name)
    repeats = -(-(top + height) // pattern.shape[0]), -(-(left + width) // pattern.shape[1])
    if max(repeats) > 1:
        pattern = np.tile(pattern, repeats)
    return pattern[top : top + height, left : left + width]


_STATIC_SIZES = 512, 487  # without a common divisor: their sum repeats after 249,344 pixels


@cache
def _white(size: int) -> np.ndarray:
    tile = generator(7003, size).standard_normal((size, size), dtype=np.float32) * np.float32(0.5**0.5)
    tile.flags.writeable = False
    return tile


def static(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """White noise, float32 (height, width), mean 0, deviation 1: the sum of two periodic ones, which is much
    quicker than drawing each value."""
    total = np.zeros((height, width), np.float32)
    for size in _STATIC_SIZES:
        top, left = (int(v) for v in rng.integers(0, size, 2))
        tile = _white(size)
        for y in range(-top, height, size):
            for x in range(-left, width, size):
                y0, x0, y1, x1 = max(y, 0), max(x, 0), min(y + size, height), min(x + size, width)
                if y0 < y1 and x0 < x1:
                    total[y0:y1, x0:x1] += tile[y0 - y : y1 - y, x0 - x : x1 - x]
    return total


@lru_cache(maxsize=FOLIAGE_KINDS)
def foliage(kind: int) -> tuple[np.ndarray, np.ndarray]:
    """A crown of leaves, two uint8 (176, 176) images: cover (leaves where above 127) and shade (how much of the
    light from above and the left reaches the leaves)."""
    rng = generator(7002, kind)
    size = FOLIAGE_SIZE
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / (size / 2) - 1
    field = np.full((size, size), -1e3, np.float32)
    light_sum, weight_sum = np.zeros((2, size, size), np.float32)
    slender = 0.62 + 0.3 * rng.random()
    for _ in range(34):
        angle, reach = rng.random() * 2 * np.pi, np.sqrt(rng.random()) * 0.66
        bx, by = reach * np.cos(angle) * slender, reach * np.sin(angle) * 0.95
        radius = 0.16 + 0.16 * rng.random()
        u, v = (x - bx) / radius, (y - by) / (radius * 0.85)
        clump = 1 - (u * u + v * v)
        light = np.clip(0.5 - 0.4 * v - 0.12 * u, 0, 1) * (0.7 + 0.3 * rng.random()) - 0.16 * by
        weight = np.exp2(5 * np.clip(clump, -2, 1))  # neighbouring clumps grow into each other
        light_sum += weight * light
        weight_sum += weight
        np.maximum(field, clump, out=field)
    leaves, clusters = noise("leaves")[:size, :size], noise("rough")[:size, -size:]
    cover = 0.5 + 0.5 * (field + 0.34 * leaves + 0.30 * clusters)
    shade = light_sum / weight_sum + 0.15 * leaves + 0.13 * clusters - 0.10 * (clusters < -0.7)
    return tuple(np.clip(255 * layer, 0, 255).astype(np.uint8) for layer in (cover, shade))


@lru_cache(maxsize=1)
def leaf_noise() -> np.ndarray:
    """Single leaves, int16 (512, 512), deviation about 24: what `foliage` lacks when seen from near."""
    return np.rint(24 * noise("leaves")).astype(np.int16)
