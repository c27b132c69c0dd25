"""What may be said about methods from their scores on the same images.

Everything here is a function of `Scores`: no files, no names of data sets. Images of one scene are no independent
observations: where scenes are known, the unit of every test and interval is the scene, else the image. Images without
scenes stand in the order of their ids, and where neighbours are alike they count for less, as far as scores show it; so
do the scenes of a set whose ids follow a drive.
Tests are about means, since these are what tables rank. With fewer than `FEWEST` units nothing is tested. Metrics
without a direction are summarised and never ranked. Ranks by different metrics are averaged, their values never.

Sources: those of `benchmark.inference`; J. Demšar, JMLR 7 (2006), for Friedman's and Nemenyi's tests and the critical
difference; M. G. Kendall and B. Babington Smith, Ann. Math. Stat. 10 (1939), for Friedman's p with few units;
M. Mogstad, J. P. Romano, A. M. Shaikh and D. Wilhelm, Rev. Econ. Stud. 91 (2024), for intervals of places.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np

from benchmark import inference
from benchmark.inference import FEWEST

ALPHA = 0.05
# Units. With fewer, tests of all pairs mostly miss differences between means as large as the standard deviation of the
# differences (`studies/power.py`).
FEW = 20
MANY_DRAWS = 20000  # so that p values remain small where they are corrected for many data sets
_PARTS = re.compile(r"\d+|\D+")  # of an id


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of k methods under m metrics on the same n images, under one protocol.

    metrics: name -> +1 higher is better, -1 lower is better, 0 neither. values: float64 (k, m, n), nan where
    undefined. scenes: the scene that each image belongs to, or None where nothing is known of scenes. reference:
    methods that are summarised and never compared, so that no test, rank or place depends on them. in_sequence: whether
    scenes, in the order of their names, may be alike as neighbours.

    Infinite values become nan, so that they make no mean and no rank. infinite: int (k, m), how many there were;
    infinity: (k, m), their sum: inf, -inf, or nan for both.
    """

    methods: tuple[str, ...]
    metrics: dict[str, int]
    ids: tuple[str, ...]
    values: np.ndarray
    scenes: tuple[str, ...] | None = None
    reference: frozenset[str] = frozenset()
    in_sequence: bool = False
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

    @property
    def neighbours(self) -> bool:
        """Whether units stand in an order in which neighbours may be alike."""
        return self.scenes is None or self.in_sequence

    @cached_property
    def observations(self) -> np.ndarray:
        """(k, m, u): the mean over each unit's images where the metric is defined; nan where it is for none."""
        if self.scenes is None:
            return self.values
        defined = ~np.isnan(self.values)
        with np.errstate(invalid="ignore"):
            return self.sums(np.where(defined, self.values, 0)) / self.sums(defined)

    @cached_property
    def order(self) -> np.ndarray:
        """int (n,): the images in the order of their ids, numbers in these by value."""
        keys = [
            [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in _PARTS.findall(id)] for id in self.ids
        ]
        return np.array(sorted(range(len(keys)), key=lambda i: keys[i]), int)

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
        """bool (k,): the methods for which the metric is defined on every image where it is for any method. Reference
        methods are no methods here."""
        defined = ~np.isnan(self.values[:, self.index(metric)]) & self.entered[:, None]
        return defined[:, defined.any(axis=0)].all(axis=1) & defined.any(axis=1)

    @cached_property
    def entered(self) -> np.ndarray:
        """bool (k,): the methods that may be compared, all but `reference`."""
        return np.array([name not in self.reference for name in self.methods], bool)

    def pairs(self, metric: str) -> Pairs:
        """All pairs of the methods compared under a metric, tested together."""
        if metric not in self._kept:
            methods = np.flatnonzero(self.compared(metric))
            values = self.values[methods, self.index(metric)]
            kept = ~np.isnan(values).all(axis=0) if len(methods) else np.zeros(len(self.ids), bool)
            self._kept[metric] = _tested(methods, *self._in_units(values, kept), self.neighbours)
        return self._kept[metric]

    def _in_units(self, values: np.ndarray, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return sums over the images of each unit (c, u) and means (c,). values: (c, n), finite where kept."""
        if self.scenes is None:
            found = values[:, self.order[kept[self.order]]]
            return found, found.mean(axis=1) if found.size else np.zeros(len(found))
        counts = self.sums(kept)
        sums = self.sums(np.where(kept, values, 0))[:, counts > 0]
        return sums, sums.sum(axis=1) / max(counts.sum(), 1)

    def _units(self, values: np.ndarray, kept: np.ndarray) -> inference.Units:
        """The units of means by themselves, each row with a correlation of its own. values: (c, n), finite where kept,
        which is somewhere."""
        sums, _ = self._in_units(values, kept)
        if self.scenes is None:
            return inference.of_neighbours(sums)
        counts = self.sums(kept)
        counts = counts[counts > 0]
        return inference.of_neighbours(sums, counts=counts) if self.in_sequence else inference.of_scenes(sums, counts)

    @cached_property
    def _kept(self) -> dict[str, Pairs]:
        """Keep what `pairs` has found."""
        return {}


@dataclass(frozen=True)
class Pairs:
    """Tests of all pairs of the methods compared, whose p values are corrected together.

    methods: (c,) indices. p: (c, c), 1 on the diagonal; nan where nothing is tested. signs: (c, c), +1 where the mean
    of the row's method is higher, -1 where it is lower. units: how many there are. number: how many independent ones
    tell as much.
    """

    methods: np.ndarray
    p: np.ndarray
    signs: np.ndarray
    units: int
    number: float

    @property
    def possible(self) -> bool:
        """Whether there are units enough to test anything."""
        return self.number >= FEWEST


@dataclass(frozen=True)
class Summary:
    """Over the `n` images where a metric is defined and finite: mean, sample standard deviation (ddof = 1; nan for one
    image) and the 95 % interval [low, high] of the mean (nan for fewer than `FEWEST` units). infinite: on how many
    further images it is infinite; where no other is left, so is the mean."""

    mean: float
    sd: float
    low: float
    high: float
    n: int
    infinite: int = 0


@dataclass(frozen=True)
class Comparison:
    """Every method against the one with the best mean. As the best is chosen by the same scores, p values are corrected
    for all pairs of methods, not only for those with the best.

    best: its index, None where nothing is compared. p: (k,) adjusted, nan for the best itself and for methods that are
    not compared. shared: (k,) the best and all that are not significantly worse. units, number: as of `Pairs`.
    possible: whether there are units enough; where not, nothing is tested and only the best mean is `shared`.
    """

    best: int | None
    p: np.ndarray
    shared: np.ndarray
    units: int
    number: float
    possible: bool


@dataclass(frozen=True)
class Friedman:
    """Friedman's test of a metric and what follows it.

    methods: indices of the methods compared, (c,). mean_ranks: (c,), 1 is best, over units. nemenyi: (c, c) p values of
    Nemenyi's test. critical_difference: mean ranks further apart than this differ at level alpha. units, number: as of
    `Pairs`. With too few units p, nemenyi and critical_difference are nan.
    """

    methods: np.ndarray
    statistic: float
    p: float
    mean_ranks: np.ndarray
    nemenyi: np.ndarray
    critical_difference: float
    alpha: float
    units: int
    number: float

    @property
    def possible(self) -> bool:
        """Whether there are units enough to test anything."""
        return self.number >= FEWEST


@dataclass(frozen=True)
class Ranking:
    """Methods over several metrics. All arrays are (k,), nan for a method that lacks one of `metrics`.

    mean_rank: over units and metrics, 1 is best. borda: points over metrics; a metric gives a method as many points
    as there are methods with a worse mean, half a point for equal ones. position: 1 is the lowest mean rank; low,
    high: its interval, see `places`.
    """

    metrics: tuple[str, ...]
    mean_rank: np.ndarray
    borda: np.ndarray
    position: np.ndarray
    low: np.ndarray
    high: np.ndarray


def summaries(scores: Scores) -> dict[str, list[Summary]]:
    """metric -> a summary per method. Intervals are of the mean over images, see `inference.interval`."""
    low, high = _intervals(scores)
    found: dict[str, list[Summary]] = {}
    for j, metric in enumerate(scores.metrics):
        found[metric] = []
        for i in range(len(scores.methods)):
            values = scores.values[i, j]
            values = values[~np.isnan(values)]
            infinite = int(scores.infinite[i, j])
            mean = float(values.mean()) if len(values) else float(scores.infinity[i, j]) if infinite else np.nan
            sd = float(values.std(ddof=1)) if len(values) > 1 else np.nan
            interval = (mean - float(low[i, j]), mean + float(high[i, j])) if len(values) else (np.nan, np.nan)
            found[metric].append(Summary(mean, sd, *interval, len(values), infinite))
    return found


def means_are_zero(scores: Scores) -> np.ndarray:
    """Test together that the means of one method under all metrics are 0: p (m,), corrected for all metrics. For scores
    that are differences, all defined on the same images.

    It takes both, random signs and an interval of `summaries` that leaves 0 out. p is nan for metrics with too few
    units.
    """
    (values,) = scores.values
    units = scores._units(values, np.ones(len(scores.ids), bool))
    p = inference.p_values(units)
    tested = ~np.isnan(p)
    p[tested] = np.maximum(p[tested], inference.step_down(units.sums[tested], MANY_DRAWS))
    return p


def against_best(scores: Scores, metric: str, alpha: float = ALPHA) -> Comparison:
    """Every method against the best of a metric; raises ValueError for a metric without direction."""
    direction = _direction(scores, metric)
    pairs = scores.pairs(metric)
    p, shared = np.full(len(scores.methods), np.nan), np.zeros(len(scores.methods), bool)
    if not len(pairs.methods):
        return Comparison(None, p, shared, 0, 0.0, False)
    behind = (direction * pairs.signs > 0).sum(axis=0)  # of how many methods each one has the worse mean
    first = int(np.argmin(behind))
    best = int(pairs.methods[first])
    shared[pairs.methods[behind == behind[first]]] = True
    if pairs.possible:
        p[pairs.methods] = pairs.p[first]
        p[best] = np.nan
        shared[pairs.methods] |= pairs.p[first] >= alpha
    return Comparison(best, p, shared, pairs.units, pairs.number, pairs.possible)


def pairwise(scores: Scores, metric: str) -> np.ndarray:
    """(k, k): p values of any two methods, corrected for all pairs; 1 on the diagonal, nan for methods that are not
    compared, and where there are too few units."""
    pairs = scores.pairs(metric)
    found = np.full((len(scores.methods),) * 2, np.nan)
    found[np.ix_(pairs.methods, pairs.methods)] = pairs.p
    return found


def wins(scores: Scores, metric: str, alpha: float = ALPHA) -> np.ndarray:
    """int (k, k): +1 where the method of the row is significantly better, by `pairwise`, than that of the column, -1
    where it is worse, 0 else. Raises ValueError for a metric without direction."""
    direction = _direction(scores, metric)
    pairs = scores.pairs(metric)
    found = np.zeros((len(scores.methods),) * 2, int)
    found[np.ix_(pairs.methods, pairs.methods)] = np.where(pairs.p < alpha, direction * pairs.signs, 0)
    return found


def friedman(scores: Scores, metric: str, alpha: float = ALPHA) -> Friedman | None:
    """Friedman's and Nemenyi's tests; None for fewer than three methods or two units. Raises ValueError for a metric
    without direction."""
    direction = _direction(scores, metric)
    methods = np.flatnonzero(scores.compared(metric))
    observed = _observed(scores, metric, methods)
    count, units = observed.shape
    if count < 3 or units < 2:
        return None
    from scipy import stats

    ranks = _ranks(observed, direction)
    mean_ranks = ranks.mean(axis=1)
    tied = (ranks == ranks[:1]).all()  # nothing but ties: the statistic is 0 / 0
    number = float(units)
    if scores.neighbours:
        number = _mean_number(inference.of_neighbours(ranks, count - 1), units)
    statistic = 0.0 if tied else float(stats.friedmanchisquare(*ranks).statistic)
    p, nemenyi, difference = np.nan, np.full((count, count), np.nan), np.nan
    if number >= FEWEST:
        agreement = statistic / (units * (count - 1))  # Kendall's W
        freedom = count - 1 - 2 / number
        with np.errstate(divide="ignore"):
            p = float(stats.f.sf((number - 1) * np.divide(agreement, 1 - agreement), freedom, (number - 1) * freedom))
        scale = np.sqrt(count * (count + 1) / (12 * number))
        apart = np.abs(mean_ranks[:, None] - mean_ranks)
        above = np.triu_indices(count, 1)
        nemenyi = np.ones((count, count))
        nemenyi[above] = stats.studentized_range.sf(apart[above] / scale, count, np.inf)
        nemenyi.T[above] = nemenyi[above]
        difference = critical_difference(count, number, alpha)
    return Friedman(methods, statistic, p, mean_ranks, nemenyi, difference, alpha, units, number)


def critical_difference(methods: int, units: float, alpha: float = ALPHA) -> float:
    """Nemenyi's, for mean ranks: q sqrt(k (k + 1) / 6 N), q being the quantile of the studentised range / sqrt 2."""
    return float(_studentised_range(methods, alpha) * np.sqrt(methods * (methods + 1) / (12 * units)))


@lru_cache(maxsize=64)
def _studentised_range(methods: int, alpha: float) -> float:
    from scipy import stats

    return float(stats.studentized_range.ppf(1 - alpha, methods, np.inf))


def ranking(scores: Scores, metrics: Sequence[str] | None = None) -> Ranking:
    """Methods ranked over metrics: those given, or all with a direction that at least half of the methods have."""
    if metrics is None:
        least = max(1, scores.entered.sum() / 2)
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
    in_order = by_unit if scores.scenes is not None else by_unit[:, scores.order]
    low, high = places(_tested(methods, in_order, mean_rank, scores.neighbours), -1)
    found = [mean_rank, borda, _positions(mean_rank[:, None])[:, 0], low, high]
    return Ranking(metrics, *(_spread(values, methods, len(scores.methods)) for values in found))


def image_ranks(scores: Scores, methods: np.ndarray, metrics: Sequence[str]) -> np.ndarray:
    """(c, m, n): ranks of c methods on each image by each metric, 1 is best, equal values share the mean of theirs; nan
    on images where a metric is undefined for all of them.

    methods: their indices, (c,), all compared by every metric. Raises ValueError for a metric without direction.
    """
    values = [scores.values[methods, scores.index(metric)] for metric in metrics]
    return np.stack([_ranks(one, _direction(scores, metric)) for one, metric in zip(values, metrics)], axis=1)


def rank_intervals(scores: Scores, metric: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The position of each method by its mean of one metric, and its interval, see `places`: position, low, high, each
    (k,), nan for methods that are not compared. Raises ValueError for a metric without direction."""
    direction = _direction(scores, metric)
    pairs = scores.pairs(metric)
    if not len(pairs.methods):
        return (np.full(len(scores.methods), np.nan),) * 3
    position = 1 + (direction * pairs.signs < 0).sum(axis=1)
    found = (position, *places(pairs, direction))
    return tuple(_spread(values, pairs.methods, len(scores.methods)) for values in found)


def places(pairs: Pairs, direction: int, alpha: float = ALPHA) -> tuple[np.ndarray, np.ndarray]:
    """The places that each method may have by its true mean, first and last, (c,) each.

    They are behind the methods that are significantly better and before those that are significantly worse. All
    intervals together hold with a probability of 1 - alpha. Methods with the same true mean have all places that they
    fill together.
    """
    significant = np.where(pairs.p < alpha, direction * pairs.signs, 0)
    return 1.0 + (significant < 0).sum(axis=1), len(significant) - (significant > 0).sum(axis=1).astype(float)


def _direction(scores: Scores, metric: str) -> int:
    direction = scores.metrics[metric]
    if not direction:
        raise ValueError(f"{metric} has no direction: nothing is better or worse by it")
    return direction


def _observed(scores: Scores, metric: str, methods: np.ndarray) -> np.ndarray:
    """(c, u): the observations of a metric for some methods, without the units where it is undefined for all of them.
    Images are in order."""
    observed = scores.observations[methods, scores.index(metric)]
    if scores.scenes is None:
        observed = observed[:, scores.order]
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


def _tested(methods: np.ndarray, sums: np.ndarray, means: np.ndarray, neighbours: bool) -> Pairs:
    """Test all pairs of methods. sums: (c, u) of each unit. means: (c,). neighbours: whether units stand in an order in
    which neighbours may be alike."""
    count, units = sums.shape
    first, second = np.triu_indices(count, 1)
    apart, number = differences(sums[first], sums[second]), float(units)
    sign = np.sign(differences(means[first], means[second]))
    if neighbours and len(first) and units:
        found = inference.of_neighbours(apart, count - 1)
        number, apart = _mean_number(found, units), found.sums
        apart[np.sign(apart.sum(axis=1)) != sign] = 0  # what shows in these sums alone is of the ends of the row
    p, signs = np.full((count, count), np.nan), np.zeros((count, count), int)
    signs[first, second], signs[second, first] = sign, -sign
    if number >= FEWEST:
        np.fill_diagonal(p, 1)
        p[first, second] = p[second, first] = inference.step_down(apart)
    return Pairs(methods, p, signs, units, number)


def _mean_number(found: inference.Units, images: int) -> float:
    """How many independent images tell as much, the mean over rows; all images where no row varies."""
    number = found.number[~np.isnan(found.number)]
    return float(number.mean()) if len(number) else float(images)


def _intervals(scores: Scores) -> tuple[np.ndarray, np.ndarray]:
    """How far intervals reach below and above the means, (k, m) each."""
    return _by_row(scores, inference.interval)


def _by_row(scores: Scores, function) -> tuple[np.ndarray, ...]:
    """Apply a function of `Units`, which returns arrays (c,), to each method and metric: arrays (k, m). Rows that are
    defined on the same images share a call; nan for those that are defined on none."""
    shape = scores.values.shape[:2]
    flat = scores.values.reshape(shape[0] * shape[1], len(scores.ids))
    defined = ~np.isnan(flat)
    found = [np.full(shape, np.nan), np.full(shape, np.nan)]
    for kept in np.unique(defined, axis=0) if len(flat) else ():
        if not kept.any():
            continue
        rows = (defined == kept).all(axis=1)
        for array, values in zip(found, function(scores._units(flat[rows], kept))):
            array.reshape(-1)[rows] = values
    return tuple(found)


def _spread(values: np.ndarray, methods: np.ndarray, count: int) -> np.ndarray:
    found = np.full(count, np.nan)
    found[methods] = values
    return found
