"""What parts of MambaDFuse change in a short training: the table of docs/training.md.

    python -m studies.ablation --data-root DATA --steps 100 --seed 0

Every variant is trained from random weights with the same seed, crops and recipe (`ivf` of MambaDFuse, with the
steps, batch and crop given here), and validated on the same held-out crops. Runs this short tell how fast a variant
learns, not how good it gets; differences that another seed would turn around mean nothing.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
import yaml
from torch import nn

import metrics
from baselines import tasks
from baselines.mambadfuse import MambaDFuse as Fuser
from baselines.mambadfuse.network import DEPTH, DIM, MambaDFuse, Norm, as_image, as_tokens
from benchmark.progress import Progress
from benchmark.training.crops import read, split_off_validation
from benchmark.training.loop import Run
from benchmark.training.validation import validate


def without_exchange() -> MambaDFuse:
    """Each image keeps its own channels."""
    network = MambaDFuse()
    for block in (network.channel_exchange1, network.channel_exchange2):
        block.even.zero_()
    return network


class ConvolutionBlock(nn.Module):
    """A 3x3 convolution in the place of a Mamba mixer, with about as many parameters (32,460 for 29,160)."""

    def __init__(self, dim: int = DIM):
        super().__init__()
        self.norm, self.conv = Norm(dim), nn.Conv2d(dim, dim, 3, padding=1)

    def forward(self, hidden, residual, size):
        residual = hidden if residual is None else hidden + residual
        return as_tokens(nn.functional.silu(self.conv(as_image(self.norm(residual), size)))), residual


class ConvolutionExtractor(MambaDFuse):
    """Plain convolutions extract the high-level features of both images."""

    def __init__(self):
        super().__init__()
        self.high_level_feature_extraction1 = nn.ModuleList(ConvolutionBlock() for _ in range(DEPTH))
        self.high_level_feature_extraction2 = nn.ModuleList(ConvolutionBlock() for _ in range(DEPTH))

    def encode(self, ir, vis):
        features = []
        extractors = (self.high_level_feature_extraction1, self.high_level_feature_extraction2)
        for image, blocks in zip((ir, vis), extractors):
            hidden, residual = self._low_level(image), None
            for block in blocks:
                hidden, residual = block(hidden, residual, image.shape[2:])
            features.append((hidden, residual))
        return features


VARIANTS = {
    "as the authors' code": MambaDFuse,
    "M3 gating of the paper": lambda: MambaDFuse("paper"),
    "no channel exchange": without_exchange,
    "convolutions in the extractor": ConvolutionExtractor,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", required=True)
    parser.add_argument("--dataset", default="roadscene")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--crop", type=int, default=48)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    arguments = parser.parse_args()

    settings = yaml.safe_load(tasks.recipes("mambadfuse")["ivf"].read_text())
    settings |= {"steps": arguments.steps, "batch": arguments.batch, "crop": arguments.crop}
    recipe = tasks.Recipe.of(settings)
    sources = [read(arguments.dataset, recipe, root=arguments.data_root)]
    crops, held_out = split_off_validation(sources)
    print("| variant | parameters | loss | " + " | ".join(metrics.CORE) + " |")
    print("|---|---:|---:|" + "---:|" * len(metrics.CORE))
    for name, build in VARIANTS.items():
        task = replace(tasks.find("mambadfuse"), build=build)
        with tempfile.TemporaryDirectory() as folder, Progress().bar(name, recipe.steps, "step") as advance:
            run = Run(
                task, recipe, "ablation", Path(folder), arguments.seed, "cpu", {"data": arguments.dataset},
                precision=arguments.precision,
            )  # fmt: skip
            losses = []
            for _ in range(recipe.steps):
                losses.append(run.train_step(crops)["loss"])
                advance()
            scores = validate(run.averaged(), Fuser, held_out, run.device).scores
        parameters = sum(p.numel() for p in run.network.parameters())
        last = torch.tensor(losses[-max(1, len(losses) // 5) :]).mean().item()
        values = " | ".join(f"{scores[metric]:.3f}" for metric in metrics.CORE)
        print(f"| {name} | {parameters:,} | {last:.3f} | {values} |", flush=True)


if __name__ == "__main__":
    main()
