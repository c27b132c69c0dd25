"""Labels and detections to draw over the pictures, from what `bench detect` keeps.

Read here are, per setup `results/detect/<data set>@<division>/<setup>/`: `setup.json` (dataset, split, classes,
settings), `truth.json` (COCO's format; an image's `file_name` is the pair's id) and
`<method>/seed<k>/{record.json, detections.jsonl}` (lines of id, boxes as x0, y0, x1, y1 in pixels, scores, classes
counted from 0). What is damaged counts as missing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Container
from pathlib import Path

from benchmark import store
from benchmark.page.writing import Folder

LEAST = 0.1  # confidence of what is in the page


def write(folder: Folder, results: Path, datasets: Container[str]) -> list[dict]:
    """Write the boxes of every setup of these data sets; returns what the page must know of them."""
    found = []
    for path in sorted(results.glob("detect/*@*/*/setup.json")):
        facts, truth = _object(path), _object(path.with_name("truth.json"))
        if facts.get("dataset") not in datasets:
            continue
        number = len(found)
        try:
            labels, classes = _labels(truth), [str(name) for name in facts["classes"]]
        except (KeyError, TypeError, ValueError, IndexError):
            continue
        runs = []
        for run in _runs(path.parent, facts.get("methods")):
            detections = _detections(run / "detections.jsonl", labels["ids"], len(classes))
            if detections is None:
                continue
            folder.data(f"boxes-{number}-{len(runs)}", detections)
            runs.append({"method": run.parent.name, "seed": int(run.name[4:])})
        folder.data(f"truth-{number}", labels)
        found.append(
            {
                "dataset": facts["dataset"],
                "division": str(facts.get("split", "")),
                "name": path.parent.name,
                "title": _title(facts),
                "classes": classes,
                "least": LEAST,
                "runs": runs,
            }
        )
    return found


def _title(facts: dict) -> str:
    settings = facts.get("settings")
    if not isinstance(settings, dict):
        return ""
    parts = [settings.get("detector"), settings.get("protocol")]
    parts += [f"{settings[name]} {word}" for name, word in (("epochs", "epochs"), ("imgsz", "px")) if name in settings]
    return ", ".join(str(part) for part in parts if part)


def _runs(folder: Path, order) -> list[Path]:
    order = order if isinstance(order, list) else []
    found = [path.parent for path in folder.glob("*/seed*/detections.jsonl") if path.parent.name[4:].isdecimal()]
    place = {name: number for number, name in enumerate(order) if isinstance(name, str)}
    return sorted(found, key=lambda run: (place.get(run.parent.name, len(place)), run.parent.name, int(run.name[4:])))


def _labels(truth: dict) -> dict:
    """ids, sizes (width, height) and boxes [x0, y0, x1, y1, class] of the labelled images."""
    numbers = {image["id"]: place for place, image in enumerate(truth["images"])}
    classes = {category["id"]: place for place, category in enumerate(truth["categories"])}
    boxes: list[list] = [[] for _ in numbers]
    for item in truth["annotations"]:
        x, y, w, h = map(float, item["bbox"])
        boxes[numbers[item["image_id"]]].append([x, y, x + w, y + h, classes[item["category_id"]]])
    sizes = [[int(image["width"]), int(image["height"])] for image in truth["images"]]
    return {"ids": [str(image["file_name"]) for image in truth["images"]], "sizes": sizes, "boxes": boxes}


def _detections(path: Path, ids: list[str], classes: int) -> list[list] | None:
    """Per labelled image [x0, y0, x1, y1, class, confidence]; None where no line can be read."""
    numbers = {id: place for place, id in enumerate(ids)}
    found: list[list] = [[] for _ in ids]
    lines = 0
    for line in store.read_lines(path):
        try:
            place = numbers[line["id"]]
            rows = [
                [*(round(float(v), 1) for v in box), int(c), round(float(score), 3)]
                for box, c, score in zip(line["boxes"], line["classes"], line["scores"])
                if score >= LEAST and 0 <= c < classes and len(box) == 4 and all(map(math.isfinite, box))
            ]
        except (KeyError, TypeError, ValueError):
            continue
        found[place] = rows
        lines += 1
    return found if lines else None


def _object(path: Path) -> dict:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
