from __future__ import annotations

import math

from ..moments import covariance
from ..registry import metric


@metric(
    "SD",
    title="Standard deviation",
    year=1997,
    family="statistics",
    direction=+1,
    range="0 .. 127.5",
    unit="grey levels",
    source="Rao, Meas. Sci. Technol. 8, 355 (1997)",
    protocols={
        "standard": "population standard deviation",
        "cddfuse": "population standard deviation",
    },
)
def SD(f, a, b):
    """SD = sqrt(mean((F - mean F)^2)): contrast. The population form (over N), from exact integer sums."""
    return math.sqrt(covariance(f, f)) / f.size
