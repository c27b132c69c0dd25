"""One way to read a picture for the whole suite.

Read are PNG, JPEG, BMP, TIFF, GIF, WebP, JPEG 2000, PGM, PPM, PBM and PFM: grey of 1 to 16 bits, RGB, palettes, CMYK.
Of several frames or pages the first is read. Alpha is dropped, an orientation is applied. Colour profiles and gamma
are not: values count as they are stored. Values of other than 8 bits are scaled so that white becomes 255, or
stretched (`Stretch`), colours over one range for all three channels; floating point and what lies outside 0..65535 has
no white and needs a stretch. Whatever is changed or left out is noted.

Luminance is BT.601 full range, Y = 0.299 R + 0.587 G + 0.114 B, rounded to the nearest integer as Pillow's mode "L"
and OpenCV's ``COLOR_BGR2GRAY`` do; JPEGs are decoded to colour first (libjpeg's own grey output differs by one level
on up to 0.7 % of pixels).
"""

from __future__ import annotations

import math
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from benchmark.errors import UserError, one_line
from benchmark.imaging import bt601, decoders, png
from benchmark.imaging.kinds import STRETCHES
from benchmark.imaging.raw_values import MAX_PIXELS, Refused, Stored, colourless

EXTENSIONS = (
    *(".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif", ".webp", ".jp2", ".j2k"),
    *(".pgm", ".ppm", ".pnm", ".pbm", ".pfm", ".jfif", ".jpe", ".dib", ".apng"),
)
# What holds pictures, or arrays that may be some, all the same, but is not read.
NOT_READ = (
    *(".exr", ".hdr", ".avif", ".heic", ".heif", ".jxl", ".jxr", ".wdp", ".jls", ".jpf", ".jpx", ".jpm", ".j2c"),
    *(".psd", ".psb", ".xcf", ".pcx", ".tga", ".ras", ".sun", ".sgi", ".rgb", ".pam", ".dds", ".qoi", ".xbm", ".xpm"),
    *(".ico", ".cur", ".icns", ".svg", ".eps", ".ps", ".pdf", ".ai", ".wmf", ".emf", ".pict", ".dpx", ".cin", ".jpc"),
    *(".dcm", ".dicom", ".ima", ".nii", ".nii.gz", ".mha", ".mhd", ".mgz", ".nrrd", ".nhdr", ".img", ".fits", ".fit"),
    *(".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".raw", ".bin", ".dat", ".yuv", ".fts", ".vtk"),
    *(".seq", ".csq", ".fff", ".ptw", ".sfmov", ".avi", ".mp4", ".mov", ".mkv", ".mpg", ".mpeg", ".wmv", ".webm"),
    *(".npy", ".npz", ".mat", ".h5", ".hdf5", ".hdf", ".pt", ".pth", ".pkl", ".csv", ".tsv", ".xlsx", ".zip", ".gz"),
)

_PERCENTILES = (1, 99)
_BY_STRETCH = "--stretch minmax or percentile gives them one"
_BY_SAVING = "save them as 8 bits (0..255)"


@dataclass(frozen=True)
class Stretch:
    """How values of more than 8 bits become 8: what lies from `low` to `high` becomes 0..255, what lies outside is
    clipped, halves are rounded up.

    kind: "none" scales by the range of the type; "minmax" and "percentile" take an end that is None from the picture:
    its extremes, or its 1st and 99th percentile.
    """

    kind: str = "none"
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in STRETCHES:
            raise ValueError(f"a stretch is one of {', '.join(STRETCHES)}, not '{self.kind}'")
        ends = [end for end in (self.low, self.high) if end is not None]
        if not all(map(math.isfinite, ends)) or ends != sorted(ends):
            raise ValueError(f"no range to stretch: {self.low} to {self.high}")

    def range_of(self, values: np.ndarray) -> tuple[float, float]:
        """The two ends for a picture of these values."""
        if self.kind == "percentile":
            low, high = np.percentile(values, _PERCENTILES)
        else:
            low, high = values.min(), values.max()
        return float(low if self.low is None else self.low), float(high if self.high is None else self.high)


class ImageError(UserError):
    """A picture that cannot be read; `path` and `reason` say which and why, in one line."""

    def __init__(self, path: str | os.PathLike, reason: str) -> None:
        self.path, self.reason = Path(path), reason
        super().__init__(f"{path}: {reason}")

    def __reduce__(self):
        return ImageError, (self.path, self.reason)


@dataclass(frozen=True)
class Picture:
    """A decoded file: `luminance` uint8 (H, W); `rgb` uint8 (H, W, 3), or None where the file is grey (stored
    as grey, or R = G = B everywhere); `notes`: what was converted on reading, one phrase each; `depth`: bits per
    value in the file."""

    luminance: np.ndarray
    rgb: np.ndarray | None
    notes: tuple[str, ...] = ()
    depth: int = 8


def read(path: str | os.PathLike, stretch: Stretch | None = None) -> Picture:
    """Decode the file at `path`. stretch: None for pictures that no option stretches; reads as `Stretch()` does.

    Raises ImageError for a file that is missing, truncated, not an image, of an unsupported kind, or larger than 2^26
    pixels, and for values that have no grey scale: such that are not finite, or, unless stretched, are floating point
    or outside 0..65535.
    """
    return decode(read_bytes(path), path, stretch)


def decode(data: bytes, path: str | os.PathLike, stretch: Stretch | None = None) -> Picture:
    """Decode the bytes of an image file; `path` only names it in errors. See `read`."""
    with _Guarded(path):
        return _plain(data) or _picture(_stored(data), stretch)


def values(data: bytes, path: str | os.PathLike) -> np.ndarray | None:
    """The values of an image file that a stretch would scale, those of more than 8 bits: (H, W), or (H, W, 3) of
    colours, upright, black as the lowest. None for all other pictures. Raises ImageError as `read` does with a
    stretch."""
    with _Guarded(path):
        if png.decode(data, MAX_PIXELS) is not None:
            return None
        stored = _stored(data)
        return stored.pixels if stored.deep else None


def read_bytes(path: str | os.PathLike) -> bytes:
    """The bytes of a file; raises ImageError where it is missing or unreadable."""
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise ImageError(path, "no such file") from None
    except OSError as error:
        raise ImageError(path, error.strerror or str(error)) from None


def read_luminance(path: str | os.PathLike) -> np.ndarray:
    """The luminance of the picture at `path`, uint8 (H, W); raises ImageError."""
    return read(path).luminance


def size(path: str | os.PathLike) -> tuple[int, int]:
    """Width and height of the picture at `path`, as `read` would give it, from the header; raises ImageError."""
    try:
        with open(path, "rb") as file, _Guarded(path):
            return decoders.size(file)
    except FileNotFoundError:
        raise ImageError(path, "no such file") from None
    except OSError as error:
        raise ImageError(path, error.strerror or str(error)) from None


class _Guarded:
    """Turns whatever decoders raise into an ImageError of one line, and hides what they warn of."""

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = path
        self.warnings = warnings.catch_warnings()

    def __enter__(self) -> None:
        self.warnings.__enter__()
        warnings.simplefilter("ignore")

    def __exit__(self, kind, error, trace) -> None:
        self.warnings.__exit__(kind, error, trace)
        if error is None or not isinstance(error, Exception):
            return
        raise ImageError(self.path, _reason(error)) from None


def _reason(error: Exception) -> str:
    """Why a decoder failed; those of broken files raise OSError, ValueError, struct.error, zlib.error, ..."""
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, UnidentifiedImageError | ModuleNotFoundError):
        # The latter from ultralytics, which replaces Image.open, or for a package that is not installed.
        if getattr(error, "name", None) in ("imagecodecs", "tifffile"):
            return f"the package {error.name} is needed to read it: pip install {error.name}"
        return f"not a {decoders.READ} image"
    if isinstance(error, Image.DecompressionBombError):
        return f"more than {MAX_PIXELS} pixels"
    return f"broken or truncated image ({one_line(error)[:200]})"


