"""What may be said about methods from their scores on the same images.

Everything here is a function of `Scores`: no files, no names of data sets. Images of one scene are no independent
observations: where scenes are known, the unit of every test and interval is the scene, else the image. Metrics without
a direction are summarised and never ranked. Ranks by different metrics are averaged, their values never.

Sources: F. Wilcoxon, Biometrics Bulletin 1 (1945); S. Holm, Scand. J. Stat. 6 (1979); J. Demšar, JMLR 7 (2006), for
Friedman's and Nemenyi's tests and the critical difference; B. Efron, Ann. Stat. 7 (1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np

ALPHA = 0.05
FEW = 10  # units up to which Friedman's and Nemenyi's tests are rough (Demšar 2006, section 3.2.2)
RESAMPLES = 2000
SEED = 0


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of k methods under m metrics on the same n images, under one protocol.

    metrics: name -> +1 higher is better, -1 lower is better, 0 neither. values: float64 (k, m, n), nan where
    undefined. scenes: the scene that each image belongs to, or None where nothing is known of scenes.

    Infinite values become nan, so that they make no mean and no rank. infinite: int (k, m), how many there were;
    infinity: (k, m), their sum: inf, -inf, or nan for both.
    """

    methods: tuple[str, ...]
    metrics: dict[str, int]
    ids: tuple[str, ...]
    values: np.ndarray
    scenes: tuple[str, ...] | None = None
    infinite: np.ndarray = field(init=False)
    infinity: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        shape = len(self.methods), len(self.metrics), len(self.ids)
        if self.values.shape != shape:
            raise ValueError(f"values are {self.values.shape}, not (methods, metrics, images) = {shape}")
        if self.scenes is not None and len(self.scenes) != len(self.ids):
            raise ValueError(f"{len(self.scenes)} scenes for {len(self.ids)} images")
        infinite = np.isinf(self.values)
        with np.errstate(invalid="ignore"):
            infinity = np.where(infinite, self.values, 0).sum(axis=-1)
        object.__setattr__(self, "infinite", infinite.sum(axis=-1))
        object.__setattr__(self, "infinity", infinity)
        object.__setattr__(self, "values", np.where(infinite, np.nan, self.values))

    @property
    def unit(self) -> str:
        """ "scene" or "image": what counts as one observation."""
        return "image" if self.scenes is None else "scene"

    @property
    def units(self) -> int:
        """How many observations there are."""
        return len(self.ids if self.scenes is None else set(self.scenes))

    @cached_property
    def observations(self) -> np.ndarray:
        """(k, m, u): the mean over each unit's images where the metric is defined; nan where it is for none."""
        if self.scenes is None:
            return self.values
        defined = ~np.isnan(self.values)
        with np.errstate(invalid="ignore"):
            return self.sums(np.where(defined, self.values, 0)) / self.sums(defined)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """(..., n) -> (..., u): sums over the images of each unit, units in the order of their names."""
        if self.scenes is None:
            return np.asarray(values, float)
        _, index = np.unique(self.scenes, return_inverse=True)
        order = np.argsort(index, kind="stable")
        starts = np.flatnonzero(np.diff(index[order], prepend=-1))
        return np.add.reduceat(np.asarray(values, float)[..., order], starts, axis=-1)

    def index(self, metric: str) -> int:
        """The place of a metric; raises KeyError for one that is not here."""
        if metric not in self.metrics:
            raise KeyError(metric)
        return list(self.metrics).index(metric)

    def compared(self, metric: str) -> np.ndarray:
        """bool (k,): the methods for which the metric is defined on every image where it is for any method."""
        values = self.values[:, self.index(metric)]
        defined = ~np.isnan(values)
        return defined[:, defined.any(axis=0)].all(axis=1) & defined.any(axis=1)


@dataclass(frozen=True)
class Summary:
    """Over the `n` images where a metric is defined and finite: mean, sample standard deviation (ddof = 1; nan for one
    image) and the 95 % bootstrap interval [low, high] of the mean (nan for fewer than two units). infinite: on how many
    further images it is infinite; where no other is left, so is the mean."""

    mean: float
    sd: float
    low: float
    high: float
    n: int
    infinite: int = 0


@dataclass(frozen=True)
class Comparison:
    """Every method against the one with the best mean, by paired Wilcoxon signed-rank tests, two-sided, with Holm's
    correction over the methods compared.

    best: its index, None where nothing is compared. p: (k,) adjusted, nan for the best itself and for methods that are
    not compared. shared: (k,) the best and all that are not significantly worse. possible: whether a difference could
    have been significant with so few units; where not, nothing is tested and only the best mean is `shared`.
    """

    best: int | None
    p: np.ndarray
    shared: np.ndarray
    units: int
    possible: bool


