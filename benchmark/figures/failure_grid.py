"""Draw the images on which a method loses most: a row per pair, with its sources, the method and the best other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmark.errors import UserError
from benchmark.figures import image_grid, stored_pairs, style
from benchmark.figures.image_grid import GridRow
from benchmark.imaging import bt601
from benchmark.report import failure_cases
from benchmark.report.failure_cases import SOURCES, FailureCase, Failures
from benchmark.report.material import Material
from benchmark.report.page import board, gallery
from benchmark.report.terminal import title_of
from benchmark.store.cells import Cell

BEST = "best other"  # a column, of another method in each row


def draw(
    content: Material,
    folder: Path,
    data_root: Path | None,
    tell: Callable[[str], None],
    printed: style.Print = style.AS_IT_IS,
) -> Iterator[Path]:
    """Draw a grid for each table of the section worst, as `worst-<method>-<data set>@<split>-<protocol>`. Yield the
    files written.

    data_root: where data sets lie, for sources that are not in the results. tell: takes a line on each picture that is
    not at hand; without the fused pictures of a method nothing is drawn of it.
    """
    for failures in failure_cases.chosen(content):
        if not failures.cases:
            continue
        one, row = failures.measured, failures.row
        rows, titles = _rows(failures, data_root, tell)
        if not rows:
            continue
        with style.pyplot(printed.font) as plt:
            figure = image_grid.qualitative(plt, rows, titles, printed.width or style.PAGE)
            stem = folder / f"worst-{row.cell.method}-{one.place}-{one.protocol}"
            yield from style.save(figure, stem, printed.formats)


def _rows(
    failures: Failures, data_root: Path | None, tell: Callable[[str], None]
) -> tuple[list[GridRow], dict[str, str]]:
    """Return the rows, called after their pair and the best other method there, and the titles of the columns."""
    one, row = failures.measured, failures.row
    about = board.dataset(one.dataset)
    titles = {**dict(zip(SOURCES, about["sources"])), row.cell.method: title_of(row), BEST: "Best other"}
    shown = [row, *(one.rows[case.best] for case in failures.cases)]
    name = f"worst images of {row.cell}"
    cells = {other.cell: title_of(other) for other in shown}
    stored = [Cell(row.cell.results, one.dataset, one.split, source) for source in SOURCES]
    cells.update({cell: cell.method for cell in stored if cell.folder.is_dir()})
    ids = [case.id for case in failures.cases]
    place = gallery.gather(one.place, cells, ids, tuple(about["sources"]), about["lends"], data_root, None)
    for note in place.notes:
        tell(f"{name}: {note}")
    files = {column.method: column.files.get("fused", {}) for column in place.columns}
    rows = []
    for case in failures.cases:
        best = one.rows[case.best]
        methods = {column: best.cell.method if column == BEST else column for column in titles}
        pictures, missing = _pictures(case, methods, files)
        for column, reason in missing.items():
            tell(f"{name}: {case.id}: {methods[column]}: {reason}")
        if row.cell.method in pictures:
            rows.append(_zoomed(GridRow(f"{case.id}, best: {title_of(best)}", pictures, missing)))
    return rows, titles


def _zoomed(row: GridRow) -> GridRow:
    """Enlarge what says most, where both sources are there."""
    if not set(SOURCES) <= set(row.pictures):
        return row
    scene = stored_pairs.scene(row)
    return replace(row, crops=scene.find(1), scene=scene)


def _pictures(
    case: FailureCase, methods: dict[str, str], files: dict[str, dict]
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read the pictures of a pair, column -> uint8 (H, W), all of one size. Return them, and column -> why it has none.

    methods: column -> the method whose picture it shows. files: method -> id -> file.
    """
    found, missing = {}, {}
    for column, method in methods.items():
        file = files.get(method, {}).get(case.id)
        if file is None:
            missing[column] = "no picture"
            continue
        try:
            picture = gallery.pixels(file, method, "fused")
        except UserError:
            missing[column] = "cannot be read"
            continue
        picture = picture if picture.ndim == 2 else bt601.luminance(picture)
        if found and picture.shape != next(iter(found.values())).shape:
            missing[column] = f"{picture.shape[1]}x{picture.shape[0]}, unlike its sources"
            continue
        found[column] = picture
    return found, missing
