"""Scripts in LaTeX: which characters pdflatex sets, and which fonts LuaLaTeX sets the others in.

A document whose characters pdflatex has stays as it is. In any other, runs of characters of one script stand in
`{\\bench<script> ...}`, and the head defines these commands: of the fonts that are installed where it is typeset, the
first that has all characters, or else most. A character that none has is printed as its code, so that none is lost.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby

# What pdflatex typesets besides ASCII, with inputenc's UTF-8, the encoding OT1 and no further package.
_PDFLATEX = (
    "\xa0¡¢£¤¥¦§¨©ª¬®¯°±²³´µ¶·¸¹º¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖ×ØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõö÷øùúûüýÿĀāĂăĆćĈĉĊċČčĎďĒēĔĕĖėĚěĜĝ"
    "ĞğĠġĢģĤĥĨĩĪīĬĭİıĲĳĴĵĶķĹĺĻļĽľŁłŃńŅņŇňŌōŎŏŐőŒœŔŕŖŗŘřŚśŜŝŞşŠšŢţŤťŨũŪūŬŭŮůŰűŴŵŶŷŸŹźŻżŽžƒǄǅǆǇǈǉǊǋǌǍǎǏǐǑǒǓǔǢǣǦǧǨǩǰǴǵȘșȚțȲȳȷ"
    "ḂḃḍḞḟḠḡḥḰḱḷṃṅṇṛṣṭẎẏẐẑẞỲỳ‐‑‒–—―‖‘’“”†‡•…‰‱※‽⁄⁎⁒₡₤₦₩₫€₱℃№℗℞℠™Ω℧℮←↑→↓ﬀﬁﬂ"
)
_SCRIPTS = {"cjk": "han", "ideographic": "han", "fullwidth": "han", "hiragana": "kana", "katakana": "kana"}
_SCRIPTS |= {"mathematical": "symbol", "modifier": "latin"}
_EASTERN = "Noto Serif CJK {0}, Noto Sans CJK {0}, Source Han Serif {0}, Source Han Sans {0}, {1}, Arial Unicode MS"
_EUROPEAN = "Noto Serif, DejaVu Serif, FreeSerif, Libertinus Serif, Times New Roman"
_SYMBOLS = "DejaVu Sans, Noto Sans Math, Noto Sans Symbols, Noto Sans Symbols2, FreeSerif, Symbola"
_EMOJI = "Noto Color Emoji, Apple Color Emoji, Segoe UI Emoji, Noto Emoji, Symbola"
_FONTS = {
    "latin": f"Latin Modern Roman, {_EUROPEAN}",
    "cyrillic": _EUROPEAN,
    "greek": _EUROPEAN,
    "han": _EASTERN.format("SC", "FandolSong, Songti SC, SimSun, Microsoft YaHei, Droid Sans Fallback"),
    "kana": _EASTERN.format("JP", "IPAexMincho, HaranoAjiMincho, Hiragino Mincho ProN, Yu Mincho"),
    "hangul": _EASTERN.format("KR", "UnBatang, Baekmuk Batang, Apple SD Gothic Neo, Malgun Gothic"),
    "hebrew": "Noto Serif Hebrew, Noto Sans Hebrew, FreeSerif, DejaVu Sans, Times New Roman",
    "arabic": "Noto Naskh Arabic, Noto Sans Arabic, Amiri, Scheherazade New, DejaVu Sans, Times New Roman",
    "symbol": f"{_SYMBOLS}, Segoe UI Symbol, Apple Symbols, Arial Unicode MS",
    "emoji": f"{_EMOJI}, DejaVu Sans, FreeSerif",
}
_OTHERS = "Noto Serif {0}, Noto Sans {0}, FreeSerif, Arial Unicode MS"
# Scripts whose letters change with their neighbours, which fonts do when they are told the script.
_SHAPED = {"arabic", "bengali", "devanagari", "gujarati", "gurmukhi", "kannada", "khmer", "lao", "malayalam"}
_SHAPED |= {"myanmar", "oriya", "sinhala", "syriac", "tamil", "telugu", "thai", "tibetan"}
# Scripts that have signs and punctuation of their own, named after them.
_SIGNS = {*_FONTS, *_SHAPED, "armenian", "ethiopic", "georgian", "mongolian"} - {"latin", "symbol", "emoji"}
_PICTURE = "\ufe0f"  # behind what shall look like an emoji
_JOINER = "\u200d"
_RUN = re.compile(r"(?:[A-Za-z](?=[\u0300-\u036f]))?[^\x00-\x7f]+(?: [^\x00-\x7f]+)*")

PACKAGES = "\\usepackage{fontspec}\n"
_DEFINITIONS = r"""\providecommand\benchrtl{\textdir TRT\relax}
\providecommand\benchltr{\textdir TLT\relax}
\ExplSyntaxOn
\int_zero_new:N \g_bench_lacking_int
\int_zero_new:N \l_bench_fewest_int
\tl_clear_new:N \l_bench_font_tl
\cs_set_protected:Npn \bench_each_lacking:nn #1#2
  { \tl_map_inline:nn {#1} { \tex_iffontchar:D \tex_font:D `##1 ~ \else: #2 \fi: } }
% The command to define, features of the font, the characters, the fonts.
\cs_set_protected:Npn \benchscript #1#2#3#4
  {
    \tl_clear:N \l_bench_font_tl
    \int_set_eq:NN \l_bench_fewest_int \c_max_int
    \clist_map_inline:nn {#4}
      {
        \IfFontExistsTF {##1}
          {
            \int_gzero:N \g_bench_lacking_int
            \group_begin:
              \fontspec {##1} [ Renderer=HarfBuzz ]
              \bench_each_lacking:nn {#3} { \int_gincr:N \g_bench_lacking_int }
            \group_end:
            \int_compare:nNnT \g_bench_lacking_int < \l_bench_fewest_int
              {
                \int_set_eq:NN \l_bench_fewest_int \g_bench_lacking_int
                \tl_set:Nn \l_bench_font_tl {##1}
              }
            \int_compare:nNnT \g_bench_lacking_int = 0 { \clist_map_break: }
          }
          { }
      }
    \tl_if_empty:NTF \l_bench_font_tl
      { \cs_set_eq:NN #1 \rmfamily }
      { \exp_args:NNV \setfontfamily #1 \l_bench_font_tl [ #2 ] }
    \clist_gclear:N \g_tmpa_clist
    \group_begin:
      #1 \bench_each_lacking:nn {#3} { \clist_gput_right:Nx \g_tmpa_clist { \int_eval:n {`##1} } }
    \group_end:
    \clist_map_inline:Nn \g_tmpa_clist
      {
        \cs_set_protected:cpx { bench ##1 }
          { { \exp_not:n { \textdir TLT \rmfamily } U+ \int_to_Hex:n {##1} } }
        \char_set_active_eq:nc {##1} { bench ##1 }
        \char_set_catcode_active:n {##1}
      }
  }
\ExplSyntaxOff
"""


def is_foreign(c: str) -> bool:
    """Whether pdflatex lacks a character."""
    return not c.isascii() and c not in _PDFLATEX


def in_scripts(body: str) -> tuple[str, str]:
    """LaTeX with every run of characters that are no ASCII in the font of its script, and the definitions that this
    takes."""
    used: dict[str, dict[str, None]] = {}

    def run(found: re.Match) -> str:
        parts: list[list[str]] = []
        before = ""
        for c, after in zip(found[0], found[0][1:] + " "):
            script = "" if before == _JOINER else "emoji" if after == _PICTURE else _script(c)
            before = c
            if parts and (not script or script == parts[-1][0] or c == " "):
                parts[-1][1] += c
            else:
                parts.append([script or "latin", c])
        return "".join(_in_font(script, text, used) for script, text in parts)

    body = _RUN.sub(run, body)
    body = re.sub(r"-\{\}(?=-)", r"-\\kern0pt", body)  # LuaTeX makes a dash of hyphens across braces
    return body, _DEFINITIONS + "".join(_defined(script, "".join(used[script])) for script in sorted(used))


def _in_font(script: str, text: str, used: dict[str, dict[str, None]]) -> str:
    known = used.setdefault(script, {})
    known.update(dict.fromkeys(c for c in text if c != " " and unicodedata.category(c) not in ("Cf", "Mn", "Me")))
    stripped = text.rstrip(" ")
    rest = text[len(stripped) :]
    if not any(unicodedata.bidirectional(c) in ("R", "AL") for c in text):
        return f"{{\\bench{script} {stripped}}}{rest}"
    # Numbers run from left to right in every script.
    parts = [(left, "".join(part)) for left, part in groupby(stripped, _is_digit)]
    turned = "".join(f"{{\\benchltr {part}}}" if left else part for left, part in parts)
    return f"{{\\bench{script}\\benchrtl {turned}}}{rest}"


def _is_digit(c: str) -> bool:
    return unicodedata.bidirectional(c) in ("AN", "EN")


def _defined(script: str, characters: str) -> str:
    features = "Renderer=HarfBuzz" + (f", Script={script.capitalize()}" if script in _SHAPED else "")
    fonts = _FONTS.get(script) or _OTHERS.format(script.capitalize())
    ordered = "".join(sorted(characters))
    return f"\\benchscript\\bench{script}{{{features}}}{{{ordered}}}{{{fonts}}}\n"


def _script(c: str) -> str:
    """The script of a character as the name of a command; "" for what goes with the character before."""
    kind = unicodedata.category(c)
    if c == " " or kind in ("Mn", "Me", "Cf"):
        return ""
    if c.isascii():
        return "latin"
    first = re.match("(?:extended )?([a-z]*)", unicodedata.name(c, "").lower())[1]
    if first in _SCRIPTS:
        return _SCRIPTS[first]
    if c in _PDFLATEX:
        return "latin"
    if first in _SIGNS or (first and (kind[0] in "LM" or kind == "Nd") and not 0x2000 <= ord(c) <= 0x2BFF):
        return first
    if 0x2E80 <= ord(c) <= 0x33FF:  # brackets, units and numbers of the East
        return "han"
    return "emoji" if _is_emoji(c, kind) else "symbol"


def _is_emoji(c: str, kind: str) -> bool:
    """Whether a sign is a picture where nothing behind it says otherwise. Of other signs only pictures are wide."""
    if 0x1F1E6 <= ord(c) <= 0x1F1FF or 0x1F300 <= ord(c) <= 0x1FAFF:
        return True
    return kind == "So" and unicodedata.east_asian_width(c) == "W"
