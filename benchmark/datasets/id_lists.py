"""Lists of ids: the committed ones in ``splits/``, checked by hash, and those of users."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmark import textfiles
from benchmark.datasets.name_rules import loosened
from benchmark.datasets.pairs import Pair
from benchmark.errors import UserError, first_few
from benchmark.names import printable

SPLITS = Path(__file__).with_name("splits")
_NAMED = 3  # ids in a line about many
_EXTENSION = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}$")
_SHOWN = 60  # characters of a line in a note
_FOLDERS = 8  # of a path that may be part of an id
_QUOTES = "\"'`"
_AROUND = _QUOTES + "[](){}"  # what other languages write around names
_BETWEEN = r",;|\t，；、"  # columns
_CELL = re.compile(rf"""\s*(?:"[^"]*"|'[^']*'|[^{_BETWEEN}]+)""")
_SEPARATORS = (re.compile(f"[{_BETWEEN}]"), re.compile(r"\s"))
_REMARK = re.compile(r";|%|//(?![^\s/]+/)")  # a path may begin with two slashes
_REMARK_BEHIND = re.compile(r"\s(?:#|//\s).*", re.DOTALL)
_LABEL = re.compile(r"(?P<split>.*?)(?:-\d+of\d+-[0-9a-f]{6})?(?:-first(?P<limit>\d+))?")


def pick(pairs: Iterable[Pair], ids: Sequence[str], where: str) -> list[Pair]:
    """The pairs with these ids of which a file is there, in the order of `ids`. Raises UserError where there is none:
    then `where` is another data set's folder."""
    by_id = {pair.id: pair for pair in pairs if pair.ir is not None or pair.vis is not None}
    found = [by_id[id] for id in ids if id in by_id]
    if not found:
        raise UserError(f"none of the {len(ids)} ids of the split ({first_few(ids, 1)}) is in {where}")
    return found


def part_label(split: str, ids: Sequence[str], total: int | None) -> str:
    """What results call a split of which these ids are at hand: its name where that is all of it, else also how many of
    how many, and which, by a hash: two different parts never share a label."""
    if total is None or len(ids) == total:
        return split
    return f"{split}-{len(ids)}of{total}-{ids_sha256(sorted(ids))[:6]}"


def limited_label(label: str, limit: int) -> str:
    """What results call the first `limit` pairs of a split."""
    return f"{label}-first{limit}"


def parse_label(label: str) -> tuple[str, int | None]:
    """The split and the limit that lead to a label made by `part_label` and `limited_label`."""
    match = _LABEL.fullmatch(label)
    return match["split"], int(match["limit"]) if match["limit"] else None


def list_of(label: str) -> str:
    """The split that a label was made of: without what tells a part, a limit, a stretch or another change of it."""
    return parse_label(label.partition("~")[0])[0]


