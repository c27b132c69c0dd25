"""Who may use this machine: runs side by side, or one measurement of time alone.

    with machine.working(say): ...      fusing, training: any number at once
    with machine.alone(say): ...        measuring time: nothing else of ours

Processes of one user wait for each other by a lock on a file in the system's folder for temporary files. Where there is
no such lock (Windows) nobody waits.
"""

from __future__ import annotations

import getpass
import os
import shlex
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:
    fcntl = None

_LONGEST = 120  # characters of a command line


def lock_file() -> Path:
    """Each user's own: another's could not be opened."""
    return Path(tempfile.gettempdir()) / f"mmif-bench-{getpass.getuser()}.lock"


@contextmanager
def working(say: Callable[[str], None]) -> Iterator[None]:
    """Work beside others, but not beside a measurement; `say` tells that one is waited for."""
    with _held("LOCK_SH", "waiting for a bench profile on this machine to end", say):
        yield


@contextmanager
def alone(say: Callable[[str], None]) -> Iterator[None]:
    """Measure with nothing else of ours at work; `say` tells that others are waited for."""
    with _held("LOCK_EX", "waiting for other bench commands on this machine to end", say):
        yield


@contextmanager
def _held(kind: str, message: str, say: Callable[[str], None]) -> Iterator[None]:
    if fcntl is None:
        yield
        return
    file = os.open(lock_file(), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(file, getattr(fcntl, kind) | fcntl.LOCK_NB)
        except BlockingIOError:
            holders = ", ".join(map(_process, _holders(os.fstat(file).st_ino)))
            say(f"{message}: {holders}" if holders else message)
            fcntl.flock(file, getattr(fcntl, kind))
        yield
    finally:
        os.close(file)


def _holders(inode: int) -> list[int]:
    """The processes that hold a lock on a file; none where the system does not tell (it is not Linux)."""
    try:
        lines = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    except OSError:
        return []
    # 1: FLOCK ADVISORY WRITE 4711 08:01:131074 0 EOF; an arrow in the second place is of one who waits.
    held = [line for line in lines if line[1] == "FLOCK" and line[5].rpartition(":")[2] == str(inode)]
    return list(dict.fromkeys(int(line[4]) for line in held))


def _process(pid: int) -> str:
    """A process with the command that it runs, as a user would type it."""
    try:
        text = os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        text = ""
    if not text:
        return f"process {pid}"
    words = text.rstrip("\0").split("\0")
    at = next((i for i, word in enumerate(words) if Path(word).name == "bench"), None)
    command = shlex.join(words if at is None else ["bench", *words[at + 1 :]])
    return f"process {pid} ({command if len(command) <= _LONGEST else command[:_LONGEST] + '…'})"
