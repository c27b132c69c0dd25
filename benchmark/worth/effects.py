"""What variants of fused images change: metrics and the average precision of a detector, side by side.

A variant is compared with the images it is made of, image by image, so that few scenes tell much: what makes scenes
differ is the same on both sides. Intervals and tests are over scenes (`benchmark.inference`); for AP, scenes are left
out (`detection.jackknife`). Data sets, detectors and methods are never pooled.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmark import inference
from benchmark.detection.jackknife import Difference, LeavingOut, average_precision, matches, scenes_of
from benchmark.detection.setups import Run, Setup, setups
from benchmark.errors import UserError
from benchmark.inference import FEWEST
from benchmark.statistics import ALPHA, differences
from benchmark.store import cells
from benchmark.store.cells import Cell
from benchmark.worth import variants
from benchmark.worth.altering import folder
from benchmark.worth.evidence import LEAST_BOXES, LEAST_CLASS_SCENES

FREQUENT = "AP of frequent classes"  # what verdicts rest on: a class of few boxes moves the mean over classes by chance

# What a metric and the detector say of a variant together.
BOUGHT = "bought"  # the metric is better, and AP is not shown to be
AT_A_LOSS = "bought at a loss"  # the metric is better, and AP is worse
FOLLOWS = "follows"  # both are better, or both are worse
PENALISED = "penalised"  # the metric is worse, and AP is not shown to be
NOT_SHOWN = "not shown"  # the metric is not shown to change for better or worse
TOO_FEW = "too few"  # scenes, to test anything
UNDIRECTED = "no direction"  # no value of the metric is better than another

_ABOUT = ("of", "variant", "version")  # texts in the record of a variant


@dataclass(frozen=True)
class Change:
    """A metric of a variant minus that of its base, over the `images` on which both are finite (a change between two
    results is `report.changes.Change`).

    direction: +1 higher is better, -1 lower is better, 0 neither. base, altered: means over images. low, high: 95 %
    interval of the difference; nan where there is none. p: of its mean over scenes, corrected for all variants, methods
    and metrics of the setup; nan where nothing is tested. rises: on how many images it is higher than on the base.
    """

    metric: str
    direction: int
    images: int
    rises: int
    base: float
    altered: float
    low: float
    high: float
    p: float

    @property
    def difference(self) -> float:
        return self.altered - self.base


@dataclass(frozen=True)
class Effect:
    """A variant of a method. method: label of the base. title: of its method. base_ap, gaps: FREQUENT, "AP" and "AP50"
    of the base, and the variant's differences to them, in [-1, 1]. changes: metric -> what became of it."""

    method: str
    title: str
    variant: str
    base_ap: dict[str, float]
    gaps: dict[str, Difference]
    changes: dict[str, Change]

    def verdict(self, metric: str) -> str:
        """Return one of BOUGHT, AT_A_LOSS, FOLLOWS, PENALISED, NOT_SHOWN, TOO_FEW and UNDIRECTED."""
        change, gap = self.changes[metric], self.gaps[FREQUENT]
        if not change.direction:
            return UNDIRECTED
        if gap.low is None or math.isnan(change.p):
            return TOO_FEW
        if change.p >= ALPHA:
            return NOT_SHOWN
        better = change.difference * change.direction > 0
        ap = 1 if gap.low > 0 else -1 if gap.high < 0 else 0
        if ap and better == (ap > 0):
            return FOLLOWS
        return (AT_A_LOSS if ap else BOUGHT) if better else PENALISED


