"""The CDDFuse network: Restormer encoder, base and detail branches, fusion layers, Restormer decoder.

Zhao et al., "CDDFuse: Correlation-Driven Dual-Branch Feature Decomposition for Multi-Modality Image
Fusion", CVPR 2023. Names of modules and parameters are those of the official checkpoints, so that their
state dicts load key for key. The blocks are those of Restormer (Zamir et al., CVPR 2022; attention over
channels, gated feed-forward) and of coupling networks (Dinh et al., 2017; here with a learned 1x1 mixing in
front of each coupling).

Linear steps are merged where that is exact in real arithmetic; the outputs agree with the unmerged form to
rounding: queries and keys are normalised after their product rather than before, the attention matrix is
merged with the projection that follows it, and in the base branch the 1x1 and the 3x3 convolution in front
of the attention (no bias, no activation between them) act as one 3x3 convolution with a third of the
multiplications.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..base import load_state

DIM = 64
HEADS = 8
PARTS = ("DIDF_Encoder", "DIDF_Decoder", "BaseFuseLayer", "DetailFuseLayer")


def _conv1x1(inputs: int, outputs: int, bias: bool = False) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 1, bias=bias)


def channel_attention(qkv: Tensor, temperature: Tensor, projection: Tensor) -> Tensor:
    """Multi-head attention over channels, with the output projection.

    qkv: (B, 3C, H, W), queries, keys and values; temperature: (heads, 1, 1); projection: (C, C, 1, 1).
    Returns (B, C, H, W). A head sees its own C/heads channels; the softmax runs over them, so the cost is
    linear in pixels.
    """
    batch, channels, height, width = qkv.shape
    heads, dim = len(temperature), channels // 3
    size = dim // heads
    query, key, value = qkv.permute(0, 2, 3, 1).reshape(batch, height * width, channels).chunk(3, dim=-1)
    # One product of all channels with all costs less than `heads` thin ones; the diagonal blocks are the
    # heads'.
    products = (query.mT @ key).view(batch, heads, size, heads, size)
    products = products.diagonal(dim1=1, dim2=3).permute(0, 3, 1, 2)
    query_norm = torch.linalg.vector_norm(query, dim=1).clamp_min(1e-12).view(batch, heads, size, 1)
    key_norm = torch.linalg.vector_norm(key, dim=1).clamp_min(1e-12).view(batch, heads, 1, size)
    attention = (products / query_norm / key_norm * temperature).softmax(dim=-1)
    mixing = torch.einsum("ohc,bhcd->bohd", projection.view(dim, heads, size), attention).reshape(
        batch, dim, dim
    )
    return (value @ mixing.mT).view(batch, height, width, dim).permute(0, 3, 1, 2)


class ChannelNorm(nn.Module):
    """Layer normalisation of each pixel's channels."""

    def __init__(self, dim: int):
        super().__init__()
        self.body = nn.LayerNorm(dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class GatedFeedForward(nn.Module):
    """1x1 expansion to two halves, 3x3 grouped convolution, GELU of one half times the other, 1x1 projection.

    `group_size` channels of the middle layer share a group: 1 in Restormer, 2 in CDDFuse's base branch.
    """

    def __init__(self, dim: int, hidden: int, group_size: int):
        super().__init__()
        self.project_in = _conv1x1(dim, 2 * hidden)
        self.dwconv = nn.Conv2d(
            2 * hidden, 2 * hidden, 3, padding=1, groups=2 * hidden // group_size, bias=False
        )
        self.project_out = _conv1x1(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        gate, x = self.dwconv(self.project_in(x)).chunk(2, dim=1)
        return self.project_out(F.gelu(gate) * x)


class TransposedAttention(nn.Module):
    """Restormer's attention over channels: 1x1, then depthwise 3x3 convolution in front."""

    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv = _conv1x1(dim, 3 * dim)
        self.qkv_dwconv = nn.Conv2d(3 * dim, 3 * dim, 3, padding=1, groups=3 * dim, bias=False)
        self.project_out = _conv1x1(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        return channel_attention(self.qkv_dwconv(self.qkv(x)), self.temperature, self.project_out.weight)


class BaseAttention(nn.Module):
    """The base branch's attention over channels: 1x1, then dense 3x3 convolution in front."""

    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv1 = _conv1x1(dim, 3 * dim)
        self.qkv2 = nn.Conv2d(3 * dim, 3 * dim, 3, padding=1, bias=False)
        self.proj = _conv1x1(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        merged = torch.einsum("omyx,mi->oiyx", self.qkv2.weight, self.qkv1.weight[:, :, 0, 0])
        return channel_attention(F.conv2d(x, merged, padding=1), self.scale, self.proj.weight)


class TransformerBlock(nn.Module):
    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.norm1 = ChannelNorm(dim)
        self.attn = TransposedAttention(dim, heads)
        self.norm2 = ChannelNorm(dim)
        self.ffn = GatedFeedForward(dim, 2 * dim, group_size=1)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.ffn(self.norm2(x))


class BaseFeatureExtraction(nn.Module):
    """Low-frequency, modality-shared features."""

    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.norm1 = ChannelNorm(dim)
        self.attn = BaseAttention(dim, heads)
        self.norm2 = ChannelNorm(dim)
        self.mlp = GatedFeedForward(dim, dim, group_size=2)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class InvertedResidual(nn.Module):
    """1x1 expansion by 2, depthwise 3x3 with reflected borders, 1x1 projection; ReLU6 between."""

    def __init__(self, dim: int):
        super().__init__()
        self.bottleneckBlock = nn.Sequential(
            _conv1x1(dim, 2 * dim),
            nn.ReLU6(inplace=True),
            nn.ReflectionPad2d(1),
            nn.Conv2d(2 * dim, 2 * dim, 3, groups=2 * dim, bias=False),
            nn.ReLU6(inplace=True),
            _conv1x1(2 * dim, dim),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.bottleneckBlock(x)


class DetailNode(nn.Module):
    """1x1 mixing, then an affine coupling of the two halves of the channels."""

    def __init__(self, dim: int):
        super().__init__()
        self.theta_phi = InvertedResidual(dim // 2)
        self.theta_rho = InvertedResidual(dim // 2)
        self.theta_eta = InvertedResidual(dim // 2)
        self.shffleconv = _conv1x1(dim, dim, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.shffleconv(x).chunk(2, dim=1)
        second = second + self.theta_phi(first)
        first = first * torch.exp(self.theta_rho(second)) + self.theta_eta(second)
        return torch.cat((first, second), dim=1)


class DetailFeatureExtraction(nn.Module):
    """High-frequency, modality-specific features."""

    def __init__(self, dim: int, layers: int):
        super().__init__()
        self.net = nn.Sequential(*(DetailNode(dim) for _ in range(layers)))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class PatchEmbedding(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        self.proj = nn.Conv2d(1, dim, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x)


class Encoder(nn.Module):
    """Image (B, 1, H, W) to base and detail features, each (B, 64, H, W)."""

    def __init__(self, dim: int, heads: int, blocks: int):
        super().__init__()
        self.patch_embed = PatchEmbedding(dim)
        self.encoder_level1 = nn.Sequential(*(TransformerBlock(dim, heads) for _ in range(blocks)))
        self.baseFeature = BaseFeatureExtraction(dim, heads)
        self.detailFeature = DetailFeatureExtraction(dim, layers=3)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        shared = self.encoder_level1(self.patch_embed(image))
        return self.baseFeature(shared), self.detailFeature(shared)


class Decoder(nn.Module):
    """Base and detail features to an image in (0, 1): the sigmoid of a residual added to `image`."""

    def __init__(self, dim: int, heads: int, blocks: int):
        super().__init__()
        self.reduce_channel = _conv1x1(2 * dim, dim)
        self.encoder_level2 = nn.Sequential(*(TransformerBlock(dim, heads) for _ in range(blocks)))
        self.output = nn.Sequential(
            nn.Conv2d(dim, dim // 2, 3, padding=1, bias=False),
            nn.LeakyReLU(),
            nn.Conv2d(dim // 2, 1, 3, padding=1, bias=False),
        )

    def forward(self, image: Tensor, base: Tensor, detail: Tensor) -> Tensor:
        features = self.encoder_level2(self.reduce_channel(torch.cat((base, detail), dim=1)))
        return torch.sigmoid(self.output(features) + image)


class CDDFuse(nn.Module):
    """The four parts of an official checkpoint, under their names there. 1,188,272 parameters."""

    def __init__(self):
        super().__init__()
        self.DIDF_Encoder = Encoder(DIM, HEADS, blocks=4)
        self.DIDF_Decoder = Decoder(DIM, HEADS, blocks=4)
        self.BaseFuseLayer = BaseFeatureExtraction(DIM, HEADS)
        self.DetailFuseLayer = DetailFeatureExtraction(DIM, layers=1)

    def encode(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 1, H, W) in [0, 1] to (base, detail), each (B, 64, H, W)."""
        return self.DIDF_Encoder(image)

    def decode(self, image: Tensor, base: Tensor, detail: Tensor) -> Tensor:
        """Features to an image (B, 1, H, W) in (0, 1); `image` is what the residual is added to."""
        return self.DIDF_Decoder(image, base, detail)

    def merge(self, base: Tensor, detail: Tensor) -> tuple[Tensor, Tensor]:
        """Sums of the two modalities' base and detail features to those of the fused image."""
        return self.BaseFuseLayer(base), self.DetailFuseLayer(detail)

    def forward(self, ir: Tensor, vis: Tensor) -> Tensor:
        """ir, vis: (B, 1, H, W) in [0, 1]. Returns the fused image in (0, 1), before the stretch of the
        test script.
        """
        base, detail = self.encode(vis)
        ir_base, ir_detail = self.encode(ir)
        return self.decode(vis, *self.merge(base + ir_base, detail + ir_detail))


def load_network(path: str | Path) -> CDDFuse:
    """CDDFuse with the weights of a file, loaded strictly.

    path: an official checkpoint (a dict of four state dicts whose keys start with `module.`) or a
    safetensors file of `state_for_saving`. Raises Unavailable for an unreadable file and RuntimeError for
    missing, unknown or misshapen entries.
    """
    state = load_state(Path(path))
    if set(state) == set(PARTS):
        state = {
            f"{part}.{key.removeprefix('module.')}": v for part in PARTS for key, v in state[part].items()
        }
    network = CDDFuse()
    network.load_state_dict(state)
    return network


def state_for_saving(network: CDDFuse) -> dict[str, Tensor]:
    """The weights as flat, contiguous CPU tensors, for safetensors.torch.save_file; `load_network` reads
    them back.
    """
    return {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
