"""Stored fused images beside their sources: what grids and pages show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmark import images
from benchmark.datasets.base import Pair
from benchmark.errors import UserError, unknown
from benchmark.figures.grid import GridRow
from benchmark.plan import Split, why
from benchmark.store import Cell, existing_cells
from benchmark.summary import summarise

ROWS = 3  # of a grid whose rows nobody named


def source_titles(dataset: str) -> tuple[str, str]:
    """What the two images of a pair are called: ("Infrared", "Visible") or, for example, ("PET", "MRI")."""
    from benchmark import datasets

    source = datasets.get(dataset)
    return (source.modality, "MRI") if source.card.task == "mif" else ("Infrared", "Visible")


def fused_file(cell: Cell, id: str) -> Path | None:
    """The file of a fused image, in the store or, of images from elsewhere, where they lay; None where it is gone."""
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


def stored_cells(results: Path, split: Split, methods: Sequence[str] | None = None) -> dict[Cell, str]:
    """The cells of a split with the titles of their methods, in the order given or sorted, without `ir` and `vis`,
    which are the sources. Raises UserError where nothing is stored of the split, or not of a method named."""
    there = [cell for cell in existing_cells(results) if cell.dataset == split.dataset]
    place = [cell for cell in there if cell.split == split.name]
    if not place:
        others = ", ".join(_stored(split, name) for name in dict.fromkeys(cell.split for cell in there))
        raise UserError(
            f"no results of {split.dataset}@{split.name} in {results}"
            f"{f'; stored: {others}' if others else ''}; fuse its pairs with bench run"
        )
    known = {cell.method: cell for cell in place}
    for name in methods or ():
        if name not in known:
            raise unknown(f"method in the results of {split.dataset}@{split.name}", name, known)
    chosen = [known[name] for name in methods] if methods else place
    return {cell: summarise(cell)[0].title for cell in chosen if cell.method not in ("ir", "vis")}


def _stored(asked: Split, name: str) -> str:
    """Another split of the data set, and the options that lead to it."""
    base, _, limit = name.partition("-first")
    options = [f"--split {base}"] if base != asked.name.partition("-first")[0] and asked.dataset != "folder" else []
    options += [f"--limit {limit}"] if limit else []
    return f"{asked.dataset}@{name}" + (f" ({' '.join(options)})" if options else "")


def select_pairs(split: Split, ids: Sequence[str] | None) -> list[Pair]:
    """The pairs named, or three that are spread over the split."""
    known = {pair.id: pair for pair in split.pairs}
    for id in ids or ():
        if id not in known:
            raise unknown(f"pair of {split.dataset}@{split.name}", id, known)
    if ids:
        return [known[id] for id in ids]
    places = np.linspace(0, len(split.pairs) - 1, min(ROWS, len(split.pairs))).round().astype(int)
    return [split.pairs[place] for place in places]


def grid_rows(
    cells: dict[Cell, str], pairs: Sequence[Pair], sources: tuple[str, str], colour: bool = False
) -> tuple[list[GridRow], list[str]]:
    """A row per pair, the two sources first, called as `sources` says; and one line for every picture that is missing.
    colour: with the colours that the pair lends. Raises UserError where not one fused image is left."""
    rows, missing, found = [], [], 0
    for pair in pairs:
        loaded = pair.load()
        both = (loaded.ir, loaded.vis)
        if colour:
            both = (_coloured(loaded.ir, loaded.ir_rgb), _coloured(loaded.vis, loaded.vis_rgb))
        row = dict(zip(sources, both))
        for cell, title in cells.items():
            path = fused_file(cell, pair.id)
            try:
                if path is None:
                    raise UserError("no fused image")
                picture = images.read_luminance(path)
                if picture.shape != loaded.ir.shape:
                    raise UserError(f"{path} has another size than its sources")
            except UserError as error:
                missing.append(f"{cell}: {pair.id}: {why(error)}")
                continue
            found += 1
            if colour:
                picture = _coloured(picture) if loaded.colour is None else images.attach_colour(picture, loaded.colour)
            row[title] = picture
        rows.append(GridRow(pair.id, row))
    if not found and missing:
        raise UserError(f"no fused image of these pairs; {missing[0]}")
    return rows, missing


def grey(picture: np.ndarray) -> np.ndarray:
    """The luminance of a picture, uint8 (H, W) or (H, W, 3)."""
    return picture if picture.ndim == 2 else images.luminance(picture)


def _coloured(luminance: np.ndarray, rgb: np.ndarray | None = None) -> np.ndarray:
    return np.repeat(luminance[..., None], 3, axis=2) if rgb is None else rgb
