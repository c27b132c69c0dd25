"""The CDDFuse network: Restormer encoder, base and detail branches, fusion layers, Restormer decoder.

Zhao et al., "CDDFuse: Correlation-Driven Dual-Branch Feature Decomposition for Multi-Modality Image
Fusion", CVPR 2023. Names of modules and parameters are those of the official checkpoints, so that their
state dicts load key for key. The blocks are those of Restormer (Zamir et al., CVPR 2022; attention over
channels, gated feed-forward) and of coupling networks (Dinh et al., 2017; here with a learned 1x1 mixing in
front of each coupling).

Linear steps are merged where that is exact in real arithmetic, so that the outputs agree with the unmerged
form to rounding. Queries and keys are normalised after their product rather than before. The attention
matrix is merged with the projection that follows it. In the base branch the 1x1 and the 3x3 convolution in
front of the attention (no bias, no activation between them) act as one 3x3 convolution with a third of the
multiplications.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..base import load_state

DIM = 64
HEADS = 8
PARTS = ("DIDF_Encoder", "DIDF_Decoder", "BaseFuseLayer", "DetailFuseLayer")
STRIP_PIXELS = 1 << 13  # with 256 channels 8 MiB, which stay in the processor's cache
STRIP_ROWS = 16


def _strips(x: Tensor, halo: int) -> Iterator[tuple[Tensor, slice, slice]]:
    """Cut x (B, C, H, W) into strips of rows. Yields a strip, the slice of its rows that are not halo, and
    their place in x.

    A strip has up to `halo` more rows on either side. It has fewer at the image's borders, where the
    convolutions then pad it as they pad the whole image. There is one strip when gradients are recorded, and
    on a GPU.
    """
    batch, _, height, width = x.shape
    count = max(1, height // max(STRIP_PIXELS // (batch * width), STRIP_ROWS))
    if torch.is_grad_enabled() or x.is_cuda:
        count = 1
    for i in range(count):
        top, bottom = height * i // count, height * (i + 1) // count
        start = max(top - halo, 0)
        yield x[:, :, start : bottom + halo], slice(top - start, bottom - start), slice(top, bottom)


def in_strips(function: Callable[[Tensor], Tensor], x: Tensor, halo: int) -> Tensor:
    """Compute function(x), of x's shape, a row of which depends on `halo` more rows of x on either side.

    Goes strip by strip, which bounds the memory and is several times faster on a CPU.
    """
    result = None
    for strip, keep, place in _strips(x, halo):
        part = function(strip)
        if part.shape == x.shape:
            return part
        if result is None:
            result = torch.empty_like(x)
        result[:, :, place] = part[:, :, keep]
    return result


def channel_attention(
    project: Callable[[Tensor], Tensor], x: Tensor, temperature: Tensor, projection: Tensor
) -> Tensor:
    """Multi-head attention over channels, with the output projection and the residual connection.

    x: (B, C, H, W); project: (B, C, h, W) to queries, keys and values (B, 3C, h, W), with a 3x3 receptive
    field; temperature: (heads, 1, 1); projection: (C, C, 1, 1). Returns (B, C, H, W). A head sees its own
    C/heads channels; the softmax runs over them, so the cost is linear in pixels.
    """
    batch, dim, _, width = x.shape
    heads = len(temperature)
    size = dim // heads
    products, squares, values = 0, 0, []
    for strip, keep, _ in _strips(x, halo=1):
        qkv = project(strip)[:, :, keep].permute(0, 2, 3, 1).flatten(1, 2)
        query, key, value = qkv.chunk(3, dim=-1)
        # One product of all channels with all costs less than a thin one per head; the heads' are its
        # diagonal blocks.
        products = products + query.mT @ key
        squares = squares + qkv[..., : 2 * dim].square().sum(dim=1)
        values.append(value.contiguous())
    products = products.view(batch, heads, size, heads, size).diagonal(dim1=1, dim2=3).permute(0, 3, 1, 2)
    norms = squares.clamp_min(1e-24).sqrt().view(batch, 2, heads, size)
    attention = products / norms[:, 0, :, :, None] / norms[:, 1, :, None, :]
    attention = (attention * temperature).softmax(dim=-1)
    mixing = torch.einsum("ohc,bhcd->bhdo", projection.view(dim, heads, size), attention)
    mixing = mixing.reshape(batch, dim, dim)
    remaining = iter(values)
    return in_strips(
        lambda strip: strip + (next(remaining) @ mixing).unflatten(1, (-1, width)).permute(0, 3, 1, 2),
        x,
        halo=0,
    )


class Pointwise(nn.Conv2d):
    """A 1x1 convolution."""

    def __init__(self, inputs: int, outputs: int, bias: bool = False):
        super().__init__(inputs, outputs, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        # With one thread, PyTorch leaves 1x1 convolutions of fewer than 16 images to a kernel that is half as
        # fast; so rows stand in for images.
        batch, _, height, width = x.shape
        rows = x.permute(0, 2, 3, 1).reshape(batch * height, 1, width, self.in_channels).permute(0, 3, 1, 2)
        y = super().forward(rows).permute(0, 2, 3, 1)
        return y.reshape(batch, height, width, self.out_channels).permute(0, 3, 1, 2)


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
        self.project_in = Pointwise(dim, 2 * hidden)
        self.dwconv = nn.Conv2d(2 * hidden, 2 * hidden, 3, padding=1, groups=2 * hidden // group_size, bias=False)
        self.project_out = Pointwise(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        gate, x = self.dwconv(self.project_in(x)).chunk(2, dim=1)
        # On a CPU the GELU of a contiguous copy takes a fifth of the time of that of a slice.
        return self.project_out(F.gelu(gate.contiguous(memory_format=torch.channels_last)) * x)


class TransposedAttention(nn.Module):
    """Restormer's attention over channels: 1x1, then depthwise 3x3 convolution in front."""

    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv = Pointwise(dim, 3 * dim)
        self.qkv_dwconv = nn.Conv2d(3 * dim, 3 * dim, 3, padding=1, groups=3 * dim, bias=False)
        self.project_out = Pointwise(dim, dim)

    def forward(self, x: Tensor, norm: nn.Module) -> Tensor:
        """x + attention of norm(x)."""

        def project(strip):
            return self.qkv_dwconv(self.qkv(norm(strip)))

        return channel_attention(project, x, self.temperature, self.project_out.weight)


