"""HTML: the tables on one page without scripts, to look at or to paste from."""

from __future__ import annotations

from html import escape

from benchmark.report.content import Content
from benchmark.report.tabular import BEST, SECOND, Entry, Grid, Line, typeset
from benchmark.report.titles import Symbol

ORDER = 40
FILE = "report.html"

_HEAD = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>mmif-bench</title>
<style>
:root { color-scheme: light dark; --equal: light-dark(#00704f, #3cd0a0); --near: light-dark(#005c94, #69b9f0);
  --far: light-dark(#b34700, #f0904f); }
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.5rem; }
figure { margin: 0 0 2.5rem; overflow-x: auto; }
figcaption { font-weight: 600; margin-bottom: .5rem; }
table { border-collapse: collapse; border-block: 2px solid; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .6rem; text-align: right; white-space: nowrap; font-weight: normal; }
th:first-child { text-align: left; }
thead th { font-weight: 600; }
thead tr:last-child th, tr.rule > * { border-bottom: 1px solid; }
tr.rule > * { border-bottom: 0; border-top: 1px solid; }
th.group { text-align: center; border-bottom: 1px solid; }
.best { font-weight: 700; }
.second { text-decoration: underline; }
.sign { position: absolute; }
.equal { color: var(--equal); } .near { color: var(--near); } .far { color: var(--far); }
.notes { font-size: 85%; margin: .4rem 0 0; }
</style>
</head>
<body>
"""


def render(content: Content) -> str:
    return _HEAD + "\n".join(map(_figure, content.grids)) + "\n</body>\n</html>\n"


def _figure(grid: Grid) -> str:
    parts = [f'<figure id="{grid.key}">', f"<figcaption>{escape(grid.title)}</figcaption>"]
    if grid.lines:
        parts += ["<table>", "<thead>", *_heads(grid), "</thead>", "<tbody>"]
        parts += [*map(_row, grid.lines), "</tbody>", "</table>"]
    notes = [grid.explanation] if grid.explanation else []
    parts += [f'<p class="notes">{escape(note)}</p>' for note in (*notes, *grid.notes)]
    return "\n".join([*parts, "</figure>"])


def _heads(grid: Grid) -> list[str]:
    rows = []
    if groups := grid.groups:
        cells = "".join(map(_group, *zip(*groups)))
        rows.append(f"<tr><td></td>{cells}</tr>")
    heads = "".join(f'<th scope="col">{typeset(column, column.head, _symbol, escape)}</th>' for column in grid.columns)
    return [*rows, f'<tr><th scope="col">{escape(grid.corner)}</th>{heads}</tr>']


def _symbol(found: Symbol) -> str:
    return found.html


def _group(name: str, width: int) -> str:
    if not name:
        return f'<td colspan="{width}"></td>'
    return f'<th class="group" scope="colgroup" colspan="{width}">{escape(name)}</th>'


def _row(line: Line) -> str:
    start = '<tr class="rule">' if line.rule else "<tr>"
    title = f'<th scope="row" title="{escape(line.name)}">{typeset(line, line.title, _symbol, escape)}</th>'
    return f"{start}{title}{''.join(map(_cell, line.entries))}</tr>"


def _cell(entry: Entry) -> str:
    text, behind = escape(entry.text), f'<span class="sign">{entry.sign}</span>' if entry.sign else ""
    if entry.spread:
        behind = f"{entry.sign} ± {entry.spread}"
    mark = {BEST: "best", SECOND: "second"}.get(entry.mark, "")
    if mark and behind:  # only the mean is marked
        text, mark = f'<span class="{mark}">{text}</span>', ""
    classes = " ".join(filter(None, (mark, entry.tone)))
    return f'<td class="{classes}">{text}{behind}</td>' if classes else f"<td>{text}{behind}</td>"
