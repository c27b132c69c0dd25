"""What sections see of a report: the measurements, and the options of the user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.detection.outcome import Compared
from benchmark.report import references
from benchmark.report.measured import Measured
from benchmark.report.titles import PLAIN, Titles


@dataclass(frozen=True)
class Options:
    """How a report is to be shown.

    methods: those asked for, None for all. digits: decimal places; None for four digits of scores, and one decimal
    place of percents. sd: show ± over images. wide: one table of scores for all data sets. standalone: LaTeX that
    compiles as it is. cite: LaTeX with citations. sections: names, None for all. reported: files of values as papers
    print them, see `reported_values`. tolerance: how far a measured value may be from a reported one and still count as
    near, relative to the reported one. mark: one of `report.MARKS`, what bold stands for. worst: how many images the
    section of that name shows for each method.
    """

    methods: Sequence[str] | None = None
    digits: int | None = None
    sd: bool = False
    wide: bool = False
    standalone: bool = False
    cite: bool = False
    sections: Sequence[str] | None = None
    reported: Sequence[str] = ()
    tolerance: float = 0.02
    mark: str = "mean"
    worst: int = 5


@dataclass(frozen=True, eq=False)
class Material:
    """What was measured, and how it is to be shown. results: the folder that it comes from. detected: setups of
    detection. everyone: `measured` with all methods that have results, where only some are shown. titles: what the user
    calls things."""

    results: Path
    measured: tuple[Measured, ...]
    options: Options = Options()
    detected: tuple[Compared, ...] = ()
    everyone: tuple[Measured, ...] = ()
    titles: Titles = PLAIN

    def cites_of_method(self, name: str) -> tuple[str, ...]:
        return references.keys("method", name)

    def cites_of_data(self, measured: Sequence[Measured]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(key for one in measured for key in references.keys("dataset", one.dataset)))
