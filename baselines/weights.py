"""Where published checkpoints come from: a repository at a pinned commit, and each file's hash.

`weights.csv` holds one row per file: the folder under the weights root, the name there, the kind of hash and its value,
and the repository on GitHub, commit and path. The hash is a "sha256" or, where no more is known, a "git": the id that
git gives to the content (SHA-1 of a header and the content). No file without a licence is shipped.
"""

from __future__ import annotations

import csv
import hashlib
import os
from dataclasses import dataclass
from functools import cache as once
from pathlib import Path

HOST = "https://raw.githubusercontent.com"
_TABLE = Path(__file__).with_name("weights.csv")


@dataclass(frozen=True)
class Source:
    """A published file. folder, file: where it lies under the weights root; hash: "sha256" or "git"; digest: hex."""

    folder: str
    file: str
    hash: str
    digest: str
    repository: str
    commit: str
    path: str

    @property
    def url(self) -> str:
        from urllib.parse import quote

        return f"{HOST}/{self.repository}/{self.commit}/{quote(self.path)}"

    def matches(self, path: Path) -> bool:
        """Whether the file at `path` has the content that is published."""
        return digest_of(path, self.hash) == self.digest


def digest_of(path: Path, kind: str) -> str:
    """Hash (hex) of a file; kind: "sha256" or "git"."""
    digest = hashlib.sha256() if kind == "sha256" else hashlib.sha1(b"blob %d\0" % path.stat().st_size)
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@once
def table() -> tuple[Source, ...]:
    """All published files."""
    with open(_TABLE, encoding="utf-8", newline="") as file:
        return tuple(Source(**row) for row in csv.DictReader(file))


def sources(folder: str) -> list[Source]:
    """The published files of a folder; none where nothing is known of it."""
    return [source for source in table() if source.folder == folder]


def source(folder: str, file: str) -> Source | None:
    """The published file of that name in a folder, or None."""
    return next((source for source in sources(folder) if source.file == file), None)


def cache() -> Path:
    """The folder for downloads where no weights root is given, in BENCH_CACHE or the system's place for caches."""
    from platformdirs import user_cache_path

    given = os.environ.get("BENCH_CACHE")
    return (Path(given) if given else user_cache_path("mmif-bench", appauthor=False)) / "weights"
