"""FMI: feature mutual information, on grey levels and on four kinds of features."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import scipy  # imports scipy.fft on its first use, which takes longer than all else here

from .. import kernel
from ..declaring import metric
from ..filters import sobel, sobel_on_unit_range
from ..images import Image, needs_side, once

SIDE = 3
PIXELS = SIDE * SIDE
CHUNK = 8192  # windows at a time
# Transforms leave rounding noise where there should be nothing: differences below this share of the largest
# feature count as none.
NOISE = 1e-12

# First half of the symmetric scaling filter "dmey" (discrete Meyer, 101 taps and a 0) in units of 1e-15, as
# tabulated for MATLAB and in wavelib (R. Hussain, H. Nahrstaedt).
# fmt: off
MEYER = (
    -1509740857, 1278766757, 449585560, -2096568870, 1723223554, 698082276, -2879408033, 2383148395, 982515602,
    -4217789186, 3353501538, 1674721859, -6034501342, 4837555802, 2402288023, -9556309846, 7216527695,
    4849078300, -14206928581, 10503914271, 6187580298, -24438005846, 20106387691, 14993523600, -46428764284,
    32341311914, 37409665760, -102779005085, 24461956845, 149713515389, -75592870255, -139913148217,
    -93512893880, 161189819725, 859500213762, -578185795273, -2702168733939, 2194775336459, 6045510596456,
    -6386728618548, -11044641900539, 15250913158586, 17403888210177, -32094063354505, -24321783959519,
    63667300884468, 30621243943425, -132696615358862, -35048287390595, 444095030766529, 743751004903787,
)
# fmt: on
INDEX = np.arange(1.0, PIXELS + 1)[:, None]


def windows(x: np.ndarray) -> np.ndarray:
    """All 3x3 windows of x, column by column: (9, number of windows)."""
    m, n = x.shape
    return np.stack([x[i : m - 2 + i, j : n - 2 + j].ravel() for j in range(SIDE) for i in range(SIDE)])


def density(w: np.ndarray, flat: np.ndarray) -> np.ndarray:
    """Windows scaled to 0..1 (flat ones to 1), divided by their sum."""
    low, high = w.min(axis=0), w.max(axis=0)
    scaled = np.where(flat, 1, (w - low) / np.where(flat, 1, high - low))
    return scaled / scaled.sum(axis=0)


def entropy(p: np.ndarray) -> np.ndarray:
    size = np.abs(p)
    return -(p * np.log2(np.where(size > 0, size, 1))).sum(axis=0)


def window_information(w_f: np.ndarray, w_s: np.ndarray, noise: float) -> np.ndarray:
    """Normalised mutual information of the windows of f and s; see FMI_none."""
    flat_f, flat_s = (w.max(axis=0) - w.min(axis=0) <= noise for w in (w_f, w_s))
    p, q = density(w_f, flat_f), density(w_s, flat_s)
    d_p, d_q = p - 1 / PIXELS, q - 1 / PIXELS
    product = np.where(flat_f | flat_s, 0, (d_p * d_q).sum(axis=0))
    norm = np.sqrt((d_p * d_p).sum(axis=0) * (d_q * d_q).sum(axis=0))
    correlation = np.where(product == 0, 0, product / np.where(product == 0, 1, norm))
    spread = np.ones_like(correlation)
    for x in (p, q):
        mean = (x * INDEX).sum(axis=0)
        spread *= np.sqrt(np.maximum((x * (INDEX - mean) ** 2).sum(axis=0), 0))
    below_p, below_q = np.cumsum(p, axis=0)[:, None], np.cumsum(q, axis=0)[None]
    bound = np.where(correlation >= 0, np.minimum(below_p, below_q), np.maximum(below_p + below_q - 1, 0))
    largest = (bound - below_p * below_q).sum(axis=(0, 1))
    usable = (correlation != 0) & (spread != 0) & (largest != 0)
    phi = np.where(usable, correlation * spread / np.where(usable, largest, 1), 0)
    step = np.diff(np.diff(bound, axis=0, prepend=0), axis=1, prepend=0)
    joint = phi * step + (1 - phi) * p[:, None] * q[None]
    single = entropy(p) + entropy(q)
    shared = single - entropy(joint.reshape(PIXELS * PIXELS, -1))
    value = np.where(single > 0, 2 * shared / np.where(single > 0, single, 1), 0)
    alike = (np.abs(w_f - w_s) <= noise).all(axis=0) | (flat_f & flat_s)
    return np.where(alike, 1, value)


def mean_information(f: np.ndarray, s: np.ndarray, noise: float) -> float:
    if library := kernel.library():
        return library.fmi(f, s, noise)
    w_f, w_s = windows(f), windows(s)
    count = w_f.shape[1]
    total = 0.0
    for k in range(0, count, CHUNK):
        total += float(window_information(w_f[:, k : k + CHUNK], w_s[:, k : k + CHUNK], noise).sum())
    return total / count


def information(feature, f: Image, a: Image, b: Image) -> float:
    """FMI of the maps that `feature` makes of the images."""
    needs_side(f, SIDE, "for one window")
    x_f, x_a, x_b = (feature(x) for x in (f, a, b))
    noise = NOISE * max(float(np.abs(x).max()) for x in (x_f, x_a, x_b))
    return (mean_information(x_f, x_a, noise) + mean_information(x_f, x_b, noise)) / 2


COMMON = {
    "year": 2011,
    "family": "information",
    "direction": +1,
    "range": "0 .. 1",
    "unit": "1",
    "source": "Haghighat, Aghagolzadeh & Seyedarabi, Comput. Electr. Eng. 37, 744 (2011); Fast-FMI (2014)",
}
CODES = ("tang2023", "tang2022", "hli")


@metric(
    "FMI_none",
    aliases=("FMI",),
    title="Feature mutual information, grey levels",
    protocols={"standard": "the definition"},
    note=(
        "The windows are read column by column, so that transposing or mirroring changes the value by up to 0.003 "
        "on six real triples."
    ),
    **COMMON,
)
def FMI_none(f, a, b):
    """FMI = mean over the sources S and all 3x3 windows of 2 I(F; S) / (H(F) + H(S)); 1 where both windows
    are equal.

    Two flat windows are equal. A window, taken column by column, is scaled to 0..1 (all 1 where it is flat)
    and divided by its sum; this is read as the distribution of an index 1..9. The joint distribution of the
    two indices is phi J + (1 - phi) p q. Here p and q are the windows' distributions, P and Q the cumulative
    ones, c their correlation. J's cumulative distribution is min(P, Q) where c is at least 0, else max(P + Q
    - 1, 0). phi = c s_p s_q / sum(J's cumulative - P Q), s being the index's standard deviation. Undefined
    below 3x3 pixels.
    """
    return information(grey_levels, f, a, b)


def grey_levels(x: Image) -> np.ndarray:
    return x.values


@metric(
    "FMI_gradient",
    title="Feature mutual information, gradient",
    protocols={"standard": "horizontal derivative"},
    note=(
        "Only the horizontal derivative enters, as in the code of its authors: transposing changes the value by up "
        "to 0.029 on six real triples."
    ),
    **COMMON,
)
def FMI_gradient(f, a, b):
    """FMI of the horizontal derivatives: central differences, one-sided at the border. See FMI_none."""
    return information(derivative, f, a, b)


@once
def derivative(x: Image) -> np.ndarray:
    return np.ascontiguousarray(np.gradient(x.values, axis=1))


@metric(
    "FMI_edge",
    aliases=("FMI_pixel",),
    title="Feature mutual information, edges",
    protocols={"standard": "Sobel edges, thinned"},
    note=(
        "Windows without an edge in either map count as perfectly kept, as in the code of its authors, and they "
        "are most: a grey card has 0.889 on ten pairs of VIFB, where `average` has 0.877 and six methods 0.850 to "
        "0.891. Differences between methods mean little."
    ),
    **COMMON,
)
def FMI_edge(f, a, b):
    """FMI of binary edge maps: Sobel strength above twice its root mean square, thinned. See FMI_none.

    An edge pixel is stronger than its neighbours to the left and right, or above and below; border pixels are
    repeated. The field prints it as FMI_pixel, although no grey level enters it.
    """
    return information(edge_map, f, a, b)


@once
def edge_map(x: Image) -> np.ndarray:
    return thinned(*sobel(x, cv2.BORDER_REPLICATE))


def thinned(sx: np.ndarray, sy: np.ndarray) -> np.ndarray:
    square = sx * sx + sy * sy
    square[square <= 4 * square.mean()] = 0
    framed = np.pad(square, 1)
    across = (square > framed[1:-1, :-2]) & (square > framed[1:-1, 2:])
    down = (square > framed[:-2, 1:-1]) & (square > framed[2:, 1:-1])
    return (across | down).astype(np.float64)


@FMI_edge.dialect(
    *CODES,
    note="printed as FMI_pixel; images in 0..1, so that rounding tells equal edges apart (here as in Octave)",
)
def of_unit_range(f, a, b):
    return information(edge_map_on_unit_range, f, a, b)


@once
def edge_map_on_unit_range(x: Image) -> np.ndarray:
    return thinned(*sobel_on_unit_range(x, "edge", columns=(2, 1, 0)))


@metric(
    "FMI_dct",
    title="Feature mutual information, cosine transform",
    protocols={"standard": "of the whole image", **dict.fromkeys(CODES, "of the whole image")},
    note=(
        "The windows are read column by column, so that transposing or mirroring changes the value by up to 0.005 "
        "on six real triples."
    ),
    **COMMON,
)
def FMI_dct(f, a, b):
    """FMI of the orthonormal two-dimensional cosine transform of the whole image. See FMI_none."""
    return information(cosine_transform, f, a, b)


@once
def cosine_transform(x: Image) -> np.ndarray:
    return scipy.fft.dctn(x.values, norm="ortho")


@metric(
    "FMI_wavelet",
    aliases=("FMI_w",),
    title="Feature mutual information, wavelet transform",
    protocols={
        "standard": "discrete Meyer wavelet",
        **dict.fromkeys(CODES, "printed as FMI_w; not confirmed against a run of the code"),
    },
    note=(
        "The windows are read column by column, so that transposing or mirroring changes the value by up to 0.002 "
        "on six real triples."
    ),
    **COMMON,
)
def FMI_wavelet(f, a, b):
    """FMI of one step of the discrete Meyer wavelet transform, its four bands in one map scaled to 0..1. See
    FMI_none.

    The map is [approximation, horizontal detail; vertical detail, diagonal detail]; the image is mirrored at
    its border.
    """
    return information(wavelet_transform, f, a, b)


@once
def wavelet_transform(x: Image) -> np.ndarray:
    rows, columns = (analysis(n) for n in x.shape)
    bands = rows @ x.values @ columns.T
    m, n = bands.shape[0] // 2, bands.shape[1] // 2
    # MATLAB calls the detail across rows horizontal: it goes to the right of the approximation.
    bands[:m, n:], bands[m:, :n] = bands[m:, :n].copy(), bands[:m, n:].copy()
    bands -= bands.min()
    top = bands.max()
    return bands / top if top > 0 else bands


@lru_cache(maxsize=8)
def analysis(n: int) -> np.ndarray:
    """Matrix of one step of the transform of n values, approximation first: (2 ((n + 101) // 2), n)."""
    half = np.array(MEYER) * 1e-15
    scaling = np.concatenate([half, half[-2::-1], [0.0]])
    taps = scaling.size
    low, high = scaling[::-1], scaling * np.where(np.arange(taps) % 2 == 0, -1, 1)
    count = (n + taps - 1) // 2
    matrix = np.zeros((2 * count, n))
    for k in range(taps):
        at = (2 * np.arange(count) + 1 - k) % (2 * n)
        at = np.minimum(at, 2 * n - 1 - at)
        np.add.at(matrix, (np.arange(count), at), low[k])
        np.add.at(matrix, (count + np.arange(count), at), high[k])
    return matrix
