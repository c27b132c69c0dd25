"""Wins, ties and losses: how many others a method is significantly better than, not shown to differ from, worse."""

from __future__ import annotations

from benchmark import statistics
from benchmark.report.material import Material
from benchmark.report.measured import Measured
from benchmark.report.sections.scores import title
from benchmark.report.tabular import Column, Entry, Grid, Line, counted, key
from benchmark.report.terminal import label, title_of
from benchmark.report.titles import symbol
from benchmark.statistics import ALPHA

ORDER = 25


def grids(content: Material) -> list[Grid]:
    return [_grid(one) for one in content.measured if len(one.entered) > 1 and one.ranked]


def _grid(one: Measured) -> Grid:
    tables = {metric: statistics.wins(one.scores, metric) for metric in one.ranked}
    compared = {metric: one.scores.compared(metric) for metric in one.ranked}
    lines = []
    for i in one.entered:
        entries, total = [], 0
        for metric, table in tables.items():
            won, lost = int((table[i] > 0).sum()), int((table[i] < 0).sum())
            total += won - lost
            ties = int(compared[metric].sum()) - 1 - won - lost
            entries.append(Entry(f"{won}/{ties}/{lost}", won - lost) if compared[metric][i] else Entry())
        entries.append(Entry(f"{total:+d}", total))
        row = one.rows[i]
        lines.append(Line(label(row), title_of(row), tuple(entries)))
    return Grid(
        key=key("wins", one.dataset, one.split, one.protocol),
        title=f"Wins, ties and losses: {title(one)}",
        columns=(*(Column(metric, symbol=symbol(metric)) for metric in tables), Column("net", 1)),
        lines=tuple(lines),
        explanation="How many of the other methods each one is significantly better than, not shown to differ from, and"
        f" worse than (means of all pairs of methods tested together by random signs of"
        f" {counted(one.scores.units, one.scores.unit)}, α = {ALPHA:g}).",
        notes=one.caveats,
    )
