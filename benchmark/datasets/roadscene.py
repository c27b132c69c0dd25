"""RoadScene: aligned road scenes taken from FLIR's video."""

from __future__ import annotations

import os
from typing import ClassVar

from benchmark.datasets import scenes
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
        counts={"all": 221, "cddfuse50": 50, "train": 171, "train-disjoint": 144},
        layout="RoadScene/cropinfrared/*.jpg and RoadScene/crop_LR_visible/*.jpg",
        notes=(
            "Read from cropinfrared and crop_LR_visible, the two folders of equal size and content.",
            "None of the 50 pairs of cddfuse50 has a near duplicate in train by perceptual hash (the nearest differ in"
            " 17 of 64 bits); 18 of the 50 show the place of a training frame by local features (two of them, 07190 and"
            " 07786, by chance, to the eye), and 17 are of a scene with one, directly or through others: the camera"
            " drives on, or comes back. train-disjoint leaves out the 27 training pairs of all those scenes.",
            "Scenes, by local features alone: 161, 129 of them of one pair; the weakest couples may be chance.",
            "Ids follow drives: scores of neighbouring scenes are alike though they show other places. Of cddfuse50's"
            " 43 scenes, differences between the scores of two methods correlate with those of the scene before by 0.4"
            " to 0.6 on average, so that tests and intervals count scenes for less, as far as that shows.",
        ),
    )
    default_split = "all"
    parts = ("all",)
    training_split = "train-disjoint"
    called = ("flir",)
    in_sequence = True
    split_titles: ClassVar[dict[str, str]] = {
        "cddfuse50": "CDDFuse's selection",
        "train-disjoint": "scenes outside CDDFuse's selection",
        "train": "outside CDDFuse's selection",
    }
    folders = ("RoadScene", "RoadScene-master", "road-scene-infrared-visible-images")

    def layouts(self, split: str) -> tuple[Layout, ...]:
        return (Layout("cropinfrared", "crop_LR_visible"), *variants())

    def splits(self) -> dict[str, str]:
        return {
            "all": "every pair (221)",
            "cddfuse50": "the 50 test pairs of CDDFuse (Zhao et al., CVPR 2023)",
            "train": "every pair that is not in cddfuse50 (171): 17 of the 50 show scenes of these",
            "train-disjoint": "those of train without a scene of cddfuse50 (144)",
        }

    def listed_split(self, split: str) -> list[str] | None:
        if split == "train":
            return self.schemes()["cddfuse50"]["train"]
        return split_ids("roadscene", split) if split in self.splits() else None

    def schemes(self) -> dict[str, dict[str, list[str]]]:
        test = split_ids("roadscene", "cddfuse50")
        return {
            "cddfuse50": {"train": sorted({*split_ids("roadscene", "all")} - {*test}), "test": test},
            "cddfuse50-disjoint": {"train": split_ids("roadscene", "train-disjoint"), "test": test},
        }

    def scene_of(self, id: str) -> str | None:
        return scenes.listed("roadscene").get(id)

    def select(self, split: str | None = None, root: str | os.PathLike | None = None) -> Selection:
        split = self.check_split(split)
        pairs, place = self.listed(split, root)
        if split == "train":
            held_back = set(split_ids("roadscene", "cddfuse50"))
            pairs = [pair for pair in pairs if pair.id not in held_back]
        elif split != "all":
            pairs = pick(pairs, split_ids("roadscene", split), str(place))
        return self.selection(split, pairs, place)


DATASET = RoadScene()
