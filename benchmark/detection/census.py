"""Count what labels hold in each part of each division of a data set. Its images need not be there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmark.curation import leakage
from benchmark.datasets.abstract import Dataset
from benchmark.datasets.labels import Flaw
from benchmark.datasets.pairs import Box, Pair
from benchmark.datasets.scenes import PARTS
from benchmark.detection.division import LEAK_DISTANCES, OFFICIAL
from benchmark.detection.relabelling import Relabelling
from benchmark.errors import UserError


@dataclass(frozen=True)
class Row:
    """The labels of a part. listed: how many images the part has; None where no list says it. images: how many of them
    have labels that can be used. scenes: None where the data set does not know. objects: class -> how many. background:
    images without an object. ignored: regions to be ignored."""

    division: str
    part: str
    listed: int | None
    images: int
    scenes: int | None
    objects: dict[str, int]
    background: int
    ignored: int


@dataclass(frozen=True)
class Census:
    """rows: of the label files, then of the divisions. leak: division -> distance -> share of test images with a
    training image that near by id. missing: ids of the set's lists without labels. excluded: id -> why its labels
    cannot be used."""

    classes: tuple[str, ...]
    rows: list[Row]
    leak: dict[str, dict[int, float]]
    missing: list[str]
    flaws: list[Flaw]
    excluded: dict[str, str]


def take(dataset: Dataset, brought: Relabelling | None, pairs: Mapping[str, Pair], root: Path | None) -> Census:
    """Count the labels that are `brought`, of images at hand or not; without them, the data set's own of the `pairs` at
    hand. pairs: id -> pair. Raises UserError where there are no labels."""
    flaws = [] if brought is None else [*brought.flaws]
    excluded: dict[str, str] = {}
    boxes: dict[str, list[Box]] = {}
    for id in pairs if brought is None else brought.images:
        try:
            if id in pairs:
                boxes[id] = (dataset if brought is None else brought).boxes(pairs[id], flaws)
            else:
                boxes[id] = brought.boxes_of(id, None, flaws)
        except UserError as error:
            excluded[id] = error.message
    divisions = _divisions(dataset, {} if brought is None else brought.parts, root)
    everything = dict.fromkeys(id for parts in divisions.values() for ids in parts.values() for id in ids)
    classes = dataset.classes if brought is None else brought.classes
    rows = []
    if brought is not None:
        rows += [_row(dataset, classes, Path(name).name, "", None, ids, boxes) for name, ids in brought.parts.items()]
    rows.append(_row(dataset, classes, "all", "", len(everything) or None, everything or boxes, boxes))
    leak = {}
    for name, parts in divisions.items():
        rows += [_row(dataset, classes, name, part, len(ids), ids, boxes) for part, ids in parts.items()]
        train, test = ([id for id in parts[part] if id in boxes] for part in ("train", "test"))
        if train and test:
            with suppress(UserError):  # ids without numbers
                leak[name] = leakage.neighbours(train, test, LEAK_DISTANCES)
    known = brought.images if brought is not None else pairs
    return Census(classes, rows, leak, [id for id in everything if id not in known], flaws, excluded)


def _divisions(
    dataset: Dataset, label_files: Mapping[str, list[str]], root: Path | None
) -> dict[str, dict[str, list[str]]]:
    """Division -> part -> ids: those with lists; else the official one, of label files that hold as many images as its
    parts have, or of the images at hand."""
    found = {name: dict(parts) for name, parts in dataset.schemes().items() if {"train", "test"} <= parts.keys()}
    if not found:
        as_many = {dataset.card.counts.get(part): part for part in PARTS if dataset.card.counts.get(part)}
        parts = {as_many[len(ids)]: ids for ids in label_files.values() if len(ids) in as_many}
        if {"train", "test"} <= parts.keys():
            return {OFFICIAL: {part: parts[part] for part in PARTS if part in parts}}
    if not found and {"train", "test"} <= dataset.splits().keys():
        with suppress(UserError):
            found[OFFICIAL] = {
                part: [pair.id for pair in dataset.pairs(part, root)] for part in PARTS if part in dataset.splits()
            }
    return found


def _row(
    dataset: Dataset,
    classes: Iterable[str],
    division: str,
    part: str,
    listed: int | None,
    ids: Iterable[str],
    boxes: Mapping[str, list[Box]],
) -> Row:
    there = [id for id in ids if id in boxes]
    scenes = {dataset.scene_of(id) for id in there}
    counts = Counter(box.label for id in there for box in boxes[id] if not box.ignored)
    return Row(
        division,
        part,
        listed,
        len(there),
        None if None in scenes else len(scenes),
        {name: counts[name] for name in classes},
        sum(all(box.ignored for box in boxes[id]) for id in there),
        sum(box.ignored for id in there for box in boxes[id]),
    )
