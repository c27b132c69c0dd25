"""Collect what a report shows: the methods that may be compared on a split under a protocol, with statistics."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np

from benchmark import statistics
from benchmark.errors import UserError, first_few, unknown
from benchmark.names import composed, without_hash
from benchmark.report import training_overlap
from benchmark.report.titles import PLAIN, Titles, given
from benchmark.statistics import Comparison, Friedman, Ranking, Scores, Summary
from benchmark.store import saved
from benchmark.store.cells import Cell, cells, existing_cells
from benchmark.store.saved import OUTPUTS
from benchmark.store.summary import NAIVE, Row, beside_each_other, rows, tables

_NAMED = 5  # splits in a line about many


@dataclass(frozen=True)
class Names:
    """Names that have results. datasets: also as DATASET@SPLIT. methods: labels, and names without a checkpoint."""

    datasets: frozenset[str] = frozenset()
    protocols: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class Measured:
    """One split under one protocol.

    rows: what is complete and saved as `output`, in the order of the table. scores: those of the rows, in the same
    order, all on the same images; its `reference` names the simple baselines, which are shown and not compared. beside:
    complete rows saved otherwise, shown and never ranked; beside_scores: theirs, on the same images. partial: rows with
    fewer images. absent: rows without usable results. total: pairs in the split. naive: the simple baselines that stand
    first without having been asked for; asked: the other methods, in the order of the table. Both also name methods
    without results. common: whether images that some row lacks are left out. fallback: whether another output than raw
    is ranked for lack of raw rows, without having been asked for. titles: of the data set, the split and the protocol.
    rest: other complete rows, which were not asked for: figures draw them behind. rank_baselines: whether simple
    baselines are compared as other methods are.
    """

    dataset: str
    split: str
    protocol: str
    rows: tuple[Row, ...]
    scores: Scores
    partial: tuple[Row, ...]
    absent: tuple[Row, ...]
    total: int
    naive: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    common: bool = False
    output: str = "raw"
    fallback: bool = False
    beside: tuple[Row, ...] = ()
    beside_scores: Scores | None = None
    titles: Titles = PLAIN
    rest: tuple[Row, ...] = ()
    rank_baselines: bool = False

    @property
    def place(self) -> str:
        return f"{self.dataset}@{self.split}"

    @property
    def missing(self) -> list[str]:
        """Return the simple baselines without results."""
        known = {row.cell.method for row in (*self.shown, *self.absent)}
        return [name for name in self.naive if name not in known]

    @property
    def shown(self) -> tuple[Row, ...]:
        """Return all rows with scores, in the order of the table: what is ranked, what is not, and partial ones."""
        return (*self.rows, *self.beside, *self.partial)

    @property
    def order(self) -> list[str]:
        """Return the names of all methods, with and without results, in the order of the table."""
        names = (*self.naive, *self.asked)
        first = [name for name in names if name in self.references]
        return [*first, *(name for name in names if name not in self.references)]

    @cached_property
    def references(self) -> set[str]:
        """Return the names of the rows that are for reference, be they complete or not."""
        return set() if self.rank_baselines else {row.cell.method for row in self.shown if row.name in NAIVE}

    @property
    def entered(self) -> list[int]:
        """Return which of `rows` are compared: all but reference rows."""
        return [int(i) for i in np.flatnonzero(self.scores.entered)]

    @property
    def images(self) -> int:
        """Return how many images every row has."""
        return len(self.scores.ids)

    @cached_property
    def caveats(self) -> tuple[str, ...]:
        """What must stand beside every table, of the split and of what its methods were trained on."""
        return training_overlap.caveats(self.dataset, self.split, (*self.rows, *self.partial))

    @cached_property
    def summaries(self) -> dict[str, list[Summary]]:
        """Return metric -> a summary for each of `rows`, then for each of `beside`."""
        found = statistics.summaries(self.scores)
        if not self.beside:
            return found
        others = statistics.summaries(self.beside_scores)
        return {metric: [*of, *others[metric]] for metric, of in found.items()}

    @cached_property
    def comparisons(self) -> dict[str, Comparison]:
        """Test each metric that has a direction against its best method."""
        return {m: statistics.against_best(self.scores, m) for m in self.ranked}

    @cached_property
    def friedmans(self) -> dict[str, Friedman | None]:
        """Run Friedman's test for each metric that has a direction."""
        return {m: statistics.friedman(self.scores, m) for m in self.ranked}

    @cached_property
    def ranking(self) -> Ranking:
        return statistics.ranking(self.scores)

    @property
    def ranked(self) -> list[str]:
        """Return the metrics that have a direction."""
        return [metric for metric, direction in self.scores.metrics.items() if direction]

    def scored(self, row: Row, metric: str) -> int:
        """Count the images for which a metric of a row is stored, be it defined there or not."""
        if row.cell not in self._scored:
            self._scored[row.cell] = Counter(chain.from_iterable(row.scores.get(id, ()) for id in self.scores.ids))
        return self._scored[row.cell][metric]

    @cached_property
    def _scored(self) -> dict[Cell, Counter]:
        """Keep what `scored` has counted: cell -> metric -> images."""
        return {}


