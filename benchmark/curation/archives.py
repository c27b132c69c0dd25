"""Unpacks archives that may be hostile: writes nothing outside the target, plain files only, no more than a stated
amount, and nothing at all where one entry is bad."""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from benchmark.errors import UserError, one_line

MAX_BYTES = 64 << 30  # of all files together
MAX_FILES = 500_000
MAX_RATIO = 200  # unpacked over packed; images hardly shrink
_FREE_RATIO = 64 << 20  # below this size, ratios are not looked at
_CHUNK = 1 << 20


class ArchiveError(UserError):
    """An archive that is not unpacked, with the reason in one line."""


def unpack(
    archive: Path,
    target: Path,
    max_bytes: int = MAX_BYTES,
    max_files: int = MAX_FILES,
    step: Callable[[], None] = lambda: None,
) -> list[Path]:
    """Unpack a zip or tar file into the folder `target`; returns what was added at its top.

    Everything is unpacked beside `target` first and moved there when all of it is good. Raises ArchiveError for
    what is no archive, for entries that are links, devices, absolute, or lead out of the folder, for names that
    `target` holds already, and for more files or bytes than allowed; `target` is then as it was.
    """
    target.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=target))
    try:
        budget = min(max_bytes, max(MAX_RATIO * archive.stat().st_size, _FREE_RATIO))
        written = 0
        for count, (name, stream) in enumerate(_entries(archive), start=1):
            path = beside.joinpath(*_safe(archive, name))
            if count > max_files:
                raise ArchiveError(f"{archive}: more than {max_files} files")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                with open(path, "xb") as file:
                    while chunk := stream.read(_CHUNK):
                        written += len(chunk)
                        if written > budget:
                            raise ArchiveError(f"{archive}: unpacks to more than {budget:,} bytes: not believed")
                        file.write(chunk)
            except (FileExistsError, NotADirectoryError):
                raise ArchiveError(f"{archive}: two entries for '{name}'") from None
            step()
        added = sorted(beside.iterdir())
        if not added:
            raise ArchiveError(f"{archive}: holds no files")
        for path in added:
            if (target / path.name).exists():
                raise ArchiveError(f"{target / path.name} exists already; move it away first")
        return [Path(shutil.move(path, target / path.name)) for path in added]
    except FileNotFoundError:
        raise ArchiveError(f"{archive}: no such file") from None
    except ArchiveError:
        raise
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, RuntimeError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ArchiveError(f"{archive}: broken archive ({one_line(error)})") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _entries(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Names and contents of the plain files, in the archive's order."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as source:
            for entry in source.infolist():
                mode = entry.external_attr >> 16
                if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise ArchiveError(f"{archive}: '{entry.filename}' is a link or a device")
                if not entry.is_dir():
                    with source.open(entry) as stream:
                        yield entry.filename, stream
        return
    if not tarfile.is_tarfile(archive):
        raise ArchiveError(f"{archive}: neither a zip nor a tar archive")
    with tarfile.open(archive) as source:
        for entry in source:
            if entry.isdir():
                continue
            if not entry.isreg():
                raise ArchiveError(f"{archive}: '{entry.name}' is a link or a device")
            with source.extractfile(entry) as stream:
                yield entry.name, stream


def _safe(archive: Path, name: str) -> tuple[str, ...]:
    """The parts of an entry's path, none of which leads anywhere but down."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    bad = not parts or parts[0].startswith("/") or ".." in parts or ":" in name or "\x00" in name
    if bad or any(part.rstrip(" .") == "" or len(os.fsencode(part)) > 255 for part in parts):
        raise ArchiveError(f"{archive}: the entry '{name[:80]}' would leave the folder")
    return parts
