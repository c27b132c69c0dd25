"""CSV: one line per method and metric, at full precision, to compute with.

A name that begins as a formula does stands behind an apostrophe: programs that open CSV would run it.
"""

from __future__ import annotations

import csv
import io
import math

from benchmark.detection.outcome import Compared, over_seeds
from benchmark.detection.outcome import Row as DetectionRow
from benchmark.errors import first_few
from benchmark.names import printable
from benchmark.report.content import Content
from benchmark.report.measured import Measured
from benchmark.store.summary import Row

ORDER = 20
FILE = "report.csv"
COLUMNS = ("dataset", "split", "method", "protocol", "metric", "mean", "sd", "n", "images", "state")
COLUMNS += ("ci_low", "ci_high", "p_best", "best", "unit", "units", "infinite")
DETECTION = ("setup", "seeds", "instances", "difference", "difference_low", "difference_high")


def render(content: Content) -> str:
    """Write the lines under `COLUMNS`, and under `DETECTION` where there is any.

    mean, sd (sample, ddof = 1): over the `n` images where the metric is defined and finite, of `images` in the split
    (or in common); empty where they do not exist or not every image was scored. infinite: on how many images the metric
    is infinite. ci_low, ci_high: 95 % interval of the mean. p_best: against the best method, corrected for all pairs of
    methods. best: 1 for the best and all that are not significantly worse. unit, units: what intervals and tests take
    as one observation, and how many there are.

    A line of detection has as metric "AP small", "AP50 Car" and so on, as fractions, as in the records. mean, sd: over
    the `seeds`. n: images that the number is of. instances: labelled objects. difference: to `vis`, with its interval.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    columns = COLUMNS + DETECTION if content.detected else COLUMNS
    writer.writerow(columns)
    for one in content.measured:
        for row in sorted((*one.rows, *one.partial, *one.absent), key=lambda row: row.cell.method):
            writer.writerows(line + ("",) * (len(columns) - len(line)) for line in _lines(one, row))
    for one in content.detected:
        for row in sorted((*one.rows, *one.absent), key=lambda row: row.method):
            writer.writerows(_detection_lines(one, row))
    return out.getvalue()


def remarks(content: Content) -> list[str]:
    formulas = sorted(filter(is_formula, map(printable, content.names)))
    if not formulas:
        return []
    return [f"{FILE}: an apostrophe stands before names that spreadsheets take for formulas: {first_few(formulas, 5)}"]


def _lines(one: Measured, row: Row):
    place = tuple(map(text, (row.cell.dataset, row.cell.split, row.cell.method, row.protocol)))
    state = text(row.state)
    if row not in one.rows:
        counts = {m: sum(m in s for s in row.scores.values()) for m in one.scores.metrics}
        found = [(*place, text(m), "", "", n, row.total, state) for m, n in counts.items() if n]
        return found or [(*place, "", "", "", 0, row.total, state)]
    i, lines = one.rows.index(row), []
    for metric in one.scores.metrics:
        count, summary = one.scored(row, metric), one.summaries[metric][i]
        if count < one.images:
            partial = f"partial {count}/{one.images}"
            lines += [(*place, text(metric), "", "", count, one.images, partial)] if count else []
            continue
        numbers = (_number(summary.mean), _number(summary.sd), summary.n, one.images, state)
        interval = (_rounded(summary.low), _rounded(summary.high))
        behind = (*_tested(one, metric, i), one.scores.unit, one.scores.units, summary.infinite)
        lines.append((*place, text(metric), *numbers, *interval, *behind))
    return lines


def _detection_lines(one: Compared, row: DetectionRow):
    facts = one.facts
    place = tuple(map(text, (facts["dataset"], facts["split"], row.method, facts["settings"]["protocol"])))
    behind, state = (text(one.setup.folder.name), " ".join(map(str, row.records))), text(row.state)
    if row in one.absent:
        return [(*place, "", "", "", 0, facts["images"]["test"], state, *[""] * 7, *behind, *[""] * 4)]
    lines = []
    for figure in one.figures:
        mean, sd = map(_number, over_seeds(row.values(figure)))
        gap = (row.gap or {}).get(figure.name, {})
        difference = [_rounded(math.nan if value is None else value) for value in gap.values()] or [""] * 3
        counts = (figure.images, figure.images, state, "", "", "", "")
        unit = ("scene", facts["scenes"]["test"], "")
        lines.append((*place, text(figure.name), mean, sd, *counts, *unit, *behind, figure.instances, *difference))
    return lines


def text(name: str) -> str:
    """A name as a spreadsheet may open it."""
    name = printable(name)
    return f"'{name}" if is_formula(name) else name


def is_formula(name: str) -> bool:
    return name.lstrip().startswith(("=", "+", "-", "@"))


def _tested(one: Measured, metric: str, i: int) -> tuple[str, str]:
    comparison = one.comparisons.get(metric)
    compared = one.scores.compared(metric)
    if comparison is None or compared.sum() < 2 or not compared[i]:
        return "", ""
    return _rounded(comparison.p[i]), str(int(comparison.shared[i]))


def _number(value: float) -> str:
    return "" if math.isnan(value) else repr(value)


def _rounded(value: float) -> str:
    """Print six digits: further ones of a distribution's tail mean nothing."""
    return "" if math.isnan(value) else f"{value:.6g}"