@dataclass(frozen=True)
class Effects:
    """All variants that one detector has seen on one split of a data set. effects: by method, then by variant. metrics:
    name -> direction. frequent: the classes of FREQUENT, all where none is. scenes, images: how many the detector was
    shown. notes: what is left out, and why."""

    setup: Setup
    facts: dict
    protocol: str
    metrics: dict[str, int]
    effects: tuple[Effect, ...]
    frequent: tuple[str, ...]
    scenes: int
    images: int
    notes: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Return DATASET@SPLIT."""
        return f"{self.facts['dataset']}@{self.facts['split']}"


def read(
    results: Path,
    protocol: str = "standard",
    metrics: Sequence[str] | None = None,
    places: Collection[Path] | None = None,
    labels: Collection[str] | None = None,
) -> list[Effects]:
    """Compare the variants stored in `results` with what they are made of.

    protocol: of the scores. metrics: names, all that are scored where None. places: the folders of setups to read, all
    where None. labels: of the variants, all where None. Raises UserError where there are no variants.
    """
    found = [setup for setup in setups(folder(results)) if places is None or setup.folder in places]
    if not found:
        raise UserError(f"no variants in {folder(results)}; make some with bench variants, or name their --results")
    return [_read(results, setup, protocol, metrics, labels) for setup in found]


def _read(results: Path, setup: Setup, protocol: str, metrics, labels) -> Effects:
    facts, truth = setup.whole_facts(), setup.truth()
    try:
        ids = tuple(image["file_name"] for image in truth["images"])
        leaving_out, scenes = LeavingOut(truth), scenes_of(truth)
        (split,) = facts["test_splits"]
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{setup}: truth.json or setup.json is broken") from None
    frequent = _frequent(truth, scenes)
    bases = Setup(results / setup.folder.relative_to(folder(results)))
    if bases.truth() != truth:
        raise UserError(f"{setup}: the detector has not seen the same labels in {results}; run bench variants again")
    aps: dict[Path, dict[str, np.ndarray]] = {}

    def ap(run: Run) -> dict[str, np.ndarray]:
        if run.folder not in aps:
            aps[run.folder] = _precision(leaving_out, run, ids, frequent)
        return aps[run.folder]

    effects, scored, directions, notes = [], [], {}, []
    for run in setup.runs():
        if labels is not None and run.method not in labels:
            continue
        cell = Cell(folder(results), facts["dataset"], split, run.method)
        record = cell.run()
        about = record.get("altered")
        if not _is_variant(about):
            notes.append(f"{run.method}: left out: its record does not say what it is a variant of")
            continue
        base, base_run = Cell(results, facts["dataset"], split, about["of"]), bases.run(about["of"], run.seed)
        before, after, reason = _lines(cell, base, about, protocol, ids)
        reason = _unfinished(run) or _unfinished(base_run) or reason
        if reason:
            notes.append(f"{run.method}: left out: {reason}")
            continue
        known = {**base.run().get("metrics", {}), **record.get("metrics", {})}
        known = {name: known.get(name, 0) for name in (metrics or known) if any(name in line for line in after)}
        directions |= known
        of_base, of_variant = ap(base_run), ap(run)
        effects.append(
            Effect(
                method=about["of"],
                title=str(base.run().get("title") or about["of"]),
                variant=about["variant"],
                base_ap={name: float(values[0]) for name, values in of_base.items()},
                gaps={name: leaving_out.difference([of_variant[name]], [of_base[name]]) for name in of_base},
                changes={},
            )
        )
        scored.append({name: tuple(_column(lines, name) for lines in (before, after)) for name in known})
    tested = zip(effects, _changes(scored, directions, scenes))
    effects = tuple(replace(effect, changes=changes) for effect, changes in tested)
    names = [category["name"] for category in truth["categories"]]
    return Effects(
        setup,
        facts,
        protocol,
        directions,
        effects,
        tuple(names[number] for number in frequent),
        int(scenes.max()) + 1,
        len(ids),
        tuple(notes),
    )


def _is_variant(about) -> bool:
    if not isinstance(about, dict) or not all(isinstance(about.get(name), str) for name in _ABOUT):
        return False
    try:
        return bool(variants.read([about["variant"]]))
    except UserError:
        return False


def _frequent(truth: dict, scenes: np.ndarray) -> list[int]:
    """Return the numbers of the classes that are frequent, of all where none is."""
    place = {image["id"]: number for number, image in enumerate(truth["images"])}
    everything = range(len(truth["categories"]))
    of = [[place[box["image_id"]] for box in truth["annotations"] if box["category_id"] == c + 1] for c in everything]
    found = [c for c in everything if len(of[c]) >= LEAST_BOXES and len({*scenes[of[c]]}) >= LEAST_CLASS_SCENES]
    return found or list(everything)


def _precision(leaving_out: LeavingOut, run: Run, ids: Sequence[str], frequent: Sequence[int]) -> dict[str, np.ndarray]:
    """Return the AP of a run by name, each first on all images, then without each scene."""
    lines = run.detections()
    try:
        # Without a line, an image would count as one in which nothing was found.
        if {line["id"] for line in lines} != set(ids):
            raise ValueError
        found = matches(leaving_out.truth, lines)
        levels, of_frequent = (
            average_precision(classes, leaving_out.weights) for classes in (found, [found[c] for c in frequent])
        )
    except (KeyError, TypeError, ValueError, IndexError):
        raise UserError(f"{run.detections_file} is broken; run bench variants again") from None
    return {FREQUENT: of_frequent.mean(axis=1), "AP": levels.mean(axis=1), "AP50": levels[:, 0]}


def _unfinished(run: Run) -> str:
    """Say why a detector's result is not there; "" where it is."""
    state = run.record().get("state")
    return "" if state == "done" else f"{run.method} is {state or 'not evaluated'}"


