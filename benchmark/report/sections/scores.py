"""Scores: means per method and metric. Bold: the best mean; underlined: the second; a sign: what a test does not show
to differ from the best."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from benchmark.report import references
from benchmark.report.material import Material
from benchmark.report.measured import Measured, decimals
from benchmark.report.tabular import ALIKE, BEST, SECOND, Column, Entry, Grid, Line, counted, key, number
from benchmark.report.terminal import (
    PRELIMINARY_NOTE,
    called,
    infinite,
    label,
    lacking,
    remarks,
    saving_notes,
    title_of,
    under,
)
from benchmark.report.titles import symbol
from benchmark.statistics import ALPHA, FEWEST, Comparison, Friedman
from benchmark.store.summary import Row

ORDER = 10


def grids(content: Material) -> list[Grid]:
    if not content.options.wide:
        return [_grid(one, content) for one in content.measured]
    found = []
    for protocol in dict.fromkeys(one.protocol for one in content.measured):
        found.append(_wide([one for one in content.measured if one.protocol == protocol], content))
    return found


def title(one: Measured) -> str:
    """Say in one line what was measured."""
    return f"{place_of(one)}, {under(one.titles.protocol(one.protocol), one.output)}"


def place_of(one: Measured) -> str:
    """Name the data set with its split and how many pairs were measured."""
    if not one.rows:
        count = f"nothing complete of {counted(one.total, 'pair')}"
    elif one.common:
        count = f"{one.images} common of {counted(one.total, 'pair')}"
    else:
        count = counted(one.total, "pair")
    return one.titles.place(one.dataset, one.split, count)


def _grid(one: Measured, content: Material) -> Grid:
    columns = tuple(_column(metric, direction) for metric, direction in one.scores.metrics.items())
    table = [_entries(one, metric, content) for metric in one.scores.metrics]
    rows = one.shown
    lines = [_line(row, tuple(column[i] for column in table), content) for i, row in enumerate(rows)]
    return Grid(
        key=key("scores", one.dataset, one.split, one.protocol),
        title=title(one),
        columns=columns,
        lines=_ruled(lines, rows, one.references),
        explanation=_explanation([one], content),
        notes=tuple(_notes(one)),
        cites=content.cites_of_data([one]),
    )


def _column(metric: str, direction: int, group: str = "") -> Column:
    return Column(metric, direction, group, references.keys("metric", metric), symbol(metric))


def _wide(measured: Sequence[Measured], content: Material) -> Grid:
    """Make one table for several splits under one protocol."""
    columns, entries, found = [], {}, {}
    outputs = {one.output for one in measured}
    for one in measured:
        table = [_entries(one, metric, content) for metric in one.scores.metrics]
        for i, row in enumerate(one.shown):
            if not (row.cell.method in found and found[row.cell.method].remark):
                found[row.cell.method] = row
            for j, column in enumerate(table):
                entries[row.cell.method, len(columns) + j] = column[i]
        group = f"{_named(one)} ({one.images if one.rows else one.total})"
        group += f", {one.output} output" * (len(outputs) > 1)
        columns += [_column(metric, direction, group) for metric, direction in one.scores.metrics.items()]
    references_ = {name for one in measured for name in one.references}
    rows = [found[name] for name in merged([one.order for one in measured]) if name in found]
    lines = [
        _line(row, tuple(entries.get((row.cell.method, j), Entry()) for j in range(len(columns))), content)
        for row in rows
    ]
    notes = [_placed(note, one) if len(measured) > 1 else note for one in measured for note in _notes(one)]
    return Grid(
        key=key("scores", "wide", measured[0].protocol),
        title=f"{', '.join(map(_named, measured))}, "
        + under(measured[0].titles.protocol(measured[0].protocol), outputs.pop() if len(outputs) == 1 else "raw"),
        columns=tuple(columns),
        lines=_ruled(lines, rows, references_),
        explanation=_explanation(measured, content),
        notes=tuple(dict.fromkeys(notes)),
        wide=True,
        cites=content.cites_of_data(measured),
    )


def _named(one: Measured) -> str:
    return one.titles.place(one.dataset, one.split)


def _placed(note: str, one: Measured) -> str:
    return note if note == PRELIMINARY_NOTE else f"{_named(one)}: {note}"


def merged(orders: Sequence[Sequence[str]]) -> list[str]:
    """Merge orders of names into one that agrees with all of them, where they agree among themselves. A name that only
    later orders have comes after the one that it follows there."""
    found: list[str] = []
    for order in orders:
        before = None
        for name in order:
            if name not in found:
                found.insert(found.index(before) + 1 if before else 0, name)
            before = name
    return found


def _ruled(lines: Sequence[Line], rows: Sequence[Row], reference: Collection[str]) -> tuple[Line, ...]:
    """Draw a line between the reference rows on top and the first other method, and one above what is not ranked for
    how it was saved."""
    first = next((i for i, row in enumerate(rows) if row.cell.method not in reference), 0)
    apart = next((i for i, row in enumerate(rows) if row.apart), 0)
    return tuple(replace(line, rule=True) if i and i in (first, apart) else line for i, line in enumerate(lines))


def _line(row: Row, entries: tuple[Entry, ...], content: Material) -> Line:
    return Line(label(row), title_of(row), entries, cites=content.cites_of_method(row.name))


def _entries(one: Measured, metric: str, content: Material) -> list[Entry]:
    """Make a column: an entry for each of the rows shown."""
    options = content.options
    summaries = one.summaries[metric]
    places = decimals([s.mean for s in summaries], options.digits)
    found = []
    for row, summary in zip((*one.rows, *one.beside), summaries):
        count = one.scored(row, metric)
        if count < one.images:
            found.append(Entry(f"{count}/{one.images}" if count else ""))
        elif not summary.n:
            found.append(Entry(infinite(summary.mean)))
        else:
            text = number(summary.mean, places) + (f" (n={summary.n})" if summary.n < one.images else "")
            spread = number(summary.sd, places) if options.sd and not math.isnan(summary.sd) else ""
            found.append(Entry(text, summary.mean, spread))
    if one.scores.metrics[metric] and len(one.entered) > 1:
        ranked = found[: len(one.rows)]
        marked = _by_test(one, metric, ranked) if options.mark == "significance" else _by_mean(one, metric, ranked)
        found = marked + found[len(one.rows) :]
    return found + [Entry(f"{sum(metric in s for s in row.scores.values())}/{row.total}") for row in one.partial]


def _by_mean(one: Measured, metric: str, entries: list[Entry]) -> list[Entry]:
    """Mark the best and the second mean, and give a sign to others that are not shown to differ from the best."""
    comparison = one.comparisons[metric]
    return _marked(one, metric, entries, {entries[comparison.best].text} if comparison.best is not None else set())


def _by_test(one: Measured, metric: str, entries: list[Entry]) -> list[Entry]:
    """Mark as best all that are not shown to differ from it, and as second the best of the rest."""
    return _marked(one, metric, entries, {e.text for e, alike in zip(entries, one.comparisons[metric].shared) if alike})


def _marked(one: Measured, metric: str, entries: list[Entry], best: set[str]) -> list[Entry]:
    """Mark what is printed as one of `best`, and the best of the rest. What looks the same is marked the same."""
    comparison, compared = one.comparisons[metric], one.scores.compared(metric)
    if compared.sum() < 2:
        return entries
    alike = {e.text for e, is_alike in zip(entries, comparison.shared) if is_alike} - best
    direction = one.scores.metrics[metric]
    rest = [e for e, is_compared in zip(entries, compared) if is_compared and e.text not in best]
    second = max(rest, key=lambda e: direction * e.value).text if rest else None
    return [
        replace(
            e,
            mark=BEST if e.text in best else SECOND if e.text == second else "",
            sign=ALIKE if e.text in alike else "",
        )
        if is_compared
        else e
        for e, is_compared in zip(entries, compared)
    ]


def _explanation(measured: Sequence[Measured], content: Material) -> str:
    several = any(len(one.entered) > 1 for one in measured)
    if not several or not any(one.ranked for one in measured):
        return ""
    tested = [one for one in measured if any(c.possible and len(c.p) > 1 for c in one.comparisons.values())]
    parts = ["Mean ± standard deviation over images." if content.options.sd else "Means over images."]
    test = f"means of all pairs of methods tested together by random signs, α = {ALPHA:g}"
    if not tested:
        units = " or ".join(dict.fromkeys(f"{one.scores.unit}s" for one in measured))
        parts.append(f"Bold: best mean; underlined: second best. Too few {units} for a test.")
    elif content.options.mark == "significance":
        parts.append(
            f"Bold: the best and all that are not shown to differ from it ({test}); underlined: the best of the rest."
        )
    else:
        parts.append(
            f"Bold: best mean; underlined: second best; {ALIKE}\u00a0not shown to differ from the best ({test})."
        )
    return " ".join(parts)


def alike(tests: Iterable[Comparison | Friedman], unit: str) -> list[str]:
    """Say in a line, where neighbouring images are alike, how many independent ones tell as much."""
    numbers = [test.number for test in tests if test.number < 0.9 * test.units]
    if not numbers:
        return []
    least, most = round(min(numbers)), round(max(numbers))
    return [
        f"Neighbouring {unit}s are alike: in tests they count as {least}{f' to {most}' * (least < most)} independent"
        " ones."
    ]


def _notes(one: Measured) -> list[str]:
    """Return the lines below a table: the unit of the tests, rows that are not complete, and marks used."""
    found = []
    if len(one.entered) > 1 and one.ranked:
        units = {c.units for c in one.comparisons.values() if c.best is not None}
        count = max(units, default=one.scores.units)
        what = f"Unit of tests and intervals: the {one.scores.unit} ({count})."
        if one.scores.unit == "scene":
            what = f"Unit of tests and intervals: the scene ({count} scenes, {one.images} images)."
        found.append(what)
        found += alike(one.comparisons.values(), one.scores.unit)
        if untested := [m for m, c in one.comparisons.items() if c.best is not None and not c.possible]:
            which = "" if len(untested) == len(one.comparisons) else f" in {', '.join(untested)}"
            found.append(
                f"Not tested{which}, since that takes {FEWEST} independent {one.scores.unit}s:"
                " only the best mean is bold."
            )
    if references_ := [called(row) for row in one.shown if row.cell.method in one.references]:
        found.append(f"For reference, in no rank or test: {', '.join(references_)}")
    if one.missing:
        names = [name.partition("+")[0] for name in one.missing]
        saved = " --output minmax" * (one.output == "minmax")
        found.append(
            f"No results of the simple baselines {', '.join(one.missing)}: bench run --methods {','.join(names)}{saved}"
        )
    for row in (*one.rows, *one.beside):
        for metric in one.scores.metrics:
            count = one.scored(row, metric)
            if 0 < count < one.images:
                found.append(f"{called(row)}: {metric} partial {count}/{one.images}")
    for metric in one.scores.metrics:
        for row, summary in zip((*one.rows, *one.beside), one.summaries[metric]):
            if one.scored(row, metric) == one.images:
                found += lacking(row, metric, summary.n, summary.infinite, one.images)
    found += [f"{called(row)}: {row.state}" for row in (*one.partial, *one.absent)]
    if one.common:
        found += [f"{called(row)}: {row.state}" for row in one.rows if not row.done]
    if any(row.preliminary for row in (*one.shown, *one.absent)):
        found.append(PRELIMINARY_NOTE)
    return [*found, *one.caveats, *saving_notes(one.shown), *remarks(one.shown)]
