"""Check a whole folder of results: is everything in it as `bench run` and `bench eval` wrote it?"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import UserError, first_few
from benchmark.names import printable
from benchmark.store import cells, files
from benchmark.store.cells import Cell


@dataclass(frozen=True)
class Finding:
    """place: a file or folder; what: what is wrong with it."""

    place: Path
    what: str


@dataclass
class Inspected:
    """How much was checked. unsigned: lines of older versions, whose digits nothing vouches for."""

    cells: int = 0
    lines: int = 0
    images: int = 0
    unsigned: int = 0


def inspect(
    results: Path, every: Iterable[Cell], ids_of: Callable[[Cell], set[str]], step: Callable[[], None] = lambda: None
) -> tuple[list[Finding], Inspected]:
    """Read every record, every line and the bytes of every fused image under `results`; call `step` after each cell.

    every: the cells that are there, `cells.cells(results)`. ids_of: the ids of a cell's split as its list has them;
    empty where no list is known. Raises UserError where there is no such folder.
    """
    if not results.is_dir():
        raise UserError(f"{results}: no such folder")
    found, seen = [*_strange_names(results)], Inspected()
    for cell in every:
        found += _of_cell(cell, seen, ids_of(cell))
        step()
    found += [
        Finding(folder, "it holds no run.json: these results are not reported")
        for folder in sorted(results.glob("*@*/*/"))
        if not (folder / "run.json").is_file() and any(folder.glob("*.jsonl"))
    ]
    return found, seen


def _strange_names(results: Path) -> Iterator[Finding]:
    root = results.resolve()
    for place, folders, names in os.walk(results):
        for name in sorted([*folders, *names]):
            path = Path(place, name)
            if printable(name) != name:
                yield Finding(path, "its name holds what is not printed")
            if path.is_symlink():
                try:
                    inside = path.resolve(strict=True).is_relative_to(root)
                except (OSError, RuntimeError):
                    yield Finding(path, "a link to nowhere")
                else:
                    if not inside:
                        yield Finding(path, "a link that leads out of the results")


def _of_cell(cell: Cell, seen: Inspected, known: set[str]) -> Iterator[Finding]:
    seen.cells += 1
    record = cell.run()
    if (error := str(record.get("error", ""))).startswith("run.json is damaged"):
        yield Finding(cell.run_file, error.removeprefix("run.json is "))
    elif flaw := cell.foreign(record):
        yield Finding(cell.run_file, flaw.replace("run.json", "it", 1))
    lines = yield from _lines_of(cell.scores_file)
    scored = [line for line in lines if cells.is_score_line(line)]
    seen.lines += len(lines)
    seen.unsigned += sum(files.CHECK not in line for line in lines)
    if len(scored) < len(lines):
        yield Finding(cell.scores_file, f"lines that hold no scores: {len(lines) - len(scored)}")
    yield from _lines_of(cell.timings_file)
    ids = {line["id"] for line in scored}
    if known and (strangers := sorted(ids - known)):
        yield Finding(cell.scores_file, f"ids that the split does not have: {first_few(strangers, 3)}")
    images, ours = cells.fused_files(cell)
    seen.images += len(images)
    for id in cells.replaced(scored, images):
        yield Finding(images[id], "it is not the image that was scored")
    if ours and (unscored := images.keys() - ids):
        made = {(id, digest) for id, _, digest in cells.read_fused(cell)}
        for id in sorted(unscored):
            if (id, files.file_sha256(images[id])) not in made:
                yield Finding(images[id], "nothing says what made it")


def _lines_of(file: Path) -> Generator[Finding, None, list[dict]]:
    """Return the lines of a file that are whole; yield what is wrong with the others."""
    flaws: list[Finding] = []
    lines = files.read_lines(file, lambda number, flaw: flaws.append(Finding(file, f"line {number}: {flaw}")))
    yield from flaws
    return lines
