"""Laplacian pyramid fusion.

Pyramid: P. J. Burt and E. H. Adelson, "The Laplacian Pyramid as a Compact Image Code", IEEE Trans. Communications
31(4), 1983. Fusion of two images by it: A. Toet, "Image fusion by a ratio of low-pass pyramid", Pattern Recognition
Letters 9(4), 1989, and P. J. Burt and R. J. Kolczynski, ICCV 1993, for the choice of the larger coefficient.
"""

import cv2
import numpy as np

from .base import ClassicalFuser, MethodCard

LEVELS = 4
SMALLEST_BASE = 8  # pixels; a shorter side of the base would be little but border


def levels_for(height: int, width: int) -> int:
    """Number of bands: LEVELS, or as many as leave the base at least SMALLEST_BASE pixels high and wide."""
    side, levels = min(height, width), 0
    while levels < LEVELS and (side + 1) // 2 >= SMALLEST_BASE:
        side, levels = (side + 1) // 2, levels + 1
    return levels


def _expand(image: np.ndarray, like: np.ndarray) -> np.ndarray:
    return cv2.pyrUp(image, dstsize=like.shape[::-1])


def decompose(image: np.ndarray, levels: int) -> list[np.ndarray]:
    """`levels` band-pass images (H, W), (ceil(H/2), ceil(W/2)), ..., then the low-pass base. Kernel [1 4 6 4 1]/16."""
    pyramid = []
    for _ in range(levels):
        smaller = cv2.pyrDown(image)
        pyramid.append(image - _expand(smaller, image))
        image = smaller
    return [*pyramid, image]


def reconstruct(pyramid: list[np.ndarray]) -> np.ndarray:
    """The image that `decompose` split, to rounding."""
    image = pyramid[-1]
    for band in reversed(pyramid[:-1]):
        image = _expand(image, band) + band
    return image


class Laplacian(ClassicalFuser):
    card = MethodCard(
        name="laplacian",
        title="Laplacian pyramid",
        family="classical",
        year=1983,
        citation="P. J. Burt and E. H. Adelson, The Laplacian Pyramid as a Compact Image Code, IEEE Trans. "
        "Communications 31(4), 1983; A. Toet, Image fusion by a ratio of low-pass pyramid, Pattern Recognition "
        "Letters 9(4), 1989",
        notes=f"{LEVELS} bands (fewer on small images): the coefficient of larger magnitude; base: the mean",
    )
    reach, align = 64, 16

    def fuse_pair(self, ir, vis):
        levels = levels_for(*ir.shape)
        *ir_bands, ir_base = decompose(ir, levels)
        *vis_bands, vis_base = decompose(vis, levels)
        bands = [np.where(np.abs(a) > np.abs(b), a, b) for a, b in zip(ir_bands, vis_bands)]
        return reconstruct([*bands, (ir_base + vis_base) / 2])
