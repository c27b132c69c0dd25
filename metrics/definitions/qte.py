from __future__ import annotations

import numpy as np

from ..declaring import metric
from ..histograms import histogram, joint_histogram, level_entropy
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


@once
def tsallis_entropy(x: Image, q: float) -> float:
    """(sum p^q - 1) / (1 - q)."""
    counts = histogram(x)
    p = counts[counts > 0] / x.size
    return float(((p**q).sum() - 1) / (1 - q))


def ratio(information: float, scale: float) -> float:
    if scale == 0:
        raise Undefined("both sources are constant")
    return information / scale


@metric(
    "Qte",
    title="Tsallis mutual information, normalised",
    year=2007,
    family="information",
    direction=+1,
    range="0 .. 2",
    unit="1",
    source=(
        "Nava, Cristobal & Escalante-Ramirez (2007), as in Liu et al., IEEE TPAMI 34, 94 (2012), eq. 7; Cvejic, "
        "Canagarajah & Bull, Electron. Lett. 42, 626 (2006)"
    ),
    protocols={"standard": "Tsallis' entropies and a difference in the denominator, as in the equation"},
    note=(
        "`liu2012` has Shannon's entropies to the power q and a plus sign in the denominator: 11 to 40 times higher "
        "on six real triples. Eq. 7 of Liu et al. was read in codes that quote it, the papers not being at hand."
    ),
)
def Qte(f, a, b):
    """Qte = (T(A, F) + T(B, F)) / (H(A) + H(B) - T(A, B)), T(X, Y) = (1 - sum p_xy^q / (p_x p_y)^(q-1)) / (1 -
    q), H(X) = (sum p_x^q - 1) / (1 - q), q = 0.43137.

    Undefined where both sources are constant.
    """
    scale = tsallis_entropy(a, Q) + tsallis_entropy(b, Q) - tsallis(a, b, Q)
    return ratio(tsallis(f, a, Q) + tsallis(f, b, Q), scale)


@Qte.dialect(
    "liu2012",
    note=(
        "images stretched to 0..255 first; each marginal is taken at the other image's level; divided by H(A)^q + "
        "H(B)^q + T(A, B), H being Shannon's entropy"
    ),
)
def marginals_swapped(f, a, b):
    f, a, b = map(stretched, (f, a, b))
    scale = level_entropy(a) ** Q + level_entropy(b) ** Q + tsallis_swapped(a, b, Q)
    return ratio(tsallis_swapped(f, a, Q) + tsallis_swapped(f, b, Q), scale)


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
