"""Tests and intervals of means, for observations that are few, skewed, unequal or alike among neighbours.

Everything here is a function of arrays. A *unit* is one observation: an image, or a scene with all its images. Means
are over images, hence ratios of what units sum up to and how much they count. Where images are alike because they are
neighbours, blocks of them are units, each less what it repeats of the block before it.

Levels and coverage of all this are simulated by `studies/null.py`; docs/reports.md has its table.

Sources: R. A. Fisher, The Design of Experiments (1935), for tests by signs; P. H. Westfall and S. S. Young,
Resampling-Based Multiple Testing (1993), and J. P. Romano and M. Wolf, JASA 100 (2005), for the step-down maximum;
N. J. Johnson, JASA 73 (1978), and P. Hall, J. R. Stat. Soc. B 54 (1992), for skewed observations; L. Kish, Survey
Sampling (1965), for unequal units; S. J. Prais and C. B. Winsten, Cowles Commission 383 (1954), for whitening;
F. H. C. Marriott and J. A. Pope, Biometrika 41 (1954), for the bias of correlations.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

FEWEST = 7  # units that a test or an interval needs: with six, signs alone cannot reach 5 % as often as they should
DRAWS = 2000  # of signs, where there are too many to take all
SEED = 0
_AT_ONCE = 250  # draws whose numbers a processor keeps near
_ALL = 11  # units up to which all signs are taken: 2^10
_STEEPEST = 3.0  # t up to which skewness is corrected for in a family of tests; further out its estimate is only noise
_MOST = 0.97  # the strongest correlation that is believed
_RAISE = 0.5  # standard errors by which a correlation of 1 would be raised


@dataclass(frozen=True)
class Units:
    """c means over u units.

    sums: (c, u). counts: (c, u) or (1, u), of a positive sum; the mean is the sum of `sums` over that of `counts`.
    number: (c,), how many independent scenes or images tell as much; nan for rows that do not vary.
    """

    sums: np.ndarray
    counts: np.ndarray
    number: np.ndarray


def of_scenes(sums: np.ndarray, counts: np.ndarray) -> Units:
    """Take scenes as units. sums: (c, u) over the images of each. counts: (u,), how many these are."""
    return Units(sums, np.asarray(counts, float)[None], np.full(len(sums), float(len(counts))))


def of_neighbours(values: np.ndarray, together: int = 0, counts: np.ndarray | None = None) -> Units:
    """Take images or scenes as units that stand in an order in which neighbours may be alike. values: (c, n). counts:
    (n,), where these are sums over scenes, of how many images each; together must then be 0.

    Blocks of neighbours are averaged, the longer the more images there are, and what correlation is left between
    blocks is taken out. together: 0 where each row has a correlation of its own; else the rows share theirs as far as
    they agree, and this is how many of them are independent.
    """
    n = values.shape[1]
    starts = _starts(n)
    if counts is None:
        blocks = np.add.reduceat(values, starts, axis=1) / np.diff([*starts, n]) if n else values
        sizes = None
        found = _correlations(blocks)
    else:
        counts = np.asarray(counts, float)
        blocks, sizes = np.add.reduceat(values, starts, axis=1), np.add.reduceat(counts, starts)
        found = _correlations(blocks - values.sum(axis=1, keepdims=True) / counts.sum() * sizes)
    found = _pooled(found, len(starts)) if together else np.clip(np.nan_to_num(found), 0, _MOST)
    chance = np.sqrt((1 - found**2) / (len(starts) * max(together, 1))) if n else 0.0
    raised = np.minimum(found * (1 + _RAISE * chance), _MOST)
    sums, share = _whitened(blocks, raised)
    if sizes is None:
        return Units(sums, share, _number(values, sums, share))
    share, _ = _whitened(np.repeat(sizes[None], len(values), axis=0), raised)
    return Units(sums, share, _number(values, sums, share, counts[None]))


def _starts(n: int) -> np.ndarray:
    """Where blocks of n images begin. Their length grows as the cube root of n (H. R. Künsch, Ann. Stat. 17, 1989)."""
    blocks = n // max(1, int(np.cbrt(n) + 1e-9) - 1)
    return np.arange(blocks) * n // max(blocks, 1)


def _correlations(values: np.ndarray) -> np.ndarray:
    """Correlations of neighbours (c,) in rows (c, n), less the bias of having estimated the mean; nan of constant rows,
    and where there are too few values to tell."""
    n = values.shape[1]
    if n < FEWEST:
        return np.full(len(values), np.nan)
    rest = values - values.mean(axis=1, keepdims=True)
    squares = (rest**2).sum(axis=1)
    varied = squares > 1e-20 * (values**2).sum(axis=1)
    found = np.full(len(values), np.nan)
    found[varied] = (rest[varied, 1:] * rest[varied, :-1]).sum(axis=1) / squares[varied]
    return (n * found + 1) / (n - 3)


def _pooled(correlations: np.ndarray, n: int) -> np.ndarray:
    """Draw c correlations towards their mean as far as their spread is that of chance (empirical Bayes). For nan stands
    the mean. n: values that each is of."""
    known = correlations[~np.isnan(correlations)]
    if not len(known):
        return np.zeros(len(correlations))
    mean = float(np.clip(known.mean(), 0, _MOST))
    spread, chance = known.var(), (1 - mean**2) / n
    kept = 1 - chance / spread if spread > chance else 0.0
    return np.clip(mean + kept * (np.nan_to_num(correlations, nan=mean) - mean), 0, _MOST)


def _whitened(values: np.ndarray, correlations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return of rows (c, n) what each value adds to the one before it, and how much it counts, (c, n) each."""
    first = np.sqrt(1 - correlations**2)
    sums, counts = np.array(values, float), np.repeat((1 - correlations)[:, None], values.shape[1], axis=1)
    sums[:, 1:] -= correlations[:, None] * values[:, :-1]
    sums[:, :1] *= first[:, None]
    counts[:, :1] = first[:, None]
    return sums, counts


