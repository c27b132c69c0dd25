"""Fusion of discrete wavelet coefficients.

H. Li, B. S. Manjunath and S. K. Mitra, "Multisensor Image Fusion Using the Wavelet Transform", Graphical Models and
Image Processing 57(3), 1995: the coefficient of larger magnitude. Here pixel by pixel, without their window.
"""

import numpy as np
import pywt

from .base import ClassicalFuser, MethodCard
from .laplacian import LEVELS, levels_for

WAVELET = "bior2.2"


class DWT(ClassicalFuser):
    card = MethodCard(
        name="dwt",
        title="DWT",
        family="classical",
        year=1995,
        citation="H. Li et al., Multisensor Image Fusion Using the Wavelet Transform, Graphical Models and Image "
        "Processing 57(3), 1995",
        licence="PyWavelets: MIT",
        notes=f"{WAVELET}, {LEVELS} levels (fewer on small images), symmetric border: the coefficient of larger "
        "magnitude, pixel by pixel; approximation: the mean",
    )
    reach, align = 80, 16

    def fuse_pair(self, ir, vis):
        levels = levels_for(*ir.shape)
        ir_base, *ir_bands = pywt.wavedec2(ir, WAVELET, "symmetric", levels)
        vis_base, *vis_bands = pywt.wavedec2(vis, WAVELET, "symmetric", levels)
        bands = [
            tuple(np.where(np.abs(a) > np.abs(b), a, b) for a, b in zip(*level)) for level in zip(ir_bands, vis_bands)
        ]
        fused = pywt.waverec2([(ir_base + vis_base) / 2, *bands], WAVELET, "symmetric")
        return fused[: ir.shape[0], : ir.shape[1]]  # the inverse of an odd side is one longer
