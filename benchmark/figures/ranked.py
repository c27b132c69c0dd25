"""Ranks of methods as figures draw them, from what `benchmark.statistics` computes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.report.measured import Measured


@dataclass(frozen=True)
class Ranks:
    """Methods that were compared by one metric.

    methods: names, (c,). ranks: mean rank of each, 1 is best. alike: (c, c), whether a test cannot tell two apart.
    critical: how far apart ranks differ. p: Friedman's. units: how many images or scenes, called `unit`. possible:
    whether these are enough to test.
    """

    methods: Sequence[str]
    ranks: np.ndarray
    alike: np.ndarray
    critical: float
    p: float
    units: int
    unit: str = "image"
    possible: bool = True


def compared(measured: Measured, metric: str) -> Ranks | None:
    """Return the ranks by a metric; None where it has no direction, three methods or two units."""
    test = measured.friedmans.get(metric)
    if test is None:
        return None
    return Ranks(
        methods=[measured.scores.methods[i] for i in test.methods],
        ranks=np.asarray(test.mean_ranks),
        alike=test.nemenyi > test.alpha,
        critical=test.critical_difference,
        p=test.p,
        units=test.units,
        unit=measured.scores.unit,
        possible=test.possible,
    )


def overall(measured: Measured) -> dict[str, float]:
    """Return method -> mean rank over units and metrics, nan where it has none."""
    return dict(zip(measured.scores.methods, map(float, measured.ranking.mean_rank)))


def best_first(measured: Measured) -> list[str]:
    """Return the methods, lowest mean rank first; those without a rank come last, in their own order."""
    ranks = overall(measured)
    return sorted(ranks, key=lambda method: (math.isnan(ranks[method]), ranks[method]))


def by_metric(measured: Measured) -> dict[str, dict[str, float]]:
    """Return metric -> method -> mean rank over units, for metrics and methods that were compared."""
    found = {metric: compared(measured, metric) for metric in measured.ranked}
    return {metric: dict(zip(one.methods, map(float, one.ranks))) for metric, one in found.items() if one is not None}
