"""The decoder of each kind of file: Pillow, and others where Pillow gives away bits.

Only formats whose decoders start no other program are tried, and only after the header's size was checked.
"""

from __future__ import annotations

import io
import logging
import math
import re
import struct

import numpy as np
from PIL import Image, Jpeg2KImagePlugin, UnidentifiedImageError, WebPImagePlugin  # noqa: F401  (the plugins register themselves)

from benchmark.imaging import tiff
from benchmark.imaging.raw_values import Refused, Stored, check_size, swaps_sides, turn_note, upright

READ = "PNG, JPEG, BMP, TIFF, GIF, WebP, JPEG 2000, PGM, PPM, PBM or PFM"

# What these would warn of is checked here and refused, or changes nothing.
for _library in ("imagecodecs", "tifffile"):
    logging.getLogger(_library).setLevel(logging.CRITICAL)

_FORMATS = ("PNG", "JPEG", "BMP", "DIB", "GIF", "WEBP", "JPEG2000", "PPM")
_EXIF_ORIENTATION = 0x0112
_ALPHA = ("LA", "PA", "RGBA", "La", "RGBa")


def size(file: io.BufferedIOBase) -> tuple[int, int]:
    """Width and height of the upright picture, as the header states them."""
    start = file.read(4)
    file.seek(0)
    if start in tiff.SIGNATURES:
        return tiff.size(file)
    with Image.open(file, formats=_FORMATS) as image:
        check_size(*image.size)
        return image.size[::-1] if swaps_sides(_orientation(image)) else image.size


def decode(data: bytes) -> Stored:
    """The values of a file. Raises Refused for what is not read, and whatever decoders raise for what is broken."""
    if data[:4] in tiff.SIGNATURES:
        return tiff.decode(data)
    with _opened(data) as image:
        check_size(*image.size)
        frames = getattr(image, "n_frames", 1)
        notes = [] if frames == 1 else [f"the first of {frames} {'frames' if image.format != 'MPO' else 'pictures'}"]
        found = _values(image, data)
        if image.mode in _ALPHA or "transparency" in image.info:
            notes.append("alpha dropped")
        orientation = _orientation(image)
    pixels = upright(found.pixels, orientation)
    return Stored(pixels, found.white, found.depth, (*notes, *found.notes, *turn_note(orientation)))


_UNREAD_PNM = {b"PF": "PFM with colours", b"P7": "PAM"}


def _opened(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=_FORMATS)
    except (UnidentifiedImageError, ModuleNotFoundError):  # the latter from ultralytics, which replaces Image.open
        if data[:3] == b"\xff\xd8\xff":
            raise Refused("a broken JPEG, or of a kind that is not read (12 bits, lossless)") from None
        if kind := _UNREAD_PNM.get(data[:2]):
            raise Refused(f"{kind} is not read") from None
        raise


def _orientation(image: Image.Image) -> int:
    return image.getexif().get(_EXIF_ORIENTATION, 1)


def _values(image: Image.Image, data: bytes) -> Stored:
    if image.format == "PNG":
        return _png(image, data)
    if image.format == "PPM":
        return _netpbm(image, data)
    if image.format == "JPEG2000":
        return _jpeg2000(image, data)
    return _by_pillow(image)


