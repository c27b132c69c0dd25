"""Fusion of dual-tree complex wavelet coefficients.

J. J. Lewis, R. J. O'Callaghan, S. G. Nikolov, D. R. Bull and N. Canagarajah, "Pixel- and region-based image fusion
with complex wavelets", Information Fusion 8(2), 2007; transform: N. Kingsbury, "The dual-tree complex wavelet
transform: a new efficient tool for image restoration and enhancement", EUSIPCO 1998. The package `dtcwt`, a port of
Kingsbury's toolbox, cannot run with NumPy 2 and `pytorch-wavelets` cannot be imported beside current setuptools;
torchwavelets agrees with the former to 4e-15.
"""

import numpy as np

from .base import ClassicalFuser, MethodCard
from .laplacian import LEVELS, levels_for

FILTERS = {"biort": "legall", "qshift": "qshift_06"}


class DTCWT(ClassicalFuser):
    card = MethodCard(
        name="dtcwt",
        title="DTCWT",
        family="classical",
        year=2007,
        citation="J. J. Lewis et al., Pixel- and region-based image fusion with complex wavelets, Information Fusion "
        "8(2), 2007",
        licence="torchwavelets: Apache-2.0",
        requires={"torchwavelets": "dtcwt"},
        notes=f"LeGall 5/3 and Q-shift 06 filters, {LEVELS} levels (fewer on small images): the coefficient of larger "
        "modulus, pixel by pixel; approximation: the mean",
    )
    whole = "its transform extends the whole image on both sides, by its size"

    def fuse_pair(self, ir, vis):
        import torch
        import torchwavelets

        odd = [(0, side % 2) for side in ir.shape]
        pair = torch.from_numpy(np.stack([np.pad(image, odd, mode="edge") for image in (ir, vis)]))[:, None]
        base, bands = torchwavelets.dtcwt2d(pair, J=levels_for(*ir.shape), **FILTERS)
        base = base.mean(dim=0, keepdim=True)
        bands = [torch.where(band[:1].abs() > band[1:].abs(), band[:1], band[1:]) for band in bands]
        fused = torchwavelets.idtcwt2d((base, bands), **FILTERS)[0, 0].numpy()
        return fused[: ir.shape[0], : ir.shape[1]]
