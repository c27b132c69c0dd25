"""Make tables of detection results. Each shows one setup: rows of different divisions or protocols never meet."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from benchmark import progress
from benchmark.detection.differences import BASE, CAMERAS
from benchmark.detection.outcome import METRICS, Compared, Figure, Row, Values, over_seeds
from benchmark.detection.precision import SIZES
from benchmark.names import short_labels
from benchmark.report.tabular import BEST, SECOND, Column, Entry, Grid, Line, counted, key, number
from benchmark.report.terminal import PRELIMINARY_NOTE, UNDEFINED, show_listing, signs, under
from benchmark.report.titles import symbol
from benchmark.report.training_overlap import caveats_of_detection
from benchmark.store import saved

DIGITS = 1  # decimal places of percent
OWN = {"mAP50": "mAP50", "mAP": "mAP50-95"}  # head -> ultralytics' figure

Cites = Callable[[str, str], tuple[str, ...]]


def grids(compared: Compared, digits: int | None = None, cites: Cites = lambda kind, name: ()) -> list[Grid]:
    """Make the tables of a setup: one overall, with sizes, times of day and differences to `vis`; AP and AP50 by class.

    Notes below the first table name rows that lack a seed; they are not ranked. digits: decimal places of percent.
    cites: (kind, name) -> keys of the references for it.
    """
    digits = DIGITS if digits is None else digits
    if not compared.rows:
        return [_grid(compared, "", [], digits, cites)]
    overall = [compared.figure(metric) for metric in METRICS]
    overall += [compared.figure("AP", subset) for subset in (*SIZES, *compared.times)]
    found = [_grid(compared, "", overall, digits, cites)]
    for metric in ("AP", "AP50"):
        figures = [compared.figure(metric, label=label) for label in compared.classes]
        found.append(_grid(compared, metric, figures, digits, cites))
    return found


def _grid(compared: Compared, metric: str, figures: Sequence[Figure], digits: int, cites: Cites) -> Grid:
    """Make one table. metric: that of a table by class; "" for the first table, which has differences, ultralytics'
    figures and all notes."""
    facts = compared.facts
    table = [entries(compared, figure, digits) for figure in figures]
    columns = [_column(figure, metric, cites) for figure in figures]
    if not metric and compared.rows:
        table.append([gap(row.gap, digits) for row in compared.rows])
        columns.append(Column(f"AP − {BASE} [95 %]"))
        if compared.camera != BASE:
            table.append([gap(row.camera_gap, digits) for row in compared.rows])
            columns.append(Column(f"AP − {compared.camera} [95 %]"))
        for head, name in OWN.items():
            table.append([entry(row.own(name), digits) for row in compared.rows])
            columns.append(Column(head, 0, "ultralytics"))
    lines = [
        Line(
            label(row),
            titled(row),
            tuple(column[i] for column in table),
            rule=i > 0 and compared.is_reference(compared.rows[i - 1]) and not compared.is_reference(row),
            cites=cites("method", row.name),
        )
        for i, row in enumerate(compared.rows)
    ]
    return Grid(
        key=key("detect", metric, facts["dataset"], facts["split"], compared.setup.folder.name),
        title=title(compared, metric),
        columns=tuple(columns),
        lines=tuple(lines),
        explanation=explanation(compared, metric),
        notes=() if metric else tuple(notes(compared)),
        cites=(*cites("dataset", facts["dataset"]), *cites("detector", "ultralytics")),
    )


def _column(figure: Figure, metric: str, cites: Cites) -> Column:
    cited = cites("metric", figure.metric)
    if figure.name == figure.metric:
        return Column(figure.name, 1, "", cited, symbol(figure.name))
    name = f"{figure.label or figure.subset} (n={figure.instances})"
    return Column(name, 1, "" if metric else figure.metric, cited)


def entries(compared: Compared, figure: Figure, digits: int = DIGITS) -> list[Entry]:
    """Make a column. Best and second go by the mean as printed, so that what looks the same is marked the same;
    reference rows and rows of another output take no part, and an AP of zero is neither: nothing was found."""
    found = [entry(row.values(figure), digits) for row in compared.rows]
    ranked = [one.value is not None and compared.enters(row) for one, row in zip(found, compared.rows)]
    means = sorted({float(one.text) for one, takes_part in zip(found, ranked) if takes_part}, reverse=True)
    if len(means) < 2:
        return found
    marks = {mean: mark for mean, mark in zip(means, (BEST, SECOND)) if mean}
    return [replace(one, mark=marks.get(float(one.text), "")) if part else one for one, part in zip(found, ranked)]


def entry(values: Values, digits: int = DIGITS) -> Entry:
    middle, sd = over_seeds(values)
    if math.isnan(middle):
        return Entry(UNDEFINED)
    return Entry(number(100 * middle, digits), 100 * middle, "" if math.isnan(sd) else number(100 * sd, digits))


def gap(gaps: dict[str, dict] | None, digits: int = DIGITS, metric: str = "AP") -> Entry:
    """Print a row's difference to a camera with its interval."""
    if gaps is None:
        return Entry(UNDEFINED)
    found = gaps[metric]
    text = signed(100 * found["difference"], digits)
    if found["low"] is not None:
        text += f" [{signed(100 * found['low'], digits)}, {signed(100 * found['high'], digits)}]"
    return Entry(text, 100 * found["difference"])


