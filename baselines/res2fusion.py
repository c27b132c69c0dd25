"""Res2Fusion: Res2Net features of each image, weighted by attention over channels and over pixels.

Z. Wang, Y. Wu, J. Wang, J. Xu and W. Shao, "Res2Fusion: Infrared and Visible Image Fusion Based on Dense Res2net and
Double Nonlocal Attention Models", IEEE Transactions on Instrumentation and Measurement 71, 2022. The network works on
grey levels from 0 to 255.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import MethodCard, NetworkFuser, load_state, stretched
from .blocks import load, reflect_conv

POOL = 8  # side of the squares that pixels attend to; pixels left over at the right and below are not attended to
TINY = 1e-10


class Res2Block(nn.Module):
    """Three 3x3 convolutions of a quarter of the channels each, every one of them seeing the one before."""

    def __init__(self, inputs: int, outputs: int, width: int):
        super().__init__()
        self.width = width
        self.conv1 = nn.Conv2d(inputs, 4 * width, 1)
        self.convs = nn.ModuleList(reflect_conv(width, width) for _ in range(3))
        self.conv2 = nn.Conv2d(4 * width, outputs, 1)
        self.conv3 = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        *parts, last = F.relu(self.conv1(x)).split(self.width, dim=1)
        done = []
        for layer, part in zip(self.convs, parts):
            done.append(F.relu(layer(done[-1] + part if done else part)))
        return F.relu(self.conv2(torch.cat((*done, last), dim=1)) + self.conv3(x))


def temperature(smallest: float, largest: float) -> float:
    """The factor that stretches energies to a range of 1; the shift to 0..1 does not change a softmax."""
    return 1 / (largest - smallest) if largest > smallest else 0.0


def extremes(pixels: Tensor, squares: Tensor) -> tuple[float, float]:
    """The smallest and the largest product of a row of `pixels` (N, C) with one of `squares` (n, C), none negative.

    Bounds tell which rows can hold them, |p| max|s| from above and p . min(s) from below, so that few products are
    computed.
    """
    above = pixels.norm(dim=1) * squares.norm(dim=1).max()
    below = pixels @ squares.amin(dim=0)
    rows = max(1, (1 << 20) // len(squares))
    largest, smallest = -1.0, float("inf")
    for part in above.argsort(descending=True).split(rows):
        if above[part[0]] <= largest:
            break
        largest = max(largest, float((pixels[part] @ squares.T).max()))
    for part in below.argsort().split(rows):
        if below[part[0]] >= smallest:
            break
        smallest = min(smallest, float((pixels[part] @ squares.T).min()))
    return smallest, largest


def pixel_attention(x: Tensor) -> Tensor:
    """Add to each pixel of (1, C, H, W) what it finds in the means of all squares."""
    pixels = x.permute(0, 2, 3, 1).flatten(1, 2)
    squares = F.avg_pool2d(x, POOL).flatten(2).transpose(1, 2).contiguous()
    scale = temperature(*extremes(pixels[0], squares[0]))
    found = F.scaled_dot_product_attention(pixels[:, None], squares[:, None], squares[:, None], scale=scale)
    return x + found[:, 0].unflatten(1, x.shape[2:]).permute(0, 3, 1, 2)


def channel_attention(x: Tensor) -> Tensor:
    """Add to each channel of (1, C, H, W) what it finds in all channels."""
    channels = x.flatten(2)
    energy = channels @ channels.transpose(1, 2)
    weights = (energy * temperature(float(energy.min()), float(energy.max()))).softmax(dim=-1)
    return x + (weights @ channels).view_as(x)


def weighted(a: Tensor, b: Tensor, of_a: Tensor, of_b: Tensor) -> Tensor:
    return (of_a * a + of_b * b) / (of_a + of_b + TINY)


def fuse_features(a: Tensor, b: Tensor) -> Tensor:
    by_channels = weighted(a, b, channel_attention(a), channel_attention(b))
    return (by_channels + weighted(a, b, pixel_attention(a), pixel_attention(b))) / 2


class Network(nn.Module):
    """ir, vis (B, 1, H, W) of grey levels to the fused grey levels, not negative."""

    def __init__(self):
        super().__init__()
        self.first = reflect_conv(1, 16)
        self.RB1 = Res2Block(16, 32, width=4)
        self.RB2 = Res2Block(48, 64, width=8)
        self.conv1 = reflect_conv(112, 64)
        self.conv2 = reflect_conv(64, 32)
        self.conv3 = reflect_conv(32, 16)
        self.conv4 = reflect_conv(16, 1)

    def encode(self, x: Tensor) -> Tensor:
        x = F.relu(self.first(x))
        for block in (self.RB1, self.RB2):
            x = torch.cat((x, block(x)), dim=1)
        return x

    def forward(self, ir: Tensor, vis: Tensor) -> Tensor:
        features = zip(self.encode(ir).split(1), self.encode(vis).split(1))  # attention takes its range from one image
        x = torch.cat([fuse_features(a, b) for a, b in features])
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4):
            x = F.relu(layer(x))
        return x


class Res2Fusion(NetworkFuser):
    card = MethodCard(
        name="res2fusion",
        title="Res2Fusion",
        family="learned",
        year=2022,
        citation="Z. Wang et al., Res2Fusion: Infrared and Visible Image Fusion Based on Dense Res2net and Double "
        "Nonlocal Attention Models, IEEE Transactions on Instrumentation and Measurement 71, 2022",
        licence="none stated by the authors",
        weights_licence="none stated by the authors",
        link="https://github.com/Zhishe-Wang/Res2Fusion/tree/bfa461dc4a621bc3f2ed500834c080677acd5e5a",
        tasks=("ivf",),
        trained_on="MS COCO",
        parameters=98_341,
        flops=1_418_497_228_800,
        input_convention="luminance in [0, 255]; strategy 'atten'",
        output_convention="grey levels / 255, not negative; the authors clip at 255",
        stretch=True,
        agreement="authors' network on two real crops: within 2e-6 of scale",
        checkpoints={"Final_epoch_4_1e2.model": "00bb0bb80dc2660efa8f06173e4e34830b8a2a5ac92c5da5875a70db93011b75"},
        notes="checkpoint: models/1e2 of the authors' repository, whose test script names models/1e3. Nine "
        "tenths of the FLOPs are the attention of each pixel to all squares, quadratic in the image's size. At 240x320 "
        "and on one thread, 0.4 of the CPU time of the authors' code and of its memory; at 480x640 each of their "
        "attention matrices would take 6 GB",
    )
    whole = "its pixels attend to the whole image"

    def build(self, checkpoint):
        names = {"encoder_conv.0.": "first.", ".conv2d.": "."}
        return load(Network(), load_state(checkpoint), names).to(memory_format=torch.channels_last)

    def forward(self, ir, vis):
        return self.network(255 * ir, 255 * vis) / 255

    def as_saved(self, fused, colour):
        return stretched(fused.clip(0, 1))
