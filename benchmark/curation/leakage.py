"""How many test images have a near twin in training."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.datasets.pairs import Pair
from benchmark.errors import UserError

DISTANCES = (1, 2, 5, 10)
NEAR_DUPLICATE = 10  # bits of 64, mean over the two images of a pair; unrelated images differ in about 32
_NUMBER = re.compile(r"(\d+)\D*$")


@dataclass(frozen=True)
class Twins:
    """`share` of the `compared` test images whose nearest training image is a near duplicate; `median` distance
    in bits, and `examples`: the closest (test id, training id, bits)."""

    share: float
    compared: int
    training: int
    median: float
    examples: tuple[tuple[str, str, float], ...]


def neighbours(train: Sequence[str], test: Sequence[str], distances: Sequence[int] = DISTANCES) -> dict[int, float]:
    """Distance d -> share of test ids with a training id whose number differs by at most d (an id that is in both
    has one at any distance). Only ids that are alike up to the number count. Raises UserError for ids without one."""
    known: dict[str, list[int]] = {}
    for id in train:
        prefix, number = _numbered(id)
        known.setdefault(prefix, []).append(number)
    sorted_numbers = {prefix: np.unique(numbers) for prefix, numbers in known.items()}
    gaps = np.array([_gap(sorted_numbers.get(prefix), number) for prefix, number in map(_numbered, test)])
    return {distance: float((gaps <= distance).mean()) if len(gaps) else 0.0 for distance in distances}


def perceptual_hash(image: np.ndarray) -> int:
    """The 64-bit DCT hash of a luminance image (Zauner, 2010): signs of its 8x8 lowest frequencies at 32x32
    pixels against their median."""
    import cv2

    small = cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:8, :8].ravel()
    bits = low > np.median(low[1:])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def hash_pair(pair: Pair) -> tuple[int, int]:
    loaded = pair.load()
    return perceptual_hash(loaded.ir), perceptual_hash(loaded.vis)


def twins(train: dict[str, tuple[int, int]], test: dict[str, tuple[int, int]]) -> Twins:
    """Compare the hashes of pairs, id -> (infrared, visible)."""
    ids = list(train)
    reference = np.array([train[id] for id in ids], np.uint64).reshape(-1, 2)
    nearest = []
    for id, hashes in test.items():
        bits = np.bitwise_xor(reference, np.array(hashes, np.uint64))
        distance = np.unpackbits(bits.view(np.uint8).reshape(len(ids), -1), axis=1).sum(axis=1) / 2
        at = int(distance.argmin())
        nearest.append((float(distance[at]), id, ids[at]))
    distances = [distance for distance, _, _ in nearest]
    examples = tuple((test_id, train_id, bits) for bits, test_id, train_id in sorted(nearest)[:3])
    share = float(np.mean([distance <= NEAR_DUPLICATE for distance in distances]))
    return Twins(share, len(test), len(train), float(np.median(distances)), examples)


def _numbered(id: str) -> tuple[str, int]:
    match = _NUMBER.search(id)
    if match is None:
        raise UserError(f"the id '{id}' holds no number: neighbours cannot be told")
    return id[: match.start()], int(match[1])


def _gap(numbers: np.ndarray | None, number: int) -> float:
    """Distance of `number` to the nearest of sorted `numbers`."""
    if numbers is None:
        return np.inf
    at = int(np.searchsorted(numbers, number))
    return float(min(abs(int(numbers[i]) - number) for i in (at - 1, at) if 0 <= i < len(numbers)))
