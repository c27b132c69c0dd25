"""LaTeX: booktabs and siunitx, a `table` environment per grid; `--standalone` makes a document that compiles as it is.

Needs TeX Live's packages booktabs, graphicx, siunitx (2 or 3) and xcolor. Numbers without ± stand in S columns. What S
columns cannot align (underlined numbers, numbers with ±) is padded with the width of the missing digits.

pdflatex compiles what holds names in Latin script; names in other scripts take LuaLaTeX and fontspec (`tex_fonts`).
"""

from __future__ import annotations

import math
import re
import unicodedata
from functools import cache
from itertools import accumulate, groupby

from benchmark.names import composed
from benchmark.report import references, tex_fonts
from benchmark.report.content import Content
from benchmark.report.material import Options
from benchmark.report.tabular import BEST, SECOND, Column, Entry, Grid, Line, typeset
from benchmark.report.titles import Symbol

ORDER = 10
FILE = "report.tex"

_PREAMBLE = r"""\documentclass{article}
\usepackage[a4paper, landscape, margin=15mm]{geometry}
\usepackage{booktabs}
\usepackage{graphicx}
\usepackage{siunitx}
\usepackage{xcolor}
\usepackage[hidelinks]{hyperref}
"""
_NEEDS = r"% Needs \usepackage{booktabs, graphicx, siunitx, xcolor}."
# Sets a table in 8 points, or 7 where it is wider than the line. Where that is not enough, all of it stands upright.
_COMMANDS = r"""% Caption, table, notes.
\providecommand\benchtable[3]{%
  \benchtry{8}{9.6}{3pt}{#2}%
  \ifdim\benchwidth>\linewidth\benchtry{7}{8.4}{3pt}{#2}\fi
  \ifdim\benchwidth>\linewidth\benchtry{7}{8.4}{1.5pt}{#2}\fi
  \ifdim\benchwidth>\linewidth
    \rotatebox{90}{\begin{minipage}{\textheight}\centering\benchparts{#1}{#2}{#3}\end{minipage}}%
  \else\benchparts{#1}{#2}{#3}\fi}
\providecommand\benchparts[3]{#1\begingroup\benchlook\leavevmode#2\par\endgroup#3}
% Size, distance of lines, half the distance of columns, the table, whose width is measured.
\providecommand\benchtry[4]{%
  \gdef\benchlook{\fontsize{#1}{#2}\selectfont\setlength\tabcolsep{#3}}%
  \begingroup
  \benchlook
  \expandafter\def\csname tabular*\endcsname##1{\tabular}%
  \expandafter\let\csname endtabular*\endcsname\endtabular
  \sbox0{#4}\xdef\benchwidth{\the\wd0}%
  \endgroup}
% Bold digits that take the room of the others.
\providecommand\benchbold[1]{\begingroup\sbox0{#1}\hbox to\wd0{\hss\textbf{#1}\hss}\endgroup}
"""
_FOREIGN = "for lualatex only: it holds names that pdflatex has no letters for."
_FOREIGN_NEEDS = r"Holds names that pdflatex has no letters for: needs \usepackage{fontspec} and lualatex."
# Told apart by anyone, and beside signs (Okabe and Ito's bluish green, blue and vermilion).
_COLOURS = {"equal": "009E73", "near": "0072B2", "far": "D55E00"}
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    "†": r"$^\dagger$",
    "‡": r"$^\ddagger$",
    "°": r"$^\circ$",
    "—": "--",
    "–": "--",
    "−": "$-$",
    "±": r"$\pm$",
    "≈": r"$\approx$",
    "→": r"$\rightarrow$",
    "▲": r"$\triangle$",
    "▼": r"$\nabla$",
    "◆": r"$\diamond$",
    "≠": r"$\neq$",
    "∞": r"$\infty$",
    "α": r"$\alpha$",
    "…": r"\dots{}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
}
_LONG = 30  # characters without a space, which no line of a table or caption takes well
_WIDTHS = {1: 229.0, 2: 469.0, None: 756.0}  # points: article's columns, the narrowest, its page, a standalone page
_SHARE = 0.35  # of the width, which a text may take in a line
_GAP = 3  # points, on either side of a column
_HEAD = 36  # points, for which no head is broken
_CITED = 15  # points of a citation
_NOTE = 8 / 7  # size of notes, relative to that which widths are told for
_FLOATS = 30  # that LaTeX keeps for later pages without being told
_CAPTION = 10 / 7  # size of captions, likewise
_TALL = 55  # lines of 9.6 points on a page, of which llncs has 549
_HEADS = 3  # lines of a table's head, rules and what separates it from the next
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def escape(text: str) -> str:
    """Text as LaTeX prints it. Hyphens in a row, as before an option, stay apart; very long words may be broken."""
    text = composed(text)
    special = _SPECIAL if not _is_foreign(text) else {c: shown for c, shown in _SPECIAL.items() if c != "α"}
    words = [_pieces(word, special) for word in text.split(" ")]
    return " ".join(r"\allowbreak{}".join(pieces) for pieces in words)


