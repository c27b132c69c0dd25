"""Draw all figures of a report into a folder."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, starmap
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import unknown
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
}
DIAGRAM = "critical-difference"  # one for each metric, `critical-difference-EN`
DETECTION = {"precision-recall": "precision_recall", "classes": "class_bars"}
KINDS = (*SCORES, DIAGRAM, "cost", *DETECTION)
DEFAULT = tuple(kind for kind in KINDS if kind != "violin")  # boxes show the same

_FEW = 8  # this many figures are drawn sooner than a process starts


def kinds_of(names: Sequence[str], measured: Sequence[Measured]) -> tuple[str, ...]:
    """Check names of figures: kinds, or `critical-difference-METRIC`. Raises UserError for others."""
    diagrams = [f"{DIAGRAM}-{metric}" for one in measured for metric in one.ranked]
    known = {name.lower(): name for name in (*KINDS, *diagrams)}
    for name in names:
        if name.lower() not in known:
            raise unknown("figure", name, known.values())
    return tuple(known[name.lower()] for name in names)


def draw(
    measured: Sequence[Measured],
    profiles: Sequence[dict],
    folder: Path,
    kinds: Sequence[str] = DEFAULT,
    printed: style.Print = style.AS_IT_IS,
) -> Iterator[Path]:
    """Draw each kind for each split and protocol, as `<kind>-<data set>@<split>-<protocol>`. Yield the files written.

    Leaves out kinds that there is nothing for. kinds: of `KINDS`, or critical-difference-METRIC. profiles: what `bench
    profile` kept; of several machines, the one with most methods is drawn.
    """
    with begun(measured, profiles, folder, kinds, printed) as paths:
        yield from paths


@contextmanager
def begun(
    measured: Sequence[Measured],
    profiles: Sequence[dict],
    folder: Path,
    kinds: Sequence[str] = DEFAULT,
    printed: style.Print = style.AS_IT_IS,
) -> Iterator[Iterator[Path]]:
    """Draw as `draw` does, in other processes where there is much to draw, so that the caller can do something else
    before it asks for the files. What is not drawn by the end of the context is left out."""
    groups = cost_scatter.machines(profiles)
    machine = groups[0] if groups else []
    tasks = [(name, one, machine, folder, printed) for one in measured for name in _names(kinds, one)]
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


def _names(kinds: Sequence[str], measured: Measured) -> list[str]:
    """Return the figures of scores to draw of a table, a diagram for each metric."""
    diagrams = [f"{DIAGRAM}-{metric}" for metric in measured.ranked]
    found = [diagrams if kind == DIAGRAM else [kind] for kind in kinds if kind not in DETECTION]
    return [name for name in dict.fromkeys(chain.from_iterable(found)) if name in (*SCORES, "cost", *diagrams)]


def draw_detection(
    setups: Iterable[Compared], folder: Path, kinds: Sequence[str] = DEFAULT, printed: style.Print = style.AS_IT_IS
) -> Iterator[Path]:
    """Draw precision over recall and AP by class for each setup of detection, as
    `<kind>-<data set>@<division>-<setup>`. Yield the files written."""
    from benchmark.figures import detection_curves

    for one in setups:
        detected = detection_curves.read(one) if any(kind in DETECTION for kind in kinds) else None
        if detected is None:
            continue
        place = f"{one.place}-{one.setup.folder.name}"
        for kind in (kind for kind in kinds if kind in DETECTION):
            with style.pyplot(printed.font) as plt:
                figure = getattr(detection_curves, DETECTION[kind])(plt, detected, printed.width or style.PAGE)
                yield from style.save(figure, folder / f"{kind}-{place}", printed.formats)


def _draw(
    name: str, measured: Measured, profiles: Sequence[dict], folder: Path, printed: style.Print
) -> list[Path]:  # fmt: skip
    width = {} if printed.width is None else {"width": printed.width}
    with style.pyplot(printed.font) as plt:
        if name == "cost":
            figure = cost_scatter.quality_against_cost(plt, measured, profiles, **width)
        elif name in SCORES:
            figure = SCORES[name](plt, measured, **width)
        else:
            figure = score_plots.critical_difference(plt, measured, name.removeprefix(f"{DIAGRAM}-"), **width)
        if figure is None:
            return []
        stem = f"{name}-{measured.place}-{measured.protocol}".replace("/", "_")  # a metric may be called so
        return style.save(figure, folder / stem, printed.formats)


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
