"""CDDFuse's two training losses, with the authors' weights.

Zhao et al., CVPR 2023, section 3.5, as their training script computes them. Phase 1 trains encoder and
decoder to reconstruct each modality; phase 2 trains all parts to fuse. Both add the decomposition loss,
which asks for correlated base and uncorrelated detail features. Images are (B, 1, H, W) in [0, 1], sides of
at least 6 (the SSIM window's reflected border).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..losses import largest_gradient, largest_intensity, sobel, ssim_map, stronger_gradient

SSIM_WEIGHT = 5.0
GRADIENT_WEIGHT = 5.0
DECOMPOSITION_WEIGHT = 2.0


def ssim_loss(x: Tensor, y: Tensor) -> Tensor:
    """Mean over pixels of (1 - SSIM) / 2, with 1 - SSIM clamped to [0, 1]; the window sees reflected borders."""
    return (1 - ssim_map(x, y, "reflect")).clamp(0, 1).mean() / 2


def correlation(x: Tensor, y: Tensor) -> Tensor:
    """Mean over images and channels of the correlation coefficient over pixels of two (B, C, H, W) maps."""
    x, y = (t.flatten(2) - t.mean(dim=(2, 3)).unsqueeze(-1) for t in (x, y))
    norms = torch.linalg.vector_norm(x, dim=-1) * torch.linalg.vector_norm(y, dim=-1)
    coefficients = (x * y).sum(dim=-1) / (norms + torch.finfo(torch.float32).eps)
    return coefficients.clamp(-1, 1).mean()


def decomposition_loss(base_ir: Tensor, base_vis: Tensor, detail_ir: Tensor, detail_vis: Tensor) -> Tensor:
    """cc(detail)^2 / (1.01 + cc(base)), cc being the correlation between the modalities."""
    return correlation(detail_ir, detail_vis) ** 2 / (1.01 + correlation(base_ir, base_vis))


def phase1_loss(network, ir: Tensor, vis: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Reconstruction of both modalities: the loss, and its unweighted parts (detached).

    Per modality 5 SSIM loss + MSE, then 5 L1 of the gradients (Sobel / 8; of the visible image only, as in
    the authors' script), then 2 decomposition.
    """
    base, detail = network.encode(torch.cat((ir, vis)))  # one encoder for both modalities
    both = network.decode(torch.cat((ir, vis)), base, detail)
    ir_hat, vis_hat = both.chunk(2)
    parts = {
        "ssim_ir": ssim_loss(ir, ir_hat),
        "ssim_vis": ssim_loss(vis, vis_hat),
        "mse_ir": F.mse_loss(ir_hat, ir),
        "mse_vis": F.mse_loss(vis_hat, vis),
        "gradient": F.l1_loss(sobel(vis_hat, "replicate") / 8, sobel(vis, "replicate") / 8),
        "decomposition": decomposition_loss(*base.chunk(2), *detail.chunk(2)),
    }
    loss = (
        SSIM_WEIGHT * (parts["ssim_ir"] + parts["ssim_vis"])
        + parts["mse_ir"]
        + parts["mse_vis"]
        + GRADIENT_WEIGHT * parts["gradient"]
        + DECOMPOSITION_WEIGHT * parts["decomposition"]
    )
    return loss, {name: part.detach() for name, part in parts.items()}


def image_loss(
    fused: Tensor,
    ir: Tensor,
    vis: Tensor,
    intensity: float = 1.0,
    gradient: float = 10.0,
    stronger: float = 0.0,
    ssim: float = 0.0,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The terms of fusion that look at images: the loss, and its unweighted parts.

    By default, as the authors have it: L1 to the maximum + 10 L1 to the maximum gradient (Sobel). Their loss lacks two
    terms. stronger: the weight of a gradient term that asks for the stronger image's direction too, in the place of
    `gradient`. ssim: the weight of 1 - the mean SSIM with both images.
    """
    parts = {
        "intensity": largest_intensity(fused, ir, vis),
        "gradient": (stronger_gradient if stronger else largest_gradient)(fused, ir, vis),
    }
    loss = intensity * parts["intensity"] + (stronger or gradient) * parts["gradient"]
    if ssim:
        parts["ssim"] = (ssim_map(ir, fused, "reflect").mean() + ssim_map(vis, fused, "reflect").mean()) / 2
        loss = loss + ssim * (1 - parts["ssim"])
    return loss, parts


def phase2_loss(
    network, ir: Tensor, vis: Tensor, decomposition: float = DECOMPOSITION_WEIGHT, **weights: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """Fusion: the loss, and its unweighted parts (detached): `image_loss` with these weights + 2 decomposition."""
    base, detail = network.encode(torch.cat((ir, vis)))
    (base_ir, base_vis), (detail_ir, detail_vis) = base.chunk(2), detail.chunk(2)
    fused = network.decode(vis, *network.merge(base_ir + base_vis, detail_ir + detail_vis))
    loss, parts = image_loss(fused, ir, vis, **weights)
    parts["decomposition"] = decomposition_loss(base_ir, base_vis, detail_ir, detail_vis)
    loss = loss + decomposition * parts["decomposition"]
    return loss, {name: part.detach() for name, part in parts.items()}