def _pieces(text: str, special: dict[str, str]) -> list[str]:
    parts = [text[i : i + _LONG] for i in range(0, len(text), _LONG)] or [""]
    return ["".join(special.get(c, c) for c in re.sub("-(?=-)", "-\0", part)).replace("\0", "{}") for part in parts]


def _is_foreign(text: str) -> bool:
    return not text.isascii() and any(tex_fonts.is_foreign(c) and c not in _SPECIAL for c in text)


def render(content: Content) -> str:
    """A comment at the top says where pdflatex is not enough."""
    options = content.options
    body = _body(content)
    head = "".join(f"\\definecolor{{bench{tone}}}{{HTML}}{{{code}}}\n" for tone, code in _tones(content))
    head = f"{_COMMANDS}{head}"
    if body.count(r"\caption") > _FLOATS:
        head += "\\ifdefined\\extrafloats\\extrafloats{500}\\fi\n"
    fonts = ""
    if foreign := _is_foreign(body):
        body, fonts = tex_fonts.in_scripts(body)
    if not options.standalone:
        needs = f"{_NEEDS} {_FOREIGN_NEEDS}" if foreign else _NEEDS
        return f"{needs}\n{fonts}{head}\n{body}"
    start = f"% {_FOREIGN}\n{_PREAMBLE}{tex_fonts.PACKAGES}" if foreign else _PREAMBLE
    return "".join([start, fonts, head, "\\begin{document}\n", body, "\\end{document}\n"])


def _body(content: Content) -> str:
    options = content.options
    tables = "\n".join("\n".join(_table(grid, options)) for grid in content.grids)
    if not (options.standalone and options.cite and content.references):
        return tables
    return f"{tables}\\clearpage\n{references.bibliography(content.references, escape)}"


def _tones(content: Content) -> list[tuple[str, str]]:
    used = {entry.tone for grid in content.grids for line in grid.lines for entry in line.entries}
    return [(tone, code) for tone, code in _COLOURS.items() if tone in used]


def remarks(content: Content) -> list[str]:
    """Which engine compiles it."""
    if _is_foreign(_body(content)):
        return [f"{FILE}: {_FOREIGN}"]
    return [f"{FILE}: for pdflatex or any later engine"] if content.options.standalone else []


def _table(grid: Grid, options: Options) -> list[str]:
    """One float, or several where a page is too short for all of it."""
    width, environment = _place(grid, options)
    room = width * _SHARE
    blocks = _blocks(grid, width, options.cite)
    notes = _notes(grid, options.cite)
    tall = _TALL - 1.5 * math.ceil(_width(f"Table 00: {grid.title} (continued from Table 00).") * _CAPTION / width)
    heads = _HEADS + 2 * bool(grid.groups)
    lines = [math.ceil(_width(note) * _NOTE / width) + 0.4 for note, _ in notes]
    parts = _parts(_heights(grid, width), blocks, lines, heads, tall)
    found: list[str] = []
    for number, (tables, shown) in enumerate(parts):
        caption = f"{escape(grid.title)}{_cite(grid.cites) if options.cite else ''}"
        if number:
            caption = rf"{escape(grid.title)} (continued from Table~\ref{{tab:{grid.key}}})"
        found += [
            rf"\begin{{{environment}}}" + ("[!ht]" if options.standalone else ""),
            # Which of the two stands between caption and table depends on the class and on the package caption.
            r"  \setlength{\abovecaptionskip}{5pt}\setlength{\belowcaptionskip}{5pt}",
            r"  \centering",
            r"  \benchtable{%" if tables else "",
            rf"  \caption{{{caption}.}}",
            "" if number else rf"  \label{{tab:{grid.key}}}",
            *(f"  {line}" for line in _stack(grid, options.cite, tables, room)),
            *(rf"  \par\smallskip{{\footnotesize\raggedright {notes[i][1]}\par}}" for i in shown),
            "  }" if tables else "",
            rf"\end{{{environment}}}",
        ]
        found = [*filter(None, found), ""]
    return found


