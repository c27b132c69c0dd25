"""Collect stored fused images and their sources: the rows of `bench grid`."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from pathlib import Path

import numpy as np

from benchmark.datasets.id_lists import parse_label
from benchmark.datasets.pairs import Pair
from benchmark.errors import UserError, unknown
from benchmark.figures.image_grid import Crop, GridRow, where_methods_differ
from benchmark.imaging import bt601, reading
from benchmark.names import composed, short_labels
from benchmark.report.measured import spelled_out
from benchmark.report.titles import given
from benchmark.run import stretching
from benchmark.run.plan import Split, why
from benchmark.store.cells import Cell, existing_cells, fused_file, fused_files
from benchmark.store.summary import summarise

ROWS = 3  # rows of a grid when the user names none


def stored_cells(
    results: Path, split: Split, methods: Sequence[str] | None = None, titles: Sequence[str] = ()
) -> dict[Cell, str]:
    """Return the cells of a split with the titles of their methods, in the order given, or sorted.

    titles: of `--title`.
    Leaves out `ir` and `vis`, which are the sources. Raises UserError where nothing is stored of the split, or of a
    method named.
    """
    there = [cell for cell in existing_cells(results) if cell.dataset == split.dataset]
    place = [cell for cell in there if cell.split == split.name]
    if not place:
        others = ", ".join(_stored(split, name) for name in dict.fromkeys(cell.split for cell in there))
        raise UserError(
            f"no results of {split.dataset}@{split.name} in {results}"
            f"{f'; stored: {others}' if others else ''}; fuse its pairs with bench run"
        )
    rows = {cell.method: summarise(cell)[0] for cell in place}
    named = [(label, row.name) for label, row in rows.items()]
    fused = [cell.method for cell in place if fused_files(cell)[0]]
    labels = spelled_out(methods, named, scored=fused) if methods else list(rows)
    shown = [rows[label] for label in labels if label not in ("ir", "vis")]
    found = given(titles, {name for pair in named for name in pair}, (split.dataset,), ()).of_methods(
        (row.cell.method, row.name, row.title) for row in shown
    )
    return {row.cell: found[row.cell.method] for row in shown}


def columns(cells: dict[Cell, str]) -> dict[str, str]:
    """Return label -> title, and short label -> title where it tells cells apart."""
    short = short_labels(cell.method for cell in cells)
    return {name: title for cell, title in cells.items() for name in (cell.method, short[cell.method])}


def _stored(asked: Split, name: str) -> str:
    """Name another stored split of the data set, with the options that select it."""
    own, stretch = stretching.of_label(name)
    base, limit = parse_label(own)
    asked_base, _ = parse_label(stretching.of_label(asked.name)[0])
    options = [f"--split {base}"] if base != asked_base and asked.dataset != "folder" else []
    options += [f"--limit {limit}"] if limit else []
    options += [f"--stretch {stretch.kind}"] if stretch else []
    options += [f"--stretch-over {stretch.over}"] if stretch.over != "image" else []
    return f"{asked.dataset}@{name}" + (f" ({' '.join(options)})" if options else "")


def select_pairs(split: Split, cells: Iterable[Cell], texts: Sequence[str] = ()) -> list[Pair]:
    """Return the pairs named, or three that are spread over those of the split that are fused and can be read.

    texts: ids, comma-separated. A text that is an id as a whole, commas and all, is that one.
    """
    known = {composed(pair.id): pair for pair in split.pairs}
    ids = dict.fromkeys(id for text in texts for id in _ids(composed(text), known))
    for id in ids:
        if id not in known:
            raise unknown(f"pair of {split.dataset}@{split.name}", id, known)
    if ids:
        return [known[id] for id in ids]
    if texts:
        raise UserError("--ids: expected at least one id")
    fused = {id for cell in cells for id in fused_files(cell)[0]}
    readable = [pair for pair in split.pairs if pair.id not in split.broken]
    pairs = [pair for pair in readable if pair.id in fused] or readable or split.pairs
    places = np.linspace(0, len(pairs) - 1, min(ROWS, len(pairs))).round().astype(int)
    return [pairs[place] for place in places]


def _ids(text: str, known: Container[str]) -> list[str]:
    if text in known:
        return [text]
    return [part if part in known else part.strip() for part in text.split(",") if part.strip()]


def grid_rows(
    cells: dict[Cell, str],
    pairs: Sequence[Pair],
    sources: tuple[str, str],
    colour: bool = False,
    skip: bool = False,
) -> tuple[list[GridRow], list[str]]:
    """Return a row per pair, and one line for every picture that is missing.

    The two sources come first, under the titles `sources`. colour: give pictures the colours of their pair. skip:
    leave out a pair that cannot be read, with its line. Raises UserError where not one fused image is there.
    """
    rows, missing, found = [], [], 0
    for pair in pairs:
        try:
            loaded = pair.load()
        except UserError as error:
            if not skip:
                raise
            missing.append(f"{pair.id}: {why(error)}")
            continue
        both = (loaded.ir, loaded.vis)
        if colour:
            both = (_coloured(loaded.ir, loaded.ir_rgb), _coloured(loaded.vis, loaded.vis_rgb))
        row = dict(zip(sources, both))
        for cell, title in cells.items():
            path = fused_file(cell, pair.id)
            try:
                if path is None:
                    raise UserError("no fused image")
                picture = reading.read_luminance(path)
                if picture.shape != loaded.ir.shape:
                    raise UserError(f"{path} has another size than its sources")
            except UserError as error:
                missing.append(f"{cell}: {pair.id}: {why(error)}")
                continue
            found += 1
            if colour:
                picture = _coloured(picture) if loaded.colour is None else bt601.attach_colour(picture, loaded.colour)
            row[title] = picture
        rows.append(GridRow(pair.id, row))
    if not found and missing:
        raise UserError(f"no fused image of these pairs; {missing[0]}")
    return rows, missing


def differing(row: GridRow, sources: tuple[str, str]) -> Crop:
    """Find where the fused images of a row differ most. A single fused image is compared with its sources."""
    fused = [picture for title, picture in row.pictures.items() if title not in sources]
    compared = fused if len(fused) > 1 else row.pictures.values()
    return where_methods_differ([_grey(picture) for picture in compared])


def _grey(picture: np.ndarray) -> np.ndarray:
    """Return the luminance of a picture, uint8 (H, W) or (H, W, 3)."""
    return picture if picture.ndim == 2 else bt601.luminance(picture)


def _coloured(luminance: np.ndarray, rgb: np.ndarray | None = None) -> np.ndarray:
    return np.repeat(luminance[..., None], 3, axis=2) if rgb is None else rgb
