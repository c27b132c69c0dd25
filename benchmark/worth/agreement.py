"""How far metrics order fusion methods as a detector does, and how far either order can be believed.

Everything here is a function of arrays. A *quantity* is a metric, a simple predictor, or what the detector reaches; it
has a value for each of m methods, and for each of B resamples of the scenes. Larger is better throughout: a metric that
is better when small is negated before.

Intervals come from a bootstrap over scenes, the same ones for a metric and for the detector. They hold the uncertainty
of the scenes alone: the methods are those that were compared. What they cover with few scenes is simulated by
`studies/worth_null.py`.

Sources: M. G. Kendall, Biometrika 30 (1938) and 33 (1945) for tau-b; C. Spearman, Am. J. Psychol. 15 (1904) for rho and
for attenuation; C. Spearman and W. Brown, Br. J. Psychol. 3 (1910) for halves; P. H. Westfall and S. S. Young,
Resampling-Based Multiple Testing (1993) for the maximum.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, rankdata, t

SEED = 0
RESAMPLES = 1000  # of scenes
HALVES = 200  # ways to halve the scenes
PERMUTATIONS = 5000  # of methods
ALPHA = 0.05

# Below these, the order of methods by AP says too little to rank metrics by it: docs/worth.md argues the numbers.
LEAST_RELIABILITY = 0.6
LEAST_SCENES = 15
LEAST_METHODS = 15
FEWEST_METHODS = 5  # fewer have no order to speak of
FEWEST_SCENES = 3  # fewer cannot be halved


def tau(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Kendall's tau-b of quantities over methods. first, second: (..., m), broadcast; returns (...). nan where a
    quantity is the same for all methods, or undefined for one."""
    i, j = np.triu_indices(first.shape[-1], 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        a, b = np.sign(first[..., i] - first[..., j]), np.sign(second[..., i] - second[..., j])
        return (a * b).sum(axis=-1) / np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))


def rho(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's rho; arguments and result as of `tau`."""
    a, b = (_centred(rankdata(values, axis=-1, nan_policy="propagate")) for values in (first, second))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (a * b).sum(axis=-1) / np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))


def _centred(values: np.ndarray) -> np.ndarray:
    return values - values.mean(axis=-1, keepdims=True)


def resamples(scenes: np.ndarray, number: int = RESAMPLES, seed: int = SEED) -> np.ndarray:
    """How often each image counts when scenes are drawn with replacement, int (number, images). scenes: the number of
    each image's scene, from 0."""
    count = int(scenes.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=number)
    return drawn[:, scenes]


