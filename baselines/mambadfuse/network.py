"""MambaDFuse's network (Li et al., "MambaDFuse: A Mamba-based Dual-phase Model for Multi-modality Image Fusion",
arXiv:2404.08406), with the parameter names of the authors' checkpoints.

The authors' code (github.com/Lizhe1228/MambaDFuse) departs from the paper's figures; `variant="official"` follows the
code, which is what their checkpoints were trained with:

* M3 block: each of the three branches (fusion stream, image 1, image 2) is gated by SiLU of its own z; the paper draws
  one activation branch. `variant="paper"` gates all three with the fusion stream's z. The two image branches share A.
* M3 block: the three layer norms are applied twice, before and at the call of the mixer.
* Shallow fusion: the second convolution sees the first one's output, since that has replaced image 1's features.
* Each feature extractor and the reconstruction hold 8 Mamba blocks; infrared and visible share the two convolutions
  but not the Mamba blocks.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..base import load_state
from ..scan import mamba
from ..scan.mamba import Branch

DIM, STATES, TAPS = 60, 16, 4
DEPTH, SWAPS, M3_BLOCKS = 8, 2, 5
VARIANTS = ("official", "paper")
SMALLEST_BAND = 16  # rows: more than the convolutions, one after the other, see below a row


class Norm(nn.Module):
    """Layer norm over channels; the parameters sit one level down, as in the checkpoints."""

    def __init__(self, dim: int):
        super().__init__()
        self.body = nn.LayerNorm(dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)

    def parameters_for_scan(self, times: int = 1) -> mamba.Norm:
        return mamba.Norm(self.body.weight, self.body.bias, times)


class Mixer(nn.Module):
    """Mamba mixer (arXiv:2312.00752, figure 3), or with `m3` the multi-modal one of three branches.

    Tokens (batch, length, dim) to the same shape.
    """

    def __init__(self, dim: int = DIM, m3: bool = False, variant: str = "official"):
        super().__init__()
        self.inner, self.rank, self.variant = 2 * dim, math.ceil(dim / 16), variant
        self.branches = ("", "_b", "_c") if m3 else ("",)
        self.in_proj = nn.Linear(dim, 2 * self.inner, bias=False)
        for i, tag in enumerate(self.branches):
            if i:
                setattr(self, f"in_proj_extra{i}", nn.Linear(dim, 2 * self.inner, bias=False))
            conv = nn.Conv1d(self.inner, self.inner, TAPS, groups=self.inner, padding=TAPS - 1)
            setattr(self, f"conv1d{tag}", conv)
            setattr(self, f"x_proj{tag}", nn.Linear(self.inner, self.rank + 2 * STATES, bias=False))
            setattr(self, f"dt_proj{tag}", self._dt_proj())
            setattr(self, f"D{tag}", nn.Parameter(torch.ones(self.inner)))
        # S4D-real initialisation: A = -1 .. -16 in every channel. The image branches share one A.
        for name in ("A_log", "A_b_log")[: len(self.branches)]:
            setattr(self, name, nn.Parameter(torch.log(torch.arange(1.0, STATES + 1)).repeat(self.inner, 1)))
        self.out_proj = nn.Linear(self.inner, dim, bias=False)

    def _dt_proj(self) -> nn.Linear:
        """As Mamba initialises it: softplus(bias) is log-uniform in [0.001, 0.1]."""
        layer = nn.Linear(self.rank, self.inner)
        nn.init.uniform_(layer.weight, -(self.rank**-0.5), self.rank**-0.5)
        dt = torch.exp(torch.empty(self.inner).uniform_(math.log(0.001), math.log(0.1)))
        with torch.no_grad():
            layer.bias.copy_(dt + torch.log(-torch.expm1(-dt)))
        return layer

    def branch(self, i: int = 0) -> Branch:
        tag = self.branches[i]
        in_proj = getattr(self, f"in_proj_extra{i}") if i else self.in_proj
        conv, dt_proj = getattr(self, f"conv1d{tag}"), getattr(self, f"dt_proj{tag}")
        return Branch(
            in_proj=in_proj.weight,
            conv_weight=conv.weight[:, 0],
            conv_bias=conv.bias,
            x_proj=getattr(self, f"x_proj{tag}").weight,
            dt_proj=dt_proj.weight,
            dt_bias=dt_proj.bias,
            A=-torch.exp(self.A_b_log if i else self.A_log),
            D=getattr(self, f"D{tag}"),
        )

    def forward(self, *streams: Tensor, norms: list[mamba.Norm] | None = None, states=None) -> Tensor:
        """One stream (plain), or the fusion stream and those of image 2 and image 1 (m3); `norms` come first.

        states: as of `mamba.mix`.
        """
        branches = [self.branch(i) for i in range(len(self.branches))]
        shared_gate = self.variant == "paper"
        return mamba.mix(list(streams), branches, self.out_proj.weight, norms, shared_gate, states)


class MambaBlock(nn.Module):
    """Add the residual, normalise, mix."""

    def __init__(self, dim: int = DIM):
        super().__init__()
        self.encoder = Mixer(dim)
        self.norm = Norm(dim)

    def block(self) -> mamba.Block:
        return mamba.Block(self.norm.parameters_for_scan(), self.encoder.branch(), self.encoder.out_proj.weight)


class ChannelExchangeBlock(nn.Module):
    """Shallow fusion, paper section 3.3: the two images swap every other channel before their mixers."""

    def __init__(self, dim: int = DIM):
        super().__init__()
        self.I1encoder, self.I2encoder = Mixer(dim), Mixer(dim)
        self.norm1, self.norm2 = Norm(dim), Norm(dim)
        self.register_buffer("even", torch.arange(dim) % 2 == 0, persistent=False)

    def forward(self, x1, x2, residual1, residual2, states=None):
        residual1, residual2 = x1 + residual1, x2 + residual2
        x1, x2 = self.norm1(residual1), self.norm2(residual2)
        swapped1, swapped2 = torch.where(self.even, x2, x1), torch.where(self.even, x1, x2)
        mixers = (self.I1encoder, self.I2encoder)
        branches, out_projs = [m.branch() for m in mixers], [m.out_proj.weight for m in mixers]
        x1, x2 = mamba.mix_each([swapped1, swapped2], branches, out_projs, states)
        return x1, x2, residual1, residual2


class M3Block(nn.Module):
    """Deep fusion, paper section 3.3: both images refine the fusion stream; a 3x3 depthwise convolution follows."""

    def __init__(self, dim: int = DIM, variant: str = "official"):
        super().__init__()
        self.multi_modal_mamba_block = Mixer(dim, m3=True, variant=variant)
        self.norm1, self.norm2, self.norm3 = Norm(dim), Norm(dim), Norm(dim)
        self.dwconv = nn.Conv2d(dim, dim, 3, padding=1, groups=dim)

    def forward(self, fusion, residual, x1, x2, size):
        residual = fusion + residual
        return as_tokens(self.spread(as_image(self.mix(residual, x1, x2), size))), residual

    def mix(self, residual: Tensor, x1: Tensor, x2: Tensor, states=None) -> Tensor:
        norms = [norm.parameters_for_scan(times=2) for norm in (self.norm1, self.norm2, self.norm3)]
        return self.multi_modal_mamba_block(residual, x2, x1, norms=norms, states=states)

    def spread(self, mixed: Tensor) -> Tensor:
        return self.dwconv(mixed) + mixed


def as_tokens(x: Tensor) -> Tensor:
    """(B, C, H, W) to (B, H W, C); a view when the image is channels_last."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)


