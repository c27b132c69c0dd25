"""The content of a report: its material, and the tables that sections make of it and formats draw."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType

from benchmark.errors import first_few
from benchmark.names import printable
from benchmark.report import names_in, sections
from benchmark.report.material import Material
from benchmark.report.tabular import Grid, counted, unique

_NAMED = 5  # names in a line about many


@dataclass(frozen=True, eq=False)
class Content(Material):
    """The material of a report with its tables."""

    @cached_property
    def grids(self) -> list[Grid]:
        """Return the tables, section after section: of the sections named, or of all but those that must be named."""
        chosen = modules(sections)
        names = self.options.sections or [name for name in chosen if not getattr(chosen[name], "ON_REQUEST", False)]
        found = [grid for name in chosen if name in names for grid in chosen[name].grids(self)]
        return unique(found)

    @property
    def names(self) -> set[str]:
        """What the results call data sets, splits, methods, metrics and images, with the titles of methods."""
        found: set[str] = set()
        for one in self.measured:
            found |= {one.place, one.protocol, *one.scores.metrics}
            for row in (*one.shown, *one.absent):
                found |= {row.cell.method, row.title, *row.scores}
        for one in self.detected:
            found |= {one.place, one.setup.folder.name}
            for row in (*one.rows, *one.absent):
                found |= {row.method, row.title}
        return found

    @property
    def rewritten(self) -> str:
        """A line about the names that are not shown as they are; empty where there are none."""
        found = sorted({printable(name) for name in self.names if printable(name) != name})
        if not found:
            return ""
        return f"{counted(len(found), 'name')} with characters that cannot be printed, written as U+XXXX: " + first_few(
            found, _NAMED
        )

    @property
    def references(self) -> list[str]:
        """Return the sorted keys of the works to cite for the methods, data sets and metrics shown."""
        cited = [one for grid in self.grids for one in (grid, *grid.columns, *grid.lines)]
        return sorted({key for one in cited for key in one.cites})


def modules(package: ModuleType) -> dict[str, ModuleType]:
    """Load every file in `sections` or `formats`. Return name -> module, sorted by `ORDER` in it, then by name."""
    found = [importlib.import_module(f"{package.__name__}.{name}") for name in names_in(package)]
    found.sort(key=lambda module: (getattr(module, "ORDER", 100), module.__name__))
    return {module.__name__.rpartition(".")[2]: module for module in found}