def _by_pillow(image: Image.Image, depth: int = 8) -> Stored:
    """What fits 8 bits: grey, or RGB. depth: bits per value of grey, which Pillow scales to 8."""
    image.load()
    if image.mode == "1":
        return Stored(np.array(image).astype(np.uint8), 1, 1)
    if image.mode in ("L", "LA"):
        grey = np.array(image.convert("L"))
        return Stored(grey // (255 // ((1 << depth) - 1)), (1 << depth) - 1, depth)
    if image.mode in ("P", "PA"):
        # By way of RGBA, Pillow does not look up a palette's transparent entry as a colour to keep.
        return Stored(np.array(image.convert("RGBA").convert("RGB")), 255, 8, ("palette image",))
    if image.mode == "CMYK":
        return Stored(np.array(image.convert("RGB")), 255, 8, ("CMYK, converted to RGB without a colour profile",))
    if image.mode not in ("RGB", "RGBA", "RGBX", "YCbCr"):
        raise Refused(f"pixels of kind '{image.mode}' are not read")
    return Stored(np.array(image.convert("RGB")), 255, 8)


def _png(image: Image.Image, data: bytes) -> Stored:
    depth = data[24]
    if depth < 16:
        return _by_pillow(image, depth if image.mode == "L" else 8)
    import imagecodecs

    # Pillow keeps but the high byte, unless all is grey.
    return Stored(_first_channels(imagecodecs.png_decode(data)), 65535, 16)


def _netpbm(image: Image.Image, data: bytes) -> Stored:
    """PBM, PGM, PPM and PFM; Pillow scales all maxima to 255 or 65535, here values are as stored."""
    codec, _, offset, arguments = image.tile[0]
    as_stored = image.mode in ("L", "I", "RGB") and (codec != "raw" or image.mode == "I")
    white = 255 if not as_stored else arguments[1] if isinstance(arguments, tuple) else 65535
    shape = (image.height, image.width, 3)[: 3 if image.mode == "RGB" else 2]
    number = np.dtype(">u2" if white > 255 else "f4" if image.mode == "F" else "u1")
    row = math.prod(shape[1:]) * number.itemsize if image.mode != "1" else -(-image.width // 8)
    more = codec != "ppm_plain" and data[offset + image.height * row :].lstrip()[:1] == b"P"
    notes = ("the first of several pictures",) if more else ()
    if image.mode == "F":
        image.load()
        return Stored(np.array(image), None, 32, notes)
    if not as_stored:
        found = _by_pillow(image)
        return Stored(found.pixels, found.white, found.depth, notes)
    if codec != "ppm_plain":
        values = np.frombuffer(data, number, math.prod(shape), offset).reshape(shape).astype(np.uint16)
    elif image.mode == "RGB" and white > 255:
        image.load()  # checks the numbers, but keeps 8 bits of each
        numbers = re.sub(rb"#[^\r\n]*", b"", data[offset:]).split()[: math.prod(shape)]
        values = np.array(numbers, dtype=np.int64).reshape(shape).astype(np.uint16)
    else:
        image.load()
        values = np.rint(np.array(image) * (white / (65535 if image.mode == "I" else 255))).astype(np.uint16)
    if above := int(np.count_nonzero(values > white)):
        notes = (*notes, f"{above} values above the stated maximum of {white}, taken as white")
    return Stored(np.minimum(values, white), white, white.bit_length(), notes)


def _jpeg2000(image: Image.Image, data: bytes) -> Stored:
    """JPEG 2000: 8 bits by Pillow, all else as stored (Pillow shifts other depths, and lets the highest overflow)."""
    start = data.find(b"\xff\x4f\xff\x51")
    # Some versions of the decoder fill up what is missing; no other marker and no packet holds these two bytes.
    if start < 0 or data.find(b"\xff\xd9", start + 43) < 0:
        raise Refused("broken or truncated image (the codestream has no end)")
    right, low, left, high, *_, components, kind = struct.unpack_from(">8IHB", data, start + 8)
    if (right - left, low - high) != image.size:
        raise Refused("broken image (its codestream is of another size)")
    if components > 4:
        raise Refused(f"{components} values per pixel are not read")
    signed, bits = kind >> 7, (kind & 0x7F) + 1
    if bits == 8 and not signed:
        return _by_pillow(image)
    import imagecodecs

    values = _first_channels(imagecodecs.jpeg2k_decode(data[start:]))
    return Stored(values, (65535 if bits > 8 else 255) if signed else (1 << bits) - 1, bits)


def _first_channels(values: np.ndarray) -> np.ndarray:
    """Grey or RGB without what follows: alpha."""
    if values.ndim == 2:
        return values
    return values[..., 0] if values.shape[2] < 3 else values[..., :3]
