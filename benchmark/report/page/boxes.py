"""Write the labels and detections that the page draws over pictures, from the records of `bench detect`. Damaged ones
count as missing."""

from __future__ import annotations

import math
from collections.abc import Container
from pathlib import Path

from benchmark.detection import setups
from benchmark.report.page.writing import Folder
from benchmark.report.tabular import counted

LEAST = 0.1  # confidence that a detection needs to be in the page


def write(folder: Folder, results: Path, datasets: Container[str]) -> list[dict]:
    """Write the boxes of every setup of these data sets. Return what the page must know of them."""
    found = []
    for setup in setups.setups(results):
        facts, number = setup.facts(), len(found)
        if facts.get("dataset") not in datasets:
            continue
        try:
            labels, classes, settings = _labels(setup.truth()), list(map(str, facts["classes"])), facts["settings"]
            trained = [counted(settings["epochs"], "epoch")] if settings["epochs"] else []
            title = ", ".join([settings["detector"], settings["protocol"], *trained])
        except (KeyError, TypeError, ValueError, IndexError):
            continue
        shown = []
        for run in setup.runs():
            detections = _detections(run.detections(), labels["ids"], len(classes))
            if detections is not None:
                folder.data(f"boxes-{number}-{len(shown)}", detections)
                shown.append({"method": run.method, "seed": run.seed})
        folder.data(f"truth-{number}", labels)
        found.append(
            {
                "dataset": facts["dataset"],
                "division": str(facts.get("split", "")),
                "name": setup.folder.name,
                "title": title,
                "classes": classes,
                "runs": shown,
            }
        )
    return found


def _labels(truth: dict) -> dict:
    """Return ids, sizes (width, height) and boxes [x0, y0, x1, y1, class] of the labelled images."""
    numbers = {image["id"]: place for place, image in enumerate(truth["images"])}
    classes = {category["id"]: place for place, category in enumerate(truth["categories"])}
    boxes: list[list] = [[] for _ in numbers]
    for item in truth["annotations"]:
        if item.get("iscrowd"):  # no object
            continue
        x, y, w, h = map(float, item["bbox"])
        boxes[numbers[item["image_id"]]].append([x, y, x + w, y + h, classes[item["category_id"]]])
    sizes = [[int(image["width"]), int(image["height"])] for image in truth["images"]]
    return {"ids": [str(image["file_name"]) for image in truth["images"]], "sizes": sizes, "boxes": boxes}


def _detections(lines: list[dict], ids: list[str], classes: int) -> list[list] | None:
    """Return a list of [x0, y0, x1, y1, class, confidence] for each labelled image; None where no line can be read."""
    numbers = {id: place for place, id in enumerate(ids)}
    found: dict[int, list] = {}
    for line in lines:
        try:
            found[numbers[line["id"]]] = [
                [*(round(float(v), 1) for v in box), int(c), round(float(score), 3)]
                for box, c, score in zip(line["boxes"], line["classes"], line["scores"])
                if score >= LEAST and 0 <= c < classes and len(box) == 4 and all(map(math.isfinite, box))
            ]
        except (KeyError, TypeError, ValueError):
            continue
    return [found.get(place, []) for place in range(len(ids))] if found else None
