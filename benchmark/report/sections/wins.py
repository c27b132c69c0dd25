"""Wins, ties and losses: how many others a method is significantly better than, not shown to differ from, worse."""

from __future__ import annotations

from benchmark import statistics
from benchmark.report.material import Material
from benchmark.report.measured import Measured
from benchmark.report.sections.scores import for_reference, title, too_few
from benchmark.report.tabular import Column, Entry, Grid, Line, counted, key
from benchmark.report.terminal import label, title_of
from benchmark.report.titles import symbol
from benchmark.statistics import ALPHA, FEW

ORDER = 25


def grids(content: Material) -> list[Grid]:
    return [_grid(one) for one in content.measured if len(one.entered) > 1 and one.ranked]


def _grid(one: Measured) -> Grid:
    tables = {metric: statistics.wins(one.scores, metric) for metric in one.ranked}
    pairs = {metric: one.scores.pairs(metric) for metric in one.ranked}
    empty = [metric for metric, table in tables.items() if pairs[metric].number < FEW and not table.any()]
    lines = []
    for i in one.entered:
        entries, total = [], 0
        for metric, table in tables.items():
            won, lost = int((table[i] > 0).sum()), int((table[i] < 0).sum())
            total += won - lost
            ties = len(pairs[metric].methods) - 1 - won - lost
            told = i in pairs[metric].methods and metric not in empty
            entries.append(Entry(f"{won}/{ties}/{lost}", won - lost) if told else Entry())
        entries.append(Entry(f"{total:+d}", total))
        row = one.rows[i]
        lines.append(Line(label(row), title_of(row), tuple(entries)))
    notes = too_few({metric: test for metric, test in pairs.items() if len(test.methods)}, one.scores.unit)
    if silent := [metric for metric in empty if pairs[metric].possible]:
        which = "" if len(silent) == len(tables) else f" in {', '.join(silent)}"
        notes.append(f"No two methods are shown to differ{which}: that says nothing with so few {one.scores.unit}s.")
    return Grid(
        key=key("wins", one.dataset, one.split, one.protocol),
        title=f"Wins, ties and losses: {title(one)}",
        columns=(*(Column(metric, symbol=symbol(metric)) for metric in tables), Column("net", 1)),
        lines=tuple(lines) if len(empty) < len(tables) else (),
        explanation="How many of the other methods each one is significantly better than, not shown to differ from, and"
        f" worse than (means of all pairs of methods tested together by random signs of"
        f" {counted(one.scores.units, one.scores.unit)}, α = {ALPHA:g}).",
        notes=(*notes, *for_reference(one), *one.caveats),
    )
