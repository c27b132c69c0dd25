"""SAGE: a small U-shaped network, distilled from one that was guided by Segment Anything.

G. Wu et al., "Every SAM Drop Counts: Embracing Semantic Priors for Multi-Modality Image Fusion and Beyond", CVPR 2025.
The authors publish the sub-network, which alone fuses.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import MethodCard, NetworkFuser, load_state
from .blocks import load

DIM = 32


def layer(inputs: int, outputs: int, size: int = 3) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, size, padding=size // 2), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.01)]


def stage(inputs: int) -> nn.Sequential:
    return nn.Sequential(*layer(inputs, DIM), *layer(DIM, DIM), *layer(DIM, DIM))


def enlarged(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)


class Network(nn.Module):
    """ir, vis (B, 1, H, W) in [0, 1] to (B, 1, H, W) in (-1, 1)."""

    def __init__(self):
        super().__init__()
        self.module1 = stage(2)
        self.module2 = stage(DIM)
        self.module3 = stage(DIM)
        self.adjust_channels4 = nn.Sequential(*layer(2 * DIM, DIM, size=1))
        self.module4 = stage(DIM)
        self.adjust_channels5 = nn.Sequential(*layer(2 * DIM, DIM, size=1))
        self.module5 = stage(DIM)
        self.final_decoder = nn.Sequential(nn.Conv2d(DIM, 1, 3, padding=1), nn.Tanh())

    def forward(self, ir: Tensor, vis: Tensor) -> Tensor:
        full = self.module1(torch.cat((vis, ir), dim=1))
        half = self.module2(F.max_pool2d(full, 2))
        quarter = self.module3(F.max_pool2d(half, 2))
        half = self.module4(self.adjust_channels4(torch.cat((enlarged(quarter, half), half), dim=1)))
        full = self.module5(self.adjust_channels5(torch.cat((enlarged(half, full), full), dim=1)))
        return self.final_decoder(full)


class SAGE(NetworkFuser):
    card = MethodCard(
        name="sage",
        title="SAGE",
        family="learned",
        year=2025,
        citation="G. Wu et al., Every SAM Drop Counts: Embracing Semantic Priors for Multi-Modality Image Fusion and "
        "Beyond, CVPR 2025, pp. 17882-17891",
        licence="MIT",
        weights_licence="MIT, with the code",
        link="https://github.com/RollingPlain/SAGE_IVIF/tree/377fdbef6b8b6ccbd1139358ad66bb41ea084dc1",
        tasks=("ivf",),
        trained_on="FMB",
        parameters=135_617,
        flops=39_970_406_400,
        output_convention="tanh, clipped to [0, 1]",
        agreement="authors' network on two real crops: within 1e-6 of scale; luminance of two "
        "pictures in their repository: 0.3 grey levels",
        checkpoints={"checkpoints.pt": "ecfde477ca4cd65401f207d5dc91ce6c475a49891d768dbdb7a66366255ee836"},
    )
    reach, align = 40, 4

    def build(self, checkpoint):
        return load(Network(), load_state(checkpoint)).to(memory_format=torch.channels_last)
