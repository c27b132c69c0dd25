"""Export a network as TorchScript, which PyTorch runs in Python and in C++ without this package, and check the file."""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import baselines
from baselines.base import as_unit
from baselines.contract import scene
from benchmark.errors import UserError, one_line, unknown
from benchmark.store import files

SIZE = (75, 101)  # height and width that are no multiples, so that padding is traced
OTHER_SIZES = ((96, 128), (131, 100), (67, 91))
LARGEST_DIFFERENCE = 0.1 / 255


class _Fusion(nn.Module):
    """What `fuse` does with tensors, in one module."""

    def __init__(self, fuser: baselines.NetworkFuser):
        super().__init__()
        self.network, self._fuser = fuser.network, fuser

    def forward(self, ir: Tensor, vis: Tensor) -> Tensor:
        return self._fuser.padded_forward(*self._fuser.prepare(ir, vis)).clamp(0, 1)


class _OneSize(nn.Module):
    """A traced module that holds for one size, and refuses others."""

    def __init__(self, traced: nn.Module, height: int, width: int):
        super().__init__()
        self.traced, self.height, self.width = traced, height, width

    def forward(self, ir: Tensor, vis: Tensor) -> Tensor:
        if ir.shape[2] != self.height or ir.shape[3] != self.width or ir.shape != vis.shape:
            raise ValueError(f"expected two images of {self.width}x{self.height} pixels")
        return self.traced(ir, vis)


def export(
    method: str,
    target: Path,
    checkpoint: Path | None = None,
    weights_root: Path | None = None,
    size: tuple[int, int] | None = None,
) -> dict:
    """Write the network of a method as TorchScript, and a record (.json) beside it, which is returned.

    target: ends in `.pt`. size: height and width that it is traced with. The file maps infrared and visible luminance,
    float32 (1, 1, H, W) in [0, 1], to the fused image alike, as `fuse` gives it: clipped, and nothing else. It is
    loaded again and compared with the method at the traced size and three others. Where it holds at the traced one
    alone, it refuses others (`any_size` of the record is false).

    Raises UserError for a method that is no network or cannot be traced, for a result that differs by more than a tenth
    of a grey level, and for a target that exists or cannot be written.
    """
    if target.suffix == ".onnx":
        raise UserError(f"{target}: ONNX is not written; name it .pt, for TorchScript")
    if target.suffix != ".pt":
        raise UserError(f"{target}: the name must end in .pt, for TorchScript")
    record_path = target.with_suffix(".json")
    for path in (target, record_path):
        if path.exists():
            raise UserError(f"{path} is there already; remove it, or give another name")
    if method not in baselines.names():
        raise unknown("method", method, baselines.names())
    try:
        fuser = baselines.load(method, checkpoint, weights_root=weights_root)
    except baselines.Unavailable as error:
        raise UserError(one_line(error)) from error
    if not isinstance(fuser, baselines.NetworkFuser):
        raise UserError(f"{method} is no network, so that there is nothing to export")
    traced_size = size or SIZE
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of tracing, whose result is checked
        try:
            traced = torch.jit.trace(_Fusion(fuser), _tensors(traced_size), check_trace=False)
        except Exception as error:  # what a network cannot do under tracing is as manifold as networks are
            raise UserError(f"{method} cannot be exported: {one_line(error)[:300]}") from error
        difference = _difference(traced, fuser, traced_size)
        others = [_difference(traced, fuser, other) for other in OTHER_SIZES]
        if not difference <= LARGEST_DIFFERENCE:
            raise UserError(f"{method} cannot be exported: its TorchScript gives other images")
        any_size = all(other <= LARGEST_DIFFERENCE for other in others)
        module = traced if any_size else torch.jit.script(_OneSize(traced, *traced_size))
        content = io.BytesIO()
        torch.jit.save(module, content)
        content.seek(0)
        difference = max([_difference(torch.jit.load(content), fuser, traced_size), *(others if any_size else [])])
    record = {
        "method": method,
        "format": "TorchScript",
        "input": "infrared, visible: float32 (1, 1, H, W) in [0, 1]",
        "result": "float32 (1, 1, H, W) in [0, 1], not stretched",
        "any_size": any_size,
        "traced_with": {"height": traced_size[0], "width": traced_size[1]},
        "largest_difference": difference,
        **_origin(fuser),
        "torch": torch.__version__,
    }
    try:
        files.replace(target, content.getvalue())
        files.replace(record_path, json.dumps({**record, "sha256": baselines.sha256(target)}, indent=1) + "\n")
    except OSError as error:
        raise UserError(f"{target}: {error.strerror}") from error
    return record


def _origin(fuser: baselines.Fuser) -> dict:
    if fuser.checkpoint is None:
        return {}
    digest = baselines.checkpoint_sha256(fuser.card, fuser.checkpoint)
    record = baselines.training_record(fuser.card, fuser.checkpoint, digest)
    return {"checkpoint": {"file": fuser.checkpoint.name, "sha256": digest}, "trained_on": record["trained_on"]}


def _tensors(size: tuple[int, int]):
    return tuple(torch.from_numpy(as_unit(image, "image"))[None, None] for image in scene(*size))


def _difference(module, fuser: baselines.NetworkFuser, size: tuple[int, int]) -> float:
    """The largest difference between what the module and the method make of a drawn scene; inf where it fails."""
    ir, vis = _tensors(size)
    expected = fuser.fuse(ir.numpy(), vis.numpy())
    try:
        found = module(ir, vis).numpy()
    except (RuntimeError, torch.jit.Error):  # a shape that was traced as a number
        return np.inf
    return float(np.abs(found - expected).max()) if found.shape == expected.shape else np.inf
