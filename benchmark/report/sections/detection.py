"""Detection: AP of the detectors that `bench detect` trained, in tables of one setup each."""

from __future__ import annotations

from dataclasses import replace

from benchmark.report import detection_tables, references
from benchmark.report.material import Material
from benchmark.report.measured import NAIVE
from benchmark.report.tabular import Grid

ORDER = 50


def grids(content: Material) -> list[Grid]:
    found = [
        grid
        for one in content.detected
        for grid in detection_tables.grids(one, content.options.digits, references.keys)
    ]
    return [_ruled(grid) for grid in found]


def _ruled(grid: Grid) -> Grid:
    """Draw a line between the simple baselines on top and the first other method."""
    first = next((i for i, line in enumerate(grid.lines) if line.name not in NAIVE), 0)
    lines = tuple(replace(line, rule=True) if 0 < first == i else line for i, line in enumerate(grid.lines))
    return replace(grid, lines=lines)
