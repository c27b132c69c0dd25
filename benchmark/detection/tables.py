"""Tables of detection results: one setup each, so that rows of different divisions or protocols never meet."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import mean, stdev

from benchmark.detection import records
from benchmark.detection.evaluation import SIZES
from benchmark.detection.records import Run, Setup
from benchmark.tables import PRELIMINARY, PRELIMINARY_NOTE, UNDEFINED, Entry

BASE = "vis"


@dataclass(frozen=True)
class Grid:
    """A table: `title` lines, `head` (the method's column first) and, per method, its name and entries."""

    title: list[str]
    head: list[str]
    rows: list[tuple[str, list[Entry]]]
    notes: list[str] = field(default_factory=list)


def build(setup: Setup, seeds: Sequence[int] | None = None) -> list[Grid]:
    """The tables of a setup: overall with sizes, times of day and differences to `vis`; AP and AP50 by class. seeds:
    those that a complete row has; all that any row has if left out. Rows that lack one are told below, and not
    ranked."""
    facts = setup.facts()
    by_method: dict[str, dict[int, Run]] = {}
    for run in setup.runs():
        by_method.setdefault(run.method, {})[run.seed] = run
    seeds = sorted(seeds if seeds is not None else {seed for runs in by_method.values() for seed in runs})
    done, notes, preliminary = {}, [], set()
    for method, runs in by_method.items():
        found = {seed: runs[seed].record() for seed in seeds if seed in runs}
        if any(record.get("about", {}).get("preliminary") for record in found.values()):
            preliminary.add(method)
        lacking = [seed for seed in seeds if found.get(seed, {}).get("state") != "done"]
        if lacking:
            reason = next((r["state"] for r in found.values() if r.get("state") not in (None, "done")), "not run")
            notes.append(f"{method}: {len(seeds) - len(lacking)} of {len(seeds)} seeds; seed {lacking[0]}: {reason}")
        else:
            done[method] = list(found.values())
    names = {method: method + (PRELIMINARY if method in preliminary else "") for method in by_method}
    title = _title(facts, seeds)
    counts = next((records_[0]["test"] for records_ in done.values()), None)
    if counts is None:
        return [Grid(title, ["method"], [], notes)]
    gaps = differences(setup, seeds)
    if BASE not in done:
        notes.append(f"no differences: there is no complete row {BASE}")
    elif not any(found["metrics"]["AP"]["low"] is not None for found in gaps.values()):
        notes.append("no intervals: fewer than two scenes are known")
    if preliminary:
        notes.append(PRELIMINARY_NOTE)
    return [
        _overall(title, counts, done, names, gaps, notes),
        _by_class([*title, "AP (IoU 0.5 to 0.95) by class, n instances"], "AP", counts, done, names),
        _by_class([*title, "AP50 by class, n instances"], "AP50", counts, done, names),
    ]


def _title(facts: dict, seeds: Sequence[int]) -> list[str]:
    settings, images, scenes = facts["settings"], facts["images"], facts["scenes"]
    leak = ", ".join(
        f"±{distance} {UNDEFINED if share is None else f'{100 * share:.1f} %'}"
        for distance, share in facts["leak"].items()
    )
    known = f" of {scenes['test']} scenes" if scenes["test"] else ""
    epochs = f"{settings['epochs']} epoch{'s' * (settings['epochs'] != 1)}"
    further = "".join(f", {name}={value}" for name, value in settings["further"].items())
    protocol = settings["protocol"] + (f" (trained on {settings['trained_on']})" if settings["trained_on"] else "")
    return [
        f"{facts['dataset']}, division {facts['split']} ({facts['split_sha256'][:8]}), images: train {images['train']},"
        f" val {images['val']}, test {images['test']}{known}; test images with a training image near by id: {leak}",
        f"protocol {protocol}, detector {settings['detector']}, initial weights {settings['init']},"
        f" {epochs}, {settings['imgsz']} pixels, batch {settings['batch']}{further},"
        f" {'seeds' if len(seeds) > 1 else 'seed'} {', '.join(map(str, seeds))};"
        f" in %{', mean ± sd over seeds' if len(seeds) > 1 else ''}",
    ]


def _overall(title, counts, done, names, gaps, notes) -> Grid:
    times = [subset for subset in counts if subset not in ("all", *SIZES)]
    columns = [("AP50", "all", "AP50"), ("AP75", "all", "AP75"), ("AP", "all", "AP")]
    columns += [(f"AP {subset} (n={counts[subset]['instances']})", subset, "AP") for subset in (*SIZES, *times)]
    head = ["method", *(f"{name} ↑" for name, *_ in columns), f"AP − {BASE} [95 %]", "mAP50, mAP of ultralytics"]
    marked = [
        _ranked([[record["test"][subset][metric] for record in found] for found in done.values()])
        for _, subset, metric in columns
    ]
    rows = []
    for number, (method, found) in enumerate(done.items()):
        own = [_mean_text([record["ultralytics"][name] for record in found]) for name in ("mAP50", "mAP50-95")]
        entries = [column[number] for column in marked]
        rows.append((names[method], [*entries, Entry(_gap(gaps.get(method))), Entry(", ".join(own))]))
    return Grid(title, head, rows, notes)


def _by_class(title, metric, counts, done, names) -> Grid:
    classes = counts["all"]["classes"]
    head = ["method", *(f"{name} (n={found['instances']}) ↑" for name, found in classes.items())]
    marked = [
        _ranked([[record["test"]["all"]["classes"][name][metric] for record in found] for found in done.values()])
        for name in classes
    ]
    rows = [(names[method], [column[number] for column in marked]) for number, method in enumerate(done)]
    return Grid(title, head, rows)


def _ranked(values: Sequence[Sequence[float | None]]) -> list[Entry]:
    """The entries of a column from each method's values over seeds."""
    texts = [_mean_text(found) for found in values]
    means = {text: float(text.partition(" ")[0]) for text in texts if text != UNDEFINED}
    best = sorted(set(means.values()), reverse=True)[:2] if len(set(texts)) > 1 else []
    return [Entry(text, best.index(means[text]) + 1 if text in means and means[text] in best else 0) for text in texts]


def _mean_text(values: Sequence[float | None]) -> str:
    if any(value is None for value in values):
        return UNDEFINED
    text = f"{100 * mean(values):.1f}"
    return f"{text} ± {100 * stdev(values):.1f}" if len(values) > 1 else text


def _gap(found: dict | None) -> str:
    if found is None:
        return UNDEFINED
    value = found["metrics"]["AP"]
    text = f"{100 * value['difference']:+.1f}"
    return text if value["low"] is None else f"{text} [{100 * value['low']:+.1f}, {100 * value['high']:+.1f}]"


def differences(setup: Setup, seeds: Sequence[int] | None = None) -> dict[str, dict]:
    """Method -> {"seeds", "metrics": "AP", "AP50" -> {"difference", "low", "high"}} against `vis`, over the seeds that
    both have; nothing where `vis` has none. Kept in `differences.json` while the runs are the same."""
    from benchmark.detection.bootstrap import DRAWS, Draws

    done: dict[str, dict[int, Run]] = {}
    keys = []
    for run in setup.runs():
        record = run.record()
        if record.get("state") == "done" and (seeds is None or run.seed in seeds):
            done.setdefault(run.method, {})[run.seed] = run
            keys.append((run.method, run.seed, record["key"]))
    if BASE not in done:
        return {}
    file, key = setup.folder / "differences.json", records.key(keys, DRAWS, BASE)
    kept = records.read_json(file)
    if kept.get("key") == key:
        return kept["methods"]
    draws = Draws(setup.truth())
    figures = {
        method: {seed: draws.of(run.detections()) for seed, run in runs.items()} for method, runs in done.items()
    }
    found = {}
    for method, runs in figures.items():
        common = sorted(runs.keys() & figures[BASE].keys())
        if method == BASE or not common:
            continue
        metrics = {}
        for metric in ("AP", "AP50"):
            gap = draws.difference(
                [runs[seed][metric] for seed in common], [figures[BASE][seed][metric] for seed in common]
            )
            metrics[metric] = {"difference": gap.value, "low": gap.low, "high": gap.high}
        found[method] = {"seeds": common, "metrics": metrics}
    if all(math.isfinite(value["difference"]) for f in found.values() for value in f["metrics"].values()):
        records.write_json(file, {"key": key, "base": BASE, "draws": DRAWS, "methods": found})
    return found


def show(grids: Iterable[Grid]) -> None:
    """Print to stdout; best and second are marked ¹ and ²."""
    import click

    from benchmark.tables import show_listing

    ranked = False
    for grid in grids:
        click.echo("\n" + "\n".join(grid.title))
        if grid.rows:
            show_listing(grid.head, [(name, *map(_marked, entries)) for name, entries in grid.rows])
            ranked |= any(entry.rank for _, entries in grid.rows for entry in entries)
        for note in grid.notes:
            click.echo(note)
    if ranked:
        click.echo("¹ best, ² second")


def _marked(entry: Entry) -> str:
    return entry.text + {1: "¹", 2: "²"}.get(entry.rank, "")


def markdown(grids: Iterable[Grid]) -> str:
    """The tables in Markdown; best bold, second underlined."""
    parts = []
    for grid in grids:
        parts += [*grid.title, ""]
        if grid.rows:
            parts.append(f"| {' | '.join(grid.head)} |")
            parts.append(f"|{'---|' + '---:|' * (len(grid.head) - 1)}")
            for name, entries in grid.rows:
                cells = [{1: f"**{e.text}**", 2: f"<u>{e.text}</u>"}.get(e.rank, e.text) for e in entries]
                parts.append(f"| {' | '.join([name, *cells])} |")
            parts.append("")
        parts += [*(f"- {note}" for note in grid.notes), ""]
    return "\n".join(parts)
