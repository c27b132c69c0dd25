"""What a run says while it works, on stderr: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmark.names import printable

# Seconds between lines where there is no bar.
EVERY = 30


class Progress:
    """Lines, and one bar at a time below them."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True)
        self._bar = None

    def line(self, text: str) -> None:
        """Print one line for the user, unbroken however narrow the terminal and whatever names it holds."""
        text = printable(text)
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            print(text, file=sys.stderr, flush=True)

    @contextmanager
    def bar(self, title: str, total: int, unit: str = "image", summary: bool = True) -> Iterator[Callable[..., None]]:
        """Show how far `total` steps have come. Yields a function to call after each, with False for one that failed.

        Off a terminal there is no bar: a line now and then tells how far the steps are. One at the end tells how many
        went well and how long they took, unless `summary` is False.
        """
        start = time.monotonic()
        if not self._console.is_terminal:
            done, well, told = 0, 0, start

            def step(success: bool = True):
                nonlocal done, well, told
                done += 1
                well += success
                if done < total and time.monotonic() - told >= EVERY:
                    told = time.monotonic()
                    self.line(f"{title}: {done}/{total} in {told - start:.0f} s")

            yield step
            if total and summary:
                count = f"{total}" if well == total else f"{well} of {total}"
                self.line(f"{title}: {count} {unit}{'s' * (total != 1)} in {time.monotonic() - start:.1f} s")
            return
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Bar(*columns, console=self._console, transient=True) as self._bar:
            task = self._bar.add_task(printable(title), total=total)
            try:
                yield lambda success=True: self._bar.advance(task)
            finally:
                self._bar = None
