"""FLIR-aligned: the well-aligned part of the FLIR thermal driving set, version 1."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import ClassVar

from benchmark import textfiles
from benchmark.datasets.abstract import DatasetCard, Selection
from benchmark.datasets.id_lists import pick
from benchmark.datasets.pairs import Box, Pair
from benchmark.datasets.two_folders import FolderDataset, Layout, Place, subfolder
from benchmark.errors import UserError

_LISTS = {"train": "align_train.txt", "test": "align_validation.txt"}


class FlirAligned(FolderDataset):
    """Both modalities share one folder; the set's own lists name the pairs of each split."""

    card = DatasetCard(
        name="flir_aligned",
        title="FLIR-aligned",
        year=2020,
        citation="H. Zhang, E. Fromont, S. Lefevre, B. Avignon: Multispectral fusion for object detection with cyclic"
        " fuse-and-refine blocks. ICIP 2020. Images: FLIR thermal dataset for algorithm training, 2018.",
        licence="none stated for the alignment; the images are under the terms of FLIR's data set",
        link="https://github.com/zonaqiu/FLIR-align",
        size="640x512, infrared grey, visible RGB",
        counts={"test": 1013, "train": 4129},
        layout="align/JPEGImages/FLIR_*_{PreviewData.jpeg,RGB.jpg}, align/Annotations/*.xml and"
        " align/align_{train,validation}.txt",
        use="as FLIR's terms for the images allow",
        labels="boxes (Pascal VOC XML) of person, car, bicycle; four dogs are left in",
        by_hand=(
            "The authors' link (a cloud drive) is kept at"
            " https://github.com/CalayZhou/Multispectral-Pedestrian-Detection-Resource, issue 6.",
            "Unpack it, or: bench data pull flir_aligned --archive align.zip --data-root DATA",
        ),
    )
    default_split = "test"
    split_titles: ClassVar[dict[str, str]] = {
        "train": "training pairs",
    }
    parts = ("train", "test")
    folders = ("align", "FLIR_aligned", "FLIR-align", "FLIR_aligned/align")
    classes = ("person", "car", "bicycle", "dog")

    def layouts(self, split: str) -> tuple[Layout, ...]:
        return (Layout("JPEGImages", "JPEGImages", "_PreviewData", "_RGB"),)

    def splits(self) -> dict[str, str]:
        return {
            "test": "the pairs of align_validation.txt (1013)",
            "train": "the pairs of align_train.txt (4129)",
        }

    def select(self, split: str | None = None, root: str | os.PathLike | None = None) -> Selection:
        split = self.check_split(split)
        pairs, place = self.listed(split, root)
        lists = [place.base / _LISTS[split], place.base / "ImageSets" / "Main" / _LISTS[split]]
        path = next((path for path in lists if path.is_file()), None)
        if path is None:
            raise UserError(f"data set {self.name}: no {_LISTS[split]} in {place.base}")
        lines = [line for _, line in textfiles.lines(textfiles.read(path))]
        ids = dict.fromkeys(line.removesuffix("_PreviewData").removesuffix("_RGB") for line in lines)
        return self.selection(split, pick(pairs, list(ids), str(place)), place)

    def finish(self, pair: Pair, place: Place) -> Pair:
        folder = subfolder(place.base, "Annotations")
        path = None if folder is None else folder / f"{pair.id}_PreviewData.xml"
        return replace(pair, labels=path) if path is not None and path.is_file() else pair

    def spellings(self, id: str) -> tuple[str, ...]:
        return f"{id}_PreviewData", f"{id}_RGB"

    def id_of(self, name: str) -> str:
        return super().id_of(name).removesuffix("_PreviewData").removesuffix("_RGB")

    def boxes(self, pair: Pair, flaws=None) -> list[Box]:
        from benchmark.datasets import labels

        return labels.of_pair(self.name, pair, self.classes, flaws)


DATASET = FlirAligned()
