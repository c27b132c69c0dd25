"""The forest plot: Kendall's tau of metrics with a detector's AP, with intervals over scenes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmark.figures import style
from benchmark.report.worth_tables import name_of
from benchmark.worth.judging import MAIN, Worth

ROW = 1.6 * style.LINE  # inches


def forest(plt, worths: Sequence[Worth], width: float | None = None):
    """Draw a panel for each setup, with a row for each metric and predictor: a point at tau, a line over its interval.
    A grey band reaches as far as a metric could that knew the true order.

    width: in inches; a column for one panel and a page for more if None.
    """
    names = list(dict.fromkeys(judged.name for worth in worths for judged in worth.judged))
    metrics = {judged.name for worth in worths for judged in worth.judged if judged.is_metric}
    width = width or (style.COLUMN if len(worths) == 1 else style.PAGE)
    height = ROW * (len(names) + 1) + 0.85
    figure, axes = plt.subplots(
        1, len(worths), figsize=(width, height), sharey=True, squeeze=False, layout="constrained"
    )
    for axis, worth in zip(axes[0], worths):
        ceiling = worth.reliability[MAIN].ceiling
        axis.axvspan(-ceiling, ceiling, color="#E6E6E6", linewidth=0, zorder=0)
        axis.axvline(0, color="#555555", linewidth=0.6, zorder=1)
        by_name = {judged.name: judged.by[MAIN] for judged in worth.judged}
        for row, name in enumerate(names):
            one = by_name.get(name)
            if one is None or math.isnan(one.tau):
                continue
            colour = style.COLOURS[0] if name in metrics else style.COLOURS[1]
            if not math.isnan(one.low):
                axis.plot([one.low, one.high], [row, row], color=colour, linewidth=1.2, zorder=2)
            axis.plot([one.tau], [row], "o" if name in metrics else "s", color=colour, markersize=3.2, zorder=3)
        axis.set_xlim(-1, 1)
        axis.set_ylim(len(names) - 0.4, -0.6)
        axis.set_yticks(range(len(names)), names)
        facts = worth.evidence.compared.facts
        inches = width / len(worths) - (0.9 if axis is axes[0][0] else 0.2)
        axis.set_title(style.fit(figure, name_of(worth), inches), fontsize=style.SIZE)
        reliability = f"reliability {worth.reliability[MAIN].rho:.2f}"
        axis.set_xlabel(f"Kendall's τ with AP of {facts['settings']['detector']} ({reliability})")
    return figure
