"""What the methods of a table saw of its pairs in training, and which training was chosen here: lines that stand beside
every table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmark import datasets
from benchmark.datasets.abstract import Dataset
from benchmark.datasets.id_lists import list_of
from benchmark.detection.outcome import Compared
from benchmark.errors import UserError, first_few
from benchmark.names import printable
from benchmark.store.summary import Row

_NAMED = 5  # scenes in a line about many


def caveats(dataset: str, split: str, rows: Sequence[Row]) -> tuple[str, ...]:
    """Return what must be known of a split: the data set's own caveat, then, of the rows trained on pairs of that set,
    how many pairs of the split, or of their scenes, are in the training list, and which scenes these are; last, of
    which rows the training was chosen by those who publish the table. Of a data set that is not installed here, the
    last only."""
    seen = _caveats(dataset, [split], [(row.cell.method, row.trained_on, row.scores) for row in rows])
    return seen + _lines((row.cell.method, row.tuned) for row in rows)


def caveats_of_detection(compared: Compared) -> tuple[str, ...]:
    """Return the same of the test images of a detection setup: what the methods that fused them saw in training."""
    try:
        ids = [image["file_name"] for image in compared.setup.truth()["images"]]
    except (KeyError, TypeError):  # the table says what is broken
        return ()
    rows = [(row.shown or row.method, row.trained_on, ids) for row in compared.rows]
    seen = _caveats(compared.facts["dataset"], compared.facts.get("test_splits", ()), rows)
    return seen + _lines((row.shown or row.method, row.tuned) for row in compared.rows)


def _lines(told: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """A line for each thing that is told, after the names of all methods that it is told of. told: what a method is
    called, and what there is to say of it, if anything."""
    found: dict[str, list[str]] = {}
    for called, what in told:
        if what:
            found.setdefault(what, []).append(called)
    return tuple(printable(f"{', '.join(names)}: {what}") for what, names in found.items())


def _caveats(dataset: str, splits: Iterable[str], rows: Sequence[tuple[str, str, Iterable[str]]]) -> tuple[str, ...]:
    """rows: of each method, what it is called, what it was trained on, and the ids of the pairs it fused."""
    try:
        source = datasets.get(dataset)
    except UserError:
        return ()
    entries = [(called, entry.strip(), ids) for called, trained_on, ids in rows for entry in trained_on.split(",")]
    own = [source.card.caveats.get(list_of(split)) for split in splits]
    lines = [printable(line) for line in dict.fromkeys(own) if line and rows]
    return (*lines, *_lines((called, _seen(source, entry, ids)) for called, entry, ids in entries))


def _seen(source: Dataset, entry: str, ids: Iterable[str]) -> str:
    """What a method saw that was trained on `entry`, "NAME" or "NAME SPLIT"; empty where nothing is known of it."""
    name, _, split = entry.partition(" ")
    if source.name == "folder" or name.casefold() not in (source.name, *source.called):
        return ""
    trained = source.listed_split(list_of(split))
    if trained is None:
        return f"trained on {entry}; which pairs that are, and whether these are among them, is not told"
    ids, trained = [*ids], set(trained)
    same = sum(id in trained for id in ids)
    scenes = {source.scene_of(id) for id in trained} - {None}
    near = sum(id not in trained and source.scene_of(id) in scenes for id in ids)
    parts = [f"{same} of these {len(ids)} pairs are in that list"] * bool(same)
    parts += [f"{near} of these {len(ids)} pairs show a scene of that list"] * bool(near)
    known = sorted(scenes & {source.scene_of(id) for id in ids})
    named = f" (scene{'s' * (len(known) > 1)} {first_few(known, _NAMED)})" if known else ""
    return f"trained on {entry}: {', and '.join(parts)}{named}" if parts else ""
