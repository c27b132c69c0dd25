"""All figures of a report, drawn into a folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark import provenance, worker
from benchmark.figures import cost, scores, style
from benchmark.report.measured import Measured

if TYPE_CHECKING:
    from benchmark.detection.compared import Compared

SCORES = {
    "box": scores.distributions,
    "violin": scores.violins,
    "curves": scores.sorted_curves,
    "radar": scores.radar,
    "critical-difference": scores.critical_differences,
}
KINDS = (*SCORES, "cost")
DEFAULT = tuple(kind for kind in KINDS if kind != "violin")  # boxes show the same

_FEW = 8  # figures that are drawn sooner than a process has started


def draw(
    measured: Sequence[Measured], profiles: Sequence[dict], folder: Path, kinds: Sequence[str] = DEFAULT
) -> Iterator[Path]:
    """Draw each kind for each split and protocol, as `<kind>-<data set>@<split>-<protocol>`; yields the files written.

    profiles: what `bench profile` kept; of several machines the one with most methods is drawn. Kinds that there is
    nothing for are left out.
    """
    groups = cost.machines(profiles)
    tasks = [(kind, one, groups[0] if groups else [], folder) for one in measured for kind in kinds]
    if len(tasks) <= _FEW or provenance.processors() == 1:
        for task in tasks:
            yield from _draw(*task)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(provenance.processors(), get_context("spawn"), worker.start) as pool:
        for paths in pool.map(_draw, *zip(*tasks)):
            yield from paths


def draw_detection(setups: Iterable[Compared], folder: Path) -> Iterator[Path]:
    """Draw precision over recall and AP by class for each setup of detection, as
    `<kind>-<data set>@<division>-<setup>`; yields the files written."""
    from benchmark.figures import detection

    for one in setups:
        detected = detection.read(one)
        if detected is None:
            continue
        place = f"{one.place}-{one.setup.folder.name}"
        for kind, drawn in (("precision-recall", detection.precision_recall), ("classes", detection.class_bars)):
            with style.pyplot() as plt:
                yield from style.save(drawn(plt, detected), folder / f"{kind}-{place}")


def _draw(kind: str, measured: Measured, profiles: Sequence[dict], folder: Path) -> list[Path]:
    with style.pyplot() as plt:
        figure = cost.quality_against_cost(plt, measured, profiles) if kind == "cost" else SCORES[kind](plt, measured)
        if figure is None:
            return []
        return style.save(figure, folder / f"{kind}-{measured.place}-{measured.protocol}")
