"""Downloading a data set, file by file, from the revision that its hashes are known for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from baselines.weights import digest_of
from benchmark.datasets.abstract import Manifest
from benchmark.errors import UserError, one_line
from benchmark.store.files import file_sha256

MAX_FILE = 1 << 30  # bytes of one file
_ATTEMPTS = 3
_TIMEOUT = 30  # seconds without a byte
_CHUNK = 1 << 13  # bytes: an interruption loses no more


@dataclass(frozen=True)
class Plan:
    """What a download has to do: `wanted` paths, `present` those that are there and right, `wrong` those that are
    there and are not the publisher's."""

    folder: Path
    wanted: tuple[str, ...]
    present: tuple[str, ...]
    wrong: tuple[str, ...]

    @property
    def missing(self) -> list[str]:
        there = {*self.present, *self.wrong}
        return [path for path in self.wanted if path not in there]


def plan(manifest: Manifest, folder: Path, prefixes: Sequence[str] = ()) -> Plan:
    """Compare the folder with the manifest's files that begin with one of `prefixes` (none: all)."""
    wanted = tuple(path for path in manifest.files if not prefixes or path.startswith(tuple(prefixes)))
    present, wrong = [], []
    for path in wanted:
        digest = file_sha256(folder / path)
        if digest is not None:
            (present if digest == manifest.files[path] else wrong).append(path)
    return Plan(folder, wanted, tuple(present), tuple(wrong))


def download(
    manifest: Manifest,
    plan: Plan,
    connections: int = 8,
    step: Callable[[], None] = lambda: None,
) -> dict[str, str]:
    """Fetch what is missing; returns path -> reason for what could not be had. Files appear complete and checked,
    or not at all; parts of interrupted files stay as ``.<name>.part`` and are continued."""
    failed = {}
    with ThreadPoolExecutor(connections) as pool:
        jobs = {
            pool.submit(fetch, manifest.source + _quoted(path), manifest.files[path], plan.folder / path): path
            for path in plan.missing
        }
        try:
            for job in as_completed(jobs):
                try:
                    job.result()
                except UserError as error:
                    failed[jobs[job]] = error.message
                step()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return failed


def fetch(url: str, digest: str, path: Path, kind: str = "sha256") -> Path:
    """Download one file to `path`, checked against its hash (hex; kind: as for `baselines.weights.digest_of`);
    continues what an earlier call left behind. Raises UserError, in one line, where that is not possible."""
    import pooch
    import requests

    pooch.get_logger().setLevel(logging.ERROR)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    for attempt in range(_ATTEMPTS):
        try:
            pooch.retrieve(
                url,
                known_hash=f"sha256:{digest}" if kind == "sha256" else None,
                fname=path.name,
                path=path.parent,
                downloader=_Resuming(part, digest, kind),
            )
            part.unlink(missing_ok=True)
            return path
        except ValueError:
            # The content is not what the hash says: continuing it would not help.
            part.unlink(missing_ok=True)
            name = {"sha256": "SHA-256", "git": "id in git"}[kind]
            raise UserError(f"{url}: not the content that its {name} ({digest[:12]}…) says; nothing kept") from None
        except requests.HTTPError as error:
            if error.response.status_code < 500 or attempt + 1 == _ATTEMPTS:
                raise UserError(f"{url}: the server answered {error.response.status_code}") from None
        except (requests.RequestException, _Incomplete) as error:
            if attempt + 1 == _ATTEMPTS:
                raise UserError(f"{url}: {_reason(error)}; run the same command again to continue") from None
    raise AssertionError("unreachable")


class _Incomplete(Exception):
    """The connection closed before all had come."""


class _Resuming:
    """A downloader for pooch that keeps its progress in `part` and asks the server for the rest. It checks hashes that
    pooch cannot check, and raises ValueError as pooch does."""

    def __init__(self, part: Path, digest: str, kind: str) -> None:
        self.part, self.digest, self.kind = part, digest, kind

    def __call__(self, url: str, output_file: str, pooch) -> None:
        import requests

        done = self.part.stat().st_size if self.part.exists() else 0
        headers = {"Range": f"bytes={done}-"} if done else {}
        # Identity: a compressed transfer has no offsets to continue from.
        headers["Accept-Encoding"] = "identity"
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
            if url.startswith("https:") and not response.url.startswith("https:"):
                raise UserError(f"{url}: redirected to an address that is not https")
            if response.status_code == 416:
                self.part.unlink()
                raise _Incomplete("what was downloaded before is longer than the file")
            response.raise_for_status()
            if response.status_code != 206:
                done = 0
            total = response.headers.get("Content-Length")
            expected = None if total is None else done + int(total)
            if expected is not None and expected > MAX_FILE:
                raise UserError(f"{url}: {expected:,} bytes are more than one file may have")
            with open(self.part, "ab" if done else "wb") as file:
                for chunk in response.iter_content(_CHUNK):
                    file.write(chunk)
                    done += len(chunk)
                    if done > MAX_FILE:
                        raise UserError(f"{url}: more than {MAX_FILE:,} bytes")
        if expected is not None and done != expected:
            if done > expected:
                self.part.unlink()
            raise _Incomplete(f"{done:,} of {expected:,} bytes came")
        if self.kind != "sha256" and digest_of(self.part, self.kind) != self.digest:
            raise ValueError(f"{url}: another hash")
        with open(self.part, "rb") as source, open(output_file, "wb") as target:
            while chunk := source.read(1 << 20):
                target.write(chunk)


def _quoted(path: str) -> str:
    from urllib.parse import quote

    return quote(path)


def _reason(error: Exception) -> str:
    text = one_line(error)
    return text if len(text) < 160 else f"{type(error).__name__}: {text[:120]}…"
