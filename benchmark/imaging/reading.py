"""One way to read a picture, one way to write it, for the whole suite.

Reading: PNG, JPEG, BMP and TIFF; 8-bit and 16-bit grey, RGB, RGBA (alpha dropped), palette, bilevel. A
file's EXIF orientation is applied. Luminance is BT.601 full range, Y = 0.299 R + 0.587 G + 0.114 B, rounded
to the nearest integer as Pillow's mode "L" and OpenCV's ``COLOR_BGR2GRAY`` do; JPEGs are decoded to colour
first (libjpeg's own grey output differs by one level on up to 0.7 % of pixels).

Writing: 8-bit grey or RGB PNG, put in place in one step, same bytes for the same pixels.
"""

from __future__ import annotations

import io
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from benchmark.errors import UserError
from benchmark.imaging import png

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")

# Formats whose Pillow decoders start no other program and read one flat raster.
_FORMATS = ("PNG", "JPEG", "BMP", "TIFF")
_MAX_PIXELS = 1 << 26  # 8192 x 8192; a small file can claim far more than memory holds
_EXIF_ORIENTATION = 0x0112


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
    as grey, or R = G = B everywhere); `notes`: what was converted on reading, one phrase each."""

    luminance: np.ndarray
    rgb: np.ndarray | None
    notes: tuple[str, ...] = ()
    depth: int = 8


STRETCHES = ("none", "minmax", "percentile")


@dataclass(frozen=True)
class Stretch:
    """How grey values of more than 8 bits become 0..255: `kind` of STRETCHES; low, high: the range, None: the image's."""

    kind: str = "none"
    low: float | None = None
    high: float | None = None


def read(path: str | os.PathLike, stretch: Stretch | None = None) -> Picture:
    """Decode the file at `path`.

    16-bit grey is scaled by 1/257 and rounded, so that 65535 becomes 255. Raises ImageError for a file that
    is missing, truncated, not an image, of an unsupported kind, or larger than 2^26 pixels.
    """
    return decode(read_bytes(path), path, stretch)


def decode(data: bytes, path: str | os.PathLike, stretch: Stretch | None = None) -> Picture:
    """Decode the bytes of an image file; `path` only names it in errors. See `read`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _decode(data, path, stretch or Stretch())
    except ImageError:
        raise
    except (UnidentifiedImageError, ModuleNotFoundError):  # the latter from ultralytics, which replaces Image.open
        raise ImageError(path, "not a PNG, JPEG, BMP or TIFF image" if data else "empty file") from None
    except Image.DecompressionBombError:
        raise ImageError(path, f"more than {_MAX_PIXELS} pixels") from None
    except Exception as error:  # decoders of broken files raise OSError, ValueError, struct.error, zlib.error, ...
        detail = str(error).split("\n")[0] or type(error).__name__
        raise ImageError(path, f"broken or truncated image ({detail})") from None


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


def read_rgb(path: str | os.PathLike) -> np.ndarray:
    """The colours of the picture at `path`, uint8 (H, W, 3), grey repeated three times; raises ImageError."""
    picture = read(path)
    return np.repeat(picture.luminance[..., None], 3, axis=2) if picture.rgb is None else picture.rgb


def size(path: str | os.PathLike) -> tuple[int, int]:
    """Width and height of the picture at `path`, as its header states them; raises ImageError."""
    try:
        with Image.open(path, formats=_FORMATS) as image:
            turned = image.getexif().get(_EXIF_ORIENTATION, 1) in (5, 6, 7, 8)
            return image.size[::-1] if turned else image.size
    except FileNotFoundError:
        raise ImageError(path, "no such file") from None
    except Exception as error:  # as in `decode`
        raise ImageError(path, f"not a readable image ({str(error) or type(error).__name__})") from None


def values(data: bytes, path: str | os.PathLike) -> np.ndarray | None:
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        return np.asarray(image) if image.mode.startswith("I") or image.mode == "F" else None


def _decode(data: bytes, path: str | os.PathLike, stretch: Stretch) -> Picture:
    pixels = png.decode(data, _MAX_PIXELS)
    if pixels is not None:
        alpha = ("alpha dropped",) if pixels.shape[2] in (2, 4) else ()
        if pixels.shape[2] < 3:
            return Picture(np.ascontiguousarray(pixels[..., 0]), None, alpha)
        rgb = np.ascontiguousarray(pixels[..., :3])
        grey, colourless = png.kernels().luminance(rgb)
        return Picture(grey, None if colourless else rgb, alpha)
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        width, height = image.size
        if width * height > _MAX_PIXELS:
            raise ImageError(path, f"{width}x{height} is more than {_MAX_PIXELS} pixels")
        notes = []
        wide_colour = any(isinstance(tile[3], str | tuple) and ";16" in str(tile[3]) for tile in image.tile)
        image.load()
        if image.getexif().get(_EXIF_ORIENTATION, 1) != 1:
            image = ImageOps.exif_transpose(image)
            notes.append("turned as its EXIF orientation says")
        mode = image.mode
        if mode.startswith("I"):
            grey = np.asarray(image).astype(np.int64)
            if stretch.kind != "none":
                return _stretched(grey, stretch, notes, 16)
            if grey.min() < 0 or grey.max() > 65535:
                raise ImageError(path, "32-bit values outside 0..65535 have no defined grey scale")
            scaled = ((grey + 128) // 257).astype(np.uint8)
            notes.append(f"16-bit grey, scaled by 1/257; {len(np.unique(scaled))} of 256 levels are used")
            return Picture(scaled, None, tuple(notes), 16)
        if mode == "F":
            if stretch.kind != "none":
                return _stretched(np.asarray(image), stretch, notes, 32)
            raise ImageError(path, "floating-point pixels need --stretch minmax or percentile")
        if mode in ("1", "L", "LA", "La"):
            return Picture(np.array(image.convert("L")), None, tuple(notes))
        if wide_colour:
            notes.append("16-bit colour, the high byte of each value kept")
        if mode in ("P", "PA"):
            notes.append("palette image")
        if mode not in ("RGB", "RGBA", "RGBX", "RGBa", "P", "PA", "CMYK", "YCbCr"):
            raise ImageError(path, f"pixels of kind '{mode}' are not supported")
        # By way of RGBA, Pillow does not look up a palette's transparent entry as a colour to keep.
        rgb_image = image.convert("RGBA").convert("RGB") if mode in ("P", "PA") else image.convert("RGB")
        grey = np.array(rgb_image.convert("L"))
        rgb = np.array(rgb_image)
        if (rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 1] == rgb[..., 2]).all():
            rgb = None
        return Picture(grey, rgb, tuple(notes))


def _stretched(grey, stretch, notes, depth):
    low, high = stretch.low, stretch.high
    if low is None:
        low, high = (grey.min(), grey.max()) if stretch.kind == "minmax" else np.percentile(grey, [1, 99])
    found = np.clip((grey - float(low)) * (255 / max(float(high) - float(low), 1e-9)) + 0.5, 0, 255).astype(np.uint8)
    notes.append(f"{depth}-bit grey, {low:g} to {high:g} stretched to 0 to 255")
    return Picture(found, None, tuple(notes), depth)
