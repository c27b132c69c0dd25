"""What commands say: the one place through which everything speaks that takes long.

How it is said depends on who listens. `bars`: on a terminal, on stderr. `lines`: elsewhere, now and then one. `json`
(`--json`): each event a line of JSON, on stdout, which carries nothing else. `quiet` (`--quiet`): nothing but failures.
Results are `answer`s: on stdout in every mode. docs/command-line.md says what the events hold.
"""

from __future__ import annotations

import json
import logging
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import lru_cache

from benchmark.errors import UserError
from benchmark.names import printable

# Seconds between lines where there is no bar, and between events of one part.
EVERY = 30
EVENT_EVERY = 1
LOUD = ("failure", "error")  # what --quiet leaves


def duration(seconds: float) -> str:
    """A time for people: "8 s", "12 min", "3 h 05 min", "4 d 02 h"."""
    whole = max(0, round(seconds))
    if whole < 100:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours:02} h"


class Part:
    """Steps of one kind on their way.

    total: of the steps; 0 where nobody knows. estimate: gives the seconds that are left, or None where they cannot be
    told yet; the mean of the steps so far if left out.
    """

    def __init__(
        self, title: str, total: int, unit: str, fields: dict, estimate: Callable[[], float | None] | None = None
    ) -> None:
        self.title, self.total, self.unit, self.fields = title, total, unit, fields
        self._estimate = estimate
        self.start = self._estimated = self.told = time.monotonic()
        self.done = self.well = self.worked = 0
        self.note = ""
        self._left: float | None = None

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.start

    def step(self, well: bool = True) -> None:
        self.done += 1
        self.worked += 1
        self.well += well
        self._look()

    def reach(self, count: int) -> None:
        """See that `count` steps need no more work. What is done never becomes less."""
        self.done = max(self.done, min(count, self.total))
        self._look()

    def _look(self) -> None:
        if self._estimate is not None:
            self._left = self._estimate()
        elif self.worked and self.total:
            self._left = self.seconds / self.worked * max(0, self.total - self.done)
        self._estimated = time.monotonic()

    @property
    def left(self) -> float | None:
        """Seconds that the rest takes, as far as that is known. Counts down between the steps."""
        if self._left is None:
            return None
        return max(0.0, self._left - (time.monotonic() - self._estimated))

    def numbers(self) -> dict:
        left = self.left
        return {
            "done": self.done,
            "total": self.total or None,
            "seconds": round(self.seconds, 1),
            "left": None if left is None else round(left, 1),
        }


