"""Which images of two folders belong together: by their names, by patterns of the user's, or by a guess.

An *id* is what the names of a pair share; parts of a path are joined in it by an underscore.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from benchmark.datasets.image_files import Files, Pattern, also, by_name, dead_link, example, not_looked_at, unread
from benchmark.datasets.name_rules import IR_WORDS, TOKEN, VIS_WORDS, guess
from benchmark.datasets.pairs import Pair
from benchmark.errors import UserError, first_few
from benchmark.imaging import reading
from benchmark.names import printable, spelled, unspellable

KINDS = ("infrared", "visible")
OPTIONS = ("--ir-pattern", "--vis-pattern")
_NAMED = 3


def nothing_in(folders: Sequence[Path]) -> UserError:
    """The error for two folders without an image; it names what they hold instead."""
    text = f"no images ({', '.join(reading.EXTENSIONS)}) in {' and '.join(dict.fromkeys(map(printable, folders)))}"
    reasons = [reason for folder in folders for reason in unread(folder).values()]
    notes = [note for folder in dict.fromkeys(folders) for note in not_looked_at(folder, "")]
    return UserError(f"{text}; {(*reasons, *notes, 'put pairs of the same names there')[0]}")


def pairs_of(
    sides: Sequence[Files], folders: Sequence[Path], patterns: Sequence[Pattern | None] = (None, None)
) -> list[Pair]:
    """Pairs of infrared and visible images by name, sorted. A file without partner, or a name that stands twice in one
    folder, becomes a pair that fails with the reason. patterns: by which the files were named. Raises UserError where
    neither folder holds an image."""
    if not any(sides):
        raise nothing_in(folders)
    pairs: dict[str, Pair] = {}
    lacking = sides[0].keys() ^ sides[1].keys()
    others = [unread(*place) if lacking else {} for place in zip(folders, patterns)]
    for name in sorted(sides[0].keys() | sides[1].keys()):
        paths, problem = [], None
        for side, folder, kind, other in zip(sides, folders, KINDS, others):
            files = side.get(name, [])
            paths.append(files[0] if files else None)
            if not files:
                problem = problem or other.get(name) or f"no {kind} image of that name in {printable(folder)}"
            elif len(files) > 1:
                listing = ", ".join(printable(path.relative_to(folder)) for path in files)
                problem = problem or f"{len(files)} {kind} images of that name in {printable(folder)}: {listing}"
            else:
                problem = problem or dead_link(files[0])
        id, problem = spelled(name), unspellable(name) or problem
        if id in pairs:
            problem = f"2 names are one id: {printable(name)} and another; rename one"
        pairs[id] = Pair(id, *paths, problem)
    return sorted(pairs.values(), key=lambda pair: pair.id)


def pair_folders(
    ir: Path, vis: Path, ir_pattern: str | None = None, vis_pattern: str | None = None
) -> tuple[list[Pair], tuple[str, ...]]:
    """The pairs of two folders of a user's, and what to tell about how their names were read.

    ir_pattern, vis_pattern: see `Pattern`. Without them, names that differ are paired where one rule explains all of
    them. Raises UserError for a folder that is missing, and where not one pair can be told.
    """
    folders = (ir, vis)
    named = [by_name(folder) for folder in folders]
    texts = (ir_pattern, vis_pattern)
    notes = _not_looked_at(folders, texts)
    if any(texts):
        patterns = [Pattern.of(option, text) if text else None for option, text in zip(OPTIONS, texts)]
        sides = []
        for pattern, folder in zip(patterns, folders):
            sides.append(by_name(folder) if pattern is None else pattern.read(folder, notes))
        if os.path.samefile(ir, vis):  # what one pattern takes is not the other's
            for one, other, pattern in ((0, 1, patterns[0]), (1, 0, patterns[1])):
                if pattern is None:
                    taken = {path for files in sides[other].values() for path in files}
                    sides[one] = {name: rest for name, files in sides[one].items() if (rest := [*{*files} - taken])}
            files = [{path for paths in side.values() for path in paths} for side in sides]
            if both := files[0] & files[1]:
                raise UserError(f"--ir-pattern and --vis-pattern both take {printable(min(both))}")
        if all(sides) and sides[0].keys().isdisjoint(sides[1]):
            raise _no_pairs(sides, folders, texts)
        return pairs_of(sides, folders, patterns), (*notes, *_case_notes(sides))
    if os.path.samefile(ir, vis) and named[0]:
        named = _divided(named[0], ir)
        rule = guess(*named)
        if rule is None:
            raise _no_pairs(named, folders)
        return pairs_of(rule.sides(named), folders), (*notes, rule.told(folders))
    pairs, more = _paired(named, folders)
    return pairs, (*notes, *more)


def _not_looked_at(folders: Sequence[Path], patterns: Sequence[str | None]) -> list[str]:
    """`not_looked_at` of both folders, once where they are one."""
    found = [not_looked_at(*place) for place in zip(folders, OPTIONS, patterns)]
    return found[0] if os.path.samefile(*folders) else [*found[0], *found[1]]


def _paired(named: Sequence[Files], folders: Sequence[Path]) -> tuple[list[Pair], tuple[str, ...]]:
    if named[0].keys() != named[1].keys() and all(named):
        rule = guess(*named)
        if rule is not None:
            return pairs_of(rule.sides(named), folders), (rule.told(folders),)
        others = (named[1].keys() & unread(folders[0]).keys()) | (named[0].keys() & unread(folders[1]).keys())
        if named[0].keys().isdisjoint(named[1]) and not others:
            raise _no_pairs(named, folders)
    return pairs_of(named, folders), _case_notes(named)


def _case_notes(sides: Sequence[Files]) -> tuple[str, ...]:
    """A line about ids that a file system which ignores case takes for one."""
    found: dict[str, list[str]] = {}
    for name in sorted(sides[0].keys() | sides[1].keys()):
        found.setdefault(spelled(name).casefold(), []).append(spelled(name))
    alike = [names for names in found.values() if len(names) > 1]
    if not alike:
        return ()
    listing = first_few([" and ".join(names) for names in alike], _NAMED)
    return (f"names that differ only in case are pairs of their own: {listing}",)


def _divided(names: Files, folder: Path) -> list[Files]:
    """The images of one folder, infrared and visible by a word in each name. Raises UserError where one lacks it."""
    sides: list[Files] = [{}, {}]
    for name, files in names.items():
        words = {token.lower() for token in TOKEN.findall(name)}
        kinds = [bool(words & known) for known in (IR_WORDS, VIS_WORDS)]
        if sum(kinds) != 1:
            raise UserError(
                f"--ir and --vis are one folder, {printable(folder)}, and '{printable(name)}' does not say which of"
                f" the two it is: give --ir-pattern and --vis-pattern, such as '{{id}}_ir' and '{{id}}_vis'"
            )
        sides[kinds.index(True)][name] = files
    return sides


def _no_pairs(named: Sequence[Files], folders: Sequence[Path], given: Sequence[str | None] = ("", "")) -> UserError:
    parts, options = [], []
    for names, folder, option, text in zip(named, folders, OPTIONS, given):
        parts.append(f"{printable(folder)} holds {first_few([printable(name) for name in names], 2) or 'none'}")
        options.append(f"{option} '{text or printable(example(names))}'")
    way = f"say which part of the names is the pair's id, such as {' '.join(options)}"
    if len({option.partition(" ")[2] for option in options}) == 1:  # with which no pair is found, either
        way = "they differ in what would be the pair's id; rename the files so that both images of a pair share it"
    more = also(_not_looked_at(folders, given))
    return UserError(f"no infrared image has the name of a visible one: {'; '.join(parts)}; {way}{more}")