def _notes(grid: Grid, cite: bool) -> list[tuple[str, str]]:
    """What stands below the table, as it is and as LaTeX: first how to read it."""
    metrics = dict.fromkeys(key for column in grid.columns for key in column.cites) if cite else ()
    first = (grid.explanation, escape(grid.explanation))
    if metrics:
        first = (f"{first[0]} Metrics: {'[00], ' * len(metrics)}", f"{first[1]} Metrics:{_cite(tuple(metrics))}.")
    return [(text, code.strip()) for text, code in (first, *((note, escape(note)) for note in grid.notes)) if text]


def _place(grid: Grid, options: Options) -> tuple[int, str]:
    """How wide the table may become, in points, and its environment. One column where all of it has room there."""
    columns = options.columns
    if columns is None and not options.standalone:
        fits = len(_blocks(grid, _WIDTHS[1], options.cite)) < 2
        columns = 1 if fits and not grid.wide else 2
    return _WIDTHS[columns], "table*" if columns == 2 and not options.standalone else "table"


def _heights(grid: Grid, width: float) -> list[float]:
    """How many lines each row takes."""
    texts = [(composed(line.title), *(one.text for one in line.entries)) for line in grid.lines]
    return [
        max(len(_broken(text, width * _SHARE)) for text in row) + 0.6 * line.rule
        for row, line in zip(texts, grid.lines)
    ]


def _blocks(grid: Grid, width: float, cite: bool) -> list[range]:
    """Columns that stand beside each other: all of them, or else about equal shares of the width."""
    if not grid.lines:
        return []
    columns = [[line.entries[i] for line in grid.lines] for i in range(len(grid.columns))]
    label = max(
        [_width(grid.corner)]
        + [_widest(composed(line.title), width) + (_CITED if cite and line.cites else 0) for line in grid.lines]
    )
    widths = [_column_width(column, entries, width) for column, entries in zip(grid.columns, columns)]
    ends = list(accumulate(count for _, count in grid.groups)) or list(range(1, len(widths) + 1))
    units = [range(start, end) for start, end in zip([0, *ends], ends)]
    if any(sum(widths[i] for i in unit) > width - label for unit in units):
        units = [range(i, i + 1) for i in range(len(widths))]
    found = _filled(units, widths, width - label)
    tries = (_filled(units, widths, room) for room in range(1, int(width - label)))
    return next((even for even in tries if len(even) == len(found)), found)


def _filled(units: list[range], widths: list[float], room: float) -> list[range]:
    """As many units beside each other as there is room for; at least one."""
    found: list[range] = []
    for unit in units:
        if found and sum(widths[found[-1].start : unit.stop]) <= room:
            found[-1] = range(found[-1].start, unit.stop)
        else:
            found.append(unit)
    return found


def _parts(
    heights: list[float], blocks: list[range], notes: list[float], heads: float, tall: float
) -> list[tuple[list[tuple[range, range]], list[int]]]:
    """Share tables, (rows, columns), and notes among floats, each no taller than a page.

    heights: the lines of each row. notes: those of each note. heads: those of a table's head. tall: those of a float.
    """
    chunks: list[range] = []
    for i in range(len(heights)):
        if chunks and sum(heights[chunks[-1].start : i + 1]) <= tall - heads:
            chunks[-1] = range(chunks[-1].start, i + 1)
        else:
            chunks.append(range(i, i + 1))
    parts, used = [([], [])], 0
    items = [((rows, block), sum(heights[i] for i in rows) + heads) for block in blocks for rows in chunks]
    for item, height in [*items, *enumerate(notes)]:
        if used and used + height > tall:
            parts.append(([], []))
            used = 0
        parts[-1][isinstance(item, int)].append(item)
        used += height
    return parts


def _stack(grid: Grid, cite: bool, tables: list[tuple[range, range]], room: float) -> list[str]:
    """Tables below each other, of one width, between the caption and the notes."""
    if not tables:
        return []
    several = len(tables) > 1
    found = [r"}{%", *([r"  \vbox{%"] if several else [])]
    for number, (rows, block) in enumerate(tables):
        body = _tabular(grid, cite, rows, block, several, room)
        if several:
            body = [*([r"\vskip 6pt"] if number else []), rf"\hbox{{{body[0]}", *body[1:-1], f"{body[-1]}}}%"]
        else:
            body[-1] += "%"
        found += [f"  {line}" for line in body]
    return [*found, *(["  }%"] if several else []), "}{%"]


