"""AUIF: two optimisation schemes, unrolled into layers, split an image into base and detail; their sums are decoded.

Z. Zhao et al., "Efficient and model-based infrared and visible image fusion via algorithm unrolling", IEEE Transactions
on Circuits and Systems for Video Technology 32(3), 2022.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import MethodCard, NetworkFuser, load_states
from .blocks import load

LAYERS = 10
KERNELS = 64


def mirror(x: Tensor, by: int) -> Tensor:
    return F.pad(x, (by, by, by, by), mode="reflect")


def box(x: Tensor, size: int) -> Tensor:
    """The mean over size x size pixels."""
    x = mirror(x, size // 2)
    return F.avg_pool2d(F.avg_pool2d(x, (size, 1), stride=1), (1, size), stride=1)


class Step(nn.Module):
    """One step of gradient descent on K^T K x, which is learned, and on the distance from the image.

    K is 64 kernels of 3x3. Nothing lies between them and their transposes, so that together they are one kernel of 5x5.
    Only at the border, where features are mirrored in between, are they applied one after the other.
    """

    def __init__(self):
        super().__init__()
        self.kernel = nn.Parameter(torch.zeros(KERNELS, 1, 3, 3))
        self.rest = nn.Sequential(nn.BatchNorm2d(1), nn.PReLU())
        self.eta = nn.Parameter(torch.zeros(1))
        self.theta = nn.Parameter(torch.zeros(1))

    def twice(self, x: Tensor) -> Tensor:
        back = self.kernel.flip(-1, -2).transpose(0, 1)
        return F.conv2d(mirror(F.conv2d(mirror(x, 1), self.kernel), 1), back)

    def both(self, x: Tensor) -> Tensor:
        """The same as `twice`, by one kernel of 5x5."""
        kernels = self.kernel.transpose(0, 1)
        result = F.conv2d(mirror(x, 2), F.conv2d(kernels, kernels, padding=2))
        result[..., :1, :] = self.twice(x[..., :3, :])[..., :1, :]
        result[..., -1:, :] = self.twice(x[..., -3:, :])[..., -1:, :]
        result[..., :1] = self.twice(x[..., :3])[..., :1]
        result[..., -1:] = self.twice(x[..., -3:])[..., -1:]
        return result

    def forward(self, x: Tensor, image: Tensor) -> Tensor:
        return x - self.eta * (self.rest(self.both(x)) - self.theta * (image - x))


class Network(nn.Module):
    """ir, vis (B, 1, H, W) in [0, 1] to (B, 1, H, W) in (0, 1)."""

    def __init__(self):
        super().__init__()
        self.base = nn.ModuleList(Step() for _ in range(LAYERS))
        self.detail = nn.ModuleList(Step() for _ in range(LAYERS))
        self.decoder = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(1, 1, 3, bias=False), nn.BatchNorm2d(1), nn.Sigmoid()
        )

    def decompose(self, image: Tensor) -> Tensor:
        """Base plus detail. One begins as a blur, the other as a 19x19 Laplacian; its absolute weights sum to 1."""
        base, detail = box(image, 11), 361 / 720 * (box(image, 19) - image)
        for base_step, detail_step in zip(self.base, self.detail):
            base, detail = base_step(base, image), detail_step(detail, image)
        return base + detail

    def forward(self, ir: Tensor, vis: Tensor) -> Tensor:
        return self.decoder(self.decompose(ir) + self.decompose(vis))


class AUIF(NetworkFuser):
    card = MethodCard(
        name="auif",
        title="AUIF",
        family="learned",
        year=2022,
        citation="Z. Zhao et al., Efficient and model-based infrared and visible image fusion via algorithm unrolling, "
        "IEEE Transactions on Circuits and Systems for Video Technology 32(3), 2022, pp. 1186-1196",
        licence="none stated by the authors",
        weights_licence="none stated by the authors",
        link="https://github.com/Zhaozixiang1228/IVIF-AUIF-Net/tree/8f54650ffbc0a9e655a0d4c6098751bedc319803",
        tasks=("ivf",),
        trained_on="FLIR (180 pairs)",
        parameters=11_631,
        flops=1_240_396_800,
        input_convention="luminance in [0, 1]; the parts of the two images are summed",
        output_convention="sigmoid",
        notes="FLOPs as computed here; 28 GFLOP with the 64 kernels and their transposes one after the other",
        agreement="authors' network on two real crops: within 1e-5 of scale; 18 images in the authors' repository "
        "(TNO, FLIR, NIR): mean difference 0.0001 grey levels, none above 1",
        checkpoints={"TCSVT_Encoder_Base.model": "c4fe51b85637e3befc89b27e3cbb7a765aea37871eb4da4f58b471680ce7eb72"},
        companions={
            "TCSVT_Encoder_Base.model": {
                "TCSVT_Encoder_Detail.model": "92e1ad6a4b7e5a2acc442a3a57c3b0e48a2af262f487942e42d81334de204726",
                "TCSVT_Decoder.model": "7966d490bb4003821c8f20ce1197c22d020ab986850571c5dfa02b0defad8ad3",
            }
        },
    )
    reach = 30

    def build(self, checkpoint):
        state = {}
        for part in load_states(self.card, checkpoint):
            state |= part
        return load(Network(), state, {"conv1.": "base.", "conv2.": "detail."})
