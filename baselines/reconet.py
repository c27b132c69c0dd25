"""ReCoNet: an estimate, begun as the maximum, corrected in three passes of one small network.

Z. Huang et al., "ReCoNet: Recurrent correction network for fast and efficient multi-modality image fusion", ECCV 2022.
The fusion network of its first version; its registration network is not used on aligned images.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .base import MethodCard, NetworkFuser, load_state
from .blocks import load

PASSES = 3


class Network(nn.Module):
    """ir, vis (B, 1, H, W) in [0, 1] to (B, 1, H, W) in (-1, 1)."""

    def __init__(self, dim: int = 64):
        super().__init__()
        self.att_a_conv = nn.Conv2d(2, 1, 3, padding=1, bias=False)
        self.att_b_conv = nn.Conv2d(2, 1, 3, padding=1, bias=False)
        self.dilated = nn.ModuleList(
            nn.Sequential(nn.Conv2d(3, dim, 3, padding=step, dilation=step), nn.BatchNorm2d(dim), nn.ReLU())
            for step in (1, 2, 3)
        )
        self.fus_conv = nn.Sequential(nn.Conv2d(3 * dim, 1, 3, padding=1), nn.BatchNorm2d(1), nn.Tanh())

    @staticmethod
    def attention(conv: nn.Module, image: Tensor, fused: Tensor) -> Tensor:
        return torch.sigmoid(conv(torch.cat((torch.maximum(image, fused), (image + fused) / 2), dim=1)))

    def forward(self, ir: Tensor, vis: Tensor) -> Tensor:
        fused = torch.maximum(ir, vis)
        for _ in range(PASSES):
            ir_seen = ir * self.attention(self.att_a_conv, ir, fused)
            vis_seen = vis * self.attention(self.att_b_conv, vis, fused)
            x = torch.cat((ir_seen, fused, vis_seen), dim=1)
            fused = self.fus_conv(torch.cat([branch(x) for branch in self.dilated], dim=1))
        return fused


class ReCoNet(NetworkFuser):
    card = MethodCard(
        name="reconet",
        title="ReCoNet",
        family="learned",
        year=2022,
        citation="Z. Huang et al., ReCoNet: Recurrent correction network for fast and efficient multi-modality image "
        "fusion, ECCV 2022",
        licence="MIT",
        weights_licence="MIT, as the repository that holds them",
        link="https://github.com/dlut-dimt/ReCoNet/tree/0870f5f37852ace85850d9fd2d4570eb57682d22/archive",
        tasks=("ivf",),
        trained_on="not stated in the authors' repository; its scripts name TNO",
        parameters=7_527,
        flops=12_806_553_600,
        output_convention="tanh; negative values become 0 on saving",
        agreement="authors' network on two real crops: within 1e-6 of scale; the authors publish no image to "
        "compare with",
        checkpoints={"params.pth": "d4f013c85e48d10d4f6c8b6574f16e4fe9cb5df48c77fc17c1e524f04bb3c290"},
    )
    reach = 15

    def build(self, checkpoint):
        names = {f"dil_conv_{i + 1}.": f"dilated.{i}." for i in range(3)}
        return load(Network(), load_state(checkpoint), names).to(memory_format=torch.channels_last)
