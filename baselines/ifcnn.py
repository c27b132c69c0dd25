"""IFCNN: convolutional features, fused element by element as their maximum, sum or mean, and rebuilt.

Y. Zhang et al., "IFCNN: A general image fusion framework based on convolutional neural network", Information Fusion 54,
2020. The first convolution is that of a ResNet-101 trained on ImageNet. Its authors choose the maximum for infrared
with visible and for medical images, and the mean for exposures.
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import MethodCard, NetworkFuser, load_state
from .blocks import ConvNormReLU, load

LUMINANCE = (0.299, 0.587, 0.114)


class Network(nn.Module):
    """Two RGB images (B, 3, H, W), normalised or not, to one of the same kind."""

    def __init__(self, fuse):
        super().__init__()
        self.fuse = fuse
        self.conv1 = nn.Conv2d(3, 64, 7, padding=3, padding_mode="replicate", bias=False)
        self.conv2 = ConvNormReLU(64, 64, bias=False)
        self.conv3 = ConvNormReLU(64, 64, bias=False)
        self.conv4 = nn.Conv2d(64, 3, 1)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        a, b = (self.conv2(self.conv1(image)) for image in (a, b))
        return self.conv4(self.conv3(self.fuse(a, b)))


class IFCNNMax(NetworkFuser):
    card = MethodCard(
        name="ifcnn-max",
        title="IFCNN (max)",
        family="learned",
        year=2020,
        citation="Y. Zhang et al., IFCNN: A general image fusion framework based on convolutional neural network, "
        "Information Fusion 54, 2020, pp. 99-118",
        licence="none stated by the authors",
        weights_licence="none stated by the authors",
        link="https://github.com/uzeful/IFCNN/tree/8fe59c2b1553e52acc793986208ca479d134a8da",
        trained_on="multi-focus images made from NYU-D2, and ImageNet (first layer)",
        parameters=83_587,
        flops=79_628_083_200,
        input_convention="luminance in [0, 1], three times, not normalised",
        output_convention="three channels, each clipped to [0, 1], then their luminance; the authors truncate each "
        "channel first",
        truncate=True,
        weights_folder="ifcnn",
        agreement="with ImageNet's mean and deviation, as VIF-Benchmark runs it, authors' network on two real "
        "crops: within 2e-6 of scale; as here, 22 images in the authors' repository (infrared with visible, medical), "
        "saved channel by channel as theirs: mean difference 0.0001 grey levels, none above 1; with the luminance "
        "truncated instead: 0.15, none above 1",
        checkpoints={"IFCNN-MAX.pth": "6022b44c88a2f0367ba9b08fcdf0d663745d9a966fca0ee1f41867797b6ff53f"},
    )
    reach = 5
    operation = staticmethod(torch.maximum)

    def build(self, checkpoint):
        return load(Network(self.operation), load_state(checkpoint)).to(memory_format=torch.channels_last)

    def forward(self, ir, vis):
        rgb = self.network(ir.expand(-1, 3, -1, -1), vis.expand(-1, 3, -1, -1))
        return F.conv2d(rgb.clamp(0, 1), rgb.new_tensor(LUMINANCE).view(1, 3, 1, 1))


class IFCNNSum(IFCNNMax):
    card = replace(
        IFCNNMax.card,
        name="ifcnn-sum",
        title="IFCNN (sum)",
        agreement="no output of the authors to compare with; all but this file is as in IFCNN (max)",
        checkpoints={"IFCNN-SUM.pth": "a8c1d293f1bf16a93e6244a4bf8f7a7bd300dc10555c8597ad7ef3320b0410cb"},
    )
    operation = staticmethod(torch.add)


def mean(a: Tensor, b: Tensor) -> Tensor:
    return (a + b) / 2


class IFCNNMean(IFCNNMax):
    card = replace(
        IFCNNMax.card,
        name="ifcnn-mean",
        title="IFCNN (mean)",
        agreement="no output of the authors to compare with; all but this file is as in IFCNN (max)",
        checkpoints={"IFCNN-MEAN.pth": "fd2ee9361f1d428fc9749e28e8a2c5c5ef6ce6528ab6f5ad8ef5def42e7ffa4b"},
    )
    operation = staticmethod(mean)
