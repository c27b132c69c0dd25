"""Merge what a detector finds in the infrared and in the visible images, for a row that uses both cameras without
fusing their images. A fusion method that does not beat it has not helped the detector.

Boxes of one class that overlap are averaged, weighted by confidence (weighted boxes fusion). An object that only one of
the two cameras shows keeps its box with half of its confidence, as the method's authors have it: it is not lost, and
comes after objects that both show as surely.

Source: R. Solovyev, W. Wang, T. Gabruseva: Weighted boxes fusion: Ensembling boxes from different object detection
models. Image and Vision Computing 107 (2021); their package `ensemble-boxes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata

import numpy as np

from benchmark.detection import precision

LABEL = "two-cameras"
TITLE = "Two cameras (WBF)"
CAMERAS = ("ir", "vis")
OVERLAP = 0.55  # IoU from which boxes are merged, the authors' choice


def tool() -> str:
    """Say what merges, with its version and parameters."""
    return f"ensemble-boxes {metadata.version('ensemble-boxes')}, IoU {OVERLAP}, equal weights"


def merged(truth: dict, *lines_of_cameras: Sequence[dict]) -> list[dict]:
    """Merge lines of `detections.jsonl`, one sequence a camera. truth: labels in COCO's format, for the images' sizes.

    Returns a line for each image, of which the `precision.KEPT` most confident boxes count.
    """
    by_id = [{line["id"]: line for line in lines} for lines in lines_of_cameras]
    return [
        _of_image(image["file_name"], (image["width"], image["height"]), [lines[image["file_name"]] for lines in by_id])
        for image in truth["images"]
    ]


def _of_image(id: str, size: tuple[int, int], lines: Sequence[dict]) -> dict:
    from ensemble_boxes import weighted_boxes_fusion

    sides = np.array([*size, *size], float)
    # The package takes boxes as shares of the image's sides.
    shares = [np.clip(np.array(line["boxes"], float).reshape(-1, 4) / sides, 0, 1) for line in lines]
    whole = [(share[:, 2] > share[:, 0]) & (share[:, 3] > share[:, 1]) for share in shares]
    boxes, scores, classes = weighted_boxes_fusion(
        [share[kept].tolist() for share, kept in zip(shares, whole)],
        [np.array(line["scores"], float)[kept].tolist() for line, kept in zip(lines, whole)],
        [np.array(line["classes"], int)[kept].tolist() for line, kept in zip(lines, whole)],
        iou_thr=OVERLAP,
        skip_box_thr=0.0,
    )
    order = np.argsort(-np.asarray(scores), kind="stable")
    boxes = np.asarray(boxes, float).reshape(-1, 4)[order] * sides
    return precision.line(id, boxes, np.asarray(scores)[order], np.asarray(classes, int)[order])
