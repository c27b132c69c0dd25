"""A method that is a command: code in an environment of its own, run once for each pair.

    cmd:python their_test.py --ir {ir} --vis {vis} --out {out}

{ir}, {vis} and {out} stand for files in a folder that lasts as long as the call: two 8-bit grey PNGs to read, and the
fused PNG to write. The words are split as a shell splits them, and no shell sees them.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import ClassVar

import numpy as np

from baselines.base import ClassicalFuser, Fuser, MethodCard, sha256
from benchmark.errors import UserError
from benchmark.imaging import oddities
from benchmark.imaging.reading import ImageError, read
from benchmark.imaging.saving import quantise, save_luminance

PREFIX = "cmd:"
TIMEOUT = 600.0  # seconds for one pair
PLACES = ("{ir}", "{vis}", "{out}")
_TAIL = 1 << 12  # bytes of a command's output that its last line is looked for in


class CommandError(RuntimeError):
    """A command that did not fuse a pair; the message says what it did, in one line."""


class CommandFuser(ClassicalFuser):
    """Subclasses, made by `command_method`, set the command's words and the seconds that it may take for a pair.

    told: what reading converted in the last file that the command wrote, and what is odd in its colours.
    """

    words: ClassVar[tuple[str, ...]]
    timeout: ClassVar[float]

    def fuse_pair(self, ir, vis):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            files = {place: Path(folder) / f"{place[1:-1]}.png" for place in PLACES}
            save_luminance(files["{ir}"], quantise(ir))
            save_luminance(files["{vis}"], quantise(vis))
            self._run([_filled(word, files) for word in self.words], Path(folder) / "output.txt")
            return self._read(files["{out}"], ir.shape)

    def _run(self, words: list[str], log: Path) -> None:
        with open(log, "wb") as output:
            try:
                # A session of its own, so that what it started ends with it.
                process = subprocess.Popen(
                    words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
                )
            except OSError as error:
                raise CommandError(f"{words[0]}: cannot be started: {error.strerror}") from None
            try:
                code = process.wait(self.timeout)
            except subprocess.TimeoutExpired:
                raise CommandError(f"took more than {self.timeout:g} s{_last_line(log)}") from None
            finally:
                if process.poll() is None:
                    _end(process)
        if code:
            how = f"ended by signal {-code}" if code < 0 else f"exit code {code}"
            raise CommandError(f"{how}{_last_line(log)}")

    def _read(self, path: Path, shape: tuple[int, int]) -> np.ndarray:
        if not path.exists():
            raise CommandError("ended well, but wrote no file to {out}")
        try:
            picture = read(path)
        except ImageError as error:
            raise CommandError(f"wrote to {{out}} what cannot be read: {error.reason}") from None
        fused = picture.luminance
        if fused.shape != shape:
            sizes = [f"{width}x{height}" for height, width in (fused.shape, shape)]
            raise CommandError(f"wrote an image of {sizes[0]} for a pair of {sizes[1]}")
        self.told = tuple(oddities.of_file(picture))
        return fused / np.float32(255)


def _filled(word: str, files: dict[str, Path]) -> str:
    for place, path in files.items():
        word = word.replace(place, str(path))
    return word


def _end(process: subprocess.Popen) -> None:
    """End a command and, where the system has process groups, what it started."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _last_line(log: Path) -> str:
    """What a command said last, after a colon; nothing where it was silent."""
    with open(log, "rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL))
        lines = file.read().decode("utf-8", errors="replace").split("\n")
    said = [line.strip() for line in lines if line.strip()]
    return f": {said[-1][:200]}" if said else ""


def command_method(text: str, name: str | None = None, timeout: float = TIMEOUT) -> tuple[type[Fuser], dict]:
    """The method that runs the command `text` (without "cmd:"), called `name` or after the first file in it, and what
    tells it from others: its words and the SHA-256 of each file that they name.

    Raises UserError for a command that cannot be split, lacks a place for a file, or is not there.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UserError(f"{PREFIX}{text}: {str(error).lower()}") from None
    if lacking := [place for place in PLACES if not any(place in word for word in words)]:
        raise UserError(f"{PREFIX}{text}: no {' and no '.join(lacking)} in the command; expected {' '.join(PLACES)}")
    if shutil.which(words[0]) is None:
        raise UserError(f"{PREFIX}{text}: no command '{words[0]}' here")
    files = {word: sha256(path) for word in words if (path := _file_in(word)) is not None}
    named = [word for word in files if word != words[0]] or words[:1]
    name = name or (_file_in(named[0]) or Path(named[0])).stem
    code = {"command": text, "files": files, "sha256": hashlib.sha256(repr((words, files)).encode()).hexdigest()}
    card = MethodCard(name, name, "other", input_convention="8-bit grey PNG", notes=f"the command {text}")
    return type("CommandFuser", (CommandFuser,), {"card": card, "words": tuple(words), "timeout": timeout}), code


def _file_in(word: str) -> Path | None:
    """The file that a word of a command names, as itself or after an equals sign."""
    for candidate in (word, word.partition("=")[2]):
        if candidate and len(candidate) < 4096 and os.path.isfile(candidate):
            return Path(candidate)
    return None