def _lines(cell: Cell, base: Cell, about: dict, protocol: str, ids: Sequence[str]) -> tuple[list, list, str]:
    """Return the scores of all images before and after, metric -> value, and why they cannot be compared, if so."""
    made, of = cells.read_scores(cell), cells.read_scores(base)
    before, after = ([lines.get((id, protocol)) for id in ids] for lines in (of, made))
    for lines, one in ((before, base), (after, cell)):
        if lacking := lines.count(None):
            return [], [], f"{lacking} of {len(ids)} images of {one.method} are not scored under {protocol}"
    keys = (cells.altered_key(line["fused"], about["variant"], about["version"]) for line in before)
    if any(line["key"].partition("-")[0] != key for key, line in zip(keys, after)):
        return [], [], f"{base.method} was fused anew since; run bench variants again"
    if any(a["key"].partition("-")[2] != b["key"].partition("-")[2] for a, b in zip(before, after)):
        return [], [], f"{base.method} was scored by another version of the metrics; run bench variants again"
    return list(map(cells.scores_of, before)), list(map(cells.scores_of, after)), ""


def _column(lines: Sequence[dict[str, float]], metric: str) -> np.ndarray:
    """Return the finite values of a metric, (n,), nan elsewhere."""
    values = np.array([line.get(metric, math.nan) for line in lines], float)
    return np.where(np.isfinite(values), values, math.nan)


def _changes(scored: Sequence[dict], directions: dict[str, int], scenes: np.ndarray) -> Iterator[dict[str, Change]]:
    """Return the changes of each variant, tested together. scored: of each, metric -> values before and after, (n,)
    each. scenes: the number of each image's scene, from 0."""
    rows = [(values[0], values[1]) for one in scored for values in one.values()]
    count = int(scenes.max()) + 1
    sums, sizes = np.zeros((len(rows), count)), np.zeros((len(rows), count))
    for row, (before, after) in enumerate(rows):
        apart = differences(after, before)
        both = ~np.isnan(apart)
        sums[row] = np.bincount(scenes[both], apart[both], count)
        sizes[row] = np.bincount(scenes[both], minlength=count)
    # Means of scenes: sums would spread as the sizes of scenes do, and hide what happens on every image.
    means = np.divide(sums, sizes, where=sizes > 0, out=np.zeros(sums.shape))
    together = inference.step_down(means) if len(rows) and count >= FEWEST else np.full(len(rows), np.nan)
    place = 0
    for one in scored:
        found = {}
        for metric, (before, after) in one.items():
            there = sizes[place] > 0
            units = inference.of_scenes(sums[place, there][None], sizes[place, there])
            both = ~np.isnan(before + after)
            low = high = p = math.nan
            if there.sum() >= FEWEST:
                (below,), (above,), (alone,) = *inference.interval(units), inference.p_values(units)
                mean = sums[place].sum() / sizes[place].sum()
                low, high, p = mean - below, mean + above, max(alone, together[place])
            found[metric] = Change(
                metric=metric,
                direction=directions[metric],
                images=int(both.sum()),
                rises=int((differences(after, before)[both] > 0).sum()),
                base=float(before[both].mean()) if both.any() else math.nan,
                altered=float(after[both].mean()) if both.any() else math.nan,
                low=float(low),
                high=float(high),
                p=float(p),
            )
            place += 1
        yield found
