"""TIFF files of every layout: tifffile finds the values, imagecodecs unpacks them.

Pillow and libtiff get many layouts wrong without a word (white as zero, 10 to 14 bits, signed values, planes).
Each strip or tile is checked, so that a file that ends early is refused instead of filled with zeros.
"""

from __future__ import annotations

import io
import itertools
import math

import numpy as np

from benchmark.imaging.raw_values import Refused, Stored, check_size, swaps_sides, turn_note, upright, without_alpha

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the last two: BigTIFF

_MAX_BYTES = 1 << 30
_LOOKED_AT = 64  # pages, for the first of full size
_REDUCED = 1  # of tag NewSubfileType
_JPEG = 7
# By number: none, LZW, JPEG, Deflate (two numbers), PackBits, LZMA, Zstandard.
_COMPRESSIONS = (1, 5, _JPEG, 8, 32946, 32773, 34925, 50000)
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_COLOURS = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _PALETTE: 1, _CMYK: 4, _YCBCR: 3}  # values per pixel
_MISSING = "broken or truncated image (strips or tiles are missing)"
_PREMULTIPLIED = 1  # of tag ExtraSamples; 0: of no known meaning, 2: plain alpha


def size(file: io.BufferedIOBase) -> tuple[int, int]:
    """Width and height of the upright picture, from the header alone."""
    with _opened(file) as tiff:
        page = _first(tiff)
        sides = page.imagewidth, page.imagelength
        check_size(*sides)
        return sides[::-1] if swaps_sides(_tag(page, "Orientation", 1)) else sides


def decode(data: bytes) -> Stored:
    """The first page. Raises Refused for what is not read, and whatever the decoders raise for what is broken."""
    with _opened(io.BytesIO(data)) as tiff:
        page = _first(tiff)
        photometric = _checked(page)
        pages = max(len(tiff.pages), _stacked(tiff, page))
        which = "the first of full size" if page.index else "the first"
        notes = [] if pages == 1 else [f"{which} of {pages} pages"]
        pixels, bits = _values(page), page.bitspersample
        orientation = _tag(page, "Orientation", 1)
        extra = tuple(map(int, page.extrasamples or ()))
        palette = _tag(page, "ColorMap", None)
    colours = _COLOURS[photometric]
    left_out = pixels.shape[2] - colours
    white = None if pixels.dtype.kind == "f" else (1 << bits) - 1
    values = pixels[..., 0] if colours == 1 else pixels[..., :colours]
    if left_out and extra[:1] == (_PREMULTIPLIED,) and pixels.dtype.kind == "u" and photometric != _PALETTE:
        values = without_alpha(values, pixels[..., colours], white)
        notes.append("alpha dropped, colours divided by it")
    elif left_out:
        others = f"{left_out} further value{'s' if left_out > 1 else ''} per pixel dropped"
        notes.append("alpha dropped" if any(extra) else others)
    if pixels.dtype.kind == "i" or (white is not None and bits > 16):  # such files hold counts, of 16 bits at most
        white = 65535 if bits > 8 else 255
    if photometric == _WHITE_IS_ZERO:
        values = _inverted(values, bits)
    elif photometric == _PALETTE:
        values, white, bits = _looked_up(values, bits, palette), 255, 8
        notes.append("palette image")
    elif photometric == _CMYK:
        values, white, bits = _from_cmyk(values, white), 255, 8
        notes.append("CMYK, converted to RGB without a colour profile")
    notes += turn_note(orientation)
    return Stored(upright(values, orientation), white, bits, tuple(notes))


def _opened(file):
    from tifffile import TiffFile

    file.seek(0)
    return TiffFile(file)


def _first(tiff):
    if not len(tiff.pages):
        raise Refused("broken or truncated image (no page in it)")
    # A small version of the picture may come first.
    full = (page for page in itertools.islice(tiff.pages, _LOOKED_AT) if not _tag(page, "NewSubfileType", 0) & _REDUCED)
    return next(full, tiff.pages[0])


def _stacked(tiff, page) -> int:
    """How many pictures lie behind the header of one, as ImageJ and tifffile save long stacks and say in words."""
    try:
        if tiff.is_imagej:
            return int((tiff.imagej_metadata or {}).get("images", 1))
        if tiff.is_shaped:
            return math.prod(map(int, tiff.shaped_metadata[0]["shape"])) // math.prod(page.shape)
    except (LookupError, TypeError, ValueError, ZeroDivisionError):  # words that anybody may have written
        pass
    return 1


def _tag(page, name: str, default):
    value = page.tags.valueof(name, default)
    return default if value is None else value


