"""CDDFuse as a fuser. The network is in `network`, the authors' training losses are in `losses`."""

from __future__ import annotations

from dataclasses import replace

from ..base import MethodCard, NetworkFuser


class CDDFuse(NetworkFuser):
    card = MethodCard(
        name="cddfuse",
        title="CDDFuse",
        family="learned",
        year=2023,
        citation="Z. Zhao et al., CDDFuse: Correlation-Driven Dual-Branch Feature Decomposition for "
        "Multi-Modality Image Fusion, CVPR 2023, pp. 5906-5916",
        licence="none stated by the authors",
        link="https://github.com/Zhaozixiang1228/MMIF-CDDFuse",
        trained_on="MSRS train",
        parameters=1_188_272,
        flops=786_160_943_104,
        output_convention="each image stretched from its minimum and maximum to [0, 1]",
        stretch=True,
        checkpoints={"CDDFuse_IVF.pth": None, "cddfuse.safetensors": None},
    )
    whole = "its attention compares the channels of the whole image"

    kind = "CDDFuse"

    def build(self, checkpoint):
        import torch

        from . import network

        return network.load_network(checkpoint, getattr(network, self.kind)).to(memory_format=torch.channels_last)


class CDDFuseMedical(CDDFuse):
    card = replace(
        CDDFuse.card,
        name="cddfuse-mif",
        title="CDDFuse, medical",
        tasks=("mif",),
        trained_on="Harvard CT-MRI, PET-MRI and SPECT-MRI",
        checkpoints={"CDDFuse_MIF.pth": None, "cddfuse-mif.safetensors": None},
        notes="decodes from the features alone, as the authors' script for medical images does",
    )
    kind = "MedicalCDDFuse"


class CDDFuseTuned(CDDFuse):
    card = replace(
        CDDFuse.card,
        name="cddfuse-tuned",
        title="CDDFuse, tuned here",
        trained_on="what its weights' record says",
        checkpoints={"cddfuse-tuned.safetensors": None},
        notes="the network of cddfuse with a training chosen here: recipe tuned",
    )
