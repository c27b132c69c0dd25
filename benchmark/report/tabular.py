"""Tables as every format draws them: what stands where, and how it is marked.

Texts may hold names that come from anywhere: what cannot be printed is written as its code here, once for all formats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from benchmark.names import printable
from benchmark.report.terminal import ARROWS, UNDEFINED
from benchmark.report.titles import Symbol

BEST, SECOND = "best", "second"
ALIKE = "°"  # behind what a test does not show to differ from the best


class _Printable:
    """What has texts, each of them printable."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, str) and not value.isprintable():
                object.__setattr__(self, name, printable(value))


@dataclass(frozen=True)
class Entry(_Printable):
    """One place of a `Grid` (`terminal.Entry` is one of a table on the terminal).

    text: as it is printed. value: the number behind it, None where there is none. spread: what stands behind ±. mark:
    BEST, SECOND or "", of the text alone. sign: ALIKE or "", raised behind the text. tone: "equal", "near" or "far",
    each drawn in a colour, or "".
    """

    text: str = ""
    value: float | None = None
    spread: str = ""
    mark: str = ""
    sign: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Column(_Printable):
    """A column of a `Grid`. direction: +1 higher is better, -1 lower is better, 0 neither. group: a head over the
    column and its neighbours of the same group. cites: keys of the references for it. symbol: how the name is typeset,
    None for as it is."""

    name: str
    direction: int = 0
    group: str = ""
    cites: tuple[str, ...] = ()
    symbol: Symbol | None = None

    @property
    def head(self) -> str:
        return f"{self.name} {ARROWS[self.direction]}".strip()


@dataclass(frozen=True)
class Line(_Printable):
    """A row of a `Grid`, with an entry per column. name: as commands know it. title: as papers print it. rule: draw a
    line above. cites: keys of the references for it. symbol: how the title begins, as of a column."""

    name: str
    title: str
    entries: tuple[Entry, ...]
    rule: bool = False
    cites: tuple[str, ...] = ()
    symbol: Symbol | None = None


@dataclass(frozen=True)
class Grid(_Printable):
    """A table of a report (a grid of images is in `figures.image_grid`).

    key: unique in a report, short, of letters, digits and hyphens. title: what is shown, one line. explanation:
    sentences on how to read it. notes: shown below, one line each. corner: the head of the first column. wide: whether
    it goes over both columns of a paper. cites: keys of the references for it.
    """

    key: str
    title: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    explanation: str = ""
    notes: tuple[str, ...] = ()
    corner: str = "method"
    wide: bool = False
    cites: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "notes", tuple(map(printable, self.notes)))

    @property
    def groups(self) -> list[tuple[str, int]]:
        """Return the groups of the columns in order, each with its number of columns; empty where no column has one."""
        found: list[tuple[str, int]] = []
        for column in self.columns:
            if found and found[-1][0] == column.group:
                found[-1] = (column.group, found[-1][1] + 1)
            else:
                found.append((column.group, 1))
        return found if any(name for name, _ in found) else []


def typeset(one: Column | Line, text: str, draw: Callable[[Symbol], str], escape: Callable[[str], str]) -> str:
    """Return `text` as a format shows it, its symbol drawn. text: the head of a column or the title of a line."""
    if one.symbol is None:
        return escape(text)
    _, space, rest = text.partition(" ")
    return f"{draw(one.symbol)}{space}{escape(rest)}"


def number(value: float, decimals: int) -> str:
    """Print a number, never as -0.0, and nan as UNDEFINED."""
    if value != value:
        return UNDEFINED
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text


def counted(count: int, noun: str) -> str:
    """Return "1 pair", "3 pairs"."""
    return f"{count} {noun}{'s' * (count != 1)}"


def key(*parts: str) -> str:
    """Make a key of letters, digits and hyphens; a letter of another script stands as its code."""
    text = "-".join(parts)
    return "".join(_in_key(c) for c in text).strip("-").lower()


def _in_key(c: str) -> str:
    if not c.isalnum():
        return "-"
    return c if c.isascii() else f"u{ord(c):x}"


def unique(grids: Sequence[Grid]) -> list[Grid]:
    """Return the grids with a number behind each key that an earlier one has."""
    found: dict[str, Grid] = {}
    for grid in grids:
        name, number = grid.key, 2
        while name in found:
            name, number = f"{grid.key}-{number}", number + 1
        found[name] = grid if name == grid.key else replace(grid, key=name)
    return list(found.values())
