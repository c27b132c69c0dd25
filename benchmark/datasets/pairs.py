"""Pairs of images: where their files are, what is in them, and what tells them from others."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.errors import UserError
from benchmark.imaging import oddities, reading
from benchmark.imaging.reading import Picture, Stretch
from benchmark.names import printable, spelled

# Names under which the two folders of a set circulate, whatever their publisher called them; any case.
IR_FOLDERS = ("ir", "infrared", "thermal", "lwir")
VIS_FOLDERS = ("vi", "vis", "visible", "rgb")

_AS_IT_IS = Stretch()


class PairError(UserError):
    """A pair that cannot be used: `id` says which, `reason` why, in one line."""

    def __init__(self, id: str, reason: str) -> None:
        self.id, self.reason = id, reason
        super().__init__(f"pair '{id}': {reason}")

    def __reduce__(self):
        return PairError, (self.id, self.reason)


@dataclass(frozen=True)
class Box:
    """An object's extent in pixels: columns x0..x1-1 and rows y0..y1-1 of the image. ignored: a region of which the
    labels leave open what is in it, such as a crowd: detections in it count neither as right nor as wrong."""

    label: str
    x0: int
    y0: int
    x1: int
    y1: int
    ignored: bool = False


@dataclass(frozen=True)
class PairImages:
    """A loaded pair: `ir` and `vis` uint8 luminance (H, W), `vis_rgb` uint8 (H, W, 3) or None where the
    visible image is grey. told: what was converted on reading and what cannot be meant, each as "SUBJECT: what".

    `ir_rgb`: the first image's colours, for pairs whose fused image takes its colours from there. `names`: see `Pair`.
    `id`: the pair's.
    """

    ir: np.ndarray
    vis: np.ndarray
    vis_rgb: np.ndarray | None
    told: tuple[str, ...] = ()
    ir_rgb: np.ndarray | None = None
    names: tuple[str, str] = ("infrared", "visible")
    id: str = ""

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
    colours. `labels` and `mask`: the files of object boxes and of the segmentation, where there are any. `names`: what
    the two images are called in sentences. `ir_stretch`, `vis_stretch`: how values of more than 8 bits become 0..255;
    another stretch makes another content.
    """

    id: str
    ir: Path | None
    vis: Path | None
    problem: str | None = None
    colour_from: str = "vis"
    labels: Path | None = None
    mask: Path | None = None
    names: tuple[str, str] = ("infrared", "visible")
    ir_stretch: Stretch = _AS_IT_IS
    vis_stretch: Stretch = _AS_IT_IS

    def __post_init__(self) -> None:
        if self.id in ("", ".", "..") or self.id != spelled(self.id):
            raise ValueError(f"the pair id '{printable(self.id)}' cannot be a file name")

    def load(self) -> PairImages:
        """Both images, of the same size; raises PairError or `reading.ImageError`, in one line."""
        ir_bytes, vis_bytes = self._bytes()
        ir = reading.decode(ir_bytes, self.ir, self.ir_stretch)
        vis = reading.decode(vis_bytes, self.vis, self.vis_stretch)
        if ir.luminance.shape != vis.luminance.shape:
            (h, w), (vis_h, vis_w) = ir.luminance.shape, vis.luminance.shape
            raise PairError(self.id, f"different sizes: {self.ir} is {w}x{h}, {self.vis} is {vis_w}x{vis_h}")
        ir_rgb = ir.rgb if self.colour_from == "ir" else None
        return PairImages(ir.luminance, vis.luminance, vis.rgb, tuple(self._told(ir, vis)), ir_rgb, self.names, self.id)

    def _told(self, ir: Picture, vis: Picture) -> list[str]:
        both, found = (ir, vis), []
        stretches = self.ir_stretch, self.vis_stretch
        for name, picture, stretch in zip(self.names, both, stretches):
            found += [f"{name}: {note}{_remedy(note, picture, stretch)}" for note in picture.notes]
            found += [f"{name}: {what}" for what in oddities.of_levels(picture)]
        grey = 1 if self.colour_from == "ir" else 0  # the one that is not expected to have colours
        if signs := self._signs_of_swap(ir, vis):
            found.append(f"pair: {signs}; are the two swapped?")
        elif oddities.is_coloured(both[grey].rgb):
            heat = "is no temperature" if self.names[grey] == "infrared" else "alone is used"
            found.append(f"{self.names[grey]}: coloured; its luminance {heat}")
        if np.array_equal(ir.luminance, vis.luminance):
            found.append("pair: both images are the same")
        return found

    def _signs_of_swap(self, ir: Picture, vis: Picture) -> str | None:
        """What says that each image stands in the other's place."""
        first, second = self.names
        if self.names != Pair.names:
            return None
        if vis.rgb is None and oddities.is_coloured(ir.rgb) and oddities.is_natural(ir.rgb):
            return f"{first} in natural colours and {second} grey"
        for ours, theirs in zip(reversed(self.ir.parts), reversed(self.vis.parts)):
            if ours.lower() in VIS_FOLDERS and theirs.lower() in IR_FOLDERS:
                return f"the {first} images lie in {ours} and the {second} ones in {theirs}"
        return None

    def digest(self) -> str:
        """SHA-256 (hex) of both images' content, as it is read; raises as `load` does where a file is missing."""
        stretches = self.ir_stretch, self.vis_stretch
        read_as = [f"stretch {one.kind} {one.low} {one.high}".encode() for one in stretches if one != _AS_IT_IS]
        return content_digest(*self._bytes(), *read_as)

    def size(self) -> tuple[int, int]:
        """Width and height, as the first image's header states them; raises images.ImageError."""
        return reading.size(self.ir)

    def _bytes(self) -> tuple[bytes, bytes]:
        if self.problem is not None:
            raise PairError(self.id, self.problem)
        return reading.read_bytes(self.ir), reading.read_bytes(self.vis)


def _remedy(note: str, picture: Picture, stretch: Stretch) -> str:
    """What to add to a note on reading a source: how more of its values are kept."""
    if picture.depth <= 8 or stretch.kind != "none" or "scaled by" not in note:
        return ""
    return oddities.of_depth(picture) or "; --stretch minmax or percentile spreads them"


def content_digest(*parts: bytes) -> str:
    """SHA-256 (hex) over the SHA-256 of each part, so that no two lists of parts share one."""
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()
