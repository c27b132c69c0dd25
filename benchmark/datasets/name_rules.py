"""Rules that tell which names belong together, guessed where just one rule explains all of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from benchmark.datasets.image_files import Files
from benchmark.names import printable

IR_WORDS = {"ir", "infrared", "inf", "thermal", "therm", "th", "t", "tir", "lwir", "mwir", "swir", "ct", "pet", "spect"}
VIS_WORDS = {"vis", "vi", "visible", "visual", "v", "rgb", "color", "colour", "tv", "eo", "mri", "mr"}
FUSED_WORDS = {
    *("fused", "fuse", "fusion", "fus", "f", "result", "results", "res", "out", "output", "outputs", "final", "pred"),
    *("prediction", "image", "images", "img", "imgs", "gray", "grey"),
}  # fmt: skip

TOKEN = re.compile(r"[^\W\d_]+|\d+|[\W_]+")
_SEPARATORS = re.compile(r"[\W_]+")


def loosened(name: str) -> str:
    """A name without what is often spelled in several ways: upper case, and zeros before a number."""
    return re.sub(r"(?<!\d)0+(?=\d)", "", name.casefold())


@dataclass(frozen=True)
class Reading:
    """A way to read names: name -> id. `pattern` says it in words; `cut`: characters that are no part of the ids."""

    pattern: str
    cut: int
    ids: Mapping[str, str]


@dataclass(frozen=True)
class Rule:
    """Readings of both sides' names that lead to the same ids; loose: but for case and zeros before a number."""

    first: Reading
    second: Reading
    loose: bool

    def matching(self) -> frozenset[tuple[str, str]]:
        """The names that belong together."""
        key: Callable[[str], str] = loosened if self.loose else str
        names = {key(id): name for name, id in self.second.ids.items()}
        return frozenset((name, names[key(id)]) for name, id in self.first.ids.items() if key(id) in names)

    def sides(self, named: Sequence[Files]) -> list[Files]:
        """Both sides' files by the ids that they share: the longer spelling, which sorts better."""
        sides: list[Files] = [{}, {}]
        for one, other in self.matching():
            id = max(self.first.ids[one], self.second.ids[other], key=lambda id: (len(id), id))
            sides[0].setdefault(id, []).extend(named[0][one])
            sides[1].setdefault(id, []).extend(named[1][other])
        return sides

    def example(self) -> tuple[str, str]:
        """Two names that belong together, different ones if there are any."""
        return min(self.matching(), key=lambda pair: (pair[0] == pair[1], pair))

    def told(self, folders: Sequence[Path]) -> str:
        """A line that says what was guessed."""
        one, other = self.example()
        (first, second) = (printable(f"{folder.name}/{name}") for folder, name in zip(folders, (one, other)))
        what = f"'{self.first.pattern}' and '{self.second.pattern}'"
        if self.first.pattern == self.second.pattern == "{id}":
            what = "names alike but for case and zeros before a number"
        count = len(self.matching())
        return (
            f"paired by a guess, {printable(what)}: {first} with {second}, {count} in all; if that is wrong,"
            " give --ir-pattern and --vis-pattern"
        )


def guess(first: Collection[str], second: Collection[str]) -> Rule | None:
    """The one rule by which every name of either side has its partner; None where there is none, or several that
    differ in what they pair."""
    readings = [
        [*_affixes(first, VIS_WORDS), *_without_word(first, IR_WORDS)],
        [*_affixes(second, IR_WORDS), *_without_word(second, VIS_WORDS)],
    ]
    return _only(*readings, lambda one, other: one == other)


def guess_within(ids: Collection[str], names: Collection[str], words: Iterable[str] = ()) -> Rule | None:
    """As `guess`, of pairs' ids and the names of images made of them: all ids have an image, or all images an id.

    Of a single name anything could be cut, and any number is the id of some pair among numbered ones. There only known
    words are: those for modalities and fused images, and `words`, such as the method's name.
    """
    known = IR_WORDS | VIS_WORDS | FUSED_WORDS
    known |= {part for word in words for part in (word.casefold(), *_SEPARATORS.split(word.casefold()))} | {""}
    readings = [
        [one for one in _affixes(mine, None) if not _by_chance(one, len(other)) or _cuts_words(one, known)]
        for mine, other in ((ids, names), (names, ids))
    ]
    return _only(*readings, lambda one, other: one <= other or other <= one)