class Voice:
    """How one command speaks. `progress.speaking` makes it, options choose its mode."""

    def __init__(self) -> None:
        self.mode: str | None = None  # None: bars or lines, whichever fits
        self.command = ""
        self.start = time.monotonic()
        self._out = None
        self._display: _Display | None = None
        self._lock = threading.RLock()

    def select(self, mode: str, command: str, **fields) -> None:
        """Speak as `json` or `quiet`. In JSON, stdout is kept for the events; what others print goes to stderr."""
        if mode == "json" and os.environ.get("RANK", "0") != "0":  # of several processes, the first one speaks
            mode = "quiet"
        self.mode, self.command = mode, command
        if mode == "json":
            self._out, sys.stdout = sys.stdout, sys.stderr
            self.event("start", **fields)

    def end(self, code: int) -> None:
        """The command is over, with this exit code."""
        if self._out is not None:
            self.event("end", exit_code=code, seconds=round(time.monotonic() - self.start, 1))
            self.release()

    def release(self) -> None:
        """Give stdout back."""
        if self._out is not None:
            sys.stdout, self._out = self._out, None

    @property
    def display(self) -> _Display | None:
        """The bars, where there are any."""
        if self.mode is None:
            self._display = _Display()
            self.mode = "bars" if self._display.possible else "lines"
        return self._display if self.mode == "bars" else None

    def event(self, event: str, **fields) -> None:
        record = {"event": event, "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds")}
        record |= {"command": self.command, **{name: _plain(value) for name, value in fields.items()}}
        with self._lock:
            self._out.write(json.dumps(record, allow_nan=False) + "\n")
            self._out.flush()

    def line(self, text: str, event: str, fields: dict) -> None:
        text = printable(text)
        if self.mode == "json":
            self.event(event, message=text, **fields)
        elif self.mode != "quiet" or event in LOUD:
            if self._display is not None and self._display.shown:
                self._display.print(text)
            else:
                print(text, file=sys.stderr, flush=True)

    def begin(self, part: Part, whole: Part | None) -> None:
        if self.mode == "json":
            self._progress(part, whole)
        else:
            self.hold(part)

    def hold(self, part: Part) -> None:
        """Give a part its bar, where there are bars."""
        if self.display is not None:
            self.display.add(part)

    def advanced(self, part: Part, whole: Part | None, facts: dict) -> None:
        """Tell of a step: at once on a terminal, now and then elsewhere."""
        if self.mode == "json":
            if time.monotonic() - part.told >= EVENT_EVERY or part.done == part.total:
                part.told = time.monotonic()
                self._progress(part, whole, **facts)
        elif self.display is not None:
            self.display.update(part)
            if whole is not None:
                self.display.update(whole)
        elif part.done != part.total and time.monotonic() - part.told >= EVERY:
            part.told = time.monotonic()
            self.line(_so_far(part, whole), "progress", {})

    def finish(self, part: Part, summary: bool) -> None:
        """Tell that a part came to its end: what went well, and how long it took."""
        if self.mode == "json":
            failed = (part.total or part.done) - part.well
            numbers = {name: value for name, value in part.numbers().items() if name != "left"}
            self.event("finished", title=part.title, **part.fields, **numbers, failed=failed)
        elif summary and part.total:
            count = f"{part.total}" if part.well == part.total else f"{part.well} of {part.total}"
            unit = f"{part.unit}{'s' * (part.total != 1)}"
            self.line(f"{part.title}: {count} {unit} in {part.seconds:.1f} s", "finished", {})

    def remove(self, part: Part) -> None:
        if self.display is not None:
            self.display.remove(part)

    def _progress(self, part: Part, whole: Part | None, **facts) -> None:
        overall = {} if whole is None else {"overall": {"title": whole.title, **whole.numbers()}}
        self.event("progress", title=part.title, **part.fields, **part.numbers(), **facts, **overall)


def _so_far(part: Part, whole: Part | None) -> str:
    of = f"{part.done}/{part.total}" if part.total else f"{part.done}"
    text = f"{part.title}: {of} in {part.seconds:.0f} s"
    if part.note:
        text += f", {part.note}"
    if whole is not None and whole.total != part.total:
        text += f"; {whole.done} of {whole.total} in all"
    left = (part if whole is None else whole).left
    return text if left is None else f"{text}, {duration(left)} left"


class _Display:
    """Bars on a terminal, which leave no trace."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True)
        # By the stream itself: what forces colours into a log makes no terminal of it.
        terminal = getattr(sys.stderr, "isatty", lambda: False)()
        self.possible = terminal and self._console.is_terminal and not self._console.is_dumb_terminal
        self._bars = None
        self._tasks: dict[Part, int] = {}

    @property
    def shown(self) -> bool:
        return self._bars is not None

    def print(self, text: str) -> None:
        """Print a line above the bars, unbroken however narrow the terminal."""
        self._bars.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def add(self, part: Part) -> None:
        if self._bars is None:
            self._bars = _bars(self._console)
            self._bars.start()
        description = printable(part.title)
        self._tasks[part] = self._bars.add_task(description, total=part.total or None, part=part, start=False)

    def update(self, part: Part) -> None:
        if part not in self._tasks:
            return
        description = "\n".join(map(printable, filter(None, (part.title, part.note))))
        self._bars.update(self._tasks[part], completed=part.done, description=description)

    def remove(self, part: Part) -> None:
        if part not in self._tasks:
            return
        # A bar that is gone before the next drawing is in no transcript either.
        self._bars.remove_task(self._tasks.pop(part))
        if self._tasks:
            self._bars.refresh()
        else:
            self._bars.stop()
            self._bars = None


def _bars(console):
    from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn
    from rich.progress import Progress as Bars
    from rich.table import Column
    from rich.text import Text

    class Left(ProgressColumn):
        def render(self, task):
            left = task.fields["part"].left
            return Text("" if left is None else f"{duration(left)} left")

    name = TextColumn(
        "{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")
    )
    # Least widths: where the terminal is narrow, it is the name that is cut short.
    count = MofNCompleteColumn(table_column=Column(no_wrap=True, min_width=9, justify="right"))
    columns = [name, count, Left(table_column=Column(no_wrap=True, min_width=11))]
    if console.width >= 70:
        columns.insert(1, BarColumn(bar_width=min(40, console.width // 5)))
    return Bars(*columns, console=console, transient=True, expand=True, refresh_per_second=4)


def _plain(value):
    """A value as JSON has it: numbers that are not finite are null, arrays and tuples lists, all else text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(one) for one in value]
    if hasattr(value, "tolist"):  # numpy's numbers and arrays
        return _plain(value.tolist())
    if isinstance(value, (int, float)):
        return value if math.isfinite(value) else None
    return printable(os.fspath(value) if isinstance(value, os.PathLike) else value)