def _plain(data: bytes) -> Picture | None:
    """The picture of a plain PNG, the quick way; None for all others."""
    pixels = png.decode(data, MAX_PIXELS)
    if pixels is None:
        return None
    notes = () if pixels.shape[2] in (1, 3) else ("alpha dropped",)
    if pixels.shape[2] < 3:
        return Picture(np.ascontiguousarray(pixels[..., 0]), None, notes)
    rgb = np.ascontiguousarray(pixels[..., :3])
    grey, without_colour = png.kernels().luminance(rgb)
    return Picture(grey, None if without_colour else rgb, notes)


def _stored(data: bytes) -> Stored:
    """The values of a file, colours that are grey as grey; raises Refused for values that are not finite."""
    if not data:
        raise Refused("empty file")
    stored = decoders.decode(data)
    pixels = stored.pixels
    if pixels.ndim == 3 and colourless(pixels):
        pixels = pixels[..., 0]
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        count = pixels.size - np.count_nonzero(np.isfinite(pixels))
        raise Refused(f"{count} of {pixels.size} values are not finite")
    if pixels.dtype.itemsize == 8 and pixels.dtype.kind != "f" and max(-int(pixels.min()), int(pixels.max())) > 1 << 53:
        raise Refused("integers beyond 2^53 are not read")
    return Stored(np.ascontiguousarray(pixels), stored.white, stored.depth, stored.notes)


