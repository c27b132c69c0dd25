"""Collect stored fused images and their sources: the rows of `bench grid`."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmark.datasets.abstract import Dataset
from benchmark.datasets.id_lists import parse_label
from benchmark.datasets.pairs import Box, Pair
from benchmark.errors import UserError, unknown
from benchmark.figures.enlarged import Crop, Scene
from benchmark.figures.image_grid import GridRow
from benchmark.imaging import bt601, reading
from benchmark.names import composed, short_labels
from benchmark.report.measured import spelled_out
from benchmark.report.titles import given
from benchmark.run import stretching
from benchmark.run.plan import Split, why
from benchmark.store.cells import Cell, existing_cells, fused_file, fused_files, read_scores, replaced
from benchmark.store.saved import SIGN, common, notes, remarks
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
    places = (split.dataset, f"{split.dataset}@{split.name}")  # they and protocols have no place in a grid
    protocols = {name for cell in place for name in cell.run().get("protocols", ())}
    found = given(titles, {name for pair in named for name in pair}, places, protocols).of_methods(
        (row.cell.method, row.name, row.title) for row in shown
    )
    return {row.cell: found[row.cell.method] for row in shown}


def saving(cells: Mapping[Cell, str]) -> list[str]:
    """Return a line for each way in which some of the images were saved and others not. cells: with their titles."""
    rows = {cell: summarise(cell)[0].saved for cell in cells}
    said = zip(cells.values(), remarks(list(rows.values()), common(rows)))
    return [line.removeprefix(f"{SIGN} ").partition("; not ranked")[0] for line in notes(list(said))]


def labels(cells: Iterable[Cell]) -> dict[str, str]:
    """Return label -> label, and short label -> label where it tells cells apart."""
    cells = list(cells)
    short = short_labels(cell.method for cell in cells)
    return {name: cell.method for cell in cells for name in (cell.method, short[cell.method])}


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


def select_pairs(split: Split, cells: Iterable[Cell], texts: Sequence[str] = (), count: int = ROWS) -> list[Pair]:
    """Return the pairs named, or `count` that are spread over those of the split that are fused and can be read.

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
    places = np.linspace(0, len(pairs) - 1, min(count, len(pairs))).round().astype(int)
    return [pairs[place] for place in places]


def _ids(text: str, known: Container[str]) -> list[str]:
    if text in known:
        return [text]
    return [part if part in known else part.strip() for part in text.split(",") if part.strip()]


def grid_rows(
    cells: Iterable[Cell], pairs: Sequence[Pair], colour: bool = False, skip: bool = False
) -> tuple[list[GridRow], list[str]]:
    """Return a row per pair, and one line for every picture that is missing.

    The columns `ir` and `vis` come first, then one for each cell, called after its method. colour: give pictures the
    colours of their pair. skip: leave out a pair that cannot be read, with its line. Raises UserError where not one
    fused image is there.
    """
    rows, lines, found = [], [], 0
    cells = list(cells)
    failures = {cell: cell.run().get("failed", {}) for cell in cells}
    lines_of = {cell: list(read_scores(cell).values()) for cell in cells}
    for pair in pairs:
        try:
            loaded = pair.load()
        except UserError as error:
            if not skip:
                raise
            lines.append(f"{pair.id}: {why(error)}")
            continue
        both = (loaded.ir, loaded.vis)
        if colour:
            both = (_coloured(loaded.ir, loaded.ir_rgb), _coloured(loaded.vis, loaded.vis_rgb))
        pictures, missing = dict(zip(("ir", "vis"), both)), {}
        for cell in cells:
            path = fused_file(cell, pair.id)
            try:
                if path is None:
                    missing[cell.method] = "failed" if pair.id in failures[cell] else "no fused image"
                    raise UserError("no fused image")
                missing[cell.method] = "cannot be read"
                picture = reading.read_luminance(path)
                if picture.shape != loaded.ir.shape:
                    missing[cell.method] = f"{picture.shape[1]}x{picture.shape[0]}, unlike its sources"
                    raise UserError(f"{path} has another size than its sources")
                if replaced(lines_of[cell], {pair.id: path}):
                    missing[cell.method] = "replaced"
                    raise UserError(f"{path} was replaced after it was scored")
            except UserError as error:
                lines.append(f"{cell}: {pair.id}: {why(error)}")
                continue
            del missing[cell.method]
            found += 1
            if colour:
                picture = _coloured(picture) if loaded.colour is None else bt601.attach_colour(picture, loaded.colour)
            pictures[cell.method] = picture
        rows.append(GridRow(pair.id, pictures, missing))
    if not found and lines:
        raise UserError(f"no fused image of these pairs; {lines[0]}")
    return rows, lines


def scene(row: GridRow, boxes: Sequence[Box] = ()) -> Scene:
    """Return what crops of a row are looked for in."""
    grey = {column: _grey(picture) for column, picture in row.pictures.items()}
    return Scene(grey.pop("ir"), grey.pop("vis"), list(grey.values()), boxes)


def labelled(dataset: Dataset, pair: Pair) -> list[Box]:
    """Return the objects labelled in a pair; none where there are no labels that can be read."""
    try:
        return dataset.boxes(pair, [])
    except UserError:
        return []


@dataclass(frozen=True)
class Chosen:
    """What `--crop` asks for. everywhere: for rows that are not named; None for what is found. rows: id -> the same."""

    everywhere: Sequence[Crop] | None = None
    rows: Mapping[str, Sequence[Crop] | None] = field(default_factory=dict)

    @classmethod
    def parse(cls, texts: Sequence[str], ids: Iterable[str]) -> Chosen:
        """Read "auto", "none", "x,y,w,h", and ID=one of these; at most two rectangles for one row.

        ids: of the rows. Raises UserError for anything else.
        """
        known = {composed(id): id for id in ids}
        asked: dict[str | None, list[str]] = {}
        for text in texts:
            id, named, value = text.rpartition("=")
            if named and composed(id) not in known:
                raise unknown("row in --crop", id, known)
            asked.setdefault(known[composed(id)] if named else None, []).append(value.strip())
        found = {id: _crops(values) for id, values in asked.items()}
        return cls(found.pop(None, None), found)

    def of(self, id: str) -> Sequence[Crop] | None:
        """Return the rectangles for a row, None for what is found."""
        return self.rows.get(id, self.everywhere)


def _crops(values: Sequence[str]) -> tuple[Crop, ...] | None:
    if len(values) > 1 and {"auto", "none"} & set(values):
        raise UserError(f"--crop: {' and '.join(values)} cannot both be for one row")
    if len(values) > 2:
        raise UserError(f"--crop: at most two rectangles for one row, not {len(values)}")
    return None if values == ["auto"] else () if values == ["none"] else tuple(map(Crop.parse, values))


def _grey(picture: np.ndarray) -> np.ndarray:
    """Return the luminance of a picture, uint8 (H, W) or (H, W, 3)."""
    return picture if picture.ndim == 2 else bt601.luminance(picture)


def _coloured(luminance: np.ndarray, rgb: np.ndarray | None = None) -> np.ndarray:
    return np.repeat(luminance[..., None], 3, axis=2) if rgb is None else rgb
