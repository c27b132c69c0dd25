"""The scenes of a set, and dividing it by them, so that no test image has a sibling in training."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache

import numpy as np

from benchmark.datasets.id_lists import split_ids

PARTS = ("train", "val", "test")
SHARES = (0.7, 0.1, 0.2)


@cache
def listed(dataset: str) -> dict[str, str]:
    """Id -> the first id of its scene, from ``splits/<dataset>_scenes.txt``, which has a scene to a line. Made by
    ``studies/scene_lists.py``: pairs that show one place by local features are one scene, directly or through
    others."""
    return {id: scene.split()[0] for scene in split_ids(dataset, "scenes") for id in scene.split()}


def from_runs(train: Collection[str], test: Collection[str]) -> list[list[str]]:
    """The scenes behind a division that puts the beginning of each scene into training and its end into testing:
    in the order of ids, each run of training ids and the run of test ids after it are one scene."""
    train, scenes, before = set(train), [], None
    for id in sorted({*train, *test}):
        here = id in train
        if here and not before:
            scenes.append([])
        scenes[-1].append(id)
        before = here
    return scenes


def divide(weights: np.ndarray, shares: Sequence[float] = SHARES) -> np.ndarray:
    """The part of each scene, int (N,), such that every part has about its share of every column.

    weights: (N, K) counts of each scene, not negative: images, objects of each class, … The division minimises the
    sum, over columns and parts, of squared deviations from the share, relative to it. The largest scenes go first,
    each to where it fits best; then scenes move and change places as long as that helps. Deterministic.
    """
    weights = np.asarray(weights, float)
    totals = weights.sum(axis=0)
    weights = weights[:, totals > 0] / totals[totals > 0]
    shares = np.asarray(shares, float)
    parts = np.full(len(weights), -1)
    sums = np.zeros((len(shares), weights.shape[1]))

    def cost(sums: np.ndarray) -> np.ndarray:
        """The sum to minimise, of sums (..., parts, K)."""
        return np.square(sums / shares[:, None] - 1).sum(axis=(-2, -1))

    unit = np.eye(len(shares))
    for scene in np.argsort(-weights.sum(axis=1), kind="stable"):
        parts[scene] = int(np.argmin(cost(sums + unit[:, :, None] * weights[scene])))
        sums[parts[scene]] += weights[scene]
    while True:
        best, change = cost(sums) - 1e-12, None
        for scene, part in enumerate(parts):
            trial = sums + (unit - unit[part])[:, :, None] * weights[scene]
            costs = cost(trial)
            if costs.min() < best:
                best, change = costs.min(), [(scene, int(np.argmin(costs)))]
            others = np.flatnonzero(parts != part)
            moved = weights[scene] - weights[others]
            trial = sums + (unit[parts[others]] - unit[part])[:, :, None] * moved[:, None]
            costs = cost(trial)
            if len(others) and costs.min() < best:
                other = int(others[np.argmin(costs)])
                best, change = costs.min(), [(scene, int(parts[other])), (other, int(part))]
        if change is None:
            return parts
        for scene, part in change:
            sums[parts[scene]] -= weights[scene]
            sums[part] += weights[scene]
            parts[scene] = part


def image_weights(scenes: Sequence[Sequence[str]]) -> np.ndarray:
    """What a division can balance without labels, (N, 6): images, scenes, and the images of each quarter of the
    recording order, which stands in for time and place."""
    sizes = np.array([len(scene) for scene in scenes], float)
    centre = np.cumsum(sizes) - sizes / 2
    quarter = (4 * centre / sizes.sum()).astype(int)
    return np.column_stack([sizes, np.ones(len(sizes)), sizes[:, None] * np.eye(4)[quarter]])


def lists(scenes: Sequence[Sequence[str]], parts: np.ndarray) -> dict[str, list[str]]:
    """Part -> sorted ids."""
    return {
        name: sorted(id for scene, part in zip(scenes, parts) if part == number for id in scene)
        for number, name in enumerate(PARTS)
    }


def at_random(ids: Sequence[str], seed: int = 0) -> dict[str, list[str]]:
    """A random 8:1:1 division of sorted ids, as `numpy.random.default_rng(seed).permutation` orders them."""
    order = np.random.default_rng(seed).permutation(len(ids))
    ends = 0, round(0.8 * len(ids)), round(0.9 * len(ids)), len(ids)
    return {part: sorted(ids[i] for i in order[a:b]) for part, a, b in zip(PARTS, ends, ends[1:])}
