"""LLVIP: street scenes seen from above, most of them at night, with people labelled."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import ClassVar

from benchmark.datasets.abstract import DatasetCard, Selection
from benchmark.datasets.id_lists import split_ids
from benchmark.datasets.pairs import Box, Pair
from benchmark.datasets.two_folders import FolderDataset, Layout, Place, variants

_SAMPLES = ("sample44", "sample32")


class Llvip(FolderDataset):
    card = DatasetCard(
        name="llvip",
        title="LLVIP: a visible-infrared paired dataset for low-light vision",
        year=2021,
        citation="X. Jia, C. Zhu, M. Li, W. Tang, W. Zhou: LLVIP: A visible-infrared paired dataset for low-light"
        " vision. ICCV Workshops 2021.",
        licence="its own terms: free for non-commercial purposes, with reference to the set",
        link="https://bupt-ai-cz.github.io/LLVIP",
        size="1280x1024, JPEG; infrared grey, visible RGB",
        counts={"test": 3463, "train": 12025, "sample44": 44, "sample32": 32},
        layout="LLVIP/{infrared,visible}/{train,test}/*.jpg and LLVIP/Annotations/*.xml",
        use="non-commercial purposes only; identifying people is forbidden",
        labels="boxes of people (Pascal VOC XML, class person)",
        by_hand=(
            "Read the terms at https://bupt-ai-cz.github.io/LLVIP and follow its link to the download (a cloud drive).",
            "Download LLVIP.zip.",
            "bench data pull llvip --archive LLVIP.zip --data-root DATA",
        ),
        notes=(
            "26 recordings: ids of one begin with the same two digits, which are taken as its scene.",
            "Not each recording has a place of its own: of 25 pairs 26… at hand, many show the place of 19… or 20…,"
            " with the same cars, by local features and by eye, so that 19, 20 and 26 are fewer than three scenes.",
        ),
        caveats={"test": "Recording 26 shows the places of 19 and 20 again: these scenes are not independent."},
    )
    default_split = "test"
    split_titles: ClassVar[dict[str, str]] = {
        "train": "training pairs",
        "sample44": "44 pairs of three places",
        "sample32": "32 training pairs of one place",
    }
    parts = ("train", "test")
    folders = ("LLVIP", "LLVIP_sample")
    classes = ("person",)

    def layouts(self, split: str) -> tuple[Layout, ...]:
        side = split.capitalize()
        return (
            Layout(f"infrared/{split}", f"visible/{split}"),
            Layout(f"{side}_LLVIP_ir", f"{side}_LLVIP_vi"),
            *variants(split),
        )

    def splits(self) -> dict[str, str]:
        return {
            "test": "the official test pairs (3463)",
            "train": "the official training pairs (12025)",
            "sample44": "32 training and 12 test pairs of three places, which our first checkpoints are trained on: the"
            " test list's places 19 and 20 are among them",
            "sample32": "those 32 training pairs, of one place that the test list does not show",
        }

    def select(self, split: str | None = None, root: str | os.PathLike | None = None) -> Selection:
        if split not in _SAMPLES:
            return super().select(split, root)
        return self.select_across(split, split_ids("llvip", split), root)

    def listed_split(self, split: str) -> list[str] | None:
        return split_ids("llvip", split) if split in _SAMPLES else None

    def scene_of(self, id: str) -> str | None:
        return id[:2]

    def finish(self, pair: Pair, place: Place) -> Pair:
        path = place.base / "Annotations" / f"{pair.id}.xml"
        return replace(pair, labels=path) if path.is_file() else pair

    def boxes(self, pair: Pair, flaws=None) -> list[Box]:
        from benchmark.datasets import labels

        return labels.of_pair(self.name, pair, self.classes, flaws)


DATASET = Llvip()
