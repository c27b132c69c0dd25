from __future__ import annotations

import numpy as np

from ..defining import metric
from ..histograms import histogram


@metric(
    "CE",
    title="Cross entropy",
    year=2009,
    family="information",
    direction=-1,
    range="about 0 .. 18",
    unit="bit",
    source="Bulanon, Burks & Alchanatis, Biosyst. Eng. 103, 12 (2009)",
    protocols={
        "standard": "mean over the sources, levels missing from F left out",
        "vifb": "mean over the sources, levels missing from F left out",
    },
)
def CE(f, a, b):
    """CE = mean over the sources S of sum_k p_S(k) log2(p_S(k) / p_F(k)), over the levels k that occur in
    both.

    A Kullback-Leibler divergence of the histograms. Strictly it is infinite where a source has a level that F
    has not; as in the field's codes such levels are left out, so that it can come out slightly below 0.
    """
    q = histogram(f) / f.size
    value = 0.0
    for s in (a, b):
        p = histogram(s) / s.size
        both = (p > 0) & (q > 0)
        value += float(np.dot(p[both], np.log2(p[both] / q[both])))
    return value / 2


@CE.dialect(
    "ivifzoo",
    note=(
        "another quantity: binary cross entropy of the logistic function of the levels, on which all above 17 are alike"
    ),
)
def of_logistic_levels(f, a, b):
    logistic = 1 / (1 + np.exp(-np.arange(256, dtype=np.float32)))
    low, high = np.float32(1e-7), np.float32(1 - 1e-7)
    target = np.clip((logistic[a.levels] + logistic[b.levels]) / 2, low, high).astype(np.float64)
    seen = np.clip(logistic, low, high)
    hit, miss = np.log(seen.astype(np.float64)), np.log((1 - seen).astype(np.float64))
    return -float((target * hit[f.levels] + (1 - target) * miss[f.levels]).mean())
