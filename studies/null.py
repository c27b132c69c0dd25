"""Whether tests and intervals keep their level: the tables of docs/reports.md and docs/detection.md.

    python -m studies.null                       # 1000 simulations a row, some minutes of one thread
    python -m studies.null --simulations 50 --only comparisons

Methods that are alike in truth are compared again and again, and it is counted how often a test calls one of them
worse, which should be in 5 % of cases; and how often 95 % intervals hold the true mean. *Naive* are Wilcoxon's test
with Holm's correction against the best, which looks away from that the best was chosen by the same scores, and the
percentile bootstrap.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from scipy import stats

from benchmark import statistics
from benchmark.statistics import Scores

METHODS = 8
SCENES, NEIGHBOURS = "scenes of 1 to 12 images", "neighbours, ρ = {:g}"
SEQUENCE = "scenes of 1 to 3 images in a row, ρ = {:g}"
PARTS = ("comparisons", "intervals", "changes", "detection")


def autoregressive(random: np.random.Generator, shape: tuple[int, ...], correlation: float) -> np.ndarray:
    """Normal values of variance 1 along the last axis, each alike the one before it."""
    found = random.normal(size=shape)
    for i in range(1, shape[-1]):
        found[..., i] = correlation * found[..., i - 1] + np.sqrt(1 - correlation**2) * found[..., i]
    return found


def lognormal(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Of σ = 0.5, with mean 0."""
    return np.exp(0.5 * random.normal(size=shape)) - np.exp(0.125)


def scores(values: np.ndarray, scenes: np.ndarray | None = None) -> Scores:
    """Of one metric. values: (k, n)."""
    ids = tuple(f"{i:04d}" for i in range(values.shape[1]))
    where = None if scenes is None else tuple(f"{scene:04d}" for scene in scenes)
    return Scores(tuple(map(str, range(len(values)))), {"M": 1}, ids, values[:, None], where)


def apart(values: np.ndarray) -> Scores:
    """Scores of which each image is a scene, so that units are as many as images."""
    return scores(values, np.arange(values.shape[1]))


def differences(values: np.ndarray) -> Scores:
    """Of one method, each image a scene. values: (metrics, n)."""
    ids = tuple(f"{i:04d}" for i in range(values.shape[1]))
    return Scores(("difference",), {f"M{i}": 1 for i in range(len(values))}, ids, values[None], ids)


def in_scenes(random: np.random.Generator, shape: tuple[int, int], among: float = 0.7) -> Scores:
    """Scenes of 1 to 12 images. among: share of the variance that the images of a scene share."""
    counts = random.integers(1, 13, shape[1])
    scenes = np.repeat(np.arange(shape[1]), counts)
    values = np.sqrt(among) * random.normal(size=shape)[:, scenes]
    return scores(values + np.sqrt(1 - among) * random.normal(size=(shape[0], len(scenes))), scenes)


def in_sequence(random: np.random.Generator, shape: tuple[int, int], correlation: float) -> Scores:
    """Scenes of 1 to 3 images, each scene alike the one before it, of a set whose scenes are known to be so."""
    scenes = np.repeat(np.arange(shape[1]), random.integers(1, 4, shape[1]))
    values = np.sqrt(0.7) * autoregressive(random, shape, correlation)[:, scenes]
    found = scores(values + np.sqrt(0.3) * random.normal(size=(shape[0], len(scenes))), scenes)
    return replace(found, in_sequence=True)


def naive_best(values: np.ndarray) -> bool:
    """Whether Wilcoxon with Holm's correction calls a method worse than the best mean. values: (k, n)."""
    means = values.mean(axis=1)
    order = np.argsort(-means)
    tied = len(np.unique(values)) < values.size  # scipy would go through all signs
    method = "asymptotic" if tied else "auto"
    p = np.sort(stats.wilcoxon(values[order[:1]] - values[order[1:]], axis=1, method=method).pvalue)
    return bool(p[0] * len(p) < statistics.ALPHA)


