"""Quality against cost: mean ranks of methods over their time and their parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from benchmark.figures import captions, lettering, ranked, style
from benchmark.figures.score_plots import looks_of
from benchmark.report.measured import Measured

NEAR = (5, 9, 14)  # points between a point and its name
FAR = (*NEAR, 20, 27, 35, 44, 54)  # and its number
ANGLES = np.deg2rad([0, 45, 315, 90, 270, 135, 225, 180])
FRONT = "_front"
LONGEST = 24  # letters of a name that stands at its point


def machines(profiles: Sequence[dict]) -> list[list[dict]]:
    """Group profiles that may be compared: same device, processor, threads and image size. Largest group first."""
    groups: dict[tuple, list[dict]] = {}
    for record in profiles:
        key = tuple(record[name] for name in ("device", "processor", "threads", "height", "width"))
        groups.setdefault(key, []).append(record)
    return sorted(groups.values(), key=len, reverse=True)


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return the indices of the points (cost, rank) that no other point equals or beats in both, cheapest first.
    Of equal points the first counts."""
    found, best = [], math.inf
    for index in sorted(range(len(points)), key=lambda i: points[i]):
        if points[index][1] < best:
            best = points[index][1]
            found.append(index)
    return found


def quality_against_cost(plt, measured: Measured, profiles: Sequence[dict], width: float | None = None):
    """Draw the mean rank over all metrics (1 is best, at the top) against seconds per pair and against parameters.

    A line joins the methods of `front`. profiles: those of one machine, see `machines`. The second panel leaves out
    methods without parameters. Names stand at their points where all find room there, else numbers with a legend.
    width: of the figure in inches; a page for two panels, a column for one if None. Returns None where fewer than two
    methods have both a rank and a profile.
    """
    by_label = {record["method"]: record for record in profiles}
    costs = {row.cell.method: by_label[row.measured_as] for row in measured.rows if row.measured_as in by_label}
    ranks = ranked.overall(measured)
    order = [m for m in ranked.best_first(measured) if m in costs and not math.isnan(ranks[m])]
    first = profiles[0] if profiles else {}
    panels = [
        ("seconds", f"time per {first.get('width')}x{first.get('height')} pair", "s"),
        ("parameters", "parameters", ""),
    ]
    panels = [panel for panel in panels if sum(bool(costs[method][panel[0]]) for method in order) >= 2]
    if not panels:
        return None
    looks, titles = looks_of(measured), captions.methods(measured)
    width = width or (style.PAGE if len(panels) > 1 else style.COLUMN)
    down = 1 if width > style.COLUMN else len(panels)
    figure, axes = plt.subplots(
        down, len(panels) // down, figsize=(width, 2.5 * down + 0.3), sharey=True, squeeze=False, layout="constrained"
    )
    for axis, (name, label, unit) in zip(axes.flat, panels):
        points = {method: (costs[method][name], ranks[method]) for method in order if costs[method][name]}
        best = front(list(points.values()))
        corners = [list(points.values())[i] for i in best]
        axis.plot(*zip(*corners), color="#BBBBBB", linewidth=1, drawstyle="steps-post", label=FRONT)
        for method, point in points.items():
            axis.plot(*point, looks[method].marker, color=looks[method].colour, label=method)
        _logarithmic(axis, [cost for cost, _ in points.values()], unit)
        axis.set_xlabel(label)
    _ranks(axes[0, 0], [ranks[method] for method in order])
    for axis in axes[:, 0]:
        axis.set_ylabel("mean rank over metrics")
    device = first["processor"] if first["device"] == "cpu" else first["device"]
    threads = f", {first['threads']} thread{'s' * (first['threads'] != 1)}" if first["device"] == "cpu" else ""
    style.title(figure, *captions.place(measured))
    if panels[0][0] == "seconds":
        room = width * down / len(panels) - 0.6 - style.wide(figure, f"on {threads}")
        axes[0, 0].set_title(f"on {style.fit(figure, device, room)}{threads}")
    names = {method: titles[method] for method in order}
    if max(map(len, names.values())) > LONGEST or not _written(figure, axes.flat, names, NEAR):
        numbers = {method: str(i) for i, method in enumerate(order, 1)}
        handles = [
            plt.Line2D([], [], color=looks[m].colour, marker=looks[m].marker, linestyle="", label=m) for m in order
        ]
        style.legend(figure, handles, [f"{numbers[method]}  {names[method]}" for method in order])
        _written(figure, axes.flat, numbers, FAR)
    return figure


