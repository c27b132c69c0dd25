"""SDNet: two dense branches squeezed into one image, which two others decompose again in training.

H. Zhang and J. Ma, "SDNet: A Versatile Squeeze-and-Decomposition Network for Real-Time Image Fusion", International
Journal of Computer Vision 129, 2021. One network with weights for each task, from TensorFlow 1 checkpoints.
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import MethodCard, NetworkFuser, load_state
from .blocks import load

DIM = 16


def convolution(inputs: int, outputs: int, size: int = 3) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, padding=size // 2)


class Network(nn.Module):
    """Two images (B, 1, H, W) in [-1, 1] to one in (-1, 1)."""

    def __init__(self):
        super().__init__()
        for image in ("ir", "vi"):
            self.add_module(f"layer1_{image}", convolution(1, DIM, size=5))
            for number in (2, 3, 4):
                self.add_module(f"layer{number}_{image}", convolution((number - 1) * DIM, DIM))
        self.layer5_fuse = convolution(8 * DIM, 1, size=1)
        # The decomposition, which only training needs.
        self.layer6_sept = convolution(1, 8 * DIM, size=1)
        for image in ("ir", "vi"):
            self.add_module(f"layer7_{image}", convolution(8 * DIM, DIM))
            self.add_module(f"layer8_{image}", convolution(DIM, 4))
            self.add_module(f"layer9_{image}", convolution(4, 1))

    def encode(self, x: Tensor, image: str) -> list[Tensor]:
        """The features of the four layers, each of which sees those of all before it."""
        features = [x]
        for number in (1, 2, 3, 4):
            seen = x if number == 1 else torch.cat(features[1:], dim=1)
            features.append(F.leaky_relu(self.get_submodule(f"layer{number}_{image}")(seen), 0.2))
        return features[1:]

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        layers = zip(self.encode(a, "ir"), self.encode(b, "vi"))
        return torch.tanh(self.layer5_fuse(torch.cat([features for layer in layers for features in layer], dim=1)))


LAYERS = ["5_fuse", "6_sept", *(f"{number}_{image}" for number in (1, 2, 3, 4, 7, 8, 9) for image in ("ir", "vi"))]
NAMES = {  # fusion_model/layer1_ir/w1_ir
    "fusion_model/": "",
    **{f"/w{layer}": ".weight" for layer in LAYERS},
    **{f"/b{layer}": ".bias" for layer in LAYERS},
}


class SDNet(NetworkFuser):
    card = MethodCard(
        name="sdnet",
        title="SDNet",
        family="learned",
        year=2021,
        citation="H. Zhang and J. Ma, SDNet: A Versatile Squeeze-and-Decomposition Network for Real-Time Image Fusion, "
        "International Journal of Computer Vision 129, 2021, pp. 2761-2785",
        licence="MIT",
        weights_licence="MIT, with the code",
        link="https://github.com/HaoZhang1018/SDNet/tree/bf6a2eeed1f723f0fd319b882d2bf38016bf6e55",
        tasks=("ivf",),
        trained_on="TNO",
        parameters=67_091,
        flops=17_557_094_400,
        input_convention="luminance in [-1, 1]",
        output_convention="tanh, to (0, 1)",
        stretch=True,
        agreement="authors' network on two real crops: within 1e-6 of scale",
        weights_folder="sdnet",
        checkpoints={"IRVIS.model-10.index": "bed2d4628732a36bc972de1189c4e139d8bc233077da20156e8e662a17df35aa"},
        companions={
            "IRVIS.model-10.index": {
                "IRVIS.model-10.data-00000-of-00001": "17e4426453f09f3dae7887244f48eed54550bdd584792ac284597ee3713293a0"
            }
        },
    )
    reach = 5

    def build(self, checkpoint):
        state = {name: x.permute(3, 2, 0, 1) if x.ndim == 4 else x for name, x in load_state(checkpoint).items()}
        return load(Network(), state, NAMES).to(memory_format=torch.channels_last)

    def forward(self, ir, vis):
        return (self.network(2 * ir - 1, 2 * vis - 1) + 1) / 2


class SDNetMedical(SDNet):
    card = replace(
        SDNet.card,
        name="sdnet-medical",
        title="SDNet (medical)",
        tasks=("mif",),
        trained_on="Harvard (PET-MRI)",
        input_convention="luminance in [-1, 1] of the functional image, then of the structural one",
        checkpoints={"Medical.model-29.index": "e7e22f1195e6b624f38ba886c36a734be183a0399282c1ee6e9582db15ffa969"},
        companions={
            "Medical.model-29.index": {
                "Medical.model-29.data-00000-of-00001": (
                    "062d217c7eca5cf910d11115a40347927d7a7b2e6c034a7a76b6149defd97898"
                )
            }
        },
        notes="the authors compute luminance in the studio range (16 to 235)",
    )
