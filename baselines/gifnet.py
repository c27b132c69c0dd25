"""GIFNet: one network for all fusion tasks, from multi-modality and multi-focus features that exchange information.

C. Cheng et al., "One Model for ALL: Low-Level Task Interaction Is a Key to Task-Agnostic Image Fusion", CVPR 2025. The
transformer: Y. Song, Z. He, H. Qian and X. Du, "Vision Transformers for Single Image Dehazing", IEEE Transactions on
Image Processing 32, 2023. For all tasks, the authors' test script takes the path of multi-focus fusion and gives it the
same features for both inputs. The other path is computed here as far as it reaches the result.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import MethodCard, NetworkFuser, load_state
from .blocks import load, reflect_conv

DIM = 98  # the two images and three layers of 32
HEADS = 2
WINDOW = 8
PATCH = 4  # sides are made multiples of it


class Norm(nn.Module):
    """Normalises by the whole image's mean and deviation; also gives a factor and a summand for what comes of it."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, DIM, 1, 1))
        self.bias = nn.Parameter(torch.empty(1, DIM, 1, 1))
        self.meta1 = nn.Conv2d(1, DIM, 1)
        self.meta2 = nn.Conv2d(1, DIM, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean = x.mean(dim=(1, 2, 3), keepdim=True)
        centred = x - mean
        deviation = torch.sqrt(centred.square().mean(dim=(1, 2, 3), keepdim=True) + 1e-5)
        return torch.addcmul(self.bias, centred, self.weight / deviation), self.meta1(deviation), self.meta2(mean)


class PositionBias(nn.Module):
    """The attention's bias (HEADS, 64, 64) for each pair of pixels in a window, from their distance."""

    def __init__(self):
        super().__init__()
        self.register_buffer("relative_positions", torch.empty(WINDOW**2, WINDOW**2, 2))
        self.meta = nn.Sequential(nn.Linear(2, 256), nn.ReLU(), nn.Linear(256, HEADS))

    def forward(self) -> Tensor:
        return self.meta(self.relative_positions).permute(2, 0, 1)


def windows(x: Tensor, shift: int) -> Tensor:
    """Cut (B, C, H, W) into (B * windows, HEADS, 64, C / HEADS). The image is mirrored: `shift` pixels above and to the
    left of it, and below and to the right to whole windows."""
    down, right = ((-shift - side) % WINDOW for side in x.shape[2:])
    if shift or down or right:
        x = F.pad(x, (shift, right, shift, down), mode="reflect")
    rows, columns = (side // WINDOW for side in x.shape[2:])
    x = x.permute(0, 2, 3, 1).reshape(len(x), rows, WINDOW, columns, WINDOW, HEADS, -1)
    return x.permute(0, 1, 3, 5, 2, 4, 6).reshape(-1, HEADS, WINDOW**2, DIM // HEADS)


def unwindows(x: Tensor, shift: int, like: Tensor) -> Tensor:
    """The inverse of `windows`, cut to the size of `like` (B, C, H, W)."""
    batch, _, height, width = like.shape
    rows, columns = (-(-(shift + side) // WINDOW) for side in (height, width))
    x = x.view(batch, rows, columns, HEADS, WINDOW, WINDOW, -1).permute(0, 1, 4, 2, 5, 3, 6)
    x = x.reshape(batch, rows * WINDOW, columns * WINDOW, -1).permute(0, 3, 1, 2)
    return x[:, :, shift : shift + height, shift : shift + width]


class Attention(nn.Module):
    """The two paths' attention in windows. A path's `suffix`: "" for multi-modality, "_mfif" for multi-focus fusion."""

    def __init__(self, shift: int):
        super().__init__()
        self.shift = shift
        for suffix in ("", "_mfif"):
            self.add_module(f"conv{suffix}", nn.Conv2d(DIM, DIM, 5, padding=2, groups=DIM, padding_mode="reflect"))
            self.add_module(f"V{suffix}", nn.Conv2d(DIM, DIM, 1))
            self.add_module(f"proj{suffix}", nn.Conv2d(DIM, DIM, 1))
            self.add_module(f"QK{suffix}", nn.Conv2d(DIM, 2 * DIM, 1))
        self.attn = PositionBias()

    def queries_keys_values(self, x: Tensor, suffix: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Queries, keys and values as `windows` cuts them, and the values as an image."""
        values = self.get_submodule(f"V{suffix}")(x)
        queries, keys = self.get_submodule(f"QK{suffix}")(x).chunk(2, dim=1)
        cut = (windows(part, self.shift) for part in (queries, keys, values))
        return (*cut, values)

    def attend(self, queries: Tensor, keys: Tensor, values: Tensor, image: Tensor, suffix: str) -> Tensor:
        found = F.scaled_dot_product_attention(queries, keys, values, self.attn()[None])
        found = unwindows(found, self.shift, image)
        return self.get_submodule(f"proj{suffix}")(self.get_submodule(f"conv{suffix}")(image) + found)


class Perceptron(nn.Module):
    def __init__(self):
        super().__init__()
        self.mlp = nn.Sequential(nn.Conv2d(DIM, 2 * DIM, 1), nn.ReLU(), nn.Conv2d(2 * DIM, DIM, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.mlp(x)


class Block(nn.Module):
    """Attention and perceptron of both paths. `both` asks multi-modality with the queries of multi-focus."""

    def __init__(self, shift: int):
        super().__init__()
        for suffix in ("", "_mfif"):
            self.add_module(f"norm1{suffix}", Norm())
            self.add_module(f"mlp{suffix}", Perceptron())
        self.attn = Attention(shift)

    def finish(self, x: Tensor, queries: Tensor, rest: tuple, scaling: tuple, suffix: str) -> Tensor:
        factor, summand = scaling
        x = x + self.attn.attend(queries, *rest, suffix) * factor + summand
        return x + self.get_submodule(f"mlp{suffix}")(x)

    def prepare(self, x: Tensor, suffix: str) -> tuple[Tensor, tuple, tuple]:
        normal, *scaling = self.get_submodule(f"norm1{suffix}")(x)
        queries, *rest = self.attn.queries_keys_values(normal, suffix)
        return queries, tuple(rest), tuple(scaling)

    def both(self, multi_modality: Tensor, multi_focus: Tensor) -> tuple[Tensor, Tensor]:
        _, rest, scaling = self.prepare(multi_modality, "")
        queries, focus_rest, focus_scaling = self.prepare(multi_focus, "_mfif")
        return (
            self.finish(multi_modality, queries, rest, scaling, ""),
            self.finish(multi_focus, queries, focus_rest, focus_scaling, "_mfif"),
        )

    def forward(self, multi_focus: Tensor) -> Tensor:
        return self.finish(multi_focus, *self.prepare(multi_focus, "_mfif"), "_mfif")


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch_embed_ivif = reflect_conv(DIM, DIM)
        self.patch_embed_mfif = reflect_conv(DIM, DIM)
        self.blocks = nn.ModuleList([Block(shift=0), Block(shift=WINDOW // 2)])
        for suffix in ("", "_mfif"):  # of one path, in the other, after each block
            self.register_parameter(f"weights{suffix}_0", nn.Parameter(torch.empty(1)))
            self.register_parameter(f"weights{suffix}_1", nn.Parameter(torch.empty(1)))
        self.patch_unembed = reflect_conv(DIM, DIM)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        x = F.pad(x, (0, -width % PATCH, 0, -height % PATCH), mode="reflect")
        multi_modality, multi_focus = self.blocks[0].both(self.patch_embed_ivif(x), self.patch_embed_mfif(x))
        multi_focus = self.blocks[1](multi_focus + self.weights_mfif_0 * multi_modality)
        return self.patch_unembed(multi_focus)[:, :, :height, :width]


def decoder(inputs: int) -> nn.Sequential:
    sizes = [inputs, 64, 32, 16, 1]
    layers = [layer for a, b in pairwise(sizes) for layer in (reflect_conv(a, b), nn.ReLU())]
    return nn.Sequential(*layers[:-1], nn.Tanh())


class Network(nn.Module):
    """ir, vis (B, 1, H, W) in [0, 1] to (B, 1, H, W) in (0, 1)."""

    def __init__(self):
        super().__init__()
        self.shared = nn.ModuleList(reflect_conv(inputs, 32) for inputs in (2, 34, 66))
        self.transformer = Transformer()
        self.mix = nn.Sequential(nn.Conv2d(2 * DIM, DIM, 1, bias=False), nn.ReLU(), nn.Conv2d(DIM, 128, 1, bias=False))
        self.decoder = decoder(128)
        self.reconstruction = decoder(DIM)  # for training only

    def forward(self, ir: Tensor, vis: Tensor) -> Tensor:
        x = torch.cat((ir, vis), dim=1)
        for layer in self.shared:
            x = torch.cat((x, F.relu(layer(x))), dim=1)
        return self.decoder(self.mix(torch.cat((x, self.transformer(x)), dim=1))) / 2 + 0.5


DECODER = {f".decoder.{3 * number + 1}.": f".decoder.{2 * number}." for number in range(4)}  # paddings have numbers too
NAMES = {
    **DECODER,
    "getSharedFeatures.conv_1.conv2d": "shared.0",
    "getSharedFeatures.conv_2.conv2d": "shared.1",
    "getSharedFeatures.conv_3.conv2d": "shared.2",
    "extractor_multask.SwinTransformerSpecific.": "transformer.",
    "layer1.weights.": "weights_",
    "layer1.weights_mfif.": "weights_mfif_",
    "layer1.blocks.": "blocks.",
    "patch_embed_ivif.proj.": "patch_embed_ivif.",
    "patch_embed_mfif.proj.": "patch_embed_mfif.",
    "patch_unembed.proj.0.": "patch_unembed.",
    "cnnDecoder.fuseComplementFeatures.mlp.": "mix.",
    "cnnDecoder.decoder.": "decoder.",
    "decoder_rec.decoder.": "reconstruction.",
}


class GIFNet(NetworkFuser):
    card = MethodCard(
        name="gifnet",
        title="GIFNet",
        family="learned",
        year=2025,
        citation="C. Cheng et al., One Model for ALL: Low-Level Task Interaction Is a Key to Task-Agnostic Image "
        "Fusion, CVPR 2025, pp. 28102-28112",
        licence="none stated by the authors",
        weights_licence="none stated by the authors",
        link="https://github.com/AWCXV/GIFNet/tree/c8ad04ae3bfefcebfa9abe94d1d5895c8db56a44",
        trained_on="MSRS",
        parameters=822_780,
        flops=425_923_855_512,
        output_convention="tanh, to (0, 1); of grey pairs the authors cut grey levels off, of colour pairs they round",
        truncate=True,
        agreement="authors' network on two real crops: within 1e-6 of scale",
        checkpoints={"Final.model": "bfc1dfef0d5b386b0c04f172daf8f6af52ba395f26dc3dd5757425fd32eb1038"},
        notes="at 480x640 and on one thread, a third of the CPU time of the authors' code and 0.6 of its memory",
    )
    whole = "it normalises by the mean and deviation of the whole image"

    def build(self, checkpoint):
        return load(Network(), load_state(checkpoint), NAMES).to(memory_format=torch.channels_last)
