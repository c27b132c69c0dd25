"""Export a method's images as the data set that a detector is trained on. The images are linked, not
copied, and labels lie beside them.

FOLDER/data.yaml
FOLDER/images/{train,val,test}/<id>.png   links to the images that `bench run` keeps
FOLDER/labels/{train,val,test}/<id>.txt   in YOLO's form: class, then centre and size as shares of the image's
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmark.datasets.pairs import Box
from benchmark.errors import UserError
from benchmark.imaging import reading
from benchmark.store import files


@dataclass(frozen=True)
class Picture:
    """An image to export: `file` goes into a part ("train", "val", "test") under the name `id`. size: its width and
    height, read from the file if left out. (The `Picture` of `imaging.reading` holds pixels.)"""

    part: str
    id: str
    file: Path
    boxes: tuple[Box, ...]
    size: tuple[int, int] | None = None


def write(
    folder: Path,
    pictures: Sequence[Picture],
    classes: Sequence[str],
    annotate: Callable[[Picture, Sequence[str]], str] | None = None,
) -> tuple[Path, dict[str, str]]:
    """Make the data set in `folder`. Add the start of the content's SHA-256 to the folder's name, so that a data set
    that another run uses stays as it is.

    annotate: makes the text of a picture's label file; boxes in YOLO's form if left out. Returns the folder, and
    part -> SHA-256 of its images and labels. Raises UserError where the file system allows no links.
    """
    annotate = annotate or yolo_boxes
    entries = [(p.part, p.id, files.file_sha256(p.file), annotate(p, classes)) for p in pictures]
    parts = {part: _sha256([e for e in entries if e[0] == part]) for part, *_ in entries}
    folder = folder.with_name(f"{folder.name}-{_sha256([parts, list(classes)])[:8]}")
    if (folder / "data.yaml").is_file():
        return folder, parts
    beside = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(beside, ignore_errors=True)
    for picture, (part, id, _, text) in zip(pictures, entries):
        _make_link(beside / "images" / part / f"{id}{picture.file.suffix}", picture.file)
        label = beside / "labels" / part / f"{id}.txt"
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text(text, encoding="utf-8")
    # Without a 'path' in it, ultralytics looks beside the file: results can be moved as a whole.
    description = {part: f"images/{part}" for part in parts} | {"names": dict(enumerate(classes))}
    description = {"train": "images/test", "val": "images/test"} | description  # ultralytics insists on both
    (beside / "data.yaml").write_text(yaml.safe_dump(description, sort_keys=False), encoding="utf-8")
    try:
        beside.rename(folder)
    except OSError:
        if not (folder / "data.yaml").is_file():  # another run may have made it meanwhile
            raise
        shutil.rmtree(beside)
    return folder, parts


def yolo_boxes(picture: Picture, classes: Sequence[str]) -> str:
    """Write a line for each object: class, then centre and size as shares of the image's. YOLO's form knows no regions
    to be ignored: a detector is trained on them as on background."""
    width, height = picture.size or reading.size(picture.file)
    lines = []
    for box in picture.boxes:
        if box.ignored:
            continue
        x, y = (box.x0 + box.x1) / 2 / width, (box.y0 + box.y1) / 2 / height
        w, h = (box.x1 - box.x0) / width, (box.y1 - box.y0) / height
        lines.append(f"{classes.index(box.label)} {x:.7f} {y:.7f} {w:.7f} {h:.7f}\n")
    return "".join(lines)


def _make_link(link: Path, target: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    try:
        link.symlink_to(os.path.relpath(target.resolve(), link.parent.resolve()))
    except OSError:
        try:
            os.link(target, link)  # where symbolic links are a privilege, as on Windows
        except OSError as error:
            raise UserError(f"{link}: no link can be made here ({error.strerror})") from None


def _sha256(content) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
