from __future__ import annotations

import math

from ..moments import correlation, covariance
from ..registry import Undefined, metric


@metric(
    "SCD",
    title="Sum of the correlations of differences",
    year=2015,
    family="error and correlation",
    direction=+1,
    range="-2 .. 2",
    unit="1",
    source="Aslantas & Bendes, AEU Int. J. Electron. Commun. 69, 1890 (2015)",
    protocols={
        "standard": "the definition",
        "cddfuse": "the definition",
        "tang2023": "the definition",
        "tang2022": "the definition",
        "tang-py": "the definition",
        "hli": "the definition",
        "ivifzoo": "the definition",
    },
)
def SCD(f, a, b):
    """SCD = r(F - B, A) + r(F - A, B), r being Pearson's correlation over all pixels; the differences are
    signed.

    Computed from exact integer sums: with C_xy = N sum xy - sum x sum y, the first term is (C_AF - C_AB) /
    sqrt((C_FF + C_BB - 2 C_BF) C_AA). Undefined where a source is constant or differs from F by a constant.
    """
    c_ff, c_ab = covariance(f, f), covariance(a, b)
    value = 0.0
    for name, s, other in (("ir", a, b), ("vis", b, a)):
        c_ss, c_of = covariance(s, s), covariance(f, other)
        difference = c_ff + covariance(other, other) - 2 * c_of
        r = correlation(covariance(f, s) - c_ab, difference, c_ss)
        if math.isnan(r):
            raise Undefined(
                f"{name} is constant" if c_ss == 0 else ("the fused image differs from a source by a constant only")
            )
        value += r
    return value
