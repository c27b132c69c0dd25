"""What the three medical sets share: brain slices of the Whole Brain Atlas, registered, in two common layouts."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import PurePosixPath
from typing import ClassVar

from benchmark.datasets.abstract import MANIFESTS, DatasetCard, Selection, read_manifest
from benchmark.datasets.pairs import Pair
from benchmark.datasets.two_folders import FolderDataset, Layout, Place
from benchmark.errors import UserError

# Cases of `patient-test`, the same in all three pairings, since some heads are in two of them: those that CDDFuse's
# test lists show, and one of PET's three.
HELD_OUT = frozenset({9, 16, 21, 30, 36})
# How many slices from a test slice those of `train-disjoint` keep away: MRI two apart correlate by 0.3 to 0.8 in the
# median of the three pairings (64x64 pixels, high-passed), next to each other by 0.6 to 0.9.
NEAR = 2
PAIRINGS = ("ct", "pet", "spect")
_SLICE = re.compile(r"(\d{1,2})\d{3}")  # case, slice
# Slices of CDDFuse's lists (first to last id) and their case here, told by correlation of the images; 0: a head that
# the usual lists do not hold. In PET's list the 21 slices of one PET study stand twice, with two MRI.
_CDDFUSE = {
    "CT": ((11, 20, 16), (21, 31, 21)),
    "PET": ((11, 52, 0),),
    "SPECT": ((11, 43, 9), (44, 70, 36), (71, 83, 0)),
}


class Harvard(FolderDataset):
    """Pairs of MRI and `modality` ("CT", "PET" or "SPECT"): the MRI takes the place of the visible image, the other
    that of the infrared one, and lends its pseudo-colours to the fused image.

    counts: split -> pairs. neighbours: how many of the 24 test slices have a training slice next to them. apart, near:
    the largest correlation between MRI of two cases, and the median of neighbouring slices. shared: what CDDFuse's list
    shares with the others, one line.
    """

    default_split = "test"
    parts = ("train", "test")
    training_split = "train-disjoint"
    split_titles: ClassVar[dict[str, str]] = {
        "cddfuse": "CDDFuse's selection",
        "train": "training slices",
        "train-disjoint": "training slices away from all test slices",
    }

    def __init__(
        self, modality: str, counts: dict[str, int], neighbours: int, apart: float, near: float, shared: str
    ) -> None:
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
            counts=counts,
            layout=f"Harvard/{modality}-MRI/{{train,test}}/{{{modality},MRI}}/*.png, or, for cddfuse,"
            f" CDDFuse_test/MRI_{modality}/{{MRI,{modality}}}/*.png",
            task="mif",
            use="research, with the atlas (http://www.med.harvard.edu/AANLIB/) cited",
            notes=(
                f"{modality} is the first source, MRI the second, as in CDDFuse's and MATR's test code.",
                *(("The fused image takes its colours from the functional image.",) if coloured else ()),
                "An id is the number of a case, then three digits for the slice. A case is one head: the MRI of two"
                f" cases correlate by at most {apart:.2f} (64x64 pixels, high-passed), those of neighbouring slices of"
                f" one by {near:.2f} in the median. Cases 21 and 28 are in CT-MRI and in SPECT-MRI with the same MRI.",
                f"The usual division puts slices of every case into both parts: {neighbours} of the 24 test slices have"
                " a training slice next to them. patient-train and patient-test share no case, within a pairing or"
                " between two.",
                f"train-disjoint is patient-train without what is at most {NEAR} slices from a slice of the usual test"
                " lists of any pairing: no test list holds one of its slices or one next to it. Of the usual test lists"
                " it still shows other slices of the same heads.",
                shared,
            ),
            caveats={
                "test": "The usual training list holds other slices of every head shown here"
                f" ({neighbours} of 24 slices have a neighbour there): networks trained on it know these heads;"
                " patient-test with patient-train shares none.",
                "cddfuse": shared,
            },
        )

    def layouts(self, split: str) -> tuple[Layout, ...]:
        first = self.modality
        if split == "cddfuse":
            return (Layout(f"MRI_{first}/{first}", f"MRI_{first}/MRI"),)
        flat = tuple(Layout(f"{split}/{name}", f"{split}/MRI") for name in (first, f"{first}_RGB"))
        return (*flat, Layout(f"{first}-MRI/{split}/{first}", f"{first}-MRI/{split}/MRI"))

    def splits(self) -> dict[str, str]:
        count = self.card.counts
        held_out = ", ".join(map(str, sorted({_case(id) for id in self.listed_split("patient-test")})))
        return {
            "test": f"the test slices of the usual division ({count['test']})",
            "train": f"the training slices of the usual division ({count['train']})",
            "patient-test": f"all slices of the cases {held_out} ({count['patient-test']})",
            "patient-train": f"all slices of the other cases ({count['patient-train']})",
            "train-disjoint": f"those of patient-train more than {NEAR} slices from every usual test slice"
            f" ({count['train-disjoint']})",
            "cddfuse": f"the test slices of CDDFuse (Zhao et al., CVPR 2023; {count['cddfuse']})",
        }

    def schemes(self) -> dict[str, dict[str, list[str]]]:
        return {
            "patient": {part: self.listed_split(f"patient-{part}") for part in ("train", "test")},
            "usual": {part: self.listed_split(part) for part in ("train", "test")},
            "usual-disjoint": {"train": self.listed_split("train-disjoint"), "test": self.listed_split("test")},
            "cddfuse": {"train": self.listed_split("train"), "test": self._cddfuse()},
            "cddfuse-disjoint": {"train": self.listed_split("train-disjoint"), "test": self._cddfuse()},
        }

    def _cddfuse(self) -> list[str]:
        return [str(id) for first, last, _ in _CDDFUSE[self.modality] for id in range(first, last + 1)]

    def listed_split(self, split: str) -> list[str] | None:
        if split == "cddfuse":
            return None
        usual = _usual(self.name)
        if split in usual:
            return [*usual[split]]
        wanted = split == "patient-test"
        ids = sorted(id for ids in usual.values() for id in ids if (_case(id) in HELD_OUT) == wanted)
        if split != "train-disjoint":
            return ids
        tests = {int(id) for name in PAIRINGS for id in _usual(f"harvard_{name}_mri")["test"]}
        return [id for id in ids if not tests & {*range(int(id) - NEAR, int(id) + NEAR + 1)}]

    def select(self, split: str | None = None, root: str | os.PathLike | None = None) -> Selection:
        split = self.check_split(split)
        if split in (*self.parts, "cddfuse"):
            return super().select(split, root)
        return self.select_across(split, self.listed_split(split), root)

    def at_hand(self, root: str | os.PathLike | None = None) -> dict[str, Pair]:
        """CDDFuse's slices too; their ids are numbers that the usual lists do not have."""
        found = {}
        with suppress(UserError):
            found = {pair.id: pair for pair in self.pairs("cddfuse", root)}
        try:
            return super().at_hand(root) | found
        except UserError:
            if not found:
                raise
            return found

    def scene_of(self, id: str) -> str | None:
        """The case, a head."""
        if (case := _case(id)) is not None:
            return f"case {case}"
        for first, last, case in _CDDFUSE[self.modality] if id.isdecimal() else ():
            if first <= int(id) <= last:
                return f"case {case}" if case else "a case of its own"
        return None

    def finish(self, pair: Pair, place: Place) -> Pair:
        return replace(pair, colour_from="ir" if self.modality != "CT" else "vis", names=self.source_titles)


@cache
def _usual(name: str) -> dict[str, list[str]]:
    """The ids of a pairing's usual lists, by the publisher's file names."""
    lists = {"train": [], "test": []}
    for file in read_manifest(MANIFESTS / f"{name}.txt").files:
        path = PurePosixPath(file)
        if path.parts[1] == "MRI":
            lists[path.parts[0]].append(path.stem)
    return {part: sorted(ids) for part, ids in lists.items()}


def _case(id: str) -> int | None:
    match = _SLICE.fullmatch(id)
    return int(match[1]) if match else None
