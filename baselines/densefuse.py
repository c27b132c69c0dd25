"""DenseFuse: dense features of each image, averaged, decoded by four convolutions.

H. Li and X.-J. Wu, "DenseFuse: A fusion approach to infrared and visible images", IEEE Transactions on Image
Processing 28(5), 2019. The network works on grey levels from 0 to 255.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import MethodCard, NetworkFuser, load_state
from .blocks import load, reflect_conv


class Network(nn.Module):
    """ir, vis (B, 1, H, W) of grey levels to the fused grey levels, not negative."""

    def __init__(self):
        super().__init__()
        self.conv1 = reflect_conv(1, 16)
        self.dense = nn.ModuleList(reflect_conv(16 * i, 16) for i in (1, 2, 3))
        self.conv2 = reflect_conv(64, 64)
        self.conv3 = reflect_conv(64, 32)
        self.conv4 = reflect_conv(32, 16)
        self.conv5 = reflect_conv(16, 1)

    def encode(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv1(x))
        for layer in self.dense:
            x = torch.cat((x, F.relu(layer(x))), dim=1)
        return x

    def forward(self, ir: Tensor, vis: Tensor) -> Tensor:
        x = (self.encode(ir) + self.encode(vis)) / 2
        for layer in (self.conv2, self.conv3, self.conv4, self.conv5):
            x = F.relu(layer(x))
        return x


class DenseFuse(NetworkFuser):
    card = MethodCard(
        name="densefuse",
        title="DenseFuse",
        family="learned",
        year=2019,
        citation="H. Li and X.-J. Wu, DenseFuse: A fusion approach to infrared and visible images, "
        "IEEE Transactions on Image Processing 28(5), 2019, pp. 2614-2623",
        licence="none stated by the authors",
        weights_licence="none stated by the authors",
        link="https://github.com/hli1221/densefuse-pytorch/tree/4394b63e9295db1c6b7a5c3664551c90f0605f2b",
        tasks=("ivf",),
        trained_on="MS COCO",
        parameters=74_193,
        flops=54_057_369_600,
        input_convention="luminance in [0, 255]; addition strategy: the mean of the two feature maps",
        output_convention="grey levels / 255, not negative; the authors clip at 255",
        truncate=True,
        agreement="authors' network on two real crops: within 2e-6 of scale; L. Tang's 42 images of TNO, stretched "
        "as his are: mean difference 0.41 grey levels, above 1 in five, at most 2.7; his are from the TensorFlow "
        "version, which differs at sharp edges, so that the range that is stretched differs",
        checkpoints={"densefuse_gray.model": "b34cf3650f04161b31ac2467decfeedf7eba39165b7618f846e0f298ecd2ac65"},
    )
    reach = 8

    def build(self, checkpoint):
        names = {"DB1.denseblock.": "dense.", "dense_conv.": "", "conv2d.": ""}
        return load(Network(), load_state(checkpoint), names).to(memory_format=torch.channels_last)

    def forward(self, ir, vis):
        return self.network(255 * ir, 255 * vis) / 255
