"""MFEIF: features at three dilations, weighted by an attention that follows edges.

J. Liu, X. Fan, J. Jiang, R. Liu and Z. Luo, "Learning a Deep Multi-Scale Feature Ensemble and an Edge-Attention
Guidance for Image Fusion", IEEE Transactions on Circuits and Systems for Video Technology 32(1), 2022. The three parts
are separate state dicts in the authors' file.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import MethodCard, NetworkFuser, load_state
from .blocks import load

SHARES = 0.1, 0.1, 1.0  # of the three dilations in the deepest features


class Block(nn.Module):
    """Convolution that keeps the size, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, dilation: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class Extractor(nn.Module):
    """(B, 1, H, W) to the deepest features (B, 64, H, W) and to the sums of the middle (48) and first (32) ones."""

    def __init__(self):
        super().__init__()
        self.conv_1 = Block(1, 16)
        for branch, dilation in zip("abc", (1, 2, 3)):
            self.add_module(f"conv_{branch}1", Block(16, 32, dilation))
            self.add_module(f"conv_{branch}2", Block(32, 48))
            self.add_module(f"conv_{branch}3", Block(48, 64))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.conv_1(x)
        deep = middle = first = 0
        for branch, share in zip("abc", SHARES):
            one = self.get_submodule(f"conv_{branch}1")(x)
            two = self.get_submodule(f"conv_{branch}2")(one)
            deep = deep + share * self.get_submodule(f"conv_{branch}3")(two)
            middle, first = middle + two, first + one
        return deep, middle, first


class Pair(nn.Module):
    """Two convolutions, the second one dilated, with a ReLU between them."""

    def __init__(self, inputs: int, hidden: int, outputs: int):
        super().__init__()
        self.conv_1 = nn.Conv2d(inputs, hidden, 3, padding=1)
        self.conv_2 = nn.Conv2d(hidden, outputs, 3, padding=2, dilation=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_2(F.relu(self.conv_1(x)))


def edges(x: Tensor) -> Tensor:
    """The largest gradient magnitude in each 3x3 window: central differences, the border repeated."""
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
    dx = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    dy = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    return F.max_pool2d(torch.sqrt(dx**2 + dy**2), 3, stride=1, padding=1)


class Attention(nn.Module):
    """(B, 1, H, W) to a weight for each pixel; the layers follow one another without activations between them."""

    def __init__(self):
        super().__init__()
        self.conv_1 = Pair(1, 32, 32)
        self.conv_2 = Pair(32, 64, 128)
        self.conv_3 = Pair(128, 64, 32)
        self.conv_4 = nn.Conv2d(32, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_4(self.conv_3(self.conv_2(self.conv_1(x + edges(x)))))


class Constructor(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_1 = Block(64, 16)
        self.conv_2 = Block(64, 32)
        self.conv_3 = Block(64, 16)
        self.conv_4 = Block(16, 1)

    def forward(self, deep: Tensor, middle: Tensor, first: Tensor) -> Tensor:
        x = self.conv_2(torch.cat((self.conv_1(deep), middle), dim=1))
        return self.conv_4(self.conv_3(torch.cat((x, first), dim=1)))


class Network(nn.Module):
    """ir, vis (B, 1, H, W) in [0, 1] to (B, 1, H, W), not negative."""

    def __init__(self):
        super().__init__()
        self.ext = Extractor()
        self.att = Attention()
        self.con = Constructor()

    def forward(self, ir: Tensor, vis: Tensor) -> Tensor:
        ir_deep, *ir_features = self.ext(ir)
        vis_deep, *vis_features = self.ext(vis)
        deep = torch.softmax(ir_deep * self.att(ir) + vis_deep * self.att(vis), dim=1)
        features = ((a + b + torch.minimum(a, b)) / 3 for a, b in zip(ir_features, vis_features))
        return self.con(deep, *features)


class MFEIF(NetworkFuser):
    card = MethodCard(
        name="mfeif",
        title="MFEIF",
        family="learned",
        year=2022,
        citation="J. Liu et al., Learning a Deep Multi-Scale Feature Ensemble and an Edge-Attention Guidance for Image "
        "Fusion, IEEE Transactions on Circuits and Systems for Video Technology 32(1), 2022, pp. 105-119",
        licence="none stated by the authors",
        weights_licence="none stated by the authors",
        link="https://github.com/JinyuanLiu-CV/MFEIF/tree/07906adf34beb3de396aaf76a858a16887d547a4",
        tasks=("ivf",),
        trained_on="MS COCO",
        parameters=371_140,
        flops=430_994_227_200,
        output_convention="not negative, no upper bound; clipped to [0, 1]",
        agreement="authors' network on two real crops: within 1e-6 of scale",
        checkpoints={"default.pth": "de730170d4e7c794c476bdf1ace00b3f949ce12fe332dec4d83aa0a961d809b6"},
    )
    reach = 15

    def build(self, checkpoint):
        state = {f"{part}.{name}": x for part, values in load_state(checkpoint).items() for name, x in values.items()}
        return load(Network(), state).to(memory_format=torch.channels_last)
