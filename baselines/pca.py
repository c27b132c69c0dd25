"""Fusion by principal components: one weight for each image.

V. P. S. Naidu and J. R. Raol, "Pixel-level Image Fusion using Wavelets and Principal Component Analysis", Defence
Science Journal 58(3), 2008, section 2.
"""

import numpy as np

from .base import ClassicalFuser, MethodCard


def principal_weights(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """The first eigenvector of the covariance of two arrays of one shape, divided by its sum.

    Where the arrays are anticorrelated, one of the two is negative, as in the published formula. Where the sum is zero
    or there is no variance, both are 1/2.
    """
    covariance = np.cov(a.ravel().astype(np.float64), b.ravel().astype(np.float64))
    if not covariance.any():
        return 0.5, 0.5
    first = np.linalg.eigh(covariance)[1][:, -1]
    total = first.sum()
    if abs(total) < 1e-6:
        return 0.5, 0.5
    return first[0] / total, first[1] / total


class PCA(ClassicalFuser):
    card = MethodCard(
        name="pca",
        title="PCA",
        family="classical",
        year=2008,
        citation="V. P. S. Naidu and J. R. Raol, Pixel-level Image Fusion using Wavelets and Principal Component "
        "Analysis, Defence Science Journal 58(3), 2008",
        notes="weights: the first eigenvector of the two images' covariance, divided by its sum. Of anticorrelated "
        "images one weight is negative and the result may leave the range",
    )
    whole = "its weights follow from the covariance of the whole image"

    def fuse_pair(self, ir, vis):
        of_ir, of_vis = principal_weights(ir, vis)
        return of_ir * ir + of_vis * vis
