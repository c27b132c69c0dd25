"""Collect what a report shows: the methods that may be compared on a split under a protocol, with statistics."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np

from benchmark import statistics
from benchmark.errors import UserError, unknown
from benchmark.names import composed
from benchmark.statistics import Comparison, Friedman, Ranking, Scores, Summary
from benchmark.store.cells import Cell, cells, existing_cells
from benchmark.store.summary import Row, rows, tables

# The simple baselines, naive or classical, which a method must at least beat. On some sets a plain maximum has a better
# MI, VIF and Qabf than published networks.
NAIVE = ("ir", "vis", "average", "max", "laplacian")


@dataclass(frozen=True)
class Names:
    """Names that have results. datasets: also as DATASET@SPLIT. methods: labels, and names without a checkpoint."""

    datasets: frozenset[str] = frozenset()
    protocols: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class Measured:
    """One split under one protocol.

    rows: what may be compared, in the order of the table. scores: those of the rows, in the same order, all on the same
    images. partial: rows with fewer images. absent: rows without usable results. total: pairs in the split. naive: the
    simple baselines that stand first without having been asked for; asked: the other methods, in the order of the
    table. Both also name methods without results. common: whether images that some row lacks are left out. rest: other
    complete rows, which were not asked for: figures draw them behind.
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
    rest: tuple[Row, ...] = ()

    @property
    def place(self) -> str:
        return f"{self.dataset}@{self.split}"

    @property
    def missing(self) -> list[str]:
        """Return the simple baselines without results."""
        known = {row.cell.method for row in (*self.rows, *self.partial, *self.absent)}
        return [name for name in self.naive if name not in known]

    @property
    def images(self) -> int:
        """Return how many images every row has."""
        return len(self.scores.ids)

    @cached_property
    def summaries(self) -> dict[str, list[Summary]]:
        return statistics.summaries(self.scores)

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
) -> list[Measured]:
    """Collect what `results` holds, one item per data set, split and protocol, in the order of the names given.

    datasets: names, or DATASET@SPLIT. methods: give the order of the tables. None stands for all. naive: add the simple
    baselines; otherwise leave out those not asked for. common: keep methods with fewer images, and restrict all methods
    to the images that all have; otherwise leave those methods out. also: names of results of another kind; they need no
    scores here, and with them there may be none at all. Raises UserError for names of which nothing is stored, and
    where nothing is stored.
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
    if methods is not None:
        here = [row for table in found for row in (*table.rows, *table.others)]
        methods = spelled_out(methods, [(row.cell.method, row.name) for row in here], others.methods)
    if not found:
        return []
    if metrics is not None:
        spelled = {fold(metric): metric for table in found for metric in table.metrics}
        for name in metrics:
            if fold(name) not in spelled:
                raise unknown("metric in the results", name, spelled.values())
        metrics = [spelled[fold(name)] for name in metrics]
    measured = [_measured(table, methods, metrics, naive, common) for table in found]
    shown = [one for one in measured if one.rows or one.partial or one.absent]
    if not shown and also is None:
        raise UserError("nothing is left to report: only simple baselines have results, and --no-naive leaves them out")
    return shown


def spelled_out(names: Sequence[str], rows: Sequence[tuple[str, str]], also: Collection[str] = ()) -> list[str]:
    """Turn the names asked for into labels. A name that is no label stands for all checkpoints of that method.

    rows: (label, name) of each. also: names that need no row. Accents count as the same however they are encoded.
    Raises UserError for any other name.
    """
    labels = dict.fromkeys(label for label, _ in rows)
    found: list[str] = []
    for name in map(composed, names):
        meant = [label for label in labels if composed(label) == name]
        meant = meant or sorted({label for label, own in rows if composed(own) == name})
        if not meant and name not in map(composed, also):
            raise unknown("method in the results", name, {*labels, *also})
        found += meant
    return list(dict.fromkeys(found))


def _measured(table, methods, metrics, naive: bool, common: bool) -> Measured:
    everything = {row.cell.method: row for row in (*table.rows, *table.others)}
    joined = [name for name in NAIVE if name not in (methods or ())] if naive else []
    asked = list(methods) if methods is not None else [name for name in everything if name not in NAIVE]
    ordered = [everything[name] for name in (*joined, *asked) if name in everything]
    usable = [row for row in ordered if row.done or (row.state.startswith("partial") and row.scores)]
    kept = usable if common else [row for row in usable if row.done]
    ids = list(kept[0].scores) if kept else []
    if common:
        ids = [id for id in ids if all(id in row.scores for row in kept)]
        if kept and not ids:
            raise UserError(
                f"{table.dataset}@{table.split}, protocol {table.protocol}: no image is common to"
                f" {', '.join(row.cell.method for row in kept)}"
            )
    columns = table.metrics if metrics is None else {m: table.metrics[m] for m in metrics if m in table.metrics}
    return Measured(
        dataset=table.dataset,
        split=table.split,
        protocol=table.protocol,
        rows=tuple(kept),
        scores=_scores(table.dataset, kept, columns, ids),
        partial=tuple(row for row in usable if row not in kept),
        absent=tuple(row for row in ordered if row not in usable),
        total=max((row.total for row in ordered), default=0),
        naive=tuple(joined),
        asked=tuple(asked),
        common=common and any(not row.done for row in kept),
        rest=tuple(r for name, r in everything.items() if r.done and r not in ordered and name not in NAIVE),
    )


def _scores(dataset: str, kept: Sequence[Row], metrics: dict[str, int], ids: Sequence[str]) -> Scores:
    """Make the array of scores. A metric that a row lacks for some image counts as undefined for all of its images."""
    values = np.full((len(kept), len(metrics), len(ids)), np.nan)
    for i, row in enumerate(kept):
        lines = [row.scores[id] for id in ids]
        for j, metric in enumerate(metrics):
            found = [line.get(metric) for line in lines]
            if None not in found:
                values[i, j] = found
    names = tuple(row.cell.method for row in kept)
    return Scores(names, dict(metrics), tuple(ids), values, scenes_of(dataset, ids))


def scenes_of(dataset: str, ids: Iterable[str]) -> tuple[str, ...] | None:
    """Return the scene of each image, or None where the data set does not know it of every one."""
    from benchmark import datasets

    try:
        source = datasets.get(dataset)
    except UserError:  # the data set is not installed here
        return None
    found = tuple(source.scene_of(id) for id in ids)
    return None if None in found or not found else found


def fold(name: str) -> str:
    """Return a name in the form in which it is recognised: case, hyphens and underscores do not matter."""
    return "".join(c for c in name.lower() if c.isalnum())


def decimals(means: Iterable[float], digits: int | None) -> int:
    """Return the decimal places of a column: `digits`, or as many as give the largest mean four digits."""
    if digits is not None:
        return digits
    sizes = [abs(mean) for mean in means if math.isfinite(mean)]
    return min(6, max(0, 3 - math.floor(math.log10(max(sizes))))) if sizes and max(sizes) > 0 else 4
