"""A small pair and its fusion, drawn with integers alone, so that it is the same everywhere: for examples and
documentation.
"""

from __future__ import annotations

import numpy as np


def noise(shape: tuple[int, int], seed: int) -> np.ndarray:
    """Integers -24..24 that look independent, bell-shaped, of standard deviation 7.5."""
    h, w = shape
    x = np.arange(h * w, dtype=np.uint64).reshape(shape) + np.uint64(seed * 1_000_003)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return sum(((x >> np.uint64(8 * k)) % np.uint64(13)).astype(np.int64) - 6 for k in range(4))


def example(height: int = 240, width: int = 320) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fused, infrared and visible image of a street at dusk: uint8, (height, width)."""
    y, x = np.mgrid[0:height, 0:width]
    ground = y > height * 3 // 5
    wall = (x > width // 2) & (y > height // 4) & ~ground
    window = wall & (x % 24 < 12) & (y % 30 < 16)
    lamp = (x - width // 5) ** 2 + (y - height // 3) ** 2
    walkers = np.zeros((height, width), bool)
    for k in range(4):
        cx, cy = width * (2 * k + 1) // 9, height * 7 // 10 + 6 * (k % 2)
        walkers |= 9 * (x - cx) ** 2 + (y - cy) ** 2 < (height // 9) ** 2
    vis = 40 + 70 * (height - y) // height
    vis = np.where(ground, 60 + 30 * ((x // 9 + y // 7) % 2), vis)
    vis = np.where(wall, 85 + 8 * (y % 10 == 0), vis)
    vis = np.where(window, 25 + 90 * (x // 24 % 3 == 0), vis)
    vis = np.where(walkers, vis * 2 // 3, vis)
    vis = vis + 200 * 400 // (400 + lamp) + noise((height, width), 1) // 3
    ir = 50 + 30 * y // height + 25 * wall + 20 * window
    ir = np.where(walkers, 205 + y % 5, ir) + noise((height, width), 2) // 2
    ir, vis = np.clip(ir, 0, 255), np.clip(vis, 0, 255)
    fused = (3 * np.maximum(ir, vis) + ir + vis + 2) // 5
    return tuple(image.astype(np.uint8) for image in (fused, ir, vis))
