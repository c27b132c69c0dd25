"""RoadScene: aligned road scenes taken from FLIR's video."""

from __future__ import annotations

import os
from typing import ClassVar

from benchmark.datasets.abstract import DatasetCard, Selection
from benchmark.datasets.id_lists import pick, split_ids
from benchmark.datasets.two_folders import FolderDataset, Layout, variants


class RoadScene(FolderDataset):
    card = DatasetCard(
        name="roadscene",
        title="RoadScene",
        year=2020,
        citation="H. Xu, J. Ma, Z. Le, J. Jiang, X. Guo: FusionDN: A unified densely connected network for"
        " image fusion. AAAI 2020.",
        licence="none stated (frames of the FLIR thermal data set, which has its own terms)",
        link="https://github.com/hanna-xu/RoadScene",
        size="about 500x300, varying; infrared grey, visible RGB",
        counts={"all": 221, "cddfuse50": 50, "train": 171},
        layout="RoadScene/cropinfrared/*.jpg and RoadScene/crop_LR_visible/*.jpg",
        notes=("Read from cropinfrared and crop_LR_visible, the two folders of equal size and content.",),
    )
    default_split = "all"
    parts = ("all",)
    split_titles: ClassVar[dict[str, str]] = {
        "cddfuse50": "CDDFuse's selection",
        "train": "outside CDDFuse's selection",
    }
    folders = ("RoadScene", "RoadScene-master", "road-scene-infrared-visible-images")

    def layouts(self, split: str) -> tuple[Layout, ...]:
        return (Layout("cropinfrared", "crop_LR_visible"), *variants())

    def splits(self) -> dict[str, str]:
        return {
            "all": "every pair (221)",
            "cddfuse50": "the 50 test pairs of CDDFuse (Zhao et al., CVPR 2023)",
            "train": "every pair that is not in cddfuse50 (171)",
        }

    def schemes(self) -> dict[str, dict[str, list[str]]]:
        held_back = split_ids("roadscene", "cddfuse50")
        return {"cddfuse50": {"train": sorted(set(split_ids("roadscene", "all")) - {*held_back}), "test": held_back}}

    def select(self, split: str | None = None, root: str | os.PathLike | None = None) -> Selection:
        split = self.check_split(split)
        pairs, place = self.listed(split, root)
        held_back = split_ids("roadscene", "cddfuse50")
        if split == "cddfuse50":
            pairs = pick(pairs, held_back, str(place))
        elif split == "train":
            pairs = [pair for pair in pairs if pair.id not in set(held_back)]
        return self.selection(split, pairs, place)


DATASET = RoadScene()
