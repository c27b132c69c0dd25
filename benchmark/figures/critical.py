"""The critical-difference diagram of Demšar (JMLR 7, 2006)."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.collections import LineCollection

from benchmark.figures import style
from benchmark.figures.ranked import Ranks

ROW = 0.9  # height of a row of text and of a bar, in units of the axis
UNIT = style.LINE / ROW  # inches of that unit


def diagram(axis, ranks: Ranks, titles: Mapping[str, str], colours: Mapping[str, str]) -> float:
    """Draw mean ranks on a line at the top, bars below it, then a row for each method, the better half at the left.

    titles, colours: of each method. Return the height that the diagram needs, in inches. Uses few artists, which
    are slow.
    """
    order = np.argsort(ranks.ranks, kind="stable")
    places, methods = ranks.ranks[order], [ranks.methods[i] for i in order]
    titles, colours = [titles[method] for method in methods], [colours[method] for method in methods]
    count, half = len(order), math.ceil(len(order) / 2)
    gap = 0.02 * (count - 1)
    bars, ends = [], []  # ends: the rank at which the last bar of each level ends
    for first, last in joined(ranks.alike[np.ix_(order, order)]):
        level = next((i for i, end in enumerate(ends) if end + gap < places[first]), len(ends))
        ends[level : level + 1] = [places[last]]
        bars.append([(places[first], ROW * level + ROW), (places[last], ROW * level + ROW)])
    numbers = np.arange(count)
    rows = ROW * len(ends) + 1.2 + ROW * np.minimum(numbers, numbers[::-1])
    edges = np.where(numbers < half, 1 - gap, count + gap)
    elbows = [[(rank, 0), (rank, row), (edge, row)] for rank, row, edge in zip(places, rows, edges)]
    axis.add_collection(LineCollection(elbows, colors=colours, linewidths=0.7, clip_on=False))
    axis.add_collection(LineCollection(bars, colors="#333333", linewidths=1.6))
    axis.scatter(places, np.zeros(count), 9, colours, linewidth=0, clip_on=False, zorder=3)
    for side, part in (("right", slice(half)), ("left", slice(half, None))):
        texts = []
        for title, rank, row, edge in zip(titles[part], places[part], rows[part], edges[part]):
            text = f"{title}  {rank:.2f} " if side == "right" else f" {rank:.2f}  {title}"
            texts.append(axis.text(edge, row, text, fontsize=style.SIZE, ha=side, va="center"))
        # The layout makes room for the three longest texts: to measure all takes as long as to draw them.
        for text in sorted(texts, key=lambda text: len(text.get_text()))[:-3]:
            text.set_in_layout(False)
    axis.set_xlim(1, count)
    axis.set_ylim(rows.max() + 0.6, 0)
    step = max(1, round(count / 5))
    axis.set_xticks([1, *range(max(2, step), count + 1, step)])
    axis.set_yticks([])
    axis.grid(visible=False)
    axis.xaxis.tick_top()
    axis.spines[["left", "bottom"]].set_visible(False)
    axis.spines["top"].set_visible(True)
    return float(rows.max() + 0.6) * UNIT


def joined(alike: np.ndarray) -> list[tuple[int, int]]:
    """Return the first and last of each longest run of methods whose two ends are alike. alike: bool (c, c), sorted by
    rank."""
    found = []
    for first, row in enumerate(alike):
        last = int(np.flatnonzero(row)[-1])
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return found
