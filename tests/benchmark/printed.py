"""What every figure owes its readers: texts of a size that can be read, none cut, none over another."""

from itertools import combinations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text


def texts(figure) -> dict:
    """Text -> its box in points, of all that is seen."""
    figure.set_dpi(72)
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()  # labels of axes find their places
    shown = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    hidden = {text for axes in figure.axes if not axes.axison for axis in _axis(axes) for text in axis.findobj(Text)}
    hidden |= {text for axes in figure.axes for axis in _axis(axes) for text in _unseen(axis)}
    return {text: text.get_window_extent(renderer) for text in shown if text not in hidden}


def _axis(axes):
    return [axis for name in ("xaxis", "yaxis") if (axis := getattr(axes, name, None)) is not None]


def _unseen(axis):
    """Labels of ticks outside the limits, which matplotlib keeps and does not draw."""
    drawn = set(axis._update_ticks())
    ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
    return [label for tick in ticks if tick not in drawn for label in (tick.label1, tick.label2)]


def check(figure, width: float) -> dict:
    """Check a saved figure that is `width` inches wide; return its texts."""
    assert abs(figure.get_size_inches()[0] - width) < 1e-6
    found = texts(figure)
    ticks = {label for axes in figure.axes for axis in _axis(axes) for label in axis.get_ticklabels(which="both")}
    page = figure.bbox.width, figure.bbox.height
    for text, box in found.items():
        assert text.get_fontsize() >= (6 if text in ticks else 7), text
        assert box.x0 > -0.5 and box.y0 > -0.5 and box.x1 < page[0] + 0.5 and box.y1 < page[1] + 0.5, (text, box, page)
    for (one, a), (other, b) in combinations(found.items(), 2):
        across = min(a.x1, b.x1) - max(a.x0, b.x0)
        down = min(a.y1, b.y1) - max(a.y0, b.y0)
        # Boxes hold the room of ascenders and descenders, which letters may not use.
        assert across <= 0.5 or down <= 1.5, (one, other)
    return found
