"""CSV: one line per method and metric, at full precision, for whoever goes on computing."""

from __future__ import annotations

import csv
import io
import math

from benchmark.detection.outcome import Compared, over_seeds
from benchmark.detection.outcome import Row as DetectionRow
from benchmark.report.content import Content
from benchmark.report.measured import Measured
from benchmark.store.summary import Row

ORDER = 20
FILE = "report.csv"
COLUMNS = ("dataset", "split", "method", "protocol", "metric", "mean", "sd", "n", "images", "state")
COLUMNS += ("ci_low", "ci_high", "p_best", "best", "unit", "units", "infinite")
DETECTION = ("setup", "seeds", "instances", "difference", "difference_low", "difference_high")


def render(content: Content) -> str:
    """mean and sd (sample, ddof = 1) are over the n images where the metric is defined and finite, of `images` in the
    split (or in common); empty where they do not exist or not every image was scored. infinite: on how many images the
    metric is infinite. ci_low, ci_high: 95 % bootstrap interval of the mean. p_best: against the best method,
    Holm-corrected. best: 1 for the best and what is not significantly worse. unit, units: what intervals and tests take
    as one observation, and how many there are.

    Where there is detection, its columns follow. Its figures (AP small, AP50 Car, …) are fractions as the records hold
    them, mean and sd over seeds, n of the images that they are of; seeds: those; instances: labelled objects.
    difference: to `vis`, with its interval."""
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


def _lines(one: Measured, row: Row):
    place = (row.cell.dataset, row.cell.split, row.cell.method, row.protocol)
    if row not in one.rows:
        counts = {m: sum(m in s for s in row.scores.values()) for m in one.scores.metrics}
        found = [(*place, m, "", "", n, row.total, row.state) for m, n in counts.items() if n]
        return found or [(*place, "", "", "", 0, row.total, row.state)]
    i, lines = one.rows.index(row), []
    for metric in one.scores.metrics:
        count, summary = one.scored(row, metric), one.summaries[metric][i]
        if count < one.images:
            state = f"partial {count}/{one.images}"
            lines += [(*place, metric, "", "", count, one.images, state)] if count else []
            continue
        numbers = (_number(summary.mean), _number(summary.sd), summary.n, one.images, row.state)
        interval = (_rounded(summary.low), _rounded(summary.high))
        units = one.scores.unit, one.scores.units, summary.infinite
        lines.append((*place, metric, *numbers, *interval, *_tested(one, metric, i), *units))
    return lines


def _detection_lines(one: Compared, row: DetectionRow):
    facts = one.facts
    place = (facts["dataset"], facts["split"], row.method, facts["settings"]["protocol"])
    behind = (one.setup.folder.name, " ".join(map(str, row.records)))
    if row in one.absent:
        return [(*place, "", "", "", 0, facts["images"]["test"], row.state, *[""] * 7, *behind, *[""] * 4)]
    lines = []
    for figure in one.figures:
        mean, sd = map(_number, over_seeds(row.values(figure)))
        gap = (row.gap or {}).get(figure.name, {})
        difference = [_rounded(math.nan if value is None else value) for value in gap.values()] or [""] * 3
        counts = (figure.images, figure.images, row.state, "", "", "", "")
        unit = ("scene", facts["scenes"]["test"], "")
        lines.append((*place, figure.name, mean, sd, *counts, *unit, *behind, figure.instances, *difference))
    return lines


def _tested(one: Measured, metric: str, i: int) -> tuple[str, str]:
    comparison = one.comparisons.get(metric)
    compared = one.scores.compared(metric)
    if comparison is None or compared.sum() < 2 or not compared[i]:
        return "", ""
    return _rounded(comparison.p[i]), str(int(comparison.shared[i]))


def _number(value: float) -> str:
    return "" if math.isnan(value) else repr(value)


def _rounded(value: float) -> str:
    """Of what is drawn or comes from a tail of a distribution: further digits mean nothing."""
    return "" if math.isnan(value) else f"{value:.6g}"
