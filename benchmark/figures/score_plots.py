"""Figures of scores: distributions, sorted curves, ranks, critical differences.

Every figure's function takes one `Measured` (a split under one protocol) and returns a new figure, or None where there
is nothing to draw. Call them within `style.pyplot()`.
"""

from __future__ import annotations

import math

import numpy as np
from matplotlib.cbook import boxplot_stats
from matplotlib.collections import PolyCollection

from benchmark.figures import critical, style
from benchmark.report.measured import NAIVE, Measured
from benchmark.report.terminal import ARROWS

RADAR_METHODS = 8  # more polygons cannot be told apart


def methods_by_rank(measured: Measured) -> list[int]:
    """Return the indices of the rows, lowest mean rank first; those without a rank come last, in their own order."""
    return sorted(range(len(measured.rows)), key=lambda i: (math.isnan(r := measured.ranking.mean_rank[i]), r, i))


def metric_label(measured: Measured, metric: str) -> str:
    return f"{metric} {ARROWS[measured.scores.metrics[metric]]}".strip()


def looks_of(measured: Measured) -> dict[str, style.Look]:
    """Return how each method is drawn, the same in all figures of one table."""
    return style.looks(measured.scores.methods, NAIVE)


def _panels(plt, count: int, columns: int, width: float, height: float, **options):
    """Make `count` axes in rows of `columns`. The places left over stay empty."""
    columns = max(1, min(columns, count))
    rows = math.ceil(count / columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(width, height * rows), squeeze=False, layout="constrained", **options
    )
    for axis in axes.flat[count:]:
        axis.axis("off")
    return figure, list(axes.flat[:count])


def distributions(plt, measured: Measured):
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

    return _over_images(plt, measured, boxes)


def violins(plt, measured: Measured):
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

    return _over_images(plt, measured, bodies)


def _over_images(plt, measured: Measured, draw):
    scores, order = measured.scores, methods_by_rank(measured)
    if not scores.metrics or len(scores.ids) < 2:
        return None
    looks, titles = looks_of(measured), [measured.rows[i].title for i in order]
    figure, axes = _panels(plt, len(scores.metrics), 4, style.PAGE, 0.55 + 0.15 * len(order))
    rows = np.arange(len(order), 0, -1)
    for j, (axis, metric) in enumerate(zip(axes, scores.metrics)):
        found = [(row, i, scores.values[i, j][np.isfinite(scores.values[i, j])]) for row, i in zip(rows, order)]
        found = [(row, i, values) for row, i, values in found if len(values)]
        if found:
            places, indices, values = zip(*found)
            draw(axis, values, places, [looks[scores.methods[i]].colour for i in indices])
            means = [x.mean() for x in values]
            axis.plot(means, places, "D", color="white", markeredgecolor="black", markersize=2, markeredgewidth=0.5)
        axis.set_title(metric_label(measured, metric))
        axis.set_ylim(0.4, len(order) + 0.6)
        axis.grid(axis="y", visible=False)
        if j % 4 == 0:
            axis.set_yticks(rows, titles)
        else:
            axis.set_yticks([])
        # Lines lead from the names at the left to the boxes of every panel.
        axis.hlines(rows, 0, 1, transform=axis.get_yaxis_transform(), color="#EEEEEE", linewidth=0.5, zorder=0.4)
    return figure


def sorted_curves(plt, measured: Measured):
    """Draw a panel per metric: each method's values in ascending order against the share of images, as this field does.
    The legend names each method once."""
    scores = measured.scores
    if not scores.metrics or len(scores.ids) < 2:
        return None
    looks = looks_of(measured)
    figure, axes = _panels(plt, len(scores.metrics), 4, style.PAGE, 1.6)
    for j, (axis, metric) in enumerate(zip(axes, scores.metrics)):
        for method, values in zip(scores.methods, scores.values[:, j]):
            values = np.sort(values[np.isfinite(values)])
            if len(values) < 2:
                continue
            look, few = looks[method], len(values) <= 30
            axis.plot(
                np.linspace(0, 1, len(values)), values, color=look.colour, linestyle=look.dashes,
                marker=look.marker if few else None, markersize=2, linewidth=0.9,
            )  # fmt: skip
        axis.set_title(metric_label(measured, metric))
        axis.set_xlim(0, 1)
        axis.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    for axis in axes[-4:]:
        axis.set_xlabel("share of images")
    few = len(scores.ids) <= 30
    handles = [
        plt.Line2D([], [], color=look.colour, linestyle=look.dashes, marker=look.marker if few else None, markersize=3)
        for look in (looks[method] for method in scores.methods)
    ]
    titles = [row.title for row in measured.rows]
    figure.legend(handles, titles, loc="outside lower center", ncols=min(6, len(titles)), handlelength=2.6)
    return figure


