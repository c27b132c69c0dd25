"""Write the files of a page where they differ, remember them, and remove those that a later page no longer has.

What cannot be printed of a name is written as its code, alike in the data and in the names of files: the page puts
these together from the data.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

from benchmark.names import printable
from benchmark.store import files

LIST = "files.txt"


def _printable(value):
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {_printable(name): _printable(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_printable(one) for one in value]
    return value


class Folder:
    """The folder of a page. Names are relative to it, with slashes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._earlier = self._listed()
        self._written: set[str] = set()

    def _listed(self) -> set[str]:
        try:
            text = (self.path / LIST).read_text(encoding="utf-8")
        except (OSError, ValueError):
            return set()
        names = text.split("\n")
        return {name for name in names if name and not Path(name).is_absolute() and ".." not in Path(name).parts}

    def claim(self, name: str) -> Path:
        """Note that this page has a file. Make its folder and return its path."""
        name = printable(name)
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self._written.add(name)
        return path

    def write(self, name: str, content: str | bytes) -> None:
        path = self.claim(name)
        data = content.encode() if isinstance(content, str) else content
        try:
            if path.read_bytes() == data:
                return
        except OSError:
            pass
        files.replace(path, data)

    def data(self, name: str, value) -> None:
        """Write a script that gives the page a value. Use ASCII, so that no encoding and no line separator matters."""
        text = json.dumps(_printable(value), separators=(",", ":"), ensure_ascii=True, allow_nan=False)
        self.write(f"data/{name}.js", f"provide({json.dumps(name)}, {text});\n")

    def take(self, name: str, source: Path, link: bool) -> None:
        """Put a file into the page as it is. link: make a hard link, which takes no room, where that is possible."""
        path = self.claim(name)
        source = source.resolve()
        with contextlib.suppress(OSError):
            if os.path.samefile(path, source):
                return
            here, there = path.stat(), source.stat()
            if (here.st_size, here.st_mtime_ns) == (there.st_size, there.st_mtime_ns):
                return
        beside = path.with_name(f".{os.getpid()}-{threading.get_ident()}.tmp")
        try:
            try:
                if not link:
                    raise OSError
                os.link(source, beside)
            except OSError:
                shutil.copy2(source, beside)
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)

    def make(self, name: str, source: Path | None, content: Callable[[], bytes]) -> None:
        """Write a file that is made from `source`, unless it is there and no older. source: None for no file."""
        if source is None:
            self.write(name, content())
            return
        path = self.claim(name)
        with contextlib.suppress(OSError):
            if path.stat().st_mtime_ns >= source.stat().st_mtime_ns:
                return
        files.replace(path, content())

    def finish(self) -> None:
        """Remove what an earlier page wrote and this one did not."""
        for name in self._earlier - self._written:
            with contextlib.suppress(OSError):
                (self.path / name).unlink()
        for parent in sorted({parent for n in self._earlier for parent in Path(n).parents}, reverse=True):
            with contextlib.suppress(OSError):  # not empty
                if str(parent) != ".":
                    (self.path / parent).rmdir()
        files.replace(self.path / LIST, "".join(f"{name}\n" for name in sorted(self._written)))
