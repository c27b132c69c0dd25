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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmark.datasets.pairs import Box
from benchmark.errors import UserError
from benchmark.imaging import reading
from benchmark.names import printable
from benchmark.progress import say
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
    # Without a 'path' in it, ultralytics looks beside the file: results can be moved as a whole.
    description = {part: f"images/{part}" for part in parts} | {"names": dict(enumerate(classes))}
    description = {"train": "images/test", "val": "images/test"} | description  # ultralytics insists on both
    texts = {Path("data.yaml"): yaml.safe_dump(description, sort_keys=False)}
    texts |= {Path("labels", part, f"{id}.txt"): text for part, id, _, text in entries}
    links = {Path("images", p.part, f"{p.id}{p.file.suffix}"): p.file for p in pictures}
    if folder.exists() or folder.is_symlink():
        if not (flaw := _flaw(folder, texts, links)):
            return folder, parts
        say(f"{folder}: {flaw}; it is made anew", "warning")
        folder.unlink() if folder.is_symlink() or not folder.is_dir() else shutil.rmtree(folder)
    beside = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(beside, ignore_errors=True)
    for name, file in links.items():
        _make_link(beside / name, file)
    for name, text in texts.items():
        (beside / name).parent.mkdir(parents=True, exist_ok=True)
        (beside / name).write_text(text, encoding="utf-8")
    try:
        beside.rename(folder)
    except OSError:
        if not (folder / "data.yaml").is_file():  # another run may have made it meanwhile
            raise
        shutil.rmtree(beside)
    return folder, parts


def _flaw(folder: Path, texts: Mapping[Path, str], links: Mapping[Path, Path]) -> str:
    """What of a data set that lies in `folder` is not as it was made, "" where nothing. A file too many matters, too:
    ultralytics takes `images/*.npy` for the image beside it."""
    if folder.is_symlink() or not folder.is_dir():
        return "no folder of its own"
    found = set()
    for place, folders, names in os.walk(folder):
        if linked := next((name for name in folders if Path(place, name).is_symlink()), None):
            return f"{Path(place, linked).relative_to(folder)} is a link"
        found.update(Path(place, name).relative_to(folder) for name in names)
    if strange := sorted(name for name in found - texts.keys() - links.keys() if name.suffix != ".cache"):
        return f"{printable(str(strange[0]))} was not made by bench detect"
    for name, text in texts.items():
        if name not in found or (folder / name).is_symlink() or _text(folder / name) != text:
            return f"{name} is not as it was made"
    for name, file in links.items():
        if name not in found or not (folder / name).exists() or not os.path.samefile(folder / name, file):
            return f"{name} is not the image that was fused"
    return ""


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        return None


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
