"""Detection: AP of the detectors that `bench detect` trained, a setup at a time."""

from __future__ import annotations

from dataclasses import replace

from benchmark import references
from benchmark.detection import tables
from benchmark.report.content import Content
from benchmark.report.grid import Grid
from benchmark.report.measured import NAIVE

ORDER = 50


def grids(content: Content) -> list[Grid]:
    found = [grid for one in content.detected for grid in tables.grids(one, content.options.digits, references.keys)]
    return [_ruled(grid) for grid in found]


def _ruled(grid: Grid) -> Grid:
    """With a line between the simple baselines on top and the first other one."""
    first = next((i for i, line in enumerate(grid.lines) if line.name not in NAIVE), 0)
    lines = tuple(replace(line, rule=True) if 0 < first == i else line for i, line in enumerate(grid.lines))
    return replace(grid, lines=lines)
