"""Read a setup as a whole: the methods that may be compared, with their numbers over seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from statistics import mean, stdev

from benchmark.detection import late_fusion
from benchmark.detection.differences import BASE, CAMERAS, differences
from benchmark.detection.precision import SIZES
from benchmark.detection.setups import Run, Setup
from benchmark.errors import UserError
from benchmark.inference import FEWEST
from benchmark.store import saved
from benchmark.store.saved import Saved
from benchmark.store.summary import NAIVE, title_of

METRICS = ("AP50", "AP75", "AP")
REFERENCES = (*NAIVE, late_fusion.LABEL)  # rows that stand first
ALL = "all"
BROKEN = "record.json is broken"

Values = list[float | None]  # in [0, 1], one for each seed; None where there is no instance


@dataclass(frozen=True)
class Figure:
    """A column of numbers (no drawing). metric: one of METRICS. subset: ALL, a size or a time of day. label: a class,
    or "" for the mean over those that occur. images, instances: how many of the test part it is computed from."""

    metric: str
    subset: str
    label: str
    images: int
    instances: int

    @property
    def name(self) -> str:
        """Return a name such as "AP50", "AP small", "AP Car" or "AP night Car"."""
        return " ".join(filter(None, (self.metric, self.subset if self.subset != ALL else "", self.label)))


@dataclass(frozen=True)
class Row:
    """A method in a setup (a row of scores is `store.summary.Row`).

    method: its label, as commands know it. name: the label without what tells checkpoints apart. state: "done", or what
    it lacks. records: seed -> `record.json`. saved, apart, remark: as in a row of scores. gap: metric -> "difference",
    "low", "high" to BASE; None for BASE itself. camera_gap: the same to the better camera,
    `Compared.camera`. shown: what lines call it, its label where empty. trained_on: what the method that fused was
    trained on. tuned: as in a row of scores.
    """

    method: str
    name: str
    title: str
    preliminary: bool
    state: str
    records: dict[int, dict]
    gap: dict[str, dict] | None = None
    camera_gap: dict[str, dict] | None = None
    saved: Saved = field(default_factory=Saved)
    apart: bool = False
    remark: str = ""
    shown: str = ""
    trained_on: str = ""
    tuned: str = ""

    def values(self, figure: Figure) -> Values:
        found = [record["test"][figure.subset] for record in self.records.values()]
        return [(one["classes"][figure.label] if figure.label else one)[figure.metric] for one in found]

    def own(self, name: str) -> Values:
        """Return ultralytics' own "mAP50" or "mAP50-95"; None for a row of more than one detector's boxes."""
        return [record["ultralytics"][name] for record in self.records.values()]


@dataclass(frozen=True)
class Compared:
    """A setup with its methods. seeds: those that a complete row has. rows: the complete ones, in the order of the
    table; absent: the others. figures: one for each metric, subset and class; none where no row is complete. notes:
    what to tell the reader of differences. output: the one that is ranked. data, protocol: what captions call them,
    empty for their names. rank_baselines: whether simple baselines are ranked as other methods are. camera: the one on
    whose images the detector has the higher AP."""

    setup: Setup
    facts: dict
    seeds: tuple[int, ...]
    rows: tuple[Row, ...]
    absent: tuple[Row, ...]
    figures: tuple[Figure, ...]
    notes: tuple[str, ...]
    output: str = "raw"
    data: str = ""
    protocol: str = ""
    rank_baselines: bool = False
    camera: str = BASE

    def is_reference(self, row: Row) -> bool:
        """Whether a row is shown for reference: a simple baseline, such as the detector on one camera's images, or that
        of two cameras whose images are not fused."""
        return row.name == late_fusion.LABEL or (row.name in NAIVE and not self.rank_baselines)

    def enters(self, row: Row) -> bool:
        """Whether a row is ranked."""
        return not row.apart and not self.is_reference(row)

    @property
    def place(self) -> str:
        """Return DATASET@DIVISION."""
        return f"{self.facts['dataset']}@{self.facts['split']}"

    @property
    def times(self) -> list[str]:
        """Return the times of day that are known."""
        found = dict.fromkeys(figure.subset for figure in self.figures)
        return [subset for subset in found if subset not in (ALL, *SIZES)]

    @property
    def classes(self) -> list[str]:
        return list(dict.fromkeys(figure.label for figure in self.figures if figure.label))

    def figure(self, metric: str, subset: str = ALL, label: str = "") -> Figure:
        return next(f for f in self.figures if (f.metric, f.subset, f.label) == (metric, subset, label))


def over_seeds(values: Values) -> tuple[float, float]:
    """Return mean and standard deviation (ddof = 1); nan where they do not exist."""
    found = [value for value in values if value is not None]
    if not found or len(found) < len(values):
        return math.nan, math.nan
    return mean(found), stdev(found) if len(found) > 1 else math.nan


def read(setup: Setup, seeds: Sequence[int] | None = None, output: str | None = None) -> Compared:
    """Read a setup with all of its methods, in the order in which they were first given, simple baselines first.

    seeds: those that a row must have to be complete; if left out, all that any row has. output: the one to rank, None
    for the rule of `store.saved.common`. Raises UserError where
    `setup.json` is broken.
    """
    facts = setup.whole_facts()
    runs: dict[str, dict[int, Run]] = {method: {} for method in facts["methods"]}
    for run in setup.runs():
        runs.setdefault(run.method, {})[run.seed] = run
    seeds = tuple(sorted(seeds if seeds is not None else {seed for found in runs.values() for seed in found}))
    shape: dict = {}
    rows = [_row(method, found, seeds, shape) for method, found in runs.items()]
    ranked = output or saved.common({row.method: row.saved for row in rows if row.state == "done"})
    done = [row for row in rows if row.state == "done"]
    told = saved.remarks([row.saved for row in done], ranked)
    done = [replace(row, apart=not row.saved.fits(ranked), remark=remark) for row, remark in zip(done, told)]
    gaps, notes = _gaps(setup, seeds, done, BASE)
    camera = _better_camera(done)
    further = gaps if camera == BASE else _gaps(setup, seeds, done, camera)[0]
    return Compared(
        setup=setup,
        facts=facts,
        seeds=seeds,
        rows=tuple(
            replace(row, gap=gaps.get(row.method), camera_gap=further.get(row.method))
            for row in sorted(done, key=lambda row: row.name not in REFERENCES)
        ),
        absent=tuple(row for row in rows if row.state != "done"),
        figures=tuple(_figures(shape)),
        notes=tuple(notes),
        output=ranked,
        camera=camera,
    )


def _better_camera(rows: Sequence[Row]) -> str:
    """Return the camera with the highest AP, BASE where that is not known."""
    ap = Figure("AP", ALL, "", 0, 0)
    found = {row.method: over_seeds(row.values(ap))[0] for row in rows if row.method in CAMERAS}
    known = {method: value for method, value in found.items() if not math.isnan(value)}
    return max(CAMERAS, key=lambda camera: known.get(camera, -1)) if len(known) == len(CAMERAS) else BASE


def _row(method: str, runs: dict[int, Run], seeds: Sequence[int], shape: dict) -> Row:
    """Make the row of a method from its runs.

    shape: what `_shape` found for the rows before; the first row with figures fills it, and all others must agree.
    """
    found = {seed: runs[seed].record() for seed in seeds if seed in runs}
    states = {seed: _state(found.get(seed), shape) for seed in seeds}
    lacking = [seed for seed, state in states.items() if state != "done"]
    if not seeds:
        state = "not finished"
    elif lacking:
        told = next((seed for seed in lacking if seed in found), lacking[0])
        state = f"{len(seeds) - len(lacking)} of {len(seeds)} seeds; seed {told}: {states[told]}"
    else:
        state = "done"
    about = next((record["about"] for record in found.values() if isinstance(record.get("about"), dict)), {})
    return Row(
        method=method,
        name=str(about.get("name") or method),
        title=title_of(method, about),
        preliminary=bool(about.get("preliminary")),
        state=state,
        records=found,
        saved=Saved.by({"kind": "run", **about} if about else {}),
        trained_on=str(about.get("trained_on") or ""),
        tuned=str(about.get("tuned") or ""),
    )


def _state(record: dict | None, shape: dict) -> str:
    if record is None:
        return "not finished"
    state = record.get("state")
    if state == "done":
        try:
            mine = _shape(record)
        except (KeyError, TypeError, AttributeError):
            return BROKEN
        shape.update({} if shape else mine)
        return state if mine == shape else BROKEN
    return state if isinstance(state, str) else BROKEN


def _shape(record: dict) -> dict:
    """Return subset -> (images, instances, class -> instances) of a record's figures. Raises KeyError, TypeError or
    AttributeError where one is missing or no number."""
    found = {}
    for subset, figures in record["test"].items():
        for values in (figures, *figures["classes"].values()):
            if any(value is not None and not 0 <= value <= 1 for value in (values[metric] for metric in METRICS)):
                raise TypeError
        classes = {name: int(values["instances"]) for name, values in figures["classes"].items()}
        found[subset] = (int(figures["images"]), int(figures["instances"]), classes)
    own = [record["ultralytics"][name] for name in ("mAP50", "mAP50-95")]
    if ALL not in found or any(value is not None and not 0 <= value <= 1 for value in own):
        raise TypeError
    return found


def _figures(shape: dict) -> Iterable[Figure]:
    for metric in METRICS:
        for subset, (images, instances, classes) in shape.items():
            yield Figure(metric, subset, "", images, instances)
            for label, count in classes.items():
                yield Figure(metric, subset, label, images, count)


def _gaps(setup: Setup, seeds: Sequence[int], rows: Sequence[Row], base: str) -> tuple[dict[str, dict], list[str]]:
    """Return method -> metric -> difference to a camera, and notes on them for the reader."""
    if not rows:
        return {}, []
    if base not in [row.method for row in rows]:
        return {}, [f"no differences: there is no complete row {base}"]
    try:
        found = {method: gap["metrics"] for method, gap in differences(setup, seeds, base).items()}
    except UserError as error:
        return {}, [f"no differences: {error.message}"]
    if found and all(gap["AP"]["low"] is None for gap in found.values()):
        return found, [f"no intervals: fewer than {FEWEST} scenes are known"]
    return found, []
