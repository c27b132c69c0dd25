"""How images of more than 8 bits become 0..255: each over its own range, or all of a split over one.

What is stretched is another content, under another split's name. Images of 8 bits stay what they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmark.datasets.pairs import Pair
from benchmark.errors import UserError
from benchmark.imaging import reading
from benchmark.imaging.kinds import OVER, STRETCHES
from benchmark.imaging.reading import Stretch
from benchmark.progress import Progress

SHARES = 0.01, 0.99  # of the values, below the ends of the range for "percentile"

_LABEL = re.compile(rf"(?P<split>.*)~stretch-(?P<kind>{'|'.join(STRETCHES[1:])})(?P<set>-set)?")
_MOST = 1 << 16  # different values that a range is taken from: all of 16-bit images


@dataclass(frozen=True)
class Stretching:
    """kind: one of `STRETCHES`. over: one of `OVER`, "set" for the infrared images of a split together, and the visible
    ones together. Raises UserError for other names."""

    kind: str = "none"
    over: str = "image"

    def __post_init__(self) -> None:
        for option, value, known in (("--stretch", self.kind, STRETCHES), ("--stretch-over", self.over, OVER)):
            if value not in known:
                raise UserError(f"{option} {value}: expected {' or '.join(known)}")
        if self.kind == "none" and self.over != "image":
            raise UserError(f"--stretch-over {self.over} goes with --stretch minmax or percentile")

    def __bool__(self) -> bool:
        return self.kind != "none"

    @property
    def suffix(self) -> str:
        """What the name of a split of stretched images ends in."""
        return f"~stretch-{self.kind}{'-set' if self.over == 'set' else ''}" if self else ""


NONE = Stretching()


def of_label(name: str) -> tuple[str, Stretching]:
    """The split that a split of stretched images was made of, and how."""
    found = _LABEL.fullmatch(name)
    if found is None:
        return name, Stretching()
    return found["split"], Stretching(found["kind"], "set" if found["set"] else "image")


def apply(pairs: Sequence[Pair], stretching: Stretching) -> tuple[list[Pair], tuple[str, ...]]:
    """The pairs, to be read with a stretch, and a note where that changes nothing."""
    if not stretching:
        return list(pairs), ()
    if stretching.over == "set":
        ir, vis = (_range([getattr(pair, side) for pair in pairs], stretching.kind) for side in ("ir", "vis"))
        deep = any(found.kind != "none" for found in (ir, vis))
    else:
        ir = vis = Stretch(stretching.kind)
        deep = any(_values(path) is not None for pair in pairs for path in (pair.ir, pair.vis))
    notes = () if deep else (f"--stretch {stretching.kind} changes nothing: no image of more than 8 bits is here",)
    return [replace(pair, ir_stretch=ir, vis_stretch=vis) for pair in pairs], notes


def _values(path: Path | None) -> np.ndarray | None:
    """The values of an image of more than 8 bits, else None. What is wrong with a file is told when it is used."""
    try:
        return None if path is None else reading.values(reading.read_bytes(path), path)
    except UserError:
        return None


def _range(paths: Sequence[Path | None], kind: str) -> Stretch:
    """One range for all images of more than 8 bits; no stretch where there is none."""
    pool = _Pool()
    with Progress().bar("ranges of values", len(paths), summary=False) as step:
        for path in paths:
            values = _values(path)
            if values is not None:
                pool.add(values)
            step()
    if not len(pool.values):
        return Stretch()
    shares = (0, 1) if kind == "minmax" else SHARES
    return Stretch(kind, *map(float, pool.quantiles(shares)))


class _Pool:
    """The values of many images: exact for up to 65,536 different ones, else thinned to as many."""

    def __init__(self) -> None:
        self.values, self.counts = np.empty(0), np.empty(0)

    def add(self, values: np.ndarray) -> None:
        found, counts = np.unique(values[np.isfinite(values)].astype(np.float64), return_counts=True)
        both, place = np.unique(np.concatenate([self.values, found]), return_inverse=True)
        self.values, self.counts = both, np.bincount(place, np.concatenate([self.counts, counts]))
        if len(both) > _MOST:
            total = self.counts.sum()
            self.values, self.counts = self.quantiles(np.linspace(0, 1, _MOST)), np.full(_MOST, total / _MOST)

    def quantiles(self, shares: Sequence[float]) -> np.ndarray:
        """For each share, the least value that at least this share of all values is not above."""
        below = np.cumsum(self.counts)
        return self.values[np.searchsorted(below, np.asarray(shares) * below[-1] * (1 - 1e-12))]
