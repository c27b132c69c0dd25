"""How many test images have a near twin in training."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.datasets.abstract import Dataset
from benchmark.datasets.id_lists import read_ids
from benchmark.datasets.pairs import Pair
from benchmark.errors import UserError, first_few, unknown
from benchmark.progress import Progress

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


@dataclass(frozen=True)
class Parts:
    """Training and test ids of a division called `name`; `notes`: what to tell of lists of one's own."""

    name: str
    train: list[str]
    test: list[str]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Leak:
    """What training and test of a division share.

    both: the ids that are in both, sorted. shares: distance -> share of test ids with a training id that near. twins:
    the near duplicates by hash; None where none were looked for, and `lacking` says why. broken: how many pairs cannot
    be read. complete: whether every image of both parts was compared.
    """

    both: list[str]
    shares: dict[int, float]
    twins: Twins | None
    lacking: str = ""
    broken: int = 0
    complete: bool = True


def published_parts(dataset: Dataset, name: str) -> Parts:
    """Return the division of the data set called `name`. Raises UserError for an unknown one."""
    schemes = {scheme: parts for scheme, parts in dataset.schemes().items() if {"train", "test"} <= parts.keys()}
    if name not in schemes:
        raise unknown(f"division of {dataset.name}", name, schemes)
    return Parts(name, schemes[name]["train"], schemes[name]["test"])


def own_parts(dataset: Dataset, train: Path, test: Path, root: Path | None = None) -> Parts:
    """Read two lists of ids. Raises UserError for a file that holds none, or none of a data set with published
    lists."""
    known = dataset.listed_ids(root)
    lists = [read_ids(path, known, dataset.name) for path in (train, test)]
    for path, found in zip((train, test), lists):
        if dataset.schemes() and known.isdisjoint(found.ids):
            raise UserError(
                f"{path}: none of its {len(found.ids)} entries ({first_few(found.ids, 1)}) is an id of {dataset.name},"
                f" such as {min(known)}"
            )
    notes = tuple(note for found in lists for note in found.notes)
    return Parts(f"{train} / {test}", lists[0].ids, lists[1].ids, notes)


def measure(dataset: Dataset, parts: Parts, root: Path | None = None) -> Leak:
    """Compare training and test by ids and, where images are there, by hash. Raises UserError for ids without a
    number."""
    shares = neighbours(parts.train, parts.test)
    both = sorted({*parts.train} & {*parts.test})
    try:
        at_hand = dataset.at_hand(root)
    except UserError as error:
        return Leak(both, shares, None, f"without images: {error.message}")
    by_id = {id: pair for id, pair in at_hand.items() if pair.problem is None}
    wanted = [[by_id[id] for id in ids if id in by_id] for ids in (parts.train, parts.test)]
    if not all(wanted):
        return Leak(both, shares, None, "no images of training or of test are here")
    with Progress().bar("hashing", sum(map(len, wanted)), summary=False) as step:
        train, test = (_hashes(pairs, step) for pairs in wanted)
    broken = sum(map(len, wanted)) - len(train) - len(test)
    if not train or not test:
        return Leak(both, shares, None, "no image of training or of test can be read", broken)
    complete = len(train) == len(parts.train) and len(test) == len(parts.test)
    return Leak(both, shares, twins(train, test), "", broken, complete)


def _hashes(pairs: Sequence[Pair], step: Callable[[], None]) -> dict[str, tuple[int, int]]:
    """id -> hashes of the pairs that can be read."""
    found = {}
    for pair in pairs:
        with suppress(UserError):  # counted by the caller
            found[pair.id] = hash_pair(pair)
        step()
    return found


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