def measure(
    results: Path,
    *,
    datasets: Sequence[str] | None = None,
    protocols: Sequence[str] | None = None,
    methods: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
    naive: bool = True,
    common: bool = False,
    also: Names | None = None,
    output: str | None = None,
    every_output: bool = False,
    titles: Titles = PLAIN,
    rank_baselines: bool = False,
) -> list[Measured]:
    """Collect what `results` holds, one item per data set, split and protocol, in the order of the names given.

    datasets: names, or DATASET@SPLIT. methods: give the order of the tables. None stands for all. naive: add the simple
    baselines; otherwise leave out those not asked for. common: keep methods with fewer images, and restrict all methods
    to the images that all have; otherwise leave those methods out. also: names of results of another kind; they need no
    scores here, and with them there may be none at all. output: the one to rank, one of `store.saved.OUTPUTS`; None for
    raw, or another where it ranks all that raw would and more. every_output: behind each item, add one for every other
    output that rows of its were saved as. titles: what the user calls things. rank_baselines: compare simple baselines
    as other methods; otherwise they are reference rows, first in the table. Raises UserError for names of which nothing
    is stored, where nothing is stored, and where nothing is saved as `output`.
    """
    found = tables(rows(existing_cells(results) if also is None else cells(results)))
    if not found and also is None:
        raise UserError(f"no scores in {results}: its images were fused for detection alone; bench run scores them")
    others = also or Names()
    by_place: dict[str, list] = {}
    for table in found:
        for name in (table.dataset, f"{table.dataset}@{table.split}"):
            by_place.setdefault(composed(name), []).append(table)
    if datasets is not None:
        datasets = list(map(composed, datasets))
        for name in datasets:
            if name not in by_place and name not in others.datasets:
                raise unknown("data set in the results", name, {*by_place, *others.datasets})
        found = list({id(t): t for name in datasets for t in by_place.get(name, ())}.values())
    if protocols is not None:
        known = {table.protocol for table in found}
        for name in protocols:
            if name not in known and name not in others.protocols:
                raise unknown("protocol in the results", name, {*known, *others.protocols})
        if known.intersection(protocols):
            found = [table for name in protocols for table in found if table.protocol == name]
    here = [row for table in found for row in (*table.rows, *table.others)]
    scored = {row.cell.method for row in here if row.scores}

    def labels(output: str | None) -> list[str] | None:
        if methods is None:
            return None
        wanted = {row.cell.method for row in here if row.saved.fits(output)} if output else ()
        return spelled_out(methods, [(row.cell.method, row.name) for row in here], others.methods, wanted, scored)

    asked = labels(output)
    if not found:
        return []
    if metrics is not None:
        spelled = {fold(metric): metric for table in found for metric in table.metrics}
        for name in metrics:
            if fold(name) not in spelled:
                raise unknown("metric in the results", name, spelled.values())
        metrics = [spelled[fold(name)] for name in metrics]
    measured = []
    for table in found:
        measured.append(_measured(table, asked, metrics, naive, common, output, rank_baselines))
        done = {row.saved.output for row in table.rows} if every_output else ()
        measured += [
            _measured(table, labels(more), metrics, naive, common, more, rank_baselines)
            for more in OUTPUTS
            if more in done and more != measured[-1].output
        ]
    shown = [one for one in measured if one.shown or one.absent]
    if output and shown and all(row.apart for one in shown for row in (*one.shown, *one.absent)):
        raise UserError(f"no {output} output among these results; bench run --output {output} makes it")
    if not shown and also is None:
        raise UserError("nothing is left to report: only simple baselines have results, and --no-naive leaves them out")
    return _titled(shown, titles)