def _tabular(grid: Grid, cite: bool, rows: range, block: range, stretched: bool, room: float) -> list[str]:
    """A part of the table. stretched: to the width of the widest."""
    shown = [grid.lines[i] for i in rows]
    all_columns = [[line.entries[i] for line in grid.lines] for i in block]
    specs = "".join(map(_spec, all_columns))
    start = rf"\begin{{tabular}}{{@{{}}l{specs}@{{}}}}"
    if stretched:
        gap = r"@{\hspace{2\tabcolsep}\extracolsep{\fill}}"
        start = rf"\begin{{tabular*}}{{\benchwidth}}{{@{{}}l{gap}{specs}@{{}}}}"
    lines = [start, r"  \toprule"]
    if grid.groups:
        cells, rules, start = [], [], 2
        for name, group in groupby(block, lambda i: grid.columns[i].group):
            width = len(list(group))
            over = sum(_column_width(grid.columns[i], [line.entries[i] for line in grid.lines], room) for i in block)
            text = _stacked(_broken(name, max(over * width / len(block), _HEAD)), "b", "c")
            cells.append(rf"\multicolumn{{{width}}}{{c}}{{{text}}}")
            rules.append(rf"\cmidrule(lr){{{start}-{start + width - 1}}}" if name else "")
            start += width
        lines += [f"  & {' & '.join(cells)} \\\\", f"  {' '.join(filter(None, rules))}"]
    heads = [_head(grid.columns[i], entries) for i, entries in zip(block, all_columns)]
    lines += [f"  {' & '.join([escape(grid.corner.capitalize()), *heads])} \\\\", r"  \midrule"]
    for number, line in enumerate(shown):
        if line.rule and number:
            lines.append(r"  \midrule")
        cells = [_cell(line.entries[i], entries, room) for i, entries in zip(block, all_columns)]
        lines.append(f"  {' & '.join([_label(line, cite, room), *cells])} \\\\")
    return [*lines, r"  \bottomrule", r"\end{tabular*}" if stretched else r"\end{tabular}"]


def _label(line: Line, cite: bool, room: float) -> str:
    """In several lines where it is long. After a row or a rule, a bracket or a star would be read as an option."""
    title = composed(line.title)
    text = typeset(line, title, _symbol, escape)
    if len(lines := _broken(title, room)) > 1:
        text = _stacked(lines, "t", "l")
    elif text.startswith(("[", "*")):
        text = f"{{}}{text}"
    return text + (_cite(line.cites) if cite else "")


def _cite(keys: tuple[str, ...]) -> str:
    return rf"~\cite{{{','.join(keys)}}}" if keys else ""


def _head(column: Column, entries: list[Entry]) -> str:
    text = typeset(column, column.head, _symbol, escape)
    if column.symbol is None and len(lines := _head_lines(column, entries)) > 1:
        text = _stacked(lines, "b", "c")
    return f"{{{text}}}" if _spec(entries).startswith("S") else rf"\multicolumn{{1}}{{c}}{{{text}}}"


def _stacked(lines: list[str], at: str, align: str) -> str:
    """Lines below each other, on the row's line with the first ("t") or the last ("b")."""
    if len(lines) < 2:
        return escape("".join(lines))
    rows = r" \\{}".join(map(escape, lines))
    return rf"\begin{{tabular}}[{at}]{{@{{}}{align}@{{}}}}{{}}{rows}\end{{tabular}}"


def _broken(text: str, room: float, cut: bool = True) -> list[str]:
    """Lines of words that have room. cut: longer words too."""
    lines: list[str] = []
    for word in text.split(" "):
        if lines and _width(f"{lines[-1]} {word}") <= room:
            lines[-1] += f" {word}"
            continue
        lines.append("")
        for c in word:
            if cut and lines[-1] and _width(lines[-1] + c) > room and not unicodedata.combining(c):
                lines.append("")
            lines[-1] += c
    return lines


def _head_lines(column: Column, entries: list[Entry]) -> list[str]:
    """The head in lines about as wide as what stands below, an arrow with the last word."""
    name, arrow = column.name, column.head[len(column.name) :]
    below = max((_width(entry.text) for entry in entries), default=0)
    lines = _broken(name, max(below, _HEAD) - _width(arrow), cut=False)
    return [*lines[:-1], lines[-1] + arrow]


def _column_width(column: Column, entries: list[Entry], width: float) -> float:
    """The room that a column takes, with what separates it from the next."""
    spread = max((_width(f" ± {entry.spread}") for entry in entries if entry.spread), default=0)
    numbers = [_places(entry.text) for entry in entries if _is_number(entry.text)]
    whole, fraction = (max((n[i] for n in numbers), default=0) for i in (0, 1))
    sign = "−" if any(n[2] for n in numbers) else ""
    block = _width(f"{sign}{'0' * whole}{'.' * bool(fraction)}{'0' * fraction}") + spread
    texts = [_widest(entry.text, width) for entry in entries if not _is_number(entry.text)]
    heads = map(_width, [column.head] if column.symbol else _head_lines(column, entries))
    return max(block, *texts, *heads) + 2 * _GAP


