"""Metrics of deep and natural-image statistics, computed by the library pyiqa (extra "noref"), which fetches
its own weights.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from ..declaring import metric
from ..images import Image

EXTRA = "noref"


@cache
def model(name: str):
    import pyiqa

    return pyiqa.create_metric(name, device="cpu")


def tensor(x: Image):
    """The image as pyiqa takes it: (1, 3, H, W), 0..1."""
    import torch

    grey = torch.from_numpy((x.levels / np.float32(255)).astype(np.float32))
    return grey.expand(1, 3, -1, -1).contiguous()


def of_one(name: str, f: Image) -> float:
    return float(model(name)(tensor(f)))


def of_both(name: str, f: Image, a: Image, b: Image) -> float:
    """Sum over the sources, each being the reference."""
    return float(model(name)(tensor(f), tensor(a))) + float(model(name)(tensor(f), tensor(b)))


@metric(
    "NIQE",
    title="Natural image quality evaluator",
    year=2013,
    family="no-reference",
    direction=-1,
    range="0 .. unbounded",
    unit="1",
    source="Mittal, Soundararajan & Bovik, IEEE Signal Process. Lett. 20, 209 (2013); pyiqa",
    protocols={"standard": "pyiqa's niqe, the grey image as three equal channels"},
    requires=EXTRA,
)
def NIQE(f, a, b):
    """Distance of F's local statistics from those of natural images."""
    return of_one("niqe", f)


@metric(
    "BRISQUE",
    title="Blind image spatial quality evaluator",
    year=2012,
    family="no-reference",
    direction=-1,
    range="about 0 .. 100",
    unit="1",
    source="Mittal, Moorthy & Bovik, IEEE Trans. Image Process. 21, 4695 (2012); pyiqa",
    protocols={"standard": "pyiqa's brisque, the grey image as three equal channels"},
    requires=EXTRA,
)
def BRISQUE(f, a, b):
    """Regression of people's opinions on F's local statistics."""
    return of_one("brisque", f)


@metric(
    "MUSIQ",
    title="Multi-scale image quality transformer",
    year=2021,
    family="no-reference",
    direction=+1,
    range="about 0 .. 100",
    unit="1",
    source="Ke, Wang, Wang, Milanfar & Yang, ICCV 2021; pyiqa",
    protocols={"standard": "pyiqa's musiq, the grey image as three equal channels"},
    requires=EXTRA,
)
def MUSIQ(f, a, b):
    """A transformer trained on people's opinions, applied to F at several scales."""
    return of_one("musiq", f)


@metric(
    "LPIPS",
    title="Learned perceptual image patch similarity",
    year=2018,
    family="perceptual",
    direction=-1,
    range="0 .. about 1",
    unit="1",
    source="Zhang, Isola, Efros, Shechtman & Wang, CVPR 2018; pyiqa",
    protocols={"standard": "pyiqa's lpips, mean over the sources"},
    requires=EXTRA,
)
def LPIPS(f, a, b):
    """Mean over the sources of the distance between the features that a network sees in F and in the source."""
    return of_both("lpips", f, a, b) / 2


@metric(
    "VIF_wavelet",
    title="Visual information fidelity, wavelet domain",
    year=2006,
    family="fidelity",
    direction=+1,
    range="0 .. about 2",
    unit="1",
    source="Sheikh & Bovik, IEEE Trans. Image Process. 15, 430 (2006); pyiqa",
    protocols={"standard": "pyiqa's vif, sum over the sources"},
    requires=EXTRA,
)
def VIF_wavelet(f, a, b):
    """The original VIF: a steerable pyramid and Gaussian scale mixtures of its coefficients in place of local
    variances.
    """
    return of_both("vif", f, a, b)
