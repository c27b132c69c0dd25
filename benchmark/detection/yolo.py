"""Run detectors of ultralytics: make initial weights, train and resume, detect.

Import this only after `offline.prepare`.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
import ultralytics
from ultralytics import RTDETR, YOLO
from ultralytics.models.rtdetr.train import RTDETRTrainer
from ultralytics.models.rtdetr.val import RTDETRValidator
from ultralytics.models.yolo.detect import DetectionTrainer, DetectionValidator
from ultralytics.nn.modules import Detect, RTDETRDecoder
from ultralytics.nn.tasks import DetectionModel, RTDETRDetectionModel, torch_safe_load
from ultralytics.utils import ROOT, YAML

from benchmark.detection.initial_weights import is_transformer
from benchmark.errors import UserError, one_line, unknown
from benchmark.store import files

VERSION = ultralytics.__version__
CONFIDENCE = 0.001
OVERLAP = 0.7  # IoU above which the less confident of two boxes of a class is suppressed, ultralytics' default
KEPT_BY_ULTRALYTICS = 300  # detections of an image that its own mAP counts


class _StoppedClock:
    @staticmethod
    def time() -> float:
        return 0.0


class Validator(DetectionValidator):
    """Ultralytics' validator without its time limit. After that limit it drops the detections of the images left, which
    would change results on a busy machine."""

    def postprocess(self, preds):
        with patch("ultralytics.utils.nms.time", _StoppedClock):
            return super().postprocess(preds)


class _WithoutCheck:
    """A trainer without ultralytics' check of mixed precision, which would download a network."""

    def _setup_train(self):
        with patch("ultralytics.engine.trainer.check_amp", lambda model: next(model.parameters()).is_cuda):
            super()._setup_train()


class Trainer(_WithoutCheck, DetectionTrainer):
    """Ultralytics' trainer with `Validator`."""

    def get_validator(self):
        return Validator(self.test_loader, self.save_dir, copy(self.args), self.callbacks)


class TransformerTrainer(_WithoutCheck, RTDETRTrainer):
    """Ultralytics' trainer of RT-DETR, whose validator suppresses no boxes and needs no time limit."""


@dataclass(frozen=True)
class Job:
    """A training to do. data: the data set's YAML file. init: the file of initial weights. folder: ultralytics' own;
    `training.json` beside it keeps the key. arguments: those of ultralytics. key: hash of what the training depends
    on."""

    data: Path
    init: Path
    folder: Path
    arguments: dict
    key: str


@dataclass(frozen=True)
class Trained:
    """A training that is done. weights: the best on validation; sha256: of their file. best_epoch: counted from 1. val:
    ultralytics' metrics at that epoch. resumed: for each time that a stopped training went on, the epochs done by
    then."""

    weights: Path
    sha256: str
    best_epoch: int
    val: dict[str, float]
    resumed: list[int]


# Arguments that `bench detect` sets itself, or that would change what is compared.
_OWN = {
    *("task", "mode", "model", "data", "epochs", "time", "batch", "imgsz", "device", "workers", "project", "name"),
    *("exist_ok", "pretrained", "seed", "resume", "patience", "val", "split", "save", "save_json", "conf", "iou"),
    *("max_det", "plots", "verbose", "cfg", "single_cls", "fraction", "save_dir", "augmentations", "distill_model"),
}


def further_arguments(entries: Sequence[str]) -> dict:
    """Read "KEY=VALUE" entries as arguments of ultralytics' training. Raises UserError for any other entry, and for an
    argument that is not free."""
    import yaml
    from ultralytics.cfg import check_cfg
    from ultralytics.utils import DEFAULT_CFG_DICT

    known = sorted(set(DEFAULT_CFG_DICT) - _OWN)
    found = {}
    for entry in entries:
        name, equals, text = entry.partition("=")
        if not equals or not text.strip():
            raise UserError(f"--argument {entry}: expected KEY=VALUE")
        if name not in known:
            raise unknown("argument of training", name, known)
        try:
            found[name] = yaml.safe_load(text)
            check_cfg({name: found[name]})
        except (yaml.YAMLError, TypeError, ValueError) as error:
            raise UserError(f"--argument {entry}: {one_line(error)}") from None
    return found


