"""Ranks by metric, as in Friedman's test, and over metrics, whose values share no scale."""

from __future__ import annotations

import math
from dataclasses import replace

from benchmark.report.material import Material
from benchmark.report.measured import Measured
from benchmark.report.sections.scores import alike, title
from benchmark.report.tabular import BEST, SECOND, Column, Entry, Grid, Line, key, number
from benchmark.report.terminal import called, label, title_of
from benchmark.report.titles import symbol
from benchmark.statistics import ALPHA, FEWEST

ORDER = 20


def grids(content: Material) -> list[Grid]:
    return [_grid(one) for one in content.measured if len(one.entered) > 1 and one.ranking.metrics]


def _grid(one: Measured) -> Grid:
    ranking = one.ranking
    tests = {metric: test for metric, test in one.friedmans.items() if test is not None}
    columns = [Column(metric, -1, "mean rank by metric", symbol=symbol(metric)) for metric in tests]
    columns += [Column("mean rank", -1, "over metrics"), Column("Borda", 1, "over metrics")]
    columns += [Column("place", -1, "over metrics")]
    best = sorted({mean for mean in ranking.mean_rank if not math.isnan(mean)})[:2]
    lines = []
    for i in one.entered:
        entries = [_mean_rank(tests[metric], i) for metric in tests]
        entries += [
            _entry(ranking.mean_rank[i], 2),
            _entry(ranking.borda[i], 0 if float(ranking.borda[i]).is_integer() else 1),
            _place(ranking, i),
        ]
        mean = ranking.mean_rank[i]
        if mean in best:
            entries[len(tests)] = replace(entries[len(tests)], mark=(BEST, SECOND)[best.index(mean)])
        row = one.rows[i]
        lines.append(Line(label(row), title_of(row), tuple(entries)))
    empty = (Entry(),) * 3
    if tests:
        p = [Entry(_p(test.p), test.p) if test.possible else Entry() for test in tests.values()]
        critical = [_entry(test.critical_difference, 2) for test in tests.values()]
        lines.append(Line("Friedman p", "Friedman p", (*p, *empty), rule=True))
        lines.append(Line("critical difference", "critical difference", (*critical, *empty)))
    notes = []
    if tests:
        units = sorted({test.units for test in tests.values()})
        many = " to ".join(str(n) for n in dict.fromkeys((units[0], units[-1])))
        notes.append(
            f"Mean ranks by metric are over {many} {one.scores.unit}s; those further apart than the critical"
            f" difference differ (Nemenyi's test, α = {ALPHA:g})."
        )
        notes += alike(tests.values(), one.scores.unit)
        if untested := [metric for metric, test in tests.items() if not test.possible]:
            which = "" if len(untested) == len(tests) else f" in {', '.join(untested)}"
            notes.append(f"Not tested{which}, since that takes {FEWEST} independent {one.scores.unit}s.")
    notes.append(
        f"Over metrics: {', '.join(ranking.metrics)}. Place: by mean rank, with the places that tests of all"
        f" pairs of methods leave open (95 %, over {one.scores.unit}s). Borda: one point per metric for every"
        " method with a worse mean."
    )
    left_out = [called(one.rows[i]) for i in one.entered if math.isnan(ranking.mean_rank[i])]
    if left_out:
        notes.append(f"Not ranked over metrics, for lack of one of them: {', '.join(left_out)}")
    return Grid(
        key=key("ranks", one.dataset, one.split, one.protocol),
        title=f"Ranks: {title(one)}",
        columns=tuple(columns),
        lines=tuple(lines),
        notes=(*notes, *one.caveats),
    )


def _entry(value: float, places: int) -> Entry:
    return Entry() if math.isnan(value) else Entry(number(float(value), places), float(value))


def _mean_rank(test, i: int) -> Entry:
    (at,) = (test.methods == i).nonzero()
    return _entry(test.mean_ranks[at[0]], 2) if len(at) else Entry()


def _place(ranking, i: int) -> Entry:
    if math.isnan(ranking.position[i]):
        return Entry()
    place, low, high = (int(values[i]) for values in (ranking.position, ranking.low, ranking.high))
    return Entry(f"{place} [{low}–{high}]", place)


def _p(p: float) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}"
