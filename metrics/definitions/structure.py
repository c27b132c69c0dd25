"""The family built on local structural similarity: Qs, Qw, Qe (Piella), Qc (Cvejic), Qy (Yang)."""

from __future__ import annotations

import cv2
import numpy as np

from ..declaring import metric
from ..filters import WINDOW_7, WINDOW_11, gaussian, local_covariance, local_moments
from ..images import Field, Undefined, needs_side, once
from .ssim import similarity

# Smaller local variances than this do not occur in windows of integers; below it there is only rounding.
FLAT = 1e-6
ROUNDING = 1e-9
TINY = 2e-16
SIDE = 8


@once
def variance(x: Field, window: tuple[int, float]) -> np.ndarray:
    """Local variance, exactly 0 where the window is flat."""
    v = local_moments(x, window)[1]
    return np.where(v < FLAT, 0, v)


def share(v_a: np.ndarray, v_b: np.ndarray) -> np.ndarray:
    """v_a / (v_a + v_b), a half where both are 0."""
    total = v_a + v_b
    return np.where(total > 0, v_a / np.where(total > 0, total, 1), 0.5)


def weighted_similarity(f: Field, a: Field, b: Field) -> np.ndarray:
    weight = share(variance(a, WINDOW_11), variance(b, WINDOW_11))
    return weight * similarity(f, a, 255.0) + (1 - weight) * similarity(f, b, 255.0)


