"""Object labels as they come, an image to a file: Pascal VOC XML, YOLO text and Piotr Dollár's bbGt text, with class
names instead of numbers. Labels of many images in one file are read by `coco`."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark import textfiles
from benchmark.datasets.pairs import Box, Pair
from benchmark.errors import UserError, one_line, unknown
from benchmark.imaging import reading

_LARGEST = 1 << 22  # bytes; label files are a few kilobytes
NAMES_FILES = ("data.yaml", "dataset.yaml", "classes.txt", "obj.names", "labels.txt")
_BBGT = "% bbgt"  # how such a file begins, in small letters

Corners = tuple[float, float, float, float]


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
SAME = "object that stands twice, taken once"
IGNORED = "region marked crowd, difficult or to be ignored: what is found there counts neither as right nor as wrong"


@dataclass(frozen=True)
class Stated:
    """An object as a label file states it. corners: x0, y0, x1, y1 in pixels that count from 0, the last two outside
    the object. words: how a line names it; where: its place in the file. ignored: see `pairs.Box`."""

    label: str
    corners: Corners
    words: str
    where: str = ""
    ignored: bool = False


@dataclass(frozen=True)
class Labelled:
    """What a label file states of one image. source: what lines about it begin with. size: width and height; None where
    it should state them and does not. sized: whether files of this form state them. in_shares: corners are shares of
    the image's size, not pixels."""

    source: str
    size: tuple[float, float] | None
    objects: tuple[Stated, ...]
    sized: bool = True
    in_shares: bool = False


class Reader:
    """Collects the flaws of a file in a list; without a list it raises UserError at the first. name: what flaws call
    the file; its name if left out."""

    def __init__(self, path: Path, flaws: list[Flaw] | None, name: str = "") -> None:
        self.path, self.flaws, self.name = path, flaws, name or path.name

    def tell(self, kind: str, what: str, where: str = "") -> None:
        if self.flaws is None:
            raise UserError(f"{self.path}{where}: {what}")
        self.flaws.append(Flaw(kind, f"{self.name}{where}: {what}"))


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
    path: Path, names: Iterable[str], size: tuple[int, int] | None = None, flaws: list[Flaw] | None = None
) -> list[Box]:
    """The boxes of a Pascal VOC file, see `parse_voc`; what lies outside the stated size is cut off. Raises UserError,
    in one line, for anything that is wrong.

    size: the image's width and height, where they are known; a file that states others is an error. flaws: see
    `of_pair`.
    """
    reader = Reader(path, flaws)
    return fit(parse_voc(reader), {name.lower(): name for name in names}, size, reader)


def read_yolo(
    path: Path,
    names: Sequence[str] | Mapping[int, str],
    size: tuple[int, int],
    flaws: list[Flaw] | None = None,
) -> list[Box]:
    """The boxes of a YOLO file (class, then centre and size as shares of the image's `size`, width and height; or class
    and the corners of an outline). flaws: see `of_pair`."""
    known = names if isinstance(names, Mapping) else dict(enumerate(names))
    reader = Reader(path, flaws)
    return fit(parse_yolo(reader, known), {name.lower(): name for name in known.values()}, size, reader)


