"""Errors that a user can mend: one line each, exit code 2, never a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

import click

from benchmark.names import printable


class UserError(click.ClickException):
    """A user's mistake, told in one line.

    Click prints ``Error: <message>`` and leaves with exit code 2; used as a library, it is an ordinary
    exception. Line breaks in `message` become spaces, so that it stays one line. Other characters that cannot be
    printed become their codes.
    """

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(printable(" ".join(line.strip() for line in str(message).splitlines())))


def unknown(kind: str, name: str, known: Iterable[str]) -> UserError:
    """The error for a `name` that is not among the `known` names of a `kind` ("data set", "method", ...).

    The message holds the closest known name, if one is near ("did you mean ...?"), then all of them,
    sorted. Returns the error; the caller raises it.
    """
    names = sorted(set(known))
    folded = {other.lower(): other for other in names}
    near = difflib.get_close_matches(str(name).lower(), folded, n=1, cutoff=0.6)
    guess = f" did you mean {folded[near[0]]}?" if near else ""
    listing = ", ".join(names) if names else "none"
    return UserError(f"unknown {kind} '{name}';{guess} known: {listing}")


def one_line(error: BaseException) -> str:
    """An error's message without line breaks, or its kind where it has none."""
    from baselines.wording import reason

    return reason(error) or type(error).__name__


def first_few(names: Sequence[str], count: int) -> str:
    """The first `count` names in a line about many, and an ellipsis where there are more."""
    return ", ".join(names[:count]) + (", …" if len(names) > count else "")
