"""Quality against cost: mean ranks of methods over their time and their parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmark.figures import style
from benchmark.figures.score_plots import looks_of
from benchmark.report.measured import Measured
from benchmark.report.sections.scores import title as caption


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


def quality_against_cost(plt, measured: Measured, profiles: Sequence[dict]):
    """Draw the mean rank over all metrics (1 is best, at the top) against seconds per pair and against parameters.

    A line joins the methods of `front`. profiles: those of one machine, see `machines`. The second panel leaves out
    methods without parameters. Returns None where fewer than two methods have both a rank and a profile.
    """
    by_method = {record["method"]: record for record in profiles}
    ranked = [
        (row.title, by_method[row.measured_as], float(rank), looks_of(measured)[row.cell.method])
        for row, rank in zip(measured.rows, measured.ranking.mean_rank)
        if row.measured_as in by_method and not math.isnan(rank)
    ]
    first = profiles[0] if profiles else {}
    panels = [("seconds", f"seconds per {first.get('width')}x{first.get('height')} pair"), ("parameters", "parameters")]
    panels = [(name, label) for name, label in panels if sum(bool(record[name]) for _, record, *_ in ranked) >= 2]
    if not panels:
        return None
    figure, axes = plt.subplots(
        1, len(panels), figsize=(style.PAGE * len(panels) / 2, 2.8), sharey=True, squeeze=False, layout="constrained"
    )
    for axis, (name, label) in zip(axes[0], panels):
        points = [(title, record[name], rank, look) for title, record, rank, look in ranked if record[name]]
        axis.set_xscale("log")
        best = front([(cost, rank) for _, cost, rank, _ in points])
        line = zip(*((points[i][1], points[i][2]) for i in best))
        axis.plot(*line, color="#BBBBBB", linewidth=1, drawstyle="steps-post")
        for title, cost, rank, look in points:
            axis.plot(cost, rank, look.marker, color=look.colour)
            axis.annotate(title, (cost, rank), xytext=(3, 2), textcoords="offset points", fontsize=5.5)
        axis.margins(x=0.18, y=0.1)
        axis.set_xlabel(label)
    axes[0, 0].invert_yaxis()
    axes[0, 0].set_ylabel("mean rank over metrics")
    device = first["processor"] if first["device"] == "cpu" else first["device"]
    threads = f", {first['threads']} thread{'s' * (first['threads'] != 1)}" if first["device"] == "cpu" else ""
    figure.suptitle(f"{caption(measured)}; time on {device}{threads}", fontsize=7)
    return figure
