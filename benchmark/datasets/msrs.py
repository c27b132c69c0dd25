"""MSRS: multi-spectral road scenarios, day and night."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from benchmark.datasets.abstract import DatasetCard, Selection
from benchmark.datasets.id_lists import split_ids
from benchmark.datasets.pairs import Box, Pair
from benchmark.datasets.two_folders import FolderDataset, Layout, Place, variants

_STRETCH = 20  # ids, twice the distance beyond which no two of the 60 test pairs at hand show one place
# The label files number objects as COCO does; only these two occur.
_DETECTION_IDS = {0: "person", 2: "car"}


class Msrs(FolderDataset):
    card = DatasetCard(
        name="msrs",
        title="MSRS: Multi-Spectral Road Scenarios",
        year=2022,
        citation="L. Tang, J. Yuan, H. Zhang, X. Jiang, J. Ma: PIAFusion: A progressive infrared and visible"
        " image fusion network based on illumination aware. Information Fusion 83-84, 2022.",
        licence="none stated",
        link="https://github.com/Linfeng-Tang/MSRS",
        size="640x480, infrared grey, visible RGB",
        counts={"test": 361, "train": 1083, "detection": 80},
        layout="MSRS/{test,train}/{ir,vi}/*.png",
        labels="segmentation in nine classes (Segmentation_labels); boxes of persons and cars for 80 pairs"
        " (detection/labels, YOLO, ids as in COCO)",
        notes=(
            "Made from MFNet (Ha et al., IROS 2017); the publisher enhanced the infrared images' contrast.",
            "Ids end in D (day) or N (night).",
            "The box labels are sparse: objects are missing; use them for sanity checks only.",
            "The test list is about every fourth frame: 359 of its 361 ids have a training id next to them.",
            "Scenes are stretches of 20 ids, by day or by night. Of the 60 test pairs at hand local features match"
            " neighbours 4 to 6 ids apart (5 of 5 couples), some 8 or 9 apart (2 of 7), none further apart (0 of 44),"
            " and no other of the 1,770 couples. Frames at the seam of two stretches may still show one place, and"
            " differences between the scores of two methods correlate with those of the stretch before by 0.1 to 0.4 on"
            " average, so that tests and intervals count stretches for less, as far as that shows.",
        ),
        caveats={
            "test": "The official training list holds a frame next to 359 of the 361 test frames: networks trained on"
            " it know these places."
        },
    )
    default_split = "test"
    parts = ("train", "test")
    split_titles: ClassVar[dict[str, str]] = {
        "train": "training pairs",
        "detection": "pairs with box labels",
    }
    in_sequence = True
    folders = ("MSRS", "MSRS-main")
    classes = ("person", "car")

    def layouts(self, split: str) -> tuple[Layout, ...]:
        return (Layout(f"{split}/ir", f"{split}/vi"), *variants(split))

    def splits(self) -> dict[str, str]:
        return {
            "test": "the official test pairs (361)",
            "train": "the official training pairs (1083)",
            "detection": "the pairs with box labels (80)",
        }

    def schemes(self) -> dict[str, dict[str, list[str]]]:
        return {"official": {"train": split_ids("msrs", "train"), "test": split_ids("msrs", "test")}}

    def listed_split(self, split: str) -> list[str] | None:
        return self.schemes()["official"].get(split)

    def select(self, split: str | None = None, root: str | os.PathLike | None = None) -> Selection:
        split = self.check_split(split)
        pairs, place = self.listed(split, root)
        notes = []
        if split != "detection":
            official = set(split_ids("msrs", split))
            extra = [pair.id for pair in pairs if pair.id not in official]
            pairs = [pair for pair in pairs if pair.id in official]
            if extra:
                notes.append(
                    f"msrs {split}: {len(extra)} images outside the official list are left out ({extra[0]}, …)"
                )
        return self.selection(split, pairs, place, tuple(notes))

    def finish(self, pair: Pair, place: Place) -> Pair:
        labels = place.base / "detection" / "labels" / f"{pair.id}.txt"
        mask = place.ir.parent / "Segmentation_labels" / f"{pair.id}.png"
        return replace(pair, labels=labels if labels.is_file() else None, mask=mask if mask.is_file() else None)

    def yolo_names(self, path: Path) -> Mapping[int, str]:
        from benchmark.datasets import labels

        return _DETECTION_IDS if labels.stated_order(path) is None else super().yolo_names(path)

    def boxes(self, pair: Pair, flaws=None) -> list[Box]:
        from benchmark.datasets import labels

        return labels.of_pair(self.name, pair, _DETECTION_IDS, flaws)

    def scene_of(self, id: str) -> str | None:
        number, time = id[:-1], id[-1:]
        if not number.isdecimal() or time not in ("D", "N"):
            return None
        return f"{int(number) // _STRETCH * _STRETCH:05d}{time}"

    def time_of_day(self, pair: Pair) -> str | None:
        return {"D": "day", "N": "night"}.get(pair.id[-1:])


DATASET = Msrs()