def save_init(path: Path, name: str, classes: list[str], seed: int, pretrained: Path | None) -> str:
    """Make the file of initial weights where there is none. Return the SHA-256 of the weights in it.

    All trainings with one seed begin with this file. pretrained: weights that replace random ones wherever they fit.
    """
    if not path.is_file():
        torch.manual_seed(seed)
        model = _build(name, len(classes))
        model.names = dict(enumerate(classes))
        if pretrained is not None:
            model.load(_network(pretrained), verbose=False)
        beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save({"model": model, "epoch": -1, "train_args": {"task": "detect"}}, beside)
        os.replace(beside, path)
    return weights_sha256(_network(path))


def _build(name: str, classes: int) -> DetectionModel:
    kind = RTDETRDetectionModel if is_transformer(name) else DetectionModel
    return kind(f"{name}.yaml", ch=3, nc=classes, verbose=False)


def check_weights(detector: str, path: Path) -> None:
    """Raise UserError where a file does not hold the weights of a detector, or those of another than `detector`."""
    _check_fit(detector, path, _network(path))


def _checkpoint(path: Path) -> dict:
    try:
        content = torch_safe_load(path)[0]
    except Exception as error:  # a damaged file makes torch raise anything
        raise UserError(f"{path}: not weights of an ultralytics detector ({one_line(error)})") from None
    model = (content.get("ema") or content.get("model")) if isinstance(content, Mapping) else None
    if not isinstance(model, torch.nn.Module):
        raise UserError(f"{path}: not weights of an ultralytics detector (no network is in it)")
    head = model.model[-1] if type(model) in (DetectionModel, RTDETRDetectionModel) else None
    if not isinstance(head, (Detect, RTDETRDecoder)):
        raise UserError(f"{path}: weights of a {type(model).__name__}, which is no detector of boxes")
    return {**content, "model": model}


def _network(path: Path) -> DetectionModel:
    """Return the network in a file: the averaged one where training left both."""
    return _checkpoint(path)["model"]


def _check_fit(detector: str, path: Path, model: DetectionModel) -> None:
    expected = _build(detector, model.model[-1].nc).state_dict()
    found = model.state_dict()
    # A fused network has no batch normalisation left: its convolutions tell which detector it is.
    layers = [name for name, value in expected.items() if value.ndim == 4]
    if any(name not in found or found[name].shape != expected[name].shape for name in layers):
        told = architecture(model)
        other = f"but of {told}; give --detector {told}" if told not in ("", detector) else "whose layers are others"
        raise UserError(f"{path}: not weights of {detector}, {other}")


def architecture(model: DetectionModel) -> str:
    """Return the name of the detector that a network says it is, such as "yolov8n"; empty where it does not say."""
    return Path(str((getattr(model, "yaml", None) or {}).get("yaml_file") or "")).stem


def detector_in(path: Path) -> str:
    """Return the name of the detector whose weights a file holds; empty where the file does not say. Raises UserError
    where it holds none."""
    return architecture(_network(path))


@dataclass(frozen=True)
class Ready:
    """A detector that is only evaluated. sha256: of its weights. names: number -> class, as its makers call it."""

    weights: Path
    sha256: str
    names: dict[int, str]


def ready(detector: str, path: Path) -> Ready:
    """Look at the weights of a detector that is only evaluated. Raises UserError where the file holds none, or those of
    another detector than `detector`, and where its classes have no names."""
    model = _network(path)
    _check_fit(detector, path, model)
    return Ready(path, weights_sha256(model), _class_names(path, model))


