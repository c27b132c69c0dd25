"""TarDAL: a dense generator, trained against two discriminators, of targets and of details.

J. Liu et al., "Target-aware dual adversarial learning and a multi-scenario multi-modality benchmark to fuse infrared
and visible for object detection", CVPR 2022. Two checkpoints of one network: the one that is trained to fuse, and
"++", which is trained together with a detector and gives pictures for it.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from .base import MethodCard, NetworkFuser, load_state
from .blocks import load


def conv_norm_relu(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU())


class Network(nn.Module):
    """ir, vis (B, 1, H, W) in [0, 1] to (B, 1, H, W) in (-1, 1)."""

    def __init__(self, dim: int = 32, depth: int = 3):
        super().__init__()
        self.encoder = conv_norm_relu(2, dim)
        self.dense = nn.ModuleList(conv_norm_relu(dim * (i + 1), dim) for i in range(depth))
        self.fuse = nn.Sequential(
            nn.Sequential(nn.Conv2d(dim * (depth + 1), 4 * dim, 3, padding=1), nn.ReLU()),
            conv_norm_relu(4 * dim, 2 * dim),
            conv_norm_relu(2 * dim, dim),
            nn.Sequential(nn.Conv2d(dim, 1, 3, padding=1), nn.Tanh()),
        )

    def forward(self, ir: Tensor, vis: Tensor) -> Tensor:
        x = self.encoder(torch.cat((ir, vis), dim=1))
        for layer in self.dense:
            x = torch.cat((x, layer(x)), dim=1)
        return self.fuse(x)


class TarDAL(NetworkFuser):
    card = MethodCard(
        name="tardal",
        title="TarDAL",
        family="learned",
        year=2022,
        citation="J. Liu et al., Target-aware dual adversarial learning and a multi-scenario multi-modality benchmark "
        "to fuse infrared and visible for object detection, CVPR 2022, pp. 5802-5811",
        licence="GPL-3.0 (https://github.com/JinyuanLiu-CV/TarDAL); MIT in VIF-Benchmark, where the checkpoint is from",
        weights_licence="none stated; VIF-Benchmark, which holds them, is under MIT",
        link="https://github.com/Linfeng-Tang/VIF-Benchmark/tree/23f2e51fc1b084310d998999222ce02dc364b6eb/"
        "Checkpoint/TarDAL",
        trained_on="M3FD",
        parameters=296_577,
        output_convention="tanh; the authors clip to [0, 1]",
        truncate=True,
        checkpoints={"tardal.pt": "e0fa61e25cffa9fb14ff17b47ea7ba237a6e8c6f37e1b9b115d63354ff0f13e1"},
        notes="the authors' script runs the network in half precision",
    )

    def build(self, checkpoint):
        return load(Network(), load_state(checkpoint)).to(memory_format=torch.channels_last)


class TarDALPlusPlus(TarDAL):
    card = replace(
        TarDAL.card,
        name="tardal-plusplus",
        title="TarDAL++",
        weights_folder="tardal",
        checkpoints={"tardal++.pt": "7009d125e36db043d6918d9358e10c6dca7fdf2dd08ada09c5ecd294f45f98c5"},
        notes="trained together with a detector: pictures are like edge maps; " + TarDAL.card.notes,
    )
