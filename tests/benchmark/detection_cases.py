"""Small truths and detections for the tests of detection."""

import numpy as np

from benchmark.detection import precision


def truth_of(
    boxes: dict[str, list[tuple]], classes=("People", "Car"), size=(320, 240), scenes=None, times=None
) -> dict:
    """id -> [(x0, y0, x1, y1, class)] as a truth in COCO's format."""
    images, annotations = [], []
    for number, (id, found) in enumerate(boxes.items(), start=1):
        place = {"scene": (scenes or {}).get(id), "time": (times or {}).get(id)}
        images.append({"id": number, "file_name": id, "width": size[0], "height": size[1], **place})
        for x0, y0, x1, y1, c in found:
            w, h = int(x1 - x0), int(y1 - y0)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": c + 1,
                    "bbox": [int(x0), int(y0), w, h],
                    "area": w * h,
                    "iscrowd": 0,
                }
            )
    categories = [{"id": number, "name": name} for number, name in enumerate(classes, start=1)]
    return {"info": {}, "images": images, "annotations": annotations, "categories": categories}


def lines_of(found: dict[str, list[tuple]]) -> list[dict]:
    """id -> [(x0, y0, x1, y1, class, score)] as lines of detections.jsonl."""
    lines = []
    for id, rows in found.items():
        table = np.array(sorted(rows, key=lambda row: -row[5]), float).reshape(-1, 6)
        lines.append(precision.line(id, table[:, :4], table[:, 5], table[:, 4]))
    return lines


def random_case(seed: int, images: int = 30, classes: int = 4, frames: int = 5) -> tuple[dict, list[dict]]:
    """Boxes of all but the last class, some found, some twice, some as another class, and false alarms; scores that
    tie; scenes of `frames` images; every other one at night."""
    rng = np.random.default_rng(seed)
    boxes, found = {}, {}
    for number in range(images):
        id, boxes_here, found_here = f"{number:03d}", [], []
        for _ in range(rng.integers(0, 8)):
            w, h = rng.integers(5, 120, 2)
            x, y = rng.integers(0, 320 - w), rng.integers(0, 240 - h)
            boxes_here.append((x, y, x + w, y + h, int(rng.integers(0, classes - 1))))
        for *corners, label in boxes_here:
            for _ in range(rng.integers(0, 3)):
                moved = np.array(corners) + rng.normal(0, 4, 4)
                moved[2:] = np.maximum(moved[2:], moved[:2] + 1)
                other = label if rng.random() < 0.8 else int(rng.integers(0, classes))
                found_here.append((*moved, other, round(rng.random(), 2)))
        for _ in range(rng.integers(0, 20)):
            x, y = rng.integers(0, 200, 2)
            found_here.append((x, y, x + 30, y + 30, int(rng.integers(0, classes)), round(0.6 * rng.random(), 2)))
        boxes[id], found[id] = boxes_here, found_here
    scenes = {id: str(number // frames) for number, id in enumerate(boxes)}
    times = {id: ("day", "night")[number % 2] for number, id in enumerate(boxes)}
    return truth_of(boxes, [f"c{k}" for k in range(classes)], scenes=scenes, times=times), lines_of(found)
