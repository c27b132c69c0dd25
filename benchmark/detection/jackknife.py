"""Compare two methods in average precision, with intervals from leaving out scenes.

Frames of one scene show the same objects and fail together: leaving out single images would make intervals far too
narrow. AP is computed anew without each scene, as COCO does, for both methods. What a scene moves their difference by
stands for what the scene says of it, and the interval is that of a mean over scenes (`benchmark.inference`).

Source: R. G. Miller, Biometrika 61 (1974).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.detection.precision import OVERLAPS, RECALLS, by_image, covered, overlap
from benchmark.inference import FEWEST, interval, of_scenes

_AT_ONCE = 50  # weightings computed at once, which bounds memory


@dataclass(frozen=True)
class ClassMatches:
    """The N detections of one class in all images, in falling order of confidence.

    image: (N,) the image of each. true: (10, N) whether it finds a labelled box, at each of `OVERLAPS`. boxes:
    (images,) how many boxes of the class are labelled in each image. counted: (10, N) whether it counts at all: not
    where it finds none and lies in a region to be ignored; None where all do.
    """

    image: np.ndarray
    true: np.ndarray
    boxes: np.ndarray
    counted: np.ndarray | None = None


@dataclass(frozen=True)
class Difference:
    """AP of a method minus AP of another, mean over seeds. low, high: the 95 % interval over scenes; None where fewer
    than `FEWEST` are known."""

    value: float
    low: float | None
    high: float | None


def matches(truth: dict, lines: Sequence[dict]) -> list[ClassMatches]:
    """Find, for each class, which detections match a labelled box, by COCO's rule.

    In falling order of confidence, each detection takes, of the free boxes of its class, the one that it overlaps most,
    if it overlaps it enough. Regions to be ignored are as in `precision`.
    """
    labelled, regions = by_image(truth), by_image(truth, ignored=True)
    any_region = any(len(boxes) for boxes, _ in regions.values())
    place = {image["file_name"]: k for k, image in enumerate(truth["images"])}
    found = []
    lines = sorted(lines, key=lambda line: place[line["id"]])
    for c in range(len(truth["categories"])):
        images, scores, true, aside = [], [], [], []
        counts = np.zeros(len(place), int)
        for id, (_, classes) in labelled.items():
            counts[place[id]] = int((classes == c).sum())
        for line in lines:
            mine = [k for k, label in enumerate(line["classes"]) if label == c]
            mine.sort(key=lambda k: -line["scores"][k])
            if not mine:
                continue
            boxes, classes = labelled[line["id"]]
            detected = np.array([line["boxes"][k] for k in mine], float)
            shares = overlap(detected, boxes[classes == c])
            images += [place[line["id"]]] * len(mine)
            scores += [line["scores"][k] for k in mine]
            true.append(_take(shares))
            if any_region:
                within = covered(detected, regions[line["id"]][0][regions[line["id"]][1] == c])
                aside.append(within.max(axis=1, initial=0) >= OVERLAPS[:, None])
        order = np.argsort(-np.array(scores), kind="stable")
        hits = np.concatenate(true, axis=1) if true else np.zeros((len(OVERLAPS), 0), bool)
        counted = (hits | ~np.concatenate(aside, axis=1))[:, order] if aside else None
        found.append(ClassMatches(np.array(images, int)[order], hits[:, order], counts, counted))
    return found


def _take(shares: np.ndarray) -> np.ndarray:
    """Return which of N detections take a box at each of OVERLAPS, (10, N). shares: IoU (N, M), detections in order."""
    taken = np.zeros((len(OVERLAPS), len(shares)), bool)
    if not shares.shape[1]:
        return taken
    free = np.ones((len(OVERLAPS), shares.shape[1]), bool)
    for number in np.flatnonzero(shares.max(axis=1) >= OVERLAPS[0]):
        for level in np.flatnonzero(shares[number].max() >= OVERLAPS):
            candidates = np.where(free[level], shares[number], -1)
            best = len(candidates) - 1 - int(candidates[::-1].argmax())  # the last of equal ones, as COCO's code takes
            if candidates[best] >= OVERLAPS[level]:
                free[level, best] = False
                taken[level, number] = True
    return taken


def average_precision(found: Sequence[ClassMatches], weights: np.ndarray) -> np.ndarray:
    """Return the mean AP over classes at each of OVERLAPS, (B, 10), for B weightings of images.

    weights: (B, images) how often each image counts; ones give COCO's AP. Classes of which no box counts are left out.
    """
    return over_classes([class_precision(one, weights) for one in found])


def over_classes(values: Sequence[np.ndarray]) -> np.ndarray:
    """Return the mean of arrays, one for each class, element by element; without those that are nan."""
    with np.errstate(invalid="ignore"):
        defined = ~np.isnan(values)
        return np.where(defined, values, 0).sum(axis=0) / defined.sum(axis=0)


def class_precision(one: ClassMatches, weights: np.ndarray) -> np.ndarray:
    """Return the AP of a class at each of OVERLAPS, (B, 10), nan where no box counts; weights as of
    `average_precision`."""
    weights, again = np.unique(weights, axis=0, return_inverse=True)  # few scenes are drawn alike again and again
    result = np.full((len(weights), len(OVERLAPS)), np.nan)
    boxes = weights @ one.boxes
    present = np.flatnonzero(boxes)
    result[present] = 0
    for start in range(0, len(present), _AT_ONCE):
        rows = present[start : start + _AT_ONCE]
        drawn = weights[rows][:, one.image]
        before = np.cumsum(drawn, axis=1)
        for level, true in enumerate(one.true):
            if one.counted is not None:
                before = np.cumsum(drawn * one.counted[level], axis=1)
            at = np.flatnonzero(true)
            if not len(at):
                continue
            hits = np.cumsum(drawn[:, at], axis=1)
            precision = hits / np.maximum(before[:, at], 1)
            envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
            # COCO takes precision at 101 recalls. Each detection answers for those that it is the first to reach.
            reached = np.searchsorted(RECALLS, hits / boxes[rows, None], side="right")
            result[rows, level] = (envelope * np.diff(reached, axis=1, prepend=0)).sum(axis=1) / len(RECALLS)
    return result[again.reshape(-1)]


def scenes_of(truth: dict) -> np.ndarray:
    """The number of each image's scene, int (images,), from 0. An image of unknown scene is a scene by itself."""
    names = [image.get("scene") or f"image {image['file_name']}" for image in truth["images"]]
    return np.unique(names, return_inverse=True)[1]