def _class_names(path: Path, model: DetectionModel) -> dict[int, str]:
    """Return number -> name of a network's classes: its own names, or COCO's where it has none for as many classes."""
    count, names = model.model[-1].nc, getattr(model, "names", None)
    names = dict(enumerate(names)) if isinstance(names, (list, tuple)) else names
    named = isinstance(names, Mapping) and set(names) == set(range(count))
    # Ultralytics numbers classes that nobody has named.
    if named and any(str(name) not in (str(number), f"class{number}") for number, name in names.items()):
        return {number: str(name) for number, name in sorted(names.items())}
    coco = YAML.load(ROOT / "cfg" / "datasets" / "coco.yaml")["names"]
    if count != len(coco):
        raise UserError(f"{path}: its {count} classes have no names, and as many as COCO's they are not")
    return coco


def weights_sha256(model: torch.nn.Module) -> str:
    """Return the SHA-256 (hex) of a model's weights: names, shapes and values."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        value = value.detach().cpu().float().contiguous()
        digest.update(f"{name} {tuple(value.shape)}\n".encode())
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()


def train(job: Job, step: Callable[[], None] = lambda: None) -> Trained:
    """Do the training in `job.folder`: begin it, go on with it, or see that it is finished.

    step: called after every epoch. Raises whatever ultralytics raises where the training fails.
    """
    note = job.folder.with_name("training.json")  # beside the folder, which ultralytics empties on several GPUs
    record = _read(note)
    if record.get("key") != job.key:
        shutil.rmtree(job.folder, ignore_errors=True)
        record = {"key": job.key, "resumed": []}
    best, last = job.folder / "weights" / "best.pt", job.folder / "weights" / "last.pt"
    done = _epochs_done(last, job.arguments["epochs"]) if _whole(best) else None
    if done is None:
        model, arguments = YOLO(job.init), job.arguments
        record["resumed"] = []
    elif done < job.arguments["epochs"]:
        model, arguments = YOLO(last), {"resume": True, "device": job.arguments["device"]}
        record["resumed"] = [*record["resumed"], done]
    if done is None or done < job.arguments["epochs"]:
        files.replace(note, json.dumps(record))
        if "," not in job.arguments["device"]:  # callbacks do not reach the processes of several GPUs
            _tell_epochs(model, job.arguments["epochs"] - (done or 0), step)
        trainer = TransformerTrainer if isinstance(model, RTDETR) else Trainer
        _without_fonts(model.train, trainer=trainer, data=str(job.data), save_dir=str(job.folder), **arguments)
    if not best.is_file():
        raise RuntimeError("ultralytics ended without weights")
    checkpoint = torch_safe_load(best)[0]
    if checkpoint["train_args"]["batch"] != job.arguments["batch"]:
        # Ultralytics halves the batch where memory is short, which is another schedule than the other methods have.
        raise RuntimeError(f"out of memory with a batch of {job.arguments['batch']}; give a smaller --batch")
    metrics = checkpoint["train_metrics"]
    val = {name: float(value) for name, value in metrics.items() if math.isfinite(value)}
    epoch = _epoch_of(val["fitness"], job.folder / "results.csv")
    return Trained(best, files.file_sha256(best), epoch, val, record["resumed"])


def _tell_epochs(model: YOLO, epochs: int, step: Callable[[], None]) -> None:
    left = [epochs]

    def epoch_ended(trainer):
        # Ultralytics calls this once more when it validates the best weights at the end.
        if left[0] > 0:
            left[0] -= 1
            step()

    model.add_callback("on_fit_epoch_end", epoch_ended)


def _epoch_of(fitness: float, curve: Path) -> int:
    """Return the epoch of the best weights: the last one with that fitness, which is mAP50-95 on validation."""
    with open(curve, encoding="utf-8", newline="") as file:
        rows = [{name.strip(): value for name, value in row.items()} for row in csv.DictReader(file)]
    epochs = [int(r["epoch"]) for r in rows if math.isclose(float(r["metrics/mAP50-95(B)"]), fitness, abs_tol=1.1e-5)]
    return max(epochs, default=0)


def _epochs_done(last: Path, epochs: int) -> int | None:
    """Return how many epochs the last state has behind it; None where no state can be read."""
    checkpoint = _whole(last)
    if checkpoint is None:
        return None
    # Ultralytics takes the optimiser out when a training is finished.
    return epochs if checkpoint.get("optimizer") is None else checkpoint["epoch"] + 1


def _whole(state: Path) -> dict | None:
    """Return the content of a file of ultralytics'; None where there is none, or a kill tore it."""
    if not state.is_file():  # ultralytics would look for it on the network
        return None
    try:
        return torch_safe_load(state)[0]
    except Exception:  # a torn file makes torch raise anything
        return None