# What is simulated -> how to draw it: (random, (methods, units)) -> Scores.
NULLS: dict[str, Callable[[np.random.Generator, tuple[int, int]], Scores]] = {
    "normal": lambda random, shape: apart(random.normal(size=shape)),
    "spreads of 1 to 3": lambda random, shape: apart(random.normal(size=shape) * np.linspace(1, 3, shape[0])[:, None]),
    "lognormal": lambda random, shape: apart(lognormal(random, shape)),
    "half lognormal, half normal": lambda random, shape: apart(
        np.where(np.arange(shape[0])[:, None] % 2, 0.6 * random.normal(size=shape), lognormal(random, shape))
    ),
    "rounded, a third tied": lambda random, shape: apart(np.round(random.normal(size=shape))),
    SCENES: in_scenes,
    **{
        NEIGHBOURS.format(correlation): (
            lambda random, shape, correlation=correlation: scores(autoregressive(random, shape, correlation))
        )
        for correlation in (0, 0.25, 0.5, 0.75)
    },
    "neighbours, ρ = 0.75, half noise": lambda random, shape: scores(
        autoregressive(random, shape, 0.75) + random.normal(size=shape)
    ),
    **{SEQUENCE.format(correlation): partial(in_sequence, correlation=correlation) for correlation in (0, 0.5)},
}
ROWS = [
    *((name, units) for name in list(NULLS)[:6] for units in (7, 10, 20, 50)),
    *((name, units) for name in list(NULLS)[6:] for units in (20, 50, 200)),
]


def comparisons(simulations: int, rows=ROWS, methods: int = METHODS) -> Iterator[list[str]]:
    """How often at least one of equal methods is called different, in percent: a row per null and number of units."""
    for name, units in rows:
        random = np.random.default_rng([units, *name.encode()])
        counts = np.zeros(8)
        for _ in range(simulations):
            drawn = NULLS[name](random, (methods, units))
            best, test = statistics.against_best(drawn, "M"), statistics.friedman(drawn, "M")
            pair = NULLS[name](random, (2, units))
            counts += [
                naive_best(drawn.values[:, 0]),
                best.possible and not best.shared.all(),
                statistics.wins(drawn, "M").any(),
                statistics.wins(pair, "M").any(),
                (statistics.ranking(drawn).low > 1).any(),
                test is not None and test.p < statistics.ALPHA,
                test is not None and (test.nemenyi < statistics.ALPHA).any(),
                not best.possible,
            ]
        yield [name, str(units), *(f"{100 * count / simulations:.1f}" for count in counts)]


MEANS = {
    "normal": (lambda random, shape: random.normal(size=shape), 0.0),
    "lognormal, σ = 0.5": (lognormal, 0.0),
    "beta(8, 2)": (lambda random, shape: random.beta(8, 2, shape), 0.8),
    "beta(2, 0.5)": (lambda random, shape: random.beta(2, 0.5, shape), 0.8),
}


def intervals(
    simulations: int, units: tuple[int, ...] = (7, 10, 20, 50), lengths: tuple[int, ...] = (20, 50, 200)
) -> Iterator[list[str]]:
    """Percent of 95 % intervals of a mean that hold the true one, of the percentile bootstrap over images and ours: a
    row per distribution and number of units."""
    cases = [(name, count) for count in units for name in (*MEANS, SCENES)]
    neighbours = (*map(NEIGHBOURS.format, (0, 0.5, 0.75)), *map(SEQUENCE.format, (0, 0.5)))
    cases += [(name, count) for name in neighbours for count in lengths]
    random = np.random.default_rng(2)
    for name, count in cases:
        draw, mean = MEANS.get(name, (None, 0.0))
        held = np.zeros(3)
        for _ in range(simulations):
            drawn = apart(draw(random, (1, count))) if draw else NULLS[name](random, (1, count))
            values = drawn.values[0, 0]
            means = values[random.integers(0, len(values), (500, len(values)))].mean(axis=1)
            low, high = np.quantile(means, [0.025, 0.975])
            (summary,) = statistics.summaries(drawn)["M"]
            held += [low <= mean <= high, summary.low <= mean <= summary.high, not np.isnan(summary.low)]
        yield [name, str(count), f"{100 * held[0] / simulations:.1f}", f"{100 * held[1] / held[2]:.1f}"]


def changes(simulations: int, metrics: int = 8, units: tuple[int, ...] = (7, 10, 20, 50)) -> Iterator[list[str]]:
    """How often `bench compare` finds a change where there is none, in percent: among `metrics` independent metrics,
    and in one by itself."""
    random = np.random.default_rng(3)
    draws = {name: draw for name, (draw, _) in MEANS.items()}
    for count in units:
        for name, draw in draws.items():
            counts = np.zeros(2)
            for _ in range(simulations):
                values = draw(random, (metrics, count)) - MEANS[name][1]
                counts += [
                    (statistics.means_are_zero(differences(values[:many])) < statistics.ALPHA).any()
                    for many in (metrics, 1)
                ]
            yield [name, str(count), *(f"{100 * one / simulations:.1f}" for one in counts)]


