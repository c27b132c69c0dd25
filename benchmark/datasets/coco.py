"""Object labels of many images in one file, in COCO's JSON.

Source: https://cocodataset.org/#format-data; T.-Y. Lin et al., Microsoft COCO: Common Objects in Context (ECCV 2014).
KAIST's labels circulate in a form of it: images have an `im_name` for a `file_name`, objects `ignore` for `iscrowd`.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark import textfiles
from benchmark.datasets.labels import NO_BOX, NO_SIZE, UNKNOWN, Corners, Flaw, Labelled, Stated
from benchmark.errors import UserError, first_few, one_line
from benchmark.names import printable

_FEW = 20  # boxes at an edge that could all stand there by chance
_LARGEST = 1 << 29  # bytes; COCO's own largest file has 448 MB

# Kinds of flaws, beside those of `labels`.
STRAY = "object of an image that the label file does not list, left out"
NO_NAME = "image in a label file without a name or an id, left out"
SAME_IMAGE = "image that stands twice in the labels, its objects taken together"
SAME_ID = "id of two different objects, both taken"
OUTLINE = "object without a box, which is taken from its outline"
FROM_ONE = "label file that seems to count pixels from 1, where COCO counts from 0; its boxes are taken as they stand"
AREA = "object whose stated area does not fit its box, whose own is taken"


@dataclass
class Image:
    """An image in a label file: the name it has there, what is stated of it, and the flaws of its objects. fault: why
    its labels cannot be used."""

    name: str
    labelled: Labelled
    flaws: list[Flaw] = field(default_factory=list)
    fault: str | None = None


@dataclass(frozen=True)
class LabelFile:
    """What label files hold. classes: the names that they declare, in order. flaws: those that belong to no image."""

    classes: tuple[str, ...]
    images: list[Image]
    flaws: list[Flaw]


def read(path: Path) -> LabelFile:
    """The labels in a file, which may be compressed (gzip). An image that stands twice is two images here.

    Raises UserError, in one line, for a file that is no labels in this form: another JSON, JSON lines, detections, a
    file that breaks off.
    """
    content = _content(path)
    names, classes = _categories(content["categories"], path)
    found, flaws = _images(content["images"], path)
    _add_objects(content["annotations"], found, names, flaws, path)
    images = [image for same in found.values() for image in same]
    begins = Counter(start for image in images for item in image.labelled.objects for start in item.corners[:2])
    if begins[1] >= _FEW and min(begins) == 1:
        flaws.append(Flaw(FROM_ONE, f"{path.name}: {begins[1]} left and upper edges are at 1, none at 0"))
    return LabelFile(classes, images, flaws)


def _content(path: Path) -> dict:
    """The three lists of the file, each a list of mappings."""
    text = textfiles.decode(_bytes(path), path)
    if not text.strip():
        raise UserError(f"{path}: is empty")
    try:
        content = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise UserError(f"{path}: {_json_flaw(error, text)}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not a JSON file of labels ({one_line(error)})") from None
    if isinstance(content, list):
        scored = content and isinstance(content[0], dict) and "score" in content[0]
        what = "detections (results with a score), not labels" if scored else "a list"
        raise UserError(f"{path}: holds {what}; expected COCO labels: images, annotations and categories")
    keys = ("images", "annotations", "categories")
    lacking = [key for key in keys if not isinstance(content, dict) or not isinstance(content.get(key), list)]
    if lacking:
        raise UserError(f"{path}: no COCO labels: it has no list {' and no list '.join(repr(key) for key in lacking)}")
    for key in keys:
        if any(not isinstance(row, dict) for row in content[key]):
            raise UserError(f"{path}: no COCO labels: '{key}' holds something that is no object of JSON")
    return content


def _once(pairs: list[tuple[str, Any]]) -> dict:
    """A mapping of JSON; raises ValueError for a key that stands twice, of which JSON would keep the last."""
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key '{printable(twice)[:40]}' stands twice")
    return found


def _json_flaw(error: json.JSONDecodeError, text: str) -> str:
    if error.msg == "Extra data":
        return f"holds several JSON values (JSON lines?), the second in line {error.lineno}; expected one object"
    if error.pos >= len(text.rstrip()) - 1 or error.msg.startswith("Unterminated string"):
        return f"breaks off in line {text.rstrip().count(chr(10)) + 1}: the JSON file is not whole"
    return f"not a JSON file (line {error.lineno}, column {error.colno}: {error.msg})"


def _categories(rows: Iterable[dict], path: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """Id -> name of each class, and the names, each once."""
    names: dict[str, str] = {}
    for row in rows:
        id, name = _key(row.get("id")), row.get("name")
        if id is None or not isinstance(name, str) or not name.strip():
            raise UserError(f"{path}: 'categories' holds a class without id or name")
        name = " ".join(name.split())
        if names.setdefault(id, name) != name:
            raise UserError(f"{path}: 'categories' calls two classes by the id {id}: {names[id]} and {name}")
    if not names:
        raise UserError(f"{path}: 'categories' names no classes")
    return names, tuple(dict.fromkeys(names.values()))


def _images(rows: Iterable[dict], path: Path) -> tuple[dict[str, list[Image]], list[Flaw]]:
    """Id -> the images that the file lists by it, one as a rule."""
    found: dict[str, list[Image]] = {}
    flaws: list[Flaw] = []
    for number, row in enumerate(rows, 1):
        id = _key(row.get("id"))
        name = next((row[key] for key in ("file_name", "im_name") if isinstance(row.get(key), str) and row[key]), None)
        if id is None or name is None:
            flaws.append(Flaw(NO_NAME, f"{path.name}, image {number}: no {'id' if id is None else 'file_name'}"))
            continue
        size = tuple(_number(row.get(side)) for side in ("width", "height"))
        stated = size if all(0 < value < math.inf for value in size) else None
        image = Image(name, Labelled(f"{path.name}, {printable(name)}", stated, ()))
        if stated is None:
            image.flaws.append(Flaw(NO_SIZE, f"{image.labelled.source}: no width and height"))
        same = found.setdefault(id, [])
        if any(other.name == name for other in same):
            flaws.append(Flaw(SAME_IMAGE, image.labelled.source))
        else:
            same.append(image)
    for id, images in found.items():
        if len(images) > 1:
            names = first_few([printable(image.name) for image in images], 2)
            for image in images:
                image.fault = f"{path.name}: its id {id} is that of several images: {names}"
    return found, flaws


def _add_objects(rows: Iterable[dict], found: Mapping[str, list[Image]], names: Mapping[str, str], flaws, path) -> None:
    objects: dict[str, list[Stated]] = {id: [] for id in found}
    seen: dict[str, dict] = {}
    for number, row in enumerate(rows, 1):
        id = _key(row.get("id"))
        where = f", object {number}" if id is None else f", object with id {id}"
        if id is not None and seen.setdefault(id, row) != row:
            flaws.append(Flaw(SAME_ID, f"{path.name}{where}"))
        image_id = _key(row.get("image_id"))
        if image_id not in found:
            flaws.append(Flaw(STRAY, f"{path.name}{where}: image_id {printable(row.get('image_id'))}"))
            continue
        place = found[image_id][0]
        label = names.get(_key(row.get("category_id")) or "")
        if label is None:
            what = f"category_id {printable(row.get('category_id'))} is not among the categories"
            place.flaws.append(Flaw(UNKNOWN, f"{place.labelled.source}{where}: {what}"))
            continue
        corners = _corners(row.get("bbox"))
        if corners is None:
            corners = _extent(row.get("segmentation"))
            kind, what = (NO_BOX, "no box of four numbers") if corners is None else (OUTLINE, label)
            place.flaws.append(Flaw(kind, f"{place.labelled.source}{where}: {what}"))
            if corners is None:
                continue
        x0, y0, x1, y1 = corners
        words = f"the {label} at {x0:g},{y0:g}, {x1 - x0:g}x{y1 - y0:g}"
        # An outline's area is within its box; some tools count both end pixels.
        most = (x1 - x0 + 1) * (y1 - y0 + 1)
        if x0 < x1 and y0 < y1 and "area" in row and not 0 < _number(row["area"]) <= most + 1e-6 * most:
            place.flaws.append(Flaw(AREA, f"{place.labelled.source}{where}: {words}, area {printable(row['area'])}"))
        ignored = _is_set(row.get("iscrowd")) or _is_set(row.get("ignore"))
        objects[image_id].append(Stated(label, corners, words, where, ignored))
    for id, images in found.items():
        for image in images:
            image.labelled = Labelled(image.labelled.source, image.labelled.size, tuple(objects[id]))


def _corners(box: Any) -> Corners | None:
    """Of a box given as x, y, width, height."""
    if not isinstance(box, (list, tuple)) or len(box) != 4:
        return None
    x, y, w, h = map(_number, box)
    return (x, y, x + w, y + h) if all(map(math.isfinite, (x, y, x + w, y + h))) else None


def _extent(outlines: Any) -> Corners | None:
    """The box around polygons: lists of x, y, x, y, … None for anything else, such as masks."""
    try:
        values = [[_number(value) for value in outline] for outline in outlines]
        xs = [x for outline in values for x in outline[::2]]
        ys = [y for outline in values for y in outline[1::2]]
        corners = min(xs), min(ys), max(xs), max(ys)
    except (TypeError, ValueError):
        return None
    return corners if all(map(math.isfinite, (*xs, *ys))) else None


def _number(value: Any) -> float:
    """A number of JSON, perhaps as a string; NaN for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan


def _key(value: Any) -> str | None:
    """An id in one spelling, as files write 1, 1.0 and "1" for the same; None for none."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    return str(value).strip() or None


def _is_set(flag: Any) -> bool:
    return flag is True or _number(flag) == 1


def _bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        if data.startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
                data = file.read(_LARGEST + 1)
    except (EOFError, zlib.error):
        raise UserError(f"{path}: the compressed file is not whole") from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or one_line(error)}") from None
    if data.startswith(b"PK\x03\x04"):
        raise UserError(f"{path}: is a ZIP archive; unpack it")
    if len(data) > _LARGEST:
        raise UserError(f"{path}: larger than a file of labels can be")
    return data
