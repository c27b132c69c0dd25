"""From stored lines to states, means and tables: what every report is drawn from. Reads the store only."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.names import without_hash
from benchmark.store import saved, told
from benchmark.store.cells import Cell, existing_cells, read_scores, scores_of
from benchmark.store.saved import Saved

if TYPE_CHECKING:
    import pandas


# The simple baselines, naive or classical, which a method must at least beat. On some sets a plain maximum has a better
# MI, VIF and Qabf than published networks.
NAIVE = ("ir", "vis", "average", "max", "laplacian")


@dataclass(frozen=True)
class Value:
    """A metric over the images of a row: mean and sample standard deviation (ddof = 1; nan for one image) of
    the `n` images where it is defined and finite. infinite: images where it is infinite; where no other is left, so is
    the mean."""

    mean: float
    sd: float
    n: int
    infinite: int = 0


@dataclass(frozen=True)
class Row:
    """One method under one protocol on one split.

    state: "done", "partial k/N …", "failed (…)" or "unavailable (…)". total: pairs in the split. values: the
    metrics that every image was scored with. incomplete: metric -> images scored, for those that some lack.
    directions: metric -> +1 higher is better, -1 lower is better. scores: id -> metric -> value (nan where undefined)
    of every image scored, in the order of the split. reasons: metric -> why it is undefined, once for each image. told:
    image -> facts, see `benchmark.store.told`. title: the method's name as papers print it; name: the method's own,
    without what tells its checkpoints apart. saved: how its images were saved. apart: whether its table ranks another
    output; remark: what the table says of that. shown: what lines call it, its label where empty. trained_on: data
    sets, with commas between. tuned: what was chosen in the training of a checkpoint of this suite, one sentence.
    """

    cell: Cell
    protocol: str
    state: str
    total: int
    values: dict[str, Value] = field(default_factory=dict)
    incomplete: dict[str, int] = field(default_factory=dict)
    directions: dict[str, int] = field(default_factory=dict)
    preliminary: bool = False
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    reasons: dict[str, list[str]] = field(default_factory=dict)
    told: told.Facts = field(default_factory=dict)
    title: str = ""
    name: str = ""
    shown: str = ""
    saved: Saved = field(default_factory=Saved)
    apart: bool = False
    remark: str = ""
    trained_on: str = ""
    tuned: str = ""

    @property
    def measured_as(self) -> str:
        """The label under which `bench profile` measures the method, whose cost does not depend on how it is saved."""
        label, output = self.cell.method, self.saved.output
        return label.replace(f"+{output}", "") if output else label

    @property
    def done(self) -> bool:
        return self.state == "done"


@dataclass(frozen=True)
class Table:
    """Methods that may be compared: one split under one protocol. `rows` are done; `others` are not, and are
    never ranked. output: the one that is ranked. metrics: name -> direction, in the order of the columns; total: pairs
    in the split."""

    dataset: str
    split: str
    protocol: str
    metrics: dict[str, int]
    rows: list[Row]
    others: list[Row]
    output: str = "raw"

    @property
    def total(self) -> int:
        return self.rows[0].total if self.rows else 0


def summarise(cell: Cell) -> list[Row]:
    """The rows of a cell, one per protocol, from its files; none where scores were not asked for, and one of protocol
    "unknown" where its record does not say."""
    record, lines = cell.run(), read_scores(cell)
    protocols = {protocol for _, protocol in lines} | set(record.get("protocols", ()))
    if not protocols and "protocols" not in record:
        protocols = {"unknown"}
    return [
        _row(cell, protocol, record, [line for line in lines.values() if line["protocol"] == protocol])
        for protocol in sorted(protocols)
    ]


def _row(cell: Cell, protocol: str, record: dict, lines: list[dict]) -> Row:
    by_id = {line["id"]: scores_of(line) for line in lines}
    scores = list(by_id.values())
    metrics = dict.fromkeys(record.get("metrics", {})) | dict.fromkeys(m for s in scores for m in s)
    counts = {m: sum(m in s for s in scores) for m in metrics}
    total = record.get("n", 0)
    complete = bool(total) and len(lines) == total
    reasons: dict[str, list[str]] = {}
    for line in lines:
        for metric, reason in line.get("reasons", {}).items():
            if math.isnan(by_id[line["id"]].get(metric, 0.0)):
                reasons.setdefault(metric, []).append(reason)
    return Row(
        cell=cell,
        protocol=protocol,
        state=f"failed ({flaw})" if (flaw := cell.foreign(record)) else state(record, len(lines)),
        total=total,
        values={m: _value([s[m] for s in scores]) for m in metrics if complete and counts[m] == total},
        incomplete={m: counts[m] for m in metrics if 0 < counts[m] < total},
        directions=record.get("metrics", {}),
        preliminary=bool(record.get("preliminary")),
        scores=by_id,
        reasons=reasons,
        told=told.by_image(lines, is_copy(record), is_declared(record)),
        title=title_of(cell.method, record),
        name=str(record.get("name") or cell.method),
        saved=Saved.by(record),
        trained_on=str(record.get("trained_on") or ""),
        tuned=str(record.get("tuned") or ""),
    )


def is_copy(record: dict) -> bool:
    """Whether a run's images are meant to be one of the sources."""
    return record.get("kind") == "run" and record.get("name") in ("ir", "vis")