class BaseAttention(nn.Module):
    """The base branch's attention over channels: 1x1, then dense 3x3 convolution in front."""

    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv1 = Pointwise(dim, 3 * dim)
        self.qkv2 = nn.Conv2d(3 * dim, 3 * dim, 3, padding=1, bias=False)
        self.proj = Pointwise(dim, dim)

    def forward(self, x: Tensor, norm: nn.Module) -> Tensor:
        """x + attention of norm(x)."""
        merged = torch.einsum("omyx,mi->oiyx", self.qkv2.weight, self.qkv1.weight[:, :, 0, 0])
        merged = merged.contiguous(memory_format=torch.channels_last)

        def project(strip):
            return F.conv2d(norm(strip), merged, padding=1)

        return channel_attention(project, x, self.scale, self.proj.weight)


class TransformerBlock(nn.Module):
    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.norm1 = ChannelNorm(dim)
        self.attn = TransposedAttention(dim, heads)
        self.norm2 = ChannelNorm(dim)
        self.ffn = GatedFeedForward(dim, 2 * dim, group_size=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.attn(x, self.norm1)
        return in_strips(lambda strip: strip + self.ffn(self.norm2(strip)), x, halo=1)


class BaseFeatureExtraction(nn.Module):
    """Low-frequency, modality-shared features."""

    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.norm1 = ChannelNorm(dim)
        self.attn = BaseAttention(dim, heads)
        self.norm2 = ChannelNorm(dim)
        self.mlp = GatedFeedForward(dim, dim, group_size=2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.attn(x, self.norm1)
        return in_strips(lambda strip: strip + self.mlp(self.norm2(strip)), x, halo=1)


class InvertedResidual(nn.Module):
    """1x1 expansion by 2, depthwise 3x3 with reflected borders, 1x1 projection; ReLU6 between."""

    def __init__(self, dim: int):
        super().__init__()
        self.bottleneckBlock = nn.Sequential(
            Pointwise(dim, 2 * dim),
            nn.ReLU6(inplace=True),
            nn.ReflectionPad2d(1),
            nn.Conv2d(2 * dim, 2 * dim, 3, groups=2 * dim, bias=False),
            nn.ReLU6(inplace=True),
            Pointwise(2 * dim, dim),
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
        self.shffleconv = Pointwise(dim, dim, bias=True)

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
        for node in self.net:
            x = in_strips(node, x, halo=2)
        return x


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
    """Base and detail features to an image in (0, 1): the sigmoid of a residual added to `image`, or alone for None."""

    def __init__(self, dim: int, heads: int, blocks: int):
        super().__init__()
        self.reduce_channel = Pointwise(2 * dim, dim)
        self.encoder_level2 = nn.Sequential(*(TransformerBlock(dim, heads) for _ in range(blocks)))
        self.output = nn.Sequential(
            nn.Conv2d(dim, dim // 2, 3, padding=1, bias=False),
            nn.LeakyReLU(),
            nn.Conv2d(dim // 2, 1, 3, padding=1, bias=False),
        )

    def forward(self, image: Tensor | None, base: Tensor, detail: Tensor) -> Tensor:
        features = self.encoder_level2(self.reduce_channel(torch.cat((base, detail), dim=1)))
        residual = self.output(features)
        return torch.sigmoid(residual if image is None else residual + image)


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


class MedicalCDDFuse(CDDFuse):
    """The same network decoding from the features alone, as the authors' test script does with its medical weights."""

    def decode(self, image: Tensor, base: Tensor, detail: Tensor) -> Tensor:
        return self.DIDF_Decoder(None, base, detail)


def load_network(path: str | Path, kind: type[CDDFuse] = CDDFuse) -> CDDFuse:
    """CDDFuse with the weights of a file, loaded strictly.

    path: an official checkpoint (a dict of four state dicts whose keys start with `module.`) or a
    safetensors file of `state_for_saving`. Raises Unavailable for an unreadable file and RuntimeError for
    missing, unknown or misshapen entries.
    """
    state = load_state(Path(path))
    if set(state) == set(PARTS):
        state = {f"{part}.{key.removeprefix('module.')}": v for part in PARTS for key, v in state[part].items()}
    network = kind()
    network.load_state_dict(state)
    return network


def state_for_saving(network: CDDFuse) -> dict[str, Tensor]:
    """The weights as flat, contiguous CPU tensors, for safetensors.torch.save_file; `load_network` reads
    them back.
    """
    return {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}


def official_state(network: CDDFuse) -> dict[str, dict[str, Tensor]]:
    """The weights as the authors' training script saves them: a state dict for each part, of nn.DataParallel."""
    return {
        part: {f"module.{key}": value.detach().cpu() for key, value in getattr(network, part).state_dict().items()}
        for part in PARTS
    }