def _by_chance(reading: Reading, others: int) -> bool:
    """Whether what a reading keeps of the names may be an id by chance, among so many on the other side."""
    found = reading.ids.values()
    return len(found) == 1 or (len(found) < others and all(id.isdecimal() for id in found))


def _cuts_words(reading: Reading, known: Set[str]) -> bool:
    """Whether nothing but known words is cut off."""
    cut = [text.casefold() for text in reading.pattern.split("{id}")]
    return all(text.strip("_-. /") in known or known.issuperset(_SEPARATORS.split(text)) for text in cut)


def _only(first: list[Reading], second: list[Reading], agree: Callable[[set, set], bool]) -> Rule | None:
    for loose in (False, True):
        key: Callable[[str], str] = loosened if loose else str
        keys = [[_keys(reading, key) for reading in readings] for readings in (first, second)]
        rules = [
            Rule(one, other, loose)
            for one, ones in zip(first, keys[0])
            for other, others in zip(second, keys[1])
            if ones and others and agree(ones, others) and not ones.isdisjoint(others)
        ]
        if rules:
            best = min(rules, key=lambda rule: rule.first.cut + rule.second.cut)
            return best if all(rule.matching() == best.matching() for rule in rules) else None
    return None


def _keys(reading: Reading, key: Callable[[str], str]) -> set[str]:
    """The ids of a reading; none where two names would be one."""
    found = {key(id) for id in reading.ids.values()}
    return found if len(found) == len(reading.ids) else set()


def _affixes(names: Collection[str], foreign: Set[str] | None) -> list[Reading]:
    """Names as they stand, and without what all begin with and all end with, cut between words and numbers.

    foreign: words that belong to the other side. With them, numbers are never cut off, and nothing is where there is
    one name only, of which anything could be cut.
    """
    names = list(names)
    found = [Reading("{id}", 0, {name: name for name in names})]
    if not names or (len(names) == 1 and foreign is not None):
        return found
    tokens = TOKEN.findall(names[0])
    for start in _beginnings(tokens, names, str.startswith, foreign):
        for end in _beginnings(tokens[::-1], names, str.endswith, foreign):
            if (not start and not end) or any(len(start) + len(end) >= len(name) for name in names):
                continue
            ids = {name: name[len(start) : len(name) - len(end)] for name in names}
            parts = [TOKEN.findall(id) for id in ids.values()]
            if any((start and _SEPARATORS.fullmatch(p[0])) or (end and _SEPARATORS.fullmatch(p[-1])) for p in parts):
                continue
            found.append(Reading(f"{start}{{id}}{end}", len(start) + len(end), ids))
    return found


def _beginnings(tokens: list[str], names: list[str], fits, foreign: Set[str] | None) -> Iterator[str]:
    """What all names begin with (`fits` str.startswith) or end with (str.endswith), longer by a word each time."""
    yield ""
    text = ""
    for token in tokens:
        if foreign is not None and (token.isdigit() or token.lower() in foreign):
            return
        text = text + token if fits is str.startswith else token + text
        if not all(fits(name, text) for name in names):
            return
        yield text


def _without_word(names: Collection[str], words: Set[str]) -> Iterator[Reading]:
    """Names without the one word for a modality that all hold, and without what parts it from the rest."""
    split = {name: TOKEN.findall(name) for name in names}
    held = [[token.lower() for token in tokens if token.lower() in words] for tokens in split.values()]
    if not held or any(len(found) != 1 for found in held) or len({found[0] for found in held}) != 1:
        return
    ids, cut, patterns = {}, 0, []
    for name, tokens in split.items():
        at = next(i for i, token in enumerate(tokens) if token.lower() in words)
        left, right = tokens[:at], tokens[at + 1 :]
        before = left.pop() if left and _SEPARATORS.fullmatch(left[-1]) else ""
        after = right.pop(0) if right and _SEPARATORS.fullmatch(right[0]) else ""
        patterns.append(f"{'{id}' * bool(left)}{before}{tokens[at]}{after}{'{id}' * bool(right)}")
        ids[name] = "".join([*left, (after or before) if left and right else "", *right])
        cut += len(name) - len(ids[name])
    if all(ids.values()):
        yield Reading(patterns[0], cut // len(ids), ids)
