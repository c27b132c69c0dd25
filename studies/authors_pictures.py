"""How near MambaDFuse's checkpoints here come to the pictures that its authors published: a table of docs/training.md.

    git clone https://github.com/Lizhe1228/MambaDFuse CLONE
    python -m studies.authors_pictures CLONE mambadfuse mambadfuse-mif
    python -m studies.authors_pictures CLONE mambadfuse=runs/mine/mambadfuse.safetensors

The clone holds four test pairs, one of MSRS and one of each medical pairing, and the fused images of them. Printed are,
for each pair, the mean and the 99th percentile of the absolute difference to the authors' picture in grey levels of
0..255, and the metrics of their picture, of the pixelwise maximum and of ours (raw).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import baselines
import metrics
from benchmark.imaging import reading, saving

# Pair -> first source, MRI or visible image, and the fused one: "MambaDFyse" is how the folders are called.
PAIRS = {
    "MSRS 00036N": (
        "Dataset/testsets/VIR/IR/00036N.png",
        "Dataset/testsets/VIR/VI_Y/00036N.png",
        "results/MambaDFuse_VIF/00036N.png",
    ),
    **{
        f"{first}-MRI {name}": (
            f"Dataset/testsets/{first}-MRI/{folder}/{name}.png",
            f"Dataset/testsets/{first}-MRI/MRI/{name}.png",
            f"results/MambaDFyse_{first}-MRI/{name}.png",
        )
        for first, folder, name in (("CT", "CT", "10"), ("PET", "PET_Y", "179"), ("SPECT", "SPECT_Y", "71"))
    },
}


def row(name: str, image: np.ndarray, ir: np.ndarray, vis: np.ndarray, published: np.ndarray) -> str:
    apart = np.abs(image.astype(float) - published)
    scores = metrics.evaluate(image, ir, vis, protocol="cddfuse")
    cells = [f"{apart.mean():.2f}", f"{np.percentile(apart, 99):.0f}", *(f"{scores[m]:.3f}" for m in metrics.CORE)]
    return f"| {name} | " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clone", type=Path, help="of the authors' repository")
    parser.add_argument("methods", nargs="+", help="NAME or NAME=CHECKPOINT")
    arguments = parser.parse_args()
    fusers = {}
    for method in arguments.methods:
        name, _, checkpoint = method.partition("=")
        fusers[method] = baselines.load(name, checkpoint=Path(checkpoint) if checkpoint else None)
    for pair, files in PAIRS.items():
        ir, vis, published = (reading.read_luminance(arguments.clone / file) for file in files)
        print(f"\n| {pair} | mean | 99 % | " + " | ".join(metrics.CORE) + " |\n|---" + "|---:" * 10 + "|")
        print(row("the authors' picture", published, ir, vis, published))
        print(row("max", np.maximum(ir, vis), ir, vis, published), flush=True)
        for method, fuser in fusers.items():
            if (fuser.card.tasks == ("mif",)) == pair.startswith("MSRS"):
                continue
            print(row(method, saving.quantise(fuser.fuse(ir, vis)), ir, vis, published), flush=True)


if __name__ == "__main__":
    main()
