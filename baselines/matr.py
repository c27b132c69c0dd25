"""MATR: context-gated convolutions and a transformer at three depths, for PET or SPECT with MRI.

W. Tang, F. He, Y. Liu and Y. Duan, "MATR: Multimodal Medical Image Fusion via Multiscale Adaptive Transformer", IEEE
Transactions on Image Processing 31, 2022. The gating of a convolution's kernel by the image: X. Lin et al.,
"Context-Gated Convolution", ECCV 2020. One convolution and one transformer serve all depths.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import MethodCard, NetworkFuser, load_state
from .blocks import PixelTransformer, load

DIM = 16
SIZE = 3  # of the kernels, and of the grid that an image is averaged to
LATENT = SIZE**2 // 2 + 1


class ContextGatedConvolution(nn.Module):
    """A convolution whose kernel is multiplied by a gate for each output, input and tap, which the image decides."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, SIZE, SIZE))
        self.ce = nn.Linear(SIZE**2, LATENT, bias=False)
        self.ce_bn = nn.BatchNorm1d(inputs)
        self.ci_bn2 = nn.BatchNorm1d(inputs)
        self.ci = nn.Linear(inputs, outputs, bias=False)
        self.ci_bn = nn.BatchNorm1d(outputs)
        self.gd = nn.Linear(LATENT, SIZE**2, bias=False)
        self.gd2 = nn.Linear(LATENT, SIZE**2, bias=False)

    def gate(self, x: Tensor) -> Tensor:
        """(B, outputs, inputs, 3, 3) in (0, 1)."""
        context = self.ce(F.adaptive_avg_pool2d(x, SIZE).flatten(2))
        of_inputs = self.gd(F.relu(self.ce_bn(context)))
        mixed = self.ci(F.relu(self.ci_bn2(context)).transpose(1, 2)).transpose(1, 2)
        of_outputs = self.gd2(F.relu(self.ci_bn(mixed)))
        return torch.sigmoid(of_inputs[:, None] + of_outputs[:, :, None]).unflatten(-1, (SIZE, SIZE))

    def forward(self, x: Tensor) -> Tensor:
        kernels = self.gate(x) * self.weight
        return torch.cat([F.conv2d(image[None], kernel, padding="same") for image, kernel in zip(x, kernels)])


class Layer(nn.Module):
    def __init__(self, inputs: int):
        super().__init__()
        self.conv1 = ContextGatedConvolution(inputs, DIM)
        self.bn1 = nn.BatchNorm2d(DIM)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn1(self.conv1(x)))


class Network(nn.Module):
    """Functional and structural image (B, 1, H, W) in [0, 1] to (B, 1, H, W) in (-1, 1)."""

    def __init__(self):
        super().__init__()
        self.convInput = Layer(2)
        self.conv = Layer(DIM)
        self.transformer = PixelTransformer(DIM, depth=3)
        self.convolutional_out = nn.Conv2d(DIM, 1, 1, bias=False)
        self.patch_norm = nn.LayerNorm(96)  # in the file, and never applied

    def forward(self, functional: Tensor, structural: Tensor) -> Tensor:
        x = self.convInput(torch.cat((functional, structural), dim=1))
        total = 0
        for _ in range(3):
            x = self.conv(x)
            total = total + self.conv(self.transformer(x))
        return torch.tanh(self.convolutional_out(total))


class MATR(NetworkFuser):
    card = MethodCard(
        name="matr",
        title="MATR",
        family="learned",
        year=2022,
        citation="W. Tang et al., MATR: Multimodal Medical Image Fusion via Multiscale Adaptive Transformer, IEEE "
        "Transactions on Image Processing 31, 2022, pp. 5134-5149",
        licence="none stated by the authors",
        weights_licence="none stated by the authors",
        link="https://github.com/tthinking/MATR/tree/b427644d4dab600a805cf2711d8a31232aaa2ca5",
        tasks=("mif",),
        trained_on="Harvard (SPECT-MRI)",
        parameters=13_422,
        flops=22_836_062_600,
        input_convention="luminance in [0, 1] of the functional image, then MRI",
        output_convention="tanh; the authors do not clip, so that negative values wrap around; here they become 0",
        truncate=True,
        agreement="authors' network on two real square crops: within 1e-6 of scale; pictures in their repository: 0.07 "
        "grey levels (SPECT-MRI) and 0.06 (GFP and phase contrast), 97 and 99 % of the pixels equal; PET-MRI, whose "
        "chroma clips: 2.0",
        checkpoints={"model_10.pth": "523f6be0ef0330a84c473a7ad2e037a7eb1a98584021c4772dfd317c1c0ddaab"},
        notes="the authors' code takes square images only, since it reshapes by the square root of the number of "
        "pixels; here any size is taken as it is, and squares give the same",
    )
    whole = "its kernels follow from averages of the whole image"

    def build(self, checkpoint):
        names = {
            "basicLayer.": "transformer.",
            "convolutional_out.conv1.": "convolutional_out.",
            "patch_embed.norm.": "patch_norm.",
        }
        return load(Network(), load_state(checkpoint), names)
