"""TarDAL: a dense generator, trained against two discriminators, of targets and of details.

J. Liu et al., "Target-aware dual adversarial learning and a multi-scenario multi-modality benchmark to fuse infrared
and visible for object detection", CVPR 2022. Two checkpoints of one network: the one that is trained to fuse, and
"++", which is trained together with a detector and gives pictures for it.

By the authors' instructions, the first runs with its batch normalisations in training mode: each image is normalised by
its own statistics. With the stored ones, as VIF-Benchmark and others run it, warm targets turn dark.
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import MethodCard, NetworkFuser, load_state
from .blocks import load


class Norm(nn.BatchNorm2d):
    """Batch normalisation, by the statistics of each image unless `stored`."""

    stored = False

    def forward(self, x: Tensor) -> Tensor:
        if self.stored:
            return super().forward(x)
        scale = {"weight": self.weight, "bias": self.bias, "eps": self.eps}
        return torch.cat([F.batch_norm(image[None], None, None, training=True, **scale) for image in x])


def conv_norm_relu(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), Norm(outputs), nn.ReLU())


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

    def use_stored_statistics(self) -> Network:
        for module in self.modules():
            if isinstance(module, Norm):
                module.stored = True
        return self

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
        licence="GPL-3.0 (since the authors' version 1.0)",
        weights_licence="none stated by the authors; VIF-Benchmark, which holds the same files, is under MIT",
        link="https://github.com/JinyuanLiu-CV/TarDAL/tree/7b47244ed8966adcc91f6d09d2255be9ad882778",
        tasks=("ivf",),
        trained_on="not stated in the authors' repository",
        parameters=296_577,
        flops=181_724_774_400,
        output_convention="tanh; the authors clip to [0, 1]",
        truncate=True,
        agreement="with stored statistics, authors' network on two real crops: within 2e-6 of scale; the authors "
        "publish no image to compare with",
        checkpoints={"tardal.pt": "e0fa61e25cffa9fb14ff17b47ea7ba237a6e8c6f37e1b9b115d63354ff0f13e1"},
        notes="normalised by the statistics of each image, as the authors' instructions for this checkpoint have it",
    )
    whole = "it normalises by the statistics of the whole image"

    def build(self, checkpoint):
        return load(Network(), load_state(checkpoint)).to(memory_format=torch.channels_last)


class TarDALPlusPlus(TarDAL):
    card = replace(
        TarDAL.card,
        name="tardal-plusplus",
        title="TarDAL++",
        weights_folder="tardal",
        checkpoints={"tardal++.pt": "7009d125e36db043d6918d9358e10c6dca7fdf2dd08ada09c5ecd294f45f98c5"},
        notes="normalised by stored statistics; made for a detector, its pictures are like edge maps",
    )

    reach = 8

    def build(self, checkpoint):
        return super().build(checkpoint).use_stored_statistics()