def halves(scenes: np.ndarray, number: int = HALVES, seed: int = SEED) -> tuple[np.ndarray, np.ndarray]:
    """Halve the scenes at random, `number` times: how often each image counts in one half and in the other, int
    (number, images) each. Of an odd number of scenes the other half has one more."""
    count = int(scenes.max()) + 1
    order = np.argsort(np.random.default_rng(seed).random((number, count)), axis=1)
    first = (order < count // 2).astype(int)[:, scenes]
    return first, 1 - first


@dataclass(frozen=True)
class Reliability:
    """How far the order of methods by a detector's figure would come again with other scenes.

    half_tau, half_rho: mean correlation of the orders in two halves of the scenes. rho: the reliability, what
    Spearman and Brown's formula makes of it for all scenes; in [0, 1]. scenes: how many were halved.
    """

    half_tau: float
    half_rho: float
    rho: float
    scenes: int

    @property
    def ceiling(self) -> float:
        """The tau that a metric would have with this order if it knew the true one; see `unattenuated`."""
        return 2 / math.pi * math.asin(math.sqrt(self.rho))

    def scenes_for(self, reliability: float) -> float:
        """How many such scenes would reach a reliability, by Spearman and Brown's formula; infinite where the halves
        agree in nothing."""
        if self.rho <= 0:
            return math.inf
        return self.scenes * reliability * (1 - self.rho) / (self.rho * (1 - reliability))


def reliability(first: np.ndarray, second: np.ndarray, scenes: int) -> Reliability:
    """first, second: a detector's figure for the methods in one half of the scenes and in the other, (H, m)."""
    half = float(np.nanmean(rho(first, second)))
    whole = max(0.0, 2 * half / (1 + half)) if half > -1 else 0.0
    return Reliability(float(np.nanmean(tau(first, second))), half, whole, scenes)


def interval(value: float, resampled: np.ndarray, scenes: int, reliability: float) -> tuple[float, float]:
    """A 95 % interval of the tau that a quantity has with the true order of methods, the one that ever more scenes
    would give. nan where resamples do not tell.

    value: tau on all scenes. resampled: (B,) tau on resamples of them. reliability: of the detector's order.

    Percentiles would not do. A resample adds the noise of scenes a second time, so that taus of resamples are nearer to
    0 than the one seen, as that is nearer than the true one. Hence the spread of resamples is taken and not their
    place, with Student's t for few scenes. An end that lies beyond 0 is then moved further, by what the noise of the
    detector's order attenuates: 0 is inside as often as without that.
    """
    known = resampled[np.isfinite(resampled)]
    if len(known) < 2 or math.isnan(value):
        return math.nan, math.nan
    reach = t.isf(ALPHA / 2, scenes - 1) * math.sqrt(scenes / (scenes - 1)) * float(known.std())
    low, high = max(value - reach, -1.0), min(value + reach, 1.0)
    return min(low, unattenuated(low, reliability)), max(high, unattenuated(high, reliability))


def unattenuated(value: float, reliability: float) -> float:
    """The tau with the true order, for one with an order of this reliability; in [-1, 1]. 2/pi asin(r) is the tau of
    normal quantities that correlate by r, and r is divided by the root of the reliability."""
    correlation = math.sin(math.pi / 2 * value)
    if correlation**2 >= reliability:
        return math.copysign(1.0, correlation) if correlation else 0.0
    return 2 / math.pi * math.asin(correlation / math.sqrt(reliability))


def without(quantity: np.ndarray, reached: np.ndarray, groups: Sequence[str]) -> dict[str, float]:
    """Kendall's tau without the methods of each group. quantity, reached: (m,). groups: (m,) names."""
    found = {}
    for group in dict.fromkeys(groups):
        kept = np.array([name != group for name in groups])
        if kept.sum() >= FEWEST_METHODS:
            found[group] = float(tau(quantity[kept], reached[kept]))
    return found


def largest_by_chance(quantities: np.ndarray, reached: np.ndarray, seed: int = SEED) -> np.ndarray:
    """How likely the largest |tau| of all quantities is at least that of each, if none had to do with the detector: p
    values, (k,), corrected for looking at k of them.

    quantities: (k, m). reached: (m,), permuted over methods. Methods count as exchangeable, which relatives are not.
    """
    draws = np.random.default_rng(seed).permuted(np.broadcast_to(reached, (PERMUTATIONS, len(reached))), axis=1)
    largest = np.zeros(PERMUTATIONS)
    for quantity in quantities:
        largest = np.fmax(largest, np.abs(tau(quantity, draws)))
    observed = np.abs(tau(quantities, reached))
    beaten = (largest[None] >= observed[:, None] - 1e-12).sum(axis=1)
    return np.where(np.isnan(observed), np.nan, (1 + beaten) / (1 + PERMUTATIONS))


def methods_for(smallest: float, quantities: int) -> int:
    """How many unrelated methods it takes until a tau of `smallest` is beyond chance for one of so many quantities, by
    the normal approximation of tau's null distribution and Bonferroni's correction."""
    z = norm.isf(ALPHA / 2 / quantities)
    m = FEWEST_METHODS
    while z * math.sqrt(2 * (2 * m + 5) / (9 * m * (m - 1))) > smallest:
        m += 1
    return m


def orders_alike(quantity: np.ndarray, quality: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Image by image, how many pairs of methods a quantity orders as the detector does, and how many both order at all:
    two arrays (images,). quantity, quality: (m, images), nan where undefined; ties are left out."""
    i, j = np.triu_indices(len(quantity), 1)
    with np.errstate(invalid="ignore"):
        product = np.sign(quantity[i] - quantity[j]) * np.sign(quality[i] - quality[j])
    return (product > 0).sum(axis=0), (np.nan_to_num(product) != 0).sum(axis=0)
