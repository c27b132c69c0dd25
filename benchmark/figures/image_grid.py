"""Draw grids of images, as papers print them: a row per image pair, a column per method, with enlarged crops.

Also maps of the difference between a fused image and a source or another method.

All is placed by hand, in inches and on one axes: the size of everything is known, and many axes take long to draw.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from benchmark.errors import UserError
from benchmark.figures import lettering, style
from benchmark.figures.enlarged import Crop, Scene

FRAMES = ("#E69F00", "#56B4E9")  # of the first crop and of the second
INSET = 0.45  # side of an inset as a share of the picture's
LINE = style.LINE
GAP = 0.02  # inches between pictures
SEEN = 0.3  # inches: narrower pictures show nothing, and go on in another line
NARROWEST = 0.14  # inches: where a number would be wider than its picture
LENGTHS_TURNED = (0.5, 0.65, 0.8, 0.95)  # inches that titles may take which stand upright
TALLEST = 200  # inches that a PNG can hold

_PARTS = re.compile(r"\s*(?:[^\s-]+-*|-+)")  # words, and parts of words up to a hyphen, with the space before


@dataclass(frozen=True)
class GridRow:
    """A pair in a grid of images.

    pictures: column -> uint8 (H, W) or (H, W, 3), all of one size, sources first. missing: column -> why it has no
    picture, in a few words. crops: what is enlarged, at most two. scene: what insets should not hide; None where no
    crop is drawn inside.
    """

    id: str
    pictures: dict[str, np.ndarray]
    missing: dict[str, str] = field(default_factory=dict)
    crops: Sequence[Crop] = ()
    scene: Scene | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Return height and width of its pictures."""
        return next(iter(self.pictures.values())).shape[:2]


def qualitative(
    plt,
    rows: Sequence[GridRow],
    titles: Mapping[str, str],
    width: float = style.PAGE,
    zoom: str = "inside",
    columns: int | None = None,
):
    """Draw the grid. A picture that a row lacks is a hatched field with the reason.

    titles: column -> title, in the order of the columns. width: of the figure, in inches. zoom: "inside" or "below" the
    picture. columns: pictures side by side; where there are more, all rows go on below. As many as can be seen if None.
    Raises UserError where `columns` do not fit.
    """
    sheet = _Sheet(plt, rows, titles, width, columns)
    below = [_panes(row, sheet.picture) if zoom == "below" else [] for row in rows]
    sheet.lay_out([max((y + h for _, y, _, h in panes), default=0) for panes in below])
    for row, panes in zip(rows, below):
        insets = _insets(row) if zoom == "inside" else []
        for column, (x, y, w, h) in sheet.places(row):
            picture = row.pictures.get(column)
            if picture is None:
                sheet.hatch(row, column, x, y, w, h + max((top + tall for _, top, _, tall in panes), default=0))
                continue
            sheet.show(picture, x, y, w, h)
            pixel = w / picture.shape[1]
            for crop, colour in zip(row.crops, FRAMES):
                corner = x + crop.x * pixel, y + crop.y * pixel
                sheet.frame(*corner, crop.width * pixel, crop.height * pixel, colour)
            for crop, place, colour in zip(row.crops, insets, FRAMES):
                spot = x + place.x * pixel, y + place.y * pixel, place.width * pixel, place.height * pixel
                sheet.show(crop.of(picture), *spot, interpolation="nearest", above=True)
                sheet.frame(*spot, colour)
            for crop, (left, top, wide, tall), colour in zip(row.crops, panes, FRAMES):
                spot = x + left, y + h + top, wide, tall
                sheet.show(crop.of(picture), *spot, interpolation="nearest")
                sheet.frame(*spot, colour)
    return sheet.figure


