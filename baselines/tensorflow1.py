"""Reading of TensorFlow 1 checkpoints (the "bundle": NAME.index and NAME.data-00000-of-00001) without TensorFlow.

The index is a table as LevelDB writes them: blocks of sorted keys, each shortened by what it shares with the one
before, and a footer that points to the block of blocks. A key is a variable's name, its value a BundleEntryProto
(tensorflow/core/protobuf/tensor_bundle.proto): dtype, shape, and where its bytes lie in the data file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

MAGIC = 0xDB4775248B80FB57
FOOTER = 48
FLOAT32 = 1  # DT_FLOAT
DTYPE, SHAPE, SHARD, OFFSET, SIZE = 1, 2, 3, 4, 5  # fields of BundleEntryProto


def data_file(index: Path) -> Path:
    """Where the values of NAME.index lie."""
    return index.with_name(index.name.removesuffix(".index") + ".data-00000-of-00001")


def read_checkpoint(index: Path) -> dict[str, np.ndarray]:
    """All variables of the checkpoint, float32. Raises ValueError for files that are not one, and OSError."""
    table, data = index.read_bytes(), data_file(index).read_bytes()
    if len(table) < FOOTER or int.from_bytes(table[-8:], "little") != MAGIC:
        raise ValueError("no TensorFlow checkpoint index")
    try:
        return dict(_variables(table, data))
    except (IndexError, UnicodeDecodeError):
        raise ValueError("a damaged TensorFlow checkpoint index") from None


def _variables(table: bytes, data: bytes) -> Iterator[tuple[str, np.ndarray]]:
    position = len(table) - FOOTER
    for _ in range(2):  # the handle of the metaindex, which is not needed
        _, position = _varint(table, position)
    for _, handle in _entries(table, *_handle(table, position)):
        for key, value in _entries(table, *_handle(handle, 0)):
            if key:  # the first one, without a name, describes the files
                yield key.decode(), _variable(key.decode(), value, data)


def _variable(name: str, message: bytes, data: bytes) -> np.ndarray:
    fields = dict(_fields(message))
    if fields.get(DTYPE) != FLOAT32 or fields.get(SHARD, 0) != 0:
        raise ValueError(f"{name} is not float32 in one file")
    shape = [dict(_fields(dim)).get(1, 0) for field, dim in _fields(fields.get(SHAPE, b"")) if field == 2]
    offset, size = fields.get(OFFSET, 0), fields.get(SIZE, 0)
    if size != 4 * int(np.prod(shape)) or offset + size > len(data):
        raise ValueError(f"{name} is not whole")
    return np.frombuffer(data, "<f4", size // 4, offset).reshape(shape).astype(np.float32)


def _entries(table: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a block."""
    if table[offset + size] != 0:  # behind a block stand its compression and its checksum
        raise ValueError("a compressed TensorFlow checkpoint index")
    block = table[offset : offset + size]
    restarts = int.from_bytes(block[-4:], "little")
    position, end, key = 0, size - 4 * (restarts + 1), b""
    while position < end:
        shared, position = _varint(block, position)
        own, position = _varint(block, position)
        length, position = _varint(block, position)
        key = key[:shared] + block[position : position + own]
        yield key, block[position + own : position + own + length]
        position += own + length


def _handle(buffer: bytes, position: int) -> tuple[int, int]:
    offset, position = _varint(buffer, position)
    return offset, _varint(buffer, position)[0]


def _varint(buffer: bytes, position: int) -> tuple[int, int]:
    """A number in groups of seven bits, lowest first, and the position behind it."""
    value = shift = 0
    while True:
        byte = buffer[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
        shift += 7


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers and values of a protocol buffer message: numbers, or the bytes of what is nested."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        kind = tag & 7
        if kind == 0:
            value, position = _varint(message, position)
        elif kind == 2:
            length, position = _varint(message, position)
            value, position = message[position : position + length], position + length
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
            value, position = int.from_bytes(message[position : position + length], "little"), position + length
        else:
            raise ValueError("a damaged TensorFlow checkpoint index")
        yield tag >> 3, value
