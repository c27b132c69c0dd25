"""How fused images were saved, and which of them may be ranked together.

A stretch moves EN, SD and SF by more than methods differ, so that only images saved one way are ranked.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

# "raw": clipped and rounded only; "native": as a method's authors save; "minmax": each image stretched to 0..255.
OUTPUTS = ("raw", "native", "minmax")
SIGN = "‡"  # behind the name of what was saved otherwise
_WAYS = {"native": "saved as its authors do", "minmax": "stretched from its minimum to its maximum"}
_NOTHING = "clipped and rounded only"


@dataclass(frozen=True)
class Saved:
    """How the images of a row were saved.

    output: one of OUTPUTS; "" for images from elsewhere, which are taken as they are and rank among any. native: how
    the native output of the method differs from the raw one; "" where it is the same, None where it is not known.
    """

    output: str = ""
    native: str | None = None

    @classmethod
    def by(cls, record: dict) -> Saved:
        """Read what a run's record, or the `about` of a record of detection, states. A method's record that states no
        output is of a time when all were native."""
        unstated = "native" if record.get("kind") == "run" else ""
        output, native = record.get("output", unstated), record.get("native")
        return cls(output if output in OUTPUTS else "", native if isinstance(native, str) else None)

    def fits(self, output: str) -> bool:
        """Return whether the images are what `output` is for this method."""
        both = self.native == "" and {self.output, output} == {"raw", "native"}
        return self.output in ("", output) or both

    @property
    def way(self) -> str:
        """Return what was done beyond clipping and rounding; "" for nothing, as far as is known."""
        known = self.native if self.output == "native" else None
        return known or _WAYS.get(self.output, "")

    @property
    def stretched(self) -> bool:
        return self.way.startswith("stretched")


def common(rows: Mapping[Hashable, Saved]) -> str:
    """Return the output to rank: raw, or another one of which all of the raw rows are and others besides."""
    fitting = {output: {row for row, saved in rows.items() if saved.fits(output)} for output in OUTPUTS}
    return next((output for output in OUTPUTS[1:] if fitting["raw"] < fitting[output]), "raw")


def remarks(rows: Sequence[Saved], output: str) -> list[str]:
    """Return what is to be said of each row of a table that ranks `output`; "" where that is nothing. Where all rows
    were saved in one way, none stands out."""
    mixed = len({row.way for row in rows}) > 1
    found = []
    for row in rows:
        text = row.way or _NOTHING if not row.fits(output) or (mixed and row.way) else ""
        found.append(text if row.fits(output) else f"{text}; not ranked among {output} output")
    return found


def notes(named: Sequence[tuple[str, str]]) -> list[str]:
    """Make a line of each remark, with the names that it is true of. named: (name, remark)."""
    by_remark: dict[str, list[str]] = {}
    for name, remark in named:
        if remark:
            by_remark.setdefault(remark, []).append(name)
    return [f"{SIGN} {', '.join(names)}: {remark}" for remark, names in by_remark.items()]
