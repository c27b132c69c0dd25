"""Run an experiment: fuse what is missing, export, train, evaluate once on the test part, and keep all of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path

import numpy as np

from benchmark.detection import export, late_fusion, precision, setups
from benchmark.detection.counterparts import counterparts
from benchmark.detection.division import Division, Item
from benchmark.detection.initial_weights import is_transformer
from benchmark.detection.settings import MIXED, Settings, facts, truth
from benchmark.detection.setups import Run, Setup
from benchmark.errors import UserError, one_line
from benchmark.imaging import reading
from benchmark.progress import Part, Progress
from benchmark.run import jobs, runner
from benchmark.run.methods import Method
from benchmark.store import cells, files, provenance

PACKAGES = (
    "ensemble-boxes",
    "ultralytics",
    "ultralytics-opencv-headless",
    "torchvision",
    "faster-coco-eval",
    "albumentations",
)


@dataclass(frozen=True)
class Fusion:
    """What fusing the images came to. unfit: method -> the state that keeps it from taking part. broken: id -> why no
    method has its image. told: for the user, one line each."""

    unfit: dict[str, str]
    broken: dict[str, str]
    told: tuple[str, ...]


class Experiment:
    """Trains and evaluates detectors for `methods` and `seeds`, on `division` under `settings`.

    helpers: further methods to train on, which are not evaluated. init: makes the file of initial weights for a seed
    and returns the SHA-256 of the weights in it. ready: the detector (`yolo.Ready`) of the protocol "pretrained", which
    trains none.
    """

    def __init__(
        self,
        results: Path,
        division: Division,
        methods: Sequence[Method],
        helpers: Sequence[Method],
        settings: Settings,
        seeds: Sequence[int],
        init: Callable[[Path, int], str],
        device: str,
        fuse_device: str,
        command: str = "",
        ready=None,
    ) -> None:
        self.ready = ready
        self.results, self.division, self.settings, self.seeds = results, division, settings, seeds
        self.methods, self.helpers, self.init = methods, helpers, init
        self.device, self.fuse_device, self.command = device, fuse_device, command
        self.progress = Progress()
        self.whole: Part | None = None  # of all trainings
        self.unfit: dict[str, str] = {}  # method -> the state that keeps it from taking part
        self.sizes: dict[str, tuple[int, int]] = {}  # id -> width and height
        self.stopped: list[str] = []  # rows of which a seed could not be done, though there is the method
        self.loaded: tuple[Path, object] | None = None  # the last detector, with its weights

    def planned(self) -> list[jobs.Job]:
        """Return the fusion that is needed, one job per method and split."""
        return [
            jobs.fuser_job(self.results, split, method, {}, device=self.fuse_device, colour=not is_infrared(method))
            for method in (*self.methods, *self.helpers)
            for name, split in self.division.splits.items()
            if any(item.split == name for part in self._parts(method) for item in self.division.parts[part])
        ]

    def _parts(self, method: Method) -> tuple[str, ...]:
        """Return the parts of the division that a method must fuse."""
        trains = self.settings.protocol == "retrain" or method.name in (self.settings.trained_on or "").split("+")
        return (*(("train", "val") if trains else ()), *(("test",) if method in self.methods else ()))

    def run(self, fusion: Fusion | None = None) -> tuple[Setup, Fusion]:
        """Do all of it. Keep what is done already. Tell and record what fails, and go on with the rest.

        fusion: what another detector's experiment on the same images made of them; they are fused if left out.
        """
        fusion = self._fuse() if fusion is None else fusion
        self._take(fusion)
        division = self.division
        folder = setups.place(self.results, division.dataset, division.name)
        shared = setups.key(asdict(self.settings), division.sha256(), division.data_sha256())
        setup = Setup(folder / f"{self.settings.detector}-{self.settings.protocol}-{shared[:8]}")
        labels = [method.label for method in self.methods]
        setup.write(facts(division, self.settings, labels), truth(division, self._size))
        exported = self._export(folder / "data")
        if self.ready is None:
            self._train_all(setup, exported)
        else:
            self._evaluate_all(setup, exported)
        return setup, fusion

    def _evaluate_all(self, setup: Setup, exported: dict) -> None:
        """Evaluate the detector that is not trained."""
        title, count = f"{self.division} {self.settings.detector}, method", len(self.seeds) * len(self.methods)
        with self.progress.bar(title, count, "method", summary=False) as step:
            for seed in self.seeds:
                for method in self.methods:
                    self._one(setup.run(method.label, seed), setup, exported, method, self.ready.sha256, self.ready)
                    step()
                self._both_cameras(setup, seed)

    def _train_all(self, setup: Setup, exported: dict) -> None:
        frozen, epochs = self.settings.protocol == "frozen", self.settings.epochs
        trainings = len(self.seeds) * (1 if frozen else len(self.methods))
        with self.progress.whole(f"all {trainings} trainings", trainings * epochs, shown=trainings > 1) as self.whole:
            over = 0
            for seed in self.seeds:
                init = self.init(setup.init(seed), seed)
                detector = self._trained(setup, exported, seed, init) if frozen else None
                for method in self.methods:
                    self._one(setup.run(method.label, seed), setup, exported, method, init, detector)
                    over += 0 if frozen else epochs
                    self.whole.reach(over)
                self._both_cameras(setup, seed)
                over += epochs if frozen else 0
                self.whole.reach(over)

    def _fuse(self) -> Fusion:
        outcomes = runner.run_jobs(self.planned(), 0, self.command)
        by_method: dict[str, list[runner.Outcome]] = {}
        for outcome in outcomes:
            by_method.setdefault(outcome.job.cell.method, []).append(outcome)
        told = dict.fromkeys(f"{o.job.split.name}: {line}" for o in outcomes for line in o.told)
        failed, tried, unfit = {}, {}, {}
        for label, found in by_method.items():
            reason = next((outcome.state for outcome in found if outcome.state), None)
            if reason:
                unfit[label] = reason
            failed[label] = {id: why for outcome in found for id, why in outcome.failed.items()}
            tried[label] = {id for outcome in found for id in outcome.job.keys}
        # Where every method fails, the image is at fault.
        fit = [label for label in failed if label not in unfit]
        broken = {}
        for id in sorted({id for label in fit for id in failed[label]} - self.division.excluded.keys()):
            reasons = [failed[label].get(id) for label in fit if id in tried[label]]
            if all(reasons):
                broken[id] = reasons[0]
        for label, reasons in failed.items():
            mine = {id: why for id, why in reasons.items() if id not in self.division.excluded and id not in broken}
            if mine and label not in unfit:
                id, why = next(iter(mine.items()))
                unfit[label] = f"failed ({len(mine)} images could not be fused: {id}: {why})"
        return Fusion(unfit, broken, tuple(told))

    def _take(self, fusion: Fusion) -> None:
        """Leave out what could not be fused. Raises UserError where nothing is left."""
        self.unfit = dict(fusion.unfit)
        self.division = replace(self.division, notes=(*self.division.notes, *fusion.told)).without(fusion.broken)
        if all(method.label in self.unfit for method in self.methods):
            raise UserError("; ".join(f"{method.label}: {self.unfit[method.label]}" for method in self.methods))

    def _size(self, item: Item, label: str = "") -> tuple[int, int]:
        """Return the size of a pair's images, which all methods share. label: a method that has one; any if left out.
        Reads each once: there are as many files as methods."""
        if item.pair.id not in self.sizes:
            label = label or next(method.label for method in self.methods if method.label not in self.unfit)
            self.sizes[item.pair.id] = reading.size(self._cell(label, item.split).fused(item.pair.id))
        return self.sizes[item.pair.id]

    def _cell(self, label: str, split: str) -> cells.Cell:
        return cells.Cell(self.results, self.division.dataset, split, label)

    def _export(self, folder: Path) -> dict[str, tuple[Path, dict[str, str]]]:
        """Export the images; return method -> (folder of its data set, part -> SHA-256)."""
        found = {}
        for method in (*self.methods, *self.helpers):
            if method.label not in self.unfit:
                parts = {part: self.division.parts[part] for part in self._parts(method)}
                found[method.label] = self._write(folder / method.label, lambda number, m=method: m, parts)
        if self.settings.trained_on == MIXED:
            sources = [next(m for m in (*self.methods, *self.helpers) if m.name == name) for name in MIXED.split("+")]
            if not any(source.label in self.unfit for source in sources):
                parts = {part: self.division.parts[part] for part in ("train", "val")}
                found[MIXED] = self._write(folder / MIXED, lambda number: sources[number % 2], parts)
        return found

    def _write(self, folder: Path, method_of: Callable[[int], Method], parts: Mapping) -> tuple[Path, dict[str, str]]:
        pictures = []
        for part, items in parts.items():
            for number, item in enumerate(items):
                method = method_of(number)
                cell = self._cell(method.label, item.split)
                file = (cell.fused if is_infrared(method) else cell.colour)(item.pair.id)
                pictures.append(export.Picture(part, item.pair.id, file, item.boxes, self._size(item, method.label)))
        return export.write(folder, pictures, self._class_names())

    def _class_names(self) -> list[str]:
        """Return the detector's classes by number. Those that stand for the set's are called as the set calls them."""
        if self.ready is None:
            return list(self.division.classes)
        names = self.ready.names | {number: name for name, number in self._numbers().items()}
        return [names[number] for number in sorted(names)]

    def _trained(self, setup: Setup, exported: dict, seed: int, init: str):
        """Train the one detector of the protocol "frozen". Return it, or the reason why there is none."""
        name = self.settings.trained_on
        if name not in exported:
            return f"failed (nothing to train on: {name}: {self.unfit.get(name, 'not fused')})"
        run = setup.run(name, seed)
        with self._lock(run):
            try:
                return self._train(setup, run, exported[name], init)
            except Exception as error:  # ultralytics may raise anything
                return f"failed (training on {name}: {type(error).__name__}: {one_line(error)})"

    def _one(self, run: Run, setup: Setup, exported: dict, method: Method, init: str, frozen) -> None:
        """Evaluate one method with one seed. frozen: the detector of that protocol or of "pretrained", or the reason
        why there is none; None: train one first."""
        about = {"name": method.name, "title": method.card.title, "version": method.version}
        about |= {"trained_on": method.trained_on, "checkpoint_sha256": method.checkpoint_sha256}
        about |= {"preliminary": method.preliminary, "precision": method.precision}
        about |= {"tuned": method.tuned} if method.tuned else {}
        about |= {"output": method.output, "native": method.native}
        record = {
            "format": setups.FORMAT, "task": setups.TASK, "method": method.label, "about": about, "seed": run.seed,
        }  # fmt: skip
        if method.label in self.unfit:
            self._stop(run, record, self.unfit[method.label], bool(method.unavailable))
            return
        if isinstance(frozen, str):
            self._stop(run, record, frozen)
            return
        folder, parts = exported[method.label]
        with self._lock(run):
            trains_on = {} if self.ready else parts if frozen is None else exported[self.settings.trained_on][1]
            trained_by = self._train_key(trains_on, init, run.seed) if trains_on else [init, self.settings.ultralytics]
            record["key"] = setups.key(setups.FORMAT, precision.VERSION, trained_by, parts["test"])
            if (kept := run.record()).get("state") == "done" and kept.get("key") == record["key"]:
                if kept.get("about") != about:  # the same images, of a method that says more of itself
                    run.write({**kept, "about": about})
                return
            start = time.monotonic()
            record |= {"start": provenance.now(), "device": self.device, "command": self.command}
            record["init_sha256"] = init
            try:
                trained = frozen or self._train(setup, run, exported[method.label], init)
                if trains_on:
                    record["training"] = {
                        "trained_on": self.settings.trained_on or method.label,
                        "data_sha256": {part: trains_on[part] for part in ("train", "val")},
                        "arguments": self.settings.arguments(run.seed, self.device),
                        "weights_sha256": trained.sha256,
                        "best_epoch": trained.best_epoch,
                        "val": trained.val,
                        "resumed_after": trained.resumed,
                    }
                record |= self._evaluate(run, setup, folder, trained)
            except Exception as error:  # ultralytics may raise anything; the other trainings go on
                self._stop(run, record, f"failed ({type(error).__name__}: {one_line(error)})")
                return
            record |= {"state": "done", "test_sha256": parts["test"], "end": provenance.now()}
            record["environment"] = _environment()
            run.write(record)
            self._tell(run, record, time.monotonic() - start)

    def _tell(self, run: Run, record: dict, seconds: float) -> None:
        figure = record["test"]["all"]["AP"]
        text = "no instance" if figure is None else f"AP {100 * figure:.1f} %"
        facts = {"AP": figure, "seconds": round(seconds, 1)}
        self.progress.line(f"{self._title(run)}: {text}, {seconds:.0f} s", "evaluated", **self._place(run), **facts)

    def _stop(self, run: Run, record: dict, state: str, unavailable: bool = False) -> None:
        if not unavailable:
            self.stopped.append(run.method)
        run.write({**record, "state": state, "end": provenance.now(), "environment": _environment()})
        self.progress.line(f"{self._title(run)}: {state}", "failure", **self._place(run), reason=state)

    def _place(self, run: Run) -> dict:
        """What events call a training by."""
        division = self.division
        about = {"dataset": division.dataset, "split": division.name, "detector": self.settings.detector}
        return {**about, "method": run.method, "seed": run.seed}

    def _title(self, run: Run) -> str:
        seed = f", seed {run.seed}" if self.ready is None else ""
        return f"{self.division} {self.settings.detector} {run.method}{seed}"

    def _train_key(self, parts: Mapping[str, str], init: str, seed: int) -> str:
        arguments = {k: v for k, v in self.settings.arguments(seed, self.device).items() if k != "device"}
        return setups.key(init, parts["train"], parts["val"], arguments, self.settings.ultralytics)

    def _train(self, setup: Setup, run: Run, exported: tuple[Path, dict[str, str]], init: str):
        from benchmark.detection import yolo

        folder, parts = exported
        job = yolo.Job(
            data=(folder / "data.yaml").resolve(),
            init=setup.init(run.seed),
            folder=run.training.resolve(),
            arguments=self.settings.arguments(run.seed, self.device),
            key=self._train_key(parts, init, run.seed),
        )
        title, place = f"{self._title(run)}, epoch", self._place(run)
        with self.progress.bar(title, self.settings.epochs, "epoch", summary=False, whole=self.whole, **place) as step:
            return yolo.train(job, step)

    def _evaluate(self, run: Run, setup: Setup, folder: Path, trained) -> dict:
        from benchmark.detection import yolo

        numbers = self._numbers()
        if self.loaded is None or self.loaded[0] != trained.weights:
            self.loaded = trained.weights, yolo.load(trained.weights, [*numbers.values()] or None)
        found = yolo.detect(
            self.loaded[1],
            (folder / "data.yaml").resolve(),
            "test",
            self.settings.imgsz,
            self.settings.batch,
            self.device.split(",")[0],
            run.folder.resolve() / "test",
        )
        labelled = setup.truth()
        none = precision.nothing()
        ids = [image["file_name"] for image in labelled["images"]]
        lines = [precision.line(id, *self._renumbered(*found.found.get(id, none))) for id in ids]
        suppressed = {} if is_transformer(self.settings.detector) else {"suppression_iou": yolo.OVERLAP}
        called = {self.ready.names[number]: name for name, number in numbers.items()}
        own = {**found.own, "classes": {called.get(name, name): v for name, v in found.own["classes"].items()}}
        return {
            "evaluation": {**_evaluation(), "confidence": yolo.CONFIDENCE, **suppressed},
            "ultralytics": {**own, "kept_per_image": yolo.KEPT_BY_ULTRALYTICS},
            **_evaluated(run, labelled, lines),
        }

    def _both_cameras(self, setup: Setup, seed: int) -> None:
        """Evaluate what the detector finds in the two cameras' images together, where it has been shown both."""
        runs = [setup.run(camera, seed) for camera in late_fusion.CAMERAS]
        records = [run.record() for run in runs]
        if any(record.get("state") != "done" for record in records):
            return
        run = setup.run(late_fusion.LABEL, seed)
        with self._lock(run):
            merging = late_fusion.tool()
            key = setups.key(setups.FORMAT, precision.VERSION, [record.get("key") for record in records], merging)
            if (kept := run.record()).get("state") == "done" and kept.get("key") == key:
                return
            start = time.monotonic()
            record = {
                "format": setups.FORMAT,
                "task": setups.TASK,
                "method": late_fusion.LABEL,
                "about": {"name": late_fusion.LABEL, "title": late_fusion.TITLE, "version": "1", "output": "raw"},
                "seed": seed,
                "key": key,
                "start": provenance.now(),
                "command": self.command,
                "evaluation": {**_evaluation(), "merged": merging},
                "ultralytics": {"mAP50": None, "mAP50-95": None, "classes": {}},
            }
            try:
                labelled = setup.truth()
                record |= _evaluated(run, labelled, late_fusion.merged(labelled, *(run.detections() for run in runs)))
            except (KeyError, TypeError, ValueError, IndexError):
                found = " or ".join(f"{run.method}/seed{seed}/{run.detections_file.name}" for run in runs)
                self._stop(run, record, f"failed ({found} is broken)")
                return
            run.write({**record, "state": "done", "end": provenance.now(), "environment": _environment()})
            self._tell(run, record, time.monotonic() - start)

    def _numbers(self) -> dict[str, int]:
        """Return class of the division -> its number with a detector that is not trained; empty for one that is."""
        return {} if self.ready is None else counterparts(self.division.classes, self.ready.names)

    def _renumbered(self, boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray):
        """Give detections the division's numbers of classes, in place of the detector's own."""
        if self.ready is None:
            return boxes, scores, classes
        place = {number: k for k, number in enumerate(self._numbers().values())}
        kept = np.array([number in place for number in classes], bool)
        return boxes[kept], scores[kept], np.array([place[number] for number in classes[kept]], int)

    @contextmanager
    def _lock(self, run: Run):
        from filelock import FileLock, Timeout

        run.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(run.folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            self.progress.line(f"{self._title(run)}: another process is at work on it; waiting")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()


def _evaluation() -> dict:
    tool = f"faster-coco-eval {metadata.version('faster-coco-eval')}"
    return {"tool": tool, "kept_per_image": precision.KEPT}


def _evaluated(run: Run, labelled: dict, lines: list[dict]) -> dict:
    """Evaluate detections, and keep them and their curves beside the record that is returned in parts."""
    figures, curves = precision.evaluate(labelled, lines)
    files.write_lines(run.detections_file, lines)
    recalls = [round(float(value), 2) for value in precision.RECALLS]
    setups.write_json(run.folder / "curves.json", {"recall": recalls, "precision": curves})
    return {
        "test": figures,
        "confusion": {
            "confidence": precision.CONFIDENT,
            "iou": precision.OVERLAP,
            "counts": precision.confusion(labelled, lines),
        },
    }


def is_infrared(method: Method) -> bool:
    """Return whether a method's images are those of the infrared camera, which have no colours."""
    return method.name == "ir"


def _environment() -> dict:
    found = provenance.environment()
    for package in PACKAGES:
        try:
            found["packages"][package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
