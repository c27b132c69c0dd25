"""Plain PNGs, decoded two to four times as fast as by Pillow: ISA-L inflates, the compiled kernel undoes filters."""

from __future__ import annotations

import zlib

import numpy as np

try:
    from isal import isal_zlib as inflater
except ImportError:  # of other speed only
    inflater = zlib

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = b"\0\0\0\x0dIHDR"
_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}  # by colour type: grey, RGB, and both with alpha
# Chunks that say nothing about orientation, transparency or animation.
_SILENT = {b"IHDR", b"IEND", b"tIME", b"pHYs", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"iCCP"}


def decode(data: bytes, most: int) -> np.ndarray | None:
    """The pixels of a PNG of at most `most` pixels, uint8 (H, W, channels) as stored.

    None for whatever is not plain (8 bits per value, no palette, not interlaced, no chunk that may change how it
    looks) or not whole, and where there is no compiled kernel: then a full decoder has to see to it.
    """
    library = kernels()
    if library is None or len(data) < 33 or data[:8] != _SIGNATURE or data[8:16] != _HEADER:
        return None
    depth, colour_type, interlaced = data[24], data[25], data[28]
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if depth != 8 or colour_type not in _CHANNELS or interlaced or not 0 < width * height <= most:
        return None
    packed = _image_data(data)
    if packed is None:
        return None
    channels = _CHANNELS[colour_type]
    size = height * (1 + width * channels)
    try:
        stream = inflater.decompressobj()
        rows = stream.decompress(packed, size + 1)
    except (zlib.error, inflater.error):
        return None
    if len(rows) != size or not stream.eof:
        return None
    return library.unfilter(np.frombuffer(rows, np.uint8), (height, width, channels))


def _image_data(data: bytes) -> bytes | None:
    """The content of the IDAT chunks; None where a chunk is damaged, out of order or not of the plain ones."""
    view, place, parts, kind = memoryview(data), 8, [], b""
    while kind != b"IEND":
        before, kind = kind, data[place + 4 : place + 8]
        end = place + 8 + int.from_bytes(data[place : place + 4], "big")
        if len(data) < end + 4 or int.from_bytes(data[end : end + 4], "big") != inflater.crc32(view[place + 4 : end]):
            return None
        if kind == b"IDAT":
            if parts and before != kind:
                return None
            parts.append(view[place + 8 : end])
        elif kind not in _SILENT:
            return None
        place = end + 4
    return b"".join(parts)


def kernels():
    """The compiled kernels (`metrics.kernel.Library`), or None."""
    from metrics import kernel

    try:
        return kernel.library()
    except RuntimeError:  # BENCH_ISA asks for what cannot run here; scoring says so
        return None
