"""Write a comparison of two sets of results as text, Markdown, LaTeX, HTML, CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import asdict, dataclass

from benchmark.names import printable
from benchmark.report.changes import Change, Comparison
from benchmark.report.formats import csv as report_csv
from benchmark.report.formats import html, latex, markdown
from benchmark.report.material import Options
from benchmark.report.measured import decimals
from benchmark.report.tabular import BEST, Column, Entry, Grid, Line, counted, key, unique
from benchmark.report.terminal import ARROWS
from benchmark.report.titles import PLAIN, Titles, symbol
from benchmark.statistics import ALPHA, FEWEST

_SIGNS = {"better": "▲", "worse": "▼", "different": "◆"}


@dataclass(frozen=True)
class _Sheet:
    """What formats need of a `Content` to draw tables."""

    grids: list[Grid]
    options: Options
    references: tuple[str, ...] = ()


def render(found: Comparison, a: str, b: str, kind: str, titles: Titles = PLAIN) -> str:
    """Write `found`. titles: what the user calls things. kind: "text", "markdown", "latex", "html", "csv" or "json"."""
    if kind == "json":
        facts, notes = (list(map(printable, lines)) for lines in (found.facts, found.notes))
        content = {"changes": list(map(_plain, found.changes)), "facts": facts, "notes": notes}
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    if kind == "csv":
        return _csv(found.changes)
    sheet = _Sheet(_grids(found, a, b, titles), Options())
    if kind == "text":
        return _text(sheet.grids)
    return {"markdown": markdown, "latex": latex, "html": html}[kind].render(sheet)


def _plain(change: Change) -> dict:
    found = asdict(change)
    for name, value in found.items():
        if isinstance(value, str):
            found[name] = printable(value)
        elif isinstance(value, float) and not math.isfinite(value):
            found[name] = None
    return found


def _csv(changes: list[Change]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(Change.__dataclass_fields__), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _in_csv(value) for name, value in _plain(change).items()} for change in changes)
    return out.getvalue()


def _in_csv(value):
    if isinstance(value, str):
        return report_csv.text(value)
    return "" if value is None else value


def _grids(found: Comparison, a: str, b: str, titles: Titles) -> list[Grid]:
    called = titles.of_methods((label, *names) for label, names in found.methods.items())
    places: dict[tuple[str, ...], list[Change]] = {}
    for change in found.changes:
        place = (change.dataset, change.split, change.protocol, change.method_a, change.method_b)
        places.setdefault(place, []).append(change)
    grids = [
        _grid(*group, called, titles)
        for group in places.items()
        if any(change.verdict != "same" for change in group[1])
    ]
    counts = {word: sum(change.verdict == word for change in found.changes) for word in _VERDICTS}
    summary = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    meanings = [f"{word}: {meaning}" for word, meaning in _MEANINGS.items() if counts[word]]
    last = Grid("summary", f"A = {a}, B = {b}: {summary}", (), (), notes=(*meanings, *found.facts, *found.notes))
    return unique([*grids, last])


_VERDICTS = ("better", "worse", "different", "not shown", "too few", "same")
_MEANINGS = {
    "not shown": "no significant difference, which does not show that there is none",
    "too few": f"fewer than {FEWEST} independent images or scenes, which is too few to test",
}


def _grid(place: tuple[str, ...], changes: list[Change], called: dict[str, str], titles: Titles) -> Grid:
    dataset, split, protocol, method_a, method_b = place
    who = called[method_a] if method_a == method_b else f"{called[method_a]} → {called[method_b]}"
    first = changes[0]
    units = "" if first.unit == "image" else f" in {counted(first.units, 'scene')}"
    heads = ("A", "B", "B − A", "95 % interval", "p", "changed", "verdict")
    return Grid(
        key=key("compare", *place),
        title=f"{titles.place(dataset, split, counted(max(c.images for c in changes), 'image'))}{units},"
        f" protocol {titles.protocol(protocol)}: {who}",
        columns=tuple(map(Column, heads)),
        lines=tuple(map(_line, changes)),
        corner="metric",
    )


def _line(change: Change) -> Line:
    places = decimals([change.mean_a, change.mean_b], None)
    finer = max(places, decimals([change.difference], 4))
    entries = (
        Entry(f"{change.mean_a:.{places}f}", change.mean_a),
        Entry(f"{change.mean_b:.{places}f}", change.mean_b),
        Entry(f"{change.difference:+.{finer}f}", change.difference),
        Entry("" if math.isnan(change.low) else f"{change.low:+.{finer}f} … {change.high:+.{finer}f}"),
        Entry(_p(change.p), change.p),
        Entry(f"{change.changed}/{change.images}"),
        Entry(f"{_SIGNS.get(change.verdict, '')} {change.verdict}".strip(), mark=BEST * (change.verdict in _SIGNS)),
    )
    name = f"{change.metric} {ARROWS[change.direction]}".strip()
    return Line(name, name, entries, symbol=symbol(change.metric))


def _p(p: float) -> str:
    """Print three decimals; four where three do not tell on which side of alpha p is."""
    if math.isnan(p):
        return ""
    return "<0.001" if p < 0.001 else f"{p:.3f}" if round(p, 3) != ALPHA else f"{p:.4f}"


def _text(grids: list[Grid]) -> str:
    """Draw the tables for the terminal."""
    import sys

    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    out = io.StringIO()
    console = Console(file=out, highlight=False, width=1000, force_terminal=sys.stdout.isatty())
    for grid in grids:
        console.print(Text(grid.title))
        if grid.lines:
            table = Table(grid.corner, box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
            for column in grid.columns[:-1]:
                table.add_column(column.head, justify="right", no_wrap=True)
            table.add_column(grid.columns[-1].head)
            for line in grid.lines:
                table.add_row(Text(line.name), *(Text(e.text, "bold" if e.mark else "") for e in line.entries))
            console.print(table)
            console.print()
        for note in grid.notes:
            console.print(Text(note), soft_wrap=True)
    return out.getvalue()
