"""What a training loss asks for: images that minimise it directly, pixel by pixel, scored. A table of docs/training.md.

    python -m studies.loss_optima --data-root DATA

Pairs are evenly spaced ones of the training lists, centre crops of 192x256. Each fused image starts as the average and
takes 120 steps of Adam, from 0.02 linearly down. A network can come near such an image at best, so that a loss whose
minimum scores badly cannot train a good one; the reverse does not follow.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch

import metrics
from baselines.cddfuse.losses import image_loss
from baselines.mambadfuse.losses import fusion_loss
from benchmark import datasets

STEPS, RATE, HEIGHT, WIDTH = 120, 0.02, 192, 256
SETS = {
    "ivf": ("roadscene", "tno", "llvip"),
    "mif": ("harvard_ct_mri", "harvard_pet_mri", "harvard_spect_mri"),
}
SPLITS = {"llvip": "sample44"}


def mambadfuse(**weights):
    return lambda fused, ir, vis: fusion_loss(fused, ir, vis, **weights)[0]


def cddfuse(**weights):
    """CDDFuse's loss without the decomposition, which images alone do not have."""
    return lambda fused, ir, vis: image_loss(fused, ir, vis, **weights)[0]


def with_scd(weight: float):
    """Our loss and a term on a metric that is scored, to compare with; no recipe has it."""

    def loss(fused, ir, vis):
        return fusion_loss(fused, ir, vis, stronger=20)[0] + weight * (2 - _scd(fused, ir, vis))

    return loss


def _scd(fused, ir, vis):
    return sum(
        torch.corrcoef(torch.stack([(fused - a).flatten(), b.flatten()]))[0, 1] for a, b in ((vis, ir), (ir, vis))
    )


LOSSES = {
    "ivf": {
        "MambaDFuse, authors: 20/20/10": mambadfuse(),
        "MambaDFuse, direction too": mambadfuse(stronger=20),
        "the same and 2 (2 - SCD)": with_scd(2),
        "MambaDFuse, tuned: summed contrast too": mambadfuse(stronger=20, summed=0.4, gain=1.1),
        "CDDFuse, authors: 1/10": cddfuse(),
        "CDDFuse, direction too: 1/10": cddfuse(stronger=10),
        "CDDFuse, ours: 5/10, SSIM 2": cddfuse(intensity=5, stronger=10, ssim=2),
    },
    "mif": {
        "MambaDFuse, authors: 20/100/50": mambadfuse(gradient=100, ssim=50, ssim_share=0.5),
        "the same, direction too": mambadfuse(stronger=100, ssim=50, ssim_share=0.5),
        "ours: 20/20/10, direction too": mambadfuse(stronger=20, ssim_share=0.5),
    },
}


def minimise(loss, ir: np.ndarray, vis: np.ndarray) -> np.ndarray:
    a, b = (torch.from_numpy(x)[None, None].float() / 255 for x in (ir, vis))
    fused = ((a + b) / 2).requires_grad_()
    optimizer = torch.optim.Adam([fused])
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = RATE * (1 - step / STEPS)
        optimizer.zero_grad()
        loss(fused, a, b).backward()
        optimizer.step()
    return fused.detach()[0, 0].clamp(0, 1).mul(255).round().byte().numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", required=True)
    parser.add_argument("--pairs", type=int, default=2, help="of each data set")
    parser.add_argument("--task", choices=sorted(SETS), default="ivf")
    arguments = parser.parse_args()
    crops = []
    for name in SETS[arguments.task]:
        pairs = datasets.get(name).pairs(SPLITS.get(name, "train"), arguments.data_root)
        for index in np.linspace(0, len(pairs) - 1, arguments.pairs + 2)[1:-1].round().astype(int):
            images = pairs[index].load()
            top, left = (max(0, (n - m) // 2) for n, m in zip(images.ir.shape, (HEIGHT, WIDTH)))
            crops.append([np.ascontiguousarray(x[top:, left:][:HEIGHT, :WIDTH]) for x in (images.ir, images.vis)])
    print(f"{len(crops)} crops\n\n| loss | " + " | ".join(metrics.CORE) + " |")
    print("|---|" + "---:|" * len(metrics.CORE))
    for name, loss in LOSSES[arguments.task].items():
        scores = [metrics.evaluate(minimise(loss, *crop), *crop, protocol="cddfuse") for crop in crops]
        means = {metric: np.mean([row[metric] for row in scores]) for metric in metrics.CORE}
        print(f"| {name} | " + " | ".join(f"{means[metric]:.3f}" for metric in metrics.CORE) + " |", flush=True)


if __name__ == "__main__":
    main()