def block_sum(x: np.ndarray) -> np.ndarray:
    """Sums over all 8x8 windows that fit; exact for integers."""
    sums = cv2.boxFilter(x, cv2.CV_64F, (SIDE, SIDE), normalize=False, borderType=cv2.BORDER_CONSTANT)
    return sums[SIDE // 2 : x.shape[0] - SIDE // 2 + 1, SIDE // 2 : x.shape[1] - SIDE // 2 + 1]


@once
def block_moments(x: Field) -> tuple[np.ndarray, np.ndarray]:
    """Sum over each 8x8 window, and 64^2 times the variance in it, exactly 0 where the window is flat."""
    total = block_sum(x.values)
    spread = SIDE * SIDE * block_sum(x.values * x.values) - total * total
    return total, np.where(spread < FLAT, 0, spread)


@once
def block_index(x: Field, y: Field) -> np.ndarray:
    """The universal image quality index of Wang and Bovik in all 8x8 windows.

    Where neither window varies it is the agreement of the means, 1 for two black ones.
    """
    (tx, vx), (ty, vy) = block_moments(x), block_moments(y)
    covariance = np.where((vx > 0) & (vy > 0), SIDE * SIDE * block_sum(x.values * y.values) - tx * ty, 0)
    spread, square = vx + vy, tx * tx + ty * ty
    structure = np.where(spread > 0, 2 * covariance / np.where(spread > 0, spread, 1), 1)
    return np.where(square > 0, 2 * tx * ty / np.where(square > 0, square, 1), 1) * structure


def fusion_index(f: Field, a: Field, b: Field) -> np.ndarray:
    weight = share(block_moments(a)[1], block_moments(b)[1])
    return weight * block_index(f, a) + (1 - weight) * block_index(f, b)


def weighted_mean(quality: np.ndarray, saliency: np.ndarray) -> float:
    total = float(saliency.sum())
    return float((saliency * quality).sum()) / total if total else float(quality.mean())


@once
def weighted_index(f: Field, a: Field, b: Field) -> float:
    return weighted_mean(fusion_index(f, a, b), np.maximum(block_moments(a)[1], block_moments(b)[1]))


PIELLA = {"year": 2003, "family": "structure", "direction": +1, "range": "-1 .. 1", "unit": "1"}
PIELLA["source"] = "Piella & Heijmans, ICIP 2003; Wang & Bovik, IEEE Signal Process. Lett. 9, 81 (2002)"
SMOOTH = (
    "SSIM (11x11 gaussian, constants for L = 255) in place of the index; flat windows count a half each, which the "
    "code leaves to rounding"
)


@metric(
    "Qs",
    title="Fusion quality index",
    protocols={"standard": "the definition"},
    **PIELLA,
    note=(
        "`liu2012` puts SSIM in place of the index, whose constants lift windows of little contrast: on six real "
        "triples it is 0.01 to 0.19 higher, and a grey card has 0.43 on ten pairs of VIFB, here 0.001. Definition "
        "after Wang and Bovik's code (8x8 windows) and the equations quoted in Liu's; the paper itself was not at "
        "hand."
    ),
)
def Qs(f, a, b):
    """Qs = mean of l Q(A, F) + (1 - l) Q(B, F), l = s_A / (s_A + s_B) the share of the local variances.

    Q is the universal image quality index of Wang and Bovik, 4 s_xy m_x m_y / ((s_x + s_y)(m_x^2 + m_y^2)), in
    all 8x8 windows, each pixel weighing the same. Where neither window varies, Q = 2 m_x m_y / (m_x^2 + m_y^2),
    and 1 where both are black; l = 1/2 where both sources are flat. Undefined below 8x8 pixels.
    """
    needs_side(f, SIDE, "for one window")
    return float(fusion_index(f, a, b).mean())


@Qs.dialect("liu2012", note=SMOOTH)
def mean_similarity(f, a, b):
    needs_side(f, 11, "for one window")
    return float(weighted_similarity(f, a, b).mean())


@metric(
    "Qw",
    title="Weighted fusion quality index",
    protocols={"standard": "the definition"},
    **PIELLA,
    note=("`liu2012` puts SSIM in place of the index: on six real triples it is 0.001 lower to 0.033 higher."),
)
def Qw(f, a, b):
    """Qw = sum(c q) / sum(c), q the map of which Qs is the mean, c = max(s_A, s_B): busy windows count more.

    Equal weights where both sources are flat everywhere. Undefined below 8x8 pixels.
    """
    needs_side(f, SIDE, "for one window")
    return weighted_index(f, a, b)


@Qw.dialect("liu2012", note=SMOOTH)
def weighted_mean_similarity(f, a, b):
    needs_side(f, 11, "for one window")
    saliency = np.maximum(variance(a, WINDOW_11), variance(b, WINDOW_11))
    return weighted_mean(weighted_similarity(f, a, b), saliency)


@once
def edge_image(x: Field) -> Field:
    """Prewitt magnitude of the pixels that have all eight neighbours."""
    v = x.values
    rows, columns = v[:-2] + v[1:-1] + v[2:], v[:, :-2] + v[:, 1:-1] + v[:, 2:]
    gx, gy = rows[:, :-2] - rows[:, 2:], columns[:-2] - columns[2:]
    return Field(np.sqrt(gx * gx + gy * gy))


@metric(
    "Qe",
    title="Edge-dependent fusion quality index",
    protocols={"standard": "the definition, alpha = 1"},
    note=(
        "Two forms are in use, Qw Qw'^alpha and Qw^(1 - alpha) Qw'^alpha; this is the first one, as in Liu's code. "
        "The paper itself was not at hand."
    ),
    **PIELLA,
)
def Qe(f, a, b):
    """Qe = Qw(A, B, F) · Qw(A', B', F'), X' being the Prewitt edge strength of X, of pixels that have all eight
    neighbours.

    The edges count as much as the images: the exponent alpha of the second factor is 1. Undefined below 10x10
    pixels. No reference code computes it: the one of Liu et al. fails.
    """
    needs_side(f, SIDE + 2, "for one window of edges")
    return weighted_index(f, a, b) * weighted_index(edge_image(f), edge_image(a), edge_image(b))


@once
def covariance(x: Field, y: Field) -> np.ndarray:
    """Local covariance, 7x7 window, exactly 0 where either image is flat or the value is no more than
    rounding.
    """
    c = local_covariance(x, y, WINDOW_7)
    flat = (variance(x, WINDOW_7) == 0) | (variance(y, WINDOW_7) == 0) | (np.abs(c) < ROUNDING)
    return np.where(flat, 0, c)


@once
def index(x: Field, y: Field) -> np.ndarray:
    """Wang and Bovik's quality index in 7x7 windows: SSIM with vanishing constants; 1 for equal flat windows."""
    (mx, _), (my, _) = local_moments(x, WINDOW_7), local_moments(y, WINDOW_7)
    spread = variance(x, WINDOW_7) + variance(y, WINDOW_7)
    structure = (2 * covariance(x, y) + TINY) / (spread + TINY)
    return (2 * mx * my + TINY) / (mx * mx + my * my + TINY) * structure


@once
def covariance_share(f: Field, a: Field, b: Field) -> np.ndarray:
    """s_AF / (s_AF + s_BF), not clipped; nan where the sum is 0."""
    c_a, c_b = covariance(f, a), covariance(f, b)
    total = c_a + c_b
    undefined = np.abs(total) < FLAT
    return np.where(undefined, np.nan, c_a / np.where(undefined, 1, total))


@metric(
    "Qc",
    title="Cvejic's quality index",
    year=2005,
    family="structure",
    direction=+1,
    range="-1 .. 1",
    unit="1",
    source="Cvejic, Loza, Bull & Canagarajah, Int. J. Signal Process. 2, 178 (2005)",
    protocols={"standard": "the weight clipped to 0..1; windows where neither source varies with F count a half each"},
    note=(
        "`liu2012` sets the quality to 0 or 1 where the weight should be. With windows of undefined weight counted "
        "a half each, that code gives `average` 0.573 on ten pairs of VIFB and 0.681 with infrared and visible "
        "exchanged, here 0.656 both ways; noise has 0.171 there, 0.000 here. The clipped weight is the definition "
        "in the paper as its followers quote it; the 7x7 window is that of Liu's code, the paper not being at "
        "hand."
    ),
)
def Qc(f, a, b):
    """Qc = mean of w Q(A, F) + (1 - w) Q(B, F), w = s_AF / (s_AF + s_BF), 0 where that is below 0 and 1 where it
    is above 1.

    Q is SSIM with constants of 2e-16, that is the index of Wang and Bovik, in 7x7 gaussian windows of sigma 1.5.
    Windows where s_AF + s_BF = 0 leave w undefined: there w = 1/2. Undefined below 7x7 pixels.
    """
    needs_side(f, 7, "for one window")
    weight = np.clip(np.nan_to_num(covariance_share(f, a, b), nan=0.5), 0, 1)
    return float((weight * index(f, a) + (1 - weight) * index(f, b)).mean())


@Qc.dialect(
    "liu2012",
    note=(
        "where w is below 0 or above 1, the quality becomes 0 or 1 instead of w: the order of the sources "
        "matters, and such windows of B count as perfectly lost, of A as perfectly kept; undefined as soon as one "
        "window has s_AF + s_BF = 0"
    ),
)
def quality_clipped(f, a, b):
    needs_side(f, 11, "for one window")
    weight = covariance_share(f, a, b)
    if np.isnan(weight).any():
        raise Undefined("in a window neither source varies with the fused image (0/0)")
    quality = weight * index(f, a) + (1 - weight) * index(f, b)
    quality[weight < 0] = 0
    quality[weight > 1] = 1
    return float(quality.mean())


@metric(
    "Qy",
    title="Yang's quality index",
    year=2008,
    family="structure",
    direction=+1,
    range="-1 .. 1",
    unit="1",
    source="Yang, Zhang, Wang & Liu, Inf. Fusion 9, 156 (2008)",
    protocols={"standard": "windows where both sources are flat count a half each"},
    note=("Windows and threshold as in the code of Liu et al."),
)
def Qy(f, a, b):
    """Qy = mean of l Q(A, F) + (1 - l) Q(B, F) where Q(A, B) >= 0.75, and of max(Q(A, F), Q(B, F)) elsewhere.

    l = s_A / (s_A + s_B), a half where both are flat; Q is SSIM with constants of 2e-16 in 7x7 gaussian
    windows of sigma 1.5. Undefined below 7x7 pixels.
    """
    needs_side(f, 7, "for one window")
    weight = share(variance(a, WINDOW_7), variance(b, WINDOW_7))
    q_a, q_b = index(f, a), index(f, b)
    return float(np.where(index(a, b) >= 0.75, weight * q_a + (1 - weight) * q_b, np.maximum(q_a, q_b)).mean())


@Qy.dialect("liu2012", note="undefined as soon as both sources are flat in one window")
def undefined_by_one_flat_window(f, a, b):
    needs_side(f, 11, "for one window")
    if (variance(a, WINDOW_7) + variance(b, WINDOW_7) == 0).any():
        raise Undefined("both sources are flat in a window (0/0)")
    return Qy(f, a, b)


def lopsided_sum(x: np.ndarray) -> np.ndarray:
    """A gaussian along the rows, a sum along the columns, zeros beyond the border."""
    return cv2.sepFilter2D(x, cv2.CV_64F, gaussian(*WINDOW_7), np.ones(7), borderType=cv2.BORDER_CONSTANT)


@Qy.dialect(
    "ivifzoo",
    note=("windows gaussian along the rows only and of sum 7, zeros beyond the border, C1 = 0.01^2, C2 = 0.03^2"),
)
def lopsided_windows(f, a, b):
    def moments(x):
        mean = lopsided_sum(x.values)
        return mean, lopsided_sum(x.values * x.values) - mean * mean

    def similar(x, y):
        (mx, vx), (my, vy) = moments(x), moments(y)
        product = 2 * mx * my + 1e-4
        structure = 2 * (lopsided_sum(x.values * y.values) - mx * my) + 9e-4
        return product * structure / ((mx * mx + my * my + 1e-4) * (vx + vy + 9e-4))

    v_a, v_b = moments(a)[1], moments(b)[1]
    weight = v_a / (v_a + v_b + 1e-10)
    q_a, q_b = similar(a, f), similar(b, f)
    return float(np.where(similar(a, b) >= 0.75, weight * q_a + (1 - weight) * q_b, np.maximum(q_a, q_b)).mean())
