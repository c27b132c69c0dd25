"""Pieces of the losses that several fusion networks are trained with; images are (B, 1, H, W) in [0, 1]."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def sobel(image: Tensor, borders: str = "constant") -> Tensor:
    """Both Sobel derivatives, (B, 2, H, W), unnormalised; `borders` is a padding mode of torch.nn.functional.pad."""
    horizontal = image.new_tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    kernels = torch.stack((horizontal, horizontal.T))[:, None]
    return F.conv2d(F.pad(image, (1, 1, 1, 1), mode=borders), kernels)


def gradient_magnitude(image: Tensor) -> Tensor:
    """|horizontal| + |vertical| Sobel derivative, zeros outside the image; (B, 1, H, W)."""
    return sobel(image).abs().sum(dim=1, keepdim=True)


def ssim_map(x: Tensor, y: Tensor, borders: str = "constant") -> Tensor:
    """SSIM of Wang et al. (IEEE TIP 2004) at every pixel: Gaussian window of 11 pixels and sigma 1.5, dynamic range 1,
    K1 = 0.01, K2 = 0.03."""
    offsets = torch.arange(11, dtype=x.dtype, device=x.device) - 5
    window = torch.exp(-(offsets**2) / (2 * 1.5**2))
    window = window / window.sum()
    maps = torch.cat((x, y, x * x, y * y, x * y), dim=1)
    rows = window.view(1, 1, -1, 1).expand(maps.shape[1], 1, -1, 1)
    maps = F.pad(maps, (5, 5, 5, 5), mode=borders)
    maps = F.conv2d(F.conv2d(maps, rows, groups=len(rows)), rows.mT, groups=len(rows))
    mean_x, mean_y, square_x, square_y, product = maps.split(x.shape[1], dim=1)
    variances = square_x - mean_x**2 + square_y - mean_y**2
    covariance = product - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return similarity / ((mean_x**2 + mean_y**2 + c1) * (variances + c2))


def largest_intensity(fused: Tensor, ir: Tensor, vis: Tensor) -> Tensor:
    """Mean absolute difference to the brighter of the two images."""
    return F.l1_loss(fused, torch.maximum(ir, vis))


def summed_contrast(
    fused: Tensor, ir: Tensor, vis: Tensor, share: float, gain: float = 1.0, floor: float = 0.95
) -> Tensor:
    """Mean absolute difference to a brightness that keeps the contrast of both images; ours, from no paper.

    The brighter of the two images loses what is dark in one where the other is bright. The sum of both images'
    deviations from their means keeps it, but dims a hot target before a dark background. So the target is the maximum
    with `share` of that sum in it, spread about its mean by `gain`, and nowhere below `floor` of the infrared image.
    Means are those of each image (crop) of the batch.
    """
    brighter = torch.maximum(ir, vis)
    level = brighter.mean((1, 2, 3), keepdim=True)
    both = sum(image - image.mean((1, 2, 3), keepdim=True) for image in (ir, vis))
    deviation = (1 - share) * (brighter - level) + share * both
    target = torch.maximum((level + gain * deviation).clamp(0, 1), floor * ir)
    return F.l1_loss(fused, target)


def largest_gradient(fused: Tensor, ir: Tensor, vis: Tensor) -> Tensor:
    """Mean absolute difference of the gradient magnitude to the larger of the two images'."""
    return F.l1_loss(gradient_magnitude(fused), torch.maximum(gradient_magnitude(ir), gradient_magnitude(vis)))


def stronger_gradient(fused: Tensor, ir: Tensor, vis: Tensor) -> Tensor:
    """Mean absolute difference of the Sobel derivatives to those of the image whose magnitude is larger at the pixel.

    `largest_gradient` leaves the direction open, so that an edge may be fused with its sides exchanged. This one asks
    for the stronger image's direction. Both have one scale.
    """
    derivatives_ir, derivatives_vis = sobel(ir), sobel(vis)
    stronger = derivatives_ir.abs().sum(1, keepdim=True) >= derivatives_vis.abs().sum(1, keepdim=True)
    return 2 * F.l1_loss(sobel(fused), torch.where(stronger, derivatives_ir, derivatives_vis))
