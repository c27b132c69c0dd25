"""What a metric is, and where all metrics are found.

A file in `metrics/definitions` adds a metric:

    @metric(
        "EN", title="Entropy", year=2008, family="statistics", direction=+1, range="0 .. 8", unit="bit",
        source="Roberts, van Aardt & Ahmed, J. Appl. Remote Sens. 2, 023522 (2008)",
        protocols={"standard": "the definition", "cddfuse": "the definition"},
    )
    def EN(f, a, b):
        '''EN = -sum_k p_k log2 p_k ...'''
        return ...

    @EN.dialect("tang-py", note="adds 1e-7 inside the logarithm")
    def _(f, a, b):
        return ...

`f`, `a`, `b` are `Image`s: fused, infrared (first source), visible (second source). The value is a float;
`Undefined` is raised, with the reason, where the images leave it undefined.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from .images import Image, Undefined
from .protocols import PROTOCOLS

__all__ = ["Definition", "Metric", "MetricCard", "Undefined", "card", "find", "metric", "names", "unavailable"]

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


@dataclass(frozen=True)
class MetricCard:
    """What a reader of a table needs to know about a metric.

    direction: +1 higher is better, -1 lower is better. range and unit hold for `standard`. protocols: what
    each protocol that defines the metric computes. requires: the optional extra of the package that it needs,
    or None.
    """

    name: str
    title: str
    year: int
    family: str
    direction: int
    range: str
    unit: str
    source: str
    protocols: dict[str, str]
    doc: str
    requires: str | None = None


@dataclass(frozen=True)
class Definition:
    """How one protocol computes a metric.

    colour: what happens to a colour image under a protocol that accepts one: "average" of the channels'
    values, or "unfold" (the channels side by side make one image).
    """

    compute: Callable[[Image, Image, Image], float]
    note: str
    colour: str = "average"


class Metric:
    """A metric under all its protocols; made by the decorator `metric`."""

    def __init__(self, function, name, *, protocols, aliases=(), requires=None, **card):
        self.name = name
        self.aliases = tuple(aliases)
        self.definitions: dict[str, Definition] = {}
        self._card = dict(card, requires=requires, doc=inspect.getdoc(function) or "")
        for protocol, note in protocols.items():
            self._define(protocol, Definition(function, note))

    def __call__(self, f: Image, a: Image, b: Image) -> float:
        """The value under `standard`."""
        return self.definitions["standard"].compute(f, a, b)

    def _define(self, protocol: str, definition: Definition) -> None:
        if protocol not in PROTOCOLS:
            raise ValueError(f"{self.name}: unknown protocol {protocol!r}; known: {', '.join(PROTOCOLS)}")
        if protocol in self.definitions:
            raise ValueError(f"{self.name} is defined twice under {protocol}")
        self.definitions[protocol] = definition

    def dialect(self, *protocols: str, note: str, colour: str = "average"):
        """Decorator: the function computes the metric under `protocols`."""

        def add(function):
            for protocol in protocols:
                self._define(protocol, Definition(function, note, colour))
            return function

        return add

    @property
    def card(self) -> MetricCard:
        order = {p: self.definitions[p].note for p in PROTOCOLS if p in self.definitions}
        return MetricCard(name=self.name, protocols=order, **self._card)


def metric(name: str, **card):
    """Decorator: makes a function the definition of metric `name` under `protocols` (see the module's
    docstring).
    """

    def make(function) -> Metric:
        return Metric(function, name, **card)

    return make


@cache
def all_metrics() -> dict[str, Metric]:
    """Name -> metric, by family; within a family by file, then by order in the file."""
    from . import definitions

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
    return f"unknown {kind} {name!r}: {hint}known: {', '.join(known)}"


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
