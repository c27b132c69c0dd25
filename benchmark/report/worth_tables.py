"""Make tables of what metrics are worth: one of each setup, and one of several side by side."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmark.report import references
from benchmark.report.content import Content
from benchmark.report.tabular import Column, Entry, Grid, Line, counted, key, unique
from benchmark.report.terminal import UNDEFINED
from benchmark.report.titles import symbol
from benchmark.worth import agreement
from benchmark.worth.judging import MAIN, SMALLEST, Judged, Together, Worth, quotable, together

COLUMNS = ("dataset", "split", "setup", "protocol", "detector", "name", "kind", "target", "tau", "tau_low", "tau_high")
COLUMNS += ("rho", "p", "without_method_low", "without_method_high", "without_family_low", "without_family_high")
COLUMNS += ("images_alike", "images_alike_low", "images_alike_high", "methods", "scenes", "images")
COLUMNS += ("reliability", "half_tau", "half_rho", "ceiling", "may_rank")


@dataclass(frozen=True, eq=False)
class WorthContent(Content):
    """The content of a report that shows these tables alone."""

    given: tuple[Grid, ...] = ()

    @property
    def grids(self) -> list[Grid]:
        return unique(list(self.given))


def grids(found: Sequence[Worth]) -> list[Grid]:
    tables = [_grid(worth) for worth in found]
    return tables + ([_beside(found)] if len(found) > 1 else [])


def name_of(worth: Worth) -> str:
    """What the data of a setup are called."""
    compared = worth.evidence.compared
    return compared.data or f"{compared.facts['dataset']}, division {compared.facts['split']}"


def _grid(worth: Worth) -> Grid:
    evidence = worth.evidence
    facts = evidence.compared.facts
    settings = facts["settings"]
    others = [target for target in worth.targets if target != MAIN]
    columns = [
        Column("AP [95 %]", 0, "tau with"),
        *(Column(target, 0, "tau with") for target in others),
        Column("rho with AP"),
        Column("p", 0, "tau with AP"),
        Column("without a method", 0, "tau with AP"),
        Column("without a family", 0, "tau with AP"),
        Column("images alike in % [95 %]"),
    ]
    lines, before = [], True
    for judged in worth.judged:
        entries = (
            _with_interval(judged.by[MAIN].tau, judged.by[MAIN].low, judged.by[MAIN].high),
            *(_signed(judged.by[target].tau) for target in others),
            _signed(judged.by[MAIN].rho),
            _p(judged.by[MAIN].p),
            _range(judged.methods.values()),
            _range(judged.families.values()),
            _share(*judged.alike),
        )
        rule = before and not judged.is_metric
        before = judged.is_metric
        mark = symbol(judged.name) if judged.is_metric else None
        cites = references.keys("metric", judged.name) if judged.is_metric else ()
        lines.append(Line(judged.name, judged.name, entries, rule=rule, cites=cites, symbol=mark))
    reliable = [_reliable(target, worth) for target in worth.targets]
    notes = [f"Reliability of the order of methods: {'; '.join(reliable)}."]
    if worth.may_rank:
        notes.append("Reliability, scenes and methods are above the floor: metrics may be ranked by these taus.")
    else:
        notes.append(f"No ranking of metrics: {', '.join(worth.short)}. {_enough(worth)}")
    if evidence.left_out:
        notes.append("Left out: " + "; ".join(f"{name} ({why})" for name, why in evidence.left_out.items()))
    return Grid(
        key=key("worth", facts["dataset"], facts["split"], evidence.compared.setup.folder.name),
        title=f"What metrics are worth to a detector: {name_of(worth)}, {settings['detector']}, protocol"
        f" {settings['protocol']}",
        columns=tuple(columns),
        lines=tuple(lines),
        explanation=_explanation(worth),
        notes=tuple(notes),
        corner="metric",
        wide=True,
        cites=(*references.keys("dataset", facts["dataset"]), *references.keys("detector", "ultralytics")),
    )


def _explanation(worth: Worth) -> str:
    evidence = worth.evidence
    methods, images = counted(len(evidence.methods), "method"), counted(len(evidence.scenes), "image")
    detector = evidence.compared.facts["settings"]["detector"]
    scenes, classes = counted(evidence.scene_count, "scene"), ", ".join(evidence.classes)
    return (
        f"Kendall's tau-b and Spearman's rho over {methods} between the mean of a metric (protocol {evidence.protocol};"
        f" negated where lower is better) and what {detector} reaches on {images} of {scenes}, in {classes}. Intervals:"
        " the same scenes drawn with replacement for both. p: the largest of all taus when methods are permuted."
        " Without a method, a family: lowest and highest tau when each is left out. Images alike: of the pairs of"
        " methods that both order on an image, how many they order alike; 50 is chance. A metric that knew the true"
        f" order would have a tau of about {worth.reliability[MAIN].ceiling:.2f}."
    )


def _enough(worth: Worth) -> str:
    scenes, images = worth.evidence.scene_count, len(worth.evidence.scenes)
    if math.isinf(worth.needed_scenes):
        how = "halves of the scenes agree in nothing, so that no number of them can be named"
    else:
        many = math.ceil(worth.needed_scenes)
        how = f"some {many} such scenes ({math.ceil(many * images / scenes)} images)"
    return (
        f"A reliability of {agreement.LEAST_RELIABILITY} would take: {how}. A tau of {SMALLEST} is beyond chance with"
        f" {worth.needed_methods} unrelated methods."
    )


def _reliable(target: str, worth: Worth) -> str:
    one = worth.reliability[target]
    return f"{target} {one.rho:.2f} (halves: tau {_text(one.half_tau)}, rho {_text(one.half_rho)})"


def _beside(found: Sequence[Worth]) -> Grid:
    beside = together(found, [_short(worth) for worth in found])
    columns = [Column(name, 0, "tau with AP") for name in beside.names]
    lines = [Line(name, name, (*map(_signed, taus), Entry(beside.sign(name)))) for name, taus in beside.taus.items()]
    return Grid(
        key=key("worth", "beside"),
        title=f"What metrics are worth in {counted(len(found), 'setup')}",
        columns=(*columns, Column("signs")),
        lines=tuple(lines),
        explanation="Kendall's tau with AP in each setup. Setups are not pooled: signs say whether they agree.",
        notes=tuple(_orders(beside)),
        corner="metric",
    )


def _short(worth: Worth) -> str:
    facts = worth.evidence.compared.facts
    return f"{facts['dataset']}, {facts['settings']['detector']}, {facts['settings']['protocol']}"


def _orders(beside: Together) -> Iterable[str]:
    for (i, j), (tau, count) in beside.orders.items():
        names = f"{beside.names[i]} and {beside.names[j]}"
        yield f"The orders of {counted(count, 'method')} by AP, {names}: tau {_text(tau)}"


def paragraphs(found: Sequence[Worth]) -> list[str]:
    """Return what each setup shows, for a reader to quote."""
    return [quotable(worth, name_of(worth)) for worth in found]


def as_csv(found: Sequence[Worth]) -> str:
    """Write a line for each setup, metric or predictor, and target; see COLUMNS."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for worth in found:
        for judged in worth.judged:
            for target in worth.targets:
                writer.writerow(["" if value != value else value for value in _values(worth, judged, target)])
    return text.getvalue()


