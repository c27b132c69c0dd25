"""GFF: two scales, weighted by saliency that guided filters align with the images.

S. Li, X. Kang and J. Hu, "Image Fusion with Guided Filtering", IEEE Trans. Image Processing 22(7), 2013. Guided filter:
K. He, J. Sun and X. Tang, "Guided Image Filtering", IEEE TPAMI 35(6), 2013.
"""

import cv2
import numpy as np

from .base import ClassicalFuser, MethodCard

BASE_RADIUS, BASE_EPSILON = 45, 0.3
DETAIL_RADIUS, DETAIL_EPSILON = 7, 1e-6
AVERAGE = 31  # side of the mean filter that separates the base
GAUSSIAN, SIGMA = 11, 5  # of the saliency
TINY = 1e-12


def saliency(image: np.ndarray) -> np.ndarray:
    """Gaussian mean of the Laplacian's magnitude."""
    detail = np.abs(cv2.Laplacian(image, cv2.CV_64F, ksize=1, borderType=cv2.BORDER_REPLICATE))
    return cv2.GaussianBlur(detail, (GAUSSIAN, GAUSSIAN), SIGMA, borderType=cv2.BORDER_REPLICATE)


def guided_filter(guide: np.ndarray, image: np.ndarray, radius: int, epsilon: float) -> np.ndarray:
    """Filter `image` by the edges of `guide`, float64 (H, W). Means are over the part of a window inside the image."""
    side = 2 * radius + 1

    def total(x):
        return cv2.boxFilter(x, -1, (side, side), normalize=False, borderType=cv2.BORDER_CONSTANT)

    count = total(np.ones_like(guide))

    def mean(x):
        return total(x) / count

    mean_guide, mean_image = mean(guide), mean(image)
    slope = (mean(guide * image) - mean_guide * mean_image) / (mean(guide**2) - mean_guide**2 + epsilon)
    offset = mean_image - slope * mean_guide
    return mean(slope) * guide + mean(offset)


def weighted(parts, pair, first_wins: np.ndarray, radius: int, epsilon: float) -> np.ndarray:
    """The weighted mean of two `parts`. A part's weights: where it wins (0 or 1), filtered along its image's edges."""
    first, second = (
        np.rint(255 * guided_filter(image, wins, radius, epsilon).clip(0, 1)) / 255 + TINY
        for image, wins in zip(pair, (first_wins, 1 - first_wins))
    )
    return (first * parts[0] + second * parts[1]) / (first + second)


class GFF(ClassicalFuser):
    card = MethodCard(
        name="gff",
        title="GFF",
        family="classical",
        year=2013,
        citation="S. Li et al., Image Fusion with Guided Filtering, IEEE Trans. Image Processing 22(7), 2013",
        licence="research purposes only, no warranty (the authors' MATLAB file)",
        link="https://github.com/xingchenzhang/VIFB/tree/22b2ea9d91499cc5962d9bdcae9c290270f0fade",
        agreement="luminance against that of VIFB's pictures, which were JPEG before and after: mean 0.9 grey levels, "
        "worst 2.8, over 17; the 4 others have false colours",
        notes=f"guided filters of radius {BASE_RADIUS}, epsilon {BASE_EPSILON} (base) and radius {DETAIL_RADIUS}, "
        f"epsilon {DETAIL_EPSILON} (detail); weights rounded to 8 bits, as in the authors' code",
    )
    reach = 96

    def fuse_pair(self, ir, vis):
        pair = [image.astype(np.float64) for image in (ir, vis)]
        ir_wins = (saliency(pair[0]) > saliency(pair[1])).astype(np.float64)
        bases = [cv2.blur(image, (AVERAGE, AVERAGE), borderType=cv2.BORDER_REPLICATE) for image in pair]
        details = [image - base for image, base in zip(pair, bases)]
        return weighted(bases, pair, ir_wins, BASE_RADIUS, BASE_EPSILON) + weighted(
            details, pair, ir_wins, DETAIL_RADIUS, DETAIL_EPSILON
        )
