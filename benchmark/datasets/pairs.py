"""Pairs of images: where their files are, what is in them, and what tells them from others."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.errors import UserError
from benchmark.imaging import reading

UNSAFE = re.compile(r"[\\/\x00-\x1f\x7f]")


class PairError(UserError):
    """A pair that cannot be used; `id` and `reason` say which and why, in one line."""

    def __init__(self, id: str, reason: str) -> None:
        self.id, self.reason = id, reason
        super().__init__(f"pair '{id}': {reason}")

    def __reduce__(self):
        return PairError, (self.id, self.reason)


@dataclass(frozen=True)
class Box:
    """An object's extent in pixels: columns x0..x1-1 and rows y0..y1-1 of the image."""

    label: str
    x0: int
    y0: int
    x1: int
    y1: int


@dataclass(frozen=True)
class PairImages:
    """A loaded pair: `ir` and `vis` uint8 luminance (H, W), `vis_rgb` uint8 (H, W, 3) or None where the
    visible image is grey, `notes`: what was converted on reading, one phrase each.

    `ir_rgb`: the first image's colours, for pairs whose fused image takes its colours from there.
    """

    ir: np.ndarray
    vis: np.ndarray
    vis_rgb: np.ndarray | None
    notes: tuple[str, ...] = ()
    ir_rgb: np.ndarray | None = None

    @property
    def colour(self) -> np.ndarray | None:
        """The colours that a fused image is given, uint8 (H, W, 3), or None for a grey pair."""
        return self.vis_rgb if self.ir_rgb is None else self.ir_rgb


@dataclass(frozen=True)
class Pair:
    """Two image files of one scene. `id` names it in its data set and is safe as a file name.

    `ir` or `vis` is None where the file is missing; `problem` then says so. Such a pair is still listed,
    and raises when it is loaded, so that it is reported as failed instead of vanishing. For medical sets, `ir`
    is the functional image or the CT, and `vis` the MRI. `colour_from`: "vis" or "ir", the image that lends its
    colours. `labels` and `mask`: the files of object boxes and of the segmentation, where there are any.
    """

    id: str
    ir: Path | None
    vis: Path | None
    problem: str | None = None
    colour_from: str = "vis"
    labels: Path | None = None
    mask: Path | None = None

    def __post_init__(self) -> None:
        if self.id in ("", ".", "..") or UNSAFE.search(self.id):
            raise ValueError(f"the pair id {self.id!r} cannot be a file name")

    def load(self) -> PairImages:
        """Both images, of the same size; raises PairError or images.ImageError, in one line."""
        ir_bytes, vis_bytes = self._bytes()
        ir, vis = reading.decode(ir_bytes, self.ir), reading.decode(vis_bytes, self.vis)
        if ir.luminance.shape != vis.luminance.shape:
            (h, w), (vis_h, vis_w) = ir.luminance.shape, vis.luminance.shape
            raise PairError(self.id, f"different sizes: {self.ir} is {w}x{h}, {self.vis} is {vis_w}x{vis_h}")
        notes = [f"{path.name}: {note}" for path, picture in ((self.ir, ir), (self.vis, vis)) for note in picture.notes]
        ir_rgb = ir.rgb if self.colour_from == "ir" else None
        return PairImages(ir.luminance, vis.luminance, vis.rgb, tuple(notes), ir_rgb)

    def digest(self) -> str:
        """SHA-256 (hex) of both images' content; raises as `load` does where a file is missing."""
        return content_digest(*self._bytes())

    def size(self) -> tuple[int, int]:
        """Width and height, as the first image's header states them; raises images.ImageError."""
        return reading.size(self.ir)

    def _bytes(self) -> tuple[bytes, bytes]:
        if self.problem is not None:
            raise PairError(self.id, self.problem)
        return reading.read_bytes(self.ir), reading.read_bytes(self.vis)


def content_digest(*parts: bytes) -> str:
    """SHA-256 (hex) over the SHA-256 of each part, so that no two lists of parts share one."""
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()
