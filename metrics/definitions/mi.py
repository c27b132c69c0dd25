from __future__ import annotations

import math

from ..declaring import metric
from ..histograms import entropy, joint_histogram, level_entropy, mutual_information
from ..images import Undefined, is_constant


@metric(
    "MI",
    title="Mutual information",
    year=2002,
    family="information",
    direction=+1,
    range="0 .. 16",
    unit="bit",
    source="Qu, Zhang & Yan, Electron. Lett. 38, 313 (2002)",
    protocols={
        "standard": "bits, sum over the sources",
        "tang-py": "bits, sum over the sources",
        "ivifzoo": "bits, sum over the sources",
    },
)
def MI(f, a, b):
    """MI = I(A; F) + I(B; F), I(X; F) = sum_xf p_xf log2(p_xf / (p_x p_f)) from the 256 x 256 joint
    histogram.

    A sum over the sources, not a mean, as the field prints it; at most 2 H(F).
    """
    return mutual_information(f, a) + mutual_information(f, b)


@MI.dialect("cddfuse", note="natural logarithm: nats, that is bits times ln 2")
def in_nats(f, a, b):
    return math.log(2) * MI(f, a, b)


@MI.dialect("vifb", note="nats; the images are stretched to 0..255 first, which changes nothing")
def in_nats_stretched(f, a, b):
    return in_nats(f, a, b)


@MI.dialect(
    "tang2023",
    "tang2022",
    note=(
        "bits; the joint histogram counts level 255 as 254, the single ones do not: slightly higher where 255 occurs"
    ),
)
def top_levels_merged(f, a, b):
    value = 0.0
    for s in (a, b):
        joint = joint_histogram(f, s).copy()
        joint[254] += joint[255]
        joint[:, 254] += joint[:, 255]
        joint = joint[:255, :255]
        value += level_entropy(s) + level_entropy(f) - entropy(joint)
    return value


@MI.dialect(
    "hli",
    note="twice the entropy of F, whatever the sources: the joint entropies come out as 0",
)
def twice_the_entropy(f, a, b):
    return 2 * level_entropy(f)


@metric(
    "NMI",
    aliases=("Qmi",),
    title="Normalised mutual information",
    year=2008,
    family="information",
    direction=+1,
    range="0 .. 2",
    unit="1",
    source="Hossny, Nahavandi & Creighton, Electron. Lett. 44, 1066 (2008)",
    protocols={"standard": "the definition"},
)
def NMI(f, a, b):
    """NMI = 2 (I(A; F) / (H(A) + H(F)) + I(B; F) / (H(B) + H(F))); also called Qmi. Undefined where F and a
    source are constant.
    """
    value = 0.0
    for name, s in (("ir", a), ("vis", b)):
        both = level_entropy(s) + level_entropy(f)
        if both == 0:
            raise Undefined(f"{name} and fused are constant")
        value += 2 * mutual_information(f, s) / both
    return value


@NMI.dialect("liu2012", note=("images stretched to 0..255 first, which changes nothing but fails for constant images"))
def stretched_first(f, a, b):
    refuse_constant(f, a, b)
    return NMI(f, a, b)


@NMI.dialect("ivifzoo", note="another formula: 2 (I(A; F) + I(B; F)) / (H(A) + H(B))")
def by_the_sources(f, a, b):
    return 2 * MI(f, a, b) / (level_entropy(a) + level_entropy(b) + 1e-10)


def refuse_constant(f, a, b) -> None:
    for name, x in (("fused", f), ("ir", a), ("vis", b)):
        if is_constant(x):
            raise Undefined(f"{name} is constant")


@metric(
    "TE",
    title="Difference of entropies",
    year=2023,
    family="information",
    direction=-1,
    range="-8 .. 16",
    unit="bit",
    source="IVIF_ZOO's code; no publication. Not the Tsallis mutual information Qte",
    protocols={"ivifzoo": "the definition"},
)
def TE(f, a, b):
    """TE = H(A) + H(B) - H(F)."""
    return level_entropy(a) + level_entropy(b) - level_entropy(f)
