"""What a report is made of and how it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from benchmark import references
from benchmark.report import names_in, sections
from benchmark.report.grid import Grid, unique
from benchmark.report.measured import Measured

if TYPE_CHECKING:
    from benchmark.detection.compared import Compared


@dataclass(frozen=True)
class Options:
    """methods: those asked for, None for all. digits: decimal places, None for four digits of scores and one of
    percents. sd: ± is shown over images. wide: one table of scores for all data sets. standalone: LaTeX that compiles
    as it is. cite: LaTeX with citations. sections: names, or None for all. reported: files of values as papers print
    them, see `benchmark.reported`. tolerance: how far, relative to the reported value, a measured one may be and still
    count as near."""

    methods: Sequence[str] | None = None
    digits: int | None = None
    sd: bool = False
    wide: bool = False
    standalone: bool = False
    cite: bool = False
    sections: Sequence[str] | None = None
    reported: Sequence[str] = ()
    tolerance: float = 0.02


@dataclass(frozen=True, eq=False)
class Content:
    """A report: what was measured, and how it is to be shown. results: the folder that it comes from. detected: setups
    of detection."""

    results: Path
    measured: tuple[Measured, ...]
    options: Options = Options()
    detected: tuple[Compared, ...] = ()

    @cached_property
    def grids(self) -> list[Grid]:
        """The tables, section after section."""
        chosen = modules(sections)
        names = self.options.sections or chosen
        found = [grid for name in chosen if name in names for grid in chosen[name].grids(self)]
        unique(found)
        return found

    @property
    def references(self) -> list[str]:
        """The keys of the works that the methods, data sets and metrics shown come from, sorted."""
        cited = [one for grid in self.grids for one in (grid, *grid.columns, *grid.lines)]
        return sorted({key for one in cited for key in one.cites})

    def cites_of_method(self, name: str) -> tuple[str, ...]:
        return references.keys("method", name)

    def cites_of_data(self, measured: Sequence[Measured]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(key for one in measured for key in references.keys("dataset", one.dataset)))


def modules(package: ModuleType) -> dict[str, ModuleType]:
    """Name -> module of every file in `sections` or `formats`, by the `ORDER` that it states, then by name."""
    found = [importlib.import_module(f"{package.__name__}.{name}") for name in names_in(package)]
    found.sort(key=lambda module: (getattr(module, "ORDER", 100), module.__name__))
    return {module.__name__.rpartition(".")[2]: module for module in found}
