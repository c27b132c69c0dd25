"""FMB: full-time road scenes with segmentation labels."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from benchmark.datasets.abstract import DatasetCard
from benchmark.datasets.pairs import Pair
from benchmark.datasets.two_folders import FolderDataset, Layout, Place, subfolder, variants


class Fmb(FolderDataset):
    card = DatasetCard(
        name="fmb",
        title="FMB: full-time multi-modality benchmark",
        year=2023,
        citation="J. Liu, Z. Liu, G. Wu, L. Ma, R. Liu, W. Zhong, Z. Luo, X. Fan: Multi-interactive feature learning"
        " and a full-time multi-modality benchmark for image fusion and segmentation. ICCV 2023.",
        licence="none stated",
        link="https://github.com/JinyuanLiu-CV/SegMiF",
        size="800x600, infrared grey, visible RGB",
        counts={"test": 280, "train": 1220},
        layout="FMB/{train,test}/{Infrared,Visible,Label}/*.png",
        labels="segmentation: 14 classes and unlabelled (Label)",
        by_hand=(
            "Open https://github.com/JinyuanLiu-CV/SegMiF and follow its links to the FMB data (a cloud drive).",
            "Unpack it, or: bench data pull fmb --archive FMB.zip --data-root DATA",
        ),
        notes=("The first upload had incomplete training folders; check with bench data verify fmb.",),
    )
    default_split = "test"
    split_titles: ClassVar[dict[str, str]] = {
        "train": "training pairs",
    }
    parts = ("train", "test")
    folders = ("FMB", "FMB_dataset")

    def layouts(self, split: str) -> tuple[Layout, ...]:
        return (Layout(f"{split}/Infrared", f"{split}/Visible"), *variants(split))

    def splits(self) -> dict[str, str]:
        return {"test": "the official test pairs (280)", "train": "the official training pairs (1220)"}

    def finish(self, pair: Pair, place: Place) -> Pair:
        folder = subfolder(place.ir.parent, "Label")
        path = None if folder is None else folder / f"{pair.id}.png"
        return replace(pair, mask=path) if path is not None and path.is_file() else pair


DATASET = Fmb()
