"""Object labels as they come: Pascal VOC XML and YOLO text, with class names instead of numbers."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmark import images
from benchmark.datasets.base import Box, Pair
from benchmark.errors import UserError, unknown

_LARGEST = 1 << 22  # bytes; label files are a few kilobytes
_NAMES_FILES = ("data.yaml", "dataset.yaml", "classes.txt", "obj.names", "labels.txt")


def of_pair(dataset: str, pair: Pair, names: Sequence[str] | Mapping[int, str]) -> list[Box]:
    """The boxes in the pair's label file: XML, whose objects must be among `names`, or YOLO text, whose ids are
    keys of `names`. Raises UserError where there is no file, or naming what is wrong in it."""
    if pair.labels is None:
        raise UserError(f"data set {dataset}: pair {pair.id} has no labels")
    if pair.labels.suffix.lower() == ".xml":
        return read_voc(pair.labels, names.values() if isinstance(names, Mapping) else names)
    if pair.vis is None:
        raise UserError(f"pair {pair.id}: no visible image to take the size of its labels from")
    return read_yolo(pair.labels, names, images.size(pair.vis))


def read_voc(path: Path, names: Sequence[str]) -> list[Box]:
    """The boxes of a Pascal VOC file. Its pixels count from 1 and xmax, ymax belong to the object; what lies
    outside the stated size is cut off. Raises UserError, in one line, for anything that does not hold."""
    try:
        root = ElementTree.fromstring(_text(path))
    except ElementTree.ParseError as error:
        raise UserError(f"{path}: not an XML file ({error})") from None
    folded = {name.lower(): name for name in names}
    width, height = (_number(path, root.find(f"size/{side}"), f"size/{side}") for side in ("width", "height"))
    boxes = []
    for item in root.iter("object"):
        name = (item.findtext("name") or "").strip()
        if name.lower() not in folded:
            raise UserError(f"{path}: {unknown('class', name, names).message}")
        corners = (_number(path, item.find(f"bndbox/{side}"), side) for side in ("xmin", "ymin", "xmax", "ymax"))
        x0, y0, x1, y1 = (round(value) for value in corners)
        box = _clipped(folded[name.lower()], x0 - 1, y0 - 1, x1, y1, width, height)
        if box is None:
            raise UserError(f"{path}: the {name} at {x0},{y0}–{x1},{y1} is empty or outside {width:g}x{height:g}")
        boxes.append(box)
    return boxes


def read_yolo(path: Path, names: Sequence[str] | Mapping[int, str], size: tuple[int, int]) -> list[Box]:
    """The boxes of a YOLO file (class, then centre and size as shares of the image's `size`, width and height)."""
    known = names if isinstance(names, Mapping) else dict(enumerate(names))
    width, height = size
    boxes = []
    for number, line in enumerate(_text(path).decode("utf-8", "replace").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            id, x, y, w, h = (float(part) for part in line.split()[:5])
        except ValueError:
            raise UserError(f"{path}, line {number}: expected 'class x y width height'") from None
        if id not in known:
            listing = ", ".join(f"{key} {name}" for key, name in known.items())
            raise UserError(f"{path}, line {number}: unknown class {id:g}; known: {listing}")
        if not all(math.isfinite(v) for v in (x, y, w, h)):
            raise UserError(f"{path}, line {number}: not a finite box")
        corners = (x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height
        box = _clipped(known[int(id)], *(math.floor(v + 0.5) for v in corners), width, height)
        if box is None:
            raise UserError(f"{path}, line {number}: the box is empty or outside the image")
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
    text = _text(path).decode("utf-8", "replace")
    if path.suffix != ".yaml":
        return tuple(line.strip() for line in text.splitlines() if line.strip())
    import yaml

    try:
        names = yaml.safe_load(text)["names"]
        listed = [names[key] for key in sorted(names)] if isinstance(names, dict) else list(names)
    except (yaml.YAMLError, KeyError, TypeError):
        raise UserError(f"{path}: expected a list 'names' of classes") from None
    return tuple(str(name).strip() for name in listed)


def _clipped(label: str, x0: int, y0: int, x1: int, y1: int, width: float, height: float) -> Box | None:
    box = Box(label, max(x0, 0), max(y0, 0), min(x1, int(width)), min(y1, int(height)))
    return box if box.x0 < box.x1 and box.y0 < box.y1 else None


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
