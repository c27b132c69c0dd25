"""Large images in parts: square tiles that overlap and are blended, and what methods need without them.

A tile's result holds only as far from its inner borders as the method's `reach`. What lies nearer is not used, and
beyond it neighbours fade into each other, so that of a method with a reach nothing but rounding is left at the seams.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

BLEND = 16  # pixels in which one tile fades into the next
_TABLE = Path(__file__).with_name("memory.csv")


@cache
def _needs() -> dict[str, dict[str, float]]:
    with _TABLE.open(encoding="utf-8", newline="") as file:
        return {
            row["method"]: {device: float(row[device]) for device in ("cpu", "cuda") if row[device]}
            for row in csv.DictReader(file)
        }


def bytes_per_pixel(method: str, device: str = "cpu") -> float | None:
    """What a pair of that method takes on a device, fused whole, by the table that studies/memory_need.py writes,
    where that of a GPU may be that of the CPU; None where it is not known."""
    found = _needs().get(method, {})
    return found.get(device, found.get("cpu"))


def smallest(reach: int, align: int) -> int:
    """The smallest side of tiles of which about half is theirs alone; of smaller ones there would be too many."""
    return -(-2 * (2 * reach + BLEND) // align) * align


def places(length: int, tile: int, reach: int, align: int) -> list[tuple[int, int]]:
    """First and past-the-last pixel of each tile along a side: evenly, from multiples of `align`, none longer than
    `tile`, neighbours with enough in common to blend."""
    tile -= tile % align
    if length <= tile:
        return [(0, length)]
    steps, stride = -(-(length - tile) // align), (tile - 2 * reach - BLEND) // align
    count = -(-steps // stride)
    starts = [align * (steps * i // count) for i in range(count + 1)]
    return [(start, min(start + tile, length)) for start in starts]


def weights(length: int, tiles: list[tuple[int, int]], reach: int) -> list[np.ndarray]:
    """float32, what each pixel of each tile counts along a side; of every pixel of the image they add up to 1."""
    found = []
    for start, end in tiles:
        inside = np.arange(end - start)
        rise = np.full(end - start, np.inf) if start == 0 else inside - reach + 0.5
        fall = np.full(end - start, np.inf) if end == length else inside[::-1] - reach + 0.5
        found.append((np.minimum(rise, fall) / BLEND).clip(0, 1))
    total = np.zeros(length)
    for (start, end), share in zip(tiles, found):
        total[start:end] += share
    return [(share / total[start:end]).astype(np.float32) for (start, end), share in zip(tiles, found)]


def blended(fuse: Callable, ir, vis, tile: int, reach: int, align: int = 1) -> np.ndarray:
    """fuse(ir, vis), float32 (1, 1, H, W), from tiles of at most `tile` pixels a side.

    fuse: parts of ir and vis, which are arrays or tensors (1, 1, H, W), to an array of their shape.
    """
    height, width = ir.shape[2:]
    rows, columns = (places(side, tile, reach, align) for side in (height, width))
    row_weights, column_weights = weights(height, rows, reach), weights(width, columns, reach)
    result = np.zeros((1, 1, height, width), np.float32)
    for (top, bottom), down in zip(rows, row_weights):
        for (left, right), across in zip(columns, column_weights):
            part = (..., slice(top, bottom), slice(left, right))
            result[part] += fuse(ir[part], vis[part]) * (down[:, None] * across)
    return result
