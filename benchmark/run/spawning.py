"""Processes of our own, which see our modules and Python's whatever lies in the folder where they are started."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.context import SpawnContext, SpawnProcess

_SAFE = "PYTHONSAFEPATH"  # Python 3.10 does not know it


def pool(processes: int, initializer: Callable[[], None] | None = None) -> ProcessPoolExecutor:
    """Processes that wait for work, each begun with `initializer`."""
    with _this_folder_left_out():  # a helper process of multiprocessing starts here
        return ProcessPoolExecutor(processes, _Context(), initializer)


class _Process(SpawnProcess):
    def start(self):
        with _this_folder_left_out():
            super().start()

    def run(self):
        import mmif_bench  # noqa: F401 (our packages are ours)

        super().run()


class _Context(SpawnContext):
    # Not by fork: it would copy torch's threads' locks, and CUDA does not survive it.
    Process = _Process


@contextmanager
def _this_folder_left_out():
    """multiprocessing starts Python with code to run, which then looks for modules in the current folder first: a
    `random.py` there would end it before it has begun."""
    before = os.environ.get(_SAFE)
    os.environ[_SAFE] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SAFE]
        else:
            os.environ[_SAFE] = before
