"""Judge metrics by a detector: all figures of one setup, and what several setups say together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from benchmark import inference
from benchmark.errors import UserError
from benchmark.inference import FEWEST
from benchmark.worth import agreement
from benchmark.worth.agreement import Reliability
from benchmark.worth.evidence import Evidence

MAIN = "AP"


@dataclass(frozen=True)
class Correlation:
    """Kendall's tau of a metric with what the detector reaches, over methods. low, high: 95 % interval over scenes
    of the tau with the true order, nan where there is none. rho: Spearman's. p: corrected for all metrics and
    predictors."""

    tau: float
    low: float
    high: float
    rho: float
    p: float


@dataclass(frozen=True)
class Judged:
    """A metric or predictor. by: target -> correlation; a target is one of REACHED, or "AP CLASS". methods, families:
    tau with AP without each method or family. alike: share of pairs of methods that it orders as AP does, image by
    image, with its 95 % interval over scenes (nan where scenes are too few)."""

    name: str
    is_metric: bool
    by: dict[str, Correlation]
    methods: dict[str, float]
    families: dict[str, float]
    alike: tuple[float, float, float]


@dataclass(frozen=True)
class Worth:
    """All of a setup. reached: target -> value of each method. reliability: target -> that of the order of methods.
    needed_scenes: for the least reliability, infinite where halves agree in nothing. needed_methods: until a tau of 0.3
    is beyond chance. short: what is below the floor, empty where metrics may be ranked."""

    evidence: Evidence
    targets: tuple[str, ...]
    reached: dict[str, np.ndarray]
    reliability: dict[str, Reliability]
    judged: tuple[Judged, ...]
    needed_scenes: float
    needed_methods: int
    short: tuple[str, ...] = field(default=())

    @property
    def may_rank(self) -> bool:
        return not self.short


SMALLEST = 0.3  # a tau that one would like to see


def judge(evidence: Evidence, number: int = agreement.RESAMPLES) -> Worth:
    """Compute all figures. number: of resamples. Raises UserError where methods or scenes are too few to order."""
    count, scenes = len(evidence.methods), evidence.scene_count
    where = f"{evidence.compared.setup}"
    if count < agreement.FEWEST_METHODS:
        raise UserError(f"{where}: {count} methods to compare, of {agreement.FEWEST_METHODS} that an order needs")
    if scenes < agreement.FEWEST_SCENES:
        raise UserError(f"{where}: {scenes} scenes, of {agreement.FEWEST_SCENES} that intervals need")
    once = np.ones((1, len(evidence.scenes)), int)
    weights = [once, agreement.resamples(evidence.scenes, number), *agreement.halves(evidence.scenes)]
    whole, drawn, first, second = (evidence.reached(of) for of in weights)
    reliability = {target: agreement.reliability(first[target], second[target], scenes) for target in whole}
    reached = {target: values[0] for target, values in whole.items()}
    means = {name: evidence.means(name, weights[0])[0] for name in evidence.scores}
    resampled = {name: evidence.means(name, weights[1]) for name in evidence.scores}
    matrix = np.stack([*means.values()])
    by_chance = {
        target: agreement.largest_by_chance(matrix, values, evidence.families) for target, values in reached.items()
    }
    quality = evidence.quality()
    judged = []
    for place, (name, mean) in enumerate(means.items()):
        by = {}
        for target, values in reached.items():
            tau, rho = float(agreement.tau(mean, values)), float(agreement.rho(mean, values))
            taus = agreement.tau(resampled[name], drawn[target])
            low, high = agreement.interval(tau, taus, scenes, reliability[target].rho)
            by[target] = Correlation(tau, low, high, rho, float(by_chance[target][place]))
        judged.append(
            Judged(
                name,
                name not in evidence.predictors,
                by,
                agreement.without(mean, reached[MAIN], evidence.methods),
                agreement.without(mean, reached[MAIN], evidence.families),
                _alike(evidence, name, quality),
            )
        )
    main = reliability[MAIN]
    short = []
    if main.rho < agreement.LEAST_RELIABILITY:
        short.append(f"reliability {main.rho:.2f} < {agreement.LEAST_RELIABILITY}")
    if scenes < agreement.LEAST_SCENES:
        short.append(f"{scenes} scenes < {agreement.LEAST_SCENES}")
    if count < agreement.LEAST_METHODS:
        short.append(f"{count} methods < {agreement.LEAST_METHODS}")
    return Worth(
        evidence,
        tuple(reached),
        reached,
        reliability,
        tuple(judged),
        main.scenes_for(agreement.LEAST_RELIABILITY),
        agreement.methods_for(SMALLEST, len(means)),
        tuple(short),
    )


def _alike(evidence: Evidence, name: str, quality: np.ndarray) -> tuple[float, float, float]:
    agreed, ordered = agreement.orders_alike(evidence.scores[name], quality)
    if not ordered.sum():
        return math.nan, math.nan, math.nan
    share = float(agreed.sum() / ordered.sum())
    sums, counts = (np.bincount(evidence.scenes, values) for values in (agreed, ordered))
    kept = counts > 0
    if kept.sum() < FEWEST:
        return share, math.nan, math.nan
    units = inference.Units(sums[kept][None], counts[kept][None], np.array([float(kept.sum())]))
    (below,), (above,) = inference.interval(units, skewed=False)  # few scenes do not tell how skewed it is
    return share, share - float(below), share + float(above)


@dataclass(frozen=True)
class Together:
    """Setups side by side, never pooled. names: what they are called. taus: metric or predictor -> tau with AP in each,
    nan where it is not there. orders: (place, place) -> tau between the orders of the methods that two setups share by
    AP, and how many these are."""

    names: tuple[str, ...]
    taus: dict[str, list[float]]
    orders: dict[tuple[int, int], tuple[float, int]]

    def sign(self, name: str) -> str:
        """Whether a metric's tau has one sign in all setups."""
        known = [value for value in self.taus[name] if not math.isnan(value)]
        if len(known) < 2:
            return "in one setup"
        return "agree" if all(v > 0 for v in known) or all(v < 0 for v in known) else "disagree"


