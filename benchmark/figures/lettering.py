"""Texts in figures: fonts that have the letters, codes for letters that no font here has, names of any length.

DejaVu Sans comes first, so that a figure without other letters is what it always was. matplotlib (3.11 or newer) turns
and joins letters as their script asks.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from benchmark.errors import UserError, first_few
from benchmark.names import code, composed, printable

FIRST = "DejaVu Sans"
KINDS = ("serif", "sans-serif", "monospace")
LONGEST = 44  # characters of a word or of a name: more would push the plot out of its figure
_TICK = re.compile(r"\$\\mathdefault\{[-+.^{}\d\s×−]*(\\times)?[-+.^{}\d\s×−]*\}\$")  # of a logarithmic axis
# A metric's symbol (`report.titles.mathtext`), with what stands behind it.
_SYMBOL = re.compile(r"\$([A-Z]|\\mathrm\{[A-Z]+\})(_\{(\w|\\mathrm\{\w+\})\})?(\^\{AB/F\})?\$[^$\\\n]*")
_JOINERS = "\u200c\u200d\ufe0e\ufe0f"
lacking: set[str] = set()  # characters that this process found in no font


def prepare(figure) -> bool:
    """Make every text of a figure legible, before it is laid out; whether a name beside what is drawn was cut."""
    from matplotlib.text import Text

    names, cut = _names(figure), False
    for axis in _axes_with_names(figure):
        formatter = axis.get_major_formatter()
        formatter.func = _after(formatter.func, lambda name: legible(short(name))[0])
    for text in figure.findobj(Text):
        shown = text.get_text()
        if _TICK.fullmatch(shown) or _SYMBOL.fullmatch(shown):
            continue
        text.set_parse_math(False)
        if text in names and len(shown) > LONGEST:
            shown, cut = short(shown), True
        fixed, families = legible(shown)
        if fixed != text.get_text():
            text.set_text(fixed)
        if families:
            set_families(text, families)
    return cut


def set_families(text, families: Iterable[str]) -> None:
    """Let a text take letters from other fonts where the figure's own lack them."""
    import matplotlib

    text.set_fontfamily([*matplotlib.rcParams["font.family"], *families])


def installed(name: str) -> str:
    """Return the name of a font as it is spelled, whatever the case given, or of a kind of fonts.

    Raises UserError for a font that is not installed.
    """
    from matplotlib import font_manager

    for path in font_manager.findSystemFonts():  # matplotlib's own list is as old as its first start
        if name.lower().replace(" ", "") in Path(path).stem.lower().replace("-", "").replace(" ", "") and _font(path):
            font_manager.fontManager.addfont(path)
    known = {one.lower(): one for one in (*KINDS, *font_manager.get_font_names())}
    if name.lower() in known:
        return known[name.lower()]
    near = difflib.get_close_matches(name.lower(), known, n=1)
    guess = f" did you mean {known[near[0]]}?" if near else ""
    raise UserError(f"--font: no font '{name}' is installed;{guess} there are {first_few(sorted(known.values()), 8)}")


def shorten(figure, longest: int) -> bool:
    """Cut the names in a figure, which leave it no room; whether any is so long."""
    axes = _axes_with_names(figure)
    texts = [*_names(figure), *(label for axis in axes for label in axis.get_ticklabels())]
    if not any(len(text.get_text()) > longest for text in texts):
        return False
    for axis in axes:
        formatter = axis.get_major_formatter()
        formatter.func = _after(formatter.func, lambda name: short(name, longest))
    for text in _names(figure):
        text.set_text(short(text.get_text(), longest))
    return True


def _names(figure) -> set:
    """The texts that stand beside what is drawn, in legends too, but for those at ticks."""
    from matplotlib.legend import Legend

    found = {text for axes in figure.axes for text in axes.texts}
    return found | {text for legend in figure.findobj(Legend) for text in legend.get_texts()}


def _axes_with_names(figure) -> list:
    """The axes whose ticks have names, which come from what formats them."""
    from matplotlib.axis import Axis
    from matplotlib.ticker import FuncFormatter

    return [axis for axis in figure.findobj(Axis) if isinstance(axis.get_major_formatter(), FuncFormatter)]


def _after(function, change):
    return lambda *arguments: change(function(*arguments))


def short(name: str, longest: int = LONGEST) -> str:
    """Without its middle where it is beyond all measure; a symbol stays whole."""
    half = longest // 2
    return name if len(name) <= longest or _SYMBOL.fullmatch(name) else f"{name[: half - 1]}…{name[-half:]}"


def legible(text: str) -> tuple[str, tuple[str, ...]]:
    """A text as figures show it, and the families of the fonts that it takes besides DejaVu Sans."""
    if text.isascii() and text.isprintable() and len(text) <= LONGEST:
        return text, ()
    text = " ".join(map(short, composed(printable(text)).split(" ")))
    foreign = frozenset(c for c in text if not c.isspace()) - _letters_of_first(text)
    families, without = _fonts(foreign) if foreign else ((), frozenset())
    if not without:
        return text, families
    lacking.update(without)
    return "".join(code(c) if c in without else c for c in text if c not in _JOINERS), families


def _letters_of_first(text: str) -> frozenset[str]:
    """Those that DejaVu Sans has, and joiners and the like, which need no glyph."""
    from matplotlib import font_manager

    font = _font(font_manager.findfont(FIRST))
    return frozenset(c for c in text if font.get_char_index(ord(c)) or c in _JOINERS)


@cache
def _font(path: str):
    """The font in a file; None for one without outlines, which cannot be drawn at any size."""
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(path)
    except (OSError, RuntimeError):
        return None
    return font if font.scalable else None


@cache
def _fonts(characters: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """The families of installed fonts that together have the characters, and the characters that none has.

    What is installed is looked up anew: matplotlib's own list is as old as its first start.
    """
    from matplotlib import font_manager

    having = {}
    for path in sorted(font_manager.findSystemFonts()):
        if font := _font(path):
            having[path] = frozenset(c for c in characters if font.get_char_index(ord(c)))
    left, families = set(characters), []
    while having := {path: found & left for path, found in having.items() if found & left}:
        path = max(having, key=lambda path: (_rank(path, len(having[path])), path))
        left -= having[path]
        font_manager.fontManager.addfont(path)
        families.append(_font(path).family_name)
    return tuple(families), frozenset(left)


def _rank(path: str, count: int) -> tuple:
    """Fonts in TrueType first, which PDF holds best, then those with more of the characters; of equals those upright,
    of regular weight and without serifs."""
    font = _font(path)
    with open(path, "rb") as file:
        outlines = file.read(4) in (b"\0\1\0\0", b"true")
    return outlines, count, font.style_name in ("Regular", "Book", "Normal"), "Sans" in font.family_name


def remark(characters: Iterable[str]) -> str:
    """A line about characters that no font has; empty where there are none."""
    codes = sorted(map(code, characters))
    few = ", ".join(codes[:5]) + (", …" if len(codes) > 5 else "")
    return f"figures: no installed font has {few}; written as codes" if codes else ""