@dataclass(frozen=True)
class Friedman:
    """Friedman's test of a metric and what follows it.

    methods: indices of the methods compared, (c,). mean_ranks: (c,), 1 is best, over units. nemenyi: (c, c) p values of
    Nemenyi's test. critical_difference: mean ranks further apart than this differ at level alpha. All hold in the limit
    of many units.
    """

    methods: np.ndarray
    statistic: float
    p: float
    mean_ranks: np.ndarray
    nemenyi: np.ndarray
    critical_difference: float
    alpha: float
    units: int

    @property
    def approximate(self) -> bool:
        """Whether there are too few units for the limit to hold."""
        return self.units <= FEW


@dataclass(frozen=True)
class Ranking:
    """Methods over several metrics. All arrays are (k,), nan for a method that lacks one of `metrics`.

    mean_rank: over units and metrics, 1 is best. borda: points over metrics; a metric gives a method as many points
    as there are methods with a worse mean, half a point for equal ones. position: 1 is the lowest mean rank; low,
    high: its 95 % bootstrap interval over units.
    """

    metrics: tuple[str, ...]
    mean_rank: np.ndarray
    borda: np.ndarray
    position: np.ndarray
    low: np.ndarray
    high: np.ndarray


def summaries(scores: Scores, resamples: int = RESAMPLES, seed: int = SEED) -> dict[str, list[Summary]]:
    """metric -> a summary per method. Intervals are of the mean over images: a percentile bootstrap that draws units
    with replacement, the same ones for all methods and metrics."""
    low, high = _intervals(scores, resamples, seed)
    found: dict[str, list[Summary]] = {}
    for j, metric in enumerate(scores.metrics):
        found[metric] = []
        for i in range(len(scores.methods)):
            values = scores.values[i, j]
            values = values[~np.isnan(values)]
            infinite = int(scores.infinite[i, j])
            mean = float(values.mean()) if len(values) else float(scores.infinity[i, j]) if infinite else np.nan
            sd = float(values.std(ddof=1)) if len(values) > 1 else np.nan
            found[metric].append(Summary(mean, sd, float(low[i, j]), float(high[i, j]), len(values), infinite))
    return found


def signed_rank(differences: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Wilcoxon's signed-rank test of paired differences (c, u), two-sided: p values (c,) and signs (c,) of the rank
    sums, +1 where positive differences prevail.

    The test is scipy's, exact up to 50 units without ties or zeros. Zeros are dropped; where no other difference is
    left, p is 1. Callers must not pass nan.
    """
    from scipy import stats

    differences = np.asarray(differences, float)
    p, ranks = np.ones(len(differences)), stats.rankdata(np.abs(differences), axis=1)
    signs = np.sign((ranks * np.sign(differences)).sum(axis=1))
    some = (differences != 0).any(axis=1)
    ordered = np.sort(np.abs(differences), axis=1)
    plain = (ordered[:, :1] > 0).all(axis=1) & (ordered[:, 1:] > ordered[:, :-1]).all(axis=1)
    # One row with ties makes scipy give up exactness for all of a call: a p value must not depend on its neighbours.
    for rows in (some & plain, some & ~plain):
        if rows.any():
            p[rows] = stats.wilcoxon(differences[rows], axis=1).pvalue
    return p, signs


def holm(p: np.ndarray) -> np.ndarray:
    """Adjust p values (c,) after Holm (1979). statsmodels' `multipletests` collects garbage at every call, which would
    take most of a report's time."""
    p = np.asarray(p, float)
    order = np.argsort(p)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1)
    return adjusted


def can_differ(units: int, tests: int, alpha: float = ALPHA) -> bool:
    """Whether the smallest p value that `units` pairs can give, 2^(1 - units), survives Holm's correction."""
    return tests * 2.0 ** (1 - units) < alpha


def against_best(scores: Scores, metric: str, alpha: float = ALPHA) -> Comparison:
    """Every method against the best of a metric; raises ValueError for a metric without direction."""
    direction = _direction(scores, metric)
    methods = np.flatnonzero(scores.compared(metric))
    p, shared = np.full(len(scores.methods), np.nan), np.zeros(len(scores.methods), bool)
    if not len(methods):
        return Comparison(None, p, shared, 0, False)
    means = direction * _mean(scores.values[methods, scores.index(metric)])
    best = int(methods[np.argmax(means)])
    others = methods[methods != best]
    observed = _observed(scores, metric)
    shared[best] = True
    shared[methods[means == means.max()]] = True
    possible = can_differ(observed.shape[1], len(others), alpha)
    if possible and len(others):
        raw, signs = signed_rank(differences(observed[best], observed[others]))
        p[others] = holm(raw)
        shared[others] = (p[others] >= alpha) | (direction * signs <= 0)
    return Comparison(best, p, shared, observed.shape[1], possible)


