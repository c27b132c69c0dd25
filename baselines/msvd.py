"""MSVD: fusion by multiresolution singular value decomposition of 2x2 blocks.

V. P. S. Naidu, "Image Fusion Technique using Multi-resolution Singular Value Decomposition", Defence Science Journal
61(5), 2011.
"""

import numpy as np

from .base import ClassicalFuser, MethodCard


def blocks(image: np.ndarray) -> np.ndarray:
    """(H, W) with even sides to (4, HW/4): the four pixels of each 2x2 block, down first, then right."""
    height, width = image.shape
    return image.reshape(height // 2, 2, width // 2, 2).transpose(3, 1, 0, 2).reshape(4, -1)


def from_blocks(columns: np.ndarray, height: int, width: int) -> np.ndarray:
    """The image whose `blocks` are `columns`."""
    return columns.reshape(2, 2, height // 2, width // 2).transpose(2, 1, 3, 0).reshape(height, width)


def left_vectors(columns: np.ndarray) -> np.ndarray:
    """The left singular vectors (4, 4) of `columns`, largest singular value first."""
    return np.linalg.eigh(columns @ columns.T)[1][:, ::-1]


def fuse_blocks(a: np.ndarray, b: np.ndarray, of_a: np.ndarray, of_b: np.ndarray) -> np.ndarray:
    """Fuse two images, as `blocks`, by their singular vectors: the mean of the first coefficients, else the larger."""
    a, b = of_a.T @ a, of_b.T @ b
    fused = np.where(np.abs(a) >= np.abs(b), a, b)
    fused[0] = (a[0] + b[0]) / 2
    return (of_a + of_b) / 2 @ fused


class MSVD(ClassicalFuser):
    card = MethodCard(
        name="msvd",
        title="MSVD",
        family="classical",
        year=2011,
        citation="V. P. S. Naidu, Image Fusion Technique using Multi-resolution Singular Value Decomposition, Defence "
        "Science Journal 61(5), 2011",
        licence="BSD-2-Clause (MATLAB File Exchange)",
        link="https://github.com/xingchenzhang/VIFB/tree/22b2ea9d91499cc5962d9bdcae9c290270f0fade",
        agreement="each colour channel for itself, after JPEG, with the signs that MATLAB gave the singular vectors: "
        "16 of VIFB's 21 pictures are equal, the others differ by 0.5 to 1.3 grey levels. Signs are arbitrary; with "
        "ours, which point alike in both images, luminance differs by 3.7 on average, 7.4 at worst",
        notes="one level; an odd side is lengthened by its last row or column, and cut again",
    )
    whole = "its singular vectors are those of the whole image"

    def fuse_pair(self, ir, vis):
        height, width = ir.shape
        odd = (0, height % 2), (0, width % 2)
        a, b = (blocks(np.pad(image.astype(np.float64), odd, mode="edge")) for image in (ir, vis))
        of_a, of_b = left_vectors(a), left_vectors(b)
        of_b = of_b * np.where((of_a * of_b).sum(axis=0) < 0, -1, 1)  # a singular vector's sign is arbitrary
        return from_blocks(fuse_blocks(a, b, of_a, of_b), height + odd[0][1], width + odd[1][1])[:height, :width]
