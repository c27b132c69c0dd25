"""One look for all figures: sizes of a two-column page, colours that the colour-blind tell apart, the same bytes for
the same data.

Colours are those of Okabe and Ito (2008); lines differ by dashes and markers as well, so that they survive grey print.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Collection, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.figures import lettering
from benchmark.names import LONGEST, printable

COLUMN, PAGE = 3.5, 7.16  # inches: the widths of a column and of a page of two, as IEEE sets them
WIDTHS = {"column": COLUMN, "page": PAGE}
TALLEST = 9.25  # inches: the height of such a page
SIZE = 7  # points, of all texts but those at ticks
LINE = 1.25 * SIZE / 72  # inches: what a line of text takes
DPI = 300

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D1F")
DASHES = ("-", "--", "-.", ":")
MARKERS = "osD^vP*X"
NAIVE_GREYS = ("#333333", "#5A5A5A", "#767676", "#464646", "#696969")  # text in them stays legible on white


RC = {
    "font.family": ["DejaVu Sans"],
    # What stands for a kind of fonts: those of most papers and their like, all TrueType, which PDF holds best; last one
    # that comes with matplotlib.
    "font.serif": ["Times New Roman", "Liberation Serif", "Tinos", "STIXGeneral"],
    "font.sans-serif": ["Arial", "Liberation Sans", "Arimo", "DejaVu Sans"],
    "font.size": SIZE,
    "axes.labelsize": SIZE,
    "axes.titlesize": SIZE,
    "figure.titlesize": SIZE,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": SIZE,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.1,
    "lines.markersize": 3.5,
    "legend.frameon": False,
    "pdf.fonttype": 42,
    "text.hinting": "none",
    "svg.hashsalt": "mmif-bench",
}


@dataclass(frozen=True)
class Look:
    """How a method is drawn, the same in every figure of a report."""

    colour: str
    dashes: str
    marker: str


REST = Look("#B0B0B0", "-", "o")  # of methods that stand behind those that a figure is about
MOST = len(COLOURS)  # more lines cannot be told apart


def looks(methods: Sequence[str], naive: Sequence[str] = (), rest: Collection[str] = ()) -> dict[str, Look]:
    """Return a look for each method: `REST` for those in `rest`; naive ones in greys, the others in colours that come
    again, after eight, with other dashes and markers."""
    found, coloured, grey = {}, 0, 0
    for method in methods:
        if method in rest:
            found[method] = REST
        elif method in naive:
            found[method] = Look(NAIVE_GREYS[grey % 5], DASHES[(grey + 1) % 4], MARKERS[grey % 8])
            grey += 1
        else:
            place = coloured % len(COLOURS)
            turn = coloured // len(COLOURS)
            found[method] = Look(COLOURS[place], DASHES[(place + turn) % 4], MARKERS[(place + turn) % 8])
            coloured += 1
    return found


@dataclass(frozen=True)
class Print:
    """How figures are printed.

    width: in inches, None for each figure's own. font: a family, or a kind of fonts, None for DejaVu Sans. formats: of
    `options.FIGURE_FORMATS`.
    """

    width: float | None = None
    font: str | None = None
    formats: tuple[str, ...] = ("pdf", "png")


AS_IT_IS = Print()


@contextmanager
def pyplot(font: str | None = None):
    """matplotlib.pyplot without a display and in our style; figures made within are closed at the end."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    families = [] if font is None else [lettering.installed(font)]
    with plt.rc_context({**RC, "font.family": [*families, *RC["font.family"]]}):
        try:
            yield plt
        finally:
            plt.close("all")


def fit(figure, text: str, inches: float, size: float = SIZE) -> str:
    """Return a text that is no wider in a figure: without its middle where it must be."""
    for longest in (lettering.LONGEST, 36, 28, 22, 16, 12, 8):
        cut = lettering.short(text, longest)
        shown, families = lettering.legible(cut)
        if len(shown) * size / 72 <= inches or wide(figure, shown, families, size) <= inches:
            break  # as wide as high is the widest letter
    return cut


