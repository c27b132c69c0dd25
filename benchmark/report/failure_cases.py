"""Where a method fails: the images on which it loses most to the other methods.

On each image, a method has a rank by each metric that enters the ranking, 1 is best; their mean is its mean rank there.
The highest mean rank is the worst image. Values of metrics share no scale and are never compared.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmark import statistics
from benchmark.report.material import Material
from benchmark.report.measured import NAIVE, Measured
from benchmark.statistics import Ranking
from benchmark.store.cells import Cell
from benchmark.store.summary import Row

LOSSES = 3  # metrics named for an image
SOURCES = ("ir", "vis")  # the naive methods that copy a source, so that their results are the sources


@dataclass(frozen=True)
class FailureCase:
    """An image on which a method is behind another one by some metric.

    mean_rank: of the method on this image, over metrics. place: by that, among the methods compared; equal ones share
    the better place. losses: (metric, rank) where others are ahead, the worst first, at most `LOSSES`. best: index, in
    the rows of the table, of the other method with the lowest mean rank here; best_rank: that rank.
    """

    id: str
    mean_rank: float
    place: int
    losses: tuple[tuple[str, float], ...]
    best: int
    best_rank: float


@dataclass(frozen=True)
class Failures:
    """The failure cases of one method of a table, the worst first. Without any, `reason` says why. compared: how many
    methods, with itself."""

    measured: Measured
    row: Row
    cases: tuple[FailureCase, ...] = ()
    compared: int = 0
    reason: str = ""


def field(one: Measured, row: int) -> list[int]:
    """Return the rows that are compared where one is looked at, itself among them: all that have the metrics of the
    ranking. Simple baselines take part where there is no other method, the sources never."""
    able = _able(one)
    if row not in able:
        return []
    for left_out in (NAIVE, SOURCES):
        found = [i for i in able if i == row or one.rows[i].name not in left_out]
        if len(found) > 1:
            return found
    return []


def _able(one: Measured) -> list[int]:
    """Return the rows that have all metrics of the ranking, reference rows among them, wherever one that is ranked has
    them."""
    metrics = [one.scores.index(metric) for metric in ranking_of(one).metrics]
    if not metrics:
        return []
    defined = ~np.isnan(one.scores.values[:, metrics])
    needed = defined[one.entered or slice(None)].any(axis=0)
    return [int(i) for i in np.flatnonzero((defined | ~needed).all(axis=(1, 2)))]


def ranking_of(one: Measured) -> Ranking:
    """Return the ranking by which images are judged: of all rows where only reference rows have results."""
    return one.ranking if one.entered else statistics.ranking(replace(one.scores, reference=frozenset()))


def of_table(one: Measured) -> dict[Cell, Failures]:
    """Return the failures of every row of a table, those without usable results too.

    Of images with the same mean rank, the one where the best other method is further ahead comes first, then the one
    that the split has first.
    """
    found, known = {}, {}
    for number, row in enumerate(one.rows):
        methods = field(one, number)
        if not methods:
            found[row.cell] = Failures(one, row, reason=_alone(one, number))
            continue
        if tuple(methods) not in known:
            known[tuple(methods)] = _ranks(one, methods)
        cases = _cases(ranking_of(one).metrics, *known[tuple(methods)], methods, methods.index(number))
        reason = "" if cases else "no other method is ahead on any image by any metric"
        found[row.cell] = Failures(one, row, tuple(cases), len(methods), reason)
    for row in one.beside:
        found[row.cell] = Failures(one, row, reason=f"{one.output} output is compared, and this is another one")
    for row in (*one.partial, *one.absent):
        found[row.cell] = Failures(one, row, reason=f"{row.state}: only complete rows are compared")
    return found


def _ranks(one: Measured, methods: list[int]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return the images that are defined by any metric; the ranks there, (c, m, n); and their means, (c, n)."""
    ranks = statistics.image_ranks(one.scores, np.array(methods), ranking_of(one).metrics)
    defined = np.flatnonzero(~np.isnan(ranks).all(axis=(0, 1)))
    ranks = ranks[..., defined]
    return [one.scores.ids[k] for k in defined], ranks, np.round(np.nanmean(ranks, axis=1), 9)


def _cases(
    metrics: Sequence[str], ids: list[str], ranks: np.ndarray, means: np.ndarray, methods: list[int], i: int
) -> list[FailureCase]:
    others = np.delete(np.arange(len(methods)), i)
    images = np.arange(len(ids))
    best = others[np.argmin(means[others], axis=0)]
    own, ahead = means[i], means[best, images]
    places = 1 + (means < own).sum(axis=0)
    found = []
    for k in np.lexsort((images, ahead - own, -own)):
        losses = [(metric, float(rank)) for metric, rank in zip(metrics, ranks[i, :, k]) if rank > 1]
        if losses:
            losses.sort(key=lambda loss: -loss[1])
            where = ids[k], float(own[k]), int(places[k]), tuple(losses[:LOSSES])
            found.append(FailureCase(*where, methods[best[k]], float(ahead[k])))
    return found


def chosen(content: Material) -> list[Failures]:
    """Collect the worst images of the methods asked for, or of the best-ranked one of each table, which is a simple
    baseline only where there is nothing else.

    A method meets all that have results of its split, shown by the report or not.
    """
    everyone = {(one.place, one.protocol, one.output): one for one in content.everyone}
    found = []
    for shown in content.measured:
        one = everyone.get((shown.place, shown.protocol, shown.output), shown)
        table = of_table(one)
        for row in _asked(shown) if content.options.methods is not None else _best(one):
            failures = table[row.cell]
            found.append(replace(failures, cases=failures.cases[: content.options.worst]))
    return found


def _asked(one: Measured) -> list[Row]:
    return [row for row in (*one.shown, *one.absent) if row.cell.method in one.asked]


def _best(one: Measured) -> Sequence[Row]:
    """Return the best-ranked row that can be compared and is no source, in a list; an empty one where there is none."""
    ranks = ranking_of(one).mean_rank
    ranked = [
        (ranks[i], i)
        for i, row in enumerate(one.rows)
        if not math.isnan(ranks[i]) and row.name not in SOURCES and field(one, i)
    ]
    own = [(rank, i) for rank, i in ranked if one.rows[i].name not in NAIVE]
    return [one.rows[min(own or ranked)[1]]] if ranked else []


def _alone(one: Measured, row: int) -> str:
    if not ranking_of(one).metrics:
        return "no metric ranks the methods"
    if row not in _able(one):
        return "it lacks a metric that others are ranked by"
    return "no other method is ranked"