def signed(value: float, digits: int = DIGITS) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")


def label(row: Row) -> str:
    """Return the label, as commands know it, with its marks."""
    return row.method + signs(row.preliminary, row.remark)


def titled(row: Row) -> str:
    """Return the title, as papers print it, with its mark."""
    return row.title + signs(row.preliminary, row.remark)


def title(compared: Compared, metric: str = "") -> str:
    """Say in one line what was done on which images. metric: that of a table by class."""
    facts, settings = compared.facts, compared.facts["settings"]
    scenes = facts["scenes"]["test"]
    known = f" of {counted(scenes, 'scene')}" if scenes else ""
    data = compared.data or f"{facts['dataset']}, division {facts['split']}"
    return (
        f"Detection{f', {metric} by class' if metric else ''}: {data} ({facts['split_sha256'][:8]}),"
        f" {counted(facts['images']['test'], 'test image')}{known},"
        f" {under(protocol(compared), compared.output)}, detector {settings['detector']}"
    )


def protocol(compared: Compared) -> str:
    settings = compared.facts["settings"]
    name = compared.protocol or settings["protocol"]
    return name + (f" (trained on {settings['trained_on']})" if settings["trained_on"] else "")


def trains(compared: Compared) -> bool:
    """Whether detectors were trained for the table, rather than evaluated as their makers trained them."""
    return compared.facts["settings"]["protocol"] != "pretrained"


def training(compared: Compared) -> str:
    """Say how the detectors were trained, without the protocol."""
    settings, seeds = compared.facts["settings"], compared.seeds
    if not trains(compared):
        return f"weights {settings['init']}, {settings['imgsz']} pixels, ultralytics {settings['ultralytics']}"
    further = "".join(f", {name}={value}" for name, value in settings["further"].items())
    among = f", {'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}" if seeds else ""
    return (
        f"initial weights {settings['init']}, {counted(settings['epochs'], 'epoch')}, {settings['imgsz']} pixels,"
        f" batch {settings['batch']}{further}, ultralytics {settings['ultralytics']}{among}"
    )


def choice(compared: Compared) -> str:
    """Say in short what tells setups of one division and protocol apart."""
    settings = compared.facts["settings"]
    epochs = f" {counted(settings['epochs'], 'epoch')}," if trains(compared) else ""
    return f"{settings['detector']},{epochs} {settings['imgsz']} pixels, {settings['init']}"


