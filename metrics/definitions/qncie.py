from __future__ import annotations

import numpy as np

from ..declaring import metric
from ..histograms import mutual_information
from ..images import Undefined
from ..moments import correlation, covariance
from .mi import refuse_constant


def information_entropy(ab: float, af: float, bf: float) -> float:
    """1 + sum (l/3) log256(l/3) over the eigenvalues l of the 3x3 matrix of correlations."""
    matrix = np.array([[1, ab, af], [ab, 1, bf], [af, bf, 1]])
    share = np.linalg.eigvalsh(matrix) / 3
    # Rounding may leave an eigenvalue 0 slightly negative.
    share = share[share > 1e-15]
    return float(1 + np.dot(share, np.log2(share)) / 8)


@metric(
    "Qncie",
    title="Nonlinear correlation information entropy",
    year=2008,
    family="information",
    direction=+1,
    range="0.80 .. 1",
    unit="1",
    source="Wang, Shen & Jin, in Image Fusion: Algorithms and Applications (2008), ch. 19",
    protocols={"standard": "the definition"},
)
def Qncie(f, a, b):
    """Qncie = 1 + sum_i (l_i / 3) log256(l_i / 3), l_i the eigenvalues of the 3x3 matrix R of nonlinear
    correlations of A, B, F.

    R has a unit diagonal and NCC(X, Y) = (H(X) + H(Y) - H(X, Y)) / 8 elsewhere, entropies in bits. Values
    hardly leave 0.80 .. 0.85.
    """
    return information_entropy(*(mutual_information(x, y) / 8 for x, y in ((a, b), (f, a), (f, b))))


@Qncie.dialect(
    "liu2012", note=("images stretched to 0..255 first, which changes nothing but fails for constant images")
)
def stretched_first(f, a, b):
    refuse_constant(f, a, b)
    return Qncie(f, a, b)


@Qncie.dialect("ivifzoo", note="Pearson's correlations in place of the nonlinear ones")
def pearson(f, a, b):
    pairs = []
    for x, y in ((a, b), (f, a), (f, b)):
        c_xy, c_xx, c_yy = covariance(x, y), covariance(x, x), covariance(y, y)
        if c_xy**2 == c_xx * c_yy:
            raise Undefined("an image is constant, or two are proportional: the logarithm of 0")
        pairs.append(correlation(c_xy, c_xx, c_yy))
    return information_entropy(*pairs)
