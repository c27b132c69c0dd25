"""Dividing a set by whole scenes, balanced on the objects of each class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.datasets import scenes
from benchmark.datasets.id_lists import ids_sha256
from benchmark.datasets.m3fd import M3fd
from benchmark.errors import UserError


@dataclass(frozen=True)
class Balanced:
    """A division by whole scenes: `parts`: part -> ids; `objects`: part -> how many there are of each class;
    `labelled`: how many images had labels to balance on."""

    parts: dict[str, list[str]]
    objects: dict[str, Counter]
    labelled: int

    @property
    def images(self) -> int:
        return sum(map(len, self.parts.values()))

    def share(self, part: str, label: str) -> float:
        """The share of all objects of a class that a part holds; 0 where there are none."""
        everywhere = sum(counted[label] for counted in self.objects.values())
        return self.objects[part][label] / max(everywhere, 1)


def by_labels(source: M3fd, root: Path | None = None) -> Balanced:
    """Divide M3FD by its scenes, balanced on images and on the objects that the labels under `root` count. Raises
    UserError where there are no labels."""
    published = source.schemes()["zx"]
    groups = scenes.from_runs(published["train"], published["test"])
    pairs = {pair.id: pair for pair in source.pairs("all", root) if pair.labels is not None}
    if not pairs:
        raise UserError(f"data set {source.name}: no labels under the data root")
    counts = [Counter(box.label for id in group if id in pairs for box in source.boxes(pairs[id])) for group in groups]
    parts = scenes.lists(groups, scenes.divide(scene_weights(groups, counts)))
    part_of = {id: part for part, ids in parts.items() for id in ids}
    objects: dict[str, Counter] = {part: Counter() for part in parts}
    for group, counted in zip(groups, counts):
        objects[part_of[group[0]]] += counted
    return Balanced(parts, objects, len(pairs))


def scene_weights(groups: Sequence[Sequence[str]], counts: Sequence[Counter]) -> np.ndarray:
    """What a division by scenes balances where labels are known: images, scenes, recording order and the objects of
    each class."""
    classes = sorted({label for counted in counts for label in counted})
    objects = [[counted[label] for label in classes] for counted in counts]
    return np.column_stack([scenes.image_weights(groups), np.array(objects, float).reshape(len(groups), -1)])


def write_lists(folder: Path, name: str, parts: dict[str, list[str]]) -> None:
    """Write a text file of ids for each part, with the ids' SHA-256 in its first line."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, ids in parts.items():
        head = f"# {name}, {part}: {len(ids)} ids, SHA-256 of the ids, one to a line: {ids_sha256(ids)}\n"
        (folder / f"{name}-{part}.txt").write_text(head + "".join(f"{id}\n" for id in ids), encoding="utf-8")
