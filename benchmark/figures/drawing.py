"""Draw all figures of a report into a folder."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, starmap
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.figures import cost_scatter, lettering, score_plots, style
from benchmark.report.measured import Measured
from benchmark.run import spawning, worker
from benchmark.store import provenance

if TYPE_CHECKING:
    from benchmark.detection.outcome import Compared

SCORES = {
    "box": score_plots.distributions,
    "violin": score_plots.violins,
    "curves": score_plots.sorted_curves,
    "radar": score_plots.radar,
    "critical-difference": score_plots.critical_differences,
}
KINDS = (*SCORES, "cost")
DEFAULT = tuple(kind for kind in KINDS if kind != "violin")  # boxes show the same

_FEW = 8  # this many figures are drawn sooner than a process starts


def draw(
    measured: Sequence[Measured], profiles: Sequence[dict], folder: Path, kinds: Sequence[str] = DEFAULT
) -> Iterator[Path]:
    """Draw each kind for each split and protocol, as `<kind>-<data set>@<split>-<protocol>`. Yield the files written.

    Leaves out kinds that there is nothing for. profiles: what `bench profile` kept; of several machines, the one with
    most methods is drawn.
    """
    with begun(measured, profiles, folder, kinds) as paths:
        yield from paths


@contextmanager
def begun(
    measured: Sequence[Measured], profiles: Sequence[dict], folder: Path, kinds: Sequence[str] = DEFAULT
) -> Iterator[Iterator[Path]]:
    """Draw as `draw` does, in other processes where there is much to draw, so that the caller can do something else
    before it asks for the files. What is not drawn by the end of the context is left out."""
    groups = cost_scatter.machines(profiles)
    tasks = [(kind, one, groups[0] if groups else [], folder) for one in measured for kind in kinds]
    if len(tasks) <= _FEW or provenance.processors() == 1:
        yield chain.from_iterable(starmap(_draw, tasks))
        return
    for one in measured:
        _ = one.ranking, one.friedmans  # computed here once: `Measured` keeps them and takes them to the processes
    pool = spawning.pool(provenance.processors(), _start)
    try:
        yield chain.from_iterable(map(_noted, pool.map(_draw_and_tidy, *zip(*tasks))))
    finally:
        pool.shutdown(cancel_futures=True)


def draw_detection(setups: Iterable[Compared], folder: Path) -> Iterator[Path]:
    """Draw precision over recall and AP by class for each setup of detection, as
    `<kind>-<data set>@<division>-<setup>`. Yield the files written."""
    from benchmark.figures import detection_curves

    for one in setups:
        detected = detection_curves.read(one)
        if detected is None:
            continue
        place = f"{one.place}-{one.setup.folder.name}"
        for kind, drawn in (
            ("precision-recall", detection_curves.precision_recall),
            ("classes", detection_curves.class_bars),
        ):
            with style.pyplot() as plt:
                yield from style.save(drawn(plt, detected), folder / f"{kind}-{place}")


def _draw(kind: str, measured: Measured, profiles: Sequence[dict], folder: Path) -> list[Path]:
    with style.pyplot() as plt:
        figure = (
            cost_scatter.quality_against_cost(plt, measured, profiles)
            if kind == "cost"
            else SCORES[kind](plt, measured)
        )
        if figure is None:
            return []
        return style.save(figure, folder / f"{kind}-{measured.place}-{measured.protocol}")


def _noted(drawn: tuple[list[Path], set[str]]) -> list[Path]:
    """The files that another process drew; what it lacked counts as lacking here."""
    paths, lacking = drawn
    lettering.lacking.update(lacking)
    return paths


def _start() -> None:
    worker.start()
    with style.pyplot():  # import here what every figure needs
        gc.freeze()
    gc.disable()


def _draw_and_tidy(*task) -> tuple[list[Path], set[str]]:
    """Draw, then collect garbage: looking for it while a figure is made takes a fifth of the time. Returns files and
    the characters that no font has."""
    try:
        return _draw(*task), lettering.lacking
    finally:
        gc.collect()