def is_declared(record: dict) -> bool:
    """Whether it is known how a run's images were saved: by a method of this suite, or stretched on demand."""
    return (record.get("kind") == "run" and not record.get("code")) or Saved.by(record).stretched


def title_of(label: str, record: dict) -> str:
    """The title that a record states, with what else is in the label, but the hash of a checkpoint."""
    name, title = record.get("name"), record.get("title")
    if not isinstance(name, str) or not isinstance(title, str) or not label.startswith(name):
        return without_hash(label)
    return title + without_hash(label)[len(name) :].replace("+", " ")


def state(record: dict, scored: int) -> str:
    """The state of a row, from the content of `run.json` and the number of images scored."""
    total, failed = record.get("n", 0), record.get("failed", {})
    if total and scored == total:
        return "done"
    if "unavailable" in record:
        return f"unavailable ({record['unavailable']})"
    if "error" in record:
        return f"failed ({record['error']})"
    first = next((f"{id}: {reason}" for id, reason in failed.items()), "")
    more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
    if failed and not scored:
        return f"failed ({first}{more})"
    return f"partial {scored}/{total}" + (f" ({len(failed)} failed: {first}{more})" if failed else "")


def _value(values: Sequence[float]) -> Value:
    defined = [value for value in values if not math.isnan(value)]
    finite = [value for value in defined if math.isfinite(value)]
    n, infinite = len(finite), len(defined) - len(finite)
    if not n:
        return Value(sum(defined) if defined else math.nan, math.nan, 0, infinite)
    mean = math.fsum(finite) / n
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in finite) / (n - 1)) if n > 1 else math.nan
    return Value(mean, sd, n, infinite)


def rows(cells: Iterable[Cell]) -> list[Row]:
    """The rows of all cells. A row counts as "outdated" where it was made from other images, or scored by another
    version of the metrics, than the latest run of its split: it cannot stand beside that."""
    cells = list(cells)
    records = {cell: cell.run() for cell in cells}
    latest: dict[tuple[str, str], dict] = {}
    for cell in cells:
        record, place = records[cell], (cell.dataset, cell.split)
        if "split_sha256" in record and _started(record) >= _started(latest.get(place, {})):
            latest[place] = record
    found = []
    for cell in cells:
        reason = _difference(records[cell], latest.get((cell.dataset, cell.split), {}))
        for row in summarise(cell):
            found.append(replace(row, state=f"outdated ({reason})") if row.done and reason else row)
    return found


def _started(record: dict) -> str:
    return record["runs"][-1]["start"] if record.get("runs") else ""


def _difference(record: dict, latest: dict) -> str | None:
    if record.get("split_sha256") != latest.get("split_sha256"):
        return "made from other images than the latest run of this split"
    if record.get("metrics_version") != latest.get("metrics_version"):
        return f"scored by version {record.get('metrics_version')} of the metrics"
    return None


def tables(rows: Iterable[Row], metrics: dict[str, list[str]] | None = None) -> list[Table]:
    """One table per (data set, split, protocol), in the order of the rows; metrics: protocol -> columns, or
    None for every metric that a row holds."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.cell.dataset, row.cell.split, row.protocol), []).append(row)
    found = []
    for (dataset, split, protocol), group in groups.items():
        output = saved.common({row.cell: row.saved for row in group if row.done})
        group = beside_each_other(group, output)
        done = [row for row in group if row.done]
        directions: dict[str, int] = {}
        for row in group:
            for metric in (*row.values, *row.incomplete):
                directions.setdefault(metric, row.directions.get(metric, 0))
        if metrics is not None:
            directions = {metric: directions[metric] for metric in metrics[protocol] if metric in directions}
        others = [row for row in group if not row.done]
        found.append(Table(dataset, split, protocol, directions, done, others, output))
    return found


def beside_each_other(rows: Sequence[Row], output: str) -> list[Row]:
    """The rows as a table that ranks `output` shows them."""
    remarks = saved.remarks([row.saved for row in rows], output)
    return [
        replace(row, apart=not row.saved.fits(output), remark=remark if row.scores else "")
        for row, remark in zip(rows, remarks)
    ]


def load_results(results: str | os.PathLike = "results") -> pandas.DataFrame:
    """Every score under `results`: one row per image and metric.

    Columns: dataset, split, method, protocol, state (of the row that the image belongs to: "done",
    "partial 3/6", ...), id, metric, value (nan where undefined), output ("raw", also where a method's native output is
    the same; "native", "minmax", or "" for images from elsewhere). Raises UserError where there are no results.
    """
    import pandas

    found = []
    for row in rows(existing_cells(Path(results))):
        cell = row.cell
        for id, scores in row.scores.items():
            place = (cell.dataset, cell.split, cell.method, row.protocol, row.state, id)
            found += [(*place, metric, value, row.saved.output) for metric, value in scores.items()]
    columns = ["dataset", "split", "method", "protocol", "state", "id", "metric", "value", "output"]
    return pandas.DataFrame(found, columns=columns)
