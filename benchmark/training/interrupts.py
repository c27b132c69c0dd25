"""Ctrl-C and SIGTERM that wait for the end of a step, so that what is saved is whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def held_back(say: Callable[[str], None]) -> Iterator[list[int]]:
    """The signals that came within, at most one: the caller looks, and leaves when it can. It is raised then, as it
    would have been at once; a second one is raised at once. Only the main thread can be asked for that; elsewhere the
    list stays empty."""
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    before = {number: handler for number, handler in before.items() if callable(handler)}

    def hold(number, frame):
        if came:
            before[number](number, frame)
        else:
            came.append(number)
            say("stopping after this step; interrupt again to stop at once, back at the last saved state")

    for number in before:
        signal.signal(number, hold)
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        before[came[0]](came[0], None)
