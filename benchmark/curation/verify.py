"""Checking a data set to the last pair: what is missing, broken, changed, doubled or out of register."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.curation import registration
from benchmark.datasets.abstract import Dataset, Selection
from benchmark.datasets.pairs import Pair
from benchmark.errors import UserError, first_few
from benchmark.imaging import reading

ERROR, WARNING = "error", "warning"
_LISTED = 3  # ids that a line about many names


@dataclass(frozen=True)
class Problem:
    """One line for the user. `id` is empty for what concerns a whole split."""

    level: str
    split: str
    id: str
    what: str


@dataclass(frozen=True)
class Checked:
    """What was seen of one pair. `digests`: SHA-256 of the two files; `size`: width and height; `fault`: why the pair
    cannot be used."""

    digests: tuple[str, str] | None = None
    size: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()
    fault: str | None = None
    registered: registration.Registration | None = None
    objects: int | None = None
    label_fault: str | None = None


@dataclass
class Report:
    """`problems` in the order of splits and pairs; `lines`: what was found, one line per split."""

    problems: list[Problem] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return any(problem.level == ERROR for problem in self.problems)


def verify(
    dataset: Dataset,
    root: str | os.PathLike | None = None,
    splits: Sequence[str] = (),
    threads: int | None = None,
    step: Callable[[], None] = lambda: None,
    begin: Callable[[int], None] = lambda total: None,
) -> Report:
    """Check splits of a data set (none given: those that together are the whole set).

    `begin` is called with the number of pairs, `step` after each; threads: None for one per processor.
    """
    report = Report()
    found: dict[str, Selection] = {}
    for split in [dataset.check_split(name) for name in splits] or dataset.parts or (dataset.default_split,):
        try:
            found[split] = dataset.select(split, root)
        except UserError as error:
            report.problems.append(Problem(ERROR, split, "", error.message.removeprefix(f"data set {dataset.name}: ")))
    begin(sum(len(selection.pairs) for selection in found.values()))
    seen: dict[str, list[tuple[str, str, int]]] = {}
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        for split, selection in found.items():
            pairs = selection.pairs
            checked = {}
            for pair, result in zip(pairs, pool.map(lambda pair: check(dataset, pair), pairs)):
                checked[pair.id] = result
                step()
            report.problems += _counted(dataset, split, selection)
            report.problems += _judged(dataset, split, pairs, checked)
            report.lines.append(_summary(dataset, split, selection, checked))
            for pair in pairs:
                for side, digest in enumerate(checked[pair.id].digests or ()):
                    seen.setdefault(digest, []).append((split, pair.id, side))
    report.problems += _doubles(seen)
    if found and not splits and len(found) < len(dataset.parts):
        report.lines.append(f"to check only what is there: --split {','.join(found)}")
    return report


def check(dataset: Dataset, pair: Pair) -> Checked:
    """Read a pair and everything that belongs to it."""
    if pair.problem is not None:
        return Checked(fault=pair.problem)
    if pair.ir is None or pair.vis is None:
        return Checked(fault="not made of two files")
    try:
        contents = [reading.read_bytes(path) for path in (pair.ir, pair.vis)]
        digests = tuple(hashlib.sha256(content).hexdigest() for content in contents)
        ir, vis = (reading.decode(content, path) for content, path in zip(contents, (pair.ir, pair.vis)))
    except UserError as error:
        return Checked(fault=error.message)
    (height, width), (vis_height, vis_width) = ir.luminance.shape, vis.luminance.shape
    if (height, width) != (vis_height, vis_width):
        return Checked(digests, fault=f"different sizes: infrared {width}x{height}, visible {vis_width}x{vis_height}")
    notes = tuple(f"{path.name}: {note}" for path, read in ((pair.ir, ir), (pair.vis, vis)) for note in read.notes)
    flat = [
        path.name for path, read in ((pair.ir, ir), (pair.vis, vis)) if read.luminance.min() == read.luminance.max()
    ]
    if flat:
        return Checked(digests, (width, height), notes, fault=f"{flat[0]}: every pixel has the same value")
    objects, label_fault = None, None
    try:
        objects = len(dataset.boxes(pair)) if pair.labels is not None and dataset.classes else None
        if pair.mask is not None and reading.size(pair.mask) != (width, height):
            label_fault = f"{pair.mask.name}: the segmentation is not of the images' size"
    except UserError as error:
        label_fault = error.message
    registered = registration.measure(ir.luminance, vis.luminance)
    return Checked(digests, (width, height), notes, None, registered, objects, label_fault)


def _counted(dataset: Dataset, split: str, selection: Selection) -> list[Problem]:
    """Tell of too few or too many pairs; and which, where the ids are known."""
    problems = []
    present = {pair.id for pair in selection.pairs}
    published = dataset.card.counts.get(split)
    official = dataset.schemes().get("official", {}).get(split)
    if official is not None and (missing := [id for id in official if id not in present]):
        problems.append(
            Problem(
                ERROR, split, "", f"{len(missing)} of {len(official)} pairs are missing: {first_few(missing, _LISTED)}"
            )
        )
    elif published is not None and len(present) != published:
        problems.append(Problem(ERROR, split, "", f"{len(present)} pairs, published are {published}"))
    problems += [Problem(WARNING, split, "", note) for note in selection.notes if "outside the official" in note]
    return problems


def _judged(dataset: Dataset, split: str, pairs: Sequence[Pair], checked: dict[str, Checked]) -> list[Problem]:
    """Tell what is wrong with single pairs."""
    problems = []
    expected = _expected(dataset, split)
    measured = {id: result.registered for id, result in checked.items() if result.registered is not None}
    odd = registration.outliers(measured, edges_agree=dataset.card.task == "ivf")
    labelled = sum(result.objects is not None or result.label_fault is not None for result in checked.values())
    for pair in pairs:
        result = checked[pair.id]
        if result.fault:
            problems.append(Problem(ERROR, split, pair.id, result.fault))
        for side, path in enumerate((pair.ir, pair.vis)):
            stated = expected(side, path)
            if result.digests and stated and result.digests[side] != stated:
                digest = result.digests[side]
                what = f"{path.name} is not the publisher's file (SHA-256 {digest[:12]}…, not {stated[:12]}…)"
                problems.append(Problem(ERROR, split, pair.id, what))
        if result.label_fault:
            problems.append(Problem(ERROR, split, pair.id, result.label_fault))
        elif labelled > len(pairs) / 2 and result.objects is None and result.fault is None:
            problems.append(Problem(ERROR, split, pair.id, "no label file"))
        problems += [Problem(WARNING, split, pair.id, note) for note in result.notes]
        if pair.id in odd:
            problems.append(Problem(WARNING, split, pair.id, odd[pair.id]))
    return problems


def _expected(dataset: Dataset, split: str) -> Callable[[int, Path | None], str | None]:
    """Side (0 infrared, 1 visible) and file -> the SHA-256 that the manifest states for it, if it does."""
    manifest = dataset.manifest()
    layouts = getattr(dataset, "layouts", None)
    if manifest is None or layouts is None:
        return lambda side, path: None
    # Splits that are mere lists lie in the same folders as the whole set.
    published = layouts(split)[0]
    folders = published.ir, published.vis
    return lambda side, path: None if path is None else manifest.files.get(f"{folders[side]}/{path.name}")


def _doubles(seen: dict[str, list[tuple[str, str, int]]]) -> list[Problem]:
    """Tell of images that occur twice, in one split or across splits."""
    problems = []
    for places in seen.values():
        if len(places) > 1:
            split, id, side = places[0]
            others = ", ".join(f"{other} ({where})" for where, other, _ in places[1:][:_LISTED])
            kind = ("infrared", "visible")[side]
            across = " across splits" if len({where for where, _, _ in places}) > 1 else ""
            problems.append(Problem(ERROR if across else WARNING, split, id, f"same {kind} image{across}: {others}"))
    return problems


def _summary(dataset: Dataset, split: str, selection: Selection, checked: dict[str, Checked]) -> str:
    good = [result for result in checked.values() if result.fault is None]
    sizes = {result.size for result in good}
    size = " ".join("x".join(map(str, one)) for one in sizes) if len(sizes) == 1 else f"{len(sizes)} sizes"
    expected = _expected(dataset, split)
    known = sum(expected(0, pair.ir) is not None for pair in selection.pairs)
    objects = [result.objects for result in good if result.objects is not None]
    parts = [f"{len(good)} of {len(checked)} pairs readable and complete", size]
    parts.append(f"{known} checked against published hashes" if known else "no published hashes known")
    if objects:
        parts.append(f"{sum(objects)} objects in {len(objects)} label files")
    return f"{dataset.name}@{split}: {', '.join(parts)}; {selection.found}"
