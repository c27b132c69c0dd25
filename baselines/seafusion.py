"""SeAFusion: gradient residual dense blocks for each modality, four convolutions on both.

L. Tang, J. Yuan and J. Ma, "Image fusion in the loop of high-level vision tasks: A semantic-aware real-time infrared
and visible image fusion network", Information Fusion 82, 2022. Module names are those of the authors' checkpoint,
which loads key for key. It holds batch normalisations that the authors' network never applies (226 of the parameters),
and Sobel kernels as trained weights.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import MethodCard, NetworkFuser, load_state, stretched


class Convolution(nn.Module):
    """A convolution that keeps the size; with `norm`, next to a batch normalisation that is stored, not applied."""

    def __init__(self, inputs: int, outputs: int, size: int = 3, norm: bool = False):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, padding=size // 2)
        if norm:
            self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class DenseBlock(nn.Module):
    """Two convolutions, each of all that came before: C channels to 3C."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = Convolution(channels, channels)
        self.conv2 = Convolution(2 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat((x, F.leaky_relu(self.conv1(x), 0.2)), dim=1)
        return torch.cat((x, F.leaky_relu(self.conv2(x), 0.2)), dim=1)


class GradientMagnitude(nn.Module):
    """|horizontal| + |vertical| derivative of each channel, by kernels that the checkpoint stores."""

    def __init__(self, channels: int):
        super().__init__()
        self.convx = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.convy = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.convx(x).abs() + self.convy(x).abs()


class GradientResidualDenseBlock(nn.Module):
    """Dense features plus gradient magnitudes, each through a 1x1 convolution."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.dense = DenseBlock(inputs)
        self.convdown = Convolution(3 * inputs, outputs, size=1)
        self.sobelconv = GradientMagnitude(inputs)
        self.convup = Convolution(inputs, outputs, size=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.convdown(self.dense(x)) + self.convup(self.sobelconv(x)), 0.1)


class Network(nn.Module):
    """ir, vis (B, 1, H, W) in [0, 1] to the fused image (B, 1, H, W) in (0, 1)."""

    def __init__(self):
        super().__init__()
        self.vis_conv = Convolution(1, 16)
        self.vis_rgbd1 = GradientResidualDenseBlock(16, 32)
        self.vis_rgbd2 = GradientResidualDenseBlock(32, 48)
        self.inf_conv = Convolution(1, 16)
        self.inf_rgbd1 = GradientResidualDenseBlock(16, 32)
        self.inf_rgbd2 = GradientResidualDenseBlock(32, 48)
        self.decode4 = Convolution(96, 64, norm=True)
        self.decode3 = Convolution(64, 32, norm=True)
        self.decode2 = Convolution(32, 16, norm=True)
        self.decode1 = Convolution(16, 1, norm=True)

    def forward(self, ir: Tensor, vis: Tensor) -> Tensor:
        vis = self.vis_rgbd2(self.vis_rgbd1(F.leaky_relu(self.vis_conv(vis), 0.2)))
        ir = self.inf_rgbd2(self.inf_rgbd1(F.leaky_relu(self.inf_conv(ir), 0.2)))
        x = torch.cat((vis, ir), dim=1)
        for decode in (self.decode4, self.decode3, self.decode2):
            x = F.leaky_relu(decode(x), 0.2)
        return torch.tanh(self.decode1(x)) / 2 + 0.5


class SeAFusion(NetworkFuser):
    card = MethodCard(
        name="seafusion",
        title="SeAFusion",
        family="learned",
        year=2022,
        citation="L. Tang et al., Image fusion in the loop of high-level vision tasks: A semantic-aware real-time "
        "infrared and visible image fusion network, Information Fusion 82, 2022",
        licence="none stated in the authors' repository; MIT in VIF-Benchmark, where the checkpoint is from",
        weights_licence="none stated by the authors; VIF-Benchmark, which holds it, is under MIT",
        link="https://github.com/Linfeng-Tang/SeAFusion",
        trained_on="MSRS",
        parameters=166_883,
        flops=101_990_400_000,
        agreement="authors' network on two real crops: within 1e-5 of scale; 15 images of MSRS and 42 of TNO that "
        "the authors published, stretched as theirs are: mean difference at most 0.01 grey levels, none above 1",
        checkpoints={"SeAFusion.pth": "8d65a7f9a50f36349803368cf9920f40420776995e7e8cc8a56d8d30e499431d"},
        output_convention="re-coloured by the visible image's Cr and Cb, clipped, stretched from the minimum and "
        "maximum of the RGB image to [0, 1], truncated to 8 bits",
        stretch=True,
        truncate=True,
        notes="checkpoint: Checkpoint/SeAFusion of https://github.com/Linfeng-Tang/VIF-Benchmark",
        version="2",
    )
    reach = 9
    stretched_over = "the minimum to the maximum of its coloured image"

    def build(self, checkpoint):
        network = Network()
        network.load_state_dict(load_state(checkpoint))
        return network.to(memory_format=torch.channels_last)

    def as_saved(self, fused, colour):
        """Stretch by the range of the authors' colour image or, for a grey pair, of the image itself."""
        if colour is None:
            return stretched(fused)
        rgb = colour.astype(np.float32) / 255
        y = rgb @ np.float32([0.299, 0.587, 0.114])
        cr, cb = 0.713 * (rgb[..., 0] - y), 0.564 * (rgb[..., 2] - y)
        y = fused[:, 0]
        channels = np.stack([y + 1.403 * cr, y - 0.714 * cr - 0.344 * cb, y + 1.773 * cb], axis=1).clip(0, 1)
        low, high = (extreme(channels, axis=(1, 2, 3), keepdims=True) for extreme in (np.min, np.max))
        return np.divide(fused - low, high - low, out=fused.copy(), where=high > low)