def differences(
    plt,
    rows: Sequence[GridRow],
    titles: Mapping[str, str],
    reference: str,
    width: float = style.PAGE,
    columns: int | None = None,
):
    """Draw every other column minus `reference`, in grey levels: blue is darker, red is brighter, one scale for all.

    Pictures are uint8 (H, W). reference: a column that every row has. The rest as for `qualitative`.
    """
    others = {column: title for column, title in titles.items() if column != reference}
    maps = [
        {c: row.pictures[c].astype(np.int16) - row.pictures[reference] for c in others if c in row.pictures}
        for row in rows
    ]
    limit = max(1, max((float(np.quantile(np.abs(x), 0.995)) for found in maps for x in found.values()), default=0))
    sheet = _Sheet(plt, rows, others, width, columns, free=0.46)
    sheet.notes.append(f"difference to {titles[reference]} in grey levels")
    sheet.lay_out([0] * len(rows))
    image = None
    for row, found in zip(rows, maps):
        for column, place in sheet.places(row):
            if column in found:
                image = sheet.show(found[column], *place, cmap="RdBu_r", limits=(-limit, limit))
            else:
                sheet.hatch(row, column, *place)
    if image is not None:
        sheet.scale(image)
    return sheet.figure


def _panes(row: GridRow, width: float) -> list[tuple[float, float, float, float]]:
    """Return x, y, width and height in inches of each crop below a picture, side by side and equally high.

    x and y count from the picture's lower left corner. A tall crop is no higher than the picture.
    """
    if not row.crops:
        return []
    inner = width - GAP * (len(row.crops) - 1)
    shares = [crop.width / crop.height for crop in row.crops]
    height = min(inner / sum(shares), width * row.shape[0] / row.shape[1])
    x = (inner - height * sum(shares)) / 2
    found = []
    for share in shares:
        found.append((x, GAP, height * share, height))
        x += height * share + GAP
    return found


def _insets(row: GridRow) -> list[Crop]:
    """Return where each crop of a row is enlarged inside the picture, in pixels: corners where they hide least."""
    found: list[Crop] = []
    height, width = row.shape
    for crop in row.crops:
        zoom = min(INSET * width / crop.width, INSET * height / crop.height)
        size = max(1, round(zoom * crop.width)), max(1, round(zoom * crop.height))
        found.append(row.scene.corner(*size, [*row.crops, *found]))
    return found


