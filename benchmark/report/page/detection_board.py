"""The leaderboard of detection: a table per setup, with all that the page shows of each place in it."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.detection.differences import BASE
from benchmark.detection.outcome import ALL, REFERENCES, Compared, Figure, Row
from benchmark.report import detection_tables, several_detectors
from benchmark.report.content import Content
from benchmark.report.page import facts
from benchmark.report.page.facts import Facts, Group
from benchmark.report.several_detectors import Panel
from benchmark.report.tabular import Column, Entry
from benchmark.report.terminal import PRELIMINARY_MEANING, signs

GAP = "gap"  # the column of differences to BASE


def of(content: Content) -> list[dict]:
    """Make one table per setup, then one of each that differ in nothing but the detector. Numbers are percent. Marks
    and notes are those of the report's tables."""
    digits = detection_tables.DIGITS if content.options.digits is None else content.options.digits
    panels = several_detectors.panels(content.detected)
    return [_table(one, digits) for one in content.detected] + [_side_by_side(panel, digits) for panel in panels]


def _table(one: Compared, digits: int) -> dict:
    overall = [figure for figure in one.figures if figure.subset == ALL and not figure.label]
    parts = [figure for figure in one.figures if figure.subset != ALL and not figure.label]
    parts += [figure for figure in one.figures if figure.subset == ALL and figure.label]
    figures = [*overall, *parts]
    columns = [_cells(one, figure, digits) for figure in figures]
    first = next((k for k, figure in enumerate(overall) if figure.metric == "AP"), 0)
    aps = detection_tables.entries(one, figures[first], digits) if figures else []
    metrics = [_metric(figure, figure in parts) for figure in figures]
    cameras = [(GAP, BASE), ("camera_gap", one.camera)][: 1 + (one.camera != BASE)]
    for at, (name, camera) in enumerate(cameras, start=len(overall)):
        columns.insert(at, _gaps(one, name, aps, digits))
        gap = f"AP − {camera}"
        metrics.insert(at, {"name": name, "head": gap, "full": gap, "direction": 1, "metric": "AP"})
    settings, dataset = one.facts["settings"], one.facts["dataset"]
    return {
        "place": one.place,
        "dataset": dataset,
        "division": one.facts["split"],
        "setup": one.setup.folder.name,
        "protocol": settings["protocol"],
        "choice": detection_tables.choice(one),
        "data": one.data or one.place,
        "lead": detection_tables.title(one),
        "base": BASE,
        "seeds": list(one.seeds),
        "total": one.facts["images"]["test"],
        "ranked": len(one.rows),
        "entered": sum(map(one.enters, one.rows)),
        "over": [],
        "first": first,
        "metrics": metrics,
        "rows": [
            {
                **_row(row),
                "reference": one.is_reference(row),
                "cells": [column[k] for column in columns],
                "own": _own(row, digits),
            }
            for k, row in enumerate(one.rows)
        ],
        "absent": [_row(row) for row in one.absent],
        "explanation": detection_tables.explanation(one),
        "notes": detection_tables.notes(one),
        "works": [*facts.works("dataset", dataset), *facts.works("detector", "ultralytics")],
        "about": _setup(one),
    }


def _side_by_side(panel: Panel, digits: int) -> dict:
    """Make the table of several detectors. It has AP alone: that with each of them, their mean, and the mean rank."""
    one, columns = panel.first, several_detectors.columns(panel, digits)
    first = len(panel.heads)
    cells = [
        [
            {"text": e.text, "mark": e.mark, "spread": e.spread, "digits": digits, "place": place}
            | ({} if e.value is None else {"mean": e.value})
            for e, place in zip(entries, _places(_ranked(panel, column, entries)))
        ]
        for column, entries in columns
    ]
    metrics = [
        {"name": f"detector/{k}", "head": column.name, "full": f"AP, {column.name}" if k <= first else column.name,
         "direction": column.direction, "metric": "AP" if k <= first else "rank"}
        for k, (column, _) in enumerate(columns)
    ]  # fmt: skip
    rows = [
        {
            **_row(row),
            "reference": one.is_reference(row),
            "cells": [column[k] for column in cells],
            "own": [],
            "about": [],
        }
        for k, row in enumerate(panel.rows)
    ]
    settings, dataset = one.facts["settings"], one.facts["dataset"]
    return {
        "place": one.place,
        "dataset": dataset,
        "division": one.facts["split"],
        "setup": panel.name,
        "protocol": settings["protocol"],
        "choice": f"{panel.name}: {', '.join(panel.heads)}",
        "data": one.data or one.place,
        "lead": several_detectors.title(panel),
        "base": BASE,
        "seeds": list(one.seeds),
        "total": one.facts["images"]["test"],
        "ranked": len(rows),
        "entered": sum(map(one.enters, one.rows)),
        "over": [],
        "first": first,
        "metrics": metrics,
        "rows": rows,
        "absent": [],
        "explanation": several_detectors.explanation(panel),
        "notes": several_detectors.notes(panel),
        "works": [*facts.works("dataset", dataset), *facts.works("detector", "ultralytics")],
        "about": [],
    }