def parse_voc(reader: Reader) -> Labelled:
    """What a Pascal VOC file states. Its pixels count from 1, and xmax and ymax belong to the object. A box of KAIST's
    form (x, y, w, h) counts from 0. Objects marked difficult are to be ignored, as VOC's evaluation does. Names in a
    namespace are read without it. Raises UserError for what is no such file.

    Source: M. Everingham et al., The PASCAL Visual Object Classes Challenge 2012, development kit.
    """
    path = reader.path
    try:
        root = ElementTree.fromstring(_bytes(path))
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the last two for odd encodings
        raise UserError(f"{path}: not an XML file ({one_line(error)})") from None
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    try:
        size = tuple(_number(root.find(f"size/{side}"), f"size/{side}") for side in ("width", "height"))
        if min(size) <= 0:
            raise ValueError(f"the size {size[0]:g}x{size[1]:g} is none")
    except ValueError as error:
        reader.tell(NO_SIZE, str(error))
        size = None
    objects = []
    for item in root.iter("object"):
        name = (item.findtext("name") or "").strip()
        box, ignored = item.find("bndbox"), (item.findtext("difficult") or "").strip().lower() in ("1", "true", "yes")
        try:
            if box is not None and box.find("xmin") is None and box.find("w") is not None:
                x, y, w, h = (_number(box.find(side), side) for side in ("x", "y", "w", "h"))
                corners, words = (x, y, x + w, y + h), f"the {name} at {x:g},{y:g}, {w:g}x{h:g}"
            else:
                corners = [_number(item.find(f"bndbox/{side}"), side) for side in ("xmin", "ymin", "xmax", "ymax")]
                x0, y0, x1, y1 = (round(value) for value in corners)
                corners, words = (x0 - 1, y0 - 1, x1, y1), f"the {name} at {x0},{y0}–{x1},{y1}"
        except ValueError as error:
            reader.tell(NO_BOX, str(error))
            continue
        objects.append(Stated(name, corners, words, ignored=ignored))
    return Labelled(path.name, size, tuple(objects))


def parse_yolo(reader: Reader, names: Mapping[int, str]) -> Labelled:
    """What a YOLO file states. names: number -> class."""
    objects = []
    for number, line in textfiles.lines(textfiles.decode(_bytes(reader.path), reader.path)):
        where = f", line {number}"
        parts = line.split()
        try:
            id, *values = (float(part) for part in parts)
        except ValueError:
            comma = "; a decimal point is expected, no comma" if "," in line else ""
            reader.tell(NO_BOX, f"expected 'class x y width height'{comma}", where)
            continue
        if len(values) < 4 or len(values) % 2:
            more = ": a detection with its confidence is no label" if len(values) == 5 else ""
            reader.tell(NO_BOX, f"expected 'class x y width height'{more}", where)
            continue
        if id not in names:
            listing = ", ".join(f"{key} {name}" for key, name in names.items())
            reader.tell(UNKNOWN, f"unknown class {id:g}; known: {listing}", where)
            continue
        if not all(map(math.isfinite, values)):
            reader.tell(NO_BOX, "not a finite box", where)
            continue
        if len(values) == 4:
            x, y, w, h = values
            shares = x - w / 2, y - h / 2, x + w / 2, y + h / 2
        else:  # an outline
            shares = min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2])
        words = "the box, in shares of the image's size," if max(map(abs, values)) > 2 else "the box"
        objects.append(Stated(names[int(id)], shares, words, where))
    return Labelled(reader.path.name, None, tuple(objects), sized=False, in_shares=True)


def parse_bbgt(reader: Reader) -> Labelled:
    """What a file of Piotr Dollár's toolbox states, as KAIST's labels circulate: class, x, y, width and height in
    pixels that count from 0, then occlusion, four numbers of the visible part, "ignore" and an angle.

    Source: P. Dollár, Piotr's Computer Vision Matlab Toolbox, bbGt version 3.
    """
    objects = []
    for number, line in textfiles.lines(textfiles.decode(_bytes(reader.path), reader.path)):
        if line.startswith("%"):
            continue
        name, *parts = line.split()
        try:
            x, y, w, h, *further = (float(part) for part in parts)
        except ValueError:
            reader.tell(NO_BOX, "expected 'class x y width height'", f", line {number}")
            continue
        ignored = len(further) > 5 and further[5] == 1
        words = f"the {name} at {x:g},{y:g}, {w:g}x{h:g}"
        objects.append(Stated(name, (x, y, x + w, y + h), words, f", line {number}", ignored))
    return Labelled(reader.path.name, None, tuple(objects), sized=False)


