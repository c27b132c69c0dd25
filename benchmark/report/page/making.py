"""Write a report as a page."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from importlib import resources
from pathlib import Path

from benchmark.cost import records
from benchmark.report.content import Content
from benchmark.report.failure_cases import SOURCES
from benchmark.report.measured import NAIVE
from benchmark.report.page import board, boxes, detection_board, gallery
from benchmark.report.page.writing import Folder
from benchmark.report.titles import Titles
from benchmark.store import provenance
from benchmark.store.cells import Cell, cells
from benchmark.store.summary import title_of

START = "index.html"


def write(
    content: Content,
    path: Path,
    *,
    places: Collection[str] | None = None,
    naive: bool = True,
    data_root: Path | None = None,
    limit: int | None = None,
    figures: Sequence[Path] = (),
) -> Path:
    """Write the page of a report into the folder `path`. Return the file to open.

    places: the splits shown, None for all. naive: whether simple baselines not asked for are shown. data_root: where
    data sets lie, for sources that are not in the results. limit: show pictures of so many pairs per split, None for
    all. figures: files of `benchmark.figures.drawing`.
    """
    folder = Folder(path)
    for file in sorted(resources.files(__package__).joinpath("static").iterdir(), key=lambda file: file.name):
        folder.write(file.name, file.read_bytes())
    measured = records.read(content.results)
    tables = board.tables(content, measured)
    by_place: dict[str, list[str]] = {}
    for number, one in enumerate(content.measured):
        scores = board.scores(one)
        folder.data(f"scores-{number}", scores)
        folder.data(f"worst-{number}", board.failures(one))
        by_place[one.place] = list(dict.fromkeys([*by_place.get(one.place, []), *scores["ids"]]))
    shown = _cells(content, places, naive)
    titles = content.titles.told_apart(tuple(name.split("@", 1)) for name in shown)
    index = {
        "version": provenance.package_version(),
        "tables": tables,
        "places": [
            _place(folder, name, group, by_place.get(name, []), data_root, limit, titles)
            for name, group in shown.items()
        ],
        "detection": detection_board.of(content),
        "figures": _figures(folder, figures),
    }
    index["setups"] = boxes.write(folder, content.results, {place["dataset"] for place in index["places"]})
    folder.data("index", index)
    folder.finish()
    return path / START


def _cells(content: Content, places: Collection[str] | None, naive: bool) -> dict[str, dict[Cell, str]]:
    """Return split -> cells to show, with their titles: first those of the tables, in their order, then splits without
    scores. Show the sources wherever the results hold copies of them. A split whose methods all failed has none."""
    found: dict[str, dict[Cell, str]] = {}
    for one in content.measured:
        rows = one.shown
        found.setdefault(one.place, {}).update({row.cell: row.title or row.cell.method for row in rows})
    tables = set(found)
    for cell in cells(content.results):
        name = f"{cell.dataset}@{cell.split}"
        if name in tables:
            wanted = cell.method in SOURCES and cell not in found[name]
        else:
            asked = content.options.methods is None or cell.method in content.options.methods
            wanted = (places is None or name in places) and (asked or (naive and cell.method in NAIVE))
        if wanted:
            found.setdefault(name, {})[cell] = ""
    return {name: _titled(group, content.titles) for name, group in found.items()}


def _titled(group: dict[Cell, str], titles: Titles) -> dict[Cell, str]:
    """Give cells outside the tables titles of their own."""
    records = {cell: cell.run() for cell, title in group.items() if not title}
    rows = [
        (cell.method, str(record.get("name") or cell.method), title_of(cell.method, record))
        for cell, record in records.items()
    ]
    of = titles.of_methods(rows)
    return {cell: title or of[cell.method] for cell, title in group.items()}


def _place(
    folder: Folder,
    name: str,
    group: dict[Cell, str],
    ids: list[str],
    data_root: Path | None,
    limit: int | None,
    titles: Titles,
) -> dict:
    dataset, _, split = name.partition("@")
    about = board.dataset(dataset)
    place = gallery.gather(name, group, ids, tuple(about["sources"]), about.pop("lends"), data_root, limit)
    caption = titles.place(dataset, split)
    return {
        "name": name,
        "dataset": dataset,
        "split": split,
        "caption": caption,
        **about,
        "ids": place.ids,
        **gallery.write(folder, place),
    }


def _figures(folder: Folder, files: Sequence[Path]) -> list[dict]:
    found = []
    for file in files:
        folder.take(f"figures/{file.name}", file, link=True)
        if file.suffix == ".png":
            found.append({"name": file.stem})
    return found
