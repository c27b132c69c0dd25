"""Divide a data set into training, validation and test images, and collect their labels with the flaws in them."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmark import textfiles
from benchmark.curation import leakage
from benchmark.datasets.abstract import Dataset
from benchmark.datasets.folder import Folder
from benchmark.datasets.id_lists import entries, ids_sha256, limited_label, normalised, part_label, read_ids
from benchmark.datasets.labels import Flaw
from benchmark.datasets.pairs import Box, Pair
from benchmark.datasets.scenes import PARTS
from benchmark.detection.counterparts import counterparts
from benchmark.detection.precision import SIZES
from benchmark.errors import UserError, first_few, one_line, unknown
from benchmark.imaging import reading
from benchmark.names import printable
from benchmark.progress import Progress
from benchmark.run import plan, stretching
from benchmark.run.plan import Split
from benchmark.run.stretching import Stretching

OFFICIAL = "official"
NO_IMAGE = "label file without image, left out"
LEAK_DISTANCES = (1, 5)
OWN_LISTS = "to divide what is there otherwise: --train FILE --val FILE --test FILE --name NAME"


@dataclass(frozen=True)
class Item:
    """A pair in a part of a division. split: the one in which it is fused. boxes: its labelled objects. scene, time (of
    day): None where the data set does not know."""

    pair: Pair
    split: str
    boxes: tuple[Box, ...]
    scene: str | None
    time: str | None


@dataclass(frozen=True)
class Division:
    """A data set in parts: "train", "val", "test" -> items.

    splits: name -> a split that must be fused. flaws: faults of the labels. excluded: id -> why an image cannot take
    part. notes: for the user, one line each. trains: whether a detector is trained; if not, there are test images only.
    unknown: class that the detector does not know -> how many test objects of it are left out. counterparts: class ->
    what the detector's makers call it, where it is not trained. brought: whether the labels are the user's, not the
    data set's.
    """

    dataset: str
    name: str
    classes: tuple[str, ...]
    parts: dict[str, list[Item]]
    splits: dict[str, Split]
    flaws: list[Flaw] = field(default_factory=list)
    excluded: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    trains: bool = True
    unknown: dict[str, int] = field(default_factory=dict)
    counterparts: dict[str, str] = field(default_factory=dict)
    brought: bool = False

    def __str__(self) -> str:
        return f"{self.dataset}@{self.name}"

    def sha256(self) -> str:
        """Return a hash of the ids of each part: results that share it are of the same division."""
        return ids_sha256([f"{part} {item.pair.id}" for part in PARTS for item in self.parts[part]])

    def data_sha256(self) -> str:
        """Return a hash of ids, images and labels."""
        content = [
            (part, item.pair.id, self.splits[item.split].digests[item.pair.id], [_content(box) for box in item.boxes])
            for part in PARTS
            for item in self.parts[part]
        ]
        if self.brought:  # then the classes do not follow from the data set
            content.append(self.classes)
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def leak(self) -> dict[str, float | None]:
        """Return "1", "5" -> share of test images that have a training image that near by id; None where ids hold no
        number. Empty where nothing is trained."""
        if not self.trains:
            return {}
        ids = {part: [item.pair.id for item in self.parts[part]] for part in ("train", "test")}
        try:
            found = leakage.neighbours(ids["train"], ids["test"], LEAK_DISTANCES)
        except UserError:
            found = dict.fromkeys(LEAK_DISTANCES)
        return {str(distance): share for distance, share in found.items()}

    def without(self, reasons: Mapping[str, str]) -> Division:
        """Leave some images out. reasons: id -> why. Raises UserError where a part loses all."""
        if not reasons:
            return self
        parts = {part: [item for item in items if item.pair.id not in reasons] for part, items in self.parts.items()}
        return _checked(replace(self, parts=parts, excluded={**self.excluded, **reasons}))

    def seen_by(self, known: Mapping[int, str]) -> Division:
        """Keep the classes that a detector knows, and their objects. known: its names by number. Raises UserError where
        it knows none, or no object of the test images."""
        found = counterparts(self.classes, known)
        if not found:
            own, theirs = ", ".join(self.classes), first_few([*known.values()], 5)
            raise UserError(f"none of the classes of {self.dataset} ({own}) is among its own: {theirs}")
        labelled = Counter(box.label for item in self.parts["test"] for box in item.boxes if not box.ignored)
        unknown = {name: labelled[name] for name in self.classes if name not in found}
        parts = {
            part: [replace(item, boxes=tuple(box for box in item.boxes if box.label in found)) for item in items]
            for part, items in self.parts.items()
        }
        names = {name: known[number] for name, number in found.items()}
        return _checked(replace(self, classes=tuple(found), parts=parts, unknown=unknown, counterparts=names))


def divide(
    dataset: Dataset,
    name: str | None,
    data_root: Path | None,
    limit: int | None = None,
    stretch: Stretching = stretching.NONE,
) -> Division:
    """Make the division called `name`: a scheme of the data set, or "official". None: `scene` where there is one.

    Where it has no validation part, the last tenth of the training ids, in order, is held out of training for it.
    limit: take only the first so many pairs of each split, which makes a division of its own; so does a stretch. Raises
    UserError for an unknown name, a data set without boxes, and missing images.
    """
    _check_boxes(dataset)
    schemes = _schemes(dataset)
    name = name or ("scene" if "scene" in schemes else next(iter(schemes), OFFICIAL))
    if name not in schemes:
        raise unknown(f"division of {dataset.name} into training and test", name, schemes)
    there, totals = _at_hand(dataset, schemes[name], data_root)
    lack = ", ".join(
        f"{part} {len(there[part])} of {totals[part]}" for part in schemes[name] if totals[part] is not None
    )
    if not all(there.values()):
        raise UserError(f"{dataset.name}@{name}: of this division are there: {lack} pairs; {OWN_LISTS}")
    notes = []
    whole = None if None in totals.values() else sum(totals.values())
    label = part_label(name, [id for ids in there.values() for id in ids], whole)
    if label != name:
        notes.append(f"{dataset.name}@{name}: of this division are there: {lack} pairs, called {label}; {OWN_LISTS}")
    splits = {}
    for split in schemes[name].values():
        splits[split] = _split(dataset, split, limit, data_root, stretch)
    parts = {part: splits[split].pairs for part, split in schemes[name].items()}
    names = {part: splits[split].name for part, split in schemes[name].items()}
    if limit is not None and any(limit < len(ids) for ids in there.values()):
        label = limited_label(label, limit)
    label += stretch.suffix
    by_name = {split.name: split for split in splits.values()}
    return _division(dataset, label, parts, names, by_name, data_root, notes=notes)


def _at_hand(dataset: Dataset, scheme: Mapping[str, str], data_root) -> tuple[dict[str, list[str]], dict]:
    """Part -> ids at hand, and part -> how many it has, None where that varies. Raises UserError where nothing is."""
    found, errors = {}, []
    for part, split in scheme.items():
        try:
            found[part] = dataset.select(split, data_root)
        except UserError as error:
            errors.append(error)
    if not found:
        raise errors[0]
    there = {part: [pair.id for pair in found[part].pairs] if part in found else [] for part in scheme}
    totals = {part: found[part].total if part in found else dataset.card.counts[scheme[part]] for part in scheme}
    return there, totals


def test_only(
    dataset: Dataset,
    name: str | None,
    data_root: Path | None,
    limit: int | None = None,
    stretch: Stretching = stretching.NONE,
) -> Division:
    """Take test images alone, for a detector that is not trained.

    name: a split of the data set, which the division is called after, or a division, whose test part is meant; None:
    the set's default split. Other arguments and errors as of `divide`.
    """
    _check_boxes(dataset)
    scheme = _schemes(dataset).get(name or "")
    if scheme is not None and name not in dataset.splits():
        name = scheme["test"]
    split = _split(dataset, name, limit, data_root, stretch)
    return _test_only(dataset, split, data_root)


def test_only_list(
    dataset: Dataset,
    name: str,
    path: Path,
    scenes: Path | None,
    data_root: Path | None,
    limit: int | None = None,
    stretch: Stretching = stretching.NONE,
) -> Division:
    """Take the test images that a file lists, for a detector that is not trained. Arguments and errors as of
    `divide_by_lists`."""
    _check_boxes(dataset)
    known = dataset.at_hand(data_root)
    listed = dataset.listed_ids(data_root)
    read = read_ids(path, listed, dataset.name)
    members, notes = _there(dataset, name, "test", path, read, listed, known)
    pairs, unchanged = stretching.apply([known[id] for id in members[:limit]], stretch)
    notes += [f"{path}: {note}" for note in unchanged]
    label = part_label(name, members, len(read.ids))
    label = (limited_label(label, limit) if limit else label) + stretch.suffix
    known_of = None
    if scenes is not None:
        known_of, told = _scenes(scenes, listed)
        notes += told
    split = plan.read_split(dataset.name, label, pairs, str(path))
    return _test_only(dataset, split, data_root, known_of, [*read.notes, *notes])


def _test_only(dataset, split: Split, data_root, scenes=None, notes=()) -> Division:
    parts, names = {"test": split.pairs}, {"test": split.name}
    return _division(dataset, split.name, parts, names, {split.name: split}, data_root, scenes, notes, trains=False)


def _there(dataset, name, part, path, read, listed, known) -> tuple[list[str], list[str]]:
    """Return the listed ids that are at hand, and what to tell of the others."""
    there = [id for id in read.ids if id in known]
    if not there:
        none = f"none of the {len(read.ids)} ids of {path} ({first_few(read.ids, 1)}) is at hand"
        raise UserError(f"{dataset.name}@{name}: no {part} image is left: {none}")
    missing = [id for id in read.ids if id in listed and id not in known]
    count = f"{len(missing)} of {len(read.ids)} {part} ids are not at hand"
    return there, [f"{path}: {count}, and left out: {first_few(missing, 3)}"] if missing else []


def divide_by_lists(
    dataset: Dataset,
    name: str,
    lists: Mapping[str, Path],
    scenes: Path | None,
    data_root: Path | None,
    limit: int | None = None,
    stretch: Stretching = stretching.NONE,
) -> Division:
    """Make a division of one's own, called `name`.

    lists: part -> file of ids, one to a line; validation may be missing, see `divide`. Ids that are not at hand are
    told and left out, and the name says so. scenes: a file of lines "id,scene" or "id,scene,time of day", for ids that
    are not the data set's own. Raises UserError as `divide` does.
    """
    _check_boxes(dataset)
    known = dataset.at_hand(data_root)
    listed = dataset.listed_ids(data_root)
    read = {part: read_ids(path, listed, dataset.name) for part, path in lists.items()}
    ids = {part: found.ids for part, found in read.items()}
    notes = [note for found in read.values() for note in found.notes]
    twice = {id for part in ids for other in ids if part != other for id in {*ids[part]} & {*ids[other]}}
    if twice:
        raise UserError(f"{len(twice)} ids are in two parts of the division: {first_few(sorted(twice), 3)}")
    there = {}
    for part, found in read.items():
        there[part], told = _there(dataset, name, part, lists[part], found, listed, known)
        notes += told
    splits, parts = {}, {}
    for part, members in there.items():
        parts[part], unchanged = stretching.apply([known[id] for id in members[:limit]], stretch)
        notes += [f"{lists[part]}: {note}" for note in unchanged]
        label = part_label(f"{name}-{part}", members, len(ids[part]))
        label = (limited_label(label, limit) if limit else label) + stretch.suffix
        splits[label] = plan.read_split(dataset.name, label, parts[part], str(lists[part]))
    names = dict(zip(there, splits))
    known_of = {}
    if scenes is not None:
        known_of, told = _scenes(scenes, listed)
        notes += told
    everything = [id for members in there.values() for id in members]
    name = part_label(name, everything, sum(map(len, ids.values())))
    name = (limited_label(name, limit) if limit else name) + stretch.suffix
    return _division(dataset, name, parts, names, splits, data_root, known_of, notes)


def _split(dataset: Dataset, name: str | None, limit: int | None, data_root: Path | None, stretch: Stretching) -> Split:
    own = (dataset.ir, dataset.vis, *dataset.patterns) if isinstance(dataset, Folder) else ()
    return plan.select_split(dataset.name, name, limit, data_root, *own, stretch=stretch)


def _check_boxes(dataset: Dataset) -> None:
    if not dataset.classes:
        raise UserError(f"data set {dataset.name}: has no object boxes; bring some by --labels FILE")


def _content(box: Box) -> dict:
    return {key: value for key, value in vars(box).items() if key != "ignored" or value}


def _schemes(dataset: Dataset) -> dict[str, dict[str, str]]:
    """Return division -> part -> the split that holds it."""
    known = dataset.splits()
    found = {}
    for scheme in dataset.schemes():
        named = {part: f"{scheme}-{part}" for part in PARTS if f"{scheme}-{part}" in known}
        if {"train", "test"} <= named.keys():
            found[scheme] = named
    if {"train", "test"} <= known.keys():
        found[OFFICIAL] = {part: part for part in PARTS if part in known}
    return found


def _division(dataset, name, parts, names, splits, data_root, scenes=None, notes=(), trains=True) -> Division:
    parts, notes = dict(parts), list(notes)
    names = dict(names)
    if trains and "val" not in parts:
        held = max(1, len(parts["train"]) // 10)
        parts["train"], parts["val"] = parts["train"][:-held], parts["train"][-held:]
        names["val"] = names["train"]
        notes.append(f"{name} has no validation part: the last {held} training images are held out for it")
    flaws: list[Flaw] = []
    excluded, items = {}, {}
    with Progress().bar(f"reading labels of {dataset.name}", sum(map(len, parts.values())), summary=False) as step:
        for part in PARTS:
            items[part] = []
            for pair in parts.get(part, ()):
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
    if dataset.own_labels is None:
        flaws += _without_image(dataset, parts, data_root)
    else:
        flaws += dataset.own_labels.flaws
        notes.append(dataset.own_labels.text)
    notes += [note for split in splits.values() for note in split.notes]
    notes = tuple(dict.fromkeys(notes))
    brought = dataset.own_labels is not None
    classes = dataset.classes
    made = Division(dataset.name, name, classes, items, splits, flaws, excluded, notes, trains, brought=brought)
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
        if not items and (part == "test" or division.trains):
            id, reason = next(iter(division.excluded.items()), ("", "it is empty"))
            raise UserError(f"{division}: no {part} image is left ({id + ': ' if id else ''}{reason})")
    part, called = ("train", "training") if division.trains else ("test", "test")
    if not any(not box.ignored for item in division.parts[part] for box in item.boxes):
        known = " of a class that the detector knows" * bool(division.unknown)
        raise UserError(f"{division}: no {called} image has a labelled object{known}")
    return division


def _without_image(dataset: Dataset, parts, data_root: Path | None) -> list[Flaw]:
    """Find the label files that belong to no image of the data set."""
    labelled = [pair for members in parts.values() for pair in members if pair.labels is not None]
    if not labelled:
        return []
    # The name of a label file is its pair's, or that and an ending.
    ending = labelled[0].labels.stem.removeprefix(labelled[0].id)
    ids = {pair.id for members in parts.values() for pair in members}
    ids |= dataset.at_hand(data_root).keys()
    return [
        Flaw(NO_IMAGE, file.name)
        for folder, suffix in sorted({(pair.labels.parent, pair.labels.suffix) for pair in labelled})
        for file in sorted(folder.glob(f"*{suffix}"))
        if file.stem.removesuffix(ending) not in ids
    ]


def _scenes(path: Path, known: Collection[str]) -> tuple[dict[str, tuple[str | None, str | None]], list[str]]:
    """id -> scene and time of day, of a file of lines "id,scene[,time of day]", and what to tell of it."""
    text = textfiles.read(path, "--scenes")
    kept = entries(text, known)
    delimiter = next((mark for mark in "\t;" if kept and mark in kept[0] and "," not in kept[0]), ",")
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(kept, delimiter=delimiter) if row]
    except csv.Error as error:
        raise UserError(f"--scenes {path}: no table ({one_line(error)})") from None
    if rows and [cell.lower() for cell in rows[0][:2]] == ["id", "scene"]:
        rows = rows[1:]
    for row in rows:
        if not 2 <= len(row) <= 3:
            raise UserError(f"--scenes {path}: expected 'id,scene' or 'id,scene,time of day', found {','.join(row)}")
        if not row[0]:
            raise UserError(f"--scenes {path}: no id before {','.join(row)}")
        if len(row) == 3 and row[2] in ("all", *SIZES):
            raise UserError(f"--scenes {path}: '{row[2]}' is no time of day")
    ids, notes = normalised([row[0] for row in rows], known, "the data set")
    found: dict[str, tuple[str | None, str | None]] = {}
    for members, row in zip(ids, rows):
        place = (row[1] or None, (row[2] or None) if len(row) == 3 else None)
        for id in members:
            if found.setdefault(id, place) != place:
                raise UserError(f"--scenes {path}: {id} stands twice, with two scenes or times of day")
    if found and known and not found.keys() & set(known):
        raise UserError(f"--scenes {path}: none of its {len(found)} ids ({first_few([*found], 1)}) is in the data set")
    return found, [printable(f"--scenes {path}: {note}") for note in notes]


def told(flaws: Sequence[Flaw]) -> dict[str, tuple[int, str]]:
    """Return kind of flaw -> how many there are, and the first."""
    first: dict[str, str] = {}
    for flaw in flaws:
        first.setdefault(flaw.kind, flaw.what)
    return {kind: (count, first[kind]) for kind, count in tell(flaws).items()}


def tell(flaws: Sequence[Flaw]) -> dict[str, int]:
    """Return kind of flaw -> how many there are."""
    counts: dict[str, int] = {}
    for flaw in flaws:
        counts[flaw.kind] = counts.get(flaw.kind, 0) + 1
    return counts
