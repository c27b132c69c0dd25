"""YDTR: one branch of dynamic features and a transformer for each image, one more on their sum.

W. Tang, F. He and Y. Liu, "YDTR: Infrared and visible image fusion via Y-shape dynamic transformer", IEEE Transactions
on Multimedia 25, 2023. The three branches share their weights.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .base import MethodCard, NetworkFuser, load_state
from .blocks import ConvNormReLU, PixelTransformer, load

DIM = 64


class DynamicFeatures(nn.Module):
    """Features weighted by pixel (`where`) plus features weighted by channel (`which`)."""

    def __init__(self):
        super().__init__()
        self.where = nn.Sequential(nn.Conv2d(DIM, DIM // 8, 3, padding=1), nn.Conv2d(DIM // 8, 1, 3, padding=1))
        self.which = nn.Sequential(nn.Conv2d(DIM, 8, 1), nn.ReLU(), nn.Conv2d(8, DIM, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x * (self.where(x) + self.which(x.mean(dim=(2, 3), keepdim=True)))


class Network(nn.Module):
    """ir, vis (B, 1, H, W) in [0, 1] to (B, 1, H, W) in (-1, 1)."""

    def __init__(self):
        super().__init__()
        self.convInput = ConvNormReLU(1, DIM)
        self.dynamic = DynamicFeatures()
        self.transformer = PixelTransformer(DIM, depth=2)
        self.convolutional_out = nn.Conv2d(DIM, 1, 1)
        # In the file, and never applied.
        self.conv64 = ConvNormReLU(DIM, DIM)
        self.conv = ConvNormReLU(2 * DIM, DIM)
        self.patch_norm = nn.LayerNorm(96)

    def forward(self, ir: Tensor, vis: Tensor) -> Tensor:
        ir, vis = (self.transformer(self.dynamic(self.convInput(image))) for image in (ir, vis))
        return torch.tanh(self.convolutional_out(self.transformer(self.dynamic(ir + vis))))


class YDTR(NetworkFuser):
    card = MethodCard(
        name="ydtr",
        title="YDTR",
        family="learned",
        year=2023,
        citation="W. Tang, F. He and Y. Liu, YDTR: Infrared and visible image fusion via Y-shape dynamic transformer, "
        "IEEE Transactions on Multimedia 25, 2023, pp. 5413-5428",
        licence="none stated by the authors",
        weights_licence="none stated by the authors",
        link="https://github.com/tthinking/YDTR/tree/b1f01b4ba7b2f40e4fcaec620f29640960db7e98",
        tasks=("ivf",),
        trained_on="not stated in the authors' repository",
        parameters=217_770,
        flops=160_368_236_544,
        output_convention="tanh; the authors do not clip, so that negative values wrap around; here they become 0",
        truncate=True,
        agreement="authors' network on two real crops: within 2e-6 of scale; the image in the authors' repository: "
        "mean difference 0.004 grey levels, none above 1",
        notes="111,168 of the parameters are in the file and never applied; 16,656 more, of attention in windows of "
        "one pixel, have no influence",
        checkpoints={"model_10.pth": "183c31a103ada74063e644b300d6708ed567dcc231a9d0f8d52e098c6c2a0d32"},
    )
    whole = "its attention averages the whole image"

    def build(self, checkpoint):
        names = {
            "DDF.spatial_branch.body.": "dynamic.where.",
            "DDF.channel_branch.fc.": "dynamic.which.",
            "basicLayer.": "transformer.",
            "convolutional_out.conv.": "convolutional_out.",
            "patch_embed.norm.": "patch_norm.",
        }
        return load(Network(), load_state(checkpoint), names)
