"""Make variants of stored fused images, score them, and show them to a detector.

The methods themselves are ordinary results, as of `bench run` and `bench detect`. Their variants lie in a folder of
results of its own inside, `results/worth/variants`, which no report of `results` looks into: an altered image is
nobody's method, and enters no ranking.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from benchmark.datasets.pairs import PairImages
from benchmark.detection.experiment import Experiment
from benchmark.errors import UserError
from benchmark.imaging import reading
from benchmark.run import jobs
from benchmark.run.jobs import Job, Made
from benchmark.run.methods import Method
from benchmark.store import cells, files
from benchmark.store.cells import Cell
from benchmark.worth import variants
from benchmark.worth.variants import Variant


def folder(results: Path) -> Path:
    """Return the folder of results that holds the variants of what is in `results`."""
    return results / "worth" / "variants"


def label(method: str, variant: Variant) -> str:
    """Return what results call a variant of a method: METHOD+KIND-STRENGTH. No hash, precision, output or tile behind a
    method's name has a hyphen."""
    return f"{method}+{variant}"


def altered(method: Method, variant: Variant) -> Method:
    """Return a method under the label of one of its variants."""
    return replace(method, label=label(method.label, variant))


def job(base: Job, variant: Variant) -> Job:
    """Return the job of altering and scoring what a job of a method has fused; it scores and colours as that does.

    Ids that are not fused are missing. A variant is made anew where the image it is made of has changed.
    """
    made = jobs.kept(base).fused
    place = base.cell

    def load() -> Callable[[PairImages], Made]:
        def alter(pair: PairImages) -> Made:
            path = place.fused(pair.id)
            if files.file_sha256(path) != made[pair.id]:
                raise UserError(f"{path} has changed meanwhile")
            return Made(variant.alter(reading.read_luminance(path), pair.id))

        return alter

    shown = label(place.shown, variant) if place.shown else ""
    return replace(
        base,
        cell=Cell(folder(place.results), place.dataset, place.split, label(place.method, variant), shown),
        keys={id: cells.altered_key(digest, str(variant), variants.VERSION) for id, digest in made.items()},
        missing={id: f"{place.method} has no fused image of it" for id in base.keys if id not in made},
        about={**base.about, "altered": {"of": place.method, "variant": str(variant), "version": variants.VERSION}},
        fuse=load,
        also=[],
    )


class Alterations(Experiment):
    """Shows a detector the images of `made`, jobs of variants, whose labels are those of `methods`. Other arguments as
    of `Experiment`, of which the protocol is "pretrained"."""

    def __init__(self, made: Sequence[Job], *arguments, **options) -> None:
        super().__init__(*arguments, **options)
        self.made = list(made)

    def planned(self) -> list[Job]:
        return self.made
