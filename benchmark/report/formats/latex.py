"""LaTeX: booktabs and siunitx, a `table` environment per grid; `--standalone` makes a document that compiles as it is.

Needs TeX Live's packages booktabs, graphicx, siunitx (2 or 3) and xcolor. Numbers without ± stand in S columns. What S
columns cannot align (underlined numbers, numbers with ±) is padded with the width of the missing digits.

pdflatex compiles what holds names in Latin script; names in other scripts take LuaLaTeX and fontspec (`tex_fonts`).
"""

from __future__ import annotations

import re

from benchmark.names import composed
from benchmark.report import references, tex_fonts
from benchmark.report.content import Content
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
_LONG = 60  # characters without a space, which no line of a table or caption takes well
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
    tables = "\n".join("\n".join(_table(grid, options.cite, options.standalone)) for grid in content.grids)
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


def _table(grid: Grid, cite: bool, standalone: bool) -> list[str]:
    environment = "table*" if grid.wide and not standalone else "table"
    caption = f"{escape(grid.title)}{_cite(grid.cites) if cite else ''}. {escape(grid.explanation)}".strip()
    if metrics := dict.fromkeys(key for column in grid.columns for key in column.cites) if cite else ():
        caption += f" Metrics:{_cite(tuple(metrics))}."
    lines = [
        rf"\begin{{{environment}}}" + ("[!ht]" if standalone else ""),
        r"  \centering",
        rf"  \caption{{{caption}}}",
        rf"  \label{{tab:{grid.key}}}",
    ]
    if grid.lines:
        lines += [f"  {line}" for line in _fitted(grid, cite)]
    lines += [rf"  \par\smallskip{{\footnotesize {escape(note)}\par}}" for note in grid.notes]
    return [*lines, rf"\end{{{environment}}}", ""]


def _fitted(grid: Grid, cite: bool) -> list[str]:
    """The tabular, made smaller where it is wider than the text."""
    body = _tabular(grid, cite)
    return [
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        *(f"  {line}" for line in body[:-1]),
        f"  {body[-1]}}}",
    ]


def _tabular(grid: Grid, cite: bool) -> list[str]:
    columns = [[line.entries[i] for line in grid.lines] for i in range(len(grid.columns))]
    specs = "".join(map(_spec, columns))
    lines = [rf"\begin{{tabular}}{{l{specs}}}", r"  \toprule"]
    if groups := grid.groups:
        cells, rules, start = [], [], 2
        for name, width in groups:
            cells.append(rf"\multicolumn{{{width}}}{{c}}{{{escape(name)}}}")
            rules.append(rf"\cmidrule(lr){{{start}-{start + width - 1}}}" if name else "")
            start += width
        lines += [f"  & {' & '.join(cells)} \\\\", f"  {' '.join(filter(None, rules))}"]
    heads = [_head(column, entries) for column, entries in zip(grid.columns, columns)]
    lines += [f"  {' & '.join([escape(grid.corner.capitalize()), *heads])} \\\\", r"  \midrule"]
    for line in grid.lines:
        if line.rule:
            lines.append(r"  \midrule")
        cells = [_cell(entry, entries) for entry, entries in zip(line.entries, columns)]
        lines.append(f"  {' & '.join([_label(line, cite), *cells])} \\\\")
    return [*lines, r"  \bottomrule", r"\end{tabular}"]


def _label(line: Line, cite: bool) -> str:
    """In several lines where it is beyond all measure. After a row or a rule, a bracket or a star would be read as an
    option."""
    title = composed(line.title)
    text = typeset(line, title, _symbol, escape)
    if len(title) > _LONG:
        rows = r" \\{}".join(escape(title[i : i + _LONG]) for i in range(0, len(title), _LONG))
        text = rf"\begin{{tabular}}[t]{{@{{}}l@{{}}}}{{}}{rows}\end{{tabular}}"
    elif text.startswith(("[", "*")):
        text = f"{{}}{text}"
    return text + (_cite(line.cites) if cite else "")


def _cite(keys: tuple[str, ...]) -> str:
    return rf"~\cite{{{','.join(keys)}}}" if keys else ""


def _head(column: Column, entries: list[Entry]) -> str:
    text = typeset(column, column.head, _symbol, escape)
    return f"{{{text}}}" if _spec(entries).startswith("S") else rf"\multicolumn{{1}}{{c}}{{{text}}}"


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
    return f"S[table-format={sign}{whole}.{fraction}, detect-weight]"


def _cell(entry: Entry, column: list[Entry]) -> str:
    if not entry.text:
        return ""
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
    if not entry.spread:
        return text + rf"\phantom{{ $\pm$ {max(spreads, key=len)}}}"
    return f"{text} $\\pm$ {_padding(entry.spread, spreads)}{entry.spread}"


def _sign(entry: Entry) -> str:
    """The sign, which takes no room, so that digits stay below each other."""
    return rf"\rlap{{{escape(entry.sign)}}}" if entry.sign else ""


def _marked(text: str, mark: str, colour: tuple[str, str]) -> str:
    text = {BEST: rf"\textbf{{{text}}}", SECOND: rf"\underline{{{text}}}"}.get(mark, text)
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