class _Sheet:
    """A figure whose places are inches from its upper left corner."""

    def __init__(self, plt, rows, titles, width, columns, free=0.0) -> None:
        self.rows, self.width, self.free = rows, width, free
        self.figure = plt.figure(figsize=(width, 1))
        self.axis = self.figure.add_axes((0, 0, 1, 1))
        self.axis.axis("off")
        self.axis.set_aspect("auto")
        self._widths: dict[str, float] = {}
        self.titles = {column: lettering.short(title) for column, title in titles.items()}
        self.notes: list[str] = []  # what numbers, letters and marks stand for
        self.marks: dict[str, str] = {}  # reason -> mark
        self.lines = self._divide(columns)
        self.left, self.labels, self.turned = self._label_rows()
        self.picture = self._picture(self.left)

    def _picture(self, left: float, columns: int | None = None) -> float:
        """Return the width of a picture."""
        columns = columns or len(self.lines[0])
        return (self.width - self.free - left - GAP * (columns - 1)) / columns

    def _divide(self, columns: int | None) -> list[list[str]]:
        """Return the columns of each line, the lines as equal as they can be."""
        names = list(self.titles)
        if columns is None:
            most = max(1, int((self.width - self.free - LINE + GAP) / (SEEN + GAP)))
            columns = -(-len(names) // -(-len(names) // most))
        columns = min(columns, len(names))
        if (wide := self._picture(LINE, columns)) < NARROWEST:
            raise UserError(
                f"--columns {columns}: {columns} pictures side by side in {self.width:g} inches would be"
                f" {max(wide, 0):.2f} inches wide; at least {NARROWEST:g} are needed"
            )
        return [names[i : i + columns] for i in range(0, len(names), columns)]

    def measure(self, text: str) -> float:
        """Return the width of a text in inches."""
        if text not in self._widths:
            self._widths[text] = style.wide(self.figure, *lettering.legible(text))
        return self._widths[text]

    def _write(self, x, y, text, **options):
        text, families = lettering.legible(text)
        drawn = self.figure.text(
            x, y, text, fontsize=style.SIZE, transform=self.axis.transData, parse_math=False, **options
        )
        if families:
            lettering.set_families(drawn, families)
        return drawn

    def _label_rows(self) -> tuple[float, list[str], bool]:
        """Return the width for the ids at the left, the ids or letters for them, and whether they stand upright."""
        ids = [lettering.short(row.id) for row in self.rows]
        wide = [self.measure(id) for id in ids]
        picture = self._picture(LINE)
        if all(w <= picture * row.shape[0] / row.shape[1] for w, row in zip(wide, self.rows)):
            return LINE, ids, True
        if max(wide) <= 0.12 * self.width:
            return max(wide) + 0.04, ids, False
        letters = _letters(len(ids))
        self.notes += [f"{letter}  {id}" for letter, id in zip(letters, ids)]
        return max(map(self.measure, letters)) + 0.04, letters, False

    def _label_columns(self) -> tuple[float, dict[str, list[str]], bool]:
        """Return the height for titles, the lines of each or a number for it, and whether they stand upright."""
        lines = {column: self._fitted(title, self.picture, 2) for column, title in self.titles.items()}
        if all(lines.values()):
            return max(map(len, lines.values())) * LINE, lines, False
        for most in LENGTHS_TURNED:
            lines = {c: self._fitted(title, most, int(self.picture / LINE)) for c, title in self.titles.items()}
            if all(lines.values()):
                return most + 0.03, lines, True
        numbers = {column: str(i) for i, column in enumerate(self.titles, 1)}
        self.notes[:0] = [f"{numbers[column]}  {title}" for column, title in self.titles.items()]
        return LINE, {column: [number] for column, number in numbers.items()}, False

    def lay_out(self, below: Sequence[float]) -> None:
        """Place everything, the figure's height included. below: inches under the pictures of each row."""
        head, titles, upright = self._label_columns()
        self._places: dict[tuple[int, str], tuple[float, float, float, float]] = {}
        y = 0.0
        for line in self.lines:
            y += head
            for i, column in enumerate(line):
                x = self.left + i * (self.picture + GAP) + self.picture / 2
                last = len(titles[column]) - 1
                for place, text in enumerate(titles[column]):
                    if upright:
                        off = (place - last / 2) * LINE
                        self._write(x + off, y - 0.02, text, ha="center", va="bottom", rotation=90)
                    else:
                        self._write(x, y - 0.03 - (last - place) * LINE, text, ha="center", va="baseline")
            for index, (row, label, under) in enumerate(zip(self.rows, self.labels, below)):
                tall = self.picture * row.shape[0] / row.shape[1]
                for i, column in enumerate(line):
                    x = self.left + i * (self.picture + GAP)
                    self._places[index, column] = x, y, self.picture, tall
                turn = 90 * self.turned
                self._write(self.left - 0.02, y + tall / 2, label, ha="right", va="center", rotation=turn)
                y += tall + under + GAP * (2 if under else 1)
            y += GAP
        self.bottom = y - 2 * GAP
        reasons = {reason: None for row in self.rows for column, reason in row.missing.items() if column in self.titles}
        for row in self.rows:
            tall = self.picture * row.shape[0] / row.shape[1]
            for reason in (row.missing[column] for column in row.missing if column in self.titles):
                if not self._reason(reason, self.picture, tall):
                    reasons[reason] = True
        for mark, reason in zip(_marks(), [reason for reason, marked in reasons.items() if marked]):
            self.marks[reason] = mark
            self.notes.append(f"{mark}  {reason}")
        height = self._write_notes(self.bottom + 0.04) if self.notes else self.bottom
        if height > TALLEST:
            raise UserError(
                f"the figure would be {height:.0f} inches high, and {TALLEST} are possible: draw fewer rows"
            )
        self.figure.set_size_inches(self.width, height)
        self.axis.set_xlim(0, self.width)
        self.axis.set_ylim(height, 0)

    def _write_notes(self, y: float) -> float:
        """Write what signs stand for, in columns. Return where they end."""
        notes = [note for text in self.notes for note in self._wrapped(text, self.width)]
        wide = max(map(self.measure, notes)) + 0.12
        across = max(1, int((self.width + 0.12) / wide))
        down = -(-len(notes) // across)
        for i, note in enumerate(notes):
            self._write(i // down * wide, y + (i % down) * LINE, note, ha="left", va="top")
        return y + down * LINE

    def _wrapped(self, text: str, width: float) -> list[str]:
        """Divide a text into lines that are no wider, within words where it must be."""
        lines = [""]
        for part in _PARTS.findall(text):
            if self.measure(whole := (lines[-1] + part).strip()) <= width:
                lines[-1] = whole
                continue
            lines.append("")
            for letter in part.strip():
                if lines[-1] and self.measure(lines[-1] + letter) > width:
                    lines.append("")
                lines[-1] += letter
        return [line for line in lines if line]

    def _fitted(self, text: str, width: float, most: int) -> list[str]:
        """Divide a text between its words into at most so many lines that are no wider; none where it cannot be."""
        if any(self.measure(part.strip()) > width for part in _PARTS.findall(text)):
            return []
        lines = self._wrapped(text, width)
        return lines if len(lines) <= most else []

    def _reason(self, text: str, width: float, height: float) -> list[str]:
        """Return the lines of a text that fits into a field; none where it does not."""
        return self._fitted(text, width - 0.04, int((height - 0.02) / LINE))

    def places(self, row: GridRow):
        """Return each column with x, y, width and height of the row's picture."""
        index = next(i for i, one in enumerate(self.rows) if one is row)
        return [(column, place) for (i, column), place in self._places.items() if i == index]

    def show(self, picture, x, y, w, h, cmap="gray", limits=(0, 255), interpolation=None, above=False):
        """Draw a picture."""
        return self.axis.imshow(
            picture, cmap=cmap, vmin=limits[0], vmax=limits[1], extent=(x, x + w, y + h, y), aspect="auto",
            interpolation=interpolation, zorder=2 if above else 1,
        )  # fmt: skip

    def frame(self, x, y, w, h, colour) -> None:
        from matplotlib.patches import Rectangle

        line = 0.9 if self.picture > 0.6 else 0.6
        inset = line / 72 / 2  # the line's outer edge is the picture's
        self.axis.add_artist(
            Rectangle(
                (x + inset, y + inset), max(0, w - 2 * inset), max(0, h - 2 * inset), fill=False, edgecolor=colour,
                linewidth=line, zorder=3,
            )
        )  # fmt: skip

    def hatch(self, row: GridRow, column: str, x, y, w, h) -> None:
        """Draw the field of a picture that is not there, with the reason or a mark for it."""
        from matplotlib.patches import Rectangle

        self.axis.add_artist(
            Rectangle((x, y), w, h, facecolor="#F4F4F4", edgecolor="#BBBBBB", hatch="////", linewidth=0.4)
        )
        reason = row.missing.get(column, "missing")
        lines = [self.marks[reason]] if reason in self.marks else self._reason(reason, w, h)
        box = {"facecolor": "#F4F4F4", "edgecolor": "none", "pad": 0.5}
        for place, text in enumerate(lines):
            middle = y + h / 2 + (place - (len(lines) - 1) / 2) * LINE
            self._write(x + w / 2, middle, text, ha="center", va="center", bbox=box, zorder=4)

    def scale(self, image) -> None:
        """Draw the scale of difference maps at the right."""
        width, height = self.figure.get_size_inches()
        x, top = self.width - self.free + 0.06, min(y for _, y, _, _ in self._places.values())
        tall = self.bottom - top
        axis = self.figure.add_axes((x / width, 1 - self.bottom / height, 0.07 / width, tall / height))
        bar = self.figure.colorbar(image, cax=axis)
        limit = image.get_clim()[1]
        ticks = [-limit, 0, limit] if tall > 3 * LINE else [0]
        bar.set_ticks(ticks, labels=[f"{tick:+.0f}" if tick else "0" for tick in ticks])
        axis.tick_params(length=1.5, pad=1, labelsize=6)
        for text, place in zip(axis.get_yticklabels(), ("bottom", "center", "top") if len(ticks) > 1 else ("center",)):
            text.set_verticalalignment(place)
        bar.outline.set_linewidth(0.4)


def _letters(number: int) -> list[str]:
    """Return a, b, …, z, aa, ab, …"""
    found = []
    for i in range(number):
        text = ""
        i += 1
        while i:
            i, rest = divmod(i - 1, 26)
            text = chr(97 + rest) + text
        found.append(text)
    return found


def _marks():
    """Yield *, †, ‡, §, **, ††, …"""
    for times in count(1):
        for mark in "*†‡§":
            yield mark * times
