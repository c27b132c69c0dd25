"""M3FD, detection: labelled street scenes by day, in overcast weather, at night and under challenging conditions."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import ClassVar

from benchmark.datasets import scenes
from benchmark.datasets.abstract import DatasetCard, Selection
from benchmark.datasets.id_lists import pick, split_ids
from benchmark.datasets.pairs import Box, Pair
from benchmark.datasets.two_folders import FolderDataset, Layout, Place, variants
from benchmark.errors import UserError, unknown

CLASSES = ("People", "Car", "Bus", "Motorcycle", "Lamp", "Truck")
# In YOLO files two orders of the six circulate: the paper's, and the one in TarDAL's code.
LABEL_ORDERS = {"paper": CLASSES, "tardal": ("People", "Car", "Bus", "Lamp", "Motorcycle", "Truck")}

_SCHEMES = {
    "scene": ("whole scenes, 70/10/20 %: no scene in two parts", ("train", "val", "test")),
    "zx": ("the published m3fd-zxSplit: the end of every scene is its test", ("train", "test")),
    "random811-seed0": ("random 8:1:1, as many papers do: LEAKS, for comparison only", ("train", "val", "test")),
}


class M3fd(FolderDataset):
    """`label_order`: a key of LABEL_ORDERS, for labels that are YOLO files without the names of their classes."""

    card = DatasetCard(
        name="m3fd",
        title="M3FD, detection set",
        short="M3FD",
        year=2022,
        citation="J. Liu, X. Fan, Z. Huang, G. Wu, R. Liu, W. Zhong, Z. Luo: Target-aware dual adversarial learning and"
        " a multi-scenario multi-modality benchmark to fuse infrared and visible for object detection. CVPR 2022.",
        licence="none stated",
        link="https://github.com/JinyuanLiu-CV/TarDAL",
        size="1024x768, infrared grey, visible RGB",
        counts={
            "all": 4200,
            "scene-train": 2860,
            "scene-val": 442,
            "scene-test": 898,
            "zx-train": 2905,
            "zx-test": 1295,
            "random811-seed0-train": 3360,
            "random811-seed0-val": 420,
            "random811-seed0-test": 420,
        },
        layout="M3FD_Detection/{Ir,Vis}/*.png and Annotation/*.xml",
        labels="boxes of six classes (Pascal VOC XML): People, Car, Bus, Motorcycle, Lamp, Truck",
        by_hand=(
            "Open https://github.com/JinyuanLiu-CV/TarDAL and follow its links to the M3FD data (a cloud drive).",
            "Download M3FD_Detection.zip.",
            "bench data pull m3fd --archive M3FD_Detection.zip --data-root DATA",
        ),
        notes=(
            "Ids are frame numbers: neighbours are nearly the same picture, so that random divisions leak.",
            "YOLO versions of the labels circulate with Lamp and Motorcycle in either order.",
        ),
        caveats={
            "zx-test": "The training list holds the beginning of every scene: networks trained on it know the places.",
            "random811-seed0-test": "Nearly every frame has a neighbour in the training list, which shows the same.",
        },
    )
    default_split = "scene-test"
    parts = ("all",)
    split_titles: ClassVar[dict[str, str]] = {
        "all": "all pairs",
    }
    folders = ("M3FD_Detection", "M3FD/M3FD_Detection", "M3FD")
    classes = CLASSES

    def __init__(self, label_order: str | None = None) -> None:
        if label_order is not None and label_order not in LABEL_ORDERS:
            raise unknown("order of M3FD's classes", label_order, LABEL_ORDERS)
        self.label_order = label_order

    def layouts(self, split: str) -> tuple[Layout, ...]:
        return (Layout("Ir", "Vis"), *variants())

    def bases(self, root: Path) -> list[Path]:
        return [base for base in super().bases(root) if base.name.lower() != "m3fd_fusion"]

    def splits(self) -> dict[str, str]:
        named = {f"{name}-{part}": f"{part}: {what}" for name, (what, parts) in _SCHEMES.items() for part in parts}
        return {"all": "every pair (4200)", **named}

    def schemes(self) -> dict[str, dict[str, list[str]]]:
        return {
            name: {part: split_ids("m3fd", f"{name}-{part}") for part in parts} for name, (_, parts) in _SCHEMES.items()
        }

    def scene_of(self, id: str) -> str | None:
        return _scenes().get(id)

    def select(self, split: str | None = None, root: str | os.PathLike | None = None) -> Selection:
        split = self.check_split(split)
        pairs, place = self.listed(split, root)
        leaks = split.startswith("random")
        notes = (f"m3fd {split}: neighbouring frames are in training and test; see bench data leak",) if leaks else ()
        if split != "all":
            pairs = pick(pairs, split_ids("m3fd", split), str(place))
        return self.selection(split, pairs, place, notes)

    def finish(self, pair: Pair, place: Place) -> Pair:
        for folder, suffix in (("Annotation", ".xml"), ("Annotations", ".xml"), ("labels", ".txt")):
            path = place.base / folder / f"{pair.id}{suffix}"
            if path.is_file():
                return replace(pair, labels=path)
        return pair

    def boxes(self, pair: Pair, flaws=None) -> list[Box]:
        from benchmark.datasets import labels

        yolo = pair.labels is not None and pair.labels.suffix == ".txt"
        return labels.of_pair(self.name, pair, self.yolo_names(pair.labels) if yolo else CLASSES, flaws)

    def yolo_names(self, path: Path) -> dict[int, str]:
        from benchmark.datasets import labels

        stated = labels.stated_order(path)
        if stated is not None:
            # Names beside the labels are evidence; an order asked for that contradicts them is a mistake.
            for key, order in LABEL_ORDERS.items():
                if tuple(name.lower() for name in stated) == tuple(name.lower() for name in order):
                    if self.label_order not in (None, key):
                        raise UserError(f"{path.parent}: the names beside the labels are of the order '{key}'")
                    return dict(enumerate(order))
            raise UserError(f"{path.parent}: the classes {', '.join(stated)} are not those of M3FD")
        if self.label_order is None:
            raise UserError(
                f"{path.parent}: YOLO labels of M3FD circulate with class 3 = Motorcycle (order 'paper') and"
                " with class 3 = Lamp (order 'tardal'), and nothing here says which: name one with --label-order"
            )
        return dict(enumerate(LABEL_ORDERS[self.label_order]))


@cache
def _scenes() -> dict[str, str]:
    """Id -> the first id of its scene: the published division shows where scenes begin."""
    found = scenes.from_runs(split_ids("m3fd", "zx-train"), split_ids("m3fd", "zx-test"))
    return {id: scene[0] for scene in found for id in scene}


DATASET = M3fd()
