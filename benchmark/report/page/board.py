"""The leaderboard of scores: tables with all that the page shows of each place in them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from benchmark import statistics
from benchmark.errors import UserError
from benchmark.report import failure_cases
from benchmark.report.content import Content
from benchmark.report.measured import NAIVE, Measured, decimals
from benchmark.report.page import facts
from benchmark.report.sections import scores as scores_section
from benchmark.report.tabular import Grid
from benchmark.report.terminal import signs
from benchmark.report.titles import symbol
from benchmark.store.summary import Row

DIGITS = 6  # significant digits of the scores of single images


def tables(content: Content, profiles: Sequence[dict]) -> list[dict]:
    """Make one table per split and protocol. Marks and notes are those of the report's tables."""
    plain = replace(content, options=replace(content.options, wide=False, sd=False, sections=("scores",)))
    return [_table(one, grid, content, profiles) for one, grid in zip(content.measured, plain.grids)]


def _table(one: Measured, grid: Grid, content: Content, profiles: Sequence[dict]) -> dict:
    ranking = one.ranking
    intervals = {metric: statistics.rank_intervals(one.scores, metric) for metric in one.ranked}
    places = {m: decimals([s.mean for s in one.summaries[m]], content.options.digits) for m in one.scores.metrics}
    rows = []
    for i, row in enumerate(one.shown):
        entries = grid.lines[i].entries
        found = _row(row, profiles)
        found["cells"] = [{"text": entry.text, "mark": entry.mark, "sign": entry.sign} for entry in entries]
        if i < len(one.rows) + len(one.beside):
            for metric, cell in zip(one.scores.metrics, found["cells"]):
                cell.update(_cell(one, metric, i, places[metric], intervals.get(metric)))
        if row.cell.method in one.references:
            found["reference"] = True
        elif i < len(one.rows):
            found["rank"] = _numbers(
                mean=ranking.mean_rank[i],
                borda=ranking.borda[i],
                place=ranking.position[i],
                low=ranking.low[i],
                high=ranking.high[i],
            )
        rows.append(found)
    return {
        "place": one.place,
        "protocol": one.protocol,
        "lead": scores_section.title(one),
        "output": one.output,
        "convention": _convention(one.protocol),
        "images": one.images,
        "total": one.total,
        "unit": one.scores.unit,
        "units": one.scores.units,
        "ranked": len(one.rows),
        "entered": len(one.entered),
        "compared": any(failure_cases.field(one, i) for i in range(len(one.rows))),
        "over": list(ranking.metrics),
        "metrics": [_metric(m, d, one.protocol) for m, d in one.scores.metrics.items()],
        "rows": rows,
        "absent": [_row(row, profiles) for row in one.absent],
        "explanation": grid.explanation,
        "notes": list(grid.notes),
    }


def _row(row: Row, profiles: Sequence[dict]) -> dict:
    return {
        "method": row.cell.method,
        "title": row.title or row.cell.method,
        "naive": row.name in NAIVE,
        "preliminary": row.preliminary,
        "signs": signs(row.preliminary, row.remark),
        "state": row.state,
        "about": facts.of_row(row, profiles),
    }


def _cell(one: Measured, metric: str, i: int, places: int, intervals) -> dict:
    summary = one.summaries[metric][i]
    if not one.scored(one.shown[i], metric):
        return {}
    found = _numbers(mean=summary.mean, sd=summary.sd, low=summary.low, high=summary.high) | {"n": summary.n}
    if summary.infinite:
        found["infinite"] = summary.infinite
    if intervals is not None and i < len(one.rows):
        found |= _numbers(place=intervals[0][i], from_=intervals[1][i], to=intervals[2][i])
        comparison = one.comparisons[metric]
        found |= _numbers(p=comparison.p[i]) | {
            "best": bool(i == comparison.best and one.scores.compared(metric).sum() > 1)
        }
    return found | {"digits": places}


def _metric(name: str, direction: int, protocol: str) -> dict:
    from metrics import registry

    found = {"name": name, "direction": direction}
    if typeset := symbol(name):
        found["symbol"] = vars(typeset)
    try:
        card = registry.card(name)
    except ValueError:  # the metric is not installed here
        return found
    note = card.protocols.get(protocol, "")
    return found | {"title": card.title, "range": card.range, "unit": card.unit, "note": note, "source": card.source}


def _convention(protocol: str) -> str:
    from metrics.protocols import PROTOCOLS

    return PROTOCOLS.get(protocol, "")


def scores(one: Measured) -> dict:
    """Return the scores of every image as values[row][metric][image], in the order of the table's rows and metrics;
    None where undefined or not scored."""
    ids = list(dict.fromkeys(id for row in one.shown for id in row.scores))
    metrics = list(one.scores.metrics)
    values = [[[_few(row.scores.get(id, {}).get(metric)) for id in ids] for metric in metrics] for row in one.shown]
    return {"ids": ids, "values": values}


def failures(one: Measured) -> dict:
    """Return where each row of the table fails, in the order of its rows: how many methods are compared, why there is
    nothing to show, and cases, the worst first, as [image, mean rank, place, losses, row of the best other, its mean
    rank]; losses as [metric, rank]. Images and metrics are numbers in `ids` and in the table."""
    table = failure_cases.of_table(one)
    images = {id: number for number, id in enumerate(one.scores.ids)}
    metrics = {metric: number for number, metric in enumerate(one.scores.metrics)}
    rows = []
    for row in one.shown:
        found = table[row.cell]
        cases = [
            [
                images[case.id],
                _few(case.mean_rank),
                case.place,
                [[metrics[metric], rank] for metric, rank in case.losses],
                case.best,
                _few(case.best_rank),
            ]
            for case in found.cases
        ]
        rows.append({"compared": found.compared, "reason": found.reason, "cases": cases})
    return {"ids": list(one.scores.ids), "rows": rows}


def _few(value: float | None) -> float | str | None:
    if value is None or math.isnan(value):
        return None
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else str(value)


def _numbers(**values: float) -> dict:
    """Keep the numbers that are defined; write whole ones as integers."""
    found = {}
    for name, value in values.items():
        value = float(value)
        if not math.isnan(value):
            whole = math.isfinite(value) and value.is_integer() and abs(value) < 1e15
            found[name.rstrip("_")] = int(value) if whole else _few(value)
    return found


def dataset(name: str) -> dict:
    """Say what a data set is called and what its two images are. `lends`: the image with colours. A data set that is
    not installed here gets its bare name, infrared and visible."""
    from benchmark import datasets

    try:
        source = datasets.get(name)
    except UserError:
        return {"title": name, "sources": ["Infrared", "Visible"], "lends": "vis", "works": []}
    works = list(facts.works("dataset", name)) or list(filter(None, [source.card.citation]))
    lends = "ir" if source.card.task == "mif" else "vis"
    return {"title": source.card.title, "sources": list(source.source_titles), "lends": lends, "works": works}
