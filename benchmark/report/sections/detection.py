"""Detection: AP of the detectors of `bench detect`, in tables of one setup each, then of several detectors."""

from __future__ import annotations

from benchmark.report import detection_tables, references, several_detectors
from benchmark.report.material import Material
from benchmark.report.tabular import Grid

ORDER = 50


def grids(content: Material) -> list[Grid]:
    return [
        grid
        for one in content.detected
        for grid in detection_tables.grids(one, content.options.digits, references.keys)
    ] + several_detectors.grids(content.detected, content.options.digits, references.keys)
