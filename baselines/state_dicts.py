"""Weights from files, as people save them, into networks. No code in a file is run.

A file holds tensors by name, perhaps inside further dicts ("state_dict", "model", "epoch") and under a prefix
("module." of DataParallel, "model." of Lightning). What is read is safetensors, or a file of `torch.save` by
torch.load(weights_only=True).
"""

from __future__ import annotations

import re
import zipfile
from contextlib import nullcontext
from pathlib import Path

SAVE = "torch.save(network.state_dict(), 'weights.pth')"
# What else is kept under the names of weights: beginnings of files, and what they are.
_OTHERS = {
    b"version https://git-lfs": "it is a Git LFS pointer, which stands for the file: git lfs pull gets it",
    b"<": "it is a web page: the download went wrong",
    b"\x89HDF": "it is an HDF5 file, as of Keras; only weights of PyTorch are read",
    b"\x08\x0a\x12": "it is an ONNX model; only weights of PyTorch are read",
    b"\x93NUMPY": f"it is a NumPy array; only weights of PyTorch are read: {SAVE}",
}
_COUNTERS = ("total_ops", "total_params")  # that thop leaves in a network which it has counted
_BATCHES = "num_batches_tracked"  # older files lack it
_NAMED = 3  # names in a line about many
_DEEPEST = 4  # dicts within dicts


class WeightsError(Exception):
    """Weights that cannot be read or do not fit; the message says why and what to do, in one line."""


def read(path: Path) -> object:
    """What a file of weights holds: tensors on the CPU by name, within whatever dicts they were saved in.

    Raises WeightsError, without the file's name.
    """
    import torch
    from safetensors.torch import load_file

    with open(path, "rb") as file:
        start = file.read(24)
    if not start:
        raise WeightsError("it is empty")
    if start[8:9] == b"{":  # behind the length of the header
        try:
            return load_file(path)
        except Exception as error:
            raise WeightsError(f"it is no whole safetensors file: {_first_line(error)}") from None
    for beginning, reason in _OTHERS.items():
        if start.lstrip().lower().startswith(beginning.lower()):
            raise WeightsError(reason)
    if reason := _in_archive(path):
        raise WeightsError(reason)
    try:
        known = _plain_types() if hasattr(torch.serialization, "get_unsafe_globals_in_checkpoint") else None
        with torch.serialization.safe_globals(known) if known else nullcontext():
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise WeightsError(why_unread(error)) from None


