"""Figures of scores: distributions, sorted curves, ranks, critical differences.

Every figure's function takes one `Measured` (a split under one protocol) and the width of the figure in inches. It
returns a new figure, or None where there is nothing to draw. Call them within `style.pyplot()`.
"""

from __future__ import annotations

import math

import numpy as np
from matplotlib.cbook import boxplot_stats
from matplotlib.collections import PolyCollection

from benchmark.figures import captions, critical, ranked, style
from benchmark.report.measured import NAIVE, Measured


def looks_of(measured: Measured) -> dict[str, style.Look]:
    """Return how each method is drawn, the same in all figures of one table.

    The methods asked for have colours of their own, at most eight of them, those with the lowest mean rank. Simple
    baselines are grey. Where there are other methods too, these and the baselines look all the same.
    """
    methods = measured.scores.methods
    asked = [m for m in methods if m in measured.asked] or [m for m in methods if m not in NAIVE]
    if len(asked) <= style.MOST and not measured.rest:
        return style.looks(methods, NAIVE)
    bright = [method for method in ranked.best_first(measured) if method in asked][: style.MOST]
    return style.looks(methods, NAIVE, [method for method in methods if method not in bright])


def _panels(plt, count: int, width: float, height: float, **options):
    """Make `count` axes of that height in rows of four, or of two in a column. The places left over stay empty."""
    columns = max(1, min(4 if width > style.COLUMN else 2, count))
    rows = math.ceil(count / columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(width, height * rows + 0.2), squeeze=False, layout="constrained", **options
    )
    for axis in axes.flat[count:]:
        axis.axis("off")
    return figure, list(axes.flat[:count]), columns


def distributions(plt, measured: Measured, width: float = style.PAGE):
    """Draw a panel per metric, with a box per method over the images, methods ordered by mean rank.

    A box shows quartiles and median. Whiskers reach to the furthest value within 1.5 interquartile ranges. The diamond
    is the mean.
    """

    def boxes(axis, values, places, colours):
        # One artist draws all marks of a kind; `boxplot` takes seven for every box.
        found, places = boxplot_stats(values), np.array(places)
        low, first, median, third, high = (
            np.array([one[name] for one in found]) for name in ("whislo", "q1", "med", "q3", "whishi")
        )
        below, above = places - 0.31, places + 0.31
        corners = np.stack([first, below, third, below, third, above, first, above], axis=1).reshape(-1, 4, 2)
        axis.add_collection(PolyCollection(corners, facecolors=colours, edgecolors="black", alpha=0.45, linewidths=0.5))
        ends, twice = np.concatenate([low, high]), np.tile(places, 2)
        axis.hlines(twice, ends, np.concatenate([first, third]), color="black", linewidth=0.5)
        axis.vlines(ends, twice - 0.155, twice + 0.155, color="black", linewidth=0.5)
        axis.vlines(median, below, above, color="black", linewidth=0.9)
        outside = [one["fliers"] for one in found]
        axis.plot(
            np.concatenate(outside), np.repeat(places, [len(x) for x in outside]), ".", markersize=1.5,
            markerfacecolor="none", markeredgecolor="#666666",
        )  # fmt: skip

    return _over_images(plt, measured, width, boxes)


def violins(plt, measured: Measured, width: float = style.PAGE):
    """Draw as `distributions` does, but the estimated density of the values in place of boxes. The line is the
    median."""

    def bodies(axis, values, places, colours):
        # A density needs values that differ.
        spread = [i for i, found in enumerate(values) if np.ptp(found) > 0]
        if spread:
            drawn = axis.violinplot(
                [values[i] for i in spread],
                [places[i] for i in spread],
                orientation="horizontal",
                widths=0.85,
                showextrema=False,
            )
            for body, i in zip(drawn["bodies"], spread):
                body.set(facecolor=colours[i], edgecolor=colours[i], alpha=0.45, linewidth=0.6)
        axis.plot([np.median(found) for found in values], places, "|", color="black", markersize=4)

    return _over_images(plt, measured, width, bodies)


