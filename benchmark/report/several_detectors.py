"""Show setups side by side that differ in nothing but the detector, so that no result hangs on one of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import rankdata

from benchmark.detection.outcome import Compared, Row, over_seeds
from benchmark.report import detection_tables
from benchmark.report.tabular import BEST, SECOND, Column, Entry, Grid, Line, key, number
from benchmark.report.terminal import UNDEFINED
from benchmark.report.training_overlap import caveats_of_detection

Cites = Callable[[str, str], tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Panel:
    """Setups of several detectors. setups: only with rows that all of them have, in the same order. lacking: the other
    rows. heads: what tells the detectors apart. ap: (detectors, rows) AP in [0, 1], mean over seeds, nan where there is
    none. mean: (rows,) of `ap`. rank: (rows,) mean over detectors of the rank by AP, 1 the best, equal ones in the
    middle of theirs; nan for rows that are in no rank."""

    setups: tuple[Compared, ...]
    lacking: tuple[str, ...]
    heads: tuple[str, ...]
    ap: np.ndarray
    mean: np.ndarray
    rank: np.ndarray

    @property
    def first(self) -> Compared:
        return self.setups[0]

    @property
    def rows(self) -> tuple[Row, ...]:
        return self.first.rows

    @property
    def name(self) -> str:
        """Return what stands for the setup: all detectors."""
        return f"{len(self.setups)} detectors"


def panels(detected: Sequence[Compared]) -> list[Panel]:
    """Find the setups that differ in nothing but the detector and its weights, and have rows in common."""
    groups: dict[tuple, list[Compared]] = {}
    for one in detected:
        if one.rows:
            groups.setdefault(_shared(one), []).append(one)
    found = [_panel(group) for group in groups.values() if len(group) > 1]
    return [panel for panel in found if panel.rows]


def _shared(one: Compared) -> tuple:
    settings = {name: value for name, value in one.facts["settings"].items() if name not in ("detector", "init")}
    stated = (one.place, one.facts["split_sha256"], one.facts.get("data_sha256"), one.facts["classes"])
    return tuple(map(str, (*stated, one.seeds, one.output, settings)))


def _panel(group: Sequence[Compared]) -> Panel:
    by_method = [{row.method: row for row in one.rows} for one in group]
    common = [row.method for row in group[0].rows if all(row.method in rows for rows in by_method)]
    setups = tuple(replace(one, rows=tuple(rows[method] for method in common)) for one, rows in zip(group, by_method))
    names = [one.facts["settings"]["detector"] for one in group]
    twice = Counter(names)
    ap = np.array([[_ap(one, row) for row in one.rows] for one in setups], float).reshape(len(group), len(common))
    rank = np.full(len(common), math.nan)
    ranked = np.array([setups[0].enters(row) for row in setups[0].rows], bool) & ~np.isnan(ap).any(axis=0)
    if ranked.sum() > 1:
        # To a hundredth of a percent, so that nothing is ranked by the last bits of a sum.
        rank[ranked] = rankdata(-ap[:, ranked].round(4), axis=1).mean(axis=0)
    return Panel(
        setups,
        tuple(sorted({row.method for one in group for row in (*one.rows, *one.absent)} - set(common))),
        tuple(
            f"{name}, {one.facts['settings']['init']}" if twice[name] > 1 else name for name, one in zip(names, group)
        ),
        ap,
        ap.mean(axis=0),
        rank,
    )


def _ap(one: Compared, row: Row) -> float:
    return over_seeds(row.values(one.figure("AP")))[0]


def title(panel: Panel) -> str:
    """Say in one line what was done on which images."""
    facts = panel.first.facts
    data = panel.first.data or f"{facts['dataset']}, division {facts['split']}"
    told = f"{data} ({facts['split_sha256'][:8]}), protocol {detection_tables.protocol(panel.first)}"
    return f"Detection by {panel.name}: {told}"


def explanation(panel: Panel) -> str:
    over = ", mean over seeds" if len(panel.first.seeds) > 1 else ""
    parts = [f"AP in %{over}. {'; '.join(map(detection_tables.choice, panel.setups))}."]
    parts += detection_tables.vocabulary(panel.first)
    if not np.isnan(panel.rank).all():
        parts.append("Mean rank: over detectors, among the methods that are not shown for reference; 1 is the best.")
    return " ".join(parts)


def notes(panel: Panel) -> list[str]:
    found = [f"Not with every detector: {', '.join(panel.lacking)}"] if panel.lacking else []
    return [*found, *caveats_of_detection(panel.first), *detection_tables.reference_note(panel.first)]


def columns(panel: Panel, digits: int) -> list[tuple[Column, list[Entry]]]:
    """Make the columns: AP with each detector, their mean, and the mean rank where methods are ranked."""
    shown = zip(panel.heads, panel.setups)
    found = [(Column(head, 1, "AP"), detection_tables.entries(one, one.figure("AP"), digits)) for head, one in shown]
    found.append((Column("mean", 1, "AP"), _entries(panel, 100 * panel.mean, digits, 1)))
    if not np.isnan(panel.rank).all():
        found.append((Column("mean rank", -1), _entries(panel, panel.rank, 1, -1)))
    return found


def _entries(panel: Panel, values: np.ndarray, digits: int, direction: int) -> list[Entry]:
    """Print values; best and second go by what is printed."""
    found = [Entry(UNDEFINED) if math.isnan(v) else Entry(number(v, digits), float(v)) for v in values]
    ranked = [not math.isnan(rank) for rank in panel.rank]
    places = sorted({float(e.text) for e, enters in zip(found, ranked) if enters}, key=lambda v: -direction * v)
    marks = dict(zip(places, (BEST, SECOND))) if len(places) > 1 else {}
    return [replace(e, mark=marks.get(float(e.text), "")) if enters else e for e, enters in zip(found, ranked)]


def grids(detected: Sequence[Compared], digits: int | None = None, cites: Cites = lambda kind, name: ()) -> list[Grid]:
    """Make a table of each panel. digits, cites: as of `detection_tables.grids`."""
    return [_grid(panel, detection_tables.DIGITS if digits is None else digits, cites) for panel in panels(detected)]


def _grid(panel: Panel, digits: int, cites: Cites) -> Grid:
    facts, rows = panel.first.facts, panel.rows
    table = columns(panel, digits)
    lines = tuple(
        Line(
            detection_tables.label(row),
            detection_tables.titled(row),
            tuple(entries[i] for _, entries in table),
            rule=i > 0 and panel.first.is_reference(rows[i - 1]) and not panel.first.is_reference(row),
            cites=cites("method", row.name),
        )
        for i, row in enumerate(rows)
    )
    return Grid(
        key=key("detect", "detectors", facts["dataset"], facts["split"], facts["settings"]["protocol"]),
        title=title(panel),
        columns=tuple(column for column, _ in table),
        lines=lines,
        explanation=explanation(panel),
        notes=tuple(notes(panel)),
        cites=(*cites("dataset", facts["dataset"]), *cites("detector", "ultralytics")),
    )
