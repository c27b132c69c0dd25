"""SHIP: products of features, again and again, over space and over channels.

N. Zheng et al., "Probing Synergistic High-Order Interaction in Infrared and Visible Image Fusion", CVPR 2024. The first
spatial product is one of whole-image Fourier transforms: a circular convolution, which depends on the image's size.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import MethodCard, NetworkFuser, load_state
from .blocks import load

DIM = 16
THETA = 0.8  # share of the central difference
CLAMP = 0.8  # of the log scale in an invertible block


def pair(inputs: int, hidden: int, outputs: int, size: int = 3) -> nn.Sequential:
    """Two convolutions that keep the size, a ReLU between them."""
    padding = size // 2
    return nn.Sequential(
        nn.Conv2d(inputs, hidden, size, padding=padding), nn.ReLU(), nn.Conv2d(hidden, outputs, size, padding=padding)
    )


class Taps(nn.Module):
    """The five taps (16, 16, 1, 5) of a 3x3 kernel that has zeros elsewhere."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(DIM, DIM, 1, 5))

    def kernel(self, places: tuple[int, ...]) -> Tensor:
        """The taps at these of the nine places, less THETA of their sum in the centre."""
        taps = self.weight[:, :, 0]
        kernel = taps.new_zeros(DIM, DIM, 9)
        kernel[:, :, places] = taps
        kernel[:, :, 4] -= THETA * taps.sum(dim=-1)
        return kernel.view(DIM, DIM, 3, 3)


class CentralDifference(nn.Module):
    """A cross-shaped and a diagonal central difference convolution, mixed, plus the input: one 3x3 convolution.

    Z. Yu et al., "Dual-Cross Central Difference Network for Face Anti-Spoofing", IJCAI 2021.
    """

    def __init__(self):
        super().__init__()
        self.HP_branch = nn.Parameter(torch.empty(1))
        self.cross = Taps()
        self.diagonal = Taps()

    def forward(self, x: Tensor) -> Tensor:
        share = torch.sigmoid(self.HP_branch)
        kernel = share * self.cross.kernel((1, 3, 4, 5, 7)) + (1 - share) * self.diagonal.kernel((0, 2, 4, 6, 8))
        kernel[:, :, 1, 1] += torch.eye(DIM, dtype=x.dtype, device=x.device)
        return F.conv2d(x, kernel, padding=1)


class EdgeBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.process = nn.Conv2d(DIM, DIM, 3, padding=1)
        self.Res = pair(DIM, DIM, DIM)
        self.CDC = CentralDifference()

    def forward(self, x: Tensor) -> Tensor:
        x = self.process(x)
        return self.Res(x) + self.CDC(x)


class Extractor(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, DIM, 1)
        self.block1 = EdgeBlock()
        self.block2 = EdgeBlock()

    def forward(self, x: Tensor) -> Tensor:
        return self.block2(self.block1(self.conv(x)))


