"""Excel: a sheet per table, numbers as numbers."""

from __future__ import annotations

import io
import math
import zipfile

from benchmark.report.content import Content
from benchmark.report.tabular import BEST, SECOND, Entry, Grid

ORDER = 60
FILE = "report.xlsx"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_WIDEST = 255  # a column, as Excel takes it
_COLOURS = {"equal": "FF007A5A", "near": "FF0072B2", "far": "FFD55E00"}


def render(content: Content) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    for grid in content.grids:
        _fill(book.create_sheet(_sheet_name(grid.key, book.sheetnames)), grid)
    if not book.sheetnames:
        book.create_sheet("empty")
    return _saved(book)


def _fill(sheet, grid: Grid) -> None:
    from openpyxl.styles import Alignment, Border, Font, Side
    from rich.cells import cell_len

    bold, line = Font(bold=True), Side(style="thin")
    _text(sheet["A1"], grid.title)
    sheet["A1"].font = bold
    row = 3
    if groups := grid.groups:
        column = 2
        for name, width in groups:
            cell = sheet.cell(row, column)
            _text(cell, name)
            cell.font, cell.alignment = bold, Alignment(horizontal="center")
            if width > 1:
                sheet.merge_cells(start_row=row, start_column=column, end_row=row, end_column=column + width - 1)
            column += width
        row += 1
    for column, head in enumerate([grid.corner, *(c.head for c in grid.columns)], start=1):
        cell = sheet.cell(row, column)
        _text(cell, head)
        cell.font, cell.border = bold, Border(bottom=line)
        cell.alignment = Alignment(horizontal="left" if column == 1 else "right")
    sheet.freeze_panes = sheet.cell(row + 1, 2)
    for line_ in grid.lines:
        row += 1
        _text(sheet.cell(row, 1), line_.title)
        for column, entry in enumerate(line_.entries, start=2):
            _enter(sheet.cell(row, column), entry)
        if line_.rule:
            for column in range(1, len(grid.columns) + 2):
                sheet.cell(row, column).border = Border(top=line)
    for note in filter(None, (grid.explanation, *grid.notes)):
        row += 1
        _text(sheet.cell(row + 1, 1), note)
    widest = max([12, *(cell_len(line_.title) + 2 for line_ in grid.lines)])
    sheet.column_dimensions["A"].width = min(widest, _WIDEST)


def _text(cell, text: str) -> None:
    """Enter text as text, whatever it looks like: a name that begins with = is no formula."""
    cell.value = text
    cell.data_type = "s"


def _enter(cell, entry: Entry) -> None:
    from openpyxl.cell.rich_text import CellRichText, TextBlock
    from openpyxl.cell.text import InlineFont
    from openpyxl.styles import Alignment, Font

    plain = entry.value is not None and math.isfinite(entry.value) and _is_plain(entry)
    if plain:
        cell.value = entry.value
        number = "0." + "0" * len(entry.text.partition(".")[2]) if "." in entry.text else "0"
        cell.number_format = f'{number}"{entry.sign}"' if entry.sign else number
    elif entry.text:
        _text(cell, f"{entry.text}{entry.sign} ± {entry.spread}" if entry.spread else entry.text)
    cell.alignment = Alignment(horizontal="right")
    bold, underlined = entry.mark == BEST, "single" if entry.mark == SECOND else None
    if entry.mark and entry.spread:  # only the mean is marked
        font = InlineFont(rFont="Calibri", sz=11, b=bold or None, u=underlined)
        cell.value = CellRichText(TextBlock(font, entry.text), f"{entry.sign} ± {entry.spread}")
    else:
        cell.font = Font(bold=bold, underline=underlined, color=_COLOURS.get(entry.tone))


def _is_plain(entry: Entry) -> bool:
    """Return whether the number alone says all that the entry says."""
    try:
        float(entry.text)
    except ValueError:
        return False
    return not entry.spread


def _sheet_name(key: str, taken: list[str]) -> str:
    """Return a name that is not taken, of at most 31 characters, as Excel demands."""
    name, number = key[:31], 2
    while name in taken:
        end = f"~{number}"
        name, number = key[: 31 - len(end)] + end, number + 1
    return name


def _saved(book) -> bytes:
    """Save without the times that openpyxl and zip files keep, so that the same content gives the same bytes."""
    import datetime

    book.properties.created = book.properties.modified = datetime.datetime(*_EPOCH)
    written, found = io.BytesIO(), io.BytesIO()
    book.save(written)
    with zipfile.ZipFile(written) as old, zipfile.ZipFile(found, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "docProps/core.xml":
                data = _without_times(data)
            new.writestr(zipfile.ZipInfo(name, _EPOCH), data, zipfile.ZIP_DEFLATED)
    return found.getvalue()


def _without_times(data: bytes) -> bytes:
    """Put a fixed time in place of the time of saving, which openpyxl states as the last change."""
    import re

    return re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>1980-01-01T00:00:00Z", data)