def together(found: Sequence[Worth], names: Sequence[str]) -> Together:
    """Put setups side by side. names: what each is called."""
    everything = dict.fromkeys(judged.name for worth in found for judged in worth.judged)
    taus = {name: [_tau_of(worth, name) for worth in found] for name in everything}
    orders = {}
    for i, j in combinations(range(len(found)), 2):
        common = [m for m in found[i].evidence.methods if m in found[j].evidence.methods]
        if len(common) >= agreement.FEWEST_METHODS:
            mine = [
                worth.reached[MAIN][[worth.evidence.methods.index(m) for m in common]] for worth in (found[i], found[j])
            ]
            orders[i, j] = float(agreement.tau(*mine)), len(common)
    return Together(tuple(names), taus, orders)


def _tau_of(worth: Worth, name: str) -> float:
    return next((judged.by[MAIN].tau for judged in worth.judged if judged.name == name), math.nan)


def quotable(worth: Worth, name: str) -> str:
    """Say in a paragraph what a setup shows, for a reader to quote. name: what the data are called."""
    evidence, main = worth.evidence, worth.reliability[MAIN]
    settings = evidence.compared.facts["settings"]
    metrics = [judged for judged in worth.judged if judged.is_metric]
    beyond = [judged for judged in metrics if judged.by[MAIN].p <= agreement.ALPHA]
    above = [judged.name for judged in beyond if judged.by[MAIN].tau > 0]
    below = [judged.name for judged in beyond if judged.by[MAIN].tau < 0]
    best = max(metrics, key=lambda judged: -math.inf if math.isnan(judged.by[MAIN].tau) else judged.by[MAIN].tau)
    open_ = [judged.name for judged in metrics if judged.by[MAIN].low <= 0 <= judged.by[MAIN].high]
    parts = [
        f"On {name} ({len(evidence.scenes)} images of {evidence.scene_count} scenes), {len(evidence.methods)} fusion"
        f" methods were ordered by the AP of {settings['detector']} (protocol {settings['protocol']}) and by"
        f" {len(metrics)} metrics.",
        f"The order by AP has a reliability of {main.rho:.2f} (orders in two halves of the scenes: Spearman"
        f" {main.half_rho:+.2f}, Kendall {main.half_tau:+.2f}), so that a metric that knew the true order would reach a"
        f" tau of about {main.ceiling:.2f}.",
        f"Kendall's tau with AP is highest for {best.name}, {_printed(best)}; the interval over scenes holds 0 for"
        f" {len(open_)} of {len(metrics)} metrics.",
    ]
    if above or below:
        said = [f"in the detector's order: {', '.join(above)}"] * bool(above)
        said += [f"against it: {', '.join(below)}"] * bool(below)
        parts.append(f"Beyond chance over methods, corrected for all metrics, are {'; '.join(said)}.")
    else:
        parts.append("No metric's tau is beyond what the largest of all metrics reaches by chance.")
    simple = [judged for judged in worth.judged if not judged.is_metric and not math.isnan(judged.by[MAIN].tau)]
    if simple:
        rival = max(simple, key=lambda judged: abs(judged.by[MAIN].tau))
        parts.append(f"Of the simple predictors {rival.name} has {_printed(rival)}.")
    if not worth.may_rank:
        needed = "no number of such scenes" if math.isinf(worth.needed_scenes) else f"some {_scenes(worth)} such scenes"
        parts.append(
            f"These data do not suffice to rank metrics ({', '.join(worth.short)}): a reliability of"
            f" {agreement.LEAST_RELIABILITY} would take {needed}, and {worth.needed_methods} unrelated methods would"
            f" show a tau of {SMALLEST} to be beyond chance."
        )
    return " ".join(parts)


def _printed(judged: Judged) -> str:
    one = judged.by[MAIN]
    return f"{one.tau:+.2f} (95 % interval over scenes {one.low:+.2f} to {one.high:+.2f})"


def _scenes(worth: Worth) -> int:
    return math.ceil(worth.needed_scenes)