def wide(figure, text: str, families: Sequence[str] = (), size: float = SIZE) -> float:
    """Return the width of a legible text in inches."""
    probe = figure.text(0, 0, text, fontsize=size, parse_math=False)
    if families:
        lettering.set_families(probe, families)
    extent = probe.get_window_extent(figure.canvas.get_renderer())
    probe.remove()
    return extent.width / figure.dpi


def title(figure, name: str, remark: str) -> None:
    """Write above all what a figure shows: a name, which is cut where there is no room, and a remark."""
    room = figure.get_size_inches()[0] - 0.1 - wide(figure, f", {remark}")
    figure.suptitle(f"{fit(figure, name, room)}, {remark}")


def legend(figure, handles: Sequence, labels: Sequence[str], **options):
    """Write a legend below all, in as many columns as there is room for. The figure grows by its height."""
    renderer = figure.canvas.get_renderer()
    for longest in (lettering.LONGEST, 28, 18):
        shown = [lettering.legible(lettering.short(label, longest)) for label in labels]
        for columns in range(min(6, len(labels)), 0, -1):
            drawn = figure.legend(
                handles, [text for text, _ in shown], loc="outside lower center", ncols=columns, handlelength=2.6,
                **options,
            )  # fmt: skip
            for text, (_, families) in zip(drawn.get_texts(), shown):
                text.set_parse_math(False)
                if families:
                    lettering.set_families(text, families)
            extent = drawn.get_window_extent(renderer)
            if extent.width < figure.bbox.width - 4 or (longest, columns) == (18, 1):
                figure.set_figheight(figure.get_figheight() + extent.height / figure.dpi)
                return drawn
            drawn.remove()
    return None


def save(figure, stem: Path, formats: Sequence[str] = Print.formats) -> list[Path]:
    """Write `<stem>.pdf` and the like; returns the paths."""
    settle(figure)
    stem = stem.with_name(_file_name(stem.name))
    return [_write(figure, stem.with_name(f"{stem.name}.{suffix}"), DPI) for suffix in formats]


def settle(figure) -> None:
    """Lay a figure out as it is printed, once for all files."""
    cut = lettering.prepare(figure)
    figure.set_dpi(DPI)
    fits = _lay_out(figure, cut)
    for longest in (lettering.LONGEST // 2, lettering.LONGEST // 4):
        if not fits and lettering.shorten(figure, longest):
            fits = _lay_out(figure, cut)
    figure.set_layout_engine("none")


def _lay_out(figure, cut: bool) -> bool:
    """Whether there was room for what is drawn; cut: and for legends, whose names had to be cut."""
    if figure.get_layout_engine() is None:
        return True
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        figure.get_layout_engine().execute(figure)
    collapsed = any("constrained_layout not applied" in str(one.message) for one in told)
    wide = cut and any(one.get_window_extent().width > figure.bbox.width for one in figure.legends)
    return not collapsed and not wide


def _file_name(name: str) -> str:
    """A name that a file can have; a long one ends in a hash of the whole."""
    name = printable(name)
    data = name.encode()
    if len(data) <= LONGEST:
        return name
    return f"{data[: LONGEST - 9].decode(errors='ignore')}-{hashlib.sha256(data).hexdigest()[:8]}"


def write(figure, path: Path, dpi: int = DPI) -> Path:
    """Write a PDF, SVG or PNG in one step and without dates; returns the path.

    By the canvases themselves: `savefig` would draw a figure with a layout twice.
    """
    lettering.prepare(figure)
    return _write(figure, path, dpi)


def _write(figure, path: Path, dpi: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.set_dpi(dpi)
    beside = path.with_name(f".{path.name}.{os.getpid()}{path.suffix}")
    try:
        if path.suffix == ".pdf":
            from matplotlib.backends.backend_pdf import FigureCanvasPdf

            FigureCanvasPdf(figure).print_pdf(beside, metadata={"CreationDate": None, "ModDate": None})
        elif path.suffix == ".svg":
            from matplotlib.backends.backend_svg import FigureCanvasSVG

            FigureCanvasSVG(figure).print_svg(beside, metadata={"Date": None})
        else:
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from PIL import Image

            canvas = FigureCanvasAgg(figure)
            canvas.draw()
            Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB").save(beside, dpi=(dpi, dpi))
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return path
