"""Print tables on the terminal.

The best value of a column is bold and the second underlined. Simple baselines stand above a line and are neither. Ranks
go by what is printed: values that look the same rank the same. Where a metric is undefined or infinite for some images,
the mean says over how many it is. It is ranked where no other row has more: what no row has is left out, as reports do.
Reports, not these tables, say whether differences are significant.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from benchmark import progress
from benchmark.names import printable, short_labels
from benchmark.report.training_overlap import caveats
from benchmark.store import saved, told
from benchmark.store.summary import NAIVE, Row, Table

UNDEFINED = "—"
INFINITE = "∞"
REASONS = 2  # of those why a metric is undefined, that a line gives
ARROWS = {1: "↑", -1: "↓", 0: ""}
PRELIMINARY = "†"
PRELIMINARY_MEANING = "preliminary checkpoint, shipped to show that the method runs"
PRELIMINARY_NOTE = f"{PRELIMINARY} {PRELIMINARY_MEANING}."


@dataclass(frozen=True)
class Entry:
    """One place of a table on the terminal (`tabular.Entry` is one of a report). rank: 1 best, 2 second, else 0."""

    text: str
    rank: int = 0


def entries(table: Table) -> list[list[Entry]]:
    """Make the places of a table: a list for each row of `table.rows`, with an entry per metric."""
    columns = [_column([row.values.get(m) for row in table.rows], table, m) for m in table.metrics]
    return [list(row) for row in zip(*columns)] if columns else [[] for _ in table.rows]


def _column(values: Sequence, table: Table, metric: str) -> list[Entry]:
    means = [abs(v.mean) for v in values if v is not None and math.isfinite(v.mean)]
    # Four digits of the largest value.
    decimals = min(6, max(0, 3 - math.floor(math.log10(max(means))))) if means and max(means) > 0 else 4
    texts = [_text(value, row.total, decimals) for value, row in zip(values, table.rows)]
    compared = _compared(values, table.rows, metric)
    # By what is printed, less the number of images.
    ranked = {texts[i]: float(texts[i].partition(" ")[0]) for i in compared}
    best = sorted(set(ranked.values()), reverse=table.metrics[metric] > 0)[:2] if table.metrics[metric] else []
    rank = {text: best.index(number) + 1 for text, number in ranked.items() if number in best}
    return [Entry(text, rank.get(text, 0) if i in compared else 0) for i, text in enumerate(texts)]


def _compared(values: Sequence, rows: Sequence[Row], metric: str) -> list[int]:
    """Return which rows are ranked: those of the table's output with a finite value on every image where any of them
    has one (the rule of `statistics.Scores.compared`), but simple baselines. None where there is but one."""
    finite = [
        {id for id, of in row.scores.items() if math.isfinite(of.get(metric, math.nan))} if _enters(row) else set()
        for row in rows
    ]
    all_ids = set().union(*finite)
    found = [i for i, ids in enumerate(finite) if ids and ids == all_ids and values[i] is not None]
    return found if len(found) > 1 else []


def _enters(row: Row) -> bool:
    return not row.apart and row.name not in NAIVE


def _text(value, total: int, decimals: int) -> str:
    if value is None:
        return ""
    if value.n == 0:
        return infinite(value.mean) if value.infinite else UNDEFINED
    text = f"{value.mean:.{decimals}f}"
    return text if value.n == total else f"{text} (n={value.n})"


def infinite(value: float) -> str:
    """The sign of a value that is not finite; UNDEFINED for nan, as of infinities of both signs."""
    return UNDEFINED if math.isnan(value) else "−" * (value < 0) + INFINITE


def title(table: Table) -> str:
    pairs = f"{table.total} pair{'s' * (table.total != 1)}" if table.rows else "nothing complete"
    return printable(f"{table.dataset}, split {table.split}, {pairs}, {under(table.protocol, table.output)}")


def under(protocol: str, output: str) -> str:
    """Say what is compared: the protocol, and the output where it is not the common one."""
    return f"protocol {protocol}" + (f", {output} output" if output != "raw" else "")


def label(row: Row) -> str:
    """Return the label, as commands know it, with its marks."""
    return printable(row.cell.method) + signs(row.preliminary, row.remark)


def called(row: Row) -> str:
    """Return what lines call a method, with its marks."""
    return printable(row.shown or row.cell.method) + signs(row.preliminary, row.remark)


def _shortened(tables: Iterable[Table]) -> list[Table]:
    """Return the tables with rows called by their labels without hashes, where that tells them apart; simple baselines
    first."""
    tables = [replace(one, rows=sorted(one.rows, key=lambda row: row.name not in NAIVE)) for one in tables]
    short = short_labels(row.cell.method for table in tables for row in (*table.rows, *table.others))

    def called_short(rows):
        return [replace(row, shown=short[row.cell.method]) for row in rows]

    return [replace(one, rows=called_short(one.rows), others=called_short(one.others)) for one in tables]


def title_of(row: Row) -> str:
    """Return the title, as papers print it, with its mark."""
    return printable(row.title or row.cell.method) + signs(row.preliminary, row.remark)


def signs(preliminary: bool, remark: str) -> str:
    """Return the marks behind a name. remark: on how it was saved."""
    return PRELIMINARY * preliminary + saved.SIGN * bool(remark)


def saving_notes(rows: Iterable[Row]) -> list[str]:
    """Say how the marked rows were saved."""
    return saved.notes([(printable(row.shown or row.cell.method), row.remark) for row in rows])


def notes(table: Table) -> list[str]:
    """Return the lines below a table: rows and metrics that are not complete, and marks used."""
    lines = [f"{called(row)}: {row.state}" for row in table.others]
    for row in table.rows:
        lines += [
            f"{called(row)}: {metric} partial {count}/{row.total}"
            for metric, count in row.incomplete.items()
            if metric in table.metrics
        ]
        for metric, value in row.values.items():
            if metric in table.metrics:
                lines += lacking(row, metric, value.n, value.infinite, row.total)
    if any(row.preliminary for row in (*table.rows, *table.others)):
        lines.append(PRELIMINARY_NOTE)
    lines += saving_notes((*table.rows, *table.others))
    return list(map(printable, lines))


def lacking(row: Row, metric: str, finite: int, infinite: int, total: int) -> list[str]:
    """What must be said of a metric that has no finite value for some of the images, and why it is undefined."""
    lines = []
    if undefined := total - finite - infinite:
        kinds = sorted(told.alike(row.reasons.get(metric, ())), key=lambda kind: -kind[1])
        why = [reason for reason, _ in kinds[:REASONS]]
        if more := len(kinds) - len(why):
            why.append(f"and {more} other reason{'s' * (more != 1)}")
        reasons = f": {'; '.join(why)}" if why else ""
        lines.append(f"{called(row)}: {metric} is undefined for {undefined} of {total} images{reasons}")
    if infinite:
        of = f"; the mean is of the other {finite}" if finite else ""
        lines.append(f"{called(row)}: {metric} is infinite for {infinite} of {total} images{of}")
    return lines


def remarks(rows: Sequence[Row], partial: Sequence[Row] = ()) -> list[str]:
    """What is told of the images of a split: of the sources once, of what each method made under its name."""
    everything: dict[str, dict[str, None]] = {}
    for row in (*rows, *partial):
        for id, facts in told.of_sources(row.told).items():
            everything.setdefault(id, {}).update(dict.fromkeys(facts))
    total = max((row.total for row in (*rows, *partial)), default=0)
    lines = told.in_all({id: tuple(facts) for id, facts in everything.items()}, total)
    for row in (*rows, *partial):
        lines += [f"{called(row)}: {line}" for line in told.in_all(told.of_fused(row.told), row.total)]
    return list(map(printable, lines))


def _remarks(table: Table) -> list[str]:
    partial = [row for row in table.others if row.state.startswith("partial")]
    return [*caveats(table.dataset, table.split, (*table.rows, *partial)), *remarks(table.rows, partial)]


def _as_events(tables: Iterable[Table]) -> None:
    """Say what tables hold, an event for each row and one for each note."""
    for table in tables:
        of = {"dataset": table.dataset, "split": table.split, "protocol": table.protocol}
        for row in table.rows:
            scores = {
                name: {"mean": value.mean, "sd": value.sd, "n": value.n}
                for name in table.metrics
                if (value := row.values.get(name)) is not None
            }
            about = {"title": row.title, "state": row.state, "pairs": row.total, "scores": scores}
            about |= {"output": row.saved.output, "ranked": _enters(row)}
            progress.answer(None, **of, method=row.cell.method, **about)
        for row in table.others:
            progress.answer(None, **of, method=row.cell.method, state=row.state, pairs=row.total, scores={})
        for note in notes(table):
            progress.answer(note, "note", **of)
        for note in _remarks(table):
            progress.answer(note, "told", **of)


def show(tables: Iterable[Table]) -> None:
    """Print tables to stdout. Where that is no terminal, there is no bold: best and second are marked ¹ and ²."""
    import sys

    if progress.is_json():
        _as_events(tables)
        return

    from rich import box
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    # The width is ample: a number cut off at the edge of the window would be a wrong one.
    console = Console(file=sys.stdout, highlight=False, width=1000)
    styled = console.is_terminal
    said: set[tuple[str, str, str]] = set()
    for table in _shortened(tables):
        console.print()
        console.print(Text(title(table)))
        if table.rows:
            grid = Grid("method", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
            for metric, direction in table.metrics.items():
                grid.add_column(_head(metric, direction), justify="right", no_wrap=True)
            for row, after, places in zip(table.rows, (*table.rows[1:], None), entries(table)):
                last = row.name in NAIVE and after is not None and after.name not in NAIVE
                grid.add_row(
                    Text(called(row)),
                    *(_styled(place) if styled else _marked(place) for place in places),
                    end_section=last,
                )
            console.print(grid)
            if not styled and any(place.rank for places in entries(table) for place in places):
                console.print(Text("¹ best, ² second"))
        for note in notes(table):
            console.print(Text(note), soft_wrap=True)
        for note in _remarks(table):  # the same under every protocol
            place = table.dataset, table.split, note
            if place not in said:
                console.print(Text(note), soft_wrap=True)
            said.add(place)


def show_protocols(tables: Sequence[Table]) -> None:
    """Print one method under several protocols to stdout: a row per protocol, blank where it lacks the metric."""
    import sys

    if progress.is_json():
        _as_events(tables)
        return

    from rich import box
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False, width=1000)
    tables = _shortened(tables)
    metrics = {metric: direction for table in tables for metric, direction in table.metrics.items()}
    done = [(table, row) for table in tables for row in table.rows]
    if done:
        table, row = done[0]
        heading = f"{called(row)}, {table.dataset}, split {table.split}, {table.total} pair{'s' * (table.total != 1)}"
        console.print()
        console.print(Text(printable(heading)))
        grid = Grid("protocol", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
        for metric, direction in metrics.items():
            grid.add_column(_head(metric, direction), justify="right", no_wrap=True)
        for table, row in done:
            texts = [_significant(row.values.get(metric), row.total) for metric in metrics]
            grid.add_row(Text(printable(table.protocol)), *texts)
        console.print(grid)
    for table in tables:
        for note in notes(table):
            console.print(Text(f"{printable(table.protocol)}: {note}"), soft_wrap=True)
    for note in dict.fromkeys(note for table in tables for note in _remarks(table)):
        console.print(Text(note), soft_wrap=True)


def _significant(value, total: int) -> str:
    """Print four digits of a mean that stands by itself."""
    size = abs(value.mean) if value is not None and math.isfinite(value.mean) else 0
    return _text(value, total, min(6, max(0, 3 - math.floor(math.log10(size)))) if size else 4)


def show_listing(head: Sequence[str], rows: Iterable[Sequence[str]], aligned: bool = False) -> None:
    """Print rows of text under a head, to stdout: in columns on a terminal, elsewhere separated by tabs, for programs.

    aligned: in columns in either case. Where events are asked for, each row is one, which names its `columns`.
    """
    import sys

    rows = [[*map(printable, row)] for row in rows]
    if progress.is_json():
        for row in rows:
            progress.answer(None, "row", columns=dict(zip(head, row)))
        return
    if not (aligned or _is_terminal(sys.stdout)):
        for row in (map(printable, head), *rows):
            print("\t".join(row))
        return

    from rich import box
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False)
    if not console.is_terminal:
        console = Console(file=sys.stdout, highlight=False, width=1000)
    grid = Grid(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in head:
        grid.add_column(Text(printable(name)), overflow="fold")  # wrapped, never cut
    for row in rows:
        grid.add_row(*map(Text, row))
    console.print(grid)


def _is_terminal(stream) -> bool:
    from rich.console import Console

    return Console(file=stream).is_terminal


def _head(metric: str, direction: int):
    """Of a column. As Text, since rich reads markup in what is plain."""
    from rich.text import Text

    return Text(printable(f"{metric} {ARROWS[direction]}".strip()))


def _styled(place: Entry):
    from rich.text import Text

    return Text().append(place.text, {1: "bold", 2: "underline"}.get(place.rank))  # padding stays plain


def _marked(place: Entry) -> str:
    return place.text + {1: "¹", 2: "²"}.get(place.rank, " ")
