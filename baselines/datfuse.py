"""DATFuse: residual features under channel and spatial attention, before and after a transformer.

W. Tang et al., "DATFuse: Infrared and visible image fusion via dual attention transformer", IEEE Transactions on
Circuits and Systems for Video Technology 33(7), 2023. Both layers of the residual features share one convolution and
one normalisation, and the network uses the features twice.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .base import MethodCard, NetworkFuser, load_state
from .blocks import ConvNormReLU, PixelTransformer, load

DIM = 16


class Residual(ConvNormReLU):
    """The same convolution and normalisation twice, a ReLU between them."""

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(super().forward(x)))


class Network(nn.Module):
    """ir, vis (B, 1, H, W) in [0, 1] to (B, 1, H, W) in (-1, 1)."""

    def __init__(self):
        super().__init__()
        self.convolutional = ConvNormReLU(2, DIM, size=5)
        self.fem = Residual(DIM, DIM)
        self.channel = nn.Sequential(nn.Conv2d(DIM, DIM // 4, 1), nn.ReLU(), nn.Conv2d(DIM // 4, DIM, 1), nn.Sigmoid())
        self.spatial = nn.Sequential(
            nn.Conv2d(DIM, DIM // 4, 3, padding=1),
            nn.BatchNorm2d(DIM // 4),
            nn.ReLU(),
            nn.Conv2d(DIM // 4, 1, 3, padding=1),
            nn.BatchNorm2d(1),
            nn.Sigmoid(),
        )
        self.transformer = PixelTransformer(DIM, depth=2)
        self.convolutional_out = nn.Conv2d(DIM, 1, 1)
        self.patch_norm = nn.LayerNorm(96)  # in the file, and never applied

    def attend(self, x: Tensor) -> Tensor:
        return x * (self.channel(x.mean(dim=(2, 3), keepdim=True)) + self.spatial(x))

    def forward(self, ir: Tensor, vis: Tensor) -> Tensor:
        x = self.convolutional(torch.cat((ir, vis), dim=1))
        x = self.fem(self.transformer(torch.relu(self.attend(self.fem(x)) + x)))
        return torch.tanh(self.convolutional_out(self.attend(x) + x))


class DATFuse(NetworkFuser):
    card = MethodCard(
        name="datfuse",
        title="DATFuse",
        family="learned",
        year=2023,
        citation="W. Tang et al., DATFuse: Infrared and visible image fusion via dual attention transformer, IEEE "
        "Transactions on Circuits and Systems for Video Technology 33(7), 2023, pp. 3159-3172",
        licence="none stated by the authors",
        weights_licence="none stated by the authors",
        link="https://github.com/tthinking/DATFuse/tree/0cd93f15fb5552c7aef79b7be56726c863d6c5ba",
        tasks=("ivf",),
        trained_on="not stated in the authors' repository",
        parameters=10_760,
        flops=10_061_414_912,
        output_convention="tanh; the authors do not clip, so that negative values wrap around; here they become 0",
        truncate=True,
        agreement="authors' network on two real crops: within 1e-6 of scale; two images in the authors' repository: "
        "mean difference 0.0005 grey levels, none above 1",
        notes="192 of the parameters are in the file and never applied; 1,104 more, of attention in windows of "
        "one pixel, have no influence",
        checkpoints={"model_10.pth": "075b636954cbd425fc29be808bcfb42232e29b203f054c2a637ed301300d5a1d"},
    )
    whole = "its attention averages the whole image"

    def build(self, checkpoint):
        names = {
            "cam.fc.": "channel.",
            "sam.body.": "spatial.",
            "basicLayer.": "transformer.",
            "convolutional_out.conv.": "convolutional_out.",
            "patch_embed.norm.": "patch_norm.",
        }
        return load(Network(), load_state(checkpoint), names)
