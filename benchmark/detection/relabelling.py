"""Take labels from files of the user's choice instead of a data set's own: COCO's JSON, or folders of files with an
image each (VOC XML, YOLO text, KAIST's bbGt text)."""

from __future__ import annotations

import copy
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.datasets import coco, labels
from benchmark.datasets.abstract import Dataset
from benchmark.datasets.coco import Image, LabelFile
from benchmark.datasets.id_lists import find_ids
from benchmark.datasets.labels import NO_FILE, Flaw, Labelled, Reader
from benchmark.datasets.pairs import VIS_FOLDERS, Box, Pair
from benchmark.detection.counterparts import folded
from benchmark.errors import UserError, first_few
from benchmark.imaging import reading
from benchmark.names import printable

NO_PAIR = "labelled image without a pair, left out"
OTHER_CAMERA = "image with labels of either camera, of which the visible one's are taken"

_SINGLE = (".xml", ".txt")  # an image to a file
_WORD = re.compile(r"[/\\_.]")  # ends a word in a name


@dataclass(frozen=True)
class Relabelling:
    """Labels that stand in for a data set's own.

    classes: of the objects. meanings: label in small letters -> class. images: id -> what the files hold of it.
    listed: whether the files list the images without an object, too: what they do not name is then not known to have
    none. flaws: those of images that are not among `images`. text: a line that says where the labels are from.
    parts: name of a file -> the ids that it holds.
    """

    classes: tuple[str, ...]
    meanings: Mapping[str, str]
    images: Mapping[str, list[Image]]
    listed: bool
    flaws: tuple[Flaw, ...]
    text: str
    parts: Mapping[str, list[str]]

    def boxes(self, pair: Pair, flaws: list[Flaw] | None = None) -> list[Box]:
        """The boxes of a pair, as `Dataset.boxes` gives them. Raises UserError for labels of an image of another size,
        and for an image that is not in files that list all images."""
        size = None if pair.vis is None else reading.size(pair.vis)
        return self.boxes_of(pair.id, size, flaws)

    def boxes_of(self, id: str, size: tuple[int, int] | None, flaws: list[Flaw] | None = None) -> list[Box]:
        """The boxes of an image, which need not be there. size: its width and height; None: as the labels say."""
        if id not in self.images:
            if self.listed:
                raise UserError("is not in the labels")
            if flaws is not None:
                flaws.append(Flaw(NO_FILE, id))
            return []
        found: dict[Box, None] = {}
        for image in self.images[id]:
            if image.fault is not None:
                raise UserError(image.fault)
            if flaws is not None:
                flaws += image.flaws
            elif image.flaws:
                raise UserError(image.flaws[0].what)
            labelled = image.labelled if size is not None else replace(image.labelled, sized=False)
            reader = Reader(Path(labelled.source), flaws, labelled.source)
            found |= dict.fromkeys(labels.fit(labelled, self.meanings, size, reader))
        return list(found)

    def apply(self, dataset: Dataset) -> Dataset:
        """The data set with these labels in place of its own."""
        other = copy.copy(dataset)
        other.classes, other.boxes, other.own_labels = self.classes, self.boxes, self
        return other


def read(paths: Sequence[Path], dataset: Dataset, pairs: Mapping[str, Pair], strangers: bool = False) -> Relabelling:
    """Read label files and folders, and match them to the images of a data set.

    pairs: id -> pair, of those at hand; images that the set's lists name count, too. strangers: take all others for
    images of the set, as is right where it has no lists. Images are matched by name, with or without extension and
    folders; without regard to upper case and zeros before a number; and by the names of the pair's files. Classes are
    matched to the set's by name (`counterparts.folded`); of a set without classes, they are those of the labels.
    Raises UserError for a file that is no labels, and where no image or no object is the set's.
    """
    sources = {path: _source(path, dataset) for path in dict.fromkeys(paths)}
    names = [image.name for source in sources.values() for image in source.images]
    ids = find_ids(names, _spellings(dataset, pairs))
    if strangers:
        ids = {name: id or dataset.id_of(name) or None for name, id in ids.items()}
    flaws = [flaw for source in sources.values() for flaw in source.flaws]
    matched: dict[str, list[Image]] = {}
    parts: dict[str, list[str]] = {}
    for path, source in sources.items():
        members = {}
        for image in source.images:
            id = ids[image.name]
            if id is None:
                flaws.append(Flaw(NO_PAIR, image.labelled.source))
            else:
                matched.setdefault(id, []).append(image)
                members[id] = None
        parts[str(path)] = list(members)
    where = first_few([printable(path) for path in sources], 2)
    if not matched:
        what = f"none of its {len(names)} images ({first_few([*map(printable, names)], 1)})" if names else "no image"
        raise UserError(f"--labels {where}: {what} is one of {dataset.name}")
    images = {id: _one_camera(id, found, flaws) for id, found in matched.items()}
    declared = [name for source in sources.values() for name in source.classes]
    classes, meanings = _classes(dataset, declared, images, where)
    for image in (image for found in images.values() for image in found):
        image.labelled = _with_regions(image.labelled, classes, dataset.regions)
    listed = any(not path.is_dir() and path.suffix.lower() not in _SINGLE for path in sources)
    objects = sum(len(image.labelled.objects) for found in images.values() for image in found)
    names = first_few([printable(path.name) for path in sources], 3)
    text = f"labels from {names}: {len(images)} images of {dataset.name}, {objects} objects"
    return Relabelling(classes, meanings, images, listed, tuple(flaws), text, parts)


