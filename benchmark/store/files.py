"""Files that a kill cannot leave half-written: lines of JSON are appended whole, all else is replaced in one step."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

CHECK = "check"  # comes first among the sorted keys of every line that has it


def file_sha256(path: Path) -> str | None:
    """SHA-256 (hex) of a file; None where it does not exist."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except FileNotFoundError:
        return None
    return digest.hexdigest()


def dump(line: dict) -> str:
    return json.dumps(line, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def encoded(text: str) -> bytes:
    """Text as UTF-8. Half of a surrogate pair, as in names that are no UTF-8, becomes an escape, which JSON reads."""
    return text.encode("utf-8", "backslashreplace")


def signed(line: dict) -> dict:
    """The line with `check` in it, the start of a hash of all else (BLAKE2b, 64 bits), by which a changed digit shows.
    It is no protection against those who can compute it, too."""
    content = {name: value for name, value in line.items() if name != CHECK}
    return {CHECK: _hash(encoded(dump(content))), **content}


def is_whole(line: dict, text: bytes) -> bool:
    """Whether `text`, or what it says in whatever spacing, is as it was signed; True for a line that is not signed."""
    stated = line.get(CHECK)
    if stated is None:
        return True
    head = f'{{"{CHECK}": "{stated}", '.encode()
    if text.startswith(head) and _hash(b"{" + text[len(head) :] + b"\n") == stated:
        return True
    return signed(line)[CHECK] == stated


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def read_lines(path: Path, damaged: Callable[[int, str], None] | None = None) -> list[dict]:
    """The JSON objects of a .jsonl file, in order; none for a missing file. Lines that are torn, hold anything else or
    were changed since they were signed are left out; damaged(number, why) is called for those that are not empty."""
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        return []
    lines = []
    for number, raw in enumerate(content.split(b"\n"), 1):
        line = raw.decode("utf-8", errors="replace")
        try:
            value = json.loads(line)
            if "\\u" in line:  # no name has half of a surrogate pair but for bytes that are no UTF-8
                json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogateescape")
            flaw = "" if isinstance(value, dict) else "it is no object"
            if not flaw and not is_whole(value, raw):
                flaw = "it is not as it was written"
        except (ValueError, RecursionError):
            flaw = "it is torn or no JSON"
        if not flaw:
            lines.append(value)
        elif damaged is not None and raw.strip():
            damaged(number, flaw)
    return lines


def append(path: Path, line: dict) -> None:
    """Add a line in one write; where the file ends in a torn line, on a line of its own."""
    data = encoded(dump(line))
    with open(path, "a+b") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                data = b"\n" + data
        file.write(data)


def write_lines(path: Path, lines: Iterable[dict]) -> None:
    """Make these lines the content of the file, in one step; leave a file alone that holds just that."""
    text = "".join(map(dump, lines))
    try:
        if path.read_bytes() == encoded(text):
            return
    except FileNotFoundError:
        pass
    replace(path, text)


def replace(path: Path, content: str | bytes) -> None:
    """Write a file beside `path`, then put it in its place. Text is written as UTF-8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Short: a long name of `path` leaves no room for a suffix.
    beside = path.with_name(f".{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        beside.write_bytes(encoded(content) if isinstance(content, str) else content)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
