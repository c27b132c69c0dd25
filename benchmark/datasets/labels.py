"""Object labels as they come: Pascal VOC XML and YOLO text, with class names instead of numbers."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark import textfiles
from benchmark.datasets.pairs import Box, Pair
from benchmark.errors import UserError, one_line, unknown
from benchmark.imaging import reading

_LARGEST = 1 << 22  # bytes; label files are a few kilobytes
_NAMES_FILES = ("data.yaml", "dataset.yaml", "classes.txt", "obj.names", "labels.txt")


@dataclass(frozen=True)
class Flaw:
    """Something wrong in a label file. `kind`: what sort of flaw, to count by; `what`: the flaw in one line."""

    kind: str
    what: str


# Kinds of flaws that lose no file; each says what becomes of the object or the image.
NO_FILE = "image without label file, taken as background"
NO_SIZE = "label file without the image's size, which is taken from the image"
CUT = "box partly outside the image, cut off at its edge"
EMPTY = "box of no area or outside the image, left out"
UNKNOWN = "object of unknown class, left out"
NO_BOX = "object without a readable box, left out"


class _Reader:
    """Collects flaws in a list; without a list it raises UserError at the first."""

    def __init__(self, path: Path, flaws: list[Flaw] | None) -> None:
        self.path, self.flaws = path, flaws

    def tell(self, kind: str, what: str, where: str = "") -> None:
        if self.flaws is None:
            raise UserError(f"{self.path}{where}: {what}")
        self.flaws.append(Flaw(kind, f"{self.path.name}{where}: {what}"))

    def clip(self, label: str, corners: Sequence[float], size: tuple[float, float], words: str, where="") -> Box | None:
        """The part of a box that lies in the image; None where there is none. A box cut off is a flaw, not an error."""
        x0, y0, x1, y1 = corners
        width, height = map(int, size)
        box = Box(label, max(x0, 0), max(y0, 0), min(x1, width), min(y1, height))
        if box.x0 >= box.x1 or box.y0 >= box.y1:
            self.tell(EMPTY, f"{words} is empty or outside {width}x{height}", where)
            return None
        if self.flaws is not None and (box.x0, box.y0, box.x1, box.y1) != (x0, y0, x1, y1):
            self.tell(CUT, f"{words} is partly outside {width}x{height}", where)
        return box


def of_pair(
    dataset: str, pair: Pair, names: Sequence[str] | Mapping[int, str], flaws: list[Flaw] | None = None
) -> list[Box]:
    """The boxes in the pair's label file: XML, whose objects must be among `names`, or YOLO text, whose ids are
    keys of `names`. Raises UserError where there is no file, and for the first thing wrong in it.

    With a list `flaws`, what is wrong with single objects is added there and the others are returned; a pair without
    a file then has no objects. A file that cannot be read or belongs to another image still raises UserError.
    """
    if pair.labels is None:
        if flaws is None:
            raise UserError(f"data set {dataset}: pair {pair.id} has no labels")
        flaws.append(Flaw(NO_FILE, pair.id))
        return []
    if pair.labels.suffix.lower() == ".xml":
        size = None if flaws is None or pair.vis is None else reading.size(pair.vis)
        return read_voc(pair.labels, names.values() if isinstance(names, Mapping) else names, size, flaws)
    if pair.vis is None:
        raise UserError(f"pair {pair.id}: no visible image to take the size of its labels from")
    return read_yolo(pair.labels, names, reading.size(pair.vis), flaws)


def read_voc(
    path: Path, names: Sequence[str], size: tuple[int, int] | None = None, flaws: list[Flaw] | None = None
) -> list[Box]:
    """The boxes of a Pascal VOC file. Its pixels count from 1 and xmax, ymax belong to the object; what lies
    outside the stated size is cut off. Raises UserError, in one line, for anything that is wrong.

    size: the image's width and height, where they are known; a file that states others is an error. flaws: see
    `of_pair`.
    """
    try:
        root = ElementTree.fromstring(_text(path))
    except ElementTree.ParseError as error:
        raise UserError(f"{path}: not an XML file ({one_line(error)})") from None
    reader = _Reader(path, flaws)
    folded = {name.lower(): name for name in names}
    try:
        stated = tuple(_number(path, root.find(f"size/{side}"), f"size/{side}") for side in ("width", "height"))
    except UserError as error:
        if size is None:
            raise
        reader.tell(NO_SIZE, error.message.removeprefix(f"{path}: "))
        stated = size
    if size is not None and stated != tuple(size):
        raise UserError(f"{path}: is for an image of {stated[0]:g}x{stated[1]:g}, not of {size[0]}x{size[1]}")
    size = stated
    boxes = []
    for item in root.iter("object"):
        name = (item.findtext("name") or "").strip()
        if name.lower() not in folded:
            reader.tell(UNKNOWN, unknown("class", name, names).message)
            continue
        try:
            corners = [_number(path, item.find(f"bndbox/{side}"), side) for side in ("xmin", "ymin", "xmax", "ymax")]
        except UserError as error:
            reader.tell(NO_BOX, error.message.removeprefix(f"{path}: "))
            continue
        x0, y0, x1, y1 = (round(value) for value in corners)
        box = reader.clip(folded[name.lower()], (x0 - 1, y0 - 1, x1, y1), size, f"the {name} at {x0},{y0}–{x1},{y1}")
        if box is not None:
            boxes.append(box)
    return boxes


def read_yolo(
    path: Path,
    names: Sequence[str] | Mapping[int, str],
    size: tuple[int, int],
    flaws: list[Flaw] | None = None,
) -> list[Box]:
    """The boxes of a YOLO file (class, then centre and size as shares of the image's `size`, width and height).
    flaws: see `of_pair`."""
    known = names if isinstance(names, Mapping) else dict(enumerate(names))
    reader = _Reader(path, flaws)
    width, height = size
    boxes = []
    for number, line in textfiles.lines(textfiles.decode(_text(path), path)):
        where = f", line {number}"
        try:
            id, x, y, w, h = (float(part) for part in line.split()[:5])
        except ValueError:
            reader.tell(NO_BOX, "expected 'class x y width height'", where)
            continue
        if id not in known:
            listing = ", ".join(f"{key} {name}" for key, name in known.items())
            reader.tell(UNKNOWN, f"unknown class {id:g}; known: {listing}", where)
            continue
        if not all(math.isfinite(v) for v in (x, y, w, h)):
            reader.tell(NO_BOX, "not a finite box", where)
            continue
        corners = (x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height
        box = reader.clip(known[int(id)], [math.floor(v + 0.5) for v in corners], size, "the box", where)
        if box is not None:
            boxes.append(box)
    return boxes


def write_voc(path: Path, filename: str, size: tuple[int, int], boxes: Sequence[Box]) -> None:
    """Write boxes as Pascal VOC; `read_voc` gives them back."""
    root = ElementTree.Element("annotation")
    ElementTree.SubElement(root, "filename").text = filename
    extent = ElementTree.SubElement(root, "size")
    for name, value in (("width", size[0]), ("height", size[1]), ("depth", 3)):
        ElementTree.SubElement(extent, name).text = str(value)
    for box in boxes:
        item = ElementTree.SubElement(root, "object")
        ElementTree.SubElement(item, "name").text = box.label
        ElementTree.SubElement(item, "difficult").text = "0"
        bounds = ElementTree.SubElement(item, "bndbox")
        for name, value in (("xmin", box.x0 + 1), ("ymin", box.y0 + 1), ("xmax", box.x1), ("ymax", box.y1)):
            ElementTree.SubElement(bounds, name).text = str(value)
    ElementTree.indent(root)
    path.write_bytes(ElementTree.tostring(root) + b"\n")


def stated_order(labels: Path) -> tuple[str, ...] | None:
    """The class names in the order of their ids, as a file beside the YOLO labels or up to two folders above them
    states it (data.yaml, classes.txt and the like); None where there is no such file."""
    for folder in list(labels.parents)[:3]:
        for name in _NAMES_FILES:
            path = folder / name
            if path.is_file():
                return _names_in(path)
    return None


def _names_in(path: Path) -> tuple[str, ...]:
    if path.suffix != ".yaml":
        return tuple(line for _, line in textfiles.lines(textfiles.decode(_text(path), path)))
    try:
        names = textfiles.read_yaml(path)["names"]
        listed = [names[key] for key in sorted(names)] if isinstance(names, dict) else list(names)
    except (KeyError, TypeError):
        raise UserError(f"{path}: expected a list 'names' of classes") from None
    return tuple(str(name).strip() for name in listed)


def _number(path: Path, element, what: str) -> float:
    try:
        value = float(element.text)
    except (AttributeError, TypeError, ValueError):
        raise UserError(f"{path}: no number in '{what}'") from None
    if not math.isfinite(value):
        raise UserError(f"{path}: no number in '{what}'")
    return value


def _text(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST:
            raise UserError(f"{path}: larger than a label file can be")
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    if b"<!ENTITY" in data:
        raise UserError(f"{path}: entities are not allowed in a label file")
    return data
