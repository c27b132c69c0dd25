"""What methods, data sets, splits, protocols and metrics are called where people read.

Commands know labels (`mine+1a2b3c4d`, `tno@cddfuse25`, `Qabf`); captions, tables, figures and pages say titles. A title
comes from what `--title` gives, else from the card. The hash of a checkpoint stands behind it only where two of one
title are shown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from benchmark.errors import UserError, unknown
from benchmark.names import composed, without_hash

KINDS = ("method", "dataset", "protocol")
# Metrics whose symbol does not follow from their name: base, below, above.
_SYMBOLS = {
    "Qabf": ("Q", "", "AB/F"),
    "Nabf": ("N", "", "AB/F"),
    "Labf": ("L", "", "AB/F"),
    "FMI_none": ("FMI", "", ""),
    "FMI_wavelet": ("FMI", "w", ""),
    "Qtsallis": ("Q", "Tsallis", ""),
}
_LIMITED = re.compile(r"(?P<base>.+)-first(?P<limit>\d+)")
_PART = re.compile(r"(?P<base>.+)-\d+of(?P<total>\d+)-[0-9a-f]{6}")
_OWN_FOLDERS = re.compile(r"(?P<base>.+)-[0-9a-f]{8}")  # pairs of two folders, by their content


@dataclass(frozen=True)
class Symbol:
    """How a metric is typeset: `base` with `below` and `above`, either of which may be empty."""

    base: str
    below: str = ""
    above: str = ""

    @property
    def math(self) -> str:
        """As TeX's math, without dollars: for LaTeX, and for matplotlib's mathtext."""
        base = self.base if len(self.base) == 1 else rf"\mathrm{{{self.base}}}"
        below = self.below if len(self.below) < 2 else rf"\mathrm{{{self.below}}}"
        return base + (f"_{{{below}}}" if below else "") + (f"^{{{self.above}}}" if self.above else "")

    @property
    def html(self) -> str:
        below, above = (
            f"<{tag}>{text}</{tag}>" * bool(text) for tag, text in (("sub", self.below), ("sup", self.above))
        )
        return self.base + below + above


def symbol(metric: str) -> Symbol | None:
    """The symbol of a metric; None where its name is its symbol."""
    if metric in _SYMBOLS:
        return Symbol(*_SYMBOLS[metric])
    if re.fullmatch("Q[a-z]+", metric):
        return Symbol("Q", metric[1:].upper() if len(metric) > 2 else metric[1:])
    if found := re.fullmatch(r"([A-Z]+)_([a-z]+)|(AP)(\d+)", metric):
        base, below, average, at = found.groups()
        return Symbol(base or average, below or at)
    return None


def mathtext(metric: str) -> str:
    """The name of a metric for figures, typeset where it has a symbol."""
    found = symbol(metric)
    return f"${found.math}$" if found else metric


@dataclass(frozen=True)
class Titles:
    """Titles that the user gives, and what tells splits apart.

    methods: label or name -> title. data: data set, or DATASET@SPLIT -> title. protocols: name -> title. alike: places
    that must say their split's own name, since other words do not tell them apart.
    """

    methods: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    protocols: Mapping[str, str] = field(default_factory=dict)
    alike: frozenset[str] = frozenset()

    def of_methods(self, rows: Iterable[tuple[str, str, str]]) -> dict[str, str]:
        """Label -> title, each once. rows: label, name, and title by its record of every method that is shown."""
        rows = {label: (name, title) for label, name, title in rows}
        found = {label: self._given(label, name) or title for label, (name, title) in rows.items()}
        counts = Counter(found.values())
        for label, title in found.items():
            if counts[title] > 1:
                name = rows[label][0]
                rest = label[len(name) :] if label.startswith(name) else f" ({label})"
                more = [word for word in rest.split("+") if word and word not in title.split()]
                found[label] = " ".join([title, *more])
        shared = Counter(found.values())
        return {label: title if shared[title] == 1 else f"{title} ({label})" for label, title in found.items()}

    def _given(self, label: str, name: str) -> str:
        return next((self.methods[key] for key in (label, without_hash(label), name) if key in self.methods), "")

    def protocol(self, name: str) -> str:
        return self.protocols.get(name, name)

    def place(self, dataset: str, split: str, count: str = "") -> str:
        """A data set with its split, as a caption names it, where the split is not the usual one.

        count: what is said of its pairs, "25 pairs", which "first" and "of 361" go well with.
        """
        words, count = _words(dataset, split, count)
        place = f"{dataset}@{split}"
        if place in self.data:
            words = []
        elif place in self.alike:
            words.append(f"split {split}")
        title = self.data.get(place) or self.data.get(dataset) or _short(dataset)
        return ", ".join(filter(None, (title, *words, count)))

    def division(self, dataset: str, division: str) -> str:
        """A data set as divided for training and testing."""
        place = f"{dataset}@{division}"
        if place in self.data:
            return self.data[place]
        return f"{self.data.get(dataset) or _short(dataset)}, division {division}"

    def told_apart(self, places: Iterable[tuple[str, str]]) -> Titles:
        """The titles for what shows these data sets and splits."""
        places = dict.fromkeys(places)
        counts = Counter(self.place(*place) for place in places)
        return replace(self, alike=frozenset("@".join(place) for place in places if counts[self.place(*place)] > 1))


PLAIN = Titles()


def _source(dataset: str):
    from benchmark import datasets

    try:
        return datasets.get(dataset)
    except UserError:  # not installed here
        return None


def _short(dataset: str) -> str:
    source = _source(dataset)
    return source.card.short or source.card.title.partition(":")[0] if source else dataset


def _words(dataset: str, split: str, count: str) -> tuple[list[str], str]:
    """What is to be said of a split beside its data set, and the count of its pairs."""
    source = _source(dataset)
    base, *changes = split.split("~")
    limit = part = ""
    if found := _LIMITED.fullmatch(base):
        base, limit = found["base"], found["limit"]
    if found := _PART.fullmatch(base):
        base, part = found["base"], found["total"]
    if source is not None and (found := _OWN_FOLDERS.fullmatch(base)) and found["base"] == source.default_split:
        base = found["base"]
    words = []
    if source is None or base not in source.splits():
        words.append(f"split {base}")
    elif base != source.default_split:
        words.append(source.split_titles.get(base, f"split {base}"))
    words += [change.replace("-", " ") for change in changes]
    if limit:
        start, between, end = (count or f"{limit} pair{'s' * (limit != '1')}").rpartition(" of ")
        count = f"{start} of the first {end}" if between else f"first {end}"
    if part:
        count = re.sub(r"(\d+)( pairs?)?$", rf"\1 of {part}\2", count) if count else f"part of {part} pairs"
    return words, count


def given(entries: Sequence[str], methods: Iterable[str], datasets: Iterable[str], protocols: Iterable[str]) -> Titles:
    """The titles in what `--title` was given: NAME=TITLE, or KIND:NAME=TITLE where NAME is of several kinds.

    methods: labels and names; datasets: also DATASET@SPLIT. Without a kind, the first of method, data set and protocol
    that has this name is meant. Raises UserError for anything else.
    """
    known = {kind: {composed(n): n for n in names} for kind, names in zip(KINDS, (methods, datasets, protocols))}
    known["method"] |= {composed(without_hash(label)): without_hash(label) for label in known["method"].values()}
    found: dict[str, dict[str, str]] = {kind: {} for kind in KINDS}
    for entry in entries:
        name, equals, title = entry.partition("=")
        name, title = composed(name.strip()), title.strip()
        if not equals or not name or not title:
            raise UserError(f"--title {entry}: expected NAME=TITLE, or {', '.join(KINDS)} in front: method:NAME=TITLE")
        kind, colon, rest = name.partition(":")
        asked = [kind] if colon and kind in KINDS else KINDS
        name = rest.strip() if colon and kind in KINDS else name
        fitting = [kind for kind in asked if name in known[kind]]
        if not fitting:
            raise unknown(f"{' or '.join(asked)} in --title", name, {n for kind in asked for n in known[kind].values()})
        found[fitting[0]][known[fitting[0]][name]] = title
    return Titles(found["method"], found["dataset"], found["protocol"])
