"""Building blocks that several networks share, and loading of their authors' files."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ROWS = 4096  # of a chunk, which then stays in the cache


def load(network: nn.Module, state: dict, names: dict[str, str] | None = None) -> nn.Module:
    """Load `state` strictly. names: part of a name in the file -> its name here; replaced in order."""
    renamed = {}
    for name, value in state.items():
        for old, new in (names or {}).items():
            name = name.replace(old, new)
        renamed[name] = value
    network.load_state_dict(renamed)
    return network


def reflect_conv(inputs: int, outputs: int, size: int = 3) -> nn.Conv2d:
    """A convolution that keeps the size, on an image mirrored at its border."""
    return nn.Conv2d(inputs, outputs, size, padding=size // 2, padding_mode="reflect")


class ConvNormReLU(nn.Module):
    """A convolution that keeps the size, on an image whose border is repeated; batch normalisation; ReLU."""

    def __init__(self, inputs: int, outputs: int, size: int = 3, bias: bool = True):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, padding=size // 2, padding_mode="replicate", bias=bias)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class PixelAttention(nn.Module):
    """Swin window attention in windows of one pixel: the softmax over one element is 1, so the output is the projected
    values. Queries, keys and position biases, which the checkpoints hold, have no influence and are not computed."""

    def __init__(self, dim: int, heads: int = 8):
        super().__init__()
        self.relative_position_bias_table = nn.Parameter(torch.zeros(1, heads))
        self.register_buffer("relative_position_index", torch.zeros(1, 1, dtype=torch.long))
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        values = slice(2 * x.shape[-1], None)
        return self.proj(F.linear(x, self.qkv.weight[values], self.qkv.bias[values]))


class Perceptron(nn.Module):
    def __init__(self, dim: int, ratio: int = 4):
        super().__init__()
        self.fc1 = nn.Linear(dim, ratio * dim)
        self.fc2 = nn.Linear(ratio * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class PixelTransformerBlock(nn.Module):
    """A Swin transformer block with windows of one pixel, as W. Tang's networks (YDTR, DATFuse, ITFuse, MATR) have it.

    Their code views (B, C, H, W) as (B, H, W, C) without permuting: a token is C neighbours of one channel in memory,
    not the C channels of one pixel. Their weights were trained that way.
    """

    def __init__(self, dim: int):
        super().__init__()
        self.dim = dim
        self.norm1 = nn.LayerNorm(dim)
        self.attn = PixelAttention(dim)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = Perceptron(dim)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.contiguous().view(-1, self.dim)
        result = torch.empty_like(tokens)
        rows = ROWS if x.device.type == "cpu" else len(tokens)
        for part, out in zip(tokens.split(rows), result.split(rows)):
            part = part + self.attn(self.norm1(part))
            torch.add(part, self.mlp(self.norm2(part)), out=out)
        return result.view(x.shape)


class PixelTransformer(nn.Module):
    def __init__(self, dim: int, depth: int):
        super().__init__()
        self.blocks = nn.Sequential(*(PixelTransformerBlock(dim) for _ in range(depth)))

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(x)
