"""The images in a folder by name: as they stand or by a pattern of the user's; and what lies there but is not read.

A *name* is a file's path in its folder without extension, parts joined by a slash.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import UserError, first_few
from benchmark.imaging import reading
from benchmark.names import composed, printable

Files = dict[str, list[Path]]  # id or name -> the files that bear it

_DEPTH = 4  # folders within a folder that are looked into
_DEEPEST = 20  # more of them in which images are looked for, to tell that they are not read
_NAMED = 3


def by_name(folder: Path, deep: bool = True) -> Files:
    """The images of a folder by name in composed Unicode; with `deep`, where it holds none itself, those of the folders
    in it. Raises UserError where it is missing."""
    if not folder.is_dir():
        raise UserError(f"{printable(folder)}: no such folder")
    return _images(folder, _files(folder)) or _images(folder, _walk(folder, _DEPTH, set()) if deep else ())


def _images(folder: Path, files: Iterable[Path]) -> Files:
    found: Files = {}
    for path in files:
        if path.suffix.lower() in reading.EXTENSIONS:
            found.setdefault(_name(folder, path), []).append(path)
    return found


def _name(folder: Path, path: Path) -> str:
    return composed(path.relative_to(folder).with_suffix("").as_posix())


def _files(folder: Path) -> list[Path]:
    """The files in a folder, and links to nothing, sorted, without hidden ones."""
    shown = (path for path in folder.iterdir() if not path.name.startswith("."))
    return sorted(path for path in shown if path.is_file() or dead_link(path))


def dead_link(path: Path) -> str | None:
    """That a path is a link to nothing, as a moved disk leaves it, or None."""
    if not path.is_symlink() or path.exists():
        return None
    return f"{printable(path)} is a link to nothing: {printable(os.readlink(path))}"


def _walk(folder: Path, depth: int, seen: set[str], deeper: list[Path] | None = None) -> Iterator[Path]:
    """The files in a folder and in those within it, each folder once, whatever links lead to it. deeper: takes the
    folders that lie too deep to be looked into."""
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    try:
        yield from _files(folder)
        inner = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return
    if not depth and deeper is not None:
        deeper += [path for path in inner if os.path.realpath(path) not in seen]
    for path in inner if depth else ():
        yield from _walk(path, depth - 1, seen, deeper)


def not_looked_at(folder: Path, option: str, pattern: str | None = None) -> list[str]:
    """What to tell of images that are not read for where they lie, beside other folders or too deep.

    option: that takes the pattern of names, which is `pattern` or not given.
    """
    deeper: list[Path] = []
    within = [path for files in _images(folder, _walk(folder, _DEPTH, set(), deeper)).values() for path in files]
    below = [path.relative_to(folder) for path in within if path.parent != folder]
    notes = []
    if below and len(below) < len(within) and "/" not in (pattern or ""):
        places = list(dict.fromkeys(path.parent.as_posix() for path in below))
        shown = printable(_pattern_of(below, pattern or "{id}"))
        notes.append(
            f"{printable(folder)}: {len(below)} more image{'s' * (len(below) != 1)} in"
            f" {first_few([printable(place) for place in places], _NAMED)} {'are' if len(below) != 1 else 'is'} not"
            f" read; give {option} '{shown}'"
        )
    if deeper := [path for path in deeper if _holds_images(path)]:
        notes.append(
            f"{printable(folder)}: looked into {_DEPTH} folders deep, not into"
            f" {first_few([printable(path.relative_to(folder)) for path in deeper], 1)}; move what lies deeper up"
        )
    return notes


def _holds_images(folder: Path) -> bool:
    return any(path.suffix.lower() in reading.EXTENSIONS for path in _walk(folder, _DEEPEST, set()))


def _pattern_of(paths: Sequence[Path], name: str) -> str:
    """A pattern that fits images in folders, given that of their names. A part of a folder's name that differs belongs
    to the id where the names alone do not tell the images apart."""
    parents = list(dict.fromkeys(path.parent.parts for path in paths))
    unlike = "*" if len({path.stem for path in paths}) == len(paths) else "{id}"
    if len({len(parts) for parts in parents}) > 1:
        return f"*/{name}"  # a lone {id} takes in folders, too
    found = []
    for parts in map(list, map(dict.fromkeys, zip(*parents))):
        start, end = _ends(parts)
        found.append(parts[0] if len(parts) == 1 else f"{start}{unlike}{end}")
    return "/".join([*found, name])


def _ends(names: Sequence[str]) -> tuple[str, str]:
    """What all of several names begin and end with, no number cut in two; nothing where that leaves nothing of one."""
    start, end = _common(names), _common([name[::-1] for name in names])[::-1]
    start, end = start.rstrip("0123456789"), end.lstrip("0123456789")
    return (start, end) if len(start) + len(end) < min(map(len, names)) else ("", "")


def also(notes: Sequence[str]) -> str:
    """Notes as they end an error."""
    return "".join(f"; {note}" for note in notes)


def unread(folder: Path, pattern: Pattern | None = None) -> dict[str, str]:
    """Name -> why a file of that name is not read, of what may be other pictures in a folder and those within it. With
    a pattern, of what fits it, by id."""
    found = {}
    for path in _walk(folder, _DEPTH, set()):
        ending = _unread_ending(path)
        if ending is None:
            continue
        kind = f"{ending[1:].upper()} is not read" if ending else "its name has no extension"
        name = composed(path.relative_to(folder).as_posix())
        name = name[: len(name) - len(ending)]
        if pattern is not None:
            name = pattern.id_in_name(name)
        if name is not None:
            found.setdefault(name, dead_link(path) or f"{printable(path)} is there, but {kind}")
    return found


def _unread_ending(path: Path) -> str | None:
    """How the name of a file ends that may be a picture but is not read; None for all others."""
    endings = ("".join(path.suffixes[-2:]), path.suffix)
    return next((ending for ending in endings if not ending or ending.lower() in reading.NOT_READ), None)


@dataclass(frozen=True)
class Pattern:
    """How files are called: text with {id} in place of what names the pair, such as '{id}_T' or '{id}_fused.png'.

    With a slash, it is of paths in the folder. {id} may stand several times: its parts are joined by an underscore.
    A * is anything. The extension may be left out.
    """

    option: str
    text: str
    expression: re.Pattern
    extension: str

    @classmethod
    def of(cls, option: str, text: str) -> Pattern:
        """Raises UserError for text without {id}."""
        text = composed(text.replace("\\", "/").removeprefix("./"))
        if "{id}" not in text:
            raise UserError(f"{option} '{text}': holds no {{id}}, which stands for the pair's id: '{{id}}_x.png'")
        bare, extension = os.path.splitext(text)
        if extension.lower() not in (*reading.EXTENSIONS, ".*"):
            bare, extension = text, ".*"
        wild = {"{id}": "([^/]+?)" if text.count("{id}") > 1 else "(.+?)", "*": "[^/]*"}
        parts = re.split(r"(\{id\}|\*)", bare)
        expression = "".join(wild.get(part, re.escape(part)) for part in parts)
        return cls(option, text, re.compile(expression, re.DOTALL), extension.lower())

    def id(self, path: str) -> str | None:
        """The id in a path, or None where the pattern does not fit."""
        bare, extension = os.path.splitext(path)
        return self.id_in_name(bare) if self.extension in (extension.lower(), ".*") else None

    def id_in_name(self, name: str) -> str | None:
        """The id in a path without extension, or None where the pattern does not fit."""
        match = self.expression.fullmatch(name)
        return None if match is None else "_".join(match.groups())

    def read(self, folder: Path, notes: list[str]) -> Files:
        """The images of a folder by id. Notes what does not fit; raises UserError where nothing does."""
        if not folder.is_dir():
            raise UserError(f"{printable(folder)}: no such folder")
        files = [path for files in by_name(folder).values() for path in files]
        if "/" in self.text:
            walked = _images(folder, _walk(folder, _DEPTH, set()))
            files = [path for files in walked.values() for path in files]
        found: Files = {}
        left = []
        for path in files:
            shown = composed(path.relative_to(folder).as_posix())
            id = self.id(shown)
            if id is None:
                left.append(printable(shown))
            else:
                found.setdefault(id, []).append(path)
        if not found:
            holds = first_few(left, _NAMED) or "no image"
            such = f"; such as '{printable(example([_bare(name) for name in left]))}'" if left else ""
            more = also(not_looked_at(folder, self.option, self.text))
            raise UserError(f"{self.option} '{self.text}': fits no image in {printable(folder)} ({holds}){such}{more}")
        if left:
            more = f"{len(left)} image{'s' * (len(left) != 1)} of {printable(folder)}"
            what = f"{self.option} '{printable(self.text)}'"
            notes.append(f"{what}: {more} left out, which it does not fit: {first_few(left, 3)}")
        return found


def _bare(path: str) -> str:
    return os.path.splitext(path)[0]


def example(names: Collection[str]) -> str:
    """A pattern that a user may have meant, made of their own files' names."""
    names = list(names)
    if not names:
        return "{id}"
    if len(names) > 1:
        start, end = _ends(names)
        if start + end:
            return f"{start}{{id}}{end}"
    numbers = list(re.finditer(r"\d+", names[0]))
    if not numbers:
        folder, slash, _ = names[0].rpartition("/")
        return f"{folder}{slash}{{id}}"
    longest = max(numbers, key=lambda match: (match.end() - match.start(), match.start()))
    return f"{names[0][: longest.start()]}{{id}}{names[0][longest.end() :]}"


def _common(names: Sequence[str]) -> str:
    """What all of the names begin with."""
    first, last = min(names), max(names)
    return first[: next((i for i, (a, b) in enumerate(zip(first, last)) if a != b), min(len(first), len(last)))]
