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

SSIM_WEIGHT = 5.0
GRADIENT_WEIGHT = 5.0
DECOMPOSITION_WEIGHT = 2.0
FUSED_GRADIENT_WEIGHT = 10.0


def _gaussian(size: int, sigma: float, like: Tensor) -> Tensor:
    offsets = torch.arange(size, dtype=like.dtype, device=like.device) - size // 2
    window = torch.exp(-(offsets**2) / (2 * sigma**2))
    return window / window.sum()


def ssim_loss(x: Tensor, y: Tensor) -> Tensor:
    """Mean over pixels of (1 - SSIM) / 2, with 1 - SSIM clamped to [0, 1].

    SSIM of Wang et al. (2004) for images in [0, 1]: Gaussian window of 11 pixels and sigma 1.5, reflected
    borders, K1 = 0.01, K2 = 0.03.
    """
    window = _gaussian(11, 1.5, x)
    half = len(window) // 2
    maps = torch.cat((x, y, x * x, y * y, x * y), dim=1)
    rows = window.view(1, 1, -1, 1).expand(maps.shape[1], 1, -1, 1)
    maps = F.pad(maps, (half, half, half, half), mode="reflect")
    maps = F.conv2d(F.conv2d(maps, rows, groups=len(rows)), rows.mT, groups=len(rows))
    mean_x, mean_y, square_x, square_y, product = maps.split(x.shape[1], dim=1)
    variances = square_x - mean_x**2 + square_y - mean_y**2
    covariance = product - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    similarity = similarity / ((mean_x**2 + mean_y**2 + c1) * (variances + c2))
    return (1 - similarity).clamp(0, 1).mean() / 2


def _sobel(image: Tensor, borders: str) -> Tensor:
    """Both Sobel derivatives, (B, 2, H, W), unnormalised; `borders` is a padding mode of
    torch.nn.functional.pad.
    """
    horizontal = torch.tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=image.dtype, device=image.device)
    kernels = torch.stack((horizontal, horizontal.T))[:, None]
    return F.conv2d(F.pad(image, (1, 1, 1, 1), mode=borders), kernels)


def gradient_magnitude(image: Tensor) -> Tensor:
    """|horizontal| + |vertical| Sobel derivative, zeros outside the image; (B, 1, H, W)."""
    return _sobel(image, "constant").abs().sum(dim=1, keepdim=True)


def correlation(x: Tensor, y: Tensor) -> Tensor:
    """Mean over images and channels of the correlation coefficient over pixels of two (B, C, H, W) maps."""
    x, y = (t.flatten(2) - t.mean(dim=(2, 3)).unsqueeze(-1) for t in (x, y))
    norms = torch.linalg.vector_norm(x, dim=-1) * torch.linalg.vector_norm(y, dim=-1)
    coefficients = (x * y).sum(dim=-1) / (norms + torch.finfo(torch.float32).eps)
    return coefficients.clamp(-1, 1).mean()


def decomposition_loss(base_ir: Tensor, base_vis: Tensor, detail_ir: Tensor, detail_vis: Tensor) -> Tensor:
    """cc(detail)^2 / (1.01 + cc(base)), cc being the correlation between the modalities."""
    return correlation(detail_ir, detail_vis) ** 2 / (1.01 + correlation(base_ir, base_vis))


def fusion_loss(fused: Tensor, ir: Tensor, vis: Tensor) -> tuple[Tensor, Tensor]:
    """Mean absolute differences to the larger intensity and to the larger gradient magnitude."""
    intensity = F.l1_loss(fused, torch.maximum(ir, vis))
    gradient = F.l1_loss(
        gradient_magnitude(fused), torch.maximum(gradient_magnitude(ir), gradient_magnitude(vis))
    )
    return intensity, gradient


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
        "gradient": F.l1_loss(_sobel(vis_hat, "replicate") / 8, _sobel(vis, "replicate") / 8),
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


def phase2_loss(network, ir: Tensor, vis: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Fusion: the loss, and its unweighted parts (detached).

    L1 to the maximum + 10 L1 to the maximum gradient (Sobel) + 2 decomposition.
    """
    base, detail = network.encode(torch.cat((ir, vis)))
    (base_ir, base_vis), (detail_ir, detail_vis) = base.chunk(2), detail.chunk(2)
    fused = network.decode(vis, *network.merge(base_ir + base_vis, detail_ir + detail_vis))
    intensity, gradient = fusion_loss(fused, ir, vis)
    decomposition = decomposition_loss(base_ir, base_vis, detail_ir, detail_vis)
    loss = intensity + FUSED_GRADIENT_WEIGHT * gradient + DECOMPOSITION_WEIGHT * decomposition
    parts = {"intensity": intensity, "gradient": gradient, "decomposition": decomposition}
    return loss, {name: part.detach() for name, part in parts.items()}
