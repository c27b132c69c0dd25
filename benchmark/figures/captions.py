"""What figures call methods, metrics and data sets: the one place where that is decided."""

from __future__ import annotations

from benchmark.report.measured import Measured
from benchmark.report.sections.scores import place_of
from benchmark.report.terminal import ARROWS, under
from benchmark.report.titles import mathtext


def method(row) -> str:
    """Return the title of a method. row: of scores or of detection."""
    return row.title


def methods(measured: Measured) -> dict[str, str]:
    """Return method -> title, in the order of the table."""
    return {row.cell.method: method(row) for row in measured.rows}


def metric(measured: Measured, name: str) -> str:
    """Return a metric with the arrow of its direction."""
    return f"{mathtext(name)} {ARROWS[measured.scores.metrics[name]]}".strip()


def place(measured: Measured) -> tuple[str, str]:
    """Return the data set with its split, and the protocol."""
    return place_of(measured), under(measured.titles.protocol(measured.protocol), measured.output)
