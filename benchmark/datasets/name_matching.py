"""Which files belong together by their names: as they stand, by a pattern of the user's, or by an unambiguous guess.

A *name* is a file's path in its folder without extension, parts joined by a slash. An *id* is what the names of a pair
share; parts of a path are joined in it by an underscore.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from benchmark.datasets.pairs import Pair
from benchmark.errors import UserError, first_few
from benchmark.imaging import reading
from benchmark.names import composed, printable, spelled, unspellable

Files = dict[str, list[Path]]  # id or name -> the files that bear it

KINDS = ("infrared", "visible")
OPTIONS = ("--ir-pattern", "--vis-pattern")
IR_WORDS = {"ir", "infrared", "inf", "thermal", "therm", "th", "t", "tir", "lwir", "mwir", "swir", "ct", "pet", "spect"}
VIS_WORDS = {"vis", "vi", "visible", "visual", "v", "rgb", "color", "colour", "tv", "eo", "mri", "mr"}
FUSED_WORDS = {
    *("fused", "fuse", "fusion", "fus", "f", "result", "results", "res", "out", "output", "outputs", "final", "pred"),
    *("prediction", "image", "images", "img", "imgs", "gray", "grey"),
}  # fmt: skip

_DEPTH = 4  # folders within a folder that are looked into
_DEEPEST = 20  # more of them in which images are looked for, to tell that they are not read
_TOKEN = re.compile(r"[^\W\d_]+|\d+|[\W_]+")
_SEPARATORS = re.compile(r"[\W_]+")
_NAMED = 3


# --- files by name ---


def by_name(folder: Path, deep: bool = True) -> Files:
    """The images of a folder by name in composed Unicode; with `deep`, where it holds none itself, those of the folders
    in it. Raises UserError where it is missing."""
    if not folder.is_dir():
        raise UserError(f"{printable(folder)}: no such folder")
    return _images(folder, _files(folder)) or _images(folder, _walk(folder, _DEPTH, set()) if deep else ())


def _images(folder: Path, files: Iterable[Path]) -> Files:
    found: Files = {}
    for path in files:
        if path.suffix.lower() in reading.EXTENSIONS:
            found.setdefault(_name(folder, path), []).append(path)
    return found


def _name(folder: Path, path: Path) -> str:
    return composed(path.relative_to(folder).with_suffix("").as_posix())


def _files(folder: Path) -> list[Path]:
    """The files in a folder, and links to nothing, sorted, without hidden ones."""
    shown = (path for path in folder.iterdir() if not path.name.startswith("."))
    return sorted(path for path in shown if path.is_file() or dead_link(path))


def dead_link(path: Path) -> str | None:
    """That a path is a link to nothing, as a moved disk leaves it, or None."""
    if not path.is_symlink() or path.exists():
        return None
    return f"{printable(path)} is a link to nothing: {printable(os.readlink(path))}"


def _walk(folder: Path, depth: int, seen: set[str], deeper: list[Path] | None = None) -> Iterator[Path]:
    """The files in a folder and in those within it, each folder once, whatever links lead to it. deeper: takes the
    folders that lie too deep to be looked into."""
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    try:
        yield from _files(folder)
        inner = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return
    if not depth and deeper is not None:
        deeper += [path for path in inner if os.path.realpath(path) not in seen]
    for path in inner if depth else ():
        yield from _walk(path, depth - 1, seen, deeper)


def not_looked_at(folder: Path, option: str, pattern: str | None = None) -> list[str]:
    """What to tell of images that are not read for where they lie, beside other folders or too deep.

    option: that takes the pattern of names, which is `pattern` or not given.
    """
    deeper: list[Path] = []
    within = [path for files in _images(folder, _walk(folder, _DEPTH, set(), deeper)).values() for path in files]
    below = [path.relative_to(folder) for path in within if path.parent != folder]
    notes = []
    if below and len(below) < len(within) and "/" not in (pattern or ""):
        places = list(dict.fromkeys(path.parent.as_posix() for path in below))
        shown = printable(_pattern_of(below, pattern or "{id}"))
        notes.append(
            f"{printable(folder)}: {len(below)} more image{'s' * (len(below) != 1)} in"
            f" {first_few([printable(place) for place in places], _NAMED)} {'are' if len(below) != 1 else 'is'} not"
            f" read; give {option} '{shown}'"
        )
    if deeper := [path for path in deeper if _holds_images(path)]:
        notes.append(
            f"{printable(folder)}: looked into {_DEPTH} folders deep, not into"
            f" {first_few([printable(path.relative_to(folder)) for path in deeper], 1)}; move what lies deeper up"
        )
    return notes


def _holds_images(folder: Path) -> bool:
    return any(path.suffix.lower() in reading.EXTENSIONS for path in _walk(folder, _DEEPEST, set()))


def _pattern_of(paths: Sequence[Path], name: str) -> str:
    """A pattern that fits images in folders, given that of their names. A part of a folder's name that differs belongs
    to the id where the names alone do not tell the images apart."""
    parents = list(dict.fromkeys(path.parent.parts for path in paths))
    unlike = "*" if len({path.stem for path in paths}) == len(paths) else "{id}"
    if len({len(parts) for parts in parents}) > 1:
        return f"*/{name}"  # a lone {id} takes in folders, too
    found = []
    for parts in map(list, map(dict.fromkeys, zip(*parents))):
        start, end = _ends(parts)
        found.append(parts[0] if len(parts) == 1 else f"{start}{unlike}{end}")
    return "/".join([*found, name])


def _ends(names: Sequence[str]) -> tuple[str, str]:
    """What all of several names begin and end with, no number cut in two; nothing where that leaves nothing of one."""
    start, end = _common(names), _common([name[::-1] for name in names])[::-1]
    start, end = start.rstrip("0123456789"), end.lstrip("0123456789")
    return (start, end) if len(start) + len(end) < min(map(len, names)) else ("", "")


def unread(folder: Path, pattern: Pattern | None = None) -> dict[str, str]:
    """Name -> why a file of that name is not read, of what may be other pictures in a folder and those within it. With
    a pattern, of what fits it, by id."""
    found = {}
    for path in _walk(folder, _DEPTH, set()):
        ending = _unread_ending(path)
        if ending is None:
            continue
        kind = f"{ending[1:].upper()} is not read" if ending else "its name has no extension"
        name = composed(path.relative_to(folder).as_posix())
        name = name[: len(name) - len(ending)]
        if pattern is not None:
            name = pattern.id_in_name(name)
        if name is not None:
            found.setdefault(name, dead_link(path) or f"{printable(path)} is there, but {kind}")
    return found


def _unread_ending(path: Path) -> str | None:
    """How the name of a file ends that may be a picture but is not read; None for all others."""
    endings = ("".join(path.suffixes[-2:]), path.suffix)
    return next((ending for ending in endings if not ending or ending.lower() in reading.NOT_READ), None)


def loosened(name: str) -> str:
    """A name without what is often spelled in several ways: upper case, and zeros before a number."""
    return re.sub(r"(?<!\d)0+(?=\d)", "", name.casefold())


# --- pairs ---


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
        words = {token.lower() for token in _TOKEN.findall(name)}
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
    more = _also(_not_looked_at(folders, given))
    return UserError(f"no infrared image has the name of a visible one: {'; '.join(parts)}; {way}{more}")


def _also(notes: Sequence[str]) -> str:
    """Notes as they end an error."""
    return "".join(f"; {note}" for note in notes)


# --- patterns ---


@dataclass(frozen=True)
class Pattern:
    """How files are called: text with {id} in place of what names the pair, such as '{id}_T' or '{id}_fused.png'.

    With a slash, it is of paths in the folder. {id} may stand several times: its parts are joined by an underscore.
    A * is anything. The extension may be left out.
    """

    option: str
    text: str
    expression: re.Pattern
    extension: str

    @classmethod
    def of(cls, option: str, text: str) -> Pattern:
        """Raises UserError for text without {id}."""
        text = composed(text.replace("\\", "/").removeprefix("./"))
        if "{id}" not in text:
            raise UserError(f"{option} '{text}': holds no {{id}}, which stands for the pair's id: '{{id}}_x.png'")
        bare, extension = os.path.splitext(text)
        if extension.lower() not in (*reading.EXTENSIONS, ".*"):
            bare, extension = text, ".*"
        wild = {"{id}": "([^/]+?)" if text.count("{id}") > 1 else "(.+?)", "*": "[^/]*"}
        parts = re.split(r"(\{id\}|\*)", bare)
        expression = "".join(wild.get(part, re.escape(part)) for part in parts)
        return cls(option, text, re.compile(expression, re.DOTALL), extension.lower())

    def id(self, path: str) -> str | None:
        """The id in a path, or None where the pattern does not fit."""
        bare, extension = os.path.splitext(path)
        return self.id_in_name(bare) if self.extension in (extension.lower(), ".*") else None

    def id_in_name(self, name: str) -> str | None:
        """The id in a path without extension, or None where the pattern does not fit."""
        match = self.expression.fullmatch(name)
        return None if match is None else "_".join(match.groups())

    def read(self, folder: Path, notes: list[str]) -> Files:
        """The images of a folder by id. Notes what does not fit; raises UserError where nothing does."""
        if not folder.is_dir():
            raise UserError(f"{printable(folder)}: no such folder")
        files = [path for files in by_name(folder).values() for path in files]
        if "/" in self.text:
            walked = _images(folder, _walk(folder, _DEPTH, set()))
            files = [path for files in walked.values() for path in files]
        found: Files = {}
        left = []
        for path in files:
            shown = composed(path.relative_to(folder).as_posix())
            id = self.id(shown)
            if id is None:
                left.append(printable(shown))
            else:
                found.setdefault(id, []).append(path)
        if not found:
            holds = first_few(left, _NAMED) or "no image"
            such = f"; such as '{printable(example([_bare(name) for name in left]))}'" if left else ""
            more = _also(not_looked_at(folder, self.option, self.text))
            raise UserError(f"{self.option} '{self.text}': fits no image in {printable(folder)} ({holds}){such}{more}")
        if left:
            more = f"{len(left)} image{'s' * (len(left) != 1)} of {printable(folder)}"
            what = f"{self.option} '{printable(self.text)}'"
            notes.append(f"{what}: {more} left out, which it does not fit: {first_few(left, 3)}")
        return found


def _bare(path: str) -> str:
    return os.path.splitext(path)[0]


def example(names: Collection[str]) -> str:
    """A pattern that a user may have meant, made of their own files' names."""
    names = list(names)
    if not names:
        return "{id}"
    if len(names) > 1:
        start, end = _ends(names)
        if start + end:
            return f"{start}{{id}}{end}"
    numbers = list(re.finditer(r"\d+", names[0]))
    if not numbers:
        folder, slash, _ = names[0].rpartition("/")
        return f"{folder}{slash}{{id}}"
    longest = max(numbers, key=lambda match: (match.end() - match.start(), match.start()))
    return f"{names[0][: longest.start()]}{{id}}{names[0][longest.end() :]}"


def _common(names: Sequence[str]) -> str:
    """What all of the names begin with."""
    first, last = min(names), max(names)
    return first[: next((i for i, (a, b) in enumerate(zip(first, last)) if a != b), min(len(first), len(last)))]


# --- guesses ---


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
    tokens = _TOKEN.findall(names[0])
    for start in _beginnings(tokens, names, str.startswith, foreign):
        for end in _beginnings(tokens[::-1], names, str.endswith, foreign):
            if (not start and not end) or any(len(start) + len(end) >= len(name) for name in names):
                continue
            ids = {name: name[len(start) : len(name) - len(end)] for name in names}
            parts = [_TOKEN.findall(id) for id in ids.values()]
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
    split = {name: _TOKEN.findall(name) for name in names}
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
