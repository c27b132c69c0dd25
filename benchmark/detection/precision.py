"""Evaluate detections: average precision by class, object size and time of day, and confusion of classes.

The figures are COCO's. faster-coco-eval computes them from the 100 most confident detections of each image, of
confidence 0.001 and more. Truth is a mapping in COCO's format; its images also have `scene` and `time` (of day) where
the data set knows them. Detections are lines as `detections.jsonl` holds them.

Labels with `iscrowd` are regions to be ignored, by COCO's rule: a detection that takes no labelled box, and of whose
area such a region of its class holds the share that is asked for as IoU, counts neither as right nor as wrong.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence

import numpy as np

KEPT = 100  # detections of an image that count
OVERLAPS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
SIZES = {"small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, 1e10)}  # areas in pixels, COCO's

# Of the confusion matrix: least confidence of a detection, least IoU with the box that it takes.
CONFIDENT = 0.25
OVERLAP = 0.5

# Part of the key of every result. Raise it when this module computes something else.
VERSION = "1"


def line(id: str, boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray) -> dict:
    """Make a line of `detections.jsonl` from the detections of an image, in falling order of confidence.

    boxes: (N, 4) as x0, y0, x1, y1 in pixels. scores: (N,). classes: (N,), counted from 0. The numbers rounded here are
    those that are evaluated.
    """
    return {
        "id": id,
        "boxes": [[round(float(value), 2) for value in box] for box in boxes[:KEPT]],
        "scores": [round(float(value), 6) for value in scores[:KEPT]],
        "classes": [int(value) for value in classes[:KEPT]],
    }


def nothing() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the detections of an image in which nothing is found, as `line` takes them."""
    return np.zeros((0, 4)), np.zeros(0), np.zeros(0, int)


def evaluate(truth: dict, lines: Sequence[dict]) -> tuple[dict, dict]:
    """Compute figures and curves of detections.

    Figures: subset ("all", "small", …, and each time of day) -> {"images", "instances", "AP", "AP50", "AP75",
    "classes": class -> {"instances", "AP", "AP50", "AP75"}}, values in [0, 1], None where there is no instance.
    Curves: class -> {"AP50", "AP"} -> precision at `RECALLS`, at IoU 0.5 and averaged over `OVERLAPS`; none for a class
    without instances.
    """
    names = {category["id"]: category["name"] for category in truth["categories"]}
    everything = [image["id"] for image in truth["images"]]
    precision = _precision(truth, lines, everything)
    found = {"all": _subset(truth, names, precision[..., 0], everything, (0, np.inf))}
    for place, (size, areas) in enumerate(SIZES.items(), start=1):
        found[size] = _subset(truth, names, precision[..., place], everything, areas)
    for time in sorted({image["time"] for image in truth["images"] if image.get("time")}):
        members = [image["id"] for image in truth["images"] if image.get("time") == time]
        found[time] = _subset(truth, names, _precision(truth, lines, members)[..., 0], members, (0, np.inf))
    curves = {
        name: {"AP50": _rounded(precision[0, :, k, 0]), "AP": _rounded(precision[:, :, k, 0].mean(axis=0))}
        for k, name in enumerate(names.values())
        if found["all"]["classes"][name]["instances"]
    }
    return found, curves


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(value), 5) for value in values]


def _precision(truth: dict, lines: Sequence[dict], images: Sequence[int]) -> np.ndarray:
    """Compute COCO's precision on some of the images: (IoU, recall, class, size of objects: all, then SIZES); -1 where
    there is no instance."""
    from faster_coco_eval import COCO, COCOeval_faster

    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(truth)
        run = COCOeval_faster(coco, coco.loadRes(_results(truth, lines)), "bbox", print_function=lambda *_: None)
        run.params.imgIds = sorted(images)
        run.params.maxDets = [KEPT]
        run.params.areaRng = [[0, 1e10], *map(list, SIZES.values())]
        run.params.areaRngLbl = ["all", *SIZES]
        run.evaluate()
        run.accumulate()
    return np.asarray(run.eval["precision"])[..., 0]


def _results(truth: dict, lines: Sequence[dict]) -> list[dict]:
    number = {image["file_name"]: image["id"] for image in truth["images"]}
    return [
        {"image_id": number[line["id"]], "category_id": c + 1, "score": score, "bbox": [x0, y0, x1 - x0, y1 - y0]}
        for line in lines
        for (x0, y0, x1, y1), score, c in zip(line["boxes"], line["scores"], line["classes"])
    ]