def _number(values: np.ndarray, sums: np.ndarray, counts: np.ndarray, images: np.ndarray | None = None) -> np.ndarray:
    """How many independent images have a mean as sure as that of n neighbours (c, n), at most n: (c,). images: (1, n),
    where these are sums over scenes, of how many each: as many scenes."""
    found, n = np.full(len(values), np.nan), values.shape[1]
    if n > 1:
        error = _mean(sums, counts).error ** 2
        spread = values.var(axis=1, ddof=1) if images is None else n * _mean(values, images).error ** 2
        varied = (error > 0) & (spread > 1e-20 * (values**2).mean(axis=1))
        found[varied] = np.minimum(np.round(spread[varied] / error[varied], 9), n)
    return found


@dataclass(frozen=True)
class _Mean:
    """Of c means: the mean, its standard error by the jackknife, its skewness and the degrees of freedom of the error,
    each (c,)."""

    mean: np.ndarray
    error: np.ndarray
    skewness: np.ndarray
    degrees: np.ndarray


def _mean(sums: np.ndarray, counts: np.ndarray) -> _Mean:
    u, total = sums.shape[1], counts.sum(axis=1)
    mean = sums.sum(axis=1) / total
    rest = sums - mean[:, None] * counts
    share = counts / total[:, None]
    error = np.sqrt((1 - 1 / u) * ((rest / (1 - share)) ** 2).sum(axis=1)) / total
    squares = (rest**2).sum(axis=1)
    even = total**2 / (counts**2).sum(axis=1) / u  # 1 of equal units; the skewness of others is that of the largest
    bias = np.sqrt(u * (u - 1)) / max(u - 2, 1)
    skewness = even * bias * np.divide(
        (rest**3).sum(axis=1), squares**1.5, where=squares > 0, out=np.zeros(len(sums))
    )  # fmt: skip
    return _Mean(mean, error, skewness, np.maximum(u * even - 1, 2))


def _symmetric(t: np.ndarray, skewness: np.ndarray) -> np.ndarray:
    """Hall's transformation of t, which is as good as symmetric about 0."""
    return t + skewness * t**2 / 3 + skewness**2 * t**3 / 27 + skewness / 6


def _skewed(symmetric: np.ndarray, skewness: np.ndarray) -> np.ndarray:
    """The inverse of `_symmetric`."""
    rest = symmetric - skewness / 6
    some = np.where(np.abs(skewness) > 1e-6, skewness, 1.0)
    return np.where(np.abs(skewness) > 1e-6, (np.cbrt(1 + some * rest) - 1) * 3 / some, rest)


