"""The public entry points: one fused image, or many of the same pair."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from .declaring import Metric, Undefined
from .images import Image, shape, to_levels
from .registry import check_protocol, find, names, unavailable

CORE = ("EN", "SD", "SF", "MI", "SCD", "VIF", "Qabf", "SSIM")

# VIFB is the one code that scores colour images as they are.
COLOUR_PROTOCOLS = ("vifb",)


class Pair:
    """Two source images under one protocol. What depends on them alone is computed once, however many images
    are scored.

    ir, vis: grey levels, (H, W), uint8 or any real dtype with values in 0..255 (floats are rounded to the
    nearest level); protocol: one of `metrics.protocols()`. Under "vifb" either may be colour, (H, W, 3), RGB.
    Raises ValueError, one line, for images or names that are not as described.
    """

    def __init__(self, ir, vis, protocol: str = "standard") -> None:
        check_protocol(protocol)
        self.protocol = protocol
        self._ir, self._vis = to_levels(ir, "ir"), to_levels(vis, "vis")
        if self._ir.shape[:2] != self._vis.shape[:2]:
            raise ValueError(
                f"expected two sources of one size; got ir {self._ir.shape[:2]}, vis {self._vis.shape[:2]}"
            )
        for name, levels in (("ir", self._ir), ("vis", self._vis)):
            self._check_colour(name, levels)
        self._sources = {}

    def _check_colour(self, name: str, levels: np.ndarray) -> None:
        if levels.ndim == 3 and self.protocol not in COLOUR_PROTOCOLS:
            raise ValueError(
                f"{name}: expected grey (H, W) under protocol {self.protocol}; got colour {shape(levels.shape)}"
            )

    def _channel(self, k: int | str) -> tuple[Image, Image]:
        if k not in self._sources:
            self._sources[k] = (Image(_channel(self._ir, k)), Image(_channel(self._vis, k)))
        return self._sources[k]

    def score(self, fused, metrics: Iterable[str] | None = None, reasons: dict[str, str] | None = None):
        """Score one fused image of this pair.

        fused: as the sources; metrics: names, or None for the core ones that the protocol defines (all that
        it defines, where it defines none of the core). Returns name -> float in the order asked for. Where a
        metric is undefined for these images its value is nan, and `reasons`, a dict, receives name -> why.
        Raises ValueError, one line, for a wrong image, an unknown name, or a metric that the protocol does
        not define.
        """
        chosen = _choose(metrics, self.protocol)
        fused = to_levels(fused, "fused")
        self._check_colour("fused", fused)
        if fused.shape[:2] != self._ir.shape[:2]:
            raise ValueError(f"fused: expected the size of its sources, {self._ir.shape[:2]}; got {fused.shape[:2]}")
        colour = 3 in (fused.ndim, self._ir.ndim, self._vis.ndim)
        channels: list = [0, 1, 2] if colour else [0]
        images = {k: Image(_channel(fused, k)) for k in channels}
        result = {}
        for name, metric in chosen.items():
            definition = metric.definitions[self.protocol]
            keys = channels
            if colour and definition.colour == "unfold":
                keys = ["unfolded"]
                images.setdefault("unfolded", Image(_channel(fused, "unfolded")))
            try:
                values = [float(definition.compute(images[k], *self._channel(k))) for k in keys]
                result[name] = sum(values) / len(values)
                if math.isnan(result[name]):
                    raise Undefined("the formula gives nan for these images")
            except Undefined as reason:
                result[name] = math.nan
                if reasons is not None:
                    reasons[name] = str(reason)
        return result


def evaluate(
    fused,
    ir,
    vis,
    metrics: Iterable[str] | None = None,
    protocol: str = "standard",
    reasons: dict[str, str] | None = None,
) -> dict[str, float]:
    """Score one fused image: `Pair(ir, vis, protocol).score(fused, metrics, reasons)`.

    >>> import numpy as np
    >>> ramp = np.tile(np.arange(64, dtype=np.uint8), (64, 1))
    >>> evaluate(ramp, ramp, ramp.T, ["EN", "SD"])
    {'EN': 6.0, 'SD': 18.472953201911167}
    """
    return Pair(ir, vis, protocol).score(fused, metrics, reasons)


def _channel(levels: np.ndarray, k: int | str) -> np.ndarray:
    """Channel k of a colour image; the three side by side for "unfolded"; a grey image serves as each
    channel.
    """
    if levels.ndim == 2:
        return np.tile(levels, (1, 3)) if k == "unfolded" else levels
    if k == "unfolded":
        return np.concatenate([levels[:, :, c] for c in range(3)], axis=1)
    return np.ascontiguousarray(levels[:, :, k])


def _choose(metrics: Iterable[str] | None, protocol: str) -> dict[str, Metric]:
    if metrics is None:
        defined = names(protocol)
        metrics = [n for n in CORE if n in defined] or [n for n in defined if not unavailable(n)]
    elif isinstance(metrics, str):
        metrics = [metrics]
    chosen = {name: find(name) for name in metrics}
    for metric in chosen.values():
        if protocol not in metric.definitions:
            defined = ", ".join(metric.card.protocols)
            raise ValueError(f"{metric.name} is not defined by protocol {protocol}; it is by {defined}")
        if reason := unavailable(metric.name):
            raise ValueError(reason)
    return chosen