def _subset(truth: dict, names: dict[int, str], precision: np.ndarray, images, areas: tuple[float, float]) -> dict:
    members = set(images)
    counts = dict.fromkeys(names, 0)
    for box in truth["annotations"]:
        if box["image_id"] in members and areas[0] <= box["area"] <= areas[1] and not box.get("iscrowd"):
            counts[box["category_id"]] += 1
    classes = {
        name: {"instances": counts[id], **_averages(precision[:, :, k])} for k, (id, name) in enumerate(names.items())
    }
    means = {
        metric: _mean([c[metric] for c in classes.values() if c[metric] is not None])
        for metric in ("AP", "AP50", "AP75")
    }
    return {"images": len(members), "instances": sum(counts.values()), **means, "classes": classes}


def _averages(precision: np.ndarray) -> dict[str, float | None]:
    """Average the precision (IoU, recall) of one class."""
    if (precision < 0).any():
        return {"AP": None, "AP50": None, "AP75": None}
    return {"AP": float(precision.mean()), "AP50": float(precision[0].mean()), "AP75": float(precision[5].mean())}


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def overlap(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the intersection over union, (N, M), of boxes (N, 4) and (M, 4), given as x0, y0, x1, y1."""
    first, second = boxes[:, None], others[None]
    sides = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
    common = np.prod(np.maximum(sides, 0), axis=-1)
    areas = [np.prod(b[..., 2:] - b[..., :2], axis=-1) for b in (first, second)]
    return common / np.maximum(areas[0] + areas[1] - common, 1e-12)


def covered(boxes: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Return the share of each box's own area, (N, M), that lies in each region. boxes: (N, 4) as x0, y0, x1, y1;
    regions: (M, 4)."""
    first, second = boxes[:, None], regions[None]
    sides = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
    own = np.prod(boxes[:, 2:] - boxes[:, :2], axis=-1)
    return np.prod(np.maximum(sides, 0), axis=-1) / np.maximum(own, 1e-12)[:, None]


def by_image(truth: dict, ignored: bool = False) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the labels of every image: id -> (boxes (N, 4) as x0, y0, x1, y1, classes (N,) counted from 0). ignored:
    the regions to be ignored, in their place."""
    name = {image["id"]: image["file_name"] for image in truth["images"]}
    boxes: dict[str, list] = {id: [] for id in name.values()}
    for item in truth["annotations"]:
        if bool(item.get("iscrowd")) != ignored:
            continue
        x, y, w, h = item["bbox"]
        boxes[name[item["image_id"]]].append((x, y, x + w, y + h, item["category_id"] - 1))
    tables = {id: np.array(rows, float).reshape(-1, 5) for id, rows in boxes.items()}
    return {id: (rows[:, :4], rows[:, 4].astype(int)) for id, rows in tables.items()}


def confusion(truth: dict, lines: Sequence[dict]) -> list[list[int]]:
    """Count pairs of (predicted class, labelled class). The last row and column stand for the background.

    Takes detections of confidence `CONFIDENT` and more, the most confident first. Each takes the free box, of any
    class, that it overlaps most, if by `OVERLAP` at least. One that takes none and lies in a region to be ignored, of
    any class, does not count.
    """
    background = len(truth["categories"])
    matrix = np.zeros((background + 1, background + 1), int)
    regions = by_image(truth, ignored=True)
    found = {line["id"]: line for line in lines}
    for id, (boxes, classes) in by_image(truth).items():
        line = found[id]
        sure = [k for k, score in enumerate(line["scores"]) if score >= CONFIDENT]
        predicted = np.array([line["boxes"][k] for k in sure], float).reshape(-1, 4)
        shares = overlap(predicted, boxes)
        aside = (covered(predicted, regions[id][0]) >= OVERLAP).any(axis=1)
        free = np.ones(len(boxes), bool)
        for place, k in enumerate(sure):
            open_shares = np.where(free, shares[place], 0)
            best = int(open_shares.argmax()) if len(boxes) else 0
            if len(boxes) and open_shares[best] >= OVERLAP:
                free[best] = False
                matrix[line["classes"][k], classes[best]] += 1
            elif not aside[place]:
                matrix[line["classes"][k], background] += 1
        for label in classes[free]:
            matrix[background, label] += 1
    return matrix.tolist()