def _plain_types() -> list:
    """What trainings keep beside weights and what does nothing on loading: options, paths, numpy's numbers. Names need
    torch 2.6."""
    import argparse
    import pathlib

    import numpy as np

    scalar, _ = np.float64(0).__reduce__()
    numbers = [type(np.dtype(kind)) for kind in (np.float64, np.float32, np.int64, np.int32, np.bool_)]
    # Files of numpy 1 and 2 call one function by two names.
    names = [(scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")]
    return [argparse.Namespace, pathlib.PosixPath, pathlib.PurePosixPath, np.dtype, *numbers, *names]


def _in_archive(path: Path) -> str | None:
    """Why an archive is none of weights, or None."""
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if any(name.endswith("/constants.pkl") for name in names):
        return (
            "it is a TorchScript program, which would run code; save its weights alone:"
            " torch.save(torch.jit.load(FILE).state_dict(), 'weights.pth')"
        )
    if not any(name.endswith("data.pkl") for name in names):
        return f"it is an archive, but not of torch.save ({_few(names)})"
    return None


def why_unread(error: BaseException) -> str:
    """Why torch.load refused a file. Its advice to run what the file holds is left out."""
    text = str(error)
    alone = f"save the weights alone, where it was made: {SAVE}"
    if "weights only" not in text.lower() and "weights_only" not in text:
        return f"it is damaged, or no file of torch.save ({_first_line(error)})"
    if found := re.search(r"GLOBAL ([\w.]+)", text):
        return f"it holds Python objects ({found[1]}), which would run code on loading; {alone}"
    return f"it is damaged, no file of torch.save, or holds more than weights; {alone}"


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].strip()[:160] if lines else type(error).__name__


def load_weights(network, checkpoint: str | Path | None, part: str | None = None):
    """Load a checkpoint into a torch module, all of its parameters and buffers, and return the module.

    network: a `torch.nn.Module`. checkpoint: the file, as `NetworkFuser.build` gets it; a network without parameters or
    buffers needs none. It may be in half precision, within further dicts, and under a prefix. part: where a file holds
    several sets of weights that fit, as "ema" and "model", which of them.

    Raises WeightsError where there is no file, where it cannot be read without running code, and where names or shapes
    differ.
    """
    import torch

    target = network.module if isinstance(network, torch.nn.DataParallel) else network
    wanted = target.state_dict()
    if checkpoint is None:
        if wanted:
            raise WeightsError("no weights are given")
        return network
    path = Path(checkpoint)
    if not path.is_file():
        raise WeightsError(f"no file {path}")
    try:
        held = dict(_sets(read(path)))
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None
    if part is not None:
        if part not in held:
            raise WeightsError(f"{path}: no weights '{part}' in it, but {', '.join(map(repr, held)) or 'none'}")
        held = {part: held[part]}
    if not held:
        raise WeightsError(f"{path}: there are no tensors by name in it; save the weights: {SAVE}")
    fitting = {name: found for name, state in held.items() if (found := _fitting(state, wanted)) is not None}
    if len(fitting) > 1:
        which = ", ".join(map(repr, fitting))
        raise WeightsError(f"{path}: several sets of weights fit: {which}; load_weights(network, checkpoint, NAME)")
    if not fitting:
        raise WeightsError(f"{path} does not fit {type(target).__name__}: {_misfit(held, wanted)}")
    target.load_state_dict(*fitting.values(), strict=False)  # `_fitting` is strict, but for counters
    return network


def _sets(value, name: str = "", depth: int = 0):
    """Yield the dicts of tensors within what a file holds, each with its name: "", "state_dict", "parts.generator"."""
    if not isinstance(value, dict) or depth > _DEEPEST:
        return
    import torch

    if tensors := {key: one for key, one in value.items() if isinstance(key, str) and isinstance(one, torch.Tensor)}:
        yield name, tensors
    for key, one in value.items():
        yield from _sets(one, f"{name}.{key}" if name else str(key), depth + 1)


def _fitting(state: dict, wanted: dict) -> dict | None:
    """The tensors by the network's names, where all are there under one prefix with their shapes, and nothing else."""
    found = [part for prefix in _prefixes(state, wanted) if (part := _under(state, prefix)) and _same(part, wanted)]
    return found[0] if len(found) == 1 else None


def _same(part: dict, wanted: dict) -> bool:
    lacking, others, shapes = _differences(part, wanted)
    return not (lacking or others or shapes)


def _prefixes(state: dict, wanted: dict) -> list[str]:
    first = next((name for name in wanted if not name.endswith(_BATCHES)), "")
    found = {name.removesuffix(first) for name in state if name.endswith(first)}
    return sorted((prefix for prefix in found if prefix == "" or prefix.endswith(".")), key=len)


def _under(state: dict, prefix: str) -> dict:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def _differences(part: dict, wanted: dict) -> tuple[list[str], list[str], list[str]]:
    """Names that only the network has, names that only the file has, and names whose shapes differ."""
    lacking = [name for name in wanted if name not in part and not name.endswith(_BATCHES)]
    others = [name for name in part if name not in wanted and not name.endswith(_COUNTERS)]
    return lacking, others, [name for name in wanted if name in part and part[name].shape != wanted[name].shape]


def _misfit(held: dict[str, dict], wanted: dict) -> str:
    """What differs, of the set of weights and the prefix that come nearest."""
    parts = [_under(state, prefix) for state in held.values() for prefix in ("", *_prefixes(state, wanted))]
    nearest = max(parts, key=lambda part: len(wanted.keys() & part.keys()))
    lacking, others, shapes = _differences(nearest, wanted)
    said = []
    if shapes:
        name = shapes[0]
        there, here = (tuple(one[name].shape) for one in (nearest, wanted))
        said.append(f"{name} is {there} in the file and {here} in the network")
    if lacking:
        said.append(f"it lacks {len(lacking)} of the network's {len(wanted)} names ({_few(lacking)})")
    if others:
        said.append(f"{len(others)} of its names are not the network's ({_few(others)})")
    return "; ".join(said) or "layers of these shapes are in it several times"


def _few(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