def leak(compared: Compared) -> str:
    """Print the shares of test images that have a training image near by."""
    return ", ".join(
        f"±{distance} {UNDEFINED if share is None else f'{100 * share:.1f} %'}"
        for distance, share in compared.facts["leak"].items()
    )


def explanation(compared: Compared, metric: str = "") -> str:
    """Say what every table must say, and how to read it. metric: that of a table by class."""
    images = compared.facts["images"]
    if trains(compared):
        parts = [
            f"Trained on {images['train']} images, validated on {images['val']}: {training(compared)}.",
            f"Test images with a training image near by id: {leak(compared)}.",
        ]
    else:
        parts = [f"As its makers trained it; nothing is trained here: {training(compared)}.", *vocabulary(compared)]
    if compared.rows:
        over = ", mean ± standard deviation over seeds" if len(compared.seeds) > 1 else ""
        parts.append(f"AP in %{over}; n: labelled objects.")
    if sum(map(compared.enters, compared.rows)) > 1:
        parts.append("Bold: best mean; underlined: second best, without a test.")
    if not metric and {row.method for row in compared.rows} >= set(CAMERAS):
        parts.append(f"The better single camera by AP: {compared.camera}.")
    if not metric and any(row.gap and row.gap["AP"]["low"] is not None for row in compared.rows):
        parts.append("Intervals of differences: jackknife over scenes.")
    return " ".join(parts)


def vocabulary(compared: Compared) -> list[str]:
    """Say which of the detector's classes stand for those of the set, and which objects it does not know."""
    facts = compared.facts
    words = facts.get("counterparts", {}).items()
    named = [f"{mine} as {theirs}" for mine, theirs in words if mine.lower() != theirs.lower()]
    unknown = [f"{name} (n={count})" for name, count in facts.get("unknown_classes", {}).items()]
    found = [f"It looks for {', '.join(named)}."] if named else []
    return found + ([f"Left out, since it does not know them: {', '.join(unknown)}."] if unknown else [])


def notes(compared: Compared) -> list[str]:
    """Return the lines below a table: rows that are not complete, images that are missing, marks used."""
    found = [f"{row.shown or row.method}{signs(row.preliminary, row.remark)}: {row.state}" for row in compared.absent]
    if excluded := compared.facts.get("excluded"):
        found.append(f"{counted(len(excluded), 'image')} left out: see setup.json")
    found += [*compared.facts.get("notes", ()), *compared.notes, *caveats_of_detection(compared)]
    found += reference_note(compared)
    if any(row.preliminary for row in (*compared.rows, *compared.absent)):
        found.append(PRELIMINARY_NOTE)
    return found + saved.notes([(row.shown or row.method, row.remark) for row in compared.rows])


def reference_note(compared: Compared) -> list[str]:
    reference = [titled(row) for row in compared.rows if compared.is_reference(row)]
    return [f"For reference, in no rank: {', '.join(reference)}"] if reference else []


def show(found: Iterable[Grid]) -> None:
    """Print tables to stdout. Best and second are marked ¹ and ²."""
    ranked = False
    for grid in found:
        progress.answer(f"\n{grid.title}\n{grid.explanation}", "table")
        if grid.lines:
            heads = [f"{column.group} {column.head}".strip() for column in grid.columns]
            short = short_labels(line.name for line in grid.lines)
            rows = [(short[line.name], *map(_marked, line.entries)) for line in grid.lines]
            show_listing([grid.corner, *heads], rows, aligned=True)
            ranked |= any(one.mark for line in grid.lines for one in line.entries)
        for note in grid.notes:
            progress.answer(note, "note")
    if ranked and not progress.is_json():
        progress.answer("¹ best, ² second")


def _marked(one: Entry) -> str:
    text = one.text + {BEST: "¹", SECOND: "²"}.get(one.mark, "") + one.sign
    return f"{text} ± {one.spread}" if one.spread else text
