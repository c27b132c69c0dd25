"""Fused images that authors keep in their repositories, made again from the pairs beside them.

Needs clones of the repositories, at the commits that the cards link to, as <BENCH_AUTHORS>/<name of the repository>.
"""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import baselines

CLONES = os.environ.get("BENCH_AUTHORS")
PAIRS = {  # method -> repository, and its infrared, visible (or first, second) and fused images
    "datfuse": ("DATFuse", [("source images/ir/2.bmp", "source images/vi/2.bmp", "fusion results/2.bmp")]),
    "ydtr": ("YDTR", [("source images/IR_002.bmp", "source images/VIS_002.bmp", "fusion result/002.bmp")]),
    "itfuse": ("ITFuse", [("images/ir/IR_001.bmp", "images/vi/VIS_001.bmp", "result/001.bmp")]),
    "ifcnn-max": (
        "IFCNN",
        [
            (
                "Code/datasets/IVDataset/Camp_IR.png",
                "Code/datasets/IVDataset/Camp_Vis.png",
                "Code/results/IFCNN-MAX-IV-Camp.png",
            ),
            (
                "Code/datasets/MDDataset/c01_1.tif",
                "Code/datasets/MDDataset/c01_2.tif",
                "Code/results/IFCNN-MAX-MD-c01.png",
            ),
        ],
    ),
}
for name, repository, folder in (("didfuse", "IVIF-DIDFuse", "IJCAI"), ("auif", "IVIF-AUIF-Net", "TCSVT")):
    PAIRS[name] = (
        repository,
        [
            (
                f"Datasets/Test_data_{data}/IR5.{end}",
                f"Datasets/Test_data_{data}/VIS5.{end}",
                f"Test_result/{saved}/F5.png",
            )
            for data, end, saved in (
                ("TNO", "bmp", f"TNO_{folder}"),
                ("FLIR", "jpg", f"FLIR_{folder}"),
                ("NIR_Country", "png", f"NIR_{folder}"),
            )
        ],
    )
CASES = [(name, *images) for name, (_, cases) in PAIRS.items() for images in cases]


@pytest.mark.skipif(CLONES is None, reason="needs clones of the authors' repositories in BENCH_AUTHORS")
@pytest.mark.parametrize("name, ir, vis, saved", CASES)
def test_image_is_the_authors(shared, name, ir, vis, saved):
    """0.005 grey levels on average, none off by more than one. IFCNN, whose authors truncate three channels before they
    take the luminance: 0.3 and one."""
    folder = Path(CLONES) / PAIRS[name][0]
    ir, vis, saved = (np.asarray(Image.open(folder / path).convert("L")) for path in (ir, vis, saved))
    fuser = baselines.load(name, weights_root=shared / "weights")
    fused = fuser.fuse_batch(*(np.float32(x)[None, None] / np.float32(255) for x in (ir, vis)))[0, 0]
    levels = 255 * fused.clip(0, 1)
    levels = np.floor(levels) if fuser.card.truncate else np.round(levels)
    difference = np.abs(levels - saved)
    assert difference.mean() <= (0.3 if name == "ifcnn-max" else 0.005)
    assert difference.max() <= 1
