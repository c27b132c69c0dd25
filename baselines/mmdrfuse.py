"""MMDRFuse: a student of two convolutions, 113 parameters.

Y. Deng et al., "MMDRFuse: Distilled mini-model with dynamic refresh for multi-modality image fusion", ACM Multimedia,
2024. The teacher, which it was distilled from, is not needed to fuse.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .base import MethodCard, NetworkFuser, load_state
from .blocks import load, reflect_conv


class Network(nn.Module):
    """ir, vis (B, 1, H, W) in [0, 1] to (B, 1, H, W) in (-1, 1)."""

    def __init__(self):
        super().__init__()
        self.conv1 = reflect_conv(2, 4)
        self.conv2 = reflect_conv(4, 1)

    def forward(self, ir: Tensor, vis: Tensor) -> Tensor:
        return torch.tanh(self.conv2(torch.relu(self.conv1(torch.cat((ir, vis), dim=1)))))


class MMDRFuse(NetworkFuser):
    card = MethodCard(
        name="mmdrfuse",
        title="MMDRFuse",
        family="learned",
        year=2024,
        citation="Y. Deng et al., MMDRFuse: Distilled mini-model with dynamic refresh for multi-modality image fusion, "
        "ACM Multimedia, 2024",
        licence="none stated by the authors",
        weights_licence="none stated by the authors",
        link="https://github.com/yanglinDeng/MMDRFuse/tree/c9e5014493a7322a87cc24a58b66052123ac5bbe",
        tasks=("ivf",),
        trained_on="LLVIP (patches of 200 pairs)",
        parameters=113,
        flops=66_355_200,
        output_convention="tanh; the authors' saving (scipy's imsave of floats) stretches each image",
        stretch=True,
        agreement="authors' network on two real crops: within 1e-6 of scale; the authors publish no image to "
        "compare with",
        checkpoints={"student.model": "e5ad5bab796f4480dbbc35a8f6f63e69ba3ccd1842476d2c2453ca1aca6eb17c"},
    )
    reach = 2

    def build(self, checkpoint):
        return load(Network(), load_state(checkpoint), {".1.": "."})