def is_bbgt(path: Path) -> bool:
    """Whether a text file is of `parse_bbgt`'s form, which it says in its first line. Raises UserError for no text."""
    return textfiles.decode(_bytes(path), path).lstrip("\ufeff \t\n").lower().startswith(_BBGT)


def fit(labelled: Labelled, classes: Mapping[str, str], size: tuple[int, int] | None, reader: Reader) -> list[Box]:
    """The boxes of an image, cut off at its edges, in whole pixels, each once.

    classes: a label in small letters -> the class that it means; other objects are left out. size: the image's width
    and height, where they are known. reader: takes the flaws. Raises UserError for labels that state another size.
    """
    stated = labelled.size
    if stated is None and size is None and (labelled.sized or labelled.in_shares):
        raise UserError(f"{labelled.source}: no size of the image")
    if size is not None and stated is not None and stated != tuple(size):
        other = f"{stated[0]:g}x{stated[1]:g}"
        raise UserError(f"{labelled.source}: is for an image of {other}, not of {size[0]}x{size[1]}")
    size = stated if size is None else size
    boxes: dict[Box, None] = {}
    for item in labelled.objects:
        label = classes.get(item.label.lower())
        if label is None:
            reader.tell(UNKNOWN, unknown("class", item.label, dict.fromkeys(classes.values())).message, item.where)
            continue
        if labelled.in_shares:
            item = replace(item, corners=tuple(share * side for share, side in zip(item.corners, (*size, *size))))
        box = _within(label, item, size, reader)
        if box is None:
            continue
        if box in boxes:
            if reader.flaws is not None:
                reader.tell(SAME, f"{item.words} stands twice", item.where)
            continue
        if box.ignored and reader.flaws is not None:
            reader.tell(IGNORED, item.words, item.where)
        boxes[box] = None
    return list(boxes)


def _within(label: str, item: Stated, size: tuple[float, float] | None, reader: Reader) -> Box | None:
    """The part of an object's box that lies in the image; None where there is none. A box cut off is a flaw, not an
    error."""
    if not all(map(math.isfinite, item.corners)):
        reader.tell(NO_BOX, "not a finite box", item.where)
        return None
    x0, y0, x1, y1 = whole = [math.floor(v + 0.5) for v in item.corners]
    edges = "" if size is None else f" or outside {size[0]:g}x{size[1]:g}"
    if size is not None:
        width, height = map(int, size)
        x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    if x0 >= x1 or y0 >= y1:
        reader.tell(EMPTY, f"{item.words} is empty{edges}", item.where)
        return None
    if reader.flaws is not None and [x0, y0, x1, y1] != whole:
        reader.tell(CUT, f"{item.words} is partly{edges.removeprefix(' or')}", item.where)
    return Box(label, x0, y0, x1, y1, item.ignored)


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
        for name in NAMES_FILES:
            path = folder / name
            if path.is_file():
                return _names_in(path)
    return None


def _names_in(path: Path) -> tuple[str, ...]:
    if path.suffix != ".yaml":
        return tuple(line for _, line in textfiles.lines(textfiles.decode(_bytes(path), path)))
    try:
        names = textfiles.read_yaml(path)["names"]
        listed = [names[key] for key in sorted(names)] if isinstance(names, dict) else list(names)
    except (KeyError, TypeError):
        raise UserError(f"{path}: expected a list 'names' of classes") from None
    return tuple(str(name).strip() for name in listed)


def _number(element, what: str) -> float:
    """The number in an XML element. Raises ValueError, which says what is wrong."""
    text = "" if element is None else (element.text or "").strip()
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        comma = f": {text}, where a decimal point is expected" if "," in text else ""
        raise ValueError(f"no number in '{what}'{comma}")
    return value


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST:
            raise UserError(f"{path}: larger than a label file can be")
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    if b"<!ENTITY" in data.replace(b"\0", b""):  # in UTF-16, too
        raise UserError(f"{path}: entities are not allowed in a label file")
    return data
