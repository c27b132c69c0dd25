"""A data set divided into training, validation and test images, with what is known and what is wrong of its labels."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmark.curation import leakage
from benchmark.datasets.abstract import Dataset
from benchmark.datasets.id_lists import ids_sha256, read_ids
from benchmark.datasets.labels import Flaw
from benchmark.datasets.pairs import Box, Pair
from benchmark.datasets.scenes import PARTS
from benchmark.detection.precision import SIZES
from benchmark.errors import UserError, unknown
from benchmark.imaging import reading
from benchmark.progress import Progress
from benchmark.run import plan, stretching
from benchmark.run.plan import Split
from benchmark.run.stretching import Stretching

OFFICIAL = "official"
NO_IMAGE = "label file without image, left out"
LEAK_DISTANCES = (1, 5)


@dataclass(frozen=True)
class Item:
    """A pair in a part of a division. split: the split that it is fused in. boxes: its labelled objects; scene, time
    (of day): None where the data set does not know."""

    pair: Pair
    split: str
    boxes: tuple[Box, ...]
    scene: str | None
    time: str | None


@dataclass(frozen=True)
class Division:
    """parts: "train", "val", "test" -> items. splits: what must be fused, by name. flaws: what is wrong with labels;
    excluded: id -> why an image cannot take part. notes: for the user, one line each."""

    dataset: str
    name: str
    classes: tuple[str, ...]
    parts: dict[str, list[Item]]
    splits: dict[str, Split]
    flaws: list[Flaw] = field(default_factory=list)
    excluded: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.dataset}@{self.name}"

    def sha256(self) -> str:
        """Of the ids of each part: two results with the same one are of the same division."""
        return ids_sha256([f"{part} {item.pair.id}" for part in PARTS for item in self.parts[part]])

    def data_sha256(self) -> str:
        """Of ids, images and labels."""
        content = [
            (part, item.pair.id, self.splits[item.split].digests[item.pair.id], [vars(box) for box in item.boxes])
            for part in PARTS
            for item in self.parts[part]
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def leak(self) -> dict[str, float | None]:
        """ "1", "5" -> share of test images with a training image that near by id; None where ids hold no number."""
        ids = {part: [item.pair.id for item in self.parts[part]] for part in ("train", "test")}
        try:
            found = leakage.neighbours(ids["train"], ids["test"], LEAK_DISTANCES)
        except UserError:
            found = dict.fromkeys(LEAK_DISTANCES)
        return {str(distance): share for distance, share in found.items()}

    def without(self, reasons: Mapping[str, str]) -> Division:
        """The division without some images, id -> why. Raises UserError where a part loses all."""
        if not reasons:
            return self
        parts = {part: [item for item in items if item.pair.id not in reasons] for part, items in self.parts.items()}
        return _checked(replace(self, parts=parts, excluded={**self.excluded, **reasons}))


def divide(
    dataset: Dataset,
    name: str | None,
    data_root: Path | None,
    limit: int | None = None,
    stretch: Stretching = stretching.NONE,
) -> Division:
    """The division called `name` (a scheme of the data set, or "official"; None: `scene` where there is one).

    Where it has no validation part, the last tenth of the training ids, in order, is held out of training for it.
    limit: only the first so many pairs of each split, a division of its own; so is one with a stretch. Raises UserError
    for an unknown name, a data set without boxes, and missing images.
    """
    _check_boxes(dataset)
    schemes = _schemes(dataset)
    name = name or ("scene" if "scene" in schemes else next(iter(schemes), OFFICIAL))
    if name not in schemes:
        raise unknown(f"division of {dataset.name} into training and test", name, schemes)
    splits = {}
    for split in schemes[name].values():
        splits[split] = plan.select_split(dataset.name, split, limit, data_root, stretch=stretch)
    parts = {part: splits[split].pairs for part, split in schemes[name].items()}
    names = {part: splits[split].name for part, split in schemes[name].items()}
    if limit is not None and any(split.name != key + stretch.suffix for key, split in splits.items()):
        name = f"{name}-first{limit}"
    name += stretch.suffix
    return _division(dataset, name, parts, names, {split.name: split for split in splits.values()}, data_root)


def divide_by_lists(
    dataset: Dataset,
    name: str,
    lists: Mapping[str, Path],
    scenes: Path | None,
    data_root: Path | None,
    limit: int | None = None,
    stretch: Stretching = stretching.NONE,
) -> Division:
    """A division of one's own, called `name`: part -> file of ids, one to a line; validation may be missing, see
    `divide`. scenes: a file of lines "id,scene" or "id,scene,time of day", for ids that are not the data set's own.
    Raises UserError as `divide` does."""
    _check_boxes(dataset)
    known = {pair.id: pair for split in dataset.parts for pair in dataset.pairs(split, data_root)}
    ids = {part: read_ids(path)[:limit] for part, path in lists.items()}
    twice = {id for part in ids for other in ids if part != other for id in {*ids[part]} & {*ids[other]}}
    if twice:
        raise UserError(f"{len(twice)} ids are in two parts of the division: {', '.join(sorted(twice)[:3])}, …")
    splits, parts = {}, {}
    for part, members in ids.items():
        parts[part] = [
            known.get(id) or Pair(id, None, None, f"listed for {part}, but not in the data set") for id in members
        ]
        parts[part], _ = stretching.apply(parts[part], stretch)
        label = f"{name}-{part}" + (f"-first{limit}" if limit else "") + stretch.suffix
        splits[label] = plan.read_split(dataset.name, label, parts[part], str(lists[part]))
    names = dict(zip(ids, splits))
    known_of = {} if scenes is None else _scenes(scenes)
    name = (f"{name}-first{limit}" if limit else name) + stretch.suffix
    return _division(dataset, name, parts, names, splits, data_root, known_of)


def _check_boxes(dataset: Dataset) -> None:
    if not dataset.classes:
        raise UserError(f"data set {dataset.name}: has no object boxes to train a detector on")


def _schemes(dataset: Dataset) -> dict[str, dict[str, str]]:
    """Division -> part -> the split that holds it."""
    known = dataset.splits()
    found = {}
    for scheme in dataset.schemes():
        named = {part: f"{scheme}-{part}" for part in PARTS if f"{scheme}-{part}" in known}
        if {"train", "test"} <= named.keys():
            found[scheme] = named
    if {"train", "test"} <= known.keys():
        found[OFFICIAL] = {part: part for part in PARTS if part in known}
    return found


def _division(dataset, name, parts, names, splits, data_root, scenes=None) -> Division:
    parts, notes = dict(parts), []
    names = dict(names)
    if "val" not in parts:
        held = max(1, len(parts["train"]) // 10)
        parts["train"], parts["val"] = parts["train"][:-held], parts["train"][-held:]
        names["val"] = names["train"]
        notes.append(f"{name} has no validation part: the last {held} training images are held out for it")
    flaws: list[Flaw] = []
    excluded, items = {}, {}
    with Progress().bar(f"reading labels of {dataset.name}", sum(map(len, parts.values())), summary=False) as step:
        for part in PARTS:
            items[part] = []
            for pair in parts[part]:
                split = splits[names[part]]
                try:
                    _check_pair(pair, split)
                    boxes = tuple(dataset.boxes(pair, flaws))
                except UserError as error:
                    excluded[pair.id] = plan.why(error)
                else:
                    scene, time = _place(dataset, pair, scenes)
                    items[part].append(Item(pair, split.name, boxes, scene, time))
                step()
    flaws += _without_image(dataset, parts, data_root)
    notes += [note for split in splits.values() for note in split.notes]
    made = Division(dataset.name, name, dataset.classes, items, splits, flaws, excluded, tuple(notes))
    return _checked(made)


def _place(dataset: Dataset, pair: Pair, scenes) -> tuple[str | None, str | None]:
    if scenes is None:
        return dataset.scene_of(pair.id), dataset.time_of_day(pair)
    return scenes.get(pair.id, (None, None))


def _check_pair(pair: Pair, split: Split) -> None:
    if pair.id in split.broken:
        raise UserError(split.broken[pair.id])
    if pair.ir is None or pair.vis is None:  # drawn, not read
        return
    (w, h), (vis_w, vis_h) = reading.size(pair.ir), reading.size(pair.vis)
    if (w, h) != (vis_w, vis_h):
        raise UserError(f"different sizes: infrared {w}x{h}, visible {vis_w}x{vis_h}")


def _checked(division: Division) -> Division:
    for part, items in division.parts.items():
        if not items:
            id, reason = next(iter(division.excluded.items()), ("", "it is empty"))
            raise UserError(f"{division}: no {part} image is left ({id + ': ' if id else ''}{reason})")
    if not any(item.boxes for item in division.parts["train"]):
        raise UserError(f"{division}: no training image has a labelled object")
    return division


def _without_image(dataset: Dataset, parts, data_root: Path | None) -> list[Flaw]:
    """Label files that belong to no image of the data set."""
    labelled = [pair for members in parts.values() for pair in members if pair.labels is not None]
    if not labelled:
        return []
    # A label file is called as its pair, or a little longer.
    ending = labelled[0].labels.stem.removeprefix(labelled[0].id)
    ids = {pair.id for members in parts.values() for pair in members}
    for split in dataset.parts:
        try:
            ids |= {pair.id for pair in dataset.pairs(split, data_root)}
        except UserError:  # a part of the set that is not here, and not used
            continue
    return [
        Flaw(NO_IMAGE, file.name)
        for folder, suffix in sorted({(pair.labels.parent, pair.labels.suffix) for pair in labelled})
        for file in sorted(folder.glob(f"*{suffix}"))
        if file.stem.removesuffix(ending) not in ids
    ]


def _scenes(path: Path) -> dict[str, tuple[str | None, str | None]]:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if row and not row[0].startswith("#")]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"--scenes {path}: {getattr(error, 'strerror', None) or 'not a text file'}") from None
    found = {}
    for row in rows:
        if not 2 <= len(row) <= 3:
            raise UserError(f"--scenes {path}: expected 'id,scene' or 'id,scene,time of day', found {','.join(row)}")
        if len(row) == 3 and row[2].strip() in ("all", *SIZES):
            raise UserError(f"--scenes {path}: '{row[2].strip()}' is no time of day")
        found[row[0].strip()] = (row[1].strip() or None, row[2].strip() or None if len(row) == 3 else None)
    return found


def tell(flaws: Sequence[Flaw]) -> dict[str, int]:
    """Kind of flaw -> how many."""
    counts: dict[str, int] = {}
    for flaw in flaws:
        counts[flaw.kind] = counts.get(flaw.kind, 0) + 1
    return counts
