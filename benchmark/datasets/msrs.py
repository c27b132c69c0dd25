"""MSRS: multi-spectral road scenarios, day and night."""

from __future__ import annotations

import os

from benchmark.datasets.base import DatasetCard, FolderDataset, Layout, Selection, split_ids


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
        counts={"test": 361, "train": 1083},
        layout="MSRS/{test,train}/{ir,vi}/*.png",
        notes=(
            "Made from MFNet (Ha et al., IROS 2017); the publisher enhanced the infrared images' contrast.",
            "Ids end in D (day) or N (night).",
        ),
    )
    default_split = "test"
    folders = ("MSRS", "MSRS-main")

    def layouts(self, split: str) -> tuple[Layout, ...]:
        return (Layout(f"{split}/ir", f"{split}/vi"),)

    def splits(self) -> dict[str, str]:
        return {"test": "the official test pairs (361)", "train": "the official training pairs (1083)"}

    def select(self, split: str | None = None, root: str | os.PathLike | None = None) -> Selection:
        split = self.check_split(split)
        pairs, found = self.listed(split, root)
        notes = []
        if split == "test":
            official = set(split_ids("msrs", "test"))
            extra = [pair.id for pair in pairs if pair.id not in official]
            pairs = [pair for pair in pairs if pair.id in official]
            if extra:
                notes.append(f"msrs test: {len(extra)} images outside the official list are left out ({extra[0]}, …)")
        if len(pairs) != self.card.counts[split]:
            notes.append(f"msrs {split}: {len(pairs)} of {self.card.counts[split]} pairs are in {found}")
        return Selection(pairs, tuple(notes), found)


DATASET = Msrs()
