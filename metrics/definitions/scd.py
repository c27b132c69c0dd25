from __future__ import annotations

from ..declaring import Undefined, metric
from ..images import Image
from ..moments import correlation, covariance


def terms(f: Image, a: Image, b: Image, constant: float | None) -> float:
    """r(F - B, A) + r(F - A, B). constant: the correlation where a difference is constant; None: undefined."""
    c_ff, c_ab = covariance(f, f), covariance(a, b)
    value = 0.0
    for name, s, other in (("ir", a, b), ("vis", b, a)):
        c_ss, c_of = covariance(s, s), covariance(f, other)
        difference = c_ff + covariance(other, other) - 2 * c_of
        if c_ss == 0:
            raise Undefined(f"{name} is constant")
        if difference > 0:
            value += correlation(covariance(f, s) - c_ab, difference, c_ss)
        elif constant is None:
            raise Undefined("the fused image differs from a source by a constant only")
        else:
            value += constant
    return value


@metric(
    "SCD",
    title="Sum of the correlations of differences",
    year=2015,
    family="error and correlation",
    direction=+1,
    range="-2 .. 2",
    unit="1",
    source="Aslantas & Bendes, AEU Int. J. Electron. Commun. 69, 1890 (2015)",
    protocols={"standard": "the definition; a source that is copied whole leaves 0 for the other, not 0/0"},
)
def SCD(f, a, b):
    """SCD = r(F - B, A) + r(F - A, B), r being Pearson's correlation over all pixels; the differences are
    signed.

    Computed from exact integer sums: with C_xy = N sum xy - sum x sum y, the first term is (C_AF - C_AB) /
    sqrt((C_FF + C_BB - 2 C_BF) C_AA). Where F differs from a source by a constant only, nothing of the other
    source is in the difference: that term is 0/0 in the reference codes and 0 under `standard`, so that `ir`
    and `vis` have a value as methods. Undefined where a source is constant.
    """
    return terms(f, a, b, constant=0.0)


@SCD.dialect(
    "cddfuse",
    "tang2023",
    "tang2022",
    "tang-py",
    "hli",
    "ivifzoo",
    note="the definition; undefined where F - A or F - B is constant",
)
def _(f, a, b):
    return terms(f, a, b, constant=None)
