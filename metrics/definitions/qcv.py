from __future__ import annotations

import cv2
import numpy as np
import scipy  # imports scipy.fft on its first use, which takes longer than all else here

from ..declaring import metric
from ..filters import sobel
from ..images import Image, Undefined, once, stretched

BLOCK = 16


def frequencies(shape: tuple[int, int], degrees: float) -> np.ndarray:
    """Radial frequency of each coefficient of scipy's rfft2, in cycles per degree; the image is `degrees`
    wide and high.
    """
    u, v = shape[1] * scipy.fft.rfftfreq(shape[1]) / degrees, shape[0] * scipy.fft.fftfreq(shape[0]) / degrees
    return np.sqrt(u[None, :] ** 2 + v[:, None] ** 2)


def filtered(x: np.ndarray, response) -> np.ndarray:
    """x filtered by a real response on the grid of `rfft2`."""
    return scipy.fft.irfft2(scipy.fft.rfft2(x) * response, s=x.shape)


def sensitivity(r: np.ndarray, scale: float) -> np.ndarray:
    """The contrast sensitivity of Mannos and Sakrison."""
    return 2.6 * (0.0192 + scale * r) * np.exp(-((scale * r) ** 1.1))


@once
def seen(x: Image, scale: float) -> np.ndarray:
    return filtered(x.values, sensitivity(frequencies(x.shape, 4), scale))


def block_sums(x: np.ndarray) -> np.ndarray:
    """Sums over 16x16 blocks; the last ones are smaller where the size is no multiple of 16."""
    m, n = x.shape
    x = np.pad(x, ((0, -m % BLOCK), (0, -n % BLOCK)))
    return x.reshape(x.shape[0] // BLOCK, BLOCK, x.shape[1] // BLOCK, BLOCK).sum(axis=(1, 3))


@once
def saliency(x: Image, border: int) -> np.ndarray:
    """Sum of the fifth powers of the edge strengths in each block. border: a border type of cv2."""
    sx, sy = sobel(x, border)
    square = sx * sx + sy * sy
    return block_sums(square * square * np.sqrt(square))


def difference(f: Image, a: Image, b: Image, scale: float, border: int, pixels: np.ndarray | int) -> float:
    """pixels: what the sum over each block is divided by."""
    weights = saliency(a, border), saliency(b, border)
    total = float(weights[0].sum() + weights[1].sum())
    if total == 0:
        raise Undefined("no source has an edge")
    errors = (block_sums((seen(s, scale) - seen(f, scale)) ** 2) / pixels for s in (a, b))
    return sum(float((w * e).sum()) for w, e in zip(weights, errors)) / total


@metric(
    "Qcv",
    title="Perceptual difference weighted by saliency",
    year=2007,
    family="perceptual",
    direction=-1,
    range="0 .. unbounded",
    unit="grey levels squared",
    source="Chen & Varshney, Inf. Fusion 8, 193 (2007); Mannos & Sakrison, IEEE Trans. Inf. Theory 20, 525 (1974)",
    protocols={"standard": "grey levels as they are, border pixels repeated, the sensitivity of Mannos and Sakrison"},
    note=(
        "The constant 0.144 of `liu2012` and `vifb` is 0.114 in Mannos and Sakrison's paper, which Chen and "
        "Varshney cite; taken alone it moves six real triples by -12 to +10 %. Zeros beyond the border draw edges "
        "that outweigh all others where it is bright, and stretching hides a loss of contrast: with zeros 404, "
        "here 1040 on a pair of RoadScene. Blocks start in the upper left corner: mirroring moves Qcv by up to 5 "
        "%, where a frame of zeros made it 57 %. The viewing distance is one of three in Liu's code."
    ),
)
def Qcv(f, a, b):
    """Qcv = sum(l_A D_A + l_B D_B) / sum(l_A + l_B) over blocks of 16x16 pixels from the upper left corner on; the
    last ones are smaller.

    D_S is the mean square, over the pixels of the block, of S - F seen through the contrast sensitivity 2.6
    (0.0192 + 0.114 r) exp(-(0.114 r)^1.1), r in cycles per degree of an image 4 degrees wide and high. l_S is
    the sum of the fifth powers of S's Sobel strengths (border pixels repeated). Undefined where neither source
    has an edge.
    """
    pixels = block_sums(np.ones(f.shape))
    return difference(f, a, b, 0.114, cv2.BORDER_REPLICATE, pixels)


@Qcv.dialect(
    "liu2012",
    "vifb",
    note=(
        "each image stretched to 0..255 first: a loss of contrast is not seen; 0.144 in place of 0.114; zeros beyond "
        "the border, which draw edges, and D_S divided by 256 in the smaller blocks too"
    ),
)
def of_stretched(f, a, b):
    return difference(*map(stretched, (f, a, b)), 0.144, cv2.BORDER_CONSTANT, BLOCK**2)
