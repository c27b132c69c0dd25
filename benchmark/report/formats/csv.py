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
from benchmark.report import failure_cases, several_detectors
from benchmark.report.content import Content
from benchmark.report.failure_cases import Failures
from benchmark.report.measured import Measured
from benchmark.report.several_detectors import Panel
from benchmark.report.training_overlap import caveats_of_detection
from benchmark.store.summary import Row

ORDER = 20
FILE = "report.csv"
COLUMNS = ("dataset", "split", "method", "protocol", "metric", "mean", "sd", "n", "images", "state")
COLUMNS += ("ci_low", "ci_high", "p_best", "best", "unit", "units", "infinite", "output")
WORST = ("image", "place", "loses_by", "best_other", "best_other_mean_rank")
CAVEATS = "caveats"
DETECTION = ("setup", "seeds", "instances", "difference", "difference_low", "difference_high")
DETECTION += ("camera", "camera_difference", "camera_difference_low", "camera_difference_high")


def render(content: Content) -> str:
    """Write the lines under `COLUMNS`, under `DETECTION` where there is any, and under `WORST` where it was asked for.

    mean, sd (sample, ddof = 1): over the `n` images where the metric is defined and finite, of `images` in the split
    (or in common); empty where they do not exist or not every image was scored. infinite: on how many images the metric
    is infinite. ci_low, ci_high: 95 % interval of the mean. p_best: against the best method, corrected for all pairs of
    methods. best: 1 for the best and all that are not significantly worse; both empty for reference rows and for rows
    of another output than the one that is ranked. unit, units: what intervals and tests take as one observation, and
    how many there are. output: how the images were saved; raw also where a method's native output is the same, empty
    for images from elsewhere. caveats: what stands beside every table of the split.

    With the section worst, further lines have the columns `WORST`, a line per image, and as metric "mean rank": that on
    the image, over metrics. loses_by: the metrics with the worst ranks there, each with its rank.

    A line of detection has as metric "AP small", "AP50 Car" and so on, as fractions, as in the records. mean, sd: over
    the `seeds`. n: images that the number is of. instances: labelled objects. difference: to `vis`, with its interval.
    camera: the single camera with the higher AP, and the difference to it. Where setups differ in nothing but the
    detector, further lines have as setup their number, and the metrics "AP mean" and "AP mean rank" over detectors.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    columns = COLUMNS + (DETECTION if content.detected else ())
    worst = WORST if "worst" in (content.options.sections or ()) else ()
    writer.writerow((*columns, *worst, CAVEATS))
    width = len(columns + worst)
    for one in content.measured:
        caveats = text(" ".join(one.caveats))
        for row in sorted((*one.shown, *one.absent), key=lambda row: row.cell.method):
            for line in _lines(one, row):
                whole = (*line, *[""] * (len(COLUMNS) - 1 - len(line)), row.saved.output)
                writer.writerow((*whole, *[""] * (width - len(COLUMNS)), caveats))
    for one in content.detected:
        caveats = text(" ".join(caveats_of_detection(one)))
        for row in sorted((*one.rows, *one.absent), key=lambda row: row.method):
            writer.writerows((*line, *[""] * len(worst), caveats) for line in _detection_lines(one, row))
    for panel in several_detectors.panels(content.detected):
        writer.writerows((*line, *[""] * (width - len(line)), "") for line in _panel_lines(panel))
    if worst:
        for one in failure_cases.chosen(content):
            writer.writerows((*line, "") for line in _worst_lines(one, len(columns)))
    return out.getvalue()


def remarks(content: Content) -> list[str]:
    formulas = sorted(filter(is_formula, map(printable, content.names)))
    if not formulas:
        return []
    return [f"{FILE}: an apostrophe stands before names that spreadsheets take for formulas: {first_few(formulas, 5)}"]


def _lines(one: Measured, row: Row):
    place = tuple(map(text, (row.cell.dataset, row.cell.split, row.cell.method, row.protocol)))
    state = text(row.state)
    if row not in (*one.rows, *one.beside):
        counts = {m: sum(m in s for s in row.scores.values()) for m in one.scores.metrics}
        found = [(*place, text(m), "", "", n, row.total, state) for m, n in counts.items() if n]
        return found or [(*place, "", "", "", 0, row.total, state)]
    i, lines = one.shown.index(row), []
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
        lacking = ("", "", "", 0, facts["images"]["test"], state, *[""] * 7)
        return [(*place, *lacking, row.saved.output, *behind, *[""] * 8)]
    lines = []
    for figure in one.figures:
        mean, sd = map(_number, over_seeds(row.values(figure)))
        difference = _gap(row.gap, figure.name)
        to_camera = _gap(row.camera_gap, figure.name)
        camera = one.camera if any(to_camera) else ""
        counts = (figure.images, figure.images, state, "", "", "", "")
        unit = ("scene", facts["scenes"]["test"], "", row.saved.output)
        told = (*behind, figure.instances, *difference, camera, *to_camera)
        lines.append((*place, text(figure.name), mean, sd, *counts, *unit, *told))
    return lines


def _gap(gaps: dict | None, name: str) -> list[str]:
    found = (gaps or {}).get(name, {})
    return [_rounded(math.nan if value is None else value) for value in found.values()] or [""] * 3


def _panel_lines(panel: Panel):
    facts = panel.first.facts
    for i, row in enumerate(panel.rows):
        place = tuple(map(text, (facts["dataset"], facts["split"], row.method, facts["settings"]["protocol"])))
        for name, values in (("AP mean", panel.mean), ("AP mean rank", panel.rank)):
            counts = (facts["images"]["test"], facts["images"]["test"], text(row.state))
            line = (*place, name, _number(float(values[i])), "", *counts)
            yield (*line, *[""] * (len(COLUMNS) - 1 - len(line)), row.saved.output, panel.name)


def _worst_lines(failures: Failures, width: int):
    one, row = failures.measured, failures.row
    start = (*map(text, (row.cell.dataset, row.cell.split, row.cell.method, row.protocol)), "mean rank")
    for case in failures.cases:
        numbers = (_number(case.mean_rank), "", 1, one.images, text(row.state))
        losses = "; ".join(f"{metric} {rank:g}" for metric, rank in case.losses)
        behind = (text(case.id), case.place, text(losses), text(one.rows[case.best].cell.method), case.best_rank)
        known = (*start, *numbers, *[""] * (len(COLUMNS) - 1 - len(start) - len(numbers)), row.saved.output)
        yield (*known, *[""] * (width - len(known)), *behind)


def text(name: str) -> str:
    """A name as a spreadsheet may open it."""
    name = printable(name)
    return f"'{name}" if is_formula(name) else name


def is_formula(name: str) -> bool:
    return name.lstrip().startswith(("=", "+", "-", "@"))


def _tested(one: Measured, metric: str, i: int) -> tuple[str, str]:
    if i >= len(one.rows):
        return "", ""
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
