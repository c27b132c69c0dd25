"""What the figures of `bench worth` are worth where the truth is known: coverage of intervals of tau, level of the
corrected p value, bias of the reliability, spread of the number of scenes that would do.

    python -m studies.worth_null

Methods have true values by a detector and by a metric, whose correlation over methods is chosen; what is measured on a
scene is that plus a scene's own effect on each method, larger for the detector. The tau of the true values is what an
interval should hold. Printed: tables in Markdown. Some minutes on one core.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from benchmark.worth import agreement

METHODS = 30
QUANTITIES = 12
RUNS = 200
SCENES = (3, 5, 10, 20, 40)
NOISE = (1.0, 3.0)  # standard deviation of a scene's effect on a method's AP, in those of methods


def _drawn(rng, correlation: float, scenes: int, noise: float, methods: int = METHODS):
    """True values (2, m) of a detector and a metric, and what is seen on each scene, (2, scenes, m)."""
    truth = rng.standard_normal((2, methods))
    truth[1] = correlation * truth[0] + math.sqrt(1 - correlation**2) * truth[1]
    spread = np.array([noise, 0.3 * noise])[:, None, None]
    return truth, truth[:, None] + spread * rng.standard_normal((2, scenes, methods))


def coverage() -> None:
    """How often the interval holds the tau of the true values, how often percentiles of resamples would, how often it
    leaves out 0 where that is the truth, and what the reliability is estimated as."""
    print("| scenes | reliability, true, estimated | tau 0 | about .3 | about .6 | percentiles | width | mean tau |")
    print("|---|---|---|---|---|---|---|---|")
    for noise in NOISE:
        for scenes in SCENES:
            rng, cells, reliable = np.random.default_rng(scenes), [], []
            for correlation in (0.0, 0.45, 0.81):
                held, by_percentiles, wide, taus = [], [], [], []
                for run in range(RUNS):
                    truth, seen = _drawn(rng, correlation, scenes, noise)
                    places = np.arange(scenes)
                    weights = agreement.resamples(places, 200, seed=run) / scenes
                    first, second = agreement.halves(places, 40, seed=run)
                    reliability = agreement.reliability(first @ seen[0], second @ seen[0], scenes).rho
                    resampled = agreement.tau(weights @ seen[0], weights @ seen[1])
                    value = float(agreement.tau(seen[0].mean(axis=0), seen[1].mean(axis=0)))
                    low, high = agreement.interval(value, resampled, scenes, reliability)
                    true = float(agreement.tau(*truth))
                    held.append(low <= true <= high)
                    by_percentiles.append(np.quantile(resampled, 0.025) <= true <= np.quantile(resampled, 0.975))
                    wide.append(high - low)
                    taus.append(value)
                    reliable.append(reliability)
                cells.append(f"{100 * np.mean(held):.0f} %")
            true = 1 / (1 + noise**2 / scenes)
            last = f"{100 * np.mean(by_percentiles):.0f} % | {np.mean(wide):.2f} | {np.mean(taus):.2f}"
            print(f"| {scenes} | {true:.2f}, {np.mean(reliable):.2f} | {' | '.join(cells)} | {last} |", flush=True)
    print("\nPercentiles, width and mean tau are those where the true tau is about .6.")


def level() -> None:
    """How often the corrected p value of any of many quantities is below 5 % where none has to do with the detector."""
    print("\n| methods | unrelated | in families of three | the same, taken as unrelated |\n|---|---|---|---|")
    for methods in (15, 30):
        rng, alone, related, mistaken = np.random.default_rng(methods), [], [], []
        for _ in range(RUNS):
            alone.append(_any(rng.standard_normal((QUANTITIES + 1, methods))))
            families = rng.standard_normal((QUANTITIES + 1, methods // 3)).repeat(3, axis=1)
            families += 0.3 * rng.standard_normal(families.shape)
            related.append(_any(families, [f"f{k // 3}" for k in range(methods)]))
            mistaken.append(_any(families))
        shares = " | ".join(f"{100 * np.mean(found):.1f} %" for found in (alone, related, mistaken))
        print(f"| {methods} | {shares} |", flush=True)


def _any(values: np.ndarray, groups: Sequence[str] | None = None) -> bool:
    before, agreement.PERMUTATIONS = agreement.PERMUTATIONS, 500
    try:
        return bool((agreement.largest_by_chance(values[1:], values[0], groups) <= agreement.ALPHA).any())
    finally:
        agreement.PERMUTATIONS = before


def ranking() -> None:
    """How often the better of two metrics, of true tau .6 and .3, has the higher measured tau."""
    print("\n| scenes | methods | reliability | the better metric is ahead |\n|---|---|---|---|")
    for scenes, methods, noise in ((10, 15, 3), (15, 15, 3), (15, 15, 1), (15, 30, 3), (40, 15, 3), (40, 30, 3)):
        rng, ahead = np.random.default_rng(1), []
        for _ in range(2 * RUNS):
            truth = rng.standard_normal(methods)
            seen = truth + noise / math.sqrt(scenes) * rng.standard_normal(methods)
            taus = []
            for correlation in (0.81, 0.45):
                metric = correlation * truth + math.sqrt(1 - correlation**2) * rng.standard_normal(methods)
                taus.append(float(agreement.tau(metric, seen)))
            ahead.append(taus[0] > taus[1])
        true = 1 / (1 + noise**2 / scenes)
        print(f"| {scenes} | {methods} | {true:.2f} | {100 * np.mean(ahead):.0f} % |", flush=True)


def projection() -> None:
    """How far the number of scenes that a reliability of .6 would take can be told from few scenes."""
    print("\n| scenes | needed | told: 10 % | half | 90 % |\n|---|---|---|---|---|")
    for scenes in (3, 10, 20):
        rng, told = np.random.default_rng(scenes), []
        for run in range(RUNS):
            _, seen = _drawn(rng, 0.0, scenes, NOISE[-1])
            first, second = agreement.halves(np.arange(scenes), 50, seed=run)
            one = agreement.reliability(first @ seen[0], second @ seen[0], scenes)
            told.append(one.scenes_for(agreement.LEAST_RELIABILITY))
        needed = NOISE[-1] ** 2 * agreement.LEAST_RELIABILITY / (1 - agreement.LEAST_RELIABILITY)
        shown = " | ".join(f"{value:.0f}" for value in np.quantile(told, [0.1, 0.5, 0.9], method="lower"))
        print(f"| {scenes} | {needed:.1f} | {shown} |", flush=True)


if __name__ == "__main__":
    coverage()
    level()
    ranking()
    projection()
