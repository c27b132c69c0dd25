"""What a decoder hands over: the values of a file as they are stored, upright, before anything is scaled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MAX_PIXELS = 1 << 26  # 8192 x 8192; a small file can claim far more than memory holds


class Refused(Exception):
    """A picture that is not read; the text says why, in one line."""


@dataclass(frozen=True)
class Stored:
    """The values of a picture: grey (H, W) or colour (H, W, 3), of any number type.

    white: the value that shows as white where 0 shows as black; None for floating point. depth: bits per value in the
    file. notes: what the decoder changed or left out, one phrase each.
    """

    pixels: np.ndarray
    white: int | None
    depth: int
    notes: tuple[str, ...] = ()

    @property
    def deep(self) -> bool:
        """Whether 8 bits do not hold the values as they are."""
        return self.depth > 8 or self.pixels.dtype.kind in "if"


def check_size(width: int, height: int) -> None:
    """Raises Refused for more pixels than are read, or none."""
    if width * height > MAX_PIXELS:
        raise Refused(f"{width}x{height} is more than {MAX_PIXELS} pixels")
    if width < 1 or height < 1:
        raise Refused(f"{width}x{height} is no picture")


def colourless(pixels: np.ndarray) -> bool:
    """Whether R = G = B in every pixel of (H, W, 3)."""
    return bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all())


def swaps_sides(orientation: int) -> bool:
    """Whether an EXIF orientation makes the width the height."""
    return orientation in (5, 6, 7, 8)


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """The picture as its EXIF orientation (1 to 8) says it is seen; any other number changes nothing."""
    if swaps_sides(orientation):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


def turn_note(orientation: int) -> tuple[str, ...]:
    """The phrase that tells of the turn, if there is one."""
    return ("turned as its EXIF orientation says",) if orientation in range(2, 9) else ()


def without_alpha(colours: np.ndarray, alpha: np.ndarray, white: int) -> np.ndarray:
    """Colours that were multiplied by their alpha, divided by it again; halves are rounded up, nothing stays 0."""
    over = np.maximum(alpha, 1).astype(np.float64)
    over = over[..., None] if colours.ndim == 3 else over
    return np.minimum(np.floor(colours.astype(np.float64) * white / over + 0.5), white).astype(colours.dtype)