def radar(plt, measured: Measured):
    """Draw the mean rank of each method under each metric, the best rank at the rim.

    Shows at most eight methods, those with the lowest mean rank over all metrics. Returns None for fewer than three
    metrics, or fewer than two methods with ranks.
    """
    ranks = mean_ranks(measured)
    metrics = [m for m in measured.ranked if np.isfinite(ranks[m]).sum() >= 2]
    order = [i for i in methods_by_rank(measured) if all(np.isfinite(ranks[m][i]) for m in metrics)][:RADAR_METHODS]
    if len(metrics) < 3 or len(order) < 2:
        return None
    looks = looks_of(measured)
    figure, axis = plt.subplots(
        figsize=(style.COLUMN, style.COLUMN * 1.2), subplot_kw={"projection": "polar"}, layout="constrained"
    )
    angles = np.linspace(0, 2 * np.pi, len(metrics), endpoint=False)
    worst = max(np.nanmax(ranks[m]) for m in metrics)
    for i in order:
        look = looks[measured.scores.methods[i]]
        values = [ranks[m][i] for m in metrics]
        axis.plot(
            [*angles, angles[0]], [*values, values[0]], color=look.colour, linestyle=look.dashes, marker=look.marker,
            markersize=2.5, linewidth=1, label=measured.rows[i].title,
        )  # fmt: skip
    axis.set_theta_zero_location("N")
    axis.set_theta_direction(-1)
    axis.set_xticks(angles, [metric_label(measured, m) for m in metrics])
    axis.set_ylim(worst + 0.5, 1 - 0.2)  # rank 1 outside
    step = max(1, round(worst / 5))
    axis.set_yticks(np.arange(1, worst + 1, step))
    axis.set_rlabel_position(180 / len(metrics))
    axis.tick_params(axis="x", pad=0)
    axis.spines["polar"].set_visible(False)
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def mean_ranks(measured: Measured) -> dict[str, np.ndarray]:
    """Return metric -> (k,) mean rank over units (images or scenes), 1 is best; nan for methods that are not
    compared."""
    found = {}
    for metric, friedman in measured.friedmans.items():
        found[metric] = np.full(len(measured.rows), np.nan)
        if friedman is not None:
            found[metric][friedman.methods] = friedman.mean_ranks
    return found


def critical_differences(plt, measured: Measured):
    """Draw a critical-difference diagram (Demšar 2006) per metric: mean ranks on a line, 1 is best. A bar joins methods
    that Nemenyi's test cannot tell apart. Returns None where no metric has three methods and units enough to test."""
    found = {metric: test for metric, test in measured.friedmans.items() if test is not None and test.possible}
    if not found:
        return None
    most = max(len(friedman.methods) for friedman in found.values())
    figure, axes = _panels(plt, len(found), 2, style.PAGE, 0.75 + 0.075 * most)
    looks = looks_of(measured)
    for axis, (metric, friedman) in zip(axes, found.items()):
        critical.diagram(
            axis,
            friedman,
            [measured.rows[i].title for i in friedman.methods],
            [looks[measured.scores.methods[i]].colour for i in friedman.methods],
        )
        unit = measured.scores.unit
        axis.set_title(
            f"{metric_label(measured, metric)}   CD {friedman.critical_difference:.2f}, Friedman p "
            f"{_p(friedman.p)}, {friedman.units} {unit}s"
        )
    return figure


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"
