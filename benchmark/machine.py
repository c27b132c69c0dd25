"""Who may use this machine: runs side by side, or one measurement of time alone.

    with machine.working(say): ...      fusing, training: any number at once
    with machine.alone(say): ...        measuring time: nothing else of ours

Processes of one user wait for each other by a lock on a file in the system's folder for temporary files. Where there is
no such lock (Windows) nobody waits.
"""

from __future__ import annotations

import getpass
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:
    fcntl = None


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
            say(message)
            fcntl.flock(file, getattr(fcntl, kind))
        yield
    finally:
        os.close(file)
