"""Prints the packages that this Python lacks for studies/gpu.sh, one requirement a line.

Looks at the dependencies of this project and of its tests that need a GPU, and at what these need in turn, where they
are installed.
"""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

TESTS = ["pytest>=8", "pytest-timeout>=2.3"]
# What only commands import that studies/gpu.sh does not run.
UNUSED = {"imagecodecs", "openpyxl", "pooch"}


def declared() -> list[str]:
    """The dependencies that pyproject.toml states."""
    text = (Path(__file__).resolve().parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.search(r"^dependencies = \[(.*?)^\]", text, re.DOTALL | re.MULTILINE)[1]
    return re.findall(r'^\s*"([^"]+)"', listed, re.MULTILINE)


def missing() -> list[str]:
    """Requirements whose package is not installed, in order; versions are left to whoever installed them."""
    found, seen, left = [], set(), [*declared(), *TESTS]
    while left:
        requirement = left.pop(0)
        name = re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-")
        if name in seen or name in UNUSED:
            continue
        seen.add(name)
        try:
            needed = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            found.append(re.sub(r"\s+", "", requirement.split(";")[0]))
            continue
        if name != "torch":  # which brings what it needs
            left += [line for line in needed if ";" not in line]
    return found


if __name__ == "__main__":
    print("\n".join(missing()))
