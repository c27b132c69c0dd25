"""MambaDFuse as a fuser. The network is in `network`, its loss in `losses`."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..base import MethodCard, NetworkFuser, inference
from ..scan import mamba
from .network import SMALLEST_BAND, MedicalMambaDFuse, PaperMambaDFuse, PaperMedicalMambaDFuse, load_network
from .network import MambaDFuse as Network

WINDOW = 8


def pad(x: Tensor) -> Tensor:
    """Mirror the lower and right borders (edge pixels repeated) up to the next larger multiple of 8.

    As in the authors' test script, an image whose sides are multiples already gets 8 more rows and columns.
    """
    height, width = x.shape[2:]
    rows, columns = (height // WINDOW + 1) * WINDOW, (width // WINDOW + 1) * WINDOW
    x = torch.cat([x, x.flip(2)], 2)[:, :, :rows]
    return torch.cat([x, x.flip(3)], 3)[:, :, :, :columns]


class MambaDFuse(NetworkFuser):
    card = MethodCard(
        name="mambadfuse",
        title="MambaDFuse",
        family="learned",
        year=2024,
        citation="Z. Li et al., MambaDFuse: A Mamba-based Dual-phase Model for Multi-modality Image Fusion, "
        "arXiv:2404.08406",
        licence="none stated by the authors",
        link="https://github.com/Lizhe1228/MambaDFuse",
        trained_on="MSRS train",
        parameters=1_347_271,
        flops=1_028_047_386_240,
        input_convention="luminance in [0, 1], mirrored to the next multiple of 8",
        checkpoints={"10000_E.pth": None, "mambadfuse.safetensors": None},
    )

    kind = Network
    precisions = mamba.PRECISIONS
    streams = True

    def build(self, checkpoint):
        return load_network(checkpoint, self.kind).to(memory_format=torch.channels_last)

    def forward(self, ir, vis):
        height, width = ir.shape[2:]
        with mamba.precision(self.precision):
            return self.network(pad(ir), pad(vis))[:, :, :height, :width]

    def fuse_parts(self, ir, vis):
        """In bands of rows that have as many pixels as a tile."""
        height, width = ir.shape[2:]
        rows = max(SMALLEST_BAND, self.tile**2 // width // WINDOW * WINDOW)
        with inference(self.device), mamba.precision(self.precision):
            fused = self.network.in_bands(*map(pad, self._tensors(ir, vis)), rows)
            return fused[:, :, :height, :width].float().cpu().numpy()


class MambaDFuseMedical(MambaDFuse):
    card = replace(
        MambaDFuse.card,
        name="mambadfuse-mif",
        title="MambaDFuse, medical",
        tasks=("mif",),
        trained_on="Harvard, one network for each of CT-MRI, PET-MRI and SPECT-MRI",
        checkpoints={"10000_E.pth": None, "mambadfuse-mif.safetensors": None},
        notes="the network gets the MRI first, as in the authors' training",
    )
    kind = MedicalMambaDFuse


class MambaDFuseTuned(MambaDFuse):
    card = replace(
        MambaDFuse.card,
        name="mambadfuse-tuned",
        title="MambaDFuse, tuned here",
        trained_on="what its weights' record says",
        checkpoints={"mambadfuse-tuned.safetensors": None},
        notes="the network of mambadfuse with a training chosen here: recipe tuned",
    )


class MambaDFuseTunedMedical(MambaDFuseMedical):
    card = replace(
        MambaDFuseMedical.card,
        name="mambadfuse-tuned-mif",
        title="MambaDFuse, tuned here, medical",
        trained_on="what its weights' record says",
        checkpoints={"mambadfuse-tuned-mif.safetensors": None},
        notes="the network of mambadfuse-mif with a training chosen here: recipe tuned-mif",
    )


class MambaDFusePaper(MambaDFuse):
    card = replace(
        MambaDFuse.card,
        name="mambadfuse-paper",
        title="MambaDFuse, gating of the paper",
        link="https://arxiv.org/abs/2404.08406",
        trained_on="what its weights' record says; none are published",
        variant="paper",
        checkpoints={"mambadfuse-paper.safetensors": None},
        notes="the authors' code has another gating, and no weights of this one are published: bench train --method "
        "mambadfuse --variant paper makes them",
    )
    kind = PaperMambaDFuse


class MambaDFusePaperMedical(MambaDFusePaper):
    card = replace(
        MambaDFusePaper.card,
        name="mambadfuse-paper-mif",
        title="MambaDFuse, gating of the paper, medical",
        tasks=("mif",),
        checkpoints={"mambadfuse-paper-mif.safetensors": None},
        notes="no weights are published: bench train --method mambadfuse --task mif --variant paper makes them",
    )
    kind = PaperMedicalMambaDFuse
