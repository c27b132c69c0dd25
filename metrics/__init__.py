"""Image fusion metrics: numbers from arrays. Nothing here imports `benchmark` or `baselines`.

    import metrics

    metrics.evaluate(fused, ir, vis)  # the eight core metrics, standard definitions
    metrics.evaluate(fused, ir, vis, ["EN", "Qabf"], protocol="cddfuse")

    pair = metrics.Pair(ir, vis)  # what depends on the sources is computed once
    for fused in results:
        pair.score(fused)

Images are arrays (H, W) of grey levels 0..255. Every file in `metrics/definitions` that defines a metric is
found; adding a file adds the metric.
"""

from .declaring import MetricCard
from .evaluation import COLOUR_PROTOCOLS, CORE, Pair, evaluate
from .kernel import isa
from .protocols import protocols
from .registry import card, names, unavailable

# Part of the key under which a score is stored: raise it whenever any number changes.
version = "2"

__all__ = [
    "COLOUR_PROTOCOLS",
    "CORE",
    "MetricCard",
    "Pair",
    "card",
    "evaluate",
    "isa",
    "names",
    "protocols",
    "unavailable",
    "version",
]
