"""What all runs of one table share: settings, facts of the division, labels of the test part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from benchmark.detection import setups
from benchmark.detection.division import Division, Item, tell

MIXED = "vis+ir"  # half of the images visible, the other half infrared


@dataclass(frozen=True)
class Settings:
    """What all rows of a table share besides the division.

    init: "yaml", or the file of pretrained weights with the start of its SHA-256. protocol: "retrain", "frozen" or
    "pretrained"; with the last, nothing is trained: there are no epochs, and the weights are those of `init`.
    trained_on: with "frozen", the method whose images the one detector is trained on, or MIXED. batch: images per step.
    workers: processes that load images on a GPU machine; they draw the random numbers of augmentation. further:
    arguments of ultralytics' training in place of its defaults.
    """

    detector: str
    init: str
    protocol: str
    trained_on: str | None
    epochs: int
    imgsz: int
    batch: int
    workers: int
    further: dict
    ultralytics: str

    def arguments(self, seed: int, device: str) -> dict:
        """Return the arguments of ultralytics' training. The others keep their defaults, the same for every method."""
        return {
            "epochs": self.epochs,
            "imgsz": self.imgsz,
            "batch": self.batch,
            "workers": self.workers,
            "seed": seed,
            "device": device,
            "patience": 0,  # no early end: the same schedule for every method
            "deterministic": True,
            "augmentations": [],  # ultralytics would add some wherever albumentations is installed
            "plots": False,
            "verbose": False,
            "exist_ok": True,
            **self.further,
        }


def facts(division: Division, settings: Settings, methods: Sequence[str]) -> dict:
    """Make the content of `setup.json`. methods: their labels. Of parts that there are not, counts are None."""

    there = [part for part in division.parts if part == "test" or division.trains]

    def count(of: Callable) -> dict:
        return {part: of(items) if part in there else None for part, items in division.parts.items()}

    return {
        "format": setups.FORMAT,
        "task": setups.TASK,
        "dataset": division.dataset,
        "split": division.name,
        "split_sha256": division.sha256(),
        "test_splits": list(dict.fromkeys(item.split for item in division.parts["test"])),
        "data_sha256": division.data_sha256(),
        "images": count(len),
        "scenes": count(lambda items: len({item.scene for item in items if item.scene})),
        "objects": count(lambda items: objects(items, division.classes)),
        "background": count(lambda items: sum(all(box.ignored for box in item.boxes) for item in items)),
        "leak": division.leak(),
        "classes": list(division.classes),
        "counterparts": division.counterparts,
        "unknown_classes": division.unknown,
        "labels": tell(division.flaws),
        "excluded": division.excluded,
        "notes": list(division.notes),
        "settings": asdict(settings),
        "picture": "PNG, 8 bits; the visible image's Cb and Cr re-attached (ir: grey)",
        "methods": list(methods),
    }


def objects(items: Sequence[Item], classes: Sequence[str]) -> dict[str, int]:
    """Return class -> number of labelled objects, without regions to be ignored."""
    labels = [box.label for item in items for box in item.boxes if not box.ignored]
    return {name: labels.count(name) for name in classes}


def truth(division: Division, size: Callable[[Item], tuple[int, int]]) -> dict:
    """Make the labels of the test part, in COCO's format. Number the images from 1, in order. size: returns an image's
    width and height."""
    found = {"info": {}, "images": [], "annotations": []}
    names = {name: number for number, name in enumerate(division.classes, start=1)}
    for number, item in enumerate(division.parts["test"], start=1):
        width, height = size(item)
        found["images"].append(
            {
                "id": number,
                "file_name": item.pair.id,
                "width": width,
                "height": height,
                "scene": item.scene,
                "time": item.time,
            }
        )
        for box in item.boxes:
            w, h = box.x1 - box.x0, box.y1 - box.y0
            found["annotations"].append(
                {
                    "id": len(found["annotations"]) + 1,
                    "image_id": number,
                    "category_id": names[box.label],
                    "bbox": [box.x0, box.y0, w, h],
                    "area": w * h,
                    "iscrowd": int(box.ignored),
                }
            )
    return {**found, "categories": [{"id": number, "name": name} for name, number in names.items()]}
