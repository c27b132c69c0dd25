"""Published checkpoints: find which are here, check them, and fetch the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from baselines import weights
from baselines.weights import Source
from benchmark.errors import UserError, unknown


def select(names: Sequence[str]) -> list[Source]:
    """Return the published files of methods, of folders under the weights root, or of "all". Raises UserError for an
    unknown name, and for a method without published files."""
    import baselines

    folders = dict.fromkeys(source.folder for source in weights.table())
    found: dict[Source, None] = {}
    for name in names:
        if name == "all":
            found.update(dict.fromkeys(weights.table()))
        elif name in folders:
            found.update(dict.fromkeys(weights.sources(name)))
        elif name in baselines.names():
            found.update(dict.fromkeys(_of_method(baselines.card(name))))
        else:
            raise unknown("method", name, [*folders, *baselines.names(), "all"])
    return list(found)


def _of_method(card) -> list[Source]:
    """Return the published files that a method's card names, or all of its folder where it names none of them."""
    there = weights.sources(card.weights_folder or card.name)
    named = {*card.checkpoints, *(file for files in card.companions.values() for file in files)}
    if not there:
        raise UserError(f"{card.name}: {'no checkpoint of it is published' if card.checkpoints else 'has no weights'}")
    return [source for source in there if source.file in named] or there


def root(given: Path | None) -> Path:
    """Return the folder of the weights: the one given, or the cache."""
    return weights.cache() if given is None else given


def state(source: Source, folder: Path) -> str:
    """Return "ok", "missing", or what is wrong with the file under the weights root `folder`."""
    path = folder / source.folder / source.file
    if not path.is_file():
        return "missing"
    return "ok" if source.matches(path) else f"not the published file ({source.hash} {source.digest[:12]}… expected)"


def pull(sources: Sequence[Source], folder: Path, step: Callable[[], None] = lambda: None) -> dict[Source, str]:
    """Fetch files into the weights root `folder`. Return source -> reason for those that could not be fetched."""
    from benchmark.curation.pull import fetch

    failed = {}
    for source in sources:
        try:
            fetch(source.url, source.digest, folder / source.folder / source.file, source.hash)
        except UserError as error:
            failed[source] = error.message
        step()
    return failed
