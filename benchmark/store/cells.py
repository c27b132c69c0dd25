"""What runs leave behind, as plain files.

One *cell* per data set, split and method::

    results/<dataset>@<split>/<method>/
        run.json        what was run, with what, when, and what failed
        scores.jsonl    one line per image and protocol: the same bytes in however many goes, on one machine and
                        build (another processor or compiler may round the last digits differently)
        timings.jsonl   one line per image fused or scored: seconds, and what made each fused image, or the split
                        that it was taken from
        fused/<id>.png  what was scored: 8-bit luminance
        colour/<id>.png the same with the visible image's colours, if asked for; never scored

A line of `scores.jsonl` is a JSON object with sorted keys: `id`, `protocol`, `key`, `fused` (SHA-256 of the
image scored), `scores` (metric -> value, null where undefined), `check` (a hash of all else) and, where there are any,
`reasons` (metric -> why undefined) and `told` (what was converted on reading, and what cannot be meant). A *key* says
by content what made the line: `<fuse key>-<score key>`. While the fuse key is the same, the fused image is kept; while
both are, the scores are.

Lines are appended as they come; a line torn by a kill, or changed otherwise, is told and left out, and the next run
makes it again. Lines without `check` are of older versions and believed. All other files are replaced in one step. Only
the holder of a cell's lock writes to it.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.errors import UserError
from benchmark.names import printable
from benchmark.progress import say_once
from benchmark.store import files

# Part of every fuse key: raised when reading, quantising or saving images changes.
PREPROCESSING = "2"


@dataclass(frozen=True)
class Cell:
    """The folder of one (data set, split, method). `method` is a label, which holds the start of the
    checkpoint's SHA-256 where that is not the method's own (see `benchmark.run.methods`). shown: what lines call
    the method, its label where empty."""

    results: Path
    dataset: str
    split: str
    method: str
    shown: str = field(default="", compare=False)

    @property
    def folder(self) -> Path:
        return self.results / f"{self.dataset}@{self.split}" / self.method

    @property
    def run_file(self) -> Path:
        return self.folder / "run.json"

    @property
    def scores_file(self) -> Path:
        return self.folder / "scores.jsonl"

    @property
    def timings_file(self) -> Path:
        return self.folder / "timings.jsonl"

    def fused(self, id: str) -> Path:
        return self.folder / "fused" / f"{id}.png"

    def colour(self, id: str) -> Path:
        return self.folder / "colour" / f"{id}.png"

    def __str__(self) -> str:
        return f"{self.dataset}@{self.split} {self.shown or self.method}"

    def run(self) -> dict:
        """The content of `run.json`; empty where there is none. A damaged one reads as a run that failed for
        that reason, and the next run replaces it."""
        try:
            record = json.loads(self.run_file.read_text(encoding="utf-8"))
            flaw = _flaw(record)
        except FileNotFoundError:
            return {}
        except OSError as error:
            flaw = error.strerror
        except (ValueError, RecursionError):
            flaw = "not JSON"
        return {"error": f"run.json is damaged: {flaw}"} if flaw else record

    def foreign(self, record: dict) -> str:
        """Why a record was not made for this cell, "" where it was: somebody's copy of another one."""
        for name in ("dataset", "split", "method"):
            if name in record and record[name] != (own := getattr(self, name)):
                return f"run.json is of {name} {printable(str(record[name]))}, not of {printable(own)}"
        return ""

    def write_run(self, record: dict) -> None:
        text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
        # Halves of surrogate pairs stand for bytes of file names that are no UTF-8; JSON reads such an escape back.
        files.replace(self.run_file, text.encode(errors="backslashreplace"))

    @contextmanager
    def lock(self, waiting: Callable[[], None]):
        """Hold the cell; where another process does, call `waiting` and wait until it lets go."""
        from filelock import FileLock, Timeout

        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            waiting()
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def lock_if_free(self):
        """Hold the cell, or do not wait for it. Yields whether it is held."""
        from filelock import FileLock, Timeout

        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.folder / ".lock", timeout=0):
                yield True
        except Timeout:
            yield False


def fused_file(cell: Cell, id: str) -> Path | None:
    """The file of a fused image, in the store or where `bench eval` found it; None where it is gone."""
    record = cell.run().get("fused")
    path = Path(record[id]["file"]) if isinstance(record, dict) and id in record else cell.fused(id)
    return path if path.is_file() else None


def fused_files(cell: Cell) -> tuple[dict[str, Path], bool]:
    """id -> file of all fused images that are there, and whether they are in the store or came from elsewhere."""
    record = cell.run().get("fused")
    if isinstance(record, dict):
        files = {id: Path(found["file"]) for id, found in record.items()}
        return {id: path for id, path in files.items() if path.is_file()}, False
    return {path.stem: path for path in sorted(cell.fused("x").parent.glob("*.png"))}, True


def replaced(lines: Iterable[dict], images: Mapping[str, Path]) -> list[str]:
    """Of fused images, id -> file, the ids of those whose bytes are not the ones that `lines` of scores are of. What
    was never scored is not judged."""
    scored: dict[str, set[str]] = {}
    for line in lines:
        if len(line["fused"]) == 64:
            scored.setdefault(line["id"], set()).add(line["fused"])
    return [id for id, path in images.items() if id in scored and files.file_sha256(path) not in scored[id]]


def cells(results: Path) -> list[Cell]:
    """All cells under `results`, sorted by data set, split and method."""
    found = []
    for record in Path(results).glob("*@*/*/run.json"):
        dataset, _, split = record.parents[1].name.partition("@")
        found.append(Cell(Path(results), dataset, split, record.parent.name))
    return sorted(found, key=lambda cell: (cell.dataset, cell.split, cell.method))


