"""Collect what a detection setup and the scores of the same images say of each method."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.detection import late_fusion
from benchmark.detection.jackknife import ClassMatches, class_precision, matches, over_classes, scenes_of
from benchmark.detection.outcome import Compared, Row
from benchmark.detection.precision import CONFIDENT
from benchmark.errors import UserError, first_few
from benchmark.store import summary
from benchmark.store.cells import Cell

CAMERAS = ("ir", "vis")
LEAST_BOXES, LEAST_CLASS_SCENES = 30, 5  # of a class that is looked at by itself
REACHED = ("AP", "AP50", "F1")
_MOSTLY = 0.5  # share of images that are copies, from which a method is one

Predictors = Callable[[Path, str, Sequence[str], str, Sequence[str]], Mapping[str, Mapping[str, float]]]


@dataclass(frozen=True)
class Evidence:
    """The methods of a setup that can be compared, with all that is known of each image.

    methods: labels; titles, families: of each. metrics: name -> +1 or -1. scores: metric or predictor -> (m, images),
    larger is better, nan where undefined. predictors: the names among `scores` that are no metrics. scenes: (images,)
    numbers from 0. found: for each method, for each seed, the matches of each class, of all detections and of the sure
    ones. classes: those with enough objects, in the order of the matches; AP and F1 are over them. left_out: method or
    class -> why.
    """

    compared: Compared
    protocol: str
    methods: tuple[str, ...]
    titles: tuple[str, ...]
    families: tuple[str, ...]
    metrics: dict[str, int]
    scores: dict[str, np.ndarray]
    predictors: tuple[str, ...]
    scenes: np.ndarray
    found: list[list[tuple[list[ClassMatches], list[ClassMatches]]]]
    classes: tuple[str, ...]
    left_out: dict[str, str]

    @property
    def scene_count(self) -> int:
        return int(self.scenes.max()) + 1

    def reached(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """What the detector reaches on each method's images, mean over seeds: target -> (B, m). weights: how often each
        image counts, (B, images). Targets: REACHED, of which AP and AP50 are means over classes and F1 is over all
        their objects; then "AP CLASS" for each of several classes."""
        methods = [[self._reached(*matched, weights) for matched in seeds] for seeds in self.found]
        return {
            target: np.stack([np.mean([one[target] for one in seeds], axis=0) for seeds in methods], axis=1)
            for target in methods[0][0]
        }

    def _reached(
        self, every: Sequence[ClassMatches], sure: Sequence[ClassMatches], weights: np.ndarray
    ) -> dict[str, np.ndarray]:
        by_class = [class_precision(one, weights) for one in every]
        levels = over_classes(by_class)
        found = dict(zip(REACHED, (levels.mean(axis=1), levels[:, 0], _f1(sure, weights))))
        if len(self.classes) > 1:
            found |= {f"AP {label}": one.mean(axis=1) for label, one in zip(self.classes, by_class)}
        return found

    def means(self, name: str, weights: np.ndarray) -> np.ndarray:
        """The mean of a metric or predictor over images, (B, m); weights as of `reached`."""
        values = self.scores[name]
        known = np.isfinite(values)
        with np.errstate(invalid="ignore", divide="ignore"):
            return (weights @ np.where(known, values, 0).T) / (weights @ known.T)

    def quality(self) -> np.ndarray:
        """AP on each image alone, (m, images); nan where no object is labelled in it. It is rounded, so that what is
        equal but for the order of its sums is a tie."""
        return self.reached(np.eye(len(self.scenes), dtype=int))["AP"].T.round(9)


def _f1(found: Sequence[ClassMatches], weights: np.ndarray) -> np.ndarray:
    """F1 at IoU 0.5 over all objects of these classes, (B,)."""
    images = weights.shape[1]
    true, detected, labelled = (np.zeros(images) for _ in range(3))
    for one in found:
        true += np.bincount(one.image[one.true[0]], minlength=images)
        counts = slice(None) if one.counted is None else one.counted[0]
        detected += np.bincount(one.image[counts], minlength=images)
        labelled += one.boxes
    hits, sums = weights @ true, weights @ (detected + labelled)
    return np.where(sums > 0, 2 * hits / np.maximum(sums, 1), np.nan)


def collect(
    compared: Compared,
    results: Path,
    protocol: str = "standard",
    metrics: Sequence[str] | None = None,
    predictors: Predictors | None = None,
) -> Evidence:
    """Collect the evidence of a setup.

    protocol: of the scores. metrics: names, None for all that have a direction and that every method has. predictors:
    gives further values of images, see `Evidence.scores`. Raises UserError where no method has both detections and
    scores.
    """
    splits = compared.facts.get("test_splits") or [compared.facts["split"]]
    truth = compared.setup.truth()
    ids = [image["file_name"] for image in truth["images"]]
    left_out: dict[str, str] = {}
    kept: list[tuple[Row, summary.Row]] = []
    names: set[str] = set()
    for row in compared.rows:
        scored = _scored(results, compared.facts["dataset"], splits, row.method, protocol)
        reason = _unfit(row, scored, ids, names)
        if reason:
            left_out[row.method] = reason
        else:
            kept.append((row, scored))
            names.add(row.name)
    if not kept:
        why = "; ".join(f"{name}: {reason}" for name, reason in list(left_out.items())[:3]) or "it has no complete row"
        raise UserError(f"{compared.setup}: no method to compare ({why})")
    directions = _directions([scored for _, scored in kept], metrics, protocol, compared)
    scores = {
        name: direction * np.array([[scored.scores[id].get(name, np.nan) for id in ids] for _, scored in kept], float)
        for name, direction in directions.items()
    }
    further = _further(predictors, results, compared.facts["dataset"], splits, [row.method for row, _ in kept], ids)
    classes, few = _classes(truth)
    if not classes:
        least = f"{LEAST_BOXES} objects in {LEAST_CLASS_SCENES} scenes"
        raise UserError(f"{compared.setup}: no class has {least}: {'; '.join(f'{k}: {v}' for k, v in few.items())}")
    places = [*classes.values()]
    found = [[_matched(compared, row.method, seed, truth, places) for seed in compared.seeds] for row, _ in kept]
    return Evidence(
        compared,
        protocol,
        tuple(row.method for row, _ in kept),
        tuple(row.title for row, _ in kept),
        tuple(_family(row.name) for row, _ in kept),
        directions,
        {**scores, **further},
        tuple(further),
        scenes_of(truth),
        found,
        tuple(classes),
        {**left_out, **few},
    )


def _scored(results: Path, dataset: str, splits: Sequence[str], method: str, protocol: str) -> summary.Row | None:
    """The scores of a method under a protocol, of all splits together; None where a split has none."""
    found = []
    for split in splits:
        rows = summary.summarise(Cell(results, dataset, split, method))
        found += [row for row in rows if row.protocol == protocol and row.scores][:1]
    if len(found) < len(splits):
        return None
    first = found[0]
    for row in found[1:]:
        first.scores.update(row.scores)
        first.told.update(row.told)
    return first


def _unfit(row: Row, scored: summary.Row | None, ids: Sequence[str], names: set[str]) -> str:
    """Why a row takes no part; empty where it does."""
    if row.name == late_fusion.LABEL:
        return "no fused images"
    if row.name in CAMERAS:
        return "a source"
    if row.apart:
        return "of another output"
    if row.name in names:
        return "a twin of a method that is there"
    if scored is None:
        return "no scores; bench run"
    missing = [id for id in ids if id not in scored.scores]
    if missing:
        return f"no scores of {len(missing)} of {len(ids)} images ({first_few(missing, 1)}); bench run"
    copies = sum(any("identical to the" in fact for fact in scored.told.get(id, ())) for id in ids)
    return f"{copies} of {len(ids)} images are copies of a source" if copies > _MOSTLY * len(ids) else ""


def _directions(rows: Iterable[summary.Row], metrics: Sequence[str] | None, protocol: str, compared) -> dict[str, int]:
    """Metric -> direction, of those that all methods were scored with."""
    rows = list(rows)
    everyone = set.intersection(*(set(row.directions) for row in rows))
    wanted = [name for name in rows[0].directions if name in everyone] if metrics is None else list(metrics)
    for name in wanted:
        if name not in everyone:
            raise UserError(f"{compared.setup}: not every method has {name} under {protocol}; bench run --metrics")
    found = {name: rows[0].directions[name] for name in wanted if rows[0].directions[name]}
    if not found:
        raise UserError(f"{compared.setup}: no metric with a direction that all methods have under {protocol}")
    return found


def _further(
    predictors: Predictors | None,
    results: Path,
    dataset: str,
    splits: Sequence[str],
    methods: Sequence[str],
    ids: Sequence[str],
) -> dict[str, np.ndarray]:
    """The predictors that all methods have: name -> (m, images)."""
    if predictors is None:
        return {}
    by_method = [predictors(results, dataset, splits, method, ids) for method in methods]
    common = [name for name in by_method[0] if all(name in found for found in by_method)]
    return {
        name: np.array([[found[name].get(id, np.nan) for id in ids] for found in by_method], float) for name in common
    }


def _matched(
    compared: Compared, method: str, seed: int, truth: dict, places: Sequence[int]
) -> tuple[list[ClassMatches], list[ClassMatches]]:
    """The matches of all detections, and of those that are sure, in the classes at these places."""
    run = compared.setup.run(method, seed)
    lines = run.detections()
    ids = {image["file_name"] for image in truth["images"]}
    try:
        if {line["id"] for line in lines} != ids:
            raise ValueError
        sure = [_sure(line) for line in lines]
        every, certain = matches(truth, lines), matches(truth, sure)
        return [every[place] for place in places], [certain[place] for place in places]
    except (KeyError, TypeError, ValueError, IndexError):
        raise UserError(f"{compared.setup}/{method}/seed{seed}/{run.detections_file.name} is broken") from None


def _sure(line: dict) -> dict:
    kept = [k for k, score in enumerate(line["scores"]) if score >= CONFIDENT]
    return {**line, **{name: [line[name][k] for k in kept] for name in ("boxes", "scores", "classes")}}


def _classes(truth: dict) -> tuple[dict[str, int], dict[str, str]]:
    """Class -> its place, of classes with enough objects for an AP, and why the others are left out."""
    image_of = {image["id"]: place for place, image in enumerate(truth["images"])}
    scenes = scenes_of(truth)
    everywhere = scenes.max() + 1
    found, few = {}, {}
    for place, category in enumerate(truth["categories"]):
        mine = [a for a in truth["annotations"] if a["category_id"] == category["id"] and not a["iscrowd"]]
        spread = len({scenes[image_of[a["image_id"]]] for a in mine})
        if len(mine) >= LEAST_BOXES and spread >= min(LEAST_CLASS_SCENES, everywhere):
            found[category["name"]] = place
        else:
            few[category["name"]] = f"{len(mine)} objects in {spread} scenes"
    return found, few


def _family(name: str) -> str:
    """Methods of one family come from one work: their names begin alike, as ifcnn-max and ifcnn-mean."""
    return name.partition("-")[0]
