"""Choose what a report shows of detection, as `measured` does for scores: setups, and in each the rows to compare."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from benchmark.detection import outcome, setups
from benchmark.detection.outcome import REFERENCES, Compared
from benchmark.errors import UserError
from benchmark.report.measured import Names, spelled_out
from benchmark.report.titles import PLAIN, Titles


def read(results: Path, output: str | None = None) -> tuple[list[Compared], list[str]]:
    """Read every setup under `results`; output: the one to rank, see `outcome.read`. Return them, and a line for
    each one that is broken."""
    found, broken = [], []
    for setup in setups.setups(results):
        try:
            found.append(outcome.read(setup, output=output))
        except UserError as error:
            broken.append(error.message)
    return found, broken


def names(detected: Iterable[Compared]) -> Names | None:
    """Return the names that may be asked for; None where there is no setup."""
    detected = list(detected)
    rows = [row for one in detected for row in (*one.rows, *one.absent)]
    found = Names(
        frozenset(name for one in detected for name in (one.facts["dataset"], one.place)),
        frozenset(one.facts["settings"]["protocol"] for one in detected),
        frozenset(name for row in rows for name in (row.method, row.name)),
    )
    return found if detected else None


def choose(
    detected: Sequence[Compared],
    *,
    datasets: Sequence[str] | None = None,
    protocols: Sequence[str] | None = None,
    methods: Sequence[str] | None = None,
    naive: bool = True,
    titles: Titles = PLAIN,
    rank_baselines: bool = False,
) -> list[Compared]:
    """Return the setups and rows asked for, in the order asked. Takes the options as `measured.measure` does.

    Ignores names that detection does not know: they are those of scores. datasets: names, or DATASET@DIVISION.
    protocols: where none is one of detection, all setups are meant.
    """
    found = list(detected)
    if datasets is not None:
        found = [one for name in dict.fromkeys(datasets) for one in found if name in (one.facts["dataset"], one.place)]
        found = list({id(one): one for one in found}.values())
    known = {one.facts["settings"]["protocol"] for one in detected}
    if protocols is not None and known.intersection(protocols):
        found = [one for name in protocols for one in found if one.facts["settings"]["protocol"] == name]
    chosen = [_rows(one, methods, naive, rank_baselines) for one in found]
    return titled([one for one in chosen if one.rows or one.absent], titles)


def titled(detected: Sequence[Compared], titles: Titles = PLAIN) -> list[Compared]:
    """Give methods, data set and protocol of each setup the titles that they have beside the others."""
    rows = [row for one in detected for row in (*one.rows, *one.absent)]
    of = titles.of_methods((row.method, row.name, row.title) for row in rows)

    def called(rows):
        return tuple(replace(row, title=of[row.method], shown=of[row.method]) for row in rows)

    return [
        replace(
            one,
            rows=called(one.rows),
            absent=called(one.absent),
            data=titles.division(one.facts["dataset"], one.facts["split"]),
            protocol=titles.protocols.get(one.facts["settings"]["protocol"], ""),
        )
        for one in detected
    ]


def _rows(one: Compared, methods: Sequence[str] | None, naive: bool, rank_baselines: bool) -> Compared:
    """Keep the rows asked for, with simple baselines first, as in tables of scores."""
    rows = {row.method: row for row in (*one.rows, *one.absent)}
    if methods is None:
        asked = [name for name in rows if name not in REFERENCES]
    else:
        also = set(methods)  # other code has checked that they exist
        asked = spelled_out(methods, [(row.method, row.name) for row in rows.values()], also)
    order = [*(name for name in REFERENCES if naive and name not in asked), *asked]
    if not rank_baselines:
        order.sort(key=lambda name: rows[name].name not in REFERENCES if name in rows else True)
    place = {name: number for number, name in enumerate(order)}

    def kept(group):
        return tuple(sorted((row for row in group if row.method in place), key=lambda row: place[row.method]))

    return replace(one, rows=kept(one.rows), absent=kept(one.absent), rank_baselines=rank_baselines)
