"""MambaDFuse's training losses (arXiv:2404.08406, section 3.5)."""

from __future__ import annotations

from torch import Tensor

from ..losses import (
    gradient_magnitude,
    largest_gradient,
    largest_intensity,
    ssim_map,
    stronger_gradient,
    summed_contrast,
)


def fusion_loss(
    fused: Tensor,
    ir: Tensor,
    vis: Tensor,
    intensity: float = 20.0,
    gradient: float = 20.0,
    ssim: float = 10.0,
    ssim_share: float | None = None,
    stronger: float = 0.0,
    summed: float = 0.0,
    gain: float = 1.0,
) -> tuple[Tensor, dict[str, Tensor]]:
    """20 L1 to the maximum + 20 L1 to the maximum gradient + 10 (1 - SSIM), the loss and its unweighted parts.

    SSIM is the mean over both sources, infrared weighted by `ssim_share` or, for None, each by its share of the mean
    gradient magnitude in the batch, as the authors do for infrared and visible images; for medical ones they use 20,
    100, 50 and 0.5. stronger: the weight of the gradient term that asks for the stronger image's direction too, which
    the authors' loss has not. summed: the share of both images' summed contrast in the brightness that is asked for,
    and gain: by how much its contrast is raised (`summed_contrast`); with 0 and 1 the authors' maximum is asked for.
    """
    if ssim_share is None:
        gradient_ir, gradient_vis = gradient_magnitude(ir).mean(), gradient_magnitude(vis).mean()
        ssim_share = gradient_ir / (gradient_ir + gradient_vis + 1e-8)
    parts = {
        "intensity": largest_intensity(fused, ir, vis)
        if summed == 0 and gain == 1
        else summed_contrast(fused, ir, vis, summed, gain),
        "gradient": (stronger_gradient if stronger else largest_gradient)(fused, ir, vis),
        "ssim": ssim_share * ssim_map(ir, fused).mean() + (1 - ssim_share) * ssim_map(vis, fused).mean(),
    }
    loss = intensity * parts["intensity"] + (stronger or gradient) * parts["gradient"] + ssim * (1 - parts["ssim"])
    return loss, {name: part.detach() for name, part in parts.items()}