def titles_given(results: Path, entries: Sequence[str], also: Names | None = None) -> Titles:
    """Return the titles of `--title` for what `results` hold. also: names of results of another kind. Raises UserError
    for a name of which nothing is stored."""
    if not entries:
        return Titles()
    others, there = also or Names(), cells(results)
    records = {cell: cell.run() for cell in there}
    return given(
        entries,
        others.methods | {name for cell, record in records.items() for name in (cell.method, _name_in(record, cell))},
        others.datasets | {name for cell in there for name in (cell.dataset, f"{cell.dataset}@{cell.split}")},
        others.protocols | {protocol for record in records.values() for protocol in record.get("protocols", ())},
    )


def _name_in(record: dict, cell: Cell) -> str:
    return str(record.get("name") or cell.method)


def _titled(shown: Sequence[Measured], titles: Titles) -> list[Measured]:
    """Give everything the title that it has beside the others."""
    everything = [row for one in shown for row in (*one.shown, *one.absent)]
    usable = [row for row in everything if row.scores]  # what has no results takes no name from what has
    of = {}
    for group in (everything, usable):
        of |= titles.of_methods((row.cell.method, row.name, row.title or row.cell.method) for row in group)
    titles = titles.told_apart((one.dataset, one.split) for one in shown)

    def called(group):
        return tuple(replace(row, title=of[row.cell.method], shown=of[row.cell.method]) for row in group)

    return [
        replace(
            one, titles=titles, **{name: called(getattr(one, name)) for name in ("rows", "beside", "partial", "absent")}
        )
        for one in shown
    ]


def fallbacks(found: Sequence[Measured]) -> list[str]:
    """Return a line for each output that is ranked for lack of raw rows, with the splits where it is."""
    lines = []
    for output in OUTPUTS:
        places = list(dict.fromkeys(one.place for one in found if one.fallback and one.output == output))
        if places:
            lines.append(f"{first_few(places, _NAMED)}: {output} output is ranked, since not all was saved raw, too")
    return lines


def spelled_out(
    names: Sequence[str],
    rows: Sequence[tuple[str, str]],
    also: Collection[str] = (),
    wanted: Collection[str] = (),
    scored: Collection[str] | None = None,
) -> list[str]:
    """Turn the names asked for into labels. A name that is no label, or that of one without results, stands for all
    checkpoints of that method.

    rows: (label, name) of each. also: names that need no row. wanted: labels of the output asked for; where a name is
    the label of another output, those of them that begin with it are meant instead. scored: the labels with results,
    None for all. Accents count as the same however they are encoded. Raises UserError for any other name.
    """
    labels = dict.fromkeys(label for label, _ in rows)
    found: list[str] = []
    for name in map(composed, names):
        ways = (
            [label for label in labels if composed(label) == name],
            sorted(label for label in labels if composed(without_hash(label)) == name),
            sorted({label for label, own in rows if composed(own) == name}),
        )
        usable = ([label for label in way if scored is None or label in scored] for way in ways)
        meant = next(filter(None, (*usable, *ways)), [])
        if not meant and name not in map(composed, also):
            raise unknown("method in the results", name, {*labels, *also})
        if wanted and wanted.isdisjoint(meant):
            meant = [label for label in labels if label in wanted and label.startswith(f"{name}+")] or meant
        found += meant
    return list(dict.fromkeys(found))


