from __future__ import annotations

import math

from ..declaring import metric
from ..images import Undefined
from ..moments import squared_error


@metric(
    "MSE",
    title="Mean squared error",
    year=2019,
    family="error and correlation",
    direction=-1,
    range="0 .. 65025",
    unit="grey levels squared",
    source="as in Ma, Ma & Li, Inf. Fusion 45, 153 (2019)",
    protocols={
        "standard": "mean over the sources, on 0..255",
        "cddfuse": "mean over the sources, on 0..255",
    },
)
def MSE(f, a, b):
    """MSE = (mean((F - A)^2) + mean((F - B)^2)) / 2."""
    return (squared_error(f, a) + squared_error(f, b)) / (2 * f.size)


@MSE.dialect("tang2023", "tang2022", "tang-py", "ivifzoo", note="on 0..1: divided by 255^2")
def on_unit_range(f, a, b):
    return MSE(f, a, b) / 255**2


@metric(
    "RMSE",
    title="Root mean squared error",
    year=2019,
    family="error and correlation",
    direction=-1,
    range="0 .. 255",
    unit="grey levels",
    source="as in Ma, Ma & Li, Inf. Fusion 45, 153 (2019)",
    protocols={"standard": "root of MSE"},
)
def RMSE(f, a, b):
    """RMSE = sqrt(MSE), the mean over the sources being taken before the root."""
    return math.sqrt(MSE(f, a, b))


@RMSE.dialect(
    "vifb",
    note="not an RMSE: mean over the sources of the root of the summed squared error, divided by mn",
)
def root_of_the_sum(f, a, b):
    return (math.sqrt(squared_error(f, a)) + math.sqrt(squared_error(f, b))) / (2 * f.size)


@metric(
    "PSNR",
    title="Peak signal-to-noise ratio",
    year=2019,
    family="error and correlation",
    direction=+1,
    range="0 .. infinite",
    unit="dB",
    source="as in Ma, Ma & Li, Inf. Fusion 45, 153 (2019)",
    protocols={"standard": "peak 255"},
)
def PSNR(f, a, b):
    """PSNR = 10 log10(255^2 / MSE). Infinite where F equals both sources."""
    mse = MSE(f, a, b)
    return 10 * math.log10(255**2 / mse) if mse else math.inf


@PSNR.dialect("cddfuse", note="the peak is the largest level that F has, not 255")
def own_peak(f, a, b):
    mse, peak = MSE(f, a, b), int(f.levels.max())
    if peak == 0:
        raise Undefined("the fused image is black: its largest level is taken as the peak")
    return 10 * math.log10(peak**2 / mse) if mse else math.inf


@PSNR.dialect(
    "tang2023",
    "tang2022",
    "tang-py",
    "ivifzoo",
    note="peak 255 with images in 0..1: higher by 20 log10 255 = 48.13 dB",
)
def wrong_peak(f, a, b):
    return PSNR(f, a, b) + 20 * math.log10(255)


@PSNR.dialect("vifb", note='from its "RMSE" in place of MSE (acknowledged as a mistake): 20 log10(255 / sqrt(RMSE))')
def from_rmse(f, a, b):
    rmse = root_of_the_sum(f, a, b)
    return 10 * math.log10(255**2 / rmse) if rmse else math.inf