def at_hand(dataset: Dataset, split: str | None, root: Path | None) -> dict[str, Pair]:
    """Id -> pair of the data set, and of a split that is none of its parts. Raises UserError where nothing is there."""
    found, errors = {}, []
    for pairs in (lambda: dataset.at_hand(root).values(), lambda: dataset.pairs(split, root)):
        try:
            found |= {pair.id: pair for pair in pairs()}
        except UserError as error:
            errors.append(error)
    if not found:
        raise errors[0]
    return found


def _spellings(dataset: Dataset, pairs: Mapping[str, Pair]) -> dict[str, str]:
    """What labels may call an image -> its id. The names of files count where they are those of one pair."""
    named: dict[str, str | None] = {}
    for id, pair in pairs.items():
        for file in (pair.ir, pair.vis):
            if file is not None and named.setdefault(file.stem, id) != id:
                named[file.stem] = None
    found = {name: id for name, id in named.items() if id is not None}
    ids = {id for parts in dataset.schemes().values() for members in parts.values() for id in members} | {*pairs}
    for id in ids:
        found |= {id: id} | dict.fromkeys(dataset.spellings(id), id)
    return found


def _source(path: Path, dataset: Dataset) -> LabelFile:
    """What a file or folder holds. Raises UserError for one that is not there or holds no labels."""
    try:
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.suffix.lower() in _SINGLE and file.is_file())
            files = [file for file in files if file.name not in labels.NAMES_FILES and not file.name.startswith(".")]
            if not files:
                raise UserError(f"--labels {path}: no XML or text files in it; COCO's JSON is named as a file")
            return _singles(files, path, dataset)
        if path.suffix.lower() in _SINGLE:
            return _singles([path], path.parent, dataset)
        return coco.read(path)
    except UserError as error:
        raise UserError(f"--labels {error.message.removeprefix('--labels ')}") from None


def _singles(paths: Sequence[Path], folder: Path, dataset: Dataset) -> LabelFile:
    """What files of one image each hold. One that cannot be read costs its image, not the others."""
    images: list[Image] = []
    orders: dict[Path, Mapping[int, str]] = {}
    for path in paths:
        name = path.relative_to(folder).with_suffix("").as_posix()
        image = Image(name, Labelled(printable(path.name), None, ()))
        reader = Reader(path, image.flaws)
        images.append(image)
        try:
            if path.suffix.lower() == ".xml":
                image.labelled = labels.parse_voc(reader)
            elif labels.is_bbgt(path):
                image.labelled = labels.parse_bbgt(reader)
            else:
                if path.parent not in orders:
                    orders[path.parent] = dataset.yolo_names(path)
                image.labelled = labels.parse_yolo(reader, orders[path.parent])
        except UserError as error:
            image.fault = error.message
    found = dict.fromkeys(item.label for image in images for item in image.labelled.objects)
    return LabelFile(tuple(found), images, [])


def _one_camera(id: str, found: list[Image], flaws: list[Flaw]) -> list[Image]:
    """Those of the visible image, where labels of one image are of either camera; otherwise all."""
    if len(found) == 1:
        return found
    visible = [image for image in found if not {*_WORD.split(image.name.lower())}.isdisjoint(VIS_FOLDERS)]
    of_either = 0 < len(visible) < len(found)
    flaws.append(Flaw(OTHER_CAMERA if of_either else coco.SAME_IMAGE, id))
    return visible if of_either else found


def _classes(dataset: Dataset, declared: Iterable[str], images, where: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """The classes, and what labels mean them. declared: the names that the files have for classes, in order."""
    objects = (item for found in images.values() for image in found for item in image.labelled.objects)
    used = {item.label.lower() for item in objects} - {*dataset.regions}
    if dataset.classes:
        alike = {folded(name): name for name in reversed(dataset.classes)}
        alike |= {name.lower(): name for name in dataset.classes}
        meanings = {label: alike.get(label) or alike.get(folded(label)) for label in sorted(used)}
        meanings = {label: name for label, name in meanings.items() if name is not None}
        classes = dataset.classes
    else:
        meanings = {}
        for name in declared:
            if name.lower() in used:
                meanings.setdefault(name.lower(), name)
        classes = tuple(meanings.values())
    if not meanings:
        known = f" of {', '.join(dataset.classes)}" if dataset.classes else ""
        lack = f"; of {', '.join(sorted(used))}" if used else ""
        raise UserError(f"--labels {where}: no object{known} in an image of {dataset.name}{lack}")
    return classes, meanings


def _with_regions(labelled: Labelled, classes: Sequence[str], regions: Collection[str]) -> Labelled:
    """Objects of the names that mean regions, as regions of every class."""
    if not any(item.label.lower() in regions for item in labelled.objects):
        return labelled
    objects = []
    for item in labelled.objects:
        own = item.label.lower() not in regions
        objects += [item] if own else [replace(item, label=name, ignored=True) for name in classes]
    return replace(labelled, objects=tuple(objects))