_voice = Voice()


class _Warnings(logging.Handler):
    """Says what our modules log."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage(), "warning")


@contextmanager
def speaking() -> Iterator[Voice]:
    """The time of one command, which begins with no mode chosen."""
    global _voice
    before, _voice = _voice, Voice()
    handler, logger = _Warnings(), logging.getLogger("baselines")
    logger.addHandler(handler)
    try:
        yield _voice
    finally:
        logger.removeHandler(handler)
        _voice.release()
        _voice = before


def select(mode: str, command: str, **fields) -> None:
    """Let the command speak as "json" or "quiet"; fields: of the first event. Raises UserError for both."""
    if _voice.mode in ("json", "quiet"):
        raise UserError("--quiet and --json exclude each other")
    _voice.select(mode, command, **fields)


def is_json() -> bool:
    """Whether events are asked for."""
    return _voice.mode == "json"


def say(text: str, event: str = "note", **fields) -> None:
    """Say one line on stderr, whatever names it holds; as an event with these fields where events are asked for.

    event: "note", "told" (of images), "warning", "unavailable" or "failure", which --quiet leaves.
    """
    _voice.line(text, event, fields)


@lru_cache(maxsize=256)
def say_once(text: str, event: str = "note") -> None:
    """`say`, but not again in this process."""
    say(text, event)


def answer(text: str | None, event: str = "result", **fields) -> None:
    """Print one line of what was asked for, on stdout; as an event with these fields where events are asked for.

    text: None for what has no line of its own, as the rows of a table that is printed otherwise.
    """
    if _voice.mode == "json":
        _voice.event(event, **({} if text is None else {"message": " ".join(text.split("\n")).strip()}), **fields)
    elif text is not None:
        import click

        click.echo(printable_lines(text))


def printable_lines(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


class Progress:
    """Lines and bars. All of them share the display of the command."""

    def line(self, text: str, event: str = "note", **fields) -> None:
        """As `say`."""
        say(text, event, **fields)

    @contextmanager
    def bar(
        self,
        title: str,
        total: int,
        unit: str = "image",
        summary: bool = True,
        whole: Part | None = None,
        **fields,
    ) -> Iterator[Callable[..., None]]:
        """Show how far `total` steps have come, 0 for any number.

        Yields a function to call after each: step(well=True, note="", **facts). well: False for one that failed. note:
        what to show of it; facts: the same for events. A line at the end tells how many went well and how long they
        took, unless `summary` is False. whole: what the steps are a part of. fields: of the events.
        """
        part, voice = Part(title, total, unit, fields), _voice

        def step(well: bool = True, note: str = "", **facts) -> None:
            part.note = note
            part.step(well)
            if whole is not None:
                whole.step(well)
            voice.advanced(part, whole, facts)

        voice.begin(part, whole)
        try:
            yield step
        finally:
            voice.remove(part)
            if whole is not None and whole.done == whole.total:  # nothing is drawn below the last summary
                voice.remove(whole)
        voice.finish(part, summary)

    @contextmanager
    def whole(
        self, title: str, total: int, estimate: Callable[[], float | None] | None = None, shown: bool = True
    ) -> Iterator[Part]:
        """Show how far everything has come, above the bars of its parts, each of which names it as its `whole`.

        estimate: gives the seconds that are left, None where they cannot be told yet; the mean of the steps so far if
        left out. shown: whether it needs a bar of its own.
        """
        part, voice = Part(title, total, "", {}, estimate), _voice
        if shown:
            voice.hold(part)
        try:
            yield part
        finally:
            voice.remove(part)
        if voice.mode == "json":
            voice.advanced(part, None, {})
