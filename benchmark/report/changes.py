"""Compare two sets of results image by image, to answer "did my change help?"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

import numpy as np

from benchmark import statistics
from benchmark.errors import UserError, unknown
from benchmark.names import composed, short_labels, without_hash
from benchmark.report.measured import fold, in_sequence, scenes_of, spelled_out
from benchmark.report.titles import Titles, given
from benchmark.statistics import ALPHA, Scores
from benchmark.store.cells import Cell, cells, existing_cells
from benchmark.store.summary import Row, summarise

# Fields of a run's record that say how its images were made.
_FACTS = ("name", "version", "precision", "output", "checkpoint", "trained_on", "seed", "metrics_version")


@dataclass(frozen=True)
class Change:
    """A metric of B minus the same metric of A, over the `images` for which both have a finite value.

    changed: on how many of them it differs at all. mean_a, mean_b, difference: means over images. low, high: 95 %
    interval of the difference. p: of the mean of paired differences over units, corrected for everything
    compared; nan where nothing was tested. verdict: "better", "worse" or, for a metric without direction, "different";
    "not shown" where the difference is not significant; "too few" where there are too few units to test; "same" where
    no image changed.
    """

    dataset: str
    split: str
    protocol: str
    method_a: str
    method_b: str
    metric: str
    direction: int
    images: int
    changed: int
    unit: str
    units: int
    mean_a: float
    mean_b: float
    difference: float
    low: float
    high: float
    p: float
    verdict: str


@dataclass(frozen=True)
class Comparison:
    """Two sets of results compared (a test of methods against the best is `statistics.Comparison`).

    changes: one per metric of every pair of rows. facts: what differs in how they were made, one line each. notes: what
    was not compared, and why. methods: label -> name and title of each.
    """

    changes: list[Change] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    methods: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.methods.values()}


def compare(a: str, b: str, results: Path, metrics: Sequence[str] | None = None) -> Comparison:
    """Compare `a` with `b`, two folders of results or two methods.

    Folders of results are compared cell by cell. Methods, named in `results` or given as their folders, are compared on
    every split and protocol that both have. metrics: names; None stands for all. Raises UserError where a side does not
    exist, where the two are of different kinds, and where nothing can be compared.
    """
    (rows_a, whole_a), (rows_b, whole_b) = _rows(a, results), _rows(b, results)
    if whole_a != whole_b:
        store, method = (a, b) if whole_a else (b, a)
        raise UserError(f"{store} is a folder of results and {method} is a single method: compare like with like")
    by_place_a, by_place_b = _by_place(rows_a, whole_a), _by_place(rows_b, whole_b)
    both = [place for place in by_place_a if place in by_place_b]
    facts: dict[str, None] = {}
    notes = [f"only in {a}: {_named(place)}" for place in by_place_a if place not in by_place_b]
    notes += [f"only in {b}: {_named(place)}" for place in by_place_b if place not in by_place_a]
    found: list[list[Change]] = []
    for place in both:
        row_a, row_b = by_place_a[place], by_place_b[place]
        facts |= dict.fromkeys(_facts(row_a, row_b, place))
        changes, reasons = _changes(row_a, row_b, metrics)
        found += changes
        notes += [f"{_named(place)}: {reason}" for reason in reasons]
    if not both:
        places = "; ".join(notes)
        raise UserError(f"{a} and {b} have no split and protocol in common{f' ({places})' if places else ''}")
    if not found:
        raise UserError(f"nothing to compare: {'; '.join(notes) or 'no metric is in both'}")
    methods = {
        row.cell.method: (row.name, row.title) for place in both for row in (by_place_a[place], by_place_b[place])
    }
    return Comparison(_judged(found), list(facts), notes, methods)


def titles_given(found: Comparison, entries: Sequence[str]) -> Titles:
    """Return the titles of `--title` for what is compared. Raises UserError for a name that is not."""
    return given(
        entries,
        {label for change in found.changes for label in (change.method_a, change.method_b)} | found.names,
        {name for change in found.changes for name in (change.dataset, f"{change.dataset}@{change.split}")},
        {change.protocol for change in found.changes},
    ).told_apart((change.dataset, change.split) for change in found.changes)


def _rows(side: str, results: Path) -> tuple[list[Row], bool]:
    """Return the rows of one side, and whether it is a whole folder of results."""
    folder = Path(side).expanduser()
    if (folder / "run.json").is_file():
        dataset, _, split = folder.resolve().parent.name.partition("@")
        return summarise(Cell(folder.resolve().parents[1], dataset, split, folder.resolve().name)), False
    if folder.is_dir() and (found := cells(folder)):
        return [row for cell in found for row in summarise(cell)], True
    there = cells(results)
    rows_there = [row for cell in there for row in summarise(cell)]
    known = {composed(cell.method) for cell in there}
    named = known | {composed(row.name) for row in rows_there} | set(map(without_hash, known))
    if composed(side) in named:
        scored = {row.cell.method for row in rows_there if row.scores}
        labels = spelled_out([side], [(row.cell.method, row.name) for row in rows_there], known, scored=scored)
        found = [row for row in rows_there if row.cell.method in labels]
        if len({(*_place(row), row.protocol) for row in found if row.scores}) < sum(bool(row.scores) for row in found):
            raise UserError(f"{side} has several checkpoints: {', '.join(labels)}; name one")
        return found, False
    if folder.is_dir():
        existing_cells(folder)  # raises that it holds no results
    if "/" in side or not known:
        raise UserError(f"{side}: no folder of results, nor a method in {results}")
    raise unknown(f"method in {results}", side, known)


def _place(row: Row) -> tuple[str, str]:
    return row.cell.dataset, row.cell.split


def _by_place(rows: Sequence[Row], with_method: bool) -> dict[tuple[str, ...], Row]:
    found = {}
    for row in rows:
        place = (row.cell.dataset, row.cell.split, row.protocol)
        if row.scores:
            found[(*place, row.cell.method) if with_method else place] = row
    return found


def _named(place: tuple[str, ...]) -> str:
    dataset, split, protocol, *method = place
    return f"{dataset}@{split} {' '.join(method)}{' ' * bool(method)}under {protocol}"


def _facts(a: Row, b: Row, place: tuple[str, ...]) -> list[str]:
    ours, theirs = a.cell.run(), b.cell.run()
    short = short_labels((a.cell.method, b.cell.method))
    who = place[3] if len(place) > 3 else f"{short[a.cell.method]} → {short[b.cell.method]}"
    return [
        f"{who}: {name.replace('_', ' ')} {_brief(ours.get(name))} → {_brief(theirs.get(name))}"
        for name in _FACTS
        if ours.get(name) != theirs.get(name)
    ]


def _brief(value) -> str:
    if isinstance(value, dict):
        return " ".join(filter(None, (str(value.get("file", "")), str(value.get("sha256") or "")[:8])))
    return "none" if value in (None, "") else str(value)


def _changes(a: Row, b: Row, metrics: Sequence[str] | None) -> tuple[list[list[Change]], list[str]]:
    """Return families of changes, not yet judged, and the reasons why there are not more."""
    if a.cell.run().get("split_sha256") != b.cell.run().get("split_sha256"):
        return [], ["made from different images: not compared"]
    ids = [id for id in a.scores if id in b.scores]
    if not ids:
        return [], ["no image in common"]
    reasons = []
    if len(ids) < max(a.total, b.total):
        reasons.append(f"compared on the {len(ids)} images of {max(a.total, b.total)} that both have")
    in_a, in_b = ({metric for id in ids for metric in row.scores[id]} for row in (a, b))
    names = [metric for metric in dict.fromkeys((*a.directions, *sorted(in_a))) if metric in in_a & in_b]
    if metrics is not None:
        names = [name for name in names if fold(name) in set(map(fold, metrics))]
    scenes = scenes_of(a.cell.dataset, ids)
    families: dict[bytes, dict[str, np.ndarray]] = {}
    for metric in names:
        pairs = np.array([[row.scores[id].get(metric, np.nan) for id in ids] for row in (a, b)])
        kept = np.isfinite(pairs).all(axis=0)
        infinite = np.isinf(pairs).sum(axis=1)
        if infinite.any():
            reasons.append(
                f"{metric} is infinite in A for {infinite[0]} and in B for {infinite[1]} of {len(ids)} images: left out"
            )
        if not kept.any():
            lacks = "undefined or infinite" if infinite.any() else "undefined"
            reasons.append(f"{metric} is {lacks} for every image in one of the two")
            continue
        families.setdefault(kept.tobytes(), {})[metric] = pairs[:, kept]
    found: dict[str, Change] = {}
    for kept, pairs in families.items():
        chosen = np.flatnonzero(np.frombuffer(kept, bool))
        where = None if scenes is None else tuple(scenes[i] for i in chosen)
        found |= _family(a, b, pairs, tuple(ids[i] for i in chosen), where)
    return [[found[metric] for metric in pairs] for pairs in families.values()], reasons


def _family(a: Row, b: Row, pairs: dict[str, np.ndarray], ids: tuple[str, ...], scenes) -> dict[str, Change]:
    """Compare metrics that are defined on the same images. pairs: metric -> values (2, images)."""
    directions = {metric: b.directions.get(metric, a.directions.get(metric, 0)) for metric in pairs}
    apart = np.array([statistics.differences(values[1], values[0]) for values in pairs.values()])
    scores = Scores(("difference",), directions, ids, apart[None], scenes, in_sequence=in_sequence(a.cell.dataset))
    summaries, p = statistics.summaries(scores), statistics.means_are_zero(scores)
    return {
        metric: Change(
            a.cell.dataset,
            a.cell.split,
            a.protocol,
            a.cell.method,
            b.cell.method,
            metric,
            directions[metric],
            images=len(ids),
            changed=int((apart[j] != 0).sum()),
            unit=scores.unit,
            units=scores.units,
            mean_a=float(values[0].mean()),
            mean_b=float(values[1].mean()),
            difference=summaries[metric][0].mean,
            low=summaries[metric][0].low,
            high=summaries[metric][0].high,
            p=float(p[j]),
            verdict="",
        )
        for j, (metric, values) in enumerate(pairs.items())
    }


def _judged(families: list[list[Change]]) -> list[Change]:
    """Correct p values, which are of families by themselves, for how many families were tested (Bonferroni), and give
    verdicts."""
    tested = sum(any(change.changed and not np.isnan(change.p) for change in family) for family in families)
    found = []
    for change in chain.from_iterable(families):
        p = min(change.p * tested, 1.0) if change.changed else np.nan
        found.append(replace(change, p=p, verdict=_verdict(change, p, tested)))
    return found


def _verdict(change: Change, p: float, families: int) -> str:
    if not change.changed:
        return "same"
    if np.isnan(p):
        return "too few"
    if p >= ALPHA:
        return "not shown" if families * 2.0 ** (1 - change.units) < ALPHA else "too few"
    if not change.direction:
        return "different"
    return "better" if change.difference * change.direction > 0 else "worse"
