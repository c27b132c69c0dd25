"""The pictures of a page: find which there are of each place, and write their files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from benchmark.datasets.id_lists import parse_label
from benchmark.datasets.pairs import Pair
from benchmark.errors import UserError, first_few
from benchmark.imaging import reading
from benchmark.progress import Progress, say
from benchmark.report.failure_cases import SOURCES
from benchmark.report.page.writing import Folder
from benchmark.run import plan, stretching
from benchmark.store import provenance
from benchmark.store.cells import Cell, fused_files, read_scores, replaced

KINDS = ("fused", "colour")
THUMB = 176  # pixels, the longer side


@dataclass
class Column:
    """A source or a method that a reader can choose to look at (a column of a table is `tabular.Column`).

    files: kind -> id -> picture, or the pair whose source it is. ours: whether the files are in the store, which
    replaces files and never changes them, so that they may be linked.
    """

    method: str
    title: str
    files: dict[str, dict[str, Path | Pair]] = field(default_factory=dict)
    ours: bool = True

    @property
    def source(self) -> bool:
        return self.method in SOURCES


@dataclass
class Place:
    """A split with its columns, sources first. ids: those of all images scored or fused, in the order of the split.
    pictured: those whose pictures are in the page. notes: for the reader, one line each."""

    dataset: str
    split: str
    ids: list[str]
    columns: list[Column]
    pictured: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.dataset}@{self.split}"


def gather(
    name: str,
    cells: dict[Cell, str],
    ids: Iterable[str],
    titles: tuple[str, str],
    lends: str,
    data_root: Path | None,
    limit: int | None,
) -> Place:
    """Make the place of one split from its cells. Where every method failed there is none, and the place is empty.

    name: DATASET@SPLIT. cells: cell -> title, in order. ids: those of scored images. titles: those of the sources.
    lends: the source with colours. limit: show pictures of so many pairs, spread over the split; None for all.
    """
    dataset, _, split = name.partition("@")
    columns = [Column(cell.method, title, *_stored(cell)) for cell, title in cells.items()]
    for column in columns:
        if column.source:
            column.title = titles[SOURCES.index(column.method)]
            if column.method != lends:
                del column.files["colour"]  # this source's colour version has the colours of the other
    place = Place(dataset, split, list(ids), columns)
    if cells and limit != 0:
        place.columns += _missing_sources(place, cells, titles, lends, data_root)
    place.columns.sort(key=lambda column: SOURCES.index(column.method) if column.source else len(SOURCES))
    fused = {id for column in place.columns for files in column.files.values() for id in files}
    place.ids += sorted(fused - set(place.ids))
    place.pictured = _spread([id for id in place.ids if id in fused], limit)
    _leave_out_replaced(place, cells)
    return place


def _leave_out_replaced(place: Place, cells: Iterable[Cell]) -> None:
    """Show no picture beside scores of another one."""
    for cell in cells:
        column = next((column for column in place.columns if column.method == cell.method), None)
        if column is None:
            continue
        fused = column.files["fused"]
        shown = {id: path for id in place.pictured if isinstance(path := fused.get(id), Path)}
        if found := replaced(read_scores(cell).values(), shown):
            for files in column.files.values():
                for id in found:
                    files.pop(id, None)
            which = f"{len(found)} of its images, {first_few(found, 3)}, were replaced"
            place.notes.append(f"{column.title}: {which} after they were scored; left out")
            say(f"{cell}: {which} after they were scored; left out", "warning")


def _stored(cell: Cell) -> tuple[dict[str, dict[str, Path | Pair]], bool]:
    fused, ours = fused_files(cell)
    colour = {path.stem: path for path in (cell.folder / "colour").glob("*.png")}
    return {"fused": fused, "colour": colour}, ours


def _missing_sources(
    place: Place, cells: Iterable[Cell], titles: tuple[str, str], lends: str, data_root: Path | None
) -> list[Column]:
    """Make columns, from the data set, of the sources that no stored method is a copy of. Where the data set is not at
    hand, add a note to the place."""
    lacking = [name for name in SOURCES if not any(c.method == name and c.files["fused"] for c in place.columns)]
    if not lacking:
        return []
    place.columns = [column for column in place.columns if column.method not in lacking]
    words = " and ".join(titles[SOURCES.index(name)].lower() for name in lacking)
    remedy = f"bench run --methods {','.join(lacking)} keeps them with the results"
    try:
        pairs = _pairs(place, cells, data_root)
    except UserError as error:
        place.notes.append(f"Without {words}: {error.message}; {remedy}")
        return []
    return [
        Column(
            name,
            titles[SOURCES.index(name)],
            {kind: dict(pairs) for kind in KINDS if kind == "fused" or name == lends},
            ours=False,
        )
        for name in lacking
    ]


def _pairs(place: Place, cells: Iterable[Cell], data_root: Path | None) -> dict[str, Pair]:
    """Return id -> pair of the data set. Raises UserError where the pairs are not at hand, or are not those that were
    fused."""
    if place.dataset == "folder":
        raise UserError("where the two folders of this split lie is not known here")
    name, stretch = stretching.of_label(place.split)
    split = plan.select_split(place.dataset, *parse_label(name), data_root, stretch=stretch)
    digests = {cell.run().get("split_sha256") for cell in cells}
    if split.sha256() not in digests:
        raise UserError(f"the images of {place.name} here are not those that were fused")
    return {pair.id: pair for pair in split.pairs if pair.id not in split.broken}


def _spread(ids: Sequence[str], limit: int | None) -> list[str]:
    if limit is None or limit >= len(ids):
        return list(ids)
    if limit == 1:
        return [ids[0]]
    return [ids[int(i)] for i in np.linspace(0, len(ids) - 1, limit).round()]


def write(folder: Folder, place: Place) -> dict:
    """Write the pictures into the folder. Return what the page must know of them."""
    tasks, columns = [], []
    for column in place.columns:
        lacks = {}
        for kind in KINDS:
            files = column.files.get(kind, {})
            here = [id for id in place.pictured if id in files]
            if not here:
                continue
            lacks[kind] = [number for number, id in enumerate(place.pictured) if id not in files]
            for id in here:
                tasks.append(partial(_put, folder, place.name, column, kind, id, files[id]))
        columns.append({"method": column.method, "title": column.title, "source": column.source, "lacks": lacks})
    thumbs = []
    for number, id in enumerate(place.pictured):
        shown = _shown(place, id)
        if shown is None:
            continue
        column, kind = shown
        thumbs.append([number, column.method])
        tasks.append(partial(_put_thumb, folder, place.name, column, kind, id))
    _do(tasks, f"{place.name}: pictures of the page")
    return {"pictured": place.pictured, "columns": columns, "thumbs": thumbs, "notes": place.notes}


def _do(tasks: Sequence, title: str) -> None:
    with ThreadPoolExecutor(provenance.processors()) as pool, Progress().bar(title, len(tasks), summary=False) as step:
        for _ in pool.map(lambda task: task(), tasks):
            step()


def _put(folder: Folder, place: str, column: Column, kind: str, id: str, file: Path | Pair) -> None:
    name = f"pictures/{place}/{column.method}/{kind}/{id}.png"
    if isinstance(file, Path) and file.suffix.lower() == ".png":
        folder.take(name, file, link=column.ours)
    else:
        folder.make(name, _source(file, column.method), lambda: _png(pixels(file, column.method, kind)))


def _put_thumb(folder: Folder, place: str, column: Column, kind: str, id: str) -> None:
    file = column.files[kind][id]
    name = f"thumbs/{place}/{column.method}/{id}.jpg"
    folder.make(name, _source(file, column.method), lambda: _jpeg(pixels(file, column.method, kind)))


def _shown(place: Place, id: str) -> tuple[Column, str] | None:
    """Choose the picture for a pair's thumbnail: the visible image, in colour where it has any, or else the first
    there is."""
    order = sorted(place.columns, key=lambda column: column.method != SOURCES[1])
    for column in order:
        for kind in reversed(KINDS):
            if id in column.files.get(kind, {}):
                return column, kind
    return None


def _source(file: Path | Pair, method: str) -> Path | None:
    """Return the file that a picture is made from; None for a drawn pair, which has none."""
    return file if isinstance(file, Path) else getattr(file, method)


def pixels(file: Path | Pair, method: str, kind: str) -> np.ndarray:
    """Read a picture, uint8 (H, W) or (H, W, 3)."""
    if isinstance(file, Path):
        picture = reading.read(file)
        return picture.luminance if picture.rgb is None else picture.rgb
    loaded = file.load()
    rgb = getattr(loaded, f"{method}_rgb")
    return getattr(loaded, method) if kind == "fused" or rgb is None else rgb


def _png(pixels: np.ndarray) -> bytes:
    import cv2

    return cv2.imencode(".png", pixels if pixels.ndim == 2 else pixels[..., ::-1])[1].tobytes()


def _jpeg(pixels: np.ndarray) -> bytes:
    import cv2

    height, width = pixels.shape[:2]
    scale = min(1, THUMB / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 80]
    return cv2.imencode(".jpg", small if small.ndim == 2 else small[..., ::-1], quality)[1].tobytes()
