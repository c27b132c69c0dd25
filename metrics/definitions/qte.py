from __future__ import annotations

import numpy as np

from ..defining import metric
from ..histograms import joint_histogram, level_entropy
from ..images import Image, Undefined, once, stretched

Q = 0.43137


@once
def tsallis(x: Image, y: Image, q: float) -> float:
    """Tsallis mutual information of order q: (1 - sum p_xy^q / (p_x p_y)^(q-1)) / (1 - q)."""
    p = joint_histogram(x, y) / x.size
    return tsallis_sum(p, p.sum(axis=1), p.sum(axis=0), q)


@once
def tsallis_swapped(x: Image, y: Image, q: float) -> float:
    """As `tsallis`, but the marginal of y is taken at the level of x and the other way round."""
    p = joint_histogram(x, y) / x.size
    return tsallis_sum(p, p.sum(axis=0), p.sum(axis=1), q)


def tsallis_sum(p: np.ndarray, rows: np.ndarray, columns: np.ndarray, q: float) -> float:
    i, j = np.nonzero(p)
    product = rows[i] * columns[j]
    kept = product > 0
    terms = p[i, j][kept] ** q / product[kept] ** (q - 1)
    return float((1 - terms.sum()) / (1 - q))


def normalised(f: Image, a: Image, b: Image, information) -> float:
    scale = level_entropy(a) ** Q + level_entropy(b) ** Q + information(a, b, Q)
    if scale == 0:
        raise Undefined("both sources are constant")
    return (information(f, a, Q) + information(f, b, Q)) / scale


@metric(
    "Qte",
    title="Tsallis mutual information, normalised",
    year=2007,
    family="information",
    direction=+1,
    range="0 .. about 1",
    unit="1",
    source=("Nava, Cristobal & Escalante-Ramirez (2007); Cvejic, Canagarajah & Bull, Electron. Lett. 42, 626 (2006)"),
    protocols={"standard": "marginals matched to the joint distribution"},
)
def Qte(f, a, b):
    """Qte = (T(A, F) + T(B, F)) / (H(A)^q + H(B)^q + T(A, B)), T(X, Y) = (1 - sum p_xy^q / (p_x p_y)^(q-1)) /
    (1 - q), q = 0.43137.

    H is Shannon's entropy in bits. Undefined where both sources are constant.
    """
    return normalised(f, a, b, tsallis)


@Qte.dialect(
    "liu2012",
    note="images stretched to 0..255 first; each marginal is taken at the other image's level",
)
def marginals_swapped(f, a, b):
    return normalised(*map(stretched, (f, a, b)), tsallis_swapped)


@metric(
    "Qtsallis",
    title="Tsallis mutual information",
    year=2006,
    family="information",
    direction=+1,
    range="0 .. unbounded",
    unit="1",
    source="Cvejic, Canagarajah & Bull, Electron. Lett. 42, 626 (2006)",
    protocols={"standard": "marginals matched to the joint distribution"},
)
def Qtsallis(f, a, b):
    """Qtsallis = T(A, F) + T(B, F) of order q = 1.85 (see Qte), not normalised."""
    return tsallis(f, a, 1.85) + tsallis(f, b, 1.85)


@Qtsallis.dialect(
    "liu2012", note=("images stretched to 0..255 first; each marginal is taken at the other image's level")
)
def unnormalised_swapped(f, a, b):
    f, a, b = map(stretched, (f, a, b))
    return tsallis_swapped(f, a, 1.85) + tsallis_swapped(f, b, 1.85)
