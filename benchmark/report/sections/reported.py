"""Reported values: what papers print, beside what was measured on the same split under the same protocol."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.errors import UserError
from benchmark.names import printable
from benchmark.report import reported_values
from benchmark.report.material import Material
from benchmark.report.measured import Measured, fold
from benchmark.report.reported_values import Reported
from benchmark.report.tabular import Column, Entry, Grid, Line, counted, key, number
from benchmark.report.terminal import PRELIMINARY, PRELIMINARY_NOTE
from benchmark.store.saved import SIGN
from benchmark.store.summary import Row

ORDER = 30
# Shown with the colour: some readers cannot tell colours, and plain text has none.
SIGNS = {"equal": "=", "near": "≈", "far": "≠"}


_WHOLE_FOLDER = re.compile(r"all-[0-9a-f]{8}")  # what all pairs of two folders are called in results


@dataclass(frozen=True)
class _Place:
    dataset: str
    split: str
    protocol: str


def grids(content: Material) -> list[Grid]:
    found, refused = [], []
    for file in content.options.reported:
        values, remarks = reported_values.read(file)
        by_place: dict[_Place, list[Reported]] = {}
        for value in values:
            by_place.setdefault(_Place(value.dataset, value.split, value.protocol), []).append(value)
        for place, group in by_place.items():
            one, reason = _comparable(place, content.measured)
            if one is None:
                refused += [reason] if reason else []
            elif _pairs(group, one):
                found.append(_grid(str(file), group, remarks, one, content))
            else:
                refused.append(f"{one.place}: none of the methods and metrics reported is among those measured")
    if content.options.reported and not found:
        raise UserError(
            f"--reported: nothing to compare: {'; '.join(refused) or 'none of its data sets is among the results'}"
        )
    notes = tuple(f"Not compared: {reason}" for reason in refused)
    return [Grid(**{**vars(grid), "notes": (*grid.notes, *notes)}) if notes else grid for grid in found]


def _comparable(place: _Place, measured: Sequence[Measured]) -> tuple[Measured | None, str]:
    """Find what was measured at a place, or return None and why it cannot be compared ("" where the data set has no
    results)."""
    here = [one for one in measured if one.dataset == place.dataset]
    if not here:
        return None, ""
    reports = f"reported is {place.dataset}@{place.split} under protocol {place.protocol}"
    measured_splits = list(dict.fromkeys(one.split for one in here))
    whole = [split for split in measured_splits if _WHOLE_FOLDER.fullmatch(split)]
    split = whole[0] if (place.dataset, place.split) == ("folder", "all") and len(whole) == 1 else place.split
    if not (same_split := [one for one in here if one.split == split]):
        return None, f"{reports}, measured is split {', '.join(measured_splits)}"
    if not (same := [one for one in same_split if one.protocol == place.protocol]):
        protocols = ", ".join(one.protocol for one in same_split)
        return None, f"{reports}, measured is protocol {protocols}"
    (one,) = same
    published = _published(place)
    if published is not None and one.images != published:
        return None, f"{reports} on {counted(published, 'pair')}, measured are {one.images}"
    return one, ""


def _published(place: _Place) -> int | None:
    from benchmark import datasets

    return datasets.get(place.dataset).card.counts.get(place.split)


def _row_of(value: Reported, one: Measured) -> Row | None:
    """Find the measured row of a method as a paper spells it. Prefer one that was saved as the paper's images were,
    then one of the method's own checkpoint."""
    name = fold(value.method)
    here = (*one.rows, *one.beside)
    found = [row for row in here if name in (fold(row.name), fold(row.title), fold(row.cell.method))]
    if len(found) < 2:
        return found[0] if found else None
    return min(found, key=lambda row: (_unlike(value, row), row.apart, row.cell.method != row.name))


def _unlike(value: Reported, row: Row) -> int:
    """Return 0 where a row was saved as the paper's images were, 1 where either is not known, 2 where it was not."""
    if not (value.output and row.saved.output):
        return 1
    stretched = value.output == "minmax" and row.saved.stretched
    return 0 if stretched or row.saved.fits(value.output) else 2


def _pairs(group: Sequence[Reported], one: Measured) -> bool:
    metrics = {fold(metric) for metric in one.scores.metrics}
    return any(_row_of(value, one) is not None and fold(value.metric) in metrics for value in group)


def _grid(name: str, group: Sequence[Reported], remarks: Sequence[str], one: Measured, content: Material) -> Grid:
    spelled = {fold(metric): metric for metric in one.scores.metrics}
    values = {(v.method, spelled[fold(v.metric)]): v for v in group if fold(v.metric) in spelled}
    metrics = [m for m in one.scores.metrics if any(metric == m for _, metric in values)]
    lines, preliminary, otherwise = [], False, []
    for method, first in _first(group).items():
        row = _row_of(first, one)
        entries: list[Entry] = []
        for metric in metrics:
            value = values.get((method, metric))
            entries += [
                Entry() if value is None else Entry(value.text, value.value),
                Entry() if value is None or row is None else _measured(value, one, row, metric, content),
            ]
        mark = PRELIMINARY if row is not None and row.preliminary else ""
        preliminary = preliminary or bool(mark)
        if row is not None and _unlike(first, row) == 2:
            otherwise.append(printable(row.cell.method))
            mark += SIGN
        cites = content.cites_of_method(row.name) if row is not None else ()
        lines.append(Line(method + mark, method + mark, tuple(entries), cites=cites))
    sources = sorted({value.source for value in group if value.source})
    tolerance = f"{100 * content.options.tolerance:g} %"
    return Grid(
        key=key("reported", name.rpartition("/")[2].removesuffix(".csv"), one.dataset, one.split, one.protocol),
        title=f"Reported and measured: {one.titles.place(one.dataset, one.split, counted(one.total, 'pair'))},"
        f" protocol {one.titles.protocol(one.protocol)}",
        columns=tuple(Column(head, 0, metric) for metric in metrics for head in ("paper", "here")),
        lines=tuple(lines),
        explanation=f"{SIGNS['equal']} the same in the digits printed, {SIGNS['near']} within {tolerance},"
        f" {SIGNS['far']} further off.",
        notes=(
            *([f"Reported: {'; '.join(sources)}"] if sources else []),
            *remarks,
            *([PRELIMINARY_NOTE] if preliminary else []),
            *([f"{SIGN} not saved as the paper's images were: {', '.join(otherwise)}"] if otherwise else []),
            *one.caveats,
        ),
        cites=content.cites_of_data([one]),
    )


def _first(group: Sequence[Reported]) -> dict[str, Reported]:
    """Return the first value of each method, in the order of the file."""
    found: dict[str, Reported] = {}
    for value in group:
        found.setdefault(value.method, value)
    return found


def _measured(value: Reported, one: Measured, row: Row, metric: str, content: Material) -> Entry:
    summary = one.summaries[metric][one.shown.index(row)]
    if summary.n < one.images:
        return Entry()
    text = number(summary.mean, value.decimals)
    if float(text) == value.value:
        tone = "equal"
    else:
        tone = "near" if abs(summary.mean - value.value) <= content.options.tolerance * abs(value.value) else "far"
    return Entry(f"{text} {SIGNS[tone]}", summary.mean, tone=tone)
