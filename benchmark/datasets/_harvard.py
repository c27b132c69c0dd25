"""What the three medical sets share: brain slices of the Whole Brain Atlas, registered, in two common layouts."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from benchmark.datasets.abstract import DatasetCard
from benchmark.datasets.pairs import Pair
from benchmark.datasets.two_folders import FolderDataset, Layout, Place


class Harvard(FolderDataset):
    """Pairs of MRI and `modality` ("CT", "PET" or "SPECT"): the MRI takes the place of the visible image, the other
    that of the infrared one, and lends its pseudo-colours to the fused image."""

    default_split = "test"
    parts = ("train", "test")
    split_titles: ClassVar[dict[str, str]] = {
        "cddfuse": "CDDFuse's selection",
        "train": "training slices",
    }

    def __init__(self, modality: str, train: int, test: int, cddfuse: int) -> None:
        self.modality = modality
        self.source_titles = (modality, "MRI")
        coloured = modality != "CT"
        own = f"{modality}-MRI"
        published = f"Havard-Medical-Image-Fusion-Datasets-main/MyDatasets/{own}"
        self.folders = (f"Harvard/{own}", own, f"MyDatasets/{own}", published, "CDDFuse_test", "Harvard")
        self.card = DatasetCard(
            name=f"harvard_{modality.lower()}_mri",
            title=f"Harvard {modality}-MRI",
            short=f"Harvard {modality}–MRI",
            year=1999,
            citation="K. A. Johnson, J. A. Becker: The Whole Brain Atlas (AANLIB), Harvard Medical School, 1999.",
            licence="none stated",
            link="https://github.com/xianming-gu/Havard-Medical-Image-Fusion-Datasets",
            size=f"256x256, MRI grey, {modality} {'pseudo-colour' if coloured else 'grey'}",
            counts={"test": test, "train": train, "cddfuse": cddfuse},
            layout=f"Harvard/{modality}-MRI/{{train,test}}/{{{modality},MRI}}/*.png, or, for cddfuse,"
            f" CDDFuse_test/MRI_{modality}/{{MRI,{modality}}}/*.png",
            task="mif",
            use="research, with the atlas (http://www.med.harvard.edu/AANLIB/) cited",
            notes=(
                f"{modality} is the first source, MRI the second, as in CDDFuse's and MATR's test code.",
                *(("The fused image takes its colours from the functional image.",) if coloured else ()),
                "Slices of one patient are neighbours, in training and test alike.",
            ),
        )

    def layouts(self, split: str) -> tuple[Layout, ...]:
        first = self.modality
        if split == "cddfuse":
            return (Layout(f"MRI_{first}/{first}", f"MRI_{first}/MRI"),)
        flat = tuple(Layout(f"{split}/{name}", f"{split}/MRI") for name in (first, f"{first}_RGB"))
        return (*flat, Layout(f"{first}-MRI/{split}/{first}", f"{first}-MRI/{split}/MRI"))

    def splits(self) -> dict[str, str]:
        count = self.card.counts
        return {
            "test": f"the test slices of the usual division ({count['test']})",
            "train": f"the training slices of the usual division ({count['train']})",
            "cddfuse": f"the test slices of CDDFuse (Zhao et al., CVPR 2023; {count['cddfuse']})",
        }

    def finish(self, pair: Pair, place: Place) -> Pair:
        return replace(pair, colour_from="ir" if self.modality != "CT" else "vis", names=self.source_titles)