def _logarithmic(axis, costs: Sequence[float], unit: str) -> None:
    """Give an axis a logarithmic scale with at least two ticks that have labels."""
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter, NullLocator

    low, high = min(costs), max(costs)
    middle, half = math.sqrt(low * high), max(1.25 * math.log10(high / low) / 2, math.log10(3))
    axis.set_xscale("log")
    axis.set_xlim(middle / 10**half, middle * 10**half)
    decades = 2 * half
    steps = (1,) if decades > 3 else (1, 3) if decades > 1.6 else (1, 2, 5)
    axis.xaxis.set_major_locator(LogLocator(subs=steps, numticks=8))
    axis.xaxis.set_major_formatter(EngFormatter(unit, sep=" " if unit else ""))
    axis.xaxis.set_minor_locator(NullLocator() if decades < 2 else LogLocator(subs=range(2, 10), numticks=99))
    axis.xaxis.set_minor_formatter(NullFormatter())


def _ranks(axis, ranks: Sequence[float]) -> None:
    """Let the axis of ranks run downwards from the best, with at least two ticks."""
    from matplotlib.ticker import MaxNLocator

    low, high = min(ranks), max(ranks)
    room = max(0.12 * (high - low), 0.5)
    axis.set_ylim(high + room, low - room)
    axis.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10], min_n_ticks=2))


def _written(figure, axes, texts: dict[str, str], distances: Sequence[float]) -> bool:
    """Write the text of each method at its point in all axes, clear of points, of other texts and of the edge. Write
    none, and return False, where there is no room."""
    lettering.prepare(figure)
    figure.get_layout_engine().execute(figure)
    drawn = []
    for axis in axes:
        found = _placed(figure, axis, texts, distances)
        if found is None:
            for text in drawn:
                text.remove()
            return False
        drawn += found
    return True


def _placed(figure, axis, texts: dict[str, str], distances: Sequence[float]):
    """Write as `_written` does in one axes; None where a text finds no room."""
    point = figure.dpi / 72  # pixels
    places = {line.get_label(): axis.transData.transform((line.get_xdata()[0], line.get_ydata()[0]))
              for line in axis.lines if line.get_label() in texts}  # fmt: skip
    edge, half = axis.get_window_extent(), 2.2 * point
    taken = [(x - half, y - half, x + half, y + half) for x, y in places.values()]
    (corners,) = (axis.transData.transform(line.get_xydata()) for line in axis.lines if line.get_label() == FRONT)
    for (x0, y0), (x1, y1) in pairwise(corners):  # across, then up
        taken += [(x0, y0 - 1, x1, y0 + 1), (x1 - 1, min(y0, y1), x1 + 1, max(y0, y1))]
    drawn = []
    for method, (x, y) in places.items():
        shown, families = lettering.legible(texts[method])
        wide, high = style.wide(figure, shown, families) * figure.dpi, 1.05 * style.SIZE * point
        for distance, angle in ((d, a) for d in distances for a in ANGLES):
            dx, dy = math.cos(angle), math.sin(angle)
            left = x + distance * point * dx - wide * (0.5 - 0.5 * _side(dx))
            low = y + distance * point * dy - high * (0.5 - 0.5 * _side(dy))
            box = (left, low, left + wide, low + high)
            inside = box[0] >= edge.x0 and box[2] <= edge.x1 and box[1] >= edge.y0 and box[3] <= edge.y1
            if inside and not any(_meet(box, other) for other in taken):
                break
        else:
            for text in drawn:
                text.remove()
            return None
        taken.append(box)
        line = {"arrowstyle": "-", "linewidth": 0.4, "color": "#888888", "shrinkA": 0, "shrinkB": 2}
        text = axis.annotate(
            shown, axis.transData.inverted().transform((x, y)), ((left - x) / point, (low - y) / point),
            textcoords="offset points", fontsize=style.SIZE, va="bottom", parse_math=False,
            arrowprops=line if distance > NEAR[0] else None,
        )  # fmt: skip
        if families:
            lettering.set_families(text, families)
        text.set_in_layout(False)
        drawn.append(text)
    return drawn


def _side(direction: float) -> int:
    """Return -1, 0 or 1: left of a point, above or below it, or right of it."""
    return 0 if abs(direction) < 0.3 else int(math.copysign(1, direction))


def _meet(one, other) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
