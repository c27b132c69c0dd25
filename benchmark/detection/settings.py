"""What the runs of one table share: settings, facts of the division, labels of the test part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from benchmark.detection import setups
from benchmark.detection.division import Division, Item, tell

MIXED = "vis+ir"  # half of the images visible, the other half infrared


@dataclass(frozen=True)
class Settings:
    """What all rows of a table share besides the division.

    init: "yaml", or the file of pretrained weights with the start of its SHA-256. protocol: "retrain", or "frozen",
    with `trained_on`, the method whose images the one detector is trained on, or MIXED. batch: images. workers:
    processes that load images on a GPU machine (the random numbers of augmentation are drawn in them). further:
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
        """Of ultralytics' training. The rest is its default, the same for every method."""
        return {
            "epochs": self.epochs,
            "imgsz": self.imgsz,
            "batch": self.batch,
            "workers": self.workers,
            "seed": seed,
            "device": device,
            "patience": 0,  # no early end: the same schedule for every method
            "deterministic": True,
            "augmentations": [],  # none of albumentations', which come with its being installed
            "plots": False,
            "verbose": False,
            "exist_ok": True,
            **self.further,
        }


def facts(division: Division, settings: Settings, methods: Sequence[str]) -> dict:
    """The content of `setup.json`; methods: their labels."""
    return {
        "format": setups.FORMAT,
        "task": setups.TASK,
        "dataset": division.dataset,
        "split": division.name,
        "split_sha256": division.sha256(),
        "data_sha256": division.data_sha256(),
        "images": {part: len(items) for part, items in division.parts.items()},
        "scenes": {part: len({item.scene for item in items if item.scene}) for part, items in division.parts.items()},
        "objects": {
            part: {name: sum(box.label == name for item in items for box in item.boxes) for name in division.classes}
            for part, items in division.parts.items()
        },
        "background": {part: sum(not item.boxes for item in items) for part, items in division.parts.items()},
        "leak": division.leak(),
        "classes": list(division.classes),
        "labels": tell(division.flaws),
        "excluded": division.excluded,
        "notes": list(division.notes),
        "settings": asdict(settings),
        "picture": "PNG, 8 bits; the visible image's Cb and Cr re-attached (ir: grey)",
        "methods": list(methods),
    }


def truth(division: Division, size: Callable[[Item], tuple[int, int]]) -> dict:
    """The labels of the test part, in COCO's format; images numbered from 1 in order. size: gives an image's width and
    height."""
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
                    "iscrowd": 0,
                }
            )
    return {**found, "categories": [{"id": number, "name": name} for name, number in names.items()]}
