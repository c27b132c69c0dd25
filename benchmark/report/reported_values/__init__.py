"""Read values as papers print them, from the files beside this one or from a user's.

A file is a CSV with the columns `dataset`, `method`, `protocol`, and either `metric` and `value` or one column per
metric. It may have `split`; without it, `dataset` is NAME@SPLIT, or the data set's default split is meant. A split is
one of the data set's, or a part of it as results call it; of `folder`, any that results hold, and `all` where they hold
one only. A file may have `output` (how fused images were saved, as `bench run --output` has it) and `source`. Lines
that begin with # are remarks, shown below the table.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from benchmark import textfiles
from benchmark.errors import UserError, unknown

FOLDER = Path(__file__).parent
_KNOWN = ("dataset", "split", "protocol", "output", "method", "metric", "value", "source")
# Names of test sets in common use -> the data set and split that they mean.
_ALIASES = {
    "tno25": "tno@cddfuse25",
    "roadscene50": "roadscene@cddfuse50",
    "mri_ct": "harvard_ct_mri@cddfuse",
    "mri_pet": "harvard_pet_mri@cddfuse",
    "mri_spect": "harvard_spect_mri@cddfuse",
}


@dataclass(frozen=True)
class Reported:
    """A value as a paper prints it. text: keeps its digits."""

    dataset: str
    split: str
    protocol: str
    method: str
    metric: str
    text: str
    source: str = ""
    output: str = ""

    @property
    def value(self) -> float:
        return float(self.text)

    @property
    def decimals(self) -> int:
        return len(self.text.partition(".")[2])


def names() -> list[str]:
    """List the files that come with the package, by name."""
    return sorted(path.stem for path in FOLDER.glob("*.csv"))


def read(file: str | Path) -> tuple[list[Reported], list[str]]:
    """Read the values and the remarks of a file, or of one of `names()`. Raises UserError for what cannot be read, and
    names the line."""
    path = FOLDER / f"{file}.csv" if str(file) in names() else Path(file).expanduser()
    if not path.exists():
        if len(path.parts) == 1 and not path.suffix:
            raise unknown("table of reported values", str(file), names())
        raise UserError(f"--reported {file}: no such file; these come with the package: {', '.join(names())}")
    text = textfiles.read(path, "--reported")
    remarks = [line[1:].strip() for line in map(str.strip, text.split("\n")) if line.startswith("#")]
    numbered = textfiles.lines(text)
    first = numbered[0][1] if numbered else ""
    delimiter = next((mark for mark in "\t;" if mark in first and "," not in first), ",")
    table = csv.reader((line for _, line in numbered), delimiter=delimiter)
    head = [name.strip() for name in next(table, [])]
    metrics = [name for name in head if name and name not in _KNOWN]
    if missing := {"dataset", "method", "protocol"} - set(head):
        raise UserError(f"--reported {file}: lacks the column{'s' * (len(missing) > 1)} {', '.join(sorted(missing))}")
    if not metrics and not {"metric", "value"} <= set(head):
        raise UserError(f"--reported {file}: has neither the columns metric and value nor one per metric")
    found: list[Reported] = []
    stated: dict[tuple[str, ...], str] = {}
    for (number, _), cells in zip(numbered[1:], table):
        row = dict(zip(head, map(str.strip, cells)))
        values = {name: row.get(name, "") for name in metrics} or {row.get("metric", ""): row.get("value", "")}
        try:
            dataset, split = _place(row)
            place = (dataset, split, _needed(row, "protocol"), _needed(row, "method"))
            more = row.get("source", ""), row.get("output", "")
            for metric, printed in values.items():
                if not printed:
                    continue
                value = Reported(*place, metric, _number(metric, printed), *more)
                if stated.setdefault((*place, metric, *more), printed) != printed:
                    raise UserError(f"{metric} of {value.method} stands twice, with two values")
                found.append(value)
        except UserError as error:
            raise UserError(f"--reported {file}, line {number}: {error.message}") from None
    if not found:
        raise UserError(f"--reported {file}: holds no values")
    return found, remarks


def _place(row: dict[str, str]) -> tuple[str, str]:
    from benchmark import datasets
    from benchmark.datasets.id_lists import parse_label
    from benchmark.run.stretching import of_label

    name = _needed(row, "dataset")
    name, _, split = _ALIASES.get(name, name).partition("@")
    source = datasets.get(name)
    label = row.get("split") or split or source.default_split
    if source.name == "folder":  # whose splits are called after their content
        return source.name, label
    own, _ = parse_label(of_label(label)[0])
    return source.name, source.check_split(own) + label[len(own) :]


def _needed(row: dict[str, str], column: str) -> str:
    if not row.get(column):
        raise UserError(f"nothing stands under {column}")
    return row[column]


def _number(metric: str, text: str) -> str:
    if not metric:
        raise UserError("nothing stands under metric")
    try:
        if math.isfinite(float(text)):
            return text
    except ValueError:
        pass
    raise UserError(f"{metric} is '{text}', which is no number")