class HalfNormalised(nn.Module):
    """Two convolutions beside a 1x1 one; instance normalisation of the first half of the channels between them."""

    def __init__(self, inputs: int):
        super().__init__()
        self.identity = nn.Conv2d(inputs, DIM, 1)
        self.conv_1 = nn.Conv2d(inputs, DIM, 3, padding=1)
        self.conv_2 = nn.Conv2d(DIM, DIM, 3, padding=1)
        self.norm = nn.InstanceNorm2d(DIM // 2, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        normal, other = self.conv_1(x).chunk(2, dim=1)
        hidden = F.leaky_relu(torch.cat((self.norm(normal), other), dim=1), 0.1)
        return F.leaky_relu(self.conv_2(hidden), 0.1) + self.identity(x)


class DenseBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv1 = HalfNormalised(inputs)
        self.conv2 = HalfNormalised(DIM)
        self.conv3 = nn.Conv2d(inputs + 2 * DIM, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        first = F.leaky_relu(self.conv1(x), 0.2)
        second = F.leaky_relu(self.conv2(first), 0.2)
        return F.leaky_relu(self.conv3(torch.cat((x, first, second), dim=1)), 0.2)


class ChannelMix(nn.Module):
    """An invertible 1x1 convolution, stored as permutation, lower and upper triangle, and diagonal.

    D. P. Kingma and P. Dhariwal, "Glow", NeurIPS 2018, section 3.2.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.register_buffer("p", torch.empty(channels, channels))
        self.register_buffer("sign_s", torch.empty(channels))
        self.lower = nn.Parameter(torch.empty(channels, channels))
        self.log_s = nn.Parameter(torch.empty(channels))
        self.upper = nn.Parameter(torch.empty(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        lower = self.lower.tril(-1) + torch.eye(len(self.p), dtype=x.dtype, device=x.device)
        upper = self.upper.triu(1) + torch.diag(self.sign_s * self.log_s.exp())
        return F.conv2d(x, (self.p @ lower @ upper)[:, :, None, None])


class InvertibleBlock(nn.Module):
    """Coupling of `first` channels and the others, after their mixing."""

    def __init__(self, channels: int, first: int):
        super().__init__()
        self.first = first
        rest = channels - first
        self.F = DenseBlock(rest, first)
        self.G = DenseBlock(first, rest)
        self.H = DenseBlock(first, rest)
        self.invconv = ChannelMix(channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.invconv(x)
        a, b = x[:, : self.first], x[:, self.first :]
        a = a + self.F(b)
        scale = torch.exp(CLAMP * (2 * torch.sigmoid(self.H(a)) - 1))
        return torch.cat((a, b * scale + self.G(a)), dim=1)


class ChannelNorm(nn.Module):
    """Layer normalisation of the channels of each pixel."""

    def __init__(self):
        super().__init__()
        self.body = nn.LayerNorm(DIM)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class SpatialInteraction(nn.Module):
    """Adds products of vis and ir features, up to the fourth order, to vis; ir is convolved for each order."""

    def __init__(self):
        super().__init__()
        for order in (1, 2, 3):
            self.add_module(f"reflashFused{order}", pair(DIM, DIM, DIM))
            self.add_module(f"reflashInfrared{order}", pair(DIM, DIM, DIM))
        for order in (1, 2, 3, 4):
            self.add_module(f"norm{order}", ChannelNorm())

    def forward(self, vis: Tensor, ir: Tensor) -> tuple[Tensor, Tensor]:
        product = torch.fft.rfft2(vis.contiguous()) * torch.fft.rfft2(ir.contiguous())
        fused = self.norm1(torch.fft.irfft2(product, s=vis.shape[2:])) * ir
        for order in (1, 2, 3):
            fused = self.get_submodule(f"norm{order + 1}")(self.get_submodule(f"reflashFused{order}")(fused))
            ir = self.get_submodule(f"reflashInfrared{order}")(ir)
            fused = fused * ir
        return fused + vis, ir


class ChannelInteraction(nn.Module):
    """Weights vis and ir features by softmaxes over their 32 channels, and adds what comes of them to vis."""

    def __init__(self):
        super().__init__()
        self.chaAtten = pair(2 * DIM, DIM, 2 * DIM, size=1)
        for order in (1, 2, 3):
            self.add_module(f"reflashChaAtten{order}", pair(2 * DIM, DIM, 2 * DIM, size=1))
            self.add_module(f"reflashFused{order}", pair(2 * DIM, 2 * DIM, 2 * DIM))
        self.postprocess = nn.Sequential(InvertibleBlock(2 * DIM, DIM), nn.Conv2d(2 * DIM, DIM, 1))

    def forward(self, vis: Tensor, ir: Tensor) -> Tensor:
        fused = torch.cat((vis, ir), dim=1)
        weights = self.chaAtten(fused.mean(dim=(2, 3), keepdim=True)).softmax(dim=1)
        fused = fused * weights
        for order in (1, 2, 3):
            weights = self.get_submodule(f"reflashChaAtten{order}")(weights).softmax(dim=1)
            fused = self.get_submodule(f"reflashFused{order}")(fused) * weights
        return self.postprocess(fused) + vis


class Interaction(nn.Module):
    def __init__(self):
        super().__init__()
        self.spatial = SpatialInteraction()
        self.channel = ChannelInteraction()

    def forward(self, vis: Tensor, ir: Tensor) -> tuple[Tensor, Tensor]:
        vis, ir = self.spatial(vis, ir)
        return self.channel(vis, ir), ir


class ChannelShift(nn.Module):
    """Adds to each channel a number that the image decides."""

    def __init__(self):
        super().__init__()
        self.conv_du = nn.Sequential(*pair(DIM, DIM // 4, DIM, size=1), nn.Sigmoid())
        self.process = pair(DIM, DIM, DIM)

    def forward(self, x: Tensor) -> Tensor:
        mean = self.process(x).mean(dim=(2, 3), keepdim=True)
        return self.conv_du(mean) * mean + x


class Reconstruction(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_in = nn.Conv2d(DIM, DIM, 3, padding=1)
        self.process = nn.Sequential(ChannelShift(), ChannelShift())
        self.conv_last = nn.Conv2d(DIM, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_last(self.process(self.conv_in(x)))


class Network(nn.Module):
    """ir, vis (B, 1, H, W) in [0, 1] to (B, 1, H, W), without bounds."""

    def __init__(self):
        super().__init__()
        self.vis = Extractor()
        self.inf = Extractor()
        self.interaction1 = Interaction()
        self.interaction2 = Interaction()
        self.interaction3 = Interaction()
        self.postprocess = nn.Sequential(InvertibleBlock(3 * DIM, 3 * DIM // 2), nn.Conv2d(3 * DIM, DIM, 1))
        self.reconstruction = Reconstruction()

    def forward(self, ir: Tensor, vis: Tensor) -> Tensor:
        ir, vis = self.inf(ir), self.vis(vis)
        stages = []
        for interaction in (self.interaction1, self.interaction2, self.interaction3):
            vis, ir = interaction(vis, ir)
            stages.append(vis)
        return self.reconstruction(self.postprocess(torch.cat(stages, dim=1)))


class SHIP(NetworkFuser):
    card = MethodCard(
        name="ship",
        title="SHIP",
        family="learned",
        year=2024,
        citation="N. Zheng et al., Probing Synergistic High-Order Interaction in Infrared and Visible Image Fusion, "
        "CVPR 2024",
        licence="none stated by the authors",
        weights_licence="none stated by the authors",
        link="https://github.com/zheng980629/SHIP/tree/6b95318c7700fce74a476e057f077ecd90ff85b3",
        tasks=("ivf",),
        trained_on="M3FD",
        parameters=547_509,
        flops=322_034_934_272,
        output_convention="linear, clipped to [0, 1]",
        agreement="authors' network on two real crops: within 4e-5 of scale, which is twice what float32 "
        "changes in theirs",
        checkpoints={"SHIP_model.pth": "e61783e79144d5c9da6681b833ad64624ed2e61f6a533fd18ab896349e3f7329"},
        notes="rows of dark dots appear along edges where the two images disagree, in the authors' code too. FLOPs do "
        "not count the Fourier transforms",
    )
    whole = "it multiplies Fourier transforms of the whole image"

    def build(self, checkpoint):
        names = {"CDC.h_conv.conv.": "CDC.cross.", "CDC.d_conv.conv.": "CDC.diagonal."}
        return load(Network(), load_state(checkpoint)["params"], names).to(memory_format=torch.channels_last)