def fuse_key(pair_digest: str, method: str, version: str, checkpoint: str | None, seed: int) -> str:
    """What a fused image follows from: the images' content, the method, its weights and the seed."""
    return _key("fuse", PREPROCESSING, pair_digest, method, version, checkpoint, seed)


def external_key(pair_digest: str, fused: str) -> str:
    """The fuse key of an image that came from elsewhere, by its SHA-256."""
    return _key("external", PREPROCESSING, pair_digest, fused)


def altered_key(fused: str, alteration: str, version: str) -> str:
    """The fuse key of an image that is made of a fused one: by the SHA-256 of that, the name of what is done to it, and
    the version of the code that does it."""
    return _key("altered", PREPROCESSING, fused, alteration, version)


def score_key(protocol: str, metrics_version: str) -> str:
    return _key("score", protocol, metrics_version)


def _key(*parts) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def score_line(
    id: str, protocol: str, key: str, fused: str, scores: dict, reasons: dict, told: Sequence[str] = ()
) -> dict:
    """A line for `scores.jsonl`; scores: metric -> float, nan where undefined; told: see `benchmark.store.told`."""
    line = {"id": id, "protocol": protocol, "key": key, "fused": fused}
    line["scores"] = {metric: _to_json(value) for metric, value in scores.items()}
    if reasons:
        line["reasons"] = dict(reasons)
    return files.signed({**line, "told": list(told)} if told else line)


def scores_of(line: dict) -> dict[str, float]:
    """metric -> float of a line, nan where undefined."""
    return {metric: math.nan if value is None else float(value) for metric, value in line["scores"].items()}


def _to_json(value: float) -> float | str | None:
    # JSON has no infinities; float("inf") reads the word back.
    if math.isnan(value):
        return None
    return float(value) if math.isfinite(value) else str(float(value))


def read_scores(cell: Cell) -> dict[tuple[str, str], dict]:
    """(id, protocol) -> line. Where an image has several, the last one holds all its scores. A line that was changed
    since it was written is told, once in a process, and left out."""

    def tell(number: int, flaw: str) -> None:
        say_once(f"{cell.scores_file}, line {number}: {flaw}; left out", "warning")

    lines = files.read_lines(cell.scores_file, tell)
    return {(line["id"], line["protocol"]): line for line in lines if is_score_line(line)}


def read_fused(cell: Cell) -> dict[tuple[str, str, str], tuple[str, ...]]:
    """(id, fuse key, SHA-256) of every fused image that the cell's lines tell of, whether it is still there or not, and
    what was told of its sources when it was made."""
    lines = [*files.read_lines(cell.scores_file), *files.read_lines(cell.timings_file)]
    return {
        (line["id"], line["key"].partition("-")[0], line["fused"]): tuple(line.get("told", ()))
        for line in lines
        if _are_texts(line.get(name) for name in ("id", "key", "fused")) and _is_told(line.get("told", []))
    }


def _flaw(record) -> str | None:
    """Why the content of `run.json` is not a run's record, or None where it is one."""
    if not isinstance(record, dict):
        return "not a mapping"
    checks = {
        "n": lambda n: type(n) is int and n > 0,
        "protocols": lambda names: isinstance(names, list) and _are_texts(names),
        "metrics": lambda found: isinstance(found, dict) and all(d in (-1, 0, 1) for d in found.values()),
        "failed": lambda found: isinstance(found, dict) and _are_texts(found.values()),
        "runs": lambda found: isinstance(found, list) and all(_is_run(run) for run in found),
        "error": _is_text,
        "unavailable": _is_text,
        "told": _is_told,
        "split_sha256": _is_text,
        "metrics_version": _is_text,
    }
    for name, is_right in checks.items():
        if name not in record:
            if name in ("n", "protocols", "metrics"):
                return f"it lacks '{name}'"
        elif not is_right(record[name]):
            return f"'{name}' is of the wrong type"
    return None


def _is_run(run) -> bool:
    return isinstance(run, dict) and _is_text(run.get("start"))


def is_score_line(line: dict) -> bool:
    scores, reasons = line.get("scores"), line.get("reasons", {})
    return (
        _are_texts(line.get(name) for name in ("id", "protocol", "key", "fused"))
        and isinstance(scores, dict)
        and all(map(_is_score, scores.values()))
        and isinstance(reasons, dict)
        and _are_texts(reasons.values())
        and _is_told(line.get("told", []))
    )


def _is_score(value) -> bool:
    if type(value) in (int, float):
        return abs(value) <= sys.float_info.max  # not so for nan
    return value is None or value in ("inf", "-inf")


def _is_told(value) -> bool:
    return isinstance(value, list) and _are_texts(value)


def _is_text(value) -> bool:
    return isinstance(value, str)


def _are_texts(values: Iterable) -> bool:
    return all(map(_is_text, values))


def sweep(cell: Cell) -> None:
    """Remove what writers that were killed left half-written. Only for the holder of the cell's lock."""
    for pattern in (".*.tmp", "fused/.*.tmp", "colour/.*.tmp"):
        for file in cell.folder.glob(pattern):
            file.unlink(missing_ok=True)


def existing_cells(results: Path) -> list[Cell]:
    """`cells(results)`; raises UserError where there is none."""
    found = cells(results)
    if not found:
        raise UserError(f"no results in {results}; make some with bench run, or name their folder with --results DIR")
    return found