def detection(simulations: int, scenes: tuple[int, ...] = (7, 10, 20)) -> Iterator[list[str]]:
    """How often the interval of a difference in AP leaves 0 out for two methods that are alike in truth, in percent.

    Scenes have 2 to 11 images and objects of three classes, of which one is rare. How well a class is found in a scene
    differs from scene to scene for all methods, for each one, and from seed to seed (two).
    """
    from benchmark.detection import jackknife

    random = np.random.default_rng(4)
    for count in scenes:
        counts = np.zeros(2)
        for _ in range(simulations):
            scene = np.repeat(np.arange(count), random.integers(2, 12, count))
            images = [{"file_name": f"{i:04d}", "scene": str(k)} for i, k in enumerate(scene)]
            leaving_out = jackknife.LeavingOut({"images": images})
            boxes = random.poisson(random.gamma(1, [[1.0, 1.0, 0.4]], (count, 3))[scene])
            ease = random.normal(size=(count, 3))
            drawn = np.zeros((200, count), int)
            np.add.at(drawn, (np.arange(200)[:, None], random.integers(0, count, (200, count))), 1)
            weights = np.concatenate([leaving_out.weights, drawn[:, scene]])
            runs = []
            for own in (ease + 0.7 * random.normal(size=ease.shape) for _ in range(2)):
                runs.append([])
                for _ in range(2):
                    seen = own + 0.2 * random.normal(size=ease.shape)
                    levels = jackknife.average_precision(_detected(random, jackknife, boxes, seen, scene), weights)
                    runs[-1].append(levels.mean(axis=1))
            rows = len(leaving_out.weights)
            gap = leaving_out.difference(*([run[:rows] for run in both] for both in runs))
            gaps = np.mean(runs[0], axis=0)[rows:] - np.mean(runs[1], axis=0)[rows:]
            low, high = np.nanquantile(gaps, [0.025, 0.975])
            counts += [not low <= 0 <= high, not gap.low <= 0 <= gap.high]
        yield [str(count), *(f"{100 * one / simulations:.1f}" for one in counts)]


def _detected(random, jackknife, boxes: np.ndarray, ease: np.ndarray, scene: np.ndarray) -> list:
    """The detections of one run: what is found of `boxes` (images, classes), and false alarms."""
    found = []
    for label, of_class in enumerate(boxes.T):
        image = np.repeat(np.arange(len(scene)), of_class)
        quality = ease[scene[image], label] + random.normal(size=len(image))
        image, quality = image[quality > -0.3], quality[quality > -0.3]
        overlap = 0.4 + 0.5 / (1 + np.exp(-quality))
        alarms = np.repeat(np.arange(len(scene)), random.poisson(0.5, len(scene)))
        confidence = np.concatenate([1 / (1 + np.exp(-quality)), random.beta(1.5, 3, len(alarms))])
        true = np.zeros((len(jackknife.OVERLAPS), len(confidence)), bool)
        true[:, : len(image)] = overlap >= np.asarray(jackknife.OVERLAPS)[:, None]
        order = np.argsort(-confidence, kind="stable")
        found.append(jackknife.ClassMatches(np.concatenate([image, alarms])[order], true[:, order], of_class))
    return found


HEADS = {
    "comparisons": [
        "null",
        "units",
        "naive",
        "best",
        "all pairs",
        "two methods",
        "places",
        "Friedman",
        "Nemenyi",
        "none",
    ],
    "intervals": ["scores", "units", "bootstrap", "ours"],
    "changes": ["differences", "units", "eight metrics", "one metric"],
    "detection": ["scenes", "bootstrap", "ours"],
}


def written(head: list[str], rows: Iterator[list[str]]) -> Iterator[str]:
    """Write the lines of a table in Markdown as its rows come, numbers to the right."""
    for number, row in enumerate(rows):
        if not number:
            words = sum(not one.replace(".", "").isdigit() for one in row)
            yield "| " + " | ".join(head) + " |"
            yield "| " + " | ".join(["---"] * words + ["---:"] * (len(head) - words)) + " |"
        yield "| " + " | ".join(row) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--only", choices=PARTS)
    arguments = parser.parse_args()
    for part in PARTS if arguments.only is None else (arguments.only,):
        for line in written(HEADS[part], globals()[part](arguments.simulations)):
            print(line, flush=True)
        print()


if __name__ == "__main__":
    main()
