"""Markdown, as GitHub reads it."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.report.content import Content
from benchmark.report.tabular import BEST, SECOND, Entry, Grid, typeset
from benchmark.report.titles import Symbol

ORDER = 30
FILE = "report.md"


def render(content: Content) -> str:
    return "\n".join(part for grid in content.grids for part in _grid(grid))


def _grid(grid: Grid) -> list[str]:
    parts = [f"### {_escape(grid.title)}", ""]
    if grid.lines:
        heads = [f"{_escape(c.group)} {typeset(c, c.head, _symbol, _escape)}".strip() for c in grid.columns]
        parts += [_pipes([grid.corner, *heads]), _pipes(["---", *["---:"] * len(heads)])]
        parts += [
            _pipes([typeset(line, line.title, _symbol, _escape), *map(_entry, line.entries)]) for line in grid.lines
        ]
        parts.append("")
    if grid.explanation:
        parts += [_escape(grid.explanation), ""]
    if grid.notes:
        parts += [*(f"- {_escape(note)}" for note in grid.notes), ""]
    return parts


def _symbol(found: Symbol) -> str:
    return found.html


def _pipes(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _entry(entry: Entry) -> str:
    text = _escape(entry.text)
    text = {BEST: f"**{text}**", SECOND: f"<u>{text}</u>"}.get(entry.mark, text)
    text += entry.sign
    return f"{text} ± {entry.spread}" if entry.spread else text


def _escape(text: str) -> str:
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#&$~" else c for c in text)
