"""Import ultralytics so that it uses no network, installs nothing, writes nothing into the home folder and executes
nothing that lies in a folder of results."""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import sys
from pathlib import Path

from benchmark.errors import UserError

_PACKAGES = {
    "ultralytics": "ultralytics",
    "torchvision": "torchvision",
    "faster_coco_eval": "faster-coco-eval",
    "ensemble_boxes": "ensemble-boxes",
}


# Ways in which ultralytics would send data to others, or write elsewhere.
_SETTINGS = {
    "sync": False,
    "api_key": "",
    "clearml": False,
    "comet": False,
    "dvc": False,
    "mlflow": False,
    "raytune": False,
    "tensorboard": False,
    "wandb": False,
    "vscode_msg": False,
    "openvino_msg": False,
}


def check_installed() -> None:
    """Raise UserError where a package of the extra `detect` is missing."""
    missing = [package for module, package in _PACKAGES.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise UserError(f"bench detect needs {', '.join(missing)}: pip install 'mmif-bench[detect]'")


def prepare(folder: Path, online: bool = False) -> None:
    """Make `import ultralytics` safe, once in a process. Keep its settings and fonts in `folder` from then on.

    online: let it download the weights that it is asked for. Nothing else goes over the network either way.
    """
    if "ultralytics" in sys.modules:
        _read_no_caches()
        return
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["YOLO_CONFIG_DIR"] = str(folder)
    os.environ["YOLO_OFFLINE"] = str(not online)
    os.environ["YOLO_AUTOINSTALL"] = "False"
    os.environ["YOLO_VERBOSE"] = "False"
    os.environ["ULTRALYTICS_SAFE_LOAD"] = "True"  # checkpoints are read as weights and known classes only
    os.environ.setdefault("MPLCONFIGDIR", str(folder / "matplotlib"))
    mend_torchvision()
    _place_fonts(folder / "Ultralytics")
    import ultralytics
    from ultralytics.utils import events

    settings = ultralytics.settings
    places = {name: str(folder / name.removesuffix("_dir")) for name in ("datasets_dir", "weights_dir", "runs_dir")}
    wanted = {name: value for name, value in {**_SETTINGS, **places}.items() if settings.get(name) != value}
    if wanted:
        settings.update(wanted)
    events.events.enabled = False
    ultralytics.utils.LOGGER.setLevel(logging.ERROR)
    _read_no_caches()


def _read_no_caches() -> None:
    """Let ultralytics read labels as text each time. It would unpickle a `labels/*.cache` that lies beside them, and
    that runs whatever code the file holds; writing none leaves none to be replaced."""
    from ultralytics.data import dataset

    dataset.load_dataset_cache_file = _no_cache
    dataset.save_dataset_cache_file = _not_kept


def _no_cache(path: Path) -> dict:
    raise FileNotFoundError(path)


def _not_kept(prefix: str, path: Path, labels: dict, version: str) -> None:
    labels["version"] = version  # which ultralytics takes out of it again


def _place_fonts(folder: Path) -> None:
    """Put a font of matplotlib under the two names that ultralytics looks for, so that it downloads none."""
    import matplotlib

    folder.mkdir(parents=True, exist_ok=True)
    font = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    for name in ("Arial.ttf", "Arial.Unicode.ttf"):
        if not (folder / name).exists():
            shutil.copyfile(font, folder / name)


def mend_torchvision() -> None:
    """Let torchvision be imported although its compiled part was built for another torch, as a CUDA build beside a CPU
    build. Non-maximum suppression runs in torch then. Do nothing where torchvision is whole."""
    import torch

    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        schema = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        library = torch.library.Library("torchvision", "DEF")
        library.define(f"nms{schema}")
        library.define(f"qnms{schema}")
        library.impl("nms", _nms, "CompositeExplicitAutograd")
        _kept.append(library)  # a collected library undefines its operators
        import torchvision.ops.boxes

        # torchvision's own wrapper refuses to work without its compiled part.
        torchvision.ops.nms = torchvision.ops.boxes.nms = torch.ops.torchvision.nms


_kept: list = []


def _nms(boxes, scores, iou_threshold: float):
    from ultralytics.utils.nms import TorchNMS

    return TorchNMS.nms(boxes, scores, iou_threshold)