def interval(units: Units, level: float = 0.95, skewed: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """How far the interval of each mean reaches below and above it, (c,) each; nan for fewer than `FEWEST` units, and
    for neighbours so alike that all of them tell less than one independent image.

    Student's interval with a standard error by the jackknife. skewed: correct it for skewness.
    """
    from scipy import stats

    if units.sums.shape[1] < FEWEST:
        return np.full(len(units.sums), np.nan), np.full(len(units.sums), np.nan)
    found = _mean(units.sums, units.counts)
    quantile = stats.t.ppf((1 + level) / 2, found.degrees)
    below, above = (_skewed(sign * quantile, skewed * found.skewness) * found.error for sign in (1, -1))
    told = ~(units.number < 1)  # true of nan, of rows that do not vary
    return np.where(told, below, np.nan), np.where(told, -above, np.nan)


def p_values(units: Units) -> np.ndarray:
    """Test that means are 0, two-sided: p (c,), below 1 - level where `interval` leaves 0 out; nan for fewer than
    `FEWEST` units or independent ones, 1 where all sums are 0."""
    from scipy import stats

    if units.sums.shape[1] < FEWEST:
        return np.full(len(units.sums), np.nan)
    found = _mean(units.sums, units.counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(found.mean == 0, 0.0, found.mean / found.error)
    finite = np.where(np.isfinite(t), t, 0.0)
    p = 2 * stats.t.sf(np.abs(_symmetric(finite, found.skewness)), found.degrees)
    return np.where(units.number < FEWEST, np.nan, np.where(np.isfinite(t), p, 0.0))


@lru_cache(maxsize=4)
def signs(units: int, draws: int = DRAWS) -> np.ndarray:
    """Signs of units, (draws, u): all up to their reverse where these are few, else a random choice. The first are all
    +1, as observed. Read-only."""
    if units <= _ALL:
        found = 1.0 - 2 * ((np.arange(2 ** (units - 1))[:, None] >> np.arange(units)) & 1)
    else:
        found = np.random.default_rng(SEED).choice([-1.0, 1.0], (draws, units))
        found[0] = 1
    found.flags.writeable = False
    return found


def step_down(sums: np.ndarray, draws: int = DRAWS) -> np.ndarray:
    """Test together that c means are 0, by random signs of the units: p values (c,), each corrected for all tests.

    sums: (c, u), a row for each mean, with the same units in the same order. A draw gives each unit one sign in all
    rows, which keeps what rows have in common. Each p is the share of draws in which the largest |t| of it and of all
    less significant rows reaches its own. Rows of nothing but 0 have p = 1. t is corrected for skewness (Johnson).
    """
    p = np.ones(len(sums))
    some = np.flatnonzero((sums != 0).any(axis=1))
    if not len(some):
        return p
    columns, drawn_signs = sums[some].T, signs(sums.shape[1], draws)
    observed = _skewness_corrected(columns, drawn_signs[:1])[0]
    order = np.argsort(observed, kind="stable")  # least significant first
    reached, columns = np.zeros(len(some)), columns[:, order]
    for start in range(0, len(drawn_signs), _AT_ONCE):
        drawn = _skewness_corrected(columns, drawn_signs[start : start + _AT_ONCE])
        reached += (np.maximum.accumulate(drawn, axis=1) >= observed[order] * (1 - 1e-9)).sum(axis=0)
    shares = reached / len(drawn_signs)
    p[some[order]] = np.maximum.accumulate(shares[::-1])[::-1]
    return p


def _skewness_corrected(sums: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """|t| of each column of sums (u, c) under each draw of signs, (draws, c)."""
    u = len(sums)
    scaled = sums / np.sqrt((sums**2).mean(axis=0))
    mean = signs @ scaled / u
    square = mean**2
    variance = np.maximum(1 - square, 1e-12)
    third = signs @ (scaled * scaled * scaled) / u - mean * (3 - 2 * square)
    steep = np.minimum(u * square / variance, _STEEPEST**2) / 3 + 1 / 6
    return np.abs(u * mean + third / variance * steep) / np.sqrt(u * variance)
