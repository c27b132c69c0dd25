"""Keep and read the records of detection experiments::

    results/detect/<data set>@<division>/<setup>/
        setup.json                 what all rows of a table share
        truth.json                 the labels of the test images, in COCO's format
        init/seed<k>.pt            the weights that every training with this seed begins with
        differences.json           differences in AP to `vis`, computed when a table is made
        <method>/seed<k>/
            record.json            state, training, figures, confusion
            detections.jsonl       one line per test image
            curves.json            precision over recall
            training.json          a hash of all that the training depends on, and where it was resumed
            train/                 ultralytics' own folder: weights, results.csv, args.yaml

A *setup* is one division of one data set under one protocol with one detector, its weights, epochs and image size. A
table holds rows of one setup only. A sibling task has its own folder beside `detect`, with the same files.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import UserError
from benchmark.store import files

TASK = "detect"
FORMAT = 1
_SETTINGS = {"detector", "init", "protocol", "trained_on", "epochs", "imgsz", "batch", "further", "ultralytics"}


@dataclass(frozen=True)
class Run:
    """The folder of one method with one seed. (A training has a `Run` of its own in `training.loop`.)"""

    folder: Path

    @property
    def method(self) -> str:
        return self.folder.parent.name

    @property
    def seed(self) -> int:
        return int(self.folder.name.removeprefix("seed"))

    @property
    def training(self) -> Path:
        return self.folder / "train"

    @property
    def detections_file(self) -> Path:
        return self.folder / "detections.jsonl"

    def record(self) -> dict:
        """Return the content of `record.json`; empty where it cannot be read."""
        return read_json(self.folder / "record.json")

    def curves(self) -> dict:
        return read_json(self.folder / "curves.json")

    def detections(self) -> list[dict]:
        return files.read_lines(self.detections_file)

    def write(self, record: dict) -> None:
        write_json(self.folder / "record.json", record)


@dataclass(frozen=True)
class Setup:
    """The folder of runs that may be compared."""

    folder: Path

    def __str__(self) -> str:
        return f"{self.folder.parent.name}/{self.folder.name}"

    def run(self, method: str, seed: int) -> Run:
        return Run(self.folder / method / f"seed{seed}")

    def init(self, seed: int) -> Path:
        return self.folder / "init" / f"seed{seed}.pt"

    def facts(self) -> dict:
        """Return the content of `setup.json`; empty where it cannot be read."""
        return read_json(self.folder / "setup.json")

    def whole_facts(self) -> dict:
        """Return `facts()`. Raises UserError where they lack what tables show."""
        facts = self.facts()
        checks = {
            "dataset": lambda v: isinstance(v, str),
            "split": lambda v: isinstance(v, str),
            "split_sha256": lambda v: isinstance(v, str),
            "images": lambda v: v.keys() >= {"train", "val", "test"},
            "scenes": lambda v: v.keys() >= {"train", "val", "test"},
            "leak": lambda v: all(share is None or 0 <= share <= 1 for share in v.values()),
            "classes": lambda v: all(isinstance(name, str) for name in v),
            "methods": lambda v: all(isinstance(name, str) for name in v),
            "settings": lambda v: v.keys() >= _SETTINGS and isinstance(v["further"], dict),
        }
        for name, is_right in checks.items():
            try:
                right = is_right(facts[name])
            except (KeyError, TypeError, AttributeError):
                right = False
            if not right:
                raise UserError(f"{self}: setup.json is broken: {name}" if facts else f"{self}: setup.json is broken")
        return facts

    def truth(self) -> dict:
        return read_json(self.folder / "truth.json")

    def runs(self) -> list[Run]:
        """Return the runs that have a record, in the order in which the methods were first given, then by seed."""
        order = self.facts().get("methods", [])
        found = [Run(path.parent) for path in self.folder.glob("*/seed*/record.json")]
        place = {method: number for number, method in enumerate(order)}
        return sorted(found, key=lambda run: (place.get(run.method, len(order)), run.method, run.seed))

    def write(self, facts: dict, truth: dict) -> None:
        """Write what the runs share. Methods of earlier calls keep their place."""
        from filelock import FileLock

        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / ".lock"):
            earlier = self.facts().get("methods", [])
            methods = list(dict.fromkeys([*earlier, *facts["methods"]]))
            write_json(self.folder / "setup.json", {**facts, "methods": methods})
            write_json(self.folder / "truth.json", truth)


def place(results: Path, dataset: str, division: str, task: str = TASK) -> Path:
    """Return the folder of all setups of a division."""
    return results / task / f"{dataset}@{division}"


def setups(results: Path, task: str = TASK) -> list[Setup]:
    """Find all setups under `results`, sorted."""
    return [Setup(path.parent) for path in sorted((Path(results) / task).glob("*@*/*/setup.json"))]


def read_json(path: Path) -> dict:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_json(path: Path, content: dict) -> None:
    """Write the file in one step, and only where it holds something else."""
    if read_json(path) != content:
        files.replace(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def key(*parts) -> str:
    """Return a hash of what a result depends on."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