def _picture(stored: Stored, stretch: Stretch | None) -> Picture:
    if stored.deep and stretch is not None and stretch.kind != "none":
        found, how = _stretched(stored, stretch)
    else:
        found, how = _by_white(stored, _BY_SAVING if stretch is None else _BY_STRETCH)
    rgb = found if found.ndim == 3 else None
    grey = found if rgb is None else bt601.luminance(rgb)
    notes = stored.notes
    if how is not None:
        kind = f"{_kind(stored)} {'grey' if rgb is None else 'colour'}"
        notes = (*notes, kind + how.format(levels=_levels(grey)))
    return Picture(grey, rgb, notes, stored.depth)


def _by_white(stored: Stored, way_out: str) -> tuple[np.ndarray, str | None]:
    """Values scaled so that white becomes 255, and what to say of it after their kind, None for nothing ({levels}:
    those used). Raises Refused where there is no white; way_out: what to do then."""
    pixels, white = stored.pixels, stored.white
    if white is None:
        raise Refused(f"floating-point values have no defined grey scale; {way_out}")
    if pixels.min() < 0 or pixels.max() > white:
        raise Refused(f"{_kind(stored)} values outside 0..{white} have no defined grey scale; {way_out}")
    scaled = _scaled(pixels, 0, white)
    if white == 255:
        return scaled, None if pixels.dtype.kind == "u" else ""
    return scaled, f", scaled by {_factor(white)}; {{levels}}"


def _stretched(stored: Stored, stretch: Stretch) -> tuple[np.ndarray, str]:
    """Values stretched, and what to say of it after their kind ({levels}: those used)."""
    low, high = stretch.range_of(stored.pixels)
    if not math.isfinite((high - low) * 255):
        raise Refused("the values lie too far apart to be stretched")
    scaled = _scaled(stored.pixels, low, high)
    if low < high:
        return scaled, f", stretched from {low:.7g} to {high:.7g} onto 0..255; {{levels}}"
    if stored.pixels.min() == stored.pixels.max():
        return scaled, f", constant at {low:.7g}: 0 everywhere once stretched"
    return scaled, f", no range to stretch: up to {low:.7g} becomes 0, all else 255"


def _scaled(pixels: np.ndarray, low: float, high: float) -> np.ndarray:
    """low..high to 0..255, uint8; clipped, halves rounded up."""
    if pixels.dtype == np.uint8 and (low, high) == (0, 255):
        return pixels
    above = pixels.astype(np.float64) - low
    if high <= low:
        return np.where(above > 0, 255, 0).astype(np.uint8)
    # The product is exact and the quotient rounded once, so that no half is moved before it is rounded.
    return np.floor(np.clip(above * 255 / (high - low), 0, 255) + 0.5).astype(np.uint8)


def _kind(stored: Stored) -> str:
    signed = {"i": "signed ", "f": "floating-point "}.get(stored.pixels.dtype.kind, "")
    return f"{stored.depth}-bit {signed}".rstrip()


def _factor(white: int) -> str:
    """255 / white, in the shortest way."""
    return f"1/{white // 255}" if white % 255 == 0 else str(255 // white) if 255 % white == 0 else f"255/{white}"


def _levels(grey: np.ndarray) -> str:
    return f"{np.count_nonzero(np.bincount(grey.ravel(), minlength=256))} of 256 levels are used"
