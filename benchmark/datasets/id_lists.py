"""Lists of ids: the committed ones in ``splits/``, checked by hash, and those of users."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from benchmark.datasets.pairs import Pair
from benchmark.errors import UserError

SPLITS = Path(__file__).with_name("splits")


def pick(pairs: Iterable[Pair], ids: Sequence[str], where: str) -> list[Pair]:
    """The pairs with these ids, in the order of `ids`; an id that is not there becomes a pair that fails.
    Raises UserError where not one is there: then `where` is another data set's folder."""
    by_id = {pair.id: pair for pair in pairs}
    if by_id.keys().isdisjoint(ids):
        raise UserError(f"none of the {len(ids)} ids of the split ({ids[0]}, …) is in {where}")
    return [by_id.get(id) or Pair(id, None, None, f"listed in the split but not in {where}") for id in ids]


def split_ids(dataset: str, split: str) -> list[str]:
    """The ids of ``splits/<dataset>_<split>.txt``, in its order; lines that start with # are comments. Raises
    ValueError where they are not those that ``splits/sha256.txt`` states."""
    name = f"{dataset}_{split}"
    lines = (SPLITS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    ids = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if ids_sha256(ids) != split_hashes().get(name):
        raise ValueError(f"the list {name} is not the one that splits/sha256.txt states; restore or re-hash it")
    return ids


def read_ids(path: Path) -> list[str]:
    """The ids of a list of one's own: one to a line, or file names; lines that start with # are comments. Raises
    UserError for a file that is missing, no text or empty."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: {getattr(error, 'strerror', None) or 'not a text file'}") from None
    ids = [Path(line.strip()).stem for line in lines if line.strip() and not line.startswith("#")]
    if not ids:
        raise UserError(f"{path}: holds no ids")
    return ids


def ids_sha256(ids: Sequence[str]) -> str:
    """SHA-256 (hex) of ids, one to a line."""
    return hashlib.sha256("".join(f"{id}\n" for id in ids).encode()).hexdigest()


@cache
def split_hashes() -> dict[str, str]:
    """Name of a list -> SHA-256 of its ids, from ``splits/sha256.txt``."""
    lines = (SPLITS / "sha256.txt").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split() for line in lines if line and not line.startswith("#"))}
