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
    other = ("-cls", "-seg", "-pose", "-obb", "-sem", "-depth", "world", "yoloe")
    paths = [file for file in folder.glob("*/*.yaml") if not any(part in file.stem for part in other)]
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = {file.stem: yaml.load(file.read_text(encoding="utf-8"), loader).get("scales", {}) for file in paths}
    # A file of one size, like yolov10b or rtdetr-resnet50, has it in its name.
    return {
        name: [size for size in found[name] if not name.endswith(size) and not name.startswith("rtdetr")]
        for name in sorted(found)
    }


def is_transformer(name: str) -> bool:
    """Whether a detector is an RT-DETR, which ultralytics trains and evaluates in other classes than YOLO."""
    return "rtdetr" in name


def names() -> list[str]:
    """List the names of all detectors that ultralytics can build, each with the letter of its size."""
    found = []
    for stem, sizes in architectures().items():
        generation, dash, rest = stem.partition("-")
        found += [f"{generation}{size}{dash}{rest}" for size in sizes] or [stem]  # yolov8n-p2
    return found


def check_detector(name: str) -> None:
    """Raise UserError for a name that is no detector of ultralytics."""
    known = names()
    if name not in known:
        raise unknown("detector", name, known)


def find(detector: str, init: str, weights_root: Path | None) -> Origin:
    """Find the weights that `init` names.

    init: "yaml"; "pretrained", the file under the weights root, downloaded where it is missing; "auto", that file where
    it is there, otherwise "yaml"; a file; or a folder, which holds it under the detector's name. Raises UserError where
    there is no such file, and where it cannot be downloaded.
    """
    if init == "yaml":
        return Origin("yaml", None)
    if init not in ("auto", "pretrained"):
        path = Path(init).expanduser()
        if path.is_file():
            return _origin(path)
        if not path.is_dir():
            raise UserError(f"--init {init}: no such file or folder; or one of auto, yaml, pretrained")
        found = _in_folder(path, detector)
        if found is None:
            raise UserError(f"--init {init}: holds no {detector}.pt")
        return _origin(found)
    found = None if weights_root is None else _in_folder(weights_root / FOLDER, detector)
    if found is not None:
        return _origin(found)
    if init == "auto":
        return Origin("yaml", None)
    if weights_root is None:
        raise UserError("--init pretrained: give --weights-root DIR (or BENCH_WEIGHTS), where the file shall lie")
    return _origin(_download(detector, weights_root / FOLDER / f"{detector}.pt"))


def find_trained(detector: str, init: str, weights_root: Path | None) -> Origin:
    """Find the weights of a detector that is only evaluated; arguments as of `find`. Raises UserError where there are
    none."""
    origin = None if init == "yaml" else find(detector, init, weights_root)
    if origin is None or origin.file is None:
        name = f"{detector}.pt"
        if init == "yaml":
            reason = "--init yaml draws them at random"
        elif weights_root is None:
            reason = "there is no --weights-root to look in"
        else:
            reason = f"there is no {weights_root / FOLDER / name}"
        raise UserError(
            f"--detector {detector}: --protocol pretrained needs trained weights, and {reason}; give --init FILE,"
            f" --init DIR that holds {name}, --weights-root DIR that holds {FOLDER}/{name}, or --init pretrained to"
            " download it there"
        )
    return origin


def _in_folder(folder: Path, detector: str) -> Path | None:
    """Return the detector's file in a folder, or in its folder `FOLDER`. Names of some end in "u" as published."""
    places = [place / f"{detector}{end}.pt" for place in (folder, folder / FOLDER) for end in ("", "u")]
    return next((file for file in places if file.is_file()), None)


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
