"""Parts of the training losses, by numpy and scipy, of one image (H, W) at a time."""

import numpy as np
from scipy.signal import convolve2d


def sobel(image, mode):
    """Both derivatives, (2, H, W); mode: numpy's word for the borders."""
    kernel = np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]])
    return np.stack([convolve2d(np.pad(image, 1, mode), k, "valid") for k in (kernel, kernel.T)])


def slope(image):
    return np.abs(sobel(image, "constant")).sum(0)


def ssim(x, y, mode):
    """SSIM at every pixel."""
    offsets = np.arange(-5, 6)
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / 4.5)

    def mean(image):
        return convolve2d(np.pad(image, 5, mode), window / window.sum(), "valid")

    a, b = mean(x), mean(y)
    structure = (2 * a * b + 1e-4) * (2 * (mean(x * y) - a * b) + 9e-4)
    return structure / ((a**2 + b**2 + 1e-4) * (mean(x * x) - a**2 + mean(y * y) - b**2 + 9e-4))


def largest_gradient(fused, ir, vis):
    return np.abs(slope(fused) - np.maximum(slope(ir), slope(vis))).mean()


def stronger_gradient(fused, ir, vis):
    """Both derivatives' differences, summed, to those of the image with the larger slope at the pixel."""
    total = 0.0
    for f, a, b in zip(*(sobel(image, "constant") for image in (fused, ir, vis))):
        total += np.abs(f - np.where(slope(ir) >= slope(vis), a, b)).mean()
    return total


def summed_target(ir, vis, share, gain, floor):
    """The maximum, spread by `gain`, with `share` of the sum of both images' deviations from their means."""
    larger = np.maximum(ir, vis)
    both = ir - ir.mean() + vis - vis.mean()
    spread = larger.mean() + gain * ((1 - share) * (larger - larger.mean()) + share * both)
    return np.maximum(np.clip(spread, 0, 1), floor * ir)