def as_image(x: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, H W, C) to (B, C, H, W), channels_last."""
    return x.unflatten(1, size).permute(0, 3, 1, 2)


class MambaDFuse(nn.Module):
    """Luminance images (B, 1, H, W) in [0, 1] to the fused image of the same shape, unclipped."""

    def __init__(self, variant: str = "official", dim: int = DIM):
        super().__init__()
        if variant not in VARIANTS:
            raise ValueError(f"variant '{variant}' is not one of {', '.join(VARIANTS)}")
        self.low_level_feature_extraction1 = nn.Conv2d(1, dim // 2, 3, padding=1)
        self.low_level_feature_extraction2 = nn.Conv2d(dim // 2, dim, 3, padding=1)
        self.patch_embed = nn.Module()
        self.patch_embed.norm = nn.LayerNorm(dim)
        self.high_level_feature_extraction1 = nn.Sequential(*(MambaBlock(dim) for _ in range(DEPTH)))
        self.high_level_feature_extraction2 = nn.Sequential(*(MambaBlock(dim) for _ in range(DEPTH)))
        for i in range(1, SWAPS + 1):
            setattr(self, f"channel_exchange{i}", ChannelExchangeBlock(dim))
        self.shallow_fusion1 = nn.Conv2d(2 * dim, dim, 3, padding=1)
        self.shallow_fusion2 = nn.Conv2d(2 * dim, dim, 3, padding=1)
        for i in range(1, M3_BLOCKS + 1):
            setattr(self, f"M3_block{i}", M3Block(dim, variant))
        self.feature_re = nn.Sequential(*(MambaBlock(dim) for _ in range(DEPTH)))
        self.conv_last1 = nn.Conv2d(dim, dim // 2, 3, padding=1)
        self.conv_last2 = nn.Conv2d(dim // 2, dim // 4, 3, padding=1)
        self.conv_last3 = nn.Conv2d(dim // 4, 1, 3, padding=1)

    def _embed(self, x: Tensor) -> Tensor:
        return self.patch_embed.norm(as_tokens(x))

    def _low_level(self, image: Tensor) -> Tensor:
        x = image.contiguous(memory_format=torch.channels_last)
        x = F.leaky_relu(self.low_level_feature_extraction1(x), 0.2)
        return self._embed(F.leaky_relu(self.low_level_feature_extraction2(x), 0.2))

    def encode(self, ir: Tensor, vis: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Dual-level features of both images, by convolutions and Mamba blocks: tokens (hidden, residual) of each."""
        return self._high_level([self._low_level(ir), self._low_level(vis)])

    def _high_level(self, features: list[Tensor], states=None) -> list[tuple[Tensor, Tensor]]:
        extractors = (self.high_level_feature_extraction1, self.high_level_feature_extraction2)
        return mamba.run_blocks([(x, [b.block() for b in blocks]) for x, blocks in zip(features, extractors)], states)

    def shallow_fuse(self, features: list[tuple[Tensor, Tensor]], size) -> tuple[Tensor, Tensor]:
        """First phase: channel exchange between both (hidden, residual), then convolutions. Feature images of both.

        `features` is emptied, since the memory that it holds is what a large image runs out of.
        """
        x1, x2 = self._exchange(features)
        return self._merge(as_image(x1, size), as_image(x2, size))

    def _exchange(self, features: list[tuple[Tensor, Tensor]], states=None) -> tuple[Tensor, Tensor]:
        (x1, residual1), (x2, residual2) = features
        features.clear()
        for i, own in zip(range(1, SWAPS + 1), states or [None] * SWAPS):
            x1, x2, residual1, residual2 = getattr(self, f"channel_exchange{i}")(x1, x2, residual1, residual2, own)
        return x1, x2

    def _merge(self, x1: Tensor, x2: Tensor) -> tuple[Tensor, Tensor]:
        x1 = self.shallow_fusion1(torch.cat([x1, x2], 1)) + x1
        return x1, self.shallow_fusion2(torch.cat([x2, x1], 1)) + x2

    def deep_fuse(self, x1: Tensor, x2: Tensor) -> Tensor:
        """Second phase: M3 blocks. Feature images (B, dim, H, W) of both to that of the fused image."""
        size = x1.shape[2:]
        fusion, residual = self._embed((x1 + x2) / 2), 0
        x1, x2 = self._embed(x1), self._embed(x2)
        for i in range(1, M3_BLOCKS + 1):
            fusion, residual = getattr(self, f"M3_block{i}")(fusion, residual, x1, x2, size)
        return as_image(fusion, size)

    def reconstruct(self, feature: Tensor) -> Tensor:
        """Feature image (B, dim, H, W) to the fused image."""
        return self._last(as_image(self._rebuild(self._embed(feature)), feature.shape[2:]))

    def _rebuild(self, tokens: Tensor, states=None) -> Tensor:
        [(x, _)] = mamba.run_blocks([(tokens, [b.block() for b in self.feature_re])], states)
        return x

    def _last(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.conv_last1(x), 0.2)
        x = F.leaky_relu(self.conv_last2(x), 0.2)
        return self.conv_last3(x)

    def forward(self, ir: Tensor, vis: Tensor) -> Tensor:
        return self.reconstruct(self.deep_fuse(*self.shallow_fuse(self.encode(ir, vis), ir.shape[2:])))

    def in_bands(self, ir: Tensor, vis: Tensor, rows: int) -> Tensor:
        """What `forward` gives, without gradients and in memory that the image's height does not change.

        The images pass in bands of `rows` rows, at least SMALLEST_BAND. Scans run from the first row to the last, so
        that their state goes from band to band; convolutions wait for the rows below.
        """
        height, width = ir.shape[2:]
        states, merge, spread, last, out = self._states(ir), *self._waiting(), []
        for first in range(0, height, rows):
            end = min(first + rows, height)
            done = end == height
            features = [self._low_level_rows(image, first, end) for image in (ir, vis)]
            pair = self._exchange(self._high_level(features, states.high), states.exchange)
            del features
            images = [as_image(x, (end - first, width)) for x in pair]
            del pair  # a band's features are let go as soon as they are used: they are what takes memory
            x1, x2 = merge(images, done)
            fusion, x1, x2 = self._embed((x1 + x2) / 2), self._embed(x1), self._embed(x2)
            residual = 0
            for i, own in enumerate(states.m3):
                residual = fusion + residual
                fusion = getattr(self, f"M3_block{i + 1}").mix(residual, x1, x2, own)
                images = [as_image(x, (x.shape[1] // width, width)) for x in (fusion, residual, x1, x2)]
                del fusion, residual, x1, x2
                fusion, residual, x1, x2 = map(as_tokens, spread[i](images, done))
            del residual, x1, x2
            tokens = self._rebuild(self.patch_embed.norm(fusion), states.rebuild)
            del fusion
            out += last([as_image(tokens, (tokens.shape[1] // width, width))], done)
            del tokens
        return torch.cat(out, 2)

    def _low_level_rows(self, image: Tensor, first: int, end: int) -> Tensor:
        """Rows of `_low_level`, whose two convolutions see two rows above and below."""
        top, width = max(0, first - 2), image.shape[3]
        return self._low_level(image[:, :, top : end + 2])[:, (first - top) * width : (end - top) * width]

    def _waiting(self) -> tuple[Rows, list[Rows], Rows]:
        """The convolutions of `in_bands`, with the rows that wait for what is below them."""
        blocks = [getattr(self, f"M3_block{i}") for i in range(1, M3_BLOCKS + 1)]
        spread = [Rows(lambda images, b=block: [b.spread(images[0]), *images[1:]], halo=1) for block in blocks]
        return Rows(lambda images: self._merge(*images), halo=2), spread, Rows(lambda x: [self._last(*x)], halo=3)

    def _states(self, like: Tensor) -> States:
        def zero(*mixers: Mixer) -> list[mamba.State]:
            return [mamba.zero_state(m.branch(i), like) for m in mixers for i in range(len(m.branches))]

        exchanges = (getattr(self, f"channel_exchange{i}") for i in range(1, SWAPS + 1))
        blocks = (getattr(self, f"M3_block{i}") for i in range(1, M3_BLOCKS + 1))
        chains = (self.high_level_feature_extraction1, self.high_level_feature_extraction2, self.feature_re)
        first, second, rebuild = (zero(*(block.encoder for block in chain)) for chain in chains)
        return States(
            high=[first, second],
            exchange=[zero(exchange.I1encoder, exchange.I2encoder) for exchange in exchanges],
            m3=[zero(block.multi_modal_mamba_block) for block in blocks],
            rebuild=[rebuild],
        )


class States(NamedTuple):
    """What the scans of each part of the network carry from band to band."""

    high: list[list[mamba.State]]
    exchange: list[list[mamba.State]]
    m3: list[list[mamba.State]]
    rebuild: list[list[mamba.State]]


class Rows:
    """A function of images that passes in bands of rows, and that sees `halo` rows above and below each.

    function: images (B, C, H, W) of one height to as many or fewer of that height, padded at their border.
    """

    def __init__(self, function, halo: int):
        self.function, self.halo = function, halo
        self.held: list[list[Tensor]] = []
        self.told = 0  # rows of those held whose results were given

    def __call__(self, bands: list[Tensor], done: bool) -> list[Tensor]:
        """The results that these bands, which come below the earlier ones, complete. done: nothing comes below.

        `bands` is emptied.
        """
        held, self.held = [torch.cat([*above, bands.pop(0)], 2) for above in self.held or [[]] * len(bands)], []
        end = held[0].shape[2] - (0 if done else self.halo)
        results = [image[:, :, self.told : end] for image in self.function(held)]
        top = max(0, end - self.halo)
        self.held, self.told = [[image[:, :, top:].clone()] for image in held], end - top
        return results


class MedicalMambaDFuse(MambaDFuse):
    """The same network for the functional image or CT, and the MRI, which the authors give it first."""

    def forward(self, functional: Tensor, mri: Tensor) -> Tensor:
        return super().forward(mri, functional)

    def in_bands(self, functional: Tensor, mri: Tensor, rows: int) -> Tensor:
        return super().in_bands(mri, functional, rows)


class PaperMambaDFuse(MambaDFuse):
    """With the M3 gating of the paper."""

    def __init__(self):
        super().__init__("paper")


class PaperMedicalMambaDFuse(PaperMambaDFuse, MedicalMambaDFuse):
    """The same for medical images."""


def load_network(path: str | Path, kind: type[MambaDFuse] = MambaDFuse) -> MambaDFuse:
    """MambaDFuse with the weights of a file, loaded strictly: an official checkpoint (with or without its entry
    `params`) or safetensors. Raises Unavailable for an unreadable file and RuntimeError for missing, unknown or
    misshapen entries."""
    state = load_state(Path(path))
    network = kind()
    network.load_state_dict(state.get("params", state))
    return network