class LeavingOut:
    """Computes the AP of runs on all images of one truth and without each scene of them (`of`), and compares runs by it
    (`difference`)."""

    def __init__(self, truth: dict) -> None:
        self.truth = truth
        scenes = scenes_of(truth)
        count = scenes.max() + 1
        ones = np.ones((1, len(scenes)), int)
        self.share = np.bincount(scenes, minlength=count) / len(scenes)
        self.enough = count >= FEWEST
        without = (scenes != np.arange(count)[:, None]).astype(int)
        self.weights = np.concatenate([ones, without]) if self.enough else ones

    def of(self, lines: Sequence[dict]) -> dict[str, np.ndarray]:
        """Return "AP" and "AP50" of a run, each an array: first on all images, then without each scene."""
        levels = average_precision(matches(self.truth, lines), self.weights)
        return {"AP": levels.mean(axis=1), "AP50": levels[:, 0]}

    def difference(self, runs: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> Difference:
        """Return the mean over `runs`, one for each seed, minus the mean over `others`."""
        gaps = np.mean(runs, axis=0) - np.mean(others, axis=0)
        value = float(gaps[0])
        if not self.enough:
            return Difference(value, None, None)
        moved = np.where(np.isnan(gaps[1:]), 0.0, (value - gaps[1:]) * (1 - self.share))
        units = of_scenes((moved - moved.mean())[None], self.share)
        # Few scenes do not tell how skewed AP is: to correct for it makes intervals too short (studies/null.py).
        (below,), (above,) = interval(units, skewed=False)
        return Difference(value, value - float(below), value + float(above))
