"""Which pairs of images show one place, told by local features of both modalities, with a threshold that unrelated
pairs set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from benchmark.curation.local_features import Features, features, inliers
from benchmark.datasets.pairs import Pair
from benchmark.errors import UserError

USUAL = 9  # inliers of one modality in the median of unrelated pairs, on RoadScene, TNO and MSRS
LEAST_EVIDENCE = 9  # where few unrelated pairs are at hand; 1 in 20,000 of RoadScene's reaches it
UNRELATED = 30_000  # that are tried at most
_AT_ONCE = 4096  # pairs handed to the threads

Sides = tuple[Features, Features]


@dataclass(frozen=True)
class Likeness:
    """What two pairs of images have in common. inliers: of the infrared and of the visible images."""

    first: str
    second: str
    inliers: tuple[int, int]

    @property
    def evidence(self) -> int:
        """The inliers beyond what unrelated images have, both modalities together: one of them may show nothing, and
        two weak signs are one strong one."""
        return sum(max(0, count - USUAL) for count in self.inliers)


@dataclass(frozen=True)
class Places:
    """Pairs of images that show one place.

    found: those of at least `threshold` evidence, the strongest first. compared: how many there were. unrelated: how
    many pairs set the threshold, one image of each mirrored; none of them reaches it. bare: ids of pairs with an image
    of too few features, infrared and visible.
    """

    found: tuple[Likeness, ...]
    threshold: int
    compared: int
    unrelated: int
    bare: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    @property
    def false_alarms(self) -> float:
        """The 95 % bound of the share of unrelated pairs that reach the threshold, none of `unrelated` having done
        so (the rule of three: Hanley & Lippman-Hand, JAMA 1983)."""
        return min(1.0, 3 / self.unrelated) if self.unrelated else 1.0

    def scenes(self, ids: Sequence[str]) -> list[list[str]]:
        """Divide ids into scenes: those that are joined by pairs of one place, directly or through others. In the order
        of `ids`."""
        from scipy.cluster.hierarchy import DisjointSet

        joined = DisjointSet(ids)
        for pair in self.found:
            joined.merge(pair.first, pair.second)
        place = {id: number for number, id in enumerate(ids)}
        return sorted((sorted(members, key=place.get) for members in joined.subsets()), key=lambda s: place[s[0]])


@dataclass
class Album:
    """The features of pairs: id -> (infrared, visible). broken: ids that cannot be read."""

    sides: dict[str, Sides] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


def read(pairs: Sequence[Pair], jobs: int = 1, step: Callable[[], None] = lambda: None) -> Album:
    """Find the features of each pair. step: called after each."""

    def one(pair: Pair) -> Sides | None:
        with suppress(UserError):
            loaded = pair.load()
            return features(loaded.ir), features(loaded.vis)
        return None

    album = Album()
    with ThreadPoolExecutor(jobs) as pool:
        for pair, sides in zip(pairs, pool.map(one, pairs)):
            if sides is None:
                album.broken.append(pair.id)
            else:
                album.sides[pair.id] = sides
            step()
    return album


def compare(
    first: dict[str, Sides],
    second: dict[str, Sides] | None = None,
    jobs: int = 1,
    step: Callable[[], None] = lambda: None,
) -> Places:
    """Compare every pair of `first` with every one of `second` (None: with every other of `first`).

    step: called `steps(first, second)` times. The result does not depend on `jobs`.
    """
    couples = _couples(first, second)
    others = first if second is None else second
    mirrored = {id: tuple(side.mirrored() for side in sides) for id, sides in others.items()}
    chosen = np.zeros(len(couples), bool)
    chosen[np.random.default_rng(0).permutation(len(couples))[:UNRELATED]] = True

    def one(number: int) -> tuple[Likeness, Likeness | None]:
        a, b = couples[number]
        alike = likeness(a, b, first[a], others[b])
        return alike, likeness(a, b, first[a], mirrored[b]) if chosen[number] else None

    kept, null = [], []
    with ThreadPoolExecutor(jobs) as pool:
        for alike, mirror in _in_order(pool, one, len(couples)):
            if alike.evidence >= LEAST_EVIDENCE:
                kept.append(alike)
            if mirror is not None:
                null.append((alike.evidence, mirror.evidence))
            step()
    threshold, unrelated = _threshold(np.array(null, int).reshape(-1, 2))
    found = sorted((one for one in kept if one.evidence >= threshold), key=lambda one: -one.evidence)
    everything = {**first, **others}
    bare = tuple(tuple(id for id, sides in everything.items() if len(sides[side]) < 8) for side in (0, 1))
    return Places(tuple(found), threshold, len(couples), unrelated, bare)


def steps(first: int, second: int | None = None) -> int:
    """How many pairs of images `compare` compares, of that many pairs each."""
    return first * (first - 1) // 2 if second is None else first * second


def _couples(first: dict[str, Sides], second: dict[str, Sides] | None) -> list[tuple[str, str]]:
    if second is None:
        ids = list(first)
        return [(a, b) for number, a in enumerate(ids) for b in ids[number + 1 :]]
    return [(a, b) for a in first for b in second]


def _in_order(pool: ThreadPoolExecutor, work: Callable, count: int) -> Iterator:
    """Results for 0 to count - 1; no more of them wait at a time than are soon needed."""
    numbers = iter(range(count))
    while batch := list(islice(numbers, _AT_ONCE)):
        yield from pool.map(work, batch)


def likeness(a: str, b: str, first: Sides, second: Sides) -> Likeness:
    """Compare the pair called `a` with the one called `b`."""
    return Likeness(a, b, (inliers(first[0], second[0]), inliers(first[1], second[1])))


def _threshold(null: np.ndarray) -> tuple[int, int]:
    """One more than the evidence of any unrelated pair, and how many of those there are.

    null: int (N, 2), evidence of pairs as they are, and with one image mirrored. A pair that shows one place may match
    its mirror image too, where an object is symmetric: it is left out.
    """
    while True:
        threshold = max(LEAST_EVIDENCE, int(null[:, 1].max(initial=0)) + 1)
        related = null[:, 0] >= threshold
        if not related.any():
            return threshold, len(null)
        null = null[~related]
