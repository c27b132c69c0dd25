"""TIFF files of every layout, written from the specification alone: what is in them is known without a decoder."""

import struct
import zlib
from collections.abc import Iterable

import numpy as np

NONE, LZW, DEFLATE, PACKBITS = 1, 5, 8, 32773
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE = range(4)
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
# What a reader has to do to the stored rows, by orientation.
TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}


def tiff(
    samples: np.ndarray,
    bits: int,
    photometric: int = BLACK_IS_ZERO,
    kind: int = UNSIGNED,
    order: str = "<",
    compression: int = NONE,
    predictor: bool = False,
    tile: int = 0,
    rows: int = 0,
    planar: bool = False,
    orientation: int = 1,
    backwards: bool = False,
    tags: Iterable[tuple[int, str, tuple]] = (),
    after: bytes = b"",
) -> bytes:
    """A TIFF of `samples` (H, W, S). kind: UNSIGNED, SIGNED or FLOAT; order: < or >; tile: the side of the square
    tiles, 0 for strips of `rows` rows, 0 for one strip; planar: a plane for each sample; backwards: FillOrder 2;
    tags: further ones, or others for those written here, as (number, struct letter, values)."""
    height, width, count = samples.shape
    planes = [samples[..., k : k + 1] for k in range(count)] if planar else [samples]
    parts = []
    for plane in planes:
        if tile:
            for y in range(0, height, tile):
                for x in range(0, width, tile):
                    whole = np.zeros((tile, tile, plane.shape[2]), samples.dtype)
                    piece = plane[y : y + tile, x : x + tile]
                    whole[: piece.shape[0], : piece.shape[1]] = piece
                    parts.append(whole)
        else:
            step = rows or height
            parts += [plane[y : y + step] for y in range(0, height, step)]
    packed = []
    for part in parts:
        lines = _packed(_differences(part, bits) if predictor else part, bits, order)
        data = {NONE: b"".join, LZW: lambda x: _lzw(b"".join(x)), DEFLATE: lambda x: zlib.compress(b"".join(x))}.get(
            compression, lambda x: b"".join(map(_packbits, x))
        )(lines)
        packed.append(data.translate(_MIRRORED) if backwards else data)
    entries = {
        256: ("I", (width,)),
        257: ("I", (height,)),
        258: ("H", (bits,) * count),
        259: ("H", (compression,)),
        262: ("H", (photometric,)),
        274: ("H", (orientation,)),
        277: ("H", (count,)),
        284: ("H", (2 if planar else 1,)),
        339: ("H", (kind,) * count),
    }
    extra = count - (3 if photometric == RGB else 1)
    if backwards:
        entries[266] = ("H", (2,))
    if predictor:
        entries[317] = ("H", (2,))
    if extra:
        entries[338] = ("H", (2,) * extra)
    if tile:
        entries |= {322: ("I", (tile,)), 323: ("I", (tile,)), 325: ("I", tuple(map(len, packed)))}
    else:
        entries |= {278: ("I", (rows or height,)), 279: ("I", tuple(map(len, packed)))}
    entries |= {number: (letter, tuple(values)) for number, letter, values in tags}
    place, offsets = 8, []
    for part in packed:
        offsets.append(place)
        place += len(part)
    entries.setdefault(324 if tile else 273, ("I", tuple(offsets)))
    body = b"".join(packed) + b"\0" * (place % 2)
    return _assembled(entries, body, order) + after


def _assembled(entries: dict[int, tuple[str, tuple]], body: bytes, order: str) -> bytes:
    """Header, pixel data, directory, and the values that find no room in the directory."""
    start = 8 + len(body)
    far = start + 2 + 12 * len(entries) + 4
    directory, values = struct.pack(order + "H", len(entries)), b""
    for number, (letter, numbers) in sorted(entries.items()):
        data = struct.pack(f"{order}{len(numbers)}{letter}", *numbers)
        directory += struct.pack(order + "HHI", number, {"B": 1, "H": 3, "I": 4, "Q": 16}[letter], len(numbers))
        if len(data) <= 4:
            directory += data.ljust(4, b"\0")
        else:
            directory += struct.pack(order + "I", far + len(values))
            values += data + b"\0" * (len(data) % 2)
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(order + "I", start) + body + directory + struct.pack(order + "I", 0) + values


def _packed(part: np.ndarray, bits: int, order: str) -> list[bytes]:
    """The rows as bytes, each filled up to a whole byte."""
    if part.dtype.kind == "f":
        return [row.astype(f"{order}f{bits // 8}").tobytes() for row in part]
    if bits % 8 == 0 and bits != 24:
        return [row.astype(np.int64).astype(f"{order}u{bits // 8}").tobytes() for row in part]
    values = part.reshape(len(part), -1, 1).astype(np.int64)
    digits = (values >> np.arange(bits - 1, -1, -1) & 1).reshape(len(part), -1)
    return [np.packbits(row.astype(np.uint8)).tobytes() for row in digits]


def _differences(part: np.ndarray, bits: int) -> np.ndarray:
    """Predictor 2: each value less the one to its left."""
    part = part.astype(np.int64)
    return np.concatenate([part[:, :1], np.diff(part, axis=1)], axis=1) % (1 << bits)


def _packbits(row: bytes) -> bytes:
    return b"".join(bytes([len(row[k : k + 128]) - 1]) + row[k : k + 128] for k in range(0, len(row), 128))


def _lzw(data: bytes) -> bytes:
    """TIFF's LZW: most significant bit first, the code length grows one code early."""
    table, codes, length, word = {}, [(256, 9)], 9, b""

    def clear():
        nonlocal table, length
        table, length = {bytes([k]): k for k in range(256)}, 9

    clear()
    following = 258
    for byte in data:
        longer = word + bytes([byte])
        if longer in table:
            word = longer
            continue
        codes.append((table[word], length))
        table[longer] = following
        following += 1
        if following == (1 << length):
            length += 1
        if following == 4094:
            codes.append((256, length))
            clear()
            following = 258
        word = bytes([byte])
    if word:
        codes.append((table[word], length))
        following += 1
        if following == (1 << length):
            length = min(length + 1, 12)
    codes.append((257, length))
    digits = "".join(f"{code:0{bits}b}" for code, bits in codes)
    return int(digits.ljust(-(-len(digits) // 8) * 8, "0"), 2).to_bytes(-(-len(digits) // 8), "big")
