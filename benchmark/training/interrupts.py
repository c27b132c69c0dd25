"""Hold Ctrl-C and SIGTERM back until the end of a step, so that what is saved is whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def held_back(say: Callable[[str], None]) -> Iterator[list[int]]:
    """Hold the first signal back and put it into the list; the caller looks there and leaves when it can.

    Passes that signal on when the context ends. Passes a second one on at once. Python lets only the main thread do
    this; in others the list stays empty. say: is told a line when a signal is held back.
    """
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
