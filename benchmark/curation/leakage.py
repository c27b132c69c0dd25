"""How many test images have a near twin in training, or show a place that a training image shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.curation import same_place
from benchmark.curation.same_place import Places
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
    in bits, and `examples`: the closest (test id, training id, bits). near: all near duplicates, in the same form."""

    share: float
    compared: int
    training: int
    median: float
    examples: tuple[tuple[str, str, float], ...]
    near: tuple[tuple[str, str, float], ...] = ()


@dataclass(frozen=True)
class Shared:
    """A test and a training image that show one place. inliers: see `same_place.Likeness`; evidence: likewise. bits:
    between their hashes. by: what tells it, "features", "hash" or both."""

    test: str
    train: str
    inliers: tuple[int, int]
    evidence: int
    bits: float
    by: str


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

    both: the ids that are in both, sorted. shares: distance -> share of test ids with a training id that near; empty
    where ids hold no numbers. twins: the near duplicates by hash; None where none were looked for, and `lacking` says
    why. broken: how many pairs cannot be read. complete: whether every image of both parts was compared. places: what
    local features tell, where they were asked; shared: what shows one place by them or by hash, the strongest first.
    """

    both: list[str]
    shares: dict[int, float]
    twins: Twins | None
    lacking: str = ""
    broken: int = 0
    complete: bool = True
    places: Places | None = None
    shared: tuple[Shared, ...] = ()

    @property
    def placed(self) -> list[str]:
        """The test ids that show a place of a training image by local features."""
        return list(dict.fromkeys(one.test for one in self.shared if "features" in one.by))


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


def measure(dataset: Dataset, parts: Parts, root: Path | None = None, geometric: bool = False, jobs: int = 1) -> Leak:
    """Compare training and test by ids and, where images are there, by hash.

    geometric: also by local features, in `jobs` threads. Raises UserError where they are asked for slices of heads.
    """
    if geometric and dataset.card.task == "mif":
        raise UserError(
            f"--geometric: {dataset.name} holds slices of heads, which no moving camera explains; its ids tell the case"
            " of each slice, and its splits patient-train and patient-test share none; without it,"
            " hashes are compared"
        )
    try:
        shares = neighbours(parts.train, parts.test)
    except UserError:  # names instead of numbers
        shares = {}
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
    found = twins(train, test)
    if not geometric:
        return Leak(both, shares, found, "", broken, complete)
    with Progress().bar("finding local features", len(train) + len(test), summary=False) as step:
        albums = [same_place.read([by_id[id] for id in hashes], jobs, step).sides for hashes in (test, train)]
    with Progress().bar("comparing", same_place.steps(len(test), len(train)), "couple", summary=False) as step:
        places = same_place.compare(*albums, jobs=jobs, step=step)
    return Leak(both, shares, found, "", broken, complete, places, _shared(places, found, albums, (test, train)))


def _shared(places: Places, twins: Twins, albums: Sequence[dict], hashes: Sequence[dict]) -> tuple[Shared, ...]:
    """What local features or hashes tell, each couple once."""
    told = {(one.first, one.second): one for one in places.found}
    near = {(test, train) for test, train, _ in twins.near}
    found = []
    for test, train in dict.fromkeys([*told, *near]):
        alike = told.get((test, train)) or same_place.likeness(test, train, albums[0][test], albums[1][train])
        by = ["features"] * ((test, train) in told) + ["hash"] * ((test, train) in near)
        bits = _distances(hashes[0][test], [hashes[1][train]])[0]
        found.append(Shared(test, train, alike.inliers, alike.evidence, float(bits), " and ".join(by)))
    return tuple(sorted(found, key=lambda one: (-one.evidence, one.test, one.train)))


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
    nearest, near = [], []
    for id, hashes in test.items():
        distance = _distances(hashes, reference)
        at = int(distance.argmin())
        nearest.append((float(distance[at]), id, ids[at]))
        near += [(id, ids[i], float(distance[i])) for i in np.flatnonzero(distance <= NEAR_DUPLICATE)]
    distances = [distance for distance, _, _ in nearest]
    examples = tuple((test_id, train_id, bits) for bits, test_id, train_id in sorted(nearest)[:3])
    share = float(np.mean([distance <= NEAR_DUPLICATE for distance in distances]))
    return Twins(share, len(test), len(train), float(np.median(distances)), examples, tuple(near))


def _distances(hashes: tuple[int, int], others) -> np.ndarray:
    """Bits between the hashes of a pair and those of others (N, 2), the mean over the two images: float (N,)."""
    bits = np.bitwise_xor(np.array(others, np.uint64), np.array(hashes, np.uint64))
    return np.unpackbits(bits.view(np.uint8).reshape(len(bits), -1), axis=1).sum(axis=1) / 2


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