def _widest(text: str, width: float) -> float:
    """The width of the longest line of a text."""
    return max(map(_width, _broken(text, width * _SHARE)))


def _width(text: str) -> float:
    """About how wide a text is at 7 points, in Computer Modern, the widest of the usual fonts."""
    return sum(_width_of(c) for c in text)


@cache
def _width_of(c: str) -> float:
    if unicodedata.combining(c):
        return 0
    if unicodedata.east_asian_width(c) in "WF":
        return 7.2
    if c in "iljtfrI.,:;!|'()[]/- °†‡":
        return 3
    if c in "mwMWGOQ@%+=−±<>≈≠":
        return 6.5
    return 5.5 if c.isupper() else 4.1


def _symbol(found: Symbol) -> str:
    return f"${found.math}$"


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


def _places(text: str) -> tuple[int, int, bool]:
    """Digits before and after the point, and whether there is a sign."""
    whole, _, fraction = text.lstrip("-").partition(".")
    return len(whole), len(fraction), text.startswith("-")


def _spec(entries: list[Entry]) -> str:
    """The column's type: S where all that is printed are plain numbers or words, else r."""
    numbers = [_places(entry.text) for entry in entries if _is_number(entry.text)]
    if not numbers or any(entry.spread for entry in entries):
        return "r"
    whole, fraction = max(n[0] for n in numbers), max(n[1] for n in numbers)
    sign = "-" if any(n[2] for n in numbers) else ""
    return f"S[table-format={sign}{whole}.{fraction}, detect-weight, mode=text]"


def _cell(entry: Entry, column: list[Entry], room: float) -> str:
    if not entry.text:
        return ""
    if len(lines := _broken(entry.text, room)) > 1:
        return f"{{{_stacked(lines, 't', 'l')}}}"
    colour = (rf"\textcolor{{bench{entry.tone}}}{{", "}") if entry.tone else ("", "")
    if not _is_number(entry.text):
        return "{" + _marked(escape(entry.text), entry.mark, colour) + escape(entry.sign) + "}"
    if not _spec(column).startswith("S"):
        return _padded(entry, column, colour)
    if entry.mark == SECOND or entry.tone or entry.sign:
        texts = [other.text for other in column]
        shown = _marked(_math(entry.text), entry.mark, colour)
        return f"{{{_padding(entry.text, texts)}{shown}{_sign(entry)}{_after(entry.text, texts)}}}"
    return rf"\bfseries {entry.text}" if entry.mark == BEST else entry.text


def _padded(entry: Entry, column: list[Entry], colour: tuple[str, str]) -> str:
    """A number with ±, as wide as every other one in the column."""
    text = _marked(_math(entry.text), entry.mark, colour) + _sign(entry)
    text = _padding(entry.text, [e.text for e in column]) + text
    if not any(e.spread for e in column):
        return text
    spreads = [e.spread for e in column]
    between = (r"\," if any(e.sign for e in column) else "") + r" $\pm$ "  # signs take no room of their own
    if not entry.spread:
        return text + rf"\phantom{{{between}{max(spreads, key=len)}}}"
    return f"{text}{between}{_padding(entry.spread, spreads)}{entry.spread}"


def _sign(entry: Entry) -> str:
    """The sign, which takes no room, so that digits stay below each other."""
    return rf"\rlap{{{escape(entry.sign)}}}" if entry.sign else ""


def _marked(text: str, mark: str, colour: tuple[str, str]) -> str:
    text = {BEST: rf"\benchbold{{{text}}}", SECOND: rf"\underline{{{text}}}"}.get(mark, text)
    return f"{colour[0]}{text}{colour[1]}"


def _math(text: str) -> str:
    return f"$-${text[1:]}" if text.startswith("-") else text


def _padding(text: str, column: list[str]) -> str:
    """The room of the digits and the sign that other numbers of the column have before the point, and this lacks."""
    numbers = [_places(other) for other in column if _is_number(other)]
    whole, _, sign = _places(text)
    missing = "0" * (max(n[0] for n in numbers) - whole)
    minus = "$-$" if any(n[2] for n in numbers) and not sign else ""
    return rf"\phantom{{{minus}{missing}}}" if minus or missing else ""


def _after(text: str, column: list[str]) -> str:
    """The room of the decimal places that this number lacks."""
    numbers = [_places(other) for other in column if _is_number(other)]
    most, own = max(n[1] for n in numbers), _places(text)[1]
    return rf"\phantom{{{'' if own else '.'}{'0' * (most - own)}}}" if most > own else ""
