"""Numbers of a fused image that take no metric: how bright it is, and which camera it resembles.

A metric that follows a detector no better than these has told nothing of fusion. They have no direction: it is the
detector that says whether brighter images are better ones. RMS contrast is the metric SD already.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmark import datasets, progress
from benchmark.datasets.pairs import Pair
from benchmark.errors import UserError
from benchmark.imaging import reading
from benchmark.store import cells, files
from benchmark.store.cells import Cell

MEAN = "mean luminance"
CLIPPED = "clipped share"
INFRARED = "correlation with infrared"
VISIBLE = "correlation with visible"
NAMES = (MEAN, CLIPPED, INFRARED, VISIBLE)

# Part of what is kept. Raise it when this module computes something else.
VERSION = 1


def predictors(
    results: Path, dataset: str, splits: Sequence[str], method: str, ids: Sequence[str], data_root: Path | None = None
) -> dict[str, dict[str, float]]:
    """Compute the predictors of a method's scored images: name -> id -> value, with every id or without the name.

    "mean luminance": in levels, 0 to 255. "clipped share": of pixels at 0 or 255, in [0, 1]. "correlation with
    infrared", "correlation with visible": Pearson's, of the luminance of all pixels, in [-1, 1]; nan where an image is
    constant. dataset, splits, method: labels of the cells that hold the images. data_root: where the sources lie.

    Keeps them under `results/worth/predictors`, and takes them from there while images and sources are the same.
    Without the sources that were fused, correlations are left out, and a line says so, once a split. So are all where
    fused images are gone.
    """
    found: dict[str, dict[str, float]] = {}
    for split in splits:
        found = {**_of_cell(Cell(results, dataset, split, method), ids, data_root), **found}
    return {name: {id: found[id][name] for id in ids} for name in NAMES if all(name in found.get(id, ()) for id in ids)}


def _of_cell(cell: Cell, ids: Sequence[str], data_root: Path | None) -> dict[str, dict[str, float]]:
    """Return id -> name -> value of the images that are scored in a cell."""
    made = {id: (line["key"].partition("-")[0], line["fused"]) for (id, _), line in cells.read_scores(cell).items()}
    folder = cell.results / "worth" / "predictors" / f"{cell.dataset}@{cell.split}"
    file = folder / f"{cell.method}.jsonl"
    kept = {id: _kept(line, made.get(id)) for line in files.read_lines(file) if (id := line.get("id")) in made}
    found, record = {}, cell.run()
    for id in made.keys() & set(ids):
        found[id] = kept.get(id, {})
        if len(found[id]) < len(NAMES):
            found[id] = {**found[id], **_computed(cell, record, id, made[id], data_root)}
            if found[id] and found[id] != kept.get(id):
                with contextlib.suppress(OSError):  # results may be read-only
                    folder.mkdir(parents=True, exist_ok=True)
                    files.append(file, _line(id, made[id], found[id]))
    return found


def of_image(image: np.ndarray) -> dict[str, float]:
    """Compute what takes the fused image alone. image: uint8 (H, W), luminance."""
    clipped = np.count_nonzero((image == 0) | (image == 255)) / image.size
    return {MEAN: float(image.mean(dtype=np.float64)), CLIPPED: clipped}


def correlation(image: np.ndarray, source: np.ndarray) -> float:
    """Return Pearson's correlation of two luminance images (H, W); nan where one is constant."""
    a, b = (one.astype(np.float64).ravel() - one.mean(dtype=np.float64) for one in (image, source))
    size = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / size if size else math.nan


def _line(id: str, made: tuple[str, str], values: dict[str, float]) -> dict:
    stated = {name: None if math.isnan(value) else value for name, value in values.items()}
    return {"id": id, "key": made[0], "fused": made[1], "version": VERSION, "values": stated}


def _kept(line: dict, made: tuple[str, str] | None) -> dict[str, float]:
    """Return the values of a line, where it is of the same fused image and sources."""
    values = line.get("values")
    if (line.get("key"), line.get("fused")) != made or line.get("version") != VERSION or not isinstance(values, dict):
        return {}
    numbers = {name: math.nan if value is None else value for name, value in values.items() if name in NAMES}
    return numbers if all(isinstance(value, (int, float)) for value in numbers.values()) else {}


def _computed(cell: Cell, record: dict, id: str, made: tuple[str, str], data_root: Path | None) -> dict[str, float]:
    path = cells.fused_file(cell, id)
    if path is None or files.file_sha256(path) != made[1]:
        progress.say_once(f"{cell}: fused images are gone, or are not those that were scored; no simple predictors")
        return {}
    image = reading.read_luminance(path)
    found = of_image(image)
    place = f"{cell.dataset}@{cell.split}"
    pair = _sources(cell.dataset, data_root).get(id)
    if pair is None:
        progress.say_once(f"{place}: its sources are not at hand; no correlations with them (give --data-root)")
        return found
    try:
        digest, ir, vis = _loaded(pair)
    except UserError as error:
        progress.say_once(f"{place}: no correlations with its sources: {error.message}")
        return found
    if _key(record, digest, made[1]) != made[0] or ir.shape != image.shape:
        progress.say_once(f"{place}: its sources at hand are not those that were fused; no correlations with them")
        return found
    return {**found, INFRARED: correlation(image, ir), VISIBLE: correlation(image, vis)}


def _key(record: dict, digest: str, fused: str) -> str | None:
    """Return the fuse key that an image has if it was made of a pair of that content."""
    if record.get("kind") == "external":
        return cells.external_key(digest, fused)
    checkpoint = record.get("checkpoint")
    sha256 = checkpoint.get("sha256") if isinstance(checkpoint, dict) else None
    return cells.fuse_key(digest, record.get("name"), record.get("version"), sha256, record.get("seed"))


@functools.lru_cache(maxsize=4)
def _sources(dataset: str, data_root: Path | None) -> dict[str, Pair]:
    try:
        return datasets.get(dataset).at_hand(data_root)
    except UserError:
        return {}


@functools.lru_cache(maxsize=64)  # one method after the other wants the same pairs
def _loaded(pair: Pair) -> tuple[str, np.ndarray, np.ndarray]:
    """Return the digest of a pair, and the luminance of its images, (H, W) each."""
    images = pair.load()
    return pair.digest(), images.ir, images.vis
