"""Finds metrics, by name or by protocol, and their cards. `declaring` says what a metric is."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import pkgutil
from collections.abc import Iterable
from functools import cache

from . import definitions
from .declaring import Metric, MetricCard
from .protocols import PROTOCOLS

FAMILIES = (
    "statistics",
    "information",
    "error and correlation",
    "structure",
    "fidelity",
    "gradient",
    "perceptual",
    "no-reference",
)


@cache
def all_metrics() -> dict[str, Metric]:
    """Name -> metric, by family; within a family by file, then by order in the file."""
    found: dict[str, Metric] = {}
    for info in sorted(pkgutil.iter_modules(definitions.__path__), key=lambda info: info.name):
        module = importlib.import_module(f"{definitions.__name__}.{info.name}")
        for value in vars(module).values():
            if isinstance(value, Metric) and found.setdefault(value.name, value) is not value:
                raise ValueError(f"two metrics are named {value.name}; one is in {module.__name__}")

    def family(m: Metric) -> int:
        name = m._card["family"]
        return FAMILIES.index(name) if name in FAMILIES else len(FAMILIES)

    return {m.name: m for m in sorted(found.values(), key=family)}


@cache
def _spellings() -> dict[str, str]:
    return {_fold(s): m.name for m in all_metrics().values() for s in (m.name, *m.aliases)}


def _fold(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "").replace(" ", "")


# Optional extra of the package -> the library that it brings.
EXTRAS = {"noref": "pyiqa"}


def unavailable(name: str) -> str | None:
    """Why metric `name` cannot be computed here, with the remedy; None if it can. Raises ValueError for an
    unknown name.
    """
    extra = find(name).card.requires
    if extra is None or importlib.util.find_spec(EXTRAS[extra]):
        return None
    return f"{name} needs the library {EXTRAS[extra]}: pip install 'mmif-bench[{extra}]'"


def find(name: str) -> Metric:
    """The metric called `name` (case, hyphens and underscores do not matter). Raises ValueError, one line."""
    known = _spellings().get(_fold(name)) if isinstance(name, str) else None
    if known is None:
        raise ValueError(unknown("metric", name, all_metrics()))
    return all_metrics()[known]


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    known = list(known)
    close = difflib.get_close_matches(str(name).lower(), {k.lower(): k for k in known}, n=1, cutoff=0.5)
    hint = f"did you mean {next(k for k in known if k.lower() == close[0])}? " if close else ""
    return f"unknown {kind} '{name}': {hint}known: {', '.join(known)}"


def check_protocol(protocol: str) -> None:
    if protocol not in PROTOCOLS:
        raise ValueError(unknown("protocol", protocol, PROTOCOLS))


def names(protocol: str | None = None) -> list[str]:
    """The metrics that `protocol` defines, or all of them. Raises ValueError for an unknown protocol."""
    if protocol is not None:
        check_protocol(protocol)
    return [m.name for m in all_metrics().values() if protocol is None or protocol in m.definitions]


def card(name: str) -> MetricCard:
    """The card of metric `name`. Raises ValueError for an unknown one."""
    return find(name).card