def _ranked(panel: Panel, column: Column, entries: Sequence[Entry]) -> list[float | None]:
    """Return what places go by, high values first; None for what is in no rank."""
    return [
        column.direction * _printed(entry) if entry.value and panel.first.enters(row) else None
        for row, entry in zip(panel.rows, entries)
    ]


def _metric(figure: Figure, part: bool) -> dict:
    """Describe a column. part: whether it is of some objects only; the page shows such a column with its metric."""
    return {
        "name": f"{figure.metric}/{figure.subset}/{figure.label}",
        "head": figure.label or figure.subset if part else figure.metric,
        "full": figure.name,
        "direction": 1,
        "metric": figure.metric,
        "part": [figure.subset, figure.label] if part else None,
        "images": figure.images,
        "instances": figure.instances,
    }


def _cells(one: Compared, figure: Figure, digits: int) -> list[dict]:
    entries = detection_tables.entries(one, figure, digits)
    found = []
    for row, entry, place in zip(one.rows, entries, _places(_found(one, entries))):
        cell = {"text": entry.text, "mark": entry.mark, "spread": entry.spread, "digits": digits, "place": place}
        if entry.value is not None:
            cell["mean"] = entry.value
            cell["seeds"] = [100 * value for value in row.values(figure)]
            if not figure.label and figure.subset == ALL and row.gap and figure.metric in row.gap:
                cell["gap"] = detection_tables.gap(row.gap, digits, figure.metric).text
        found.append(cell)
    return found


def _gaps(one: Compared, name: str, aps: Sequence[Entry], digits: int) -> list[dict]:
    """Make a column of differences. name: where rows have them, "gap" or "camera_gap". aps: the entries of AP."""
    gaps = [getattr(row, name) for row in one.rows]
    entries = [detection_tables.gap(gap, digits) for gap in gaps]
    ranked = [_printed(e) if e.value is not None and ap else None for e, ap in zip(entries, _found(one, aps))]
    found = []
    for gap, entry, place in zip(gaps, entries, _places(ranked)):
        text, _, interval = entry.text.partition(" ")
        cell = {"text": text, "mark": "", "spread": "", "interval": interval, "digits": digits, "place": place}
        if entry.value is not None:
            cell["mean"] = entry.value
            if interval:
                cell["range"] = [100 * gap["AP"][end] for end in ("low", "high")]
        found.append(cell)
    return found


def _places(values: Sequence[float | None]) -> list[int | None]:
    """Return places, 1 for the highest; equal values share one, None has none."""
    known = [value for value in values if value is not None]
    return [None if mine is None else 1 + sum(other > mine for other in known) for mine in values]


def _found(one: Compared, entries: Sequence[Entry]) -> list[float | None]:
    """Return AP as printed, so that what looks the same has the same place; None where nothing was found, and for
    reference rows and rows of another output."""
    return [
        None if entry.value is None or not one.enters(row) else _printed(entry) or None
        for row, entry in zip(one.rows, entries)
    ]


def _printed(entry: Entry) -> float:
    return float(entry.text.partition(" ")[0].replace("−", "-"))


def _own(row: Row, digits: int) -> Facts:
    found = []
    for head, name in detection_tables.OWN.items():
        entry = detection_tables.entry(row.own(name), digits)
        found.append([f"{head} of ultralytics", entry.text + (f" ± {entry.spread}" if entry.spread else "")])
    return found


def _row(row: Row) -> dict:
    return {
        "method": row.method,
        "title": row.title,
        "naive": row.name in REFERENCES,
        "preliminary": row.preliminary,
        "signs": signs(row.preliminary, row.remark),
        "state": row.state,
        "about": _about(row),
    }


