"""Lists of ids: the committed ones in ``splits/``, checked by hash, and those of users."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence, Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmark import textfiles
from benchmark.datasets.pairing import loosened
from benchmark.datasets.pairs import Pair
from benchmark.errors import UserError, first_few

SPLITS = Path(__file__).with_name("splits")
_NAMED = 3  # ids in a line about many
_EXTENSION = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}$")
_COLUMN = re.compile(r"""\s*(?:"[^"]*"|'[^']*'|(?:(?!\s\#)[^,;\t])*)""")
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


def split_ids(dataset: str, split: str) -> list[str]:
    """The ids of ``splits/<dataset>_<split>.txt``, in its order; lines that start with # are comments. Raises
    ValueError where they are not those that ``splits/sha256.txt`` states."""
    name = f"{dataset}_{split}"
    lines = (SPLITS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    ids = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
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
    a tab or a comma; lines that start with # are remarks.

    known: the ids of the data set called `dataset`; they decide how a line is read, and what else is listed is told.
    Raises UserError for a file that is missing, no text or without ids.
    """
    listed = [line for _, line in textfiles.lines(textfiles.read(path))]
    ids, notes = normalised(listed, known, dataset)
    if not ids:
        raise UserError(f"{path}: holds no ids")
    return IdList(list(dict.fromkeys(ids)), tuple(f"{path}: {note}" for note in notes))


def normalised(entries: Sequence[str], known: Collection[str] = (), dataset: str = "") -> tuple[list[str], list[str]]:
    """Entries of a user's list as ids, one for each, and what to tell; see `read_ids`."""
    known = known if isinstance(known, Set) else set(known)
    loose: dict[str, list[str]] = {}
    for id in known:
        loose.setdefault(loosened(id), []).append(id)
    ids, odd, respelled = [], [], []
    for entry in entries:
        spellings = _spellings(entry)
        id = next((text for text in spellings if text in known), None)
        if id is None and known:
            near = [loose[key] for key in map(loosened, spellings) if len(loose.get(key, ())) == 1]
            id = near[0][0] if near else None
        if id is None:
            odd += [entry] * bool(known)
        elif id != entry:
            respelled.append(f"{entry} as {id}")
        ids.append(spellings[-1] if id is None else id)
    twice = [id for id, count in Counter(ids).items() if count > 1]
    notes = []
    if respelled:
        listing = first_few(respelled, _NAMED)
        notes.append(f"{_many(respelled, 'line')} read as {dataset} spells its ids: {listing}")
    if twice:
        notes.append(f"{_many(twice, 'id')} listed more than once, taken once: {first_few(twice, _NAMED)}")
    if odd:
        listing = first_few(list(dict.fromkeys(odd)), _NAMED)
        notes.append(f"{len(odd)} of {len(entries)} ids are in no list of {dataset} and not at hand: {listing}")
    return ids, notes


def _many(things: Sequence, word: str) -> str:
    return f"{len(things)} {word} is" if len(things) == 1 else f"{len(things)} {word}s are"


def _spellings(entry: str) -> list[str]:
    """The ids that a line may mean, the likeliest first; the last one is what it means where no ids are known."""
    entry = unicodedata.normalize("NFC", entry)
    column = _COLUMN.match(entry)[0]
    found = []
    for text in (entry, entry.split()[0], column):
        text = text.strip().strip("\"'").strip()
        parts = [part for part in text.replace("\\", "/").split("/") if part not in ("", ".", "..")]
        for name in (parts[-1:] and (parts[-1], _EXTENSION.sub("", parts[-1]))) or (text,):
            # A frame in folders may be called by them, too: set00/V000/I00000 is set00_V000_I00000.
            found += ["_".join([*parts[start:-1], name]) for start in range(len(parts))]
    return [text for text in found if text] or [entry]


def ids_sha256(ids: Sequence[str]) -> str:
    """SHA-256 (hex) of ids, one to a line."""
    return hashlib.sha256("".join(f"{id}\n" for id in ids).encode()).hexdigest()


@cache
def split_hashes() -> dict[str, str]:
    """Name of a list -> SHA-256 of its ids, from ``splits/sha256.txt``."""
    lines = (SPLITS / "sha256.txt").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split() for line in lines if line and not line.startswith("#"))}
