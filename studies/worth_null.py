"""What the figures of `bench worth` are worth where the truth is known: coverage of intervals of tau, level of the
corrected p value, bias of the reliability.

    python -m studies.worth_null

Methods have true values by a detector and by a metric, whose correlation over methods is chosen; what is measured on a
scene is that plus a scene's own effect on each method, larger for the detector. The tau of the true values is what an
interval should hold. Printed: tables in Markdown. One minute on one core.
"""

from __future__ import annotations

import math

import numpy as np

from benchmark.worth import agreement

METHODS = 30
QUANTITIES = 12
RUNS = 400
SCENES = (3, 5, 10, 20, 40, 80)
NOISE = {"low": 1.0, "high": 3.0}  # standard deviation of a scene's effect on a method's AP, in those of methods


def _drawn(rng, correlation: float, scenes: int, noise: float, methods: int = METHODS):
    """True values (2, m) of a detector and a metric, and what is seen on each scene, (2, scenes, m)."""
    truth = rng.standard_normal((2, methods))
    truth[1] = correlation * truth[0] + math.sqrt(1 - correlation**2) * truth[1]
    spread = np.array([noise, 0.3 * noise])[:, None, None]
    return truth, truth[:, None] + spread * rng.standard_normal((2, scenes, methods))


def coverage() -> None:
    """How often the interval holds the tau of the true values, and how often it leaves out 0 where that is 0."""
    print("| scenes | scene effects | reliability | covers tau of .0 | of about .3 | of about .6 | mean tau where .6 |")
    print("|---|---|---|---|---|---|---|")
    for noise_name, noise in NOISE.items():
        for scenes in SCENES:
            rng, cells, reliable, means = np.random.default_rng(scenes), [], [], []
            for correlation in (0.0, 0.45, 0.81):
                held = []
                for run in range(RUNS):
                    truth, seen = _drawn(rng, correlation, scenes, noise)
                    places = np.arange(scenes)
                    weights = agreement.resamples(places, 300, seed=run) / scenes
                    low, high = agreement.interval(agreement.tau(weights @ seen[0], weights @ seen[1]))
                    held.append(low <= agreement.tau(*truth) <= high)
                    first, second = agreement.halves(places, 50, seed=run)
                    one = agreement.reliability(first @ seen[0], second @ seen[0], scenes)
                    reliable.append(one.rho)
                    means.append(float(agreement.tau(seen[0].mean(axis=0), seen[1].mean(axis=0))))
                cells.append(f"{100 * np.mean(held):.0f} %")
            true = 1 / (1 + noise**2 / scenes)
            mean = np.mean(means[-RUNS:])
            shown = f"{np.mean(reliable):.2f} (true {true:.2f})"
            print(f"| {scenes} | {noise_name} | {shown} | {' | '.join(cells)} | {mean:.2f} |", flush=True)


def level() -> None:
    """How often the corrected p value of any of many quantities is below 5 % where none has to do with the detector."""
    print("\n| methods | unrelated | in families of three |\n|---|---|---|")
    for methods in (9, 15, 30):
        rng, alone, related = np.random.default_rng(methods), [], []
        for _ in range(RUNS):
            alone.append(_any(rng.standard_normal((QUANTITIES + 1, methods))))
            families = rng.standard_normal((QUANTITIES + 1, methods // 3)).repeat(3, axis=1)
            related.append(_any(families + 0.3 * rng.standard_normal(families.shape)))
        print(f"| {methods} | {100 * np.mean(alone):.1f} % | {100 * np.mean(related):.1f} % |", flush=True)


def _any(values: np.ndarray) -> bool:
    before, agreement.PERMUTATIONS = agreement.PERMUTATIONS, 500
    try:
        return bool((agreement.largest_by_chance(values[1:], values[0]) <= agreement.ALPHA).any())
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


if __name__ == "__main__":
    coverage()
    level()
    ranking()
