"""The critical-difference diagram of Demšar (JMLR 7, 2006)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.collections import LineCollection

from benchmark.statistics import Friedman


def diagram(axis, friedman: Friedman, titles: Sequence[str], colours: Sequence[str]):
    """Ranks on a line at the top, bars below it, then a row for each method, the better half at the left."""
    order = np.argsort(friedman.mean_ranks, kind="stable")
    ranks, count, half = friedman.mean_ranks[order], len(order), math.ceil(len(order) / 2)
    gap = 0.02 * (count - 1)
    bars, ends = [], []  # the rank at which the bars of each level end
    for first, last in joined(friedman.nemenyi[np.ix_(order, order)] > friedman.alpha):
        level = next((i for i, end in enumerate(ends) if end + gap < ranks[first]), len(ends))
        ends[level:] = [ranks[last], *ends[level + 1 :]]
        bars.append([(ranks[first], 0.9 * (level + 1)), (ranks[last], 0.9 * (level + 1))])
    lines, top = [], 0.9 * len(ends) + 1.2
    for place, (rank, i) in enumerate(zip(ranks, order)):
        left = place < half
        row, edge = top + (place if left else count - 1 - place), 1 - gap if left else count + gap
        lines.append([(rank, 0), (rank, row), (edge, row)])
        text = f"{titles[i]}  {rank:.2f} " if left else f" {rank:.2f}  {titles[i]}"
        axis.text(edge, row, text, fontsize=6, ha="right" if left else "left", va="center")
    colours = [colours[i] for i in order]
    axis.add_collection(LineCollection(lines, colors=colours, linewidths=0.7, clip_on=False))
    axis.add_collection(LineCollection(bars, colors="#333333", linewidths=1.6))
    axis.scatter(ranks, np.zeros(count), 9, colours, linewidth=0, clip_on=False, zorder=3)
    axis.set_xlim(1, count)
    axis.set_ylim(top + half - 0.5, 0)
    step = max(1, round(count / 5))
    axis.set_xticks([1, *range(max(2, step), count + 1, step)])
    axis.set_yticks([])
    axis.grid(visible=False)
    axis.xaxis.tick_top()
    axis.spines[["left", "bottom"]].set_visible(False)
    axis.spines["top"].set_visible(True)


def joined(alike: np.ndarray) -> list[tuple[int, int]]:
    """The longest runs of methods, sorted by rank, whose ends are alike, bool (c, c): first and last of each."""
    found = []
    for first, row in enumerate(alike):
        last = int(np.flatnonzero(row)[-1])
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return found
