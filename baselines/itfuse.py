"""ITFuse: features of each image and of both together inform each other in three rounds; then a transformer.

W. Tang, F. He and Y. Liu, "ITFuse: An interactive transformer for infrared and visible image fusion", Pattern
Recognition 156, 2024. Most layers serve in all rounds and for both images.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import MethodCard, NetworkFuser, load_state
from .blocks import ConvNormReLU, Perceptron, PixelTransformer, load

DIM = 16
ROUNDS = 3


class CoordinateAttention(nn.Module):
    """Weights by row and by column, from the means along the other axis (Q. Hou et al., CVPR 2021)."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(DIM, DIM // 4, 1)
        self.bn1 = nn.BatchNorm2d(DIM // 4)
        self.conv_h = nn.Conv2d(DIM // 4, DIM, 1)
        self.conv_w = nn.Conv2d(DIM // 4, DIM, 1)

    def forward(self, x: Tensor) -> Tensor:
        rows, columns = (F.hardswish(self.bn1(self.conv1(x.mean(dim=axis, keepdim=True)))) for axis in (3, 2))
        return x * self.conv_w(columns).sigmoid() * self.conv_h(rows).sigmoid()


class Interaction(nn.Module):
    """A map of weights from keys and queries, for the values that both images have in common."""

    def __init__(self):
        super().__init__()
        self.key_embed = ConvNormReLU(DIM, DIM)
        self.embed = nn.Sequential(
            nn.Conv2d(DIM, DIM // 8, 1, bias=False),
            nn.BatchNorm2d(DIM // 8),
            nn.ReLU(),
            nn.Conv2d(DIM // 8, 1, 1),
            nn.BatchNorm2d(1),
        )
        self.conv1x1 = nn.Sequential(nn.Conv2d(DIM, DIM, 1, bias=False), nn.BatchNorm2d(DIM))
        # In the file, and never applied.
        self.bn = nn.BatchNorm2d(DIM)
        self.se = nn.Sequential(
            nn.Conv2d(DIM, 2 * DIM, 1), nn.BatchNorm2d(2 * DIM), nn.ReLU(), nn.Conv2d(2 * DIM, 2 * DIM, 1)
        )

    def forward(self, values: Tensor, keys_and_queries: Tensor) -> Tensor:
        return self.embed(keys_and_queries) * self.conv1x1(values)


class Network(nn.Module):
    """ir, vis (B, 1, H, W) in [0, 1] to (B, 1, H, W) in (0, 1)."""

    def __init__(self):
        super().__init__()
        self.conv16 = ConvNormReLU(1, DIM)
        self.conv2_16 = ConvNormReLU(2, DIM)
        self.conv16_16 = ConvNormReLU(DIM, DIM)
        self.coordinate = CoordinateAttention()
        self.inform = Interaction()
        self.merge = Interaction()
        self.transformer = PixelTransformer(DIM, depth=3)
        self.convolutional_out = nn.Conv2d(DIM, 1, 1)
        # In the file, and never applied.
        self.norm = nn.LayerNorm(32)
        self.conv1_32 = ConvNormReLU(1, 32)
        self.conv2_32 = ConvNormReLU(2, 32)
        self.conv16_32 = ConvNormReLU(DIM, 32)
        self.conv32 = ConvNormReLU(32, 32)
        self.layer2 = ConvNormReLU(64, 64)
        self.mlp = Perceptron(32)
        self.patch_norm = nn.LayerNorm(96)

    def extract(self, x: Tensor) -> Tensor:
        return x + self.conv16_16(self.conv16_16(x))

    def attend(self, x: Tensor) -> Tensor:
        return x + self.coordinate(self.coordinate(x))

    def interact(self, values: Tensor, own: Tensor, other: Tensor) -> Tensor:
        keys = self.inform.key_embed(other)
        return self.inform(values, own + keys) + keys

    def forward(self, ir: Tensor, vis: Tensor) -> Tensor:
        both, ir, vis = self.conv2_16(torch.cat((ir, vis), dim=1)), self.conv16(ir), self.conv16(vis)
        for index in range(ROUNDS):
            if index:
                both, ir, vis = (self.conv16_16(x) for x in (both, ir, vis))
            both, ir, vis = self.attend(self.conv16_16(both)), self.extract(ir), self.extract(vis)
            ir, vis = self.interact(both, ir, vis), self.interact(both, vis, ir)
        fused = self.attend(self.merge(both, self.merge.key_embed(ir) + self.merge.key_embed(vis)))
        return torch.sigmoid(self.convolutional_out(self.conv16_16(self.transformer(fused))))


class ITFuse(NetworkFuser):
    card = MethodCard(
        name="itfuse",
        title="ITFuse",
        family="learned",
        year=2024,
        citation="W. Tang, F. He and Y. Liu, ITFuse: An interactive transformer for infrared and visible image fusion, "
        "Pattern Recognition 156, 2024, 110822",
        licence="none stated by the authors",
        weights_licence="none stated by the authors",
        link="https://github.com/tthinking/ITFuse/tree/26137effac7b314c4c64fb97f097e398e1dbc2fb",
        tasks=("ivf",),
        trained_on="not stated in the authors' repository",
        parameters=82_487,
        flops=48_799_170_560,
        output_convention="sigmoid",
        truncate=True,
        agreement="authors' network on two real crops: within 1e-6 of scale; the image in the authors' repository: "
        "mean difference 0.002 grey levels, none above 1",
        notes="64,128 of the parameters are in the file and never applied; 1,656 more, of attention in windows of "
        "one pixel, have no influence",
        checkpoints={"model.pth": "578f4d651c998134c4984ae635286557aa96aea99d9d5b9aa610021134113a69"},
    )
    whole = "its attention averages whole rows and columns"

    def build(self, checkpoint):
        names = {
            "CoordAtt.": "coordinate.",
            "TS_lv1.": "inform.",
            "equalAtt.": "merge.",
            "basicLayer.": "transformer.",
            "convolutional_out.conv.": "convolutional_out.",
            "patch_embed.norm.": "patch_norm.",
        }
        return load(Network(), load_state(checkpoint), names)
