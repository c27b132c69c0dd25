"""VIFB: 21 pairs from many sources, with published results of many methods."""

from __future__ import annotations

from benchmark.datasets import scenes
from benchmark.datasets.abstract import DatasetCard
from benchmark.datasets.two_folders import FolderDataset, Layout, variants


class Vifb(FolderDataset):
    card = DatasetCard(
        name="vifb",
        title="VIFB: a visible and infrared image fusion benchmark",
        year=2020,
        citation="X. Zhang, P. Ye, G. Xiao: VIFB: A visible and infrared image fusion benchmark. CVPR Workshops 2020.",
        licence="none stated",
        link="https://github.com/xingchenzhang/VIFB",
        size="320x240 to 640x480, one 768x276, JPEG; visible RGB, infrared grey (some stored as RGB)",
        counts={"all": 21},
        layout="VIFB/{IR,VI}/*.jpg (in the repository: input/IR, input/VI)",
        notes=(
            "Some infrared files are colour JPEGs; their luminance is read.",
            "By local features, confirmed by eye, elecbike, man and manlight show one place; no others match.",
        ),
    )
    default_split = "all"
    parts = ("all",)
    folders = ("VIFB", "VIFB-master")

    def layouts(self, split: str) -> tuple[Layout, ...]:
        return (Layout("IR", "VI"), Layout("input/IR", "input/VI"), *variants())

    def splits(self) -> dict[str, str]:
        return {"all": "every pair (21)"}

    def scene_of(self, id: str) -> str | None:
        return scenes.listed("vifb").get(id)


DATASET = Vifb()
