"""TNO: military-relevant scenes, the pairs that fusion papers use."""

from __future__ import annotations

import os
from typing import ClassVar

from benchmark.datasets import scenes
from benchmark.datasets.abstract import DatasetCard, Selection
from benchmark.datasets.id_lists import pick, split_ids
from benchmark.datasets.two_folders import FolderDataset, Layout, variants


class Tno(FolderDataset):
    card = DatasetCard(
        name="tno",
        title="TNO Image Fusion Dataset",
        short="TNO",
        year=2014,
        citation="A. Toet: TNO Image Fusion Dataset. figshare 1008029, 2014; and: The TNO multiband image"
        " data collection. Data in Brief 15, 2017.",
        licence="as its figshare record states; none is stated with the 42-pair selection",
        link="https://figshare.com/articles/dataset/TNO_Image_Fusion_Dataset/1008029",
        size="256x256 to 945x709, grey",
        counts={"tno42": 42, "cddfuse25": 25, "didfuse40": 40, "train": 15},
        layout="TNO/{ir,vi}/01.png … 42.png",
        notes=(
            "The figshare record is not sorted into pairs; the 42 numbered pairs circulate with fusion code.",
            "didfuse40 was identified by comparing pixels with the authors' files (one of them differs by one level).",
            "Of the 21-pair selection of DenseFuse and NestFuse only pair 42 is certain here, and of the 37-pair"
            " selections that some papers name no list was found: neither is offered.",
            "By local features, confirmed by eye: 01 and 39, 02 and 40, 03 and 04, 09 and 10, 15 and 17, 16 and 18,"
            " 19 and 26, 22 and 27, 23 and 33 show one place each; no others match: 33 scenes.",
            "train: none of its pairs shows the place of one of cddfuse25 by local features (0 of 375 couples). 34,"
            " which by eye may show the track of 35, is left out too. Others of its pairs come from the same village as"
            " 19, 20, 26 and 29, from other viewpoints.",
        ),
    )
    default_split = "tno42"
    parts = ("tno42",)
    split_titles: ClassVar[dict[str, str]] = {
        "cddfuse25": "CDDFuse's selection",
        "didfuse40": "DIDFuse's selection",
        "train": "outside CDDFuse's selection",
    }
    folders = ("TNO", "TNO42", "TNO_42")

    def layouts(self, split: str) -> tuple[Layout, ...]:
        return (Layout("ir", "vi"), *variants())

    def splits(self) -> dict[str, str]:
        return {
            "tno42": "the selection of 42 pairs, 01 to 42",
            "cddfuse25": "the 25 test pairs of CDDFuse (Zhao et al., CVPR 2023)",
            "train": "15 pairs outside cddfuse25: all but 15 and 34, which show scenes of its 17 and 35",
            "didfuse40": "the 40 test pairs of DIDFuse (Zhao et al., IJCAI 2020): all but 09 and 42",
        }

    def schemes(self) -> dict[str, dict[str, list[str]]]:
        return {"cddfuse25": {"train": split_ids("tno", "train"), "test": split_ids("tno", "cddfuse25")}}

    def listed_split(self, split: str) -> list[str] | None:
        return split_ids("tno", split) if split in self.splits() else None

    def scene_of(self, id: str) -> str | None:
        return scenes.listed("tno").get(id)

    def select(self, split: str | None = None, root: str | os.PathLike | None = None) -> Selection:
        split = self.check_split(split)
        pairs, place = self.listed(split, root)
        return self.selection(split, pick(pairs, split_ids("tno", split), str(place)), place)


DATASET = Tno()
