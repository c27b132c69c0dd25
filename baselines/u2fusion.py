"""U2Fusion: a densely connected network on both images, for several fusion tasks with one set of weights.

H. Xu, J. Ma, J. Jiang, X. Guo and H. Ling, "U2Fusion: A Unified Unsupervised Image Fusion Network", IEEE TPAMI 44(1),
2022. Weights from a TensorFlow 1 checkpoint.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import MethodCard, NetworkFuser, load_state
from .blocks import load, reflect_conv

DIM = 44


class Network(nn.Module):
    """ir, vis (B, 1, H, W) in [0, 1] to (B, 1, H, W) in (0, 1)."""

    def __init__(self):
        super().__init__()
        self.first = reflect_conv(2, DIM)
        self.dense = nn.ModuleList(reflect_conv(number * DIM, DIM) for number in range(1, 6))
        self.decoder = nn.ModuleList(reflect_conv(*sizes) for sizes in ((6 * DIM, 128), (128, 64), (64, 32)))
        self.last = reflect_conv(32, 1)

    def forward(self, ir: Tensor, vis: Tensor) -> Tensor:
        x = F.leaky_relu(self.first(torch.cat((ir, vis), dim=1)), 0.2)
        for layer in self.dense:
            x = torch.cat((F.leaky_relu(layer(x), 0.2), x), dim=1)
        for layer in self.decoder:
            x = F.leaky_relu(layer(x), 0.2)
        return torch.tanh(self.last(x)) / 2 + 0.5


NAMES = {
    "Generator/encoder/conv1_1": "first",
    **{f"Generator/encoder/dense_block_conv{number}": f"dense.{number - 1}" for number in range(1, 6)},
    **{f"Generator_1/decoder/conv2_{number}": f"decoder.{number - 1}" for number in range(1, 4)},
    "Generator_1/decoder/conv2_4": "last",
    "/kernel": ".weight",
    "/bias": ".bias",
}


class U2Fusion(NetworkFuser):
    card = MethodCard(
        name="u2fusion",
        title="U2Fusion",
        family="learned",
        year=2022,
        citation="H. Xu et al., U2Fusion: A Unified Unsupervised Image Fusion Network, IEEE Transactions on Pattern "
        "Analysis and Machine Intelligence 44(1), 2022, pp. 502-518",
        licence="none stated by the authors; MIT in VIF-Benchmark, where the checkpoint is from",
        weights_licence="none stated by the authors; MIT in VIF-Benchmark",
        link="https://github.com/Linfeng-Tang/VIF-Benchmark/tree/23f2e51fc1b084310d998999222ce02dc364b6eb",
        trained_on="RoadScene, Harvard, SICE, Lytro",
        parameters=659_217,
        flops=404_722_483_200,
        output_convention="tanh, to (0, 1)",
        stretch=True,
        agreement="authors' network on two real crops: within 1e-6 of scale",
        checkpoints={"model.ckpt.index": "15b7d283a1de8f616cc42978346bd24d47a9c380d624370368b956beb593014e"},
        companions={
            "model.ckpt.index": {
                "model.ckpt.data-00000-of-00001": "e50cada8d4ec92f2577ad5db5d212fba521dffb35d04e00a20364b43512c64c8"
            }
        },
        notes="the authors' repository, https://github.com/hanna-xu/U2Fusion, holds the same file",
    )
    reach = 10

    def build(self, checkpoint):
        state = {name: x.permute(3, 2, 0, 1) if x.ndim == 4 else x for name, x in load_state(checkpoint).items()}
        return load(Network(), state, NAMES).to(memory_format=torch.channels_last)