def _read(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


@dataclass(frozen=True)
class Detections:
    """What a detector finds.

    found: id of the image -> (boxes (N, 4) as x0, y0, x1, y1 in pixels, scores (N,), classes (N,)), the most confident
    first. own: ultralytics' own figures, mAP50 and mAP50-95, and both for each class.
    """

    found: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]
    own: dict


def load(weights: Path, kept: Collection[int] | None = None) -> YOLO | RTDETR:
    """Load a detector. kept: the numbers of the classes to look for, all where None.

    The confidence of all other classes is zero in the network itself, so that they use up none of the detections that
    an image may have, whether the network chooses them or what comes behind it.
    """
    loaded = YOLO(weights)  # becomes an RTDETR where it reads one
    if kept is not None:
        _silence(loaded.model.model[-1], kept)
    return loaded


def _without_fonts(call: Callable, **arguments):
    """Call what would have matplotlib look through all fonts of the machine, for plots that are not made."""
    with patch("ultralytics.data.utils.check_font", lambda *_: None):
        return call(**arguments)


def _silence(head: torch.nn.Module, kept: Collection[int]) -> None:
    others = [number for number in range(head.nc) if number not in kept]
    if isinstance(head, RTDETRDecoder):
        layers = list(head.dec_score_head)
    else:  # a head with a second branch, which needs no suppression, has both
        branches = [getattr(head, name, None) for name in ("cv3", "one2one_cv3")]
        layers = [sequence[-1] for branch in branches if branch is not None for sequence in branch]
    for layer in layers:
        layer.bias.data[others] = -math.inf


def detect(
    detector: YOLO | RTDETR, data: Path, part: str, imgsz: int, batch: int, device: str, folder: Path
) -> Detections:
    """Run a detector of `load` on one part ("test") of a data set. folder: where ultralytics may write.

    An RT-DETR gets images that are stretched to a square, and its boxes are not suppressed.
    """
    found: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    class Collector(RTDETRValidator if isinstance(detector, RTDETR) else Validator):
        def update_metrics(self, preds, batch):
            for index, pred in enumerate(preds):
                prepared = self._prepare_batch(index, batch)
                scaled = self.scale_preds(pred, prepared)
                order = torch.argsort(scaled["conf"], descending=True, stable=True).cpu()
                boxes, scores, classes = (scaled[name].cpu()[order].numpy() for name in ("bboxes", "conf", "cls"))
                found[Path(prepared["im_file"]).stem] = boxes, scores, classes.astype(int)
            super().update_metrics(preds, batch)

    metrics = _without_fonts(
        detector.val,
        validator=Collector,
        data=str(data),
        split=part,
        imgsz=imgsz,
        batch=batch,
        device=device,
        conf=CONFIDENCE,
        iou=OVERLAP,
        max_det=KEPT_BY_ULTRALYTICS,
        plots=False,
        verbose=False,
        workers=0,
        project=str(folder.parent),
        name=folder.name,
        exist_ok=True,
    )
    classes = {
        metrics.names[index]: {"AP50": float(metrics.box.ap50[place]), "AP": float(metrics.box.ap[place])}
        for place, index in enumerate(metrics.box.ap_class_index)
    }
    return Detections(
        found, {"mAP50": float(metrics.box.map50), "mAP50-95": float(metrics.box.map), "classes": classes}
    )
