"""What is told of images: facts kept beside the scores of each, and lines that say them of all.

A fact is a text "SUBJECT: what". SUBJECT is FUSED, "pair", or what one of the sources is called. Facts of the sources
are the same for every method of a split.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

FUSED = "fused"
REPEATED = f"{FUSED}: identical to that of another pair, of other sources"

# Of one image, and only there to be counted: it spans all levels, and so does a source of it, or none does.
FULL, FULL_ALONE = f"{FUSED}: from 0 to 255, as a source", f"{FUSED}: from 0 to 255, as no source"
STRETCHED = f"{FUSED}: from 0 to 255 exactly, also where no source is: stretched, or clipped at both ends?"

Facts = dict[str, tuple[str, ...]]  # image -> what is told of it

# A number that stands for itself, perhaps an end of a range: not one in "16-bit" or "1/257".
_NUMBER = re.compile(r"(?<![\w/+])(?<!\d\.)-?\d+(?:\.\d+)?(?:e[+-]\d+)?(?![\w/-]|\.\d)")


def by_image(lines: Iterable[dict], copies: bool = False, declared: bool = False) -> Facts:
    """What the lines of a cell's `scores.jsonl` tell. Images that are alike for different sources are found here,
    unless they are meant to be `copies` of a source; and images that all look stretched, unless it is `declared` how
    they were saved."""
    lines = list(lines)
    found: Facts = {}
    for line in lines:
        found[line["id"]] = tuple(dict.fromkeys((*found.get(line["id"], ()), *line.get("told", ()))))
    if not copies:
        made = {(line["fused"], line["key"].partition("-")[0]) for line in lines}
        counts = Counter(fused for fused, _ in made)
        for line in lines:
            facts = found[line["id"]]
            if counts[line["fused"]] > 1 and REPEATED not in facts:
                found[line["id"]] = (*facts, REPEATED)
    full = [bool({FULL, FULL_ALONE}.intersection(facts)) for facts in found.values()]
    alone = any(FULL_ALONE in facts for facts in found.values())
    suspect = len(full) > 1 and all(full) and alone and not declared
    for id, facts in found.items():
        others = tuple(fact for fact in facts if fact not in (FULL, FULL_ALONE))
        found[id] = (*others, STRETCHED) if suspect else others
    return {id: facts for id, facts in found.items() if facts}


def of_sources(found: Mapping[str, Sequence[str]]) -> Facts:
    return {id: tuple(fact for fact in facts if not _is_of_fused(fact)) for id, facts in found.items()}


def of_fused(found: Mapping[str, Sequence[str]]) -> Facts:
    return {id: tuple(fact for fact in facts if _is_of_fused(fact)) for id, facts in found.items()}


def _is_of_fused(fact: str) -> bool:
    return fact.startswith(f"{FUSED}: ")


def what_of_fused(fact: str) -> str | None:
    """What a fact says of a fused image; None where it is of a source."""
    return fact.removeprefix(f"{FUSED}: ") if _is_of_fused(fact) else None


def in_all(found: Mapping[str, Sequence[str]], total: int) -> list[str]:
    """A line for each kind of fact, with the number of images, of `total`, that it is true of."""
    texts = [fact for facts in found.values() for fact in dict.fromkeys(facts)]
    lines = []
    for text, count in alike(texts):
        subject, _, what = text.partition(": ")
        noun = "pairs" if subject == "pair" else f"{subject} images"
        lines.append(f"{count} of {total} {noun}: {what}")
    return lines


def alike(texts: Iterable[str]) -> list[tuple[str, int]]:
    """Texts that differ in numbers alone as one, with the range of each number; and how many they were."""
    groups: dict[str, list[list[str]]] = {}
    for text in texts:
        groups.setdefault(_NUMBER.sub("\0", text), []).append(_NUMBER.findall(text))
    found = []
    for form, numbers in groups.items():
        parts = form.split("\0")
        ranges = [_range(column) for column in zip(*numbers)]
        found.append(("".join(a + b for a, b in zip(parts, [*ranges, ""])), len(numbers)))
    return found


def _range(numbers: Sequence[str]) -> str:
    low, high = min(numbers, key=float), max(numbers, key=float)
    return low if low == high else f"{low}…{high}"
