"""How a metric is defined.

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

import inspect
from collections.abc import Callable
from dataclasses import dataclass

from .images import Image, Undefined
from .protocols import PROTOCOLS

__all__ = ["Definition", "Metric", "MetricCard", "Undefined", "metric"]


@dataclass(frozen=True)
class MetricCard:
    """What a reader of a table needs to know about a metric.

    direction: +1 higher is better, -1 lower is better, 0 neither: shown, never ranked. range and unit hold for
    `standard`. protocols: what each protocol that defines the metric computes. requires: the optional extra of
    the package that it needs, or None. note: what to beware of, or how far `standard` is from what the field
    prints, with figures; empty where there is nothing to say.
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
    note: str = ""


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

    def __init__(self, function, name, *, protocols, aliases=(), requires=None, note="", **card):
        self.name = name
        self.aliases = tuple(aliases)
        self.definitions: dict[str, Definition] = {}
        self._card = dict(card, requires=requires, note=note, doc=inspect.getdoc(function) or "")
        for protocol, note in protocols.items():
            self._define(protocol, Definition(function, note))

    def __call__(self, f: Image, a: Image, b: Image) -> float:
        """The value under `standard`."""
        return self.definitions["standard"].compute(f, a, b)

    def _define(self, protocol: str, definition: Definition) -> None:
        if protocol not in PROTOCOLS:
            raise ValueError(f"{self.name}: unknown protocol '{protocol}'; known: {', '.join(PROTOCOLS)}")
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