def split_ids(dataset: str, split: str) -> list[str]:
    """The ids of ``splits/<dataset>_<split>.txt``, in its order; lines that start with # are comments. Raises
    ValueError where they are not those that ``splits/sha256.txt`` states."""
    name = f"{dataset}_{split}"
    lines = (SPLITS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    ids = [line for line in lines if line and not line.startswith("#")]
    if ids_sha256(ids) != split_hashes().get(name):
        raise ValueError(f"the list {name} is not the one that splits/sha256.txt states; restore or re-hash it")
    return ids


@dataclass(frozen=True)
class IdList:
    """The ids of a list, each once, in its order; `notes`: what was not as it should be, one line each."""

    ids: list[str]
    notes: tuple[str, ...] = ()


def read_ids(path: Path, known: Collection[str] = (), dataset: str = "") -> IdList:
    """The ids of a list of one's own: one to a line, or file names or paths, perhaps quoted, with further columns after
    a tab, a comma, a semicolon or a space; lines that start with #, //, ; or % are remarks.

    known: the ids of the data set called `dataset`. They decide how a line is read: in which column the id stands, and
    that it holds several, which all count. What else is listed is told. Raises UserError for a file that is missing, no
    text or without ids.
    """
    found, notes = normalised(entries(textfiles.read(path), known), known, dataset)
    ids = [id for members in found for id in members]
    if not ids:
        raise UserError(f"{path}: holds no ids")
    return IdList(list(dict.fromkeys(ids)), tuple(printable(f"{path}: {note}") for note in notes))


def entries(text: str, known: Collection[str] = ()) -> list[str]:
    """The lines of a user's list that are neither blank nor remarks."""
    return [line for _, line in textfiles.lines(text) if line in known or not _REMARK.match(line)]


def normalised(
    listed: Sequence[str], known: Collection[str] = (), dataset: str = ""
) -> tuple[list[list[str]], list[str]]:
    """Entries of a user's list as ids, those of each, and what to tell; see `read_ids`. An entry has none where it is a
    heading."""
    known = known if isinstance(known, Set) else set(known)
    loose: dict[str, list[str]] = {}
    for id in known:
        loose.setdefault(loosened(id), []).append(id)
    exact = [_known_ids(entry, known) for entry in listed]
    near = [[] if ids else _near_ids(entry, loose) for ids, entry in zip(exact, listed)]
    found = [ids or others[:1] for ids, others in zip(exact, near)]
    some, numbered = any(found), all(map(_has_digit, known))
    respelled, several, doubtful, odd, headings = [], [], [], [], []
    for place, entry in enumerate(listed):
        if len(found[place]) > 1:
            several.append(entry)
        elif len(near[place]) > 1:
            doubtful.append(f"{_shown(entry)} as {near[place][0]}")
        elif found[place]:
            respelled += [f"{_shown(entry)} as {found[place][0]}"] * (found[place] != [entry])
        elif some and (numbered or place == 0) and not _has_digit(_spellings(entry)[-1]):
            headings.append(entry)
        else:
            odd += [entry] * bool(known)
            found[place] = [_spellings(entry)[-1]]
    counts = Counter(id for ids in found for id in ids)
    twice = [id for id, count in counts.items() if count > 1]
    notes = []
    if respelled:
        listing = first_few(respelled, _NAMED)
        notes.append(f"{_many(respelled, 'line')} read as {dataset} spells its ids: {listing}")
    if several:
        total = sum(len(ids) for ids in found if len(ids) > 1)
        lines = "1 line holds" if len(several) == 1 else f"{len(several)} lines hold"
        notes.append(f"{lines} several ids, {total} in all, all of which count: {_listing(several)}")
    if doubtful:
        notes.append(f"{_many(doubtful, 'line')} read by the first of several numbers: {first_few(doubtful, _NAMED)}")
    if headings:
        notes.append(f"{_many(headings, 'line')} no id, left out: {_listing(headings)}")
    if twice:
        notes.append(f"{_many(twice, 'id')} listed more than once, taken once: {first_few(twice, _NAMED)}")
    if odd:
        total = sum(map(len, found))
        notes.append(f"{len(odd)} of {total} ids are in no list of {dataset} and not at hand: {_listing(odd)}")
    return found, notes


def find_ids(names: Iterable[str], known: Mapping[str, str]) -> dict[str, str | None]:
    """File name or path -> the id that it means; None where it means none, or might mean several.

    known: spelling of a name, without extension or with it -> id. As it stands comes first, perhaps with the folders
    before it as part of the name, then without regard to upper case and to zeros before a number.
    """
    loose: dict[str, set[str]] = {}
    for name, id in known.items():
        loose.setdefault(loosened(unicodedata.normalize("NFC", name)), set()).add(id)
    exact = {unicodedata.normalize("NFC", name): id for name, id in known.items()}
    found: dict[str, str | None] = {}
    for name in names:
        spellings = _names(unicodedata.normalize("NFC", name), (_QUOTES,))
        near = (loose.get(loosened(spelling), ()) for spelling in spellings)
        alone = (next(iter(ids)) for ids in near if len(ids) == 1)
        found[name] = next((exact[spelling] for spelling in spellings if spelling in exact), next(alone, None))
    return found


def _many(things: Sequence, word: str) -> str:
    return f"{len(things)} {word} is" if len(things) == 1 else f"{len(things)} {word}s are"


def _listing(entries: Sequence[str]) -> str:
    return first_few(list(dict.fromkeys(map(_shown, entries))), _NAMED)


def _shown(entry: str) -> str:
    text = printable(" ".join(entry[: 2 * _SHOWN].split()))
    return text if len(text) <= _SHOWN and len(entry) <= 2 * _SHOWN else f"{text[:_SHOWN]}…"


def _has_digit(text: str) -> bool:
    return any(c.isdecimal() for c in text)


def _known_ids(entry: str, known: Set[str]) -> list[str]:
    """The ids in an entry that are spelled as `known` has them, each once, in order."""
    entry = unicodedata.normalize("NFC", entry)
    if not known or entry in known:
        return [entry] * bool(known)
    return list(dict.fromkeys(_within(_without_remark(entry), known, _SEPARATORS)))


def _within(text: str, known: Set[str], separators: Sequence[re.Pattern]) -> list[str]:
    """The known ids in a line, a column or a word. One that holds a separator is looked for before the text is taken
    apart there."""
    found = next((name for name in _names(text) if name in known), None)
    if found is not None and (not separators or separators[0].search(found)):
        return [found]
    if not separators:
        return []
    pieces = _columns(text) if separators is _SEPARATORS else text.split()
    return [id for piece in pieces for id in _within(piece, known, separators[1:])]


def _near_ids(entry: str, loose: dict[str, list[str]]) -> list[str]:
    """The known ids that an entry may mean, spelled otherwise, the likeliest first. loose: loosened id -> ids."""
    if not loose:
        return []
    entry = unicodedata.normalize("NFC", entry)
    columns = _columns(_without_remark(entry))
    words = [word for column in columns for word in column.split()]
    found = []
    for text in (entry, *columns, *words):
        near = (loose.get(loosened(name), ()) for name in _names(text))
        found += next(([*ids] for ids in near if len(ids) == 1), [])
    return list(dict.fromkeys(found))


def _without_remark(entry: str) -> str:
    return _REMARK_BEHIND.sub("", entry)


def _columns(text: str) -> list[str]:
    return [cell.strip() for cell in _CELL.findall(text) if cell.strip()]


def _spellings(entry: str) -> list[str]:
    """The ids that a line may mean, the likeliest first; the last one is what it means where no ids are known."""
    entry = unicodedata.normalize("NFC", entry)
    first = _columns(_without_remark(entry))[:1]
    return [name for text in (entry, *first) for name in _names(text, (_QUOTES,))] or [entry]


def _names(text: str, around: Sequence[str] = (_QUOTES, _AROUND)) -> list[str]:
    """What a file name or path, perhaps within quotes or brackets, may be called: as it stands, without extension, with
    its folders."""
    found = []
    for bare in dict.fromkeys(text.strip().strip(marks).strip() for marks in around):
        parts = [part for part in bare.replace("\\", "/").split("/") if part not in ("", ".", "..")][-_FOLDERS:]
        for name in (parts[-1:] and (parts[-1], _EXTENSION.sub("", parts[-1]))) or (bare,):
            # A frame in folders may be called by them, too: set00/V000/I00000 is set00_V000_I00000.
            found += ["_".join([*parts[start:-1], name]) for start in range(len(parts))]
    return [name for name in found if name]


def ids_sha256(ids: Sequence[str]) -> str:
    """SHA-256 (hex) of ids, one to a line."""
    return hashlib.sha256("".join(f"{id}\n" for id in ids).encode()).hexdigest()


@cache
def split_hashes() -> dict[str, str]:
    """Name of a list -> SHA-256 of its ids, from ``splits/sha256.txt``."""
    lines = (SPLITS / "sha256.txt").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split() for line in lines if line and not line.startswith("#"))}
