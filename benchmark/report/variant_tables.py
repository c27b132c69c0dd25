"""Make tables of variants: what altering fused images does to metrics and to a detector (`worth.effects`)."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from benchmark.detection.setups import Setup
from benchmark.report import detection_tables, references
from benchmark.report.content import Content
from benchmark.report.formats.csv import text
from benchmark.report.measured import decimals
from benchmark.report.tabular import Column, Entry, Grid, Line, counted, key, number, unique
from benchmark.report.terminal import UNDEFINED
from benchmark.report.titles import PLAIN, symbol
from benchmark.statistics import ALPHA
from benchmark.worth import effects, variants
from benchmark.worth.effects import Effect, Effects

SIGNS = {effects.BOUGHT: "†", effects.AT_A_LOSS: "‡", effects.NOT_SHOWN: "°"}  # behind a change
VERDICTS = (effects.BOUGHT, effects.AT_A_LOSS, effects.PENALISED, effects.FOLLOWS, effects.NOT_SHOWN)
COLUMNS = ("dataset", "split", "detector", "init", "setup", "method", "variant", "does", "protocol", "metric")
COLUMNS += ("direction", "base", "altered", "difference", "ci_low", "ci_high", "p", "rises", "images", "scenes")
COLUMNS += ("verdict",)
_DIGITS = 3  # of the largest base in a column, in changes


@dataclass(frozen=True, eq=False)
class Tables(Content):
    """A report of nothing but these tables, for the formats that draw tables."""

    given: tuple[Grid, ...] = ()

    @cached_property
    def grids(self) -> list[Grid]:
        return unique(self.given)


def grids(found: Sequence[Effects], digits: int | None = None) -> list[Grid]:
    """Make a table for each setup, and one of what each metric does in all of them.

    digits: decimal places; if left out, one of AP in percent, and as many of a metric as give its largest base three
    digits.
    """
    tables = [_changes(one, digits) for one in found]
    tested = [one for one in found if any(one.metrics.values()) and one.effects]
    return [*tables, _verdicts(tested)] if tested else tables


def _changes(one: Effects, digits: int | None) -> Grid:
    """A row for each method, with what its images have, and below it a row for each variant, with what changes."""
    settings = one.facts["settings"]
    bases = {effect.method: effect for effect in one.effects}
    places = {metric: _decimals(one, metric, digits) for metric in one.metrics}
    lines = []
    for method, base in bases.items():
        ap = [_ap(base.base_ap[name], digits) for name in (effects.FREQUENT, "AP", "AP50")]
        values = [_base(base, metric, places[metric]) for metric in one.metrics]
        lines.append(Line(method, base.title, (*ap, *values), True, references.keys("method", method)))
        for effect in one.effects:
            if effect.method == method:
                gaps = [_gap(effect, name, digits) for name in (effects.FREQUENT, "AP", "AP50")]
                changed = [_change(effect, metric, places[metric]) for metric in one.metrics]
                lines.append(Line(f"+{effect.variant}", f"+ {effect.variant}", (*gaps, *changed)))
    first = "AP* [95 %]" if one.scenes >= effects.FEWEST else "AP*"
    columns = [Column(first, 1), Column("AP", 1), Column("AP50", 1, "", (), symbol("AP50"))]
    columns += [
        Column(metric, direction, "", references.keys("metric", metric), symbol(metric))
        for metric, direction in one.metrics.items()
    ]
    place = PLAIN.place(one.facts["dataset"], one.facts["split"], counted(one.images, "pair"))
    return Grid(
        key=key("variants", one.facts["dataset"], one.facts["split"], one.setup.folder.name),
        title=f"Controlled variants: {place} ({one.facts['split_sha256'][:8]}), {counted(one.scenes, 'scene')}, metrics"
        f" under {one.protocol}, detector {settings['detector']}",
        columns=tuple(columns),
        lines=tuple(lines),
        explanation=_explanation(one) if one.effects else "",
        notes=one.notes,
        corner="images",
        wide=True,
        cites=(*references.keys("dataset", one.facts["dataset"]), *references.keys("detector", "ultralytics")),
    )


def _decimals(one: Effects, metric: str, digits: int | None) -> int:
    means = [effect.changes[metric].base for effect in one.effects if metric in effect.changes]
    return digits if digits is not None else max(0, decimals(means, None) - 4 + _DIGITS)


def _explanation(one: Effects) -> str:
    settings = one.facts["settings"]
    done = dict.fromkeys(effect.variant for effect in one.effects)
    says = "; ".join(f"{name}: {variants.read([name])[0].says}" for name in done)
    first = (
        f"Below each method, what changes where its 8-bit images are altered ({says}). AP in %, of the detector as its"
        f" makers trained it: {settings['init']}, {settings['imgsz']} pixels, ultralytics {settings['ultralytics']}."
        f" AP* is that of frequent classes: {', '.join(one.frequent)}."
    )
    if one.scenes < effects.FEWEST:
        return f"{first} With fewer than {effects.FEWEST} scenes nothing is tested, and there are no intervals."
    return (
        f"{first} Intervals are over scenes, of paired differences. Metrics are tested together by random signs of"
        f" scenes, p < {ALPHA:g}. † better, though AP* is not shown to be; ‡ better, though AP* is worse; °"
        " not shown to change. No sign: worse, or better as AP* is, or a metric without direction."
    )


def _verdicts(found: Sequence[Effects]) -> Grid:
    """A row for each metric, with how many variants it takes which way."""
    names = dict.fromkeys(metric for one in found for metric, direction in one.metrics.items() if direction)
    tested = [one for one in found if one.scenes >= effects.FEWEST]
    heads = _heads(found)
    columns = [Column(verdict, 0, heads[one.setup]) for one in tested for verdict in VERDICTS]
    columns += [
        Column(what, 0, f"{heads[one.setup]}, not tested")
        for one in found
        if one not in tested
        for what in ("better", "worse")
    ]
    lines = []
    for metric in names:
        entries = []
        for one in tested:
            counts = Counter(effect.verdict(metric) for effect in one.effects if metric in effect.changes)
            entries += [_count(counts[verdict]) for verdict in VERDICTS]
        for one in found:
            if one not in tested:
                signs = [_sign(effect, metric) for effect in one.effects if metric in effect.changes]
                entries += [_count(signs.count(1)), _count(signs.count(-1))]
        lines.append(Line(metric, metric, tuple(entries), False, references.keys("metric", metric), symbol(metric)))
    counts = ", ".join(f"{len(one.effects)} ({one.facts['dataset']})" for one in found)
    return Grid(
        key="variants-verdicts",
        title=f"What variants do to metrics, where a detector says what they are worth: how many of {counts}",
        columns=tuple(columns),
        lines=tuple(lines),
        explanation="Bought: the metric is better, and AP* is not shown to be; at a loss: AP* is worse. Penalised: the"
        " metric is worse, and AP* is not shown to be. Follows: both are better, or both worse. With few scenes, AP* is"
        " seldom shown to change: its intervals in the tables say by how much it may.",
        corner="metric",
    )


def _heads(found: Sequence[Effects]) -> dict[Setup, str]:
    """Return what tells the setups apart, as short as it can be."""
    settings = [one.facts["settings"] for one in found]
    short = [f"{one.facts['dataset']}, {mine['detector']}" for one, mine in zip(found, settings)]
    whole = [f"{one.place}, {one.setup.folder.name}" for one in found]
    return {one.setup: a if short.count(a) == 1 else b for one, a, b in zip(found, short, whole)}


def _sign(effect: Effect, metric: str) -> int:
    moved = effect.changes[metric].difference * effect.changes[metric].direction
    return (moved > 0) - (moved < 0)


def _count(count: int) -> Entry:
    return Entry(str(count), count)


def _ap(value: float, digits: int | None) -> Entry:
    value *= 100
    return Entry(UNDEFINED) if math.isnan(value) else Entry(number(value, _ap_digits(digits)), value)


def _ap_digits(digits: int | None) -> int:
    return detection_tables.DIGITS if digits is None else digits


def _base(effect: Effect, metric: str, digits: int) -> Entry:
    value = effect.changes[metric].base if metric in effect.changes else math.nan
    return Entry(UNDEFINED) if math.isnan(value) else Entry(number(value, digits), value)


def _gap(effect: Effect, name: str, digits: int | None) -> Entry:
    """A difference in AP, that of frequent classes with its interval."""
    gap = effect.gaps[name]
    if math.isnan(gap.value):
        return Entry(UNDEFINED)
    found = {name: {"difference": gap.value, "low": gap.low if name == effects.FREQUENT else None, "high": gap.high}}
    return detection_tables.gap(found, _ap_digits(digits), name)


def _change(effect: Effect, metric: str, digits: int) -> Entry:
    change = effect.changes.get(metric)
    if change is None or math.isnan(change.difference):
        return Entry(UNDEFINED)
    shown = detection_tables.signed(change.difference, digits)
    shown = shown if set(shown) & set("123456789") else shown[1:]  # what rounds to nothing has no sign
    return Entry(shown, change.difference, sign=SIGNS.get(effect.verdict(metric), ""))


def csv_of(found: Sequence[Effects]) -> str:
    """Write a line for each variant and metric, AP and AP50 among them, under `COLUMNS`.

    base, altered: means over images, of AP in [0, 1]. difference: altered minus base, with its 95 % interval over
    scenes. p: corrected for all variants, methods and metrics of the setup; empty for AP, which its interval tests.
    rises: on how many images the metric is higher than on the base. verdict: see `worth.effects`. direction: 1 higher
    is better, -1 lower is better, 0 neither.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in found:
        settings = one.facts["settings"]
        place = (one.facts["dataset"], one.facts["split"], settings["detector"], settings["init"])
        for effect in one.effects:
            does = variants.read([effect.variant])[0].says
            made = (one.setup.folder.name, effect.method, effect.variant, does)
            start = tuple(map(text, (*place, *made)))
            for name, gap in effect.gaps.items():
                base, ends = effect.base_ap[name], (gap.low, gap.high)
                numbers = (base, base + gap.value, gap.value, *(math.nan if end is None else end for end in ends))
                known = (*map(_rounded, numbers), "", "", one.images, one.scenes, "")
                writer.writerow((*start, settings["protocol"], name, 1, *known))
            for metric, change in effect.changes.items():
                numbers = (change.base, change.altered, change.difference, change.low, change.high, change.p)
                known = (*map(_rounded, numbers), change.rises, change.images, one.scenes, effect.verdict(metric))
                writer.writerow((*start, one.protocol, text(metric), change.direction, *known))
    return out.getvalue()


def _rounded(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"
