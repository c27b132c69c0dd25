"""Jobs: what is to be made and scored for one cell, and what of it the store already holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmark.datasets.pairs import PairImages
from benchmark.run.plan import Method, Split, find_fused, fuse_keys
from benchmark.store import cells, files
from benchmark.store.cells import Cell
from benchmark.store.summary import is_copy, is_declared


class Made(NamedTuple):
    """A fused image, uint8 (H, W), what was converted to get it, one phrase each, and the same image saved as each job
    of `Job.also` has it."""

    image: np.ndarray
    notes: tuple[str, ...] = ()
    also: tuple[np.ndarray, ...] = ()


@dataclass
class Job:
    """A cell to complete.

    keys: id -> fuse key. wanted: protocol -> metrics. about: what `run.json` says about the method. provided:
    id -> fused image, for images from elsewhere; None where `fuse` makes them: called with nothing, it gives
    the function that fuses a pair. also: jobs that save the same results otherwise, whose images are made along with
    this one's. missing: id -> why there is nothing to score. family and flops: as on the method's card.
    """

    cell: Cell
    split: Split
    keys: dict[str, str]
    wanted: dict[str, list[str]]
    about: dict
    metrics_version: str
    directions: dict[str, int]
    fuse: Callable[[], Callable[[PairImages], Made]] | None = None
    provided: dict[str, Path] | None = None
    also: list[Job] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    unavailable: str | None = None
    device: str = "cpu"
    seed: int = 0
    colour: bool = False
    colour_scores: bool = False
    force: bool = False
    family: str = "other"
    flops: float = 0.0

    def key(self, id: str, protocol: str) -> str:
        return f"{self.keys[id]}-{cells.score_key(protocol, self.metrics_version)}"

    @property
    def copies(self) -> bool:
        """Whether what is made is meant to be one of the sources."""
        return is_copy(self.about)

    @property
    def declared(self) -> bool:
        """Whether it is known how what is made is saved."""
        return is_declared(self.about)

    def picture(self, id: str) -> Path:
        return self.cell.fused(id) if self.provided is None else self.provided[id]


@dataclass(frozen=True)
class Kept:
    """What a cell holds that is still valid: id -> SHA-256 of fused images, (id, protocol) -> line, id -> what was told
    of fused images and their sources when they were made."""

    fused: dict[str, str]
    lines: dict[tuple[str, str], dict]
    told: dict[str, tuple[str, ...]] = field(default_factory=dict)


def fuser_job(
    results: Path,
    split: Split,
    method: Method,
    wanted: dict[str, list[str]],
    *,
    device: str,
    seed: int = 0,
    **options,
) -> Job:
    """The job of running a method on a split. device: "cpu" or "cuda"; options: further fields of `Job`."""
    card = method.card
    about = {
        "kind": "run",
        "name": method.name,
        "title": card.title,
        "version": method.version,
        "precision": method.precision,
        "output": method.output,
        "native": method.native,
        "trained_on": method.trained_on,
        **({"tuned": method.tuned} if method.tuned else {}),
        "checkpoint": {"file": method.checkpoint.name, "sha256": method.checkpoint_sha256}
        if method.checkpoint
        else None,
        "preliminary": method.preliminary,
        "seed": seed,
    }
    if method.tile:
        about["tile"] = method.tile
    if method.code:
        about["code"] = method.code

    def load():
        from benchmark.imaging.saving import quantise

        fuser = method.load(device)
        outputs = [one.about["output"] for one in (job, *job.also)]

        def fuse(pair: PairImages) -> Made:
            found = fuser.fuse_as(pair.ir, pair.vis, outputs, pair.colour)
            image, *more = (quantise(one, card.truncate and out == "native") for one, out in zip(found, outputs))
            return Made(image, fuser.told, tuple(more))

        return fuse

    job = Job(
        cell=Cell(results, split.dataset, split.name, method.label, method.shown),
        split=split,
        keys=fuse_keys(split, method, seed),
        wanted=wanted,
        about=about,
        **_metrics_facts(wanted),
        fuse=load,
        device=device,
        unavailable=method.unavailable,
        seed=seed,
        family=card.family,
        flops=card.flops or 0.0,
        **options,
    )
    return job


def external_job(
    results: Path, split: Split, name: str, fused: Path, wanted: dict[str, list[str]], pattern: str | None = None
) -> Job:
    """The job of scoring the fused images in the folder `fused`, made elsewhere; pattern: of their names. What is to be
    told of these is added to the split's notes."""
    found, missing, notes = find_fused(fused, split.pairs, pattern, name)
    split = replace(split, notes=(*split.notes, *notes))
    hashes = {id: files.file_sha256(path) for id, path in found.items()}
    keys = {
        id: cells.external_key(digest, hashes[id])
        for id, digest in split.digests.items()
        if digest is not None and id in found
    }
    return Job(
        cell=Cell(results, split.dataset, split.name, name),
        split=split,
        keys=keys,
        wanted=wanted,
        about={
            "kind": "external",
            "name": name,
            "fused": {id: {"file": str(path), "sha256": hashes[id]} for id, path in found.items()},
        },
        **_metrics_facts(wanted),
        provided=found,
        missing=missing,
        colour_scores=True,
    )


def _metrics_facts(wanted: dict[str, list[str]]) -> dict:
    import metrics

    names = dict.fromkeys(name for names in wanted.values() for name in names)
    return {
        "metrics_version": str(metrics.version),
        "directions": {name: metrics.card(name).direction for name in names},
    }


def kept(job: Job) -> Kept:
    """What of the job's cell is still valid. Reads only."""
    if job.force:
        return Kept({}, {})
    fused, told = {}, {}
    made = cells.read_fused(job.cell)
    for id, key in job.keys.items():
        digest = files.file_sha256(job.picture(id))
        if digest is not None and (job.provided is not None or (id, key, digest) in made):
            fused[id] = digest
            told[id] = made.get((id, key, digest), ())
    lines = {
        (id, protocol): line
        for (id, protocol), line in cells.read_scores(job.cell).items()
        if id in fused and line["fused"] == fused[id] and line["key"] == job.key(id, protocol)
    }
    return Kept(fused, lines, told)


def unscored(job: Job, line_of: dict[tuple[str, str], dict], id: str) -> dict[str, list[str]]:
    """protocol -> metrics that are asked for and not there yet."""
    found = {}
    for protocol, names in job.wanted.items():
        scores = line_of.get((id, protocol), {"scores": {}})["scores"]
        if lacking := [name for name in names if name not in scores]:
            found[protocol] = lacking
    return found


def facts(job: Job, lines: Sequence[dict] = ()) -> dict:
    """What `run.json` says before anything is computed."""
    earlier = job.cell.run().get("metrics", {}) if lines else {}
    return {
        "dataset": job.split.dataset,
        "split": job.split.name,
        "method": job.cell.method,
        **job.about,
        "n": len(job.split.pairs),
        "split_sha256": job.split.sha256(),
        "source": job.split.source,
        "protocols": sorted({*job.wanted, *(line["protocol"] for line in lines)}),
        "metrics_version": job.metrics_version,
        "metrics": {**earlier, **job.directions},
    }