def _measured(table, methods, metrics, naive: bool, common: bool, output: str | None, rank_baselines: bool) -> Measured:
    everything = {row.cell.method: row for row in (*table.rows, *table.others)}
    simple = [f"{name}+minmax" for name in NAIVE] if (output or table.output) == "minmax" else NAIVE
    joined = [name for name in simple if name not in (methods or ())] if naive else []
    asked = list(methods) if methods is not None else [n for n in everything if n not in (*simple, *NAIVE)]
    ordered = [everything[name] for name in (*joined, *asked) if name in everything]
    if not rank_baselines:
        ordered.sort(key=lambda row: row.name not in NAIVE)
    ranked = output or saved.common({row.cell: row.saved for row in ordered if row.scores})
    ordered = beside_each_other(ordered, ranked)
    usable = [row for row in ordered if row.done or (row.state.startswith("partial") and row.scores)]
    complete = usable if common else [row for row in usable if row.done]
    kept = [row for row in complete if not row.apart]
    ids = list((kept or complete)[0].scores) if complete else []
    if common:
        ids = [id for id in ids if all(id in row.scores for row in kept)]
        if kept and not ids:
            raise UserError(
                f"{table.dataset}@{table.split}, protocol {table.protocol}: no image is common to"
                f" {', '.join(row.cell.method for row in kept)}"
            )
    beside = [row for row in complete if row.apart and all(id in row.scores for id in ids)]
    columns = table.metrics if metrics is None else {m: table.metrics[m] for m in metrics if m in table.metrics}
    return Measured(
        dataset=table.dataset,
        split=table.split,
        protocol=table.protocol,
        rows=tuple(kept),
        scores=_scores(table.dataset, kept, columns, ids, rank_baselines),
        partial=tuple(row for row in usable if row not in kept and row not in beside),
        absent=tuple(row for row in ordered if row not in usable),
        total=max((row.total for row in ordered), default=0),
        naive=tuple(joined),
        asked=tuple(asked),
        common=common and any(not row.done for row in kept),
        output=ranked,
        fallback=output is None and ranked != "raw",
        beside=tuple(beside),
        beside_scores=_scores(table.dataset, beside, columns, ids, rank_baselines) if beside else None,
        rest=tuple(
            row
            for label, row in everything.items()
            if row.done and label not in asked and row.saved.fits(ranked) and label not in (*simple, *NAIVE)
        ),
        rank_baselines=rank_baselines,
    )


def _scores(
    dataset: str, kept: Sequence[Row], metrics: dict[str, int], ids: Sequence[str], rank_baselines: bool
) -> Scores:
    """Make the array of scores. A metric that a row lacks for some image counts as undefined for all of its images."""
    values = np.full((len(kept), len(metrics), len(ids)), np.nan)
    for i, row in enumerate(kept):
        lines = [row.scores[id] for id in ids]
        for j, metric in enumerate(metrics):
            found = [line.get(metric) for line in lines]
            if None not in found:
                values[i, j] = found
    names = tuple(row.cell.method for row in kept)
    reference = frozenset() if rank_baselines else frozenset(row.cell.method for row in kept if row.name in NAIVE)
    scenes = scenes_of(dataset, ids)
    return Scores(names, dict(metrics), tuple(ids), values, scenes, reference, in_sequence(dataset))


def scenes_of(dataset: str, ids: Iterable[str]) -> tuple[str, ...] | None:
    """Return the scene of each image, or None where the data set does not know it of every one."""
    from benchmark import datasets

    try:
        source = datasets.get(dataset)
    except UserError:  # the data set is not installed here
        return None
    found = tuple(source.scene_of(id) for id in ids)
    return None if None in found or not found else found


def in_sequence(dataset: str) -> bool:
    """Whether neighbouring scenes of a data set may be alike; False for one that is not installed here."""
    from benchmark import datasets

    try:
        return datasets.get(dataset).in_sequence
    except UserError:
        return False


def fold(name: str) -> str:
    """Return a name in the form in which it is recognised: case, hyphens and underscores do not matter."""
    return "".join(c for c in name.lower() if c.isalnum())


def decimals(means: Iterable[float], digits: int | None) -> int:
    """Return the decimal places of a column: `digits`, or as many as give the largest mean four digits."""
    if digits is not None:
        return digits
    sizes = [abs(mean) for mean in means if math.isfinite(mean)]
    return min(6, max(0, 3 - math.floor(math.log10(max(sizes))))) if sizes and max(sizes) > 0 else 4
