"""Fused images that another split of the same data set holds already: taken over instead of made again."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from benchmark.run.jobs import Job
from benchmark.store import cells, files


class Found(NamedTuple):
    """A fused image in another split's cell of the same method, its SHA-256 as that cell recorded it, and what was told
    when it was made."""

    path: Path
    digest: str
    told: tuple[str, ...] = ()


def found(job: Job, lacking: Collection[str]) -> dict[str, Found]:
    """id -> the image in another split, of the pairs `lacking`. Only where id and fuse key are the same. Reads only."""
    if job.force or job.provided is not None or job.unavailable or not lacking:
        return {}
    images: dict[str, Found] = {}
    for cell in _others(job):
        for (id, key, digest), told in cells.read_fused(cell).items():
            wanted = id in lacking and id not in images and job.keys.get(id) == key
            if wanted and files.file_sha256(cell.fused(id)) == digest:
                images[id] = Found(cell.fused(id), digest, told)
    return images


def adopt(job: Job, lacking: Collection[str]) -> dict[str, Found]:
    """Copy the images `found` into the job's cell, with a line about each. Returns those copied. Only for the holder of
    the cell's lock."""
    adopted = {}
    for id, image in sorted(found(job, lacking).items()):
        try:
            content = image.path.read_bytes()
        except OSError:  # gone since
            continue
        if hashlib.sha256(content).hexdigest() != image.digest:
            continue
        job.cell.colour(id).unlink(missing_ok=True)
        files.replace(job.cell.fused(id), content)
        line = {"id": id, "key": job.keys[id], "fused": image.digest, "from": image.path.parents[2].name}
        files.append(job.cell.timings_file, {**line, "told": image.told} if image.told else line)
        adopted[id] = image
    return adopted


def _others(job: Job) -> Iterator[cells.Cell]:
    """The cells of the same data set and method under other splits."""
    own = job.cell
    for folder in sorted(own.results.glob(f"{glob.escape(own.dataset)}@*")):
        cell = cells.Cell(own.results, own.dataset, folder.name.removeprefix(f"{own.dataset}@"), own.method)
        if cell.split != own.split and cell.folder.is_dir():
            yield cell