def _over_images(plt, measured: Measured, width: float, draw):
    scores, order = measured.scores, ranked.best_first(measured)
    if not scores.metrics or len(scores.ids) < 2:
        return None
    looks, titles = looks_of(measured), captions.methods(measured)
    figure, axes, columns = _panels(plt, len(scores.metrics), width, 0.5 + 0.15 * len(order))
    names = [style.fit(figure, titles[method], 0.3 * width, 6.5) for method in order]
    rows = np.arange(len(order), 0, -1)
    for j, (axis, metric) in enumerate(zip(axes, scores.metrics)):
        values = {row: scores.values[scores.methods.index(method), j] for row, method in zip(rows, order)}
        found = {row: one[np.isfinite(one)] for row, one in values.items() if np.isfinite(one).any()}
        if found:
            colours = [looks[method].colour for row, method in zip(rows, order) if row in found]
            draw(axis, list(found.values()), list(found), colours)
            means = [x.mean() for x in found.values()]
            axis.plot(
                means, list(found), "D", color="white", markeredgecolor="black", markersize=2, markeredgewidth=0.5
            )
        axis.set_title(captions.metric(measured, metric))
        axis.set_ylim(0.4, len(order) + 0.6)
        axis.grid(axis="y", visible=False)
        axis.locator_params(axis="x", nbins=4)
        if j % columns == 0:
            axis.set_yticks(rows, names)
        else:
            axis.set_yticks([])
        # Lines lead from the names at the left to the boxes of every panel.
        axis.hlines(rows, 0, 1, transform=axis.get_yaxis_transform(), color="#EEEEEE", linewidth=0.5, zorder=0.4)
    style.title(figure, *captions.place(measured))
    return figure


def sorted_curves(plt, measured: Measured, width: float = style.PAGE):
    """Draw a panel per metric: each method's values in ascending order against the share of images, as this field does.

    The legend names each method once. Methods that share a look, and those that the table leaves out, are one entry.
    """
    scores = measured.scores
    if not scores.metrics or len(scores.ids) < 2:
        return None
    looks, titles, few = looks_of(measured), captions.methods(measured), len(scores.ids) <= 30
    behind = [method for method, look in looks.items() if look is style.REST]
    named = [method for method in looks if method not in behind]
    figure, axes, columns = _panels(plt, len(scores.metrics), width, 1.6)
    for j, (axis, metric) in enumerate(zip(axes, scores.metrics)):
        lines = {method: scores.values[scores.methods.index(method), j] for method in behind}
        lines |= {row.cell.method: _values(row, metric, scores.ids) for row in measured.rest}
        for values in map(_sorted, lines.values()):
            if len(values) > 1:
                axis.plot(np.linspace(0, 1, len(values)), values, color=style.REST.colour, linewidth=0.5, zorder=1)
        for method in named:
            values, look = _sorted(scores.values[scores.methods.index(method), j]), looks[method]
            if len(values) > 1:
                axis.plot(
                    np.linspace(0, 1, len(values)), values, color=look.colour, linestyle=look.dashes,
                    marker=look.marker if few else None, markersize=2, linewidth=1.1,
                )  # fmt: skip
        axis.set_title(captions.metric(measured, metric))
        axis.set_xlim(0, 1)
        axis.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    for axis in axes[-columns:]:
        axis.set_xlabel("share of images")
    handles = [
        plt.Line2D([], [], color=look.colour, linestyle=look.dashes, marker=look.marker if few else None, markersize=3)
        for look in (looks[method] for method in named)
    ]
    labels = [titles[method] for method in named]
    if others := len(behind) + len(measured.rest):
        handles.append(plt.Line2D([], [], color=style.REST.colour, linewidth=0.5))
        labels.append(f"{others} other{'s' * (others > 1)}")
    style.legend(figure, handles, labels)
    style.title(figure, *captions.place(measured))
    return figure