def _checked(page) -> int:
    """The photometric interpretation; raises Refused for what is not read, before anything is unpacked."""
    check_size(page.imagewidth, page.imagelength)
    photometric = int(_tag(page, "PhotometricInterpretation", _BLACK_IS_ZERO))
    samples, bits = page.samplesperpixel, page.bitspersample
    if page.compression not in _COMPRESSIONS:
        raise Refused(f"TIFF compression {_named(page.compression)} is not read")
    if photometric not in _COLOURS or (photometric == _YCBCR and page.compression != _JPEG):
        raise Refused(f"TIFF colours of kind {_named(page.photometric)} are not read")
    if photometric == _CMYK and _tag(page, "InkSet", 1) != 1:
        raise Refused("TIFF inks other than CMYK are not read")
    if not isinstance(bits, int) or page.dtype is None or page.dtype.kind not in "buif" or page.imagedepth != 1:
        raise Refused(f"TIFF values of {_named(bits)} bits, format {_named(page.sampleformat)}, are not read")
    if samples < _COLOURS[photometric]:
        raise Refused(f"{samples} values per pixel do not make TIFF colours of kind {_named(page.photometric)}")
    if photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO) and (page.dtype.kind not in "bu" or bits > 16):
        raise Refused(f"TIFF colours of {bits} bits, format {_named(page.sampleformat)}, are not read")
    if photometric == _WHITE_IS_ZERO and page.dtype.kind == "f":
        raise Refused("floating-point values with white as zero have no white")
    tile = page.tilewidth * page.tilelength if page.is_tiled else 0
    if max(tile, page.imagewidth * page.imagelength) * samples * page.dtype.itemsize > _MAX_BYTES:
        raise Refused(f"more than {_MAX_BYTES} bytes of values")
    return photometric


def _named(value) -> str:
    return getattr(value, "name", str(value)[:40])


def _values(page) -> np.ndarray:
    """The values (H, W, samples) as they lie in the file; raises Refused where strips or tiles are missing."""
    width, height, samples = page.imagewidth, page.imagelength, page.samplesperpixel
    # Each needs a byte of its own, so that a small file cannot claim millions of them.
    if math.prod(page.chunked) > page.parent.filehandle.size or 0 in page.databytecounts:
        raise Refused(_MISSING)
    if page.compression == _JPEG:
        _check_jpegs(page)
    found, filled = np.empty((height, width, samples), page.dtype), 0
    for piece, (plane, _, y, x, _), _ in page.segments(maxworkers=1):
        if piece is None or y >= height or plane >= samples:  # nothing, or more strips than the picture has
            continue
        piece = piece[0, : height - y, : width - x]
        planes = slice(plane, plane + 1) if page.planarconfig == 2 else slice(None)
        found[y : y + piece.shape[0], x : x + piece.shape[1], planes] = piece
        filled += piece.size
    if filled != found.size:
        raise Refused(_MISSING)
    return found.astype(np.uint8) if found.dtype.kind == "b" else found


def _rows(page) -> int:
    return page.tilelength if page.is_tiled else page.rowsperstrip


def _columns(page) -> int:
    return page.tilewidth if page.is_tiled else page.imagewidth


def _check_jpegs(page) -> None:
    """Raises Refused where a JPEG inside claims to be larger than its strip or tile: its decoder would believe it."""
    from PIL import Image

    for offset, count in zip(page.dataoffsets, page.databytecounts):
        page.parent.filehandle.seek(offset)
        with Image.open(io.BytesIO(page.parent.filehandle.read(count)), formats=("JPEG",)) as jpeg:
            if jpeg.width > _columns(page) or jpeg.height > max(_rows(page), 1):
                raise Refused("broken image (a JPEG in it is larger than its strip or tile)")


def _inverted(values: np.ndarray, bits: int) -> np.ndarray:
    """White as zero turned into black as zero, within the range of the type."""
    if values.dtype.kind == "i":
        return ~values
    return values.dtype.type((1 << bits) - 1) - values


def _looked_up(index: np.ndarray, bits: int, palette) -> np.ndarray:
    """The palette's colours, uint8; it holds 16 bits, or 8 as some writers have it."""
    if palette is None or np.size(palette) != 3 << bits:
        raise Refused("broken image (its palette is missing or of another size)")
    table = np.asarray(palette, np.uint16).reshape(3, -1).T
    return (table >> 8 if table.max() > 255 else table).astype(np.uint8)[index]


def _from_cmyk(values: np.ndarray, white: int) -> np.ndarray:
    from PIL import Image

    eight = ((values.astype(np.int64) * 510 + white) // (2 * white)).astype(np.uint8)
    return np.asarray(Image.fromarray(np.ascontiguousarray(eight), "CMYK").convert("RGB"))