def _about(row: Row) -> list[Group]:
    """Collect facts of the method, and of its run with each seed."""
    first = next(iter(row.records.values()), {})
    about = _mapping(first, "about")
    method = facts.named({"name": row.name, **about}, {**facts.METHOD, "checkpoint_sha256": "checkpoint SHA-256"})
    if row.preliminary:
        method.append(["note", PRELIMINARY_MEANING])
    method += [["source", work] for work in facts.works("method", row.name)]
    return facts.groups([("Method", method), *((f"Seed {seed}", _run(record)) for seed, record in row.records.items())])


def _run(record: dict) -> Facts:
    training, environment = _mapping(record, "training"), _mapping(record, "environment")
    data = _mapping(training, "data_sha256")
    found = facts.named(record, {"state": "state"})
    found += facts.named(training, {"trained_on": "trained on", "best_epoch": "best epoch, on validation"})
    found += [["training stopped after epochs", ", ".join(map(str, epochs))]] if (epochs := _resumed(training)) else []
    found += facts.named(training, {"weights_sha256": "weights SHA-256"})
    found += facts.named(record, {"init_sha256": "initial weights SHA-256" if training else "weights SHA-256"})
    found += facts.named(data, {"train": "training images SHA-256", "val": "validation images SHA-256"})
    found += facts.named(record, {"test_sha256": "test images SHA-256", "key": "key"})
    validation = _mapping(training, "val")
    figures = {"metrics/mAP50(B)": "mAP50 on validation", "metrics/mAP50-95(B)": "mAP on validation"}
    found += [
        [title, f"{100 * validation[name]:.1f}"] for name, title in figures.items() if _is_number(validation.get(name))
    ]
    return found + facts.of_run({**record, **environment})


def _resumed(training: dict) -> list:
    found = training.get("resumed_after")
    return found if isinstance(found, list) else []


def _setup(one: Compared) -> list[Group]:
    """Collect the facts that all rows share."""
    stated, settings = one.facts, one.facts["settings"]
    parts = ("train", "val", "test")
    data = facts.named(stated, {"dataset": "data set", "split": "division", "split_sha256": "division SHA-256"})
    data += facts.named(stated, {"data_sha256": "images and labels SHA-256"})
    for name, title in (("images", "images"), ("scenes", "scenes"), ("background", "images without objects")):
        counts = _mapping(stated, name)
        if any(counts.get(part) for part in parts):
            data.append([title, ", ".join(f"{part} {counts[part]}" for part in parts if counts.get(part) is not None)])
    if detection_tables.trains(one):
        data.append(["leak", f"{detection_tables.leak(one)} of test images have a training image near by id"])
    data += [
        [f"class {name}", f"{theirs} of the detector"] for name, theirs in _mapping(stated, "counterparts").items()
    ]
    unknown = _mapping(stated, "unknown_classes").items()
    data += [[f"class {name}", f"not known to the detector, {count} objects left out"] for name, count in unknown]
    data += [[f"labels: {kind}", str(count)] for kind, count in _mapping(stated, "labels").items()]
    data += [[f"left out: {id}", str(why)] for id, why in list(_mapping(stated, "excluded").items())[: facts.FAILED]]
    data += facts.named(stated, {"picture": "images as"})
    names = {"detector": "detector", "init": "weights", "imgsz": "pixels", "batch": "batch"}
    if detection_tables.trains(one):
        names |= {"init": "initial weights", "epochs": "epochs", "workers": "workers"}
    training = [["protocol", detection_tables.protocol(one)], *facts.named(settings, names)]
    training += [[str(name), str(value)] for name, value in settings["further"].items()]
    training += facts.named(settings, {"ultralytics": "ultralytics"})
    record = next((record for row in one.rows for record in row.records.values()), {})
    names = {"tool": "computed by", "confidence": "least confidence", "kept_per_image": "detections kept per image"}
    names["suppression_iou"] = "IoU of non-maximum suppression"
    evaluation = facts.named(_mapping(record, "evaluation"), names)
    return facts.groups([("Data", data), ("Training", training), ("Evaluation", evaluation)])


def _mapping(record: dict, name: str) -> dict:
    found = record.get(name)
    return found if isinstance(found, dict) else {}


def _is_number(value) -> bool:
    return isinstance(value, (int, float))
