"""DIDFuse: an encoder that decomposes an image into base and detail features, and a decoder of their sums.

Z. Zhao et al., "DIDFuse: Deep image decomposition for infrared and visible image fusion", IJCAI 2020.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .base import MethodCard, NetworkFuser, load_states
from .blocks import load

DIM = 64


def layer(inputs: int, outputs: int, activation: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), activation)


def mirrored_layer(inputs: int, outputs: int, activation: nn.Module) -> nn.Sequential:
    """As `layer`, on an image mirrored at its border."""
    return nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(inputs, outputs, 3), nn.BatchNorm2d(outputs), activation)


class Network(nn.Module):
    """ir, vis (B, 1, H, W) in [0, 1] to (B, 1, H, W) in (0, 1)."""

    def __init__(self):
        super().__init__()
        self.cov1 = mirrored_layer(1, DIM, nn.PReLU())
        self.cov2 = layer(DIM, DIM, nn.PReLU())
        self.cov3 = layer(DIM, DIM, nn.Tanh())
        self.cov4 = layer(DIM, DIM, nn.Tanh())
        self.cov5 = layer(2 * DIM, DIM, nn.PReLU())
        self.cov6 = layer(2 * DIM, DIM, nn.PReLU())
        self.cov7 = mirrored_layer(2 * DIM, 1, nn.Sigmoid())

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """First features, second features, and base with detail features (2 DIM channels)."""
        first = self.cov1(x)
        second = self.cov2(first)
        return first, second, torch.cat((self.cov3(second), self.cov4(second)), dim=1)

    def forward(self, ir: Tensor, vis: Tensor) -> Tensor:
        first, second, parts = (a + b for a, b in zip(self.encode(ir), self.encode(vis)))
        x = torch.cat((self.cov5(parts), second), dim=1)
        return self.cov7(torch.cat((self.cov6(x), first), dim=1))


class DIDFuse(NetworkFuser):
    card = MethodCard(
        name="didfuse",
        title="DIDFuse",
        family="learned",
        year=2020,
        citation="Z. Zhao et al., DIDFuse: Deep image decomposition for infrared and visible image fusion, IJCAI 2020, "
        "pp. 970-976",
        licence="none stated by the authors",
        weights_licence="none stated by the authors",
        link="https://github.com/Zhaozixiang1228/IVIF-DIDFuse/tree/5f287300dce7cbc90b9e08e6872455af6baa279f",
        tasks=("ivf",),
        trained_on="FLIR (180 pairs)",
        parameters=260_935,
        flops=227_907_993_600,
        input_convention="luminance in [0, 1]; the features of the two images are summed",
        output_convention="sigmoid",
        agreement="authors' network on two real crops: within 1e-6 of scale; 18 images in the authors' repository "
        "(TNO, FLIR, NIR): mean difference below 0.0001 grey levels, none above 1",
        checkpoints={"Encoder_weight_IJCAI.pkl": "4d84a4e64e58469d3d4591f83c6683ead3e422498519db99bb617cb29d268471"},
        companions={
            "Encoder_weight_IJCAI.pkl": {
                "Decoder_weight_IJCAI.pkl": "c6974e2a7c66ab579a77bacb086023237a229e769d459783bad8ff43e52e9986"
            }
        },
    )
    reach = 6

    def build(self, checkpoint):
        state = {}
        for part in load_states(self.card, checkpoint):
            state |= part.get("weight", part)  # the authors' files hold the epoch besides
        names = {f"cov{i}.cov{i}.": f"cov{i}." for i in range(1, 8)}
        return load(Network(), state, names).to(memory_format=torch.channels_last)