def pairwise(scores: Scores, metric: str) -> np.ndarray:
    """(k, k): p values of the paired Wilcoxon test between any two methods, with Holm's correction over all pairs; 1 on
    the diagonal, nan for methods that are not compared."""
    methods = np.flatnonzero(scores.compared(metric))
    found = np.full((len(scores.methods),) * 2, np.nan)
    if not len(methods):
        return found
    observed = _observed(scores, metric)[methods]
    first, second = np.triu_indices(len(methods), 1)
    p = holm(signed_rank(differences(observed[first], observed[second]))[0])
    found[methods, methods] = 1
    found[methods[first], methods[second]] = found[methods[second], methods[first]] = p
    return found


def wins(scores: Scores, metric: str, alpha: float = ALPHA) -> np.ndarray:
    """int (k, k): +1 where the method of the row is significantly better, by `pairwise`, than that of the column, -1
    where it is worse, 0 else. Raises ValueError for a metric without direction."""
    direction = _direction(scores, metric)
    methods = np.flatnonzero(scores.compared(metric))
    found = np.zeros((len(scores.methods),) * 2, int)
    if len(methods) < 2 or not can_differ(scores.units, len(methods) * (len(methods) - 1) // 2, alpha):
        return found
    observed = _observed(scores, metric)[methods]
    first, second = np.triu_indices(len(methods), 1)
    p, signs = signed_rank(differences(observed[first], observed[second]))
    better = np.where(holm(p) < alpha, direction * signs, 0).astype(int)
    found[methods[first], methods[second]], found[methods[second], methods[first]] = better, -better
    return found


def friedman(scores: Scores, metric: str, alpha: float = ALPHA) -> Friedman | None:
    """Friedman's and Nemenyi's tests; None for fewer than three methods or two units. Raises ValueError for a metric
    without direction."""
    direction = _direction(scores, metric)
    methods = np.flatnonzero(scores.compared(metric))
    observed = _observed(scores, metric)[methods]
    count, units = observed.shape
    if count < 3 or units < 2:
        return None
    from scikit_posthocs import posthoc_nemenyi_friedman
    from scipy import stats

    ranks = _ranks(observed, direction)
    if (ranks == ranks[:1]).all():  # nothing but ties: the statistic is 0 / 0
        statistic, p, nemenyi = 0.0, 1.0, np.ones((count, count))
    else:
        statistic, p = stats.friedmanchisquare(*ranks)
        nemenyi = posthoc_nemenyi_friedman(ranks.T).to_numpy()
    critical = critical_difference(count, units, alpha)
    return Friedman(methods, float(statistic), float(p), ranks.mean(axis=1), nemenyi, critical, alpha, units)


def critical_difference(methods: int, units: int, alpha: float = ALPHA) -> float:
    """Nemenyi's, for mean ranks: q sqrt(k (k + 1) / 6 N), q being the quantile of the studentised range / sqrt 2."""
    from scipy import stats

    q = stats.studentized_range.ppf(1 - alpha, methods, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(methods * (methods + 1) / (6 * units)))


def ranking(
    scores: Scores, metrics: Sequence[str] | None = None, resamples: int = RESAMPLES, seed: int = SEED
) -> Ranking:
    """Methods ranked over metrics: those given, or all with a direction that at least half of the methods have."""
    if metrics is None:
        least = max(1, len(scores.methods) / 2)
        metrics = [m for m, direction in scores.metrics.items() if direction and scores.compared(m).sum() >= least]
    metrics = tuple(metrics)
    nothing = np.full(len(scores.methods), np.nan)
    compared = np.all([scores.compared(metric) for metric in metrics], axis=0) if metrics else np.zeros(0, bool)
    methods = np.flatnonzero(compared)
    if not len(methods):
        return Ranking(metrics, nothing, nothing, nothing, nothing, nothing)
    ranks, borda = np.zeros((len(metrics), len(methods), scores.units)), np.zeros(len(methods))
    for j, metric in enumerate(metrics):
        direction, index = _direction(scores, metric), scores.index(metric)
        # A scene or image without value for any method tells nothing: every method gets the middle rank there.
        ranks[j] = _ranks(np.nan_to_num(scores.observations[methods, index], nan=0.0), direction)
        means = _mean(scores.values[methods, index])
        borda += len(methods) - _ranks(means[:, None], direction)[:, 0]
    by_unit = ranks.mean(axis=0)
    mean_rank = by_unit.mean(axis=1)
    drawn = by_unit @ _draws(scores.units, resamples, seed).T / scores.units
    low, high = np.quantile(_positions(drawn), [0.025, 0.975], axis=1, method="nearest")
    found = [mean_rank, borda, _positions(mean_rank[:, None])[:, 0], low, high]
    return Ranking(metrics, *(_spread(values, methods, len(scores.methods)) for values in found))


def image_ranks(scores: Scores, methods: np.ndarray, metrics: Sequence[str]) -> np.ndarray:
    """(c, m, n): ranks of c methods on each image by each metric, 1 is best, equal values share the mean of theirs; nan
    on images where a metric is undefined for all of them.

    methods: their indices, (c,), all compared by every metric. Raises ValueError for a metric without direction.
    """
    values = [scores.values[methods, scores.index(metric)] for metric in metrics]
    return np.stack([_ranks(one, _direction(scores, metric)) for one, metric in zip(values, metrics)], axis=1)


def rank_intervals(
    scores: Scores, metric: str, resamples: int = RESAMPLES, seed: int = SEED
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The position of each method by its mean of one metric, and its 95 % bootstrap interval: position, low, high,
    each (k,), nan for methods that are not compared. Raises ValueError for a metric without direction."""
    direction = _direction(scores, metric)
    methods, index = np.flatnonzero(scores.compared(metric)), scores.index(metric)
    if not len(methods):
        return (np.full(len(scores.methods), np.nan),) * 3
    values = scores.values[methods, index]
    drawn = _drawn_means(scores, values, resamples, seed)
    position = _positions(-direction * _mean(values)[:, None])[:, 0]
    low, high = np.quantile(_positions(-direction * drawn), [0.025, 0.975], axis=1, method="nearest")
    return tuple(_spread(values, methods, len(scores.methods)) for values in (position, low, high))


def _direction(scores: Scores, metric: str) -> int:
    direction = scores.metrics[metric]
    if not direction:
        raise ValueError(f"{metric} has no direction: nothing is better or worse by it")
    return direction


def _observed(scores: Scores, metric: str) -> np.ndarray:
    """(k, u): the observations of a metric without the units where it is undefined for every method."""
    observed = scores.observations[:, scores.index(metric)]
    return observed[:, ~np.isnan(observed).all(axis=0)]


def differences(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a - b of finite values; what rounding leaves between equal ones is 0."""
    found = a - b
    return np.where(np.abs(found) <= 1e-12 * np.maximum(np.abs(a), np.abs(b)), 0.0, found)


def _ranks(values: np.ndarray, direction: int) -> np.ndarray:
    """Ranks along the first axis, 1 is best, equal values share the mean of theirs. Values equal to twelve digits are
    equal."""
    from scipy import stats

    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.floor(np.log10(np.abs(values)))
    scale = 10.0 ** (11 - np.where(np.isfinite(size), size, 0))
    return stats.rankdata(-direction * np.round(values * scale) / scale, axis=0)


def _positions(values: np.ndarray) -> np.ndarray:
    """Competition ranks (1, 2, 2, 4) along the first axis, 1 is the least."""
    from scipy import stats

    return stats.rankdata(np.round(values, 12), axis=0, method="min")


def _mean(values: np.ndarray) -> np.ndarray:
    """The mean over the last axis of what is not nan; nan where nothing is left."""
    defined = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(defined, values, 0).sum(axis=-1) / defined.sum(axis=-1)


@lru_cache(maxsize=2)
def _draws(units: int, resamples: int, seed: int) -> np.ndarray:
    """(resamples, u): how often each unit is drawn. Read-only, since it serves every metric of a data set."""
    random = np.random.default_rng(seed)
    found = random.multinomial(units, np.full(units, 1 / units), size=resamples).astype(float)
    found.flags.writeable = False
    return found


def _drawn_means(scores: Scores, values: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """The mean over the images of the units of each draw, (c, resamples). values: (c, n), finite or nan."""
    defined = ~np.isnan(values)
    draws = _draws(scores.units, resamples, seed)
    counted = defined[:1] if defined.all() else defined
    with np.errstate(invalid="ignore"):
        return (scores.sums(np.where(defined, values, 0)) @ draws.T) / (scores.sums(counted) @ draws.T)


def _intervals(scores: Scores, resamples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    shape = scores.values.shape[:2]
    low, high = np.full(shape, np.nan), np.full(shape, np.nan)
    flat = scores.values.reshape(shape[0] * shape[1], len(scores.ids))
    usable = (scores.sums(~np.isnan(flat)) > 0).sum(axis=1) > 1
    if usable.any():
        drawn = _drawn_means(scores, flat[usable], resamples, seed)
        low.reshape(-1)[usable], high.reshape(-1)[usable] = np.nanquantile(drawn, [0.025, 0.975], axis=1)
    return low, high


def _spread(values: np.ndarray, methods: np.ndarray, count: int) -> np.ndarray:
    found = np.full(count, np.nan)
    found[methods] = values
    return found
