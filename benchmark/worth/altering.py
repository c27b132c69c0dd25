"""Make variants of stored fused images, score them, and show them to a detector.

The methods themselves are ordinary results, as of `bench run` and `bench detect`. Their variants lie in a folder of
results of its own inside, `results/worth/variants`, which no report of `results` looks into: an altered image is
nobody's method, and enters no ranking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.datasets.pairs import PairImages
from benchmark.detection.division import Division
from benchmark.detection.experiment import Experiment, is_infrared
from benchmark.detection.settings import Settings
from benchmark.detection.setups import Setup
from benchmark.errors import UserError
from benchmark.imaging import reading
from benchmark.run import jobs, runner
from benchmark.run.jobs import Job
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


def job(base: Job, variant: Variant) -> Job:
    """Return the job of altering and scoring what a job of a method has fused; it scores and colours as that does.

    Ids that are not fused are missing. A variant is made anew where the image it is made of has changed.
    """
    made = jobs.kept(base).fused
    place = base.cell

    def load() -> Callable[[PairImages], jobs.Made]:
        def alter(pair: PairImages) -> jobs.Made:
            path = place.fused(pair.id)
            if files.file_sha256(path) != made[pair.id]:
                raise UserError(f"{path} has changed meanwhile")
            return jobs.Made(variant.alter(reading.read_luminance(path), pair.id))

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


@dataclass(frozen=True)
class Alterations:
    """What became of altering. jobs: label of a method -> those of its variants. failed: whether anything did."""

    jobs: dict[str, list[Job]]
    failed: bool


def bases(
    results: Path, division: Division, methods: Sequence[Method], wanted: dict[str, list[str]], device: str
) -> list[Job]:
    """Return the jobs of the methods themselves, on the test images of a division. wanted: protocol -> metrics."""
    (split,) = division.splits.values()
    return [
        jobs.fuser_job(results, split, method, wanted, device=device, colour=not is_infrared(method))
        for method in methods
    ]


def make(of: Sequence[Job], chosen: Sequence[Variant], processes: int | None = None, command: str = "") -> Alterations:
    """Fuse and score what is missing of the methods, then alter and score. processes, command: as of
    `runner.run_jobs`."""
    outcomes = runner.run_jobs(of, processes, command)
    made = {
        outcome.job.cell.method: [job(outcome.job, variant) for variant in chosen]
        for outcome in outcomes
        if outcome.state is None
    }
    outcomes += runner.run_jobs([one for found in made.values() for one in found], processes, command)
    return Alterations(made, any(outcome.failed or outcome.state for outcome in outcomes))


def show(
    results: Path,
    division: Division,
    methods: Sequence[Method],
    made: Alterations,
    settings: Settings,
    devices: tuple[str, str],
    command: str,
    ready,
) -> tuple[Setup, bool]:
    """Show a detector the images of the methods, and those of their variants. Keep what is done already.

    devices: to detect on, as ultralytics takes it, and to fuse on. ready: the detector, a `detection.yolo.Ready`.
    Returns the setup of the variants, and whether anything failed. Raises UserError where not one image is there.
    """
    there = [method for method in methods if method.label in made.jobs]
    if not there:
        raise UserError(f"{division}: nothing is fused, so that there is nothing to alter")

    def arguments(place: Path, division: Division, methods: Sequence[Method]) -> tuple:
        return place, division, methods, (), settings, (0,), _no_init, *devices, command, ready

    own = Experiment(*arguments(results, division, there))
    own.run()
    fit = [method for method in there if method.label not in own.unfit]
    if not fit:
        raise UserError(f"{division}: the detector can be shown none of {', '.join(own.unfit)}")
    chosen = {one.cell.method: one for method in fit for one in made.jobs[method.label]}
    labelled = [replace(method, label=one.cell.method) for method in fit for one in made.jobs[method.label]]
    altered = _AlteredExperiment(chosen.values(), *arguments(folder(results), own.division, labelled))
    setup, _ = altered.run()
    failed = bool(own.stopped or altered.stopped or own.division.excluded)
    return setup, failed


def _no_init(path: Path, seed: int) -> str:
    raise AssertionError("a detector that is not trained has no initial weights")


class _AlteredExperiment(Experiment):
    """Shows a detector what the jobs `made` have altered. Their labels are those of the methods."""

    def __init__(self, made: Iterable[Job], *arguments) -> None:
        super().__init__(*arguments)
        self.made = list(made)

    def planned(self) -> list[Job]:
        return self.made
