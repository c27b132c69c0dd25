"""MambaDFuse's training loss for infrared and visible images (arXiv:2404.08406, section 3.5)."""

from __future__ import annotations

from torch import Tensor

from ..losses import gradient_magnitude, largest_gradient, largest_intensity, ssim_map

INTENSITY_WEIGHT, GRADIENT_WEIGHT, SSIM_WEIGHT = 20.0, 20.0, 10.0


def fusion_loss(fused: Tensor, ir: Tensor, vis: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """20 L1 to the maximum + 20 L1 to the maximum gradient + 10 (1 - SSIM), the loss and its unweighted parts.

    SSIM is the mean over both sources, each weighted by its share of the mean gradient magnitude in the batch.
    """
    gradient_ir, gradient_vis = gradient_magnitude(ir).mean(), gradient_magnitude(vis).mean()
    share = gradient_ir / (gradient_ir + gradient_vis + 1e-8)
    parts = {
        "intensity": largest_intensity(fused, ir, vis),
        "gradient": largest_gradient(fused, ir, vis),
        "ssim": share * ssim_map(ir, fused).mean() + (1 - share) * ssim_map(vis, fused).mean(),
    }
    loss = (
        INTENSITY_WEIGHT * parts["intensity"] + GRADIENT_WEIGHT * parts["gradient"] + SSIM_WEIGHT * (1 - parts["ssim"])
    )
    return loss, {name: part.detach() for name, part in parts.items()}
