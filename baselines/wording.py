"""Say in plain words what Python says in its own: reasons of exceptions, values and shapes."""

from __future__ import annotations

import re
import shlex
import subprocess

# torch advises to load such a file with weights_only=False, which runs whatever is in it.
UNSAFE = "it holds more than tensors, or is damaged; what could run code on loading is not loaded"
_ADVICE = re.compile("weights_only|Weights only load failed")
# As requests tells of connections that fail: a host, and somewhere within what the system says.
_CONNECTION = re.compile(r"HTTPS?ConnectionPool\(host='([^']*)'")
_SYSTEM = re.compile(r"\[Errno -?\d+\] ([^'\")\]]+)")
_CODE = (
    (re.compile(r"torch\.Size\(\[([\d, ]*)\]\)"), lambda found: shape(re.findall(r"\d+", found[1]))),
    (re.compile(r"\b(?:Pure)?(?:Posix|Windows)?Path\((['\"])(.*?)\1\)"), r"\2"),
    (re.compile(r"\bnp\.(?:str_|bytes_)\((['\"])(.*?)\1\)"), r"\2"),
    (re.compile(r"\bnp\.\w+\(([^()]*)\)"), r"\1"),
    (re.compile(r"<class '([\w.]+)'>"), r"\1"),
    (re.compile(r"<([^<>]*?)(?: object)? at 0x[0-9a-fA-F]+>"), r"\1"),
)


def reason(error: BaseException) -> str:
    """The message of an exception in one line, "" where it has none. Leaves out torch's advice and Python's notation of
    objects."""
    if isinstance(error, KeyError) and len(error.args) == 1:
        text = str(error.args[0])  # str would put it in quotes
    elif isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    elif isinstance(error, (subprocess.CalledProcessError, subprocess.TimeoutExpired)):
        text = _of_command(error)
    else:
        text = str(error)
    if _ADVICE.search(text):
        return UNSAFE
    if pool := _CONNECTION.search(text):
        system = _SYSTEM.search(text)
        why = system[1].strip() if system else "timed out" if "timed out" in text else ""
        return f"no connection to {pool[1]}{f': {why}' if why else ''}"
    for code, words in _CODE:
        text = code.sub(words, text)
    return " ".join(text.split())


def _of_command(error) -> str:
    command = error.cmd if isinstance(error.cmd, str) else shlex.join(map(str, error.cmd))
    if isinstance(error, subprocess.TimeoutExpired):
        return f"the command {command} took more than {error.timeout:g} seconds"
    return f"the command {command} ended with exit code {error.returncode}"


def shown(value) -> str:
    """A value of a YAML file, as people would call it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}'"
    kinds = {dict: "a mapping", list: "a list", tuple: "a list", set: "a set"}
    return next((words for kind, words in kinds.items() if isinstance(value, kind)), str(value))


def shape(sides) -> str:
    """The sides of an array in order: "48x64" for 48 rows of 64."""
    return "x".join(map(str, sides)) or "of a single number"
