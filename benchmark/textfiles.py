"""Text files that people write, in whatever encoding and with whatever line ends their editor left."""

from __future__ import annotations

import codecs
import re
from os import PathLike
from typing import Any

from benchmark.errors import UserError, one_line

_LARGEST = 1 << 26  # bytes; lists of ids are a few megabytes at most
# The mark of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DOS_END = "\x1a"
# Zero-width spaces, byte order marks within a text, soft hyphens and marks of direction: copied along, never meant.
_UNSEEN = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")


def read(path: str | PathLike, option: str = "") -> str:
    """The text of a file, lines ending in a line feed. Raises UserError, which begins with `option`, for a file that
    cannot be opened or is no text."""
    name = f"{option} {path}".strip()
    try:
        with open(path, "rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise UserError(f"{name}: {error.strerror}") from None
    if len(data) > _LARGEST:
        raise UserError(f"{name}: larger than a text file can be")
    return decode(data, name)


def decode(data: bytes, name: str | PathLike) -> str:
    """Bytes as text: UTF-8, or UTF-16 or UTF-32 with a byte order mark. Raises UserError, which begins with `name`, for
    bytes that are no text. The mark that ends a text of DOS is left out."""
    encoding = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise UserError(f"{name}: not a text file in UTF-8; save it as UTF-8") from None
    if "\0" in text:
        raise UserError(f"{name}: not a text file (UTF-16 without a byte order mark?); save it as UTF-8")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    end = text.rstrip(_DOS_END + " \t\n")
    return f"{end}\n" if _DOS_END in text[len(end) :] else text


def lines(text: str) -> list[tuple[int, str]]:
    """The number and the text of every line, without spaces around it and characters that nobody sees, that is neither
    blank nor a remark (#). Lines end wherever Unicode ends one."""
    numbered = ((number, _UNSEEN.sub("", line).strip()) for number, line in enumerate(text.splitlines(), 1))
    return [(number, line) for number, line in numbered if line and not line.startswith("#")]


def read_yaml(path: str | PathLike, option: str = "") -> Any:
    """What a YAML file holds. Raises UserError as `read` does, for what is no YAML, and for a key that stands twice."""
    import yaml

    class Loader(yaml.SafeLoader):
        """A safe loader that refuses a key that stands twice."""

        def construct_mapping(self, node, deep=False):
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            for number, key in enumerate(keys):
                if key in keys[:number]:
                    raise yaml.YAMLError(f"the key {key} stands twice")
            return super().construct_mapping(node, deep)

    text = read(path, option)
    name = f"{option} {path}".strip()
    try:
        return yaml.load(text, Loader)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{name}: not a YAML file ({_yaml_flaw(error)})") from None


def _yaml_flaw(error: Exception) -> str:
    """What is wrong, and in which line."""
    problem, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
    if not problem:
        return one_line(error)
    return problem if mark is None else f"line {mark.line + 1}: {problem}"
