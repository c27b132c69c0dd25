"""M3FD, fusion: 300 independent scenes without labels."""

from __future__ import annotations

from benchmark.datasets.abstract import DatasetCard
from benchmark.datasets.two_folders import FolderDataset, Layout, variants


class M3fdFusion(FolderDataset):
    card = DatasetCard(
        name="m3fd_fusion",
        title="M3FD, fusion set",
        short="M3FD (fusion)",
        year=2022,
        citation="J. Liu, X. Fan, Z. Huang, G. Wu, R. Liu, W. Zhong, Z. Luo: Target-aware dual adversarial learning and"
        " a multi-scenario multi-modality benchmark to fuse infrared and visible for object detection. CVPR 2022.",
        licence="none stated",
        link="https://github.com/JinyuanLiu-CV/TarDAL",
        size="1024x768 mostly, infrared grey, visible RGB",
        counts={"all": 300},
        layout="M3FD_Fusion/{Ir,Vis}/*.png",
        by_hand=(
            "Open https://github.com/JinyuanLiu-CV/TarDAL and follow its links to the M3FD data (a cloud drive).",
            "Download M3FD_Fusion.zip (SHA-256 ec33d031bbd26697b75061972786526cdd815ee8111586813427d155ec522dfc, as"
            " others have published it).",
            "bench data pull m3fd_fusion --archive M3FD_Fusion.zip --data-root DATA",
        ),
    )
    default_split = "all"
    parts = ("all",)
    folders = ("M3FD_Fusion", "M3FD/M3FD_Fusion")

    def layouts(self, split: str) -> tuple[Layout, ...]:
        return (Layout("Ir", "Vis"), *variants())

    def splits(self) -> dict[str, str]:
        return {"all": "every pair (300)"}


DATASET = M3fdFusion()
