"""Draw the images on which a method loses most: a row per pair, with its sources, the method and the best other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmark.errors import UserError
from benchmark.figures import image_grid, stored_pairs, style
from benchmark.figures.image_grid import GridRow
from benchmark.imaging import bt601
from benchmark.names import printable
from benchmark.report import failure_cases
from benchmark.report.failure_cases import SOURCES, FailureCase, Failures
from benchmark.report.material import Material
from benchmark.report.page import board, gallery
from benchmark.report.sections.worst import losses
from benchmark.report.terminal import title_of
from benchmark.store.cells import Cell

BEST = "Best other"


def draw(content: Material, folder: Path, data_root: Path | None, tell: Callable[[str], None]) -> Iterator[Path]:
    """Draw a grid for each table of the section worst, as `worst-<method>-<data set>@<split>-<protocol>`. Yield the
    files written.

    data_root: where data sets lie, for sources that are not in the results. tell: takes a line on each picture that is
    not at hand; without the fused pictures of a method nothing is drawn of it.
    """
    for failures in failure_cases.chosen(content):
        if not failures.cases:
            continue
        one, row = failures.measured, failures.row
        rows, captions, sources = _rows(failures, data_root, tell)
        if not rows:
            continue
        crops = [stored_pairs.differing(found, sources) for found in rows]
        with style.pyplot() as plt:
            figure = image_grid.qualitative(plt, rows, crops)
            _caption(figure, rows, captions)
            yield from style.save(figure, folder / f"worst-{row.cell.method}-{one.place}-{one.protocol}")


def _rows(
    failures: Failures, data_root: Path | None, tell: Callable[[str], None]
) -> tuple[list[GridRow], list[dict[str, str]], tuple[str, str]]:
    """Return the rows; for each, what stands below its pictures, title -> text; and the titles of the sources."""
    one, row = failures.measured, failures.row
    about = board.dataset(one.dataset)
    sources, own = tuple(about["sources"]), title_of(row)
    shown = [row, *(one.rows[case.best] for case in failures.cases)]
    name = f"worst images of {row.cell}"
    cells = {other.cell: title_of(other) for other in shown}
    stored = [Cell(row.cell.results, one.dataset, one.split, name) for name in SOURCES]
    cells.update({cell: cell.method for cell in stored if cell.folder.is_dir()})
    ids = [case.id for case in failures.cases]
    place = gallery.gather(one.place, cells, ids, sources, about["lends"], data_root, None)
    for note in place.notes:
        tell(f"{name}: {note}")
    files = {column.method: column.files.get("fused", {}) for column in place.columns}
    rows, captions = [], []
    for case in failures.cases:
        best = one.rows[case.best]
        titles = dict(zip(SOURCES, sources)) | {row.cell.method: own}
        columns = [*((titles[name], name) for name in titles), (BEST, best.cell.method)]
        pictures, lacking = _pictures(case, columns, files)
        for line in lacking:
            tell(f"{name}: {case.id}: {line}")
        if own in pictures:
            rows.append(GridRow(case.id, pictures))
            captions.append({own: f"loses by {losses(case)}", BEST: title_of(best)})
    return rows, captions, sources


def _pictures(
    case: FailureCase, columns: list[tuple[str, str]], files: dict[str, dict]
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Read the pictures of a pair, title -> uint8 (H, W), all of one size. Return them, and a line for each one that
    cannot be shown."""
    found, lacking = {}, []
    for title, method in columns:
        file = files.get(method, {}).get(case.id)
        if file is None:
            if method not in SOURCES:
                lacking.append(f"no picture of {method}")
            continue
        try:
            picture = gallery.pixels(file, method, "fused")
        except UserError as error:
            lacking.append(error.message)
            continue
        picture = picture if picture.ndim == 2 else bt601.luminance(picture)
        if found and picture.shape != next(iter(found.values())).shape:
            lacking.append(f"the picture of {method} has another size")
            continue
        found[title] = picture
    return found, lacking


def _caption(figure, rows: list[GridRow], captions: list[dict[str, str]]) -> None:
    """Write below the method's picture what it loses by, and below the best other one whose it is."""
    columns = list(dict.fromkeys(title for row in rows for title in row.pictures))
    for number, (row, texts) in enumerate(zip(rows, captions)):
        for place, title in enumerate(columns):
            if title in texts and title in row.pictures:
                axis = figure.axes[number * len(columns) + place]
                axis.set_xlabel(printable(texts[title]), fontsize=5.5, labelpad=1)
