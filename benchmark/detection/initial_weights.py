"""Find the weights that a detector begins with: the user's file, a downloaded one, or none (from its YAML)."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmark.errors import UserError, unknown
from benchmark.store import files

FOLDER = "yolo"  # under the weights root


@dataclass(frozen=True)
class Origin:
    """Where initial weights come from. text: what results say. file: the pretrained weights, None where every weight is
    drawn at random."""

    text: str
    file: Path | None


def architectures() -> dict[str, list[str]]:
    """List the detectors that ultralytics can build without weights, without importing it.

    Returns name -> letters of its sizes, which are put behind the name; none where there is one size.
    """
    folder = Path(importlib.util.find_spec("ultralytics").origin).parent / "cfg" / "models"
    other = ("-cls", "-seg", "-pose", "-obb", "-sem", "-depth", "world", "yoloe", "rtdetr")
    paths = [file for file in folder.glob("*/*.yaml") if not any(part in file.stem for part in other)]
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = {file.stem: yaml.load(file.read_text(encoding="utf-8"), loader).get("scales", {}) for file in paths}
    # A file of one size, like yolov10b, has its letter in its name.
    return {name: [size for size in found[name] if not name.endswith(size)] for name in sorted(found)}


def check_detector(name: str) -> None:
    """Raise UserError for a name that is no detector of ultralytics."""
    known = []
    for stem, sizes in architectures().items():
        generation, dash, rest = stem.partition("-")
        known += [f"{generation}{size}{dash}{rest}" for size in sizes] or [stem]  # yolov8n-p2
    if name not in known:
        raise unknown("detector", name, known)


def find(detector: str, init: str, weights_root: Path | None) -> Origin:
    """Find the weights that `init` names.

    init: "yaml"; "pretrained", the file under the weights root, downloaded where it is missing; "auto", that file where
    it is there, otherwise "yaml"; or a file. Raises UserError where there is no such file, and where it cannot be
    downloaded.
    """
    if init == "yaml":
        return Origin("yaml", None)
    if init not in ("auto", "pretrained"):
        path = Path(init).expanduser()
        if not path.is_file():
            raise UserError(f"--init {init}: no such file; or one of auto, yaml, pretrained")
        return _origin(path)
    likely = [] if weights_root is None else [weights_root / FOLDER / f"{detector}{end}.pt" for end in ("", "u")]
    found = next((file for file in likely if file.is_file()), None)
    if found is not None:
        return _origin(found)
    if init == "auto":
        return Origin("yaml", None)
    if not likely:
        raise UserError("--init pretrained: give --weights-root DIR (or BENCH_WEIGHTS), where the file shall lie")
    return _origin(_download(detector, likely[0]))


def _origin(path: Path) -> Origin:
    return Origin(f"{path.name} ({files.file_sha256(path)[:8]})", path)


def _download(detector: str, path: Path) -> Path:
    """Download the file from ultralytics' releases. Its hash is not published; every result states it."""
    from ultralytics.utils.downloads import attempt_download_asset

    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        got = Path(attempt_download_asset(path))
    except Exception as error:  # a network fails in many ways
        raise UserError(f"--init pretrained: {path.name} cannot be downloaded ({type(error).__name__})") from None
    if not got.is_file():
        raise UserError(f"--init pretrained: {path.name} cannot be downloaded; put it at {path}, or use --init yaml")
    return got