def _sorted(values: np.ndarray) -> np.ndarray:
    return np.sort(values[np.isfinite(values)])


def _values(row, metric: str, ids) -> np.ndarray:
    """Return a metric of the images that a row has, nan where it lacks the metric."""
    return np.array([row.scores.get(id, {}).get(metric, np.nan) for id in ids], float)


def radar(plt, measured: Measured, width: float = style.COLUMN):
    """Draw the mean rank of each method under each metric, the best rank at the rim.

    Shows at most eight methods, and says which: those asked for, of more those with the lowest mean rank over all
    metrics. Returns None for fewer than three metrics, or fewer than two methods with ranks.
    """
    ranks = {metric: found for metric, found in ranked.by_metric(measured).items() if len(found) >= 2}
    looks, titles = looks_of(measured), captions.methods(measured)
    order = [method for method in ranked.best_first(measured) if all(method in found for found in ranks.values())]
    if len(ranks) < 3 or len(order) < 2:
        return None
    count = len(order)
    order = sorted(order, key=lambda method: (looks[method] is style.REST, method in NAIVE))[: style.MOST]
    looks |= style.looks([method for method in order if looks[method] is style.REST], NAIVE)
    figure, axis = plt.subplots(
        figsize=(width, min(width, 4.5) + 0.3), subplot_kw={"projection": "polar"}, layout="constrained"
    )
    angles = np.linspace(0, 2 * np.pi, len(ranks), endpoint=False)
    worst = max(max(found.values()) for found in ranks.values())
    handles = []
    for method in order:
        look, values = looks[method], [found[method] for found in ranks.values()]
        handles += axis.plot(
            [*angles, angles[0]], [*values, values[0]], color=look.colour, linestyle=look.dashes, marker=look.marker,
            markersize=2.5, linewidth=1, label=titles[method], clip_on=False,
        )  # fmt: skip
    axis.set_theta_zero_location("N")
    axis.set_theta_direction(-1)
    axis.set_xticks(angles, [captions.metric(measured, metric) for metric in ranks])
    axis.set_ylim(worst + 0.5, 1)  # rank 1 outside
    step = max(1, round(worst / 5))
    rings = np.arange(1, worst + 0.25, step)
    axis.set_yticks(rings, [""] * len(rings))
    for ring in rings:  # texts, since labels of ticks lie below the lines
        axis.text(
            np.pi / len(ranks), ring, f"rank {ring:g}" if ring == 1 else f"{ring:g}", ha="center", va="center",
            zorder=5, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.85},
        )  # fmt: skip
    axis.tick_params(axis="x", pad=2)
    axis.spines["polar"].set_visible(False)
    style.legend(figure, handles, [titles[method] for method in order])
    style.title(figure, *captions.place(measured))
    if count > len(order):
        axis.set_title(f"{len(order)} of {count} methods: those named below", pad=10)
    return figure


def critical_difference(plt, measured: Measured, metric: str, width: float = style.COLUMN):
    """Draw the critical-difference diagram (Demšar 2006) of a metric: mean ranks on a line, 1 is best. A bar joins
    methods that Nemenyi's test cannot tell apart. Returns None for fewer than three methods and for too
    few units."""
    found = ranked.compared(measured, metric)
    if found is None or not found.possible:
        return None
    figure, axis = plt.subplots(figsize=(width, 2), layout="constrained")
    looks, room = looks_of(measured), 0.41 * width - style.wide(figure, " 00.00  ")
    titles = {name: style.fit(figure, title, room) for name, title in captions.methods(measured).items()}
    high = critical.diagram(axis, found, titles, {method: look.colour for method, look in looks.items()})
    figure.set_size_inches(width, high + 4 * style.LINE)
    axis.set_title(
        f"{captions.metric(measured, metric)}, {found.units} {found.unit}s: CD {found.critical:.2f}, Friedman p"
        f" {_p(found.p)}"
    )
    style.title(figure, *captions.place(measured))
    return figure


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"
