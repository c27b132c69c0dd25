"""Names in any script, written in two ways.

`printable` is for what is shown: one character of no look becomes U+XXXX, and all else stays as it is. `spelled` is for
the ids of pairs, which become names of files: bytes that are no UTF-8 become %FF, slashes and controls an underscore.
`unusable` says which names cannot be a folder's, `unspellable` which names of files make no id. `short_labels` leaves
the hash of a checkpoint out of what results call a method.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

LONGEST_FILE = 255  # bytes of a file's name, on any usual file system
LONGEST = 200  # bytes of a folder's name: labels and files add to it
_JOINERS = "\u200c\u200d"  # of letters and of emoji: part of how a word is written
_HIDDEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
_HASH = re.compile(r"\+[0-9a-f]{8}(?!\w)")  # of a checkpoint, in what results call a method
_HALF = re.compile("[\ud800-\udfff]")  # what Python makes of bytes that are no UTF-8
_UNSAFE = re.compile(r"[\\/\x00-\x1f\x7f]")  # in the name of a file
_RESERVED = ',@+~:=*?"<>|'  # by what is typed, by labels in results, and by some file systems


def printable(name: object) -> str:
    """A text or path with U+XXXX for every character that has no look of its own or that files cannot hold.

    These are controls, line breaks, marks of direction, private characters, what Unicode leaves out for good, and
    halves of surrogates, which stand for bytes that are no UTF-8. A joiner behind a letter that is no ASCII stays.
    """
    text = str(name)
    if text.isprintable():
        return text
    found = []
    for place, c in enumerate(text):
        joins = c in _JOINERS and place > 0 and not text[place - 1].isascii() and found[-1] == text[place - 1]
        found.append(c if joins or not _is_hidden(c) else code(c))
    return "".join(found)


def _is_hidden(c: str) -> bool:
    return unicodedata.category(c) in _HIDDEN or ord(c) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(c) <= 0xFDEF


def code(c: str) -> str:
    """A character as Unicode writes it: U+65B9."""
    return f"U+{ord(c):04X}"


def spelled(name: object) -> str:
    """A name or path as the id of a pair, which is safe as a file's name."""
    return _UNSAFE.sub("_", _HALF.sub(lambda half: f"%{ord(half[0]) & 0xFF:02X}", str(name)))


def unspellable(name: str) -> str | None:
    """Why no pair may be called by a name, with slashes between folders, or None."""
    if _HALF.search(name):
        return "the file name is not UTF-8; rename it"
    if _UNSAFE.search(name.replace("/", "_")):
        return "a backslash or a control character in the file name; rename it"
    if len(f"{spelled(name)}.png".encode()) > LONGEST_FILE:
        return "the name is too long for a file; rename it"
    return None


def without_hash(label: str) -> str:
    """What results call a method, without the start of its checkpoint's hash."""
    return _HASH.sub("", label, count=1)


def short_labels(labels: Iterable[str]) -> dict[str, str]:
    """Label -> label without the hash, where no other one here would be the same."""
    labels = dict.fromkeys(labels)
    counts = Counter(map(without_hash, labels))
    return {label: label if counts[without_hash(label)] > 1 else without_hash(label) for label in labels}


def composed(text: str) -> str:
    """The text with accents in one character with their letters, so that it is the same however it was typed."""
    return unicodedata.normalize("NFC", text)


def unusable(name: str, typed: bool = True) -> str | None:
    """Why a name cannot be a folder's name, or None. typed: whether commands must take it as one of several."""
    if printable(name) != name:
        return f"it has a character that cannot be printed: {printable(name)}"
    if any(c in "/\\" for c in name):
        return "it has a slash"
    if typed and (reserved := [c for c in name if c in _RESERVED]):
        return f"it has {reserved[0]}"
    if name.startswith("."):
        return "it begins with a dot"
    if not any(c == "_" or unicodedata.category(c)[0] in "LNS" for c in name):
        return "it has no letter, number or symbol"
    if name != name.strip() or name.endswith("."):
        return "it begins or ends with a space, or ends with a dot"
    if len(name.encode()) > LONGEST:
        return f"it is longer than {LONGEST} bytes"
    return None
