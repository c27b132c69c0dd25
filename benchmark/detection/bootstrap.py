"""Compare two methods in average precision, with intervals from a paired bootstrap over scenes.

Frames of one scene show the same objects and fail together: drawing single images would make intervals far too narrow.
A draw takes whole scenes with replacement, the same ones for both methods. AP is computed anew for each draw, as COCO
does; an image drawn twice counts twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.detection.precision import OVERLAPS, RECALLS, by_image, overlap

DRAWS = 1000
_AT_ONCE = 50  # draws computed at once, which bounds memory


@dataclass(frozen=True)
class ClassMatches:
    """The N detections of one class in all images, in falling order of confidence.

    image: (N,) the image of each. true: (10, N) whether it finds a labelled box, at each of `OVERLAPS`. boxes:
    (images,) how many boxes of the class are labelled in each image.
    """

    image: np.ndarray
    true: np.ndarray
    boxes: np.ndarray


@dataclass(frozen=True)
class Difference:
    """AP of a method minus AP of another, mean over seeds. low, high: the 95 % interval over draws of scenes; None
    where fewer than two scenes are known."""

    value: float
    low: float | None
    high: float | None


def matches(truth: dict, lines: Sequence[dict]) -> list[ClassMatches]:
    """Find, for each class, which detections match a labelled box, by COCO's rule.

    In falling order of confidence, each detection takes, of the free boxes of its class, the one that it overlaps most,
    if it overlaps it enough.
    """
    labelled = by_image(truth)
    place = {image["file_name"]: k for k, image in enumerate(truth["images"])}
    found = []
    lines = sorted(lines, key=lambda line: place[line["id"]])
    for c in range(len(truth["categories"])):
        images, scores, true = [], [], []
        counts = np.zeros(len(place), int)
        for id, (_, classes) in labelled.items():
            counts[place[id]] = int((classes == c).sum())
        for line in lines:
            mine = [k for k, label in enumerate(line["classes"]) if label == c]
            mine.sort(key=lambda k: -line["scores"][k])
            if not mine:
                continue
            boxes, classes = labelled[line["id"]]
            shares = overlap(np.array([line["boxes"][k] for k in mine], float), boxes[classes == c])
            images += [place[line["id"]]] * len(mine)
            scores += [line["scores"][k] for k in mine]
            true.append(_take(shares))
        order = np.argsort(-np.array(scores), kind="stable")
        hits = np.concatenate(true, axis=1) if true else np.zeros((len(OVERLAPS), 0), bool)
        found.append(ClassMatches(np.array(images, int)[order], hits[:, order], counts))
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
    """Return the mean AP over classes at each of OVERLAPS, (B, 10), for B draws of images.

    weights: (B, images) how often each image counts in each draw; ones give COCO's AP. A draw leaves out classes of
    which it holds no box.
    """
    classes = [_class_precision(one, weights) for one in found]
    with np.errstate(invalid="ignore"):
        defined = ~np.isnan(classes)
        return np.where(defined, classes, 0).sum(axis=0) / defined.sum(axis=0)


def _class_precision(one: ClassMatches, weights: np.ndarray) -> np.ndarray:
    result = np.full((len(weights), len(OVERLAPS)), np.nan)
    boxes = weights @ one.boxes
    present = np.flatnonzero(boxes)
    result[present] = 0
    for start in range(0, len(present), _AT_ONCE):
        rows = present[start : start + _AT_ONCE]
        drawn = weights[rows][:, one.image]
        before = np.cumsum(drawn, axis=1)
        for level, true in enumerate(one.true):
            at = np.flatnonzero(true)
            if not len(at):
                continue
            hits = np.cumsum(drawn[:, at], axis=1)
            recall = hits / boxes[rows, None]
            precision = hits / np.maximum(before[:, at], 1)
            envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
            for row, (r, p) in enumerate(zip(recall, envelope)):
                reached = np.searchsorted(r, RECALLS, side="left")
                result[rows[row], level] = p[reached[reached < len(p)]].sum() / len(RECALLS)
    return result


def scene_draws(truth: dict, draws: int = DRAWS, seed: int = 0) -> np.ndarray | None:
    """Draw scenes; return how often each draw holds each image, (draws, images), or None for fewer than two scenes. An
    image whose scene is not known is a scene by itself."""
    names = [image.get("scene") or f"image {image['file_name']}" for image in truth["images"]]
    scenes, of_image = np.unique(names, return_inverse=True)
    if len(scenes) < 2:
        return None
    chosen = np.random.default_rng(seed).integers(0, len(scenes), (draws, len(scenes)))
    counts = np.zeros((draws, len(scenes)), int)
    np.add.at(counts, (np.arange(draws)[:, None], chosen), 1)
    return counts[:, of_image]


class Draws:
    """Computes the AP of runs on all images of one truth and on each draw of them (`of`), and compares runs by it
    (`difference`)."""

    def __init__(self, truth: dict, draws: int = DRAWS) -> None:
        self.truth = truth
        ones = np.ones((1, len(truth["images"])), int)
        drawn = scene_draws(truth, draws)
        self.drawn = drawn is not None
        self.weights = ones if drawn is None else np.concatenate([ones, drawn])

    def of(self, lines: Sequence[dict]) -> dict[str, np.ndarray]:
        """Return "AP" and "AP50" of a run, each an array: first on all images, then on each draw."""
        levels = average_precision(matches(self.truth, lines), self.weights)
        return {"AP": levels.mean(axis=1), "AP50": levels[:, 0]}

    def difference(self, runs: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> Difference:
        """Return the mean over `runs`, one for each seed, minus the mean over `others`."""
        gaps = np.mean(runs, axis=0) - np.mean(others, axis=0)
        if not self.drawn:
            return Difference(float(gaps[0]), None, None)
        low, high = np.nanpercentile(gaps[1:], [2.5, 97.5])
        return Difference(float(gaps[0]), float(low), float(high))