def _values(worth: Worth, judged: Judged, target: str) -> list:
    evidence = worth.evidence
    facts, one, reliable = evidence.compared.facts, judged.by[target], worth.reliability[target]
    is_main = target == MAIN
    ranges = [(min(found.values()), max(found.values())) for found in (judged.methods, judged.families) if found]
    ranges += [(math.nan, math.nan)] * (2 - len(ranges))
    further = [*ranges[0], *ranges[1], *judged.alike] if is_main else [math.nan] * 7
    return [
        facts["dataset"],
        facts["split"],
        evidence.compared.setup.folder.name,
        facts["settings"]["protocol"],
        facts["settings"]["detector"],
        judged.name,
        "metric" if judged.is_metric else "predictor",
        target,
        *(_rounded(value) for value in (one.tau, one.low, one.high, one.rho, one.p, *further)),
        len(evidence.methods),
        evidence.scene_count,
        len(evidence.scenes),
        *(_rounded(value) for value in (reliable.rho, reliable.half_tau, reliable.half_rho, reliable.ceiling)),
        int(worth.may_rank),
    ]


def _rounded(value: float) -> float:
    return value if math.isnan(value) else round(value, 6)


def _text(value: float) -> str:
    if math.isnan(value):
        return UNDEFINED
    text = f"{value:+.2f}".replace("-", "−")
    return "0.00" if float(f"{value:.2f}") == 0 else text


def _signed(value: float) -> Entry:
    return Entry(UNDEFINED) if math.isnan(value) else Entry(_text(value), value)


def _with_interval(value: float, low: float, high: float) -> Entry:
    if math.isnan(value) or math.isnan(low):
        return _signed(value)
    return Entry(f"{_text(value)} [{_text(low)}, {_text(high)}]", value)


def _range(values: Iterable[float]) -> Entry:
    known = [value for value in values if not math.isnan(value)]
    return Entry(f"{_text(min(known))} to {_text(max(known))}") if known else Entry(UNDEFINED)


def _p(value: float) -> Entry:
    return Entry(UNDEFINED) if math.isnan(value) else Entry("< 0.001" if value < 0.001 else f"{value:.3f}", value)


def _share(value: float, low: float, high: float) -> Entry:
    if math.isnan(value):
        return Entry(UNDEFINED)
    interval = "" if math.isnan(low) else f" [{100 * max(low, 0):.0f}, {100 * min(high, 1):.0f}]"
    return Entry(f"{100 * value:.0f}{interval}", 100 * value)
