"""JSON: the tables as they are drawn and the statistics behind them, for other programs."""

from __future__ import annotations

import json
import math

import numpy as np

from benchmark import statistics
from benchmark.detection.outcome import Compared, over_seeds
from benchmark.names import printable
from benchmark.report.content import Content
from benchmark.report.measured import Measured
from benchmark.report.tabular import Entry, Grid
from benchmark.report.training_overlap import caveats_of_detection

ORDER = 50
FILE = "report.json"


def render(content: Content) -> str:
    """Write three lists.

    `measured`: the statistics of each split and protocol, methods and metrics by name; "output": the one that is
    ranked; "reference": simple baselines that are shown and not ranked;
    "beside": how methods that are not ranked were saved instead; "n": images with a finite value;
    "infinite": images with an infinite one, where there are any; "pairs": p values of any two means, corrected
    for all pairs; "independent": how many independent units tell as much as there are. `detected`:
    the facts of each setup of detection and the numbers of each method, as fractions, as in the records; "camera": the
    better single camera, which "camera_difference" is to. `tables`: what the other formats draw. Undefined numbers are
    null, infinite ones "inf".
    """
    found = {
        "measured": list(map(_measured, content.measured)),
        "detected": list(map(_detected, content.detected)),
        "tables": list(map(_table, content.grids)),
    }
    return json.dumps(_plain(found), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _measured(one: Measured) -> dict:
    names = [row.cell.method for row in one.rows]
    ranking = one.ranking
    metrics = {}
    for metric, direction in one.scores.metrics.items():
        methods = {}
        for i, (row, summary) in enumerate(zip((*one.rows, *one.beside), one.summaries[metric])):
            if not one.scored(row, metric):
                continue
            methods[row.cell.method] = {
                "mean": summary.mean,
                "sd": summary.sd,
                "interval": [_few(summary.low), _few(summary.high)],
                "n": summary.n,
            }
            if summary.infinite:
                methods[row.cell.method]["infinite"] = summary.infinite
            if i >= len(one.rows):
                continue
            comparison, compared = one.comparisons.get(metric), one.scores.compared(metric)
            if comparison is not None and compared.sum() > 1 and compared[i]:
                methods[row.cell.method] |= {"p_best": _few(comparison.p[i]), "best": bool(comparison.shared[i])}
        metrics[metric] = {
            "direction": direction,
            "methods": methods,
            "independent": _few(one.scores.pairs(metric).number),
            "friedman": _friedman(one, metric, names),
            "pairs": _by_pair(statistics.pairwise(one.scores, metric), names),
        }
    return {
        "dataset": one.dataset,
        "split": one.split,
        "protocol": one.protocol,
        "output": one.output,
        "reference": sorted(one.references),
        "beside": {row.cell.method: row.remark for row in one.beside},
        "images": one.images,
        "pairs": one.total,
        "unit": one.scores.unit,
        "units": one.scores.units,
        "metrics": metrics,
        "ranking": {
            "metrics": ranking.metrics,
            "methods": {
                name: {
                    "mean_rank": _few(ranking.mean_rank[i]),
                    "borda": ranking.borda[i],
                    "place": ranking.position[i],
                    "interval": [ranking.low[i], ranking.high[i]],
                }
                for i, name in enumerate(names)
                if one.scores.entered[i]
            },
        },
        "states": {row.cell.method: row.state for row in (*one.shown, *one.absent)},
        "preliminary": [printable(row.cell.method) for row in one.shown if row.preliminary],
    }


def _detected(one: Compared) -> dict:
    methods = {}
    for row in one.rows:
        figures = {}
        for figure in one.figures:
            values = row.values(figure)
            mean, sd = over_seeds(values)
            figures[figure.name] = {"mean": mean, "sd": sd, "seeds": values}
        methods[row.method] = {"figures": figures, "difference": row.gap, "camera_difference": row.camera_gap}
    return {
        "setup": one.setup.folder.name,
        **{name: value for name, value in one.facts.items() if name not in ("format", "task", "methods")},
        "seeds": one.seeds,
        "camera": one.camera,
        "caveats": caveats_of_detection(one),
        "reference": [row.method for row in one.rows if one.is_reference(row)],
        "instances": {figure.name: figure.instances for figure in one.figures},
        "methods": methods,
        "states": {row.method: row.state for row in (*one.rows, *one.absent)},
        "preliminary": [row.method for row in (*one.rows, *one.absent) if row.preliminary],
    }


def _friedman(one: Measured, metric: str, names: list[str]) -> dict | None:
    test = one.friedmans.get(metric)
    if test is None:
        return None
    methods = [names[i] for i in test.methods]
    return {
        "statistic": _few(test.statistic),
        "p": _few(test.p),
        "critical_difference": _few(test.critical_difference),
        "alpha": test.alpha,
        "independent": _few(test.number),
        "mean_ranks": dict(zip(methods, map(_few, test.mean_ranks))),
        "nemenyi": _by_pair(test.nemenyi, methods),
    }


def _by_pair(p: np.ndarray, names: list[str]) -> dict[str, dict[str, float]]:
    """Return each pair once, as method -> later method -> p. Leave out methods that are not compared."""
    found = {
        name: {names[j]: _few(p[i, j]) for j in range(i + 1, len(names)) if not np.isnan(p[i, j])}
        for i, name in enumerate(names)
    }
    return {name: others for name, others in found.items() if others}


def _table(grid: Grid) -> dict:
    return {
        "key": grid.key,
        "title": grid.title,
        "explanation": grid.explanation,
        "columns": [{"name": c.name, "direction": c.direction, "group": c.group} for c in grid.columns],
        "lines": [
            {"name": line.name, "title": line.title, "entries": list(map(_entry, line.entries))} for line in grid.lines
        ],
        "notes": grid.notes,
    }


def _entry(entry: Entry) -> dict:
    return {name: value for name, value in vars(entry).items() if value not in ("", None)}


def _few(value: float) -> float:
    """Keep six digits: further ones of a distribution's tail mean nothing."""
    return float(f"{value:.6g}")


def _plain(value):
    """Turn a value into what JSON knows: no numpy types, no nan, no text that cannot be printed."""
    if isinstance(value, dict):
        return {_plain(name): _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(one) for one in value]
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, (float, np.floating)):
        value = float(value)
        return None if math.isnan(value) else value if math.isfinite(value) else str(value)
    return value
