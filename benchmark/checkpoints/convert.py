"""Convert a checkpoint from its authors' layout to safetensors or back, and write its record."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import baselines
from baselines import tasks
from benchmark.errors import UserError, unknown
from benchmark.store import files


def convert(method: str, source: Path, target: Path, float16: bool = False) -> Path:
    """Write the weights of `source` in the layout that the name of `target` says, and a record beside it.

    method: the one that the weights are of, such as "cddfuse" or "cddfuse-mif". source: the authors' file or
    safetensors; its names and shapes must all be the network's. target: ends in `.safetensors`, or in `.pth` for the
    authors' layout. float16: store half precision, in safetensors only. Returns the record's path. Raises UserError for
    a file that does not fit or whose record names another method, for an unknown method, and for a target that exists
    or cannot be written.
    """
    import torch
    from safetensors.torch import save

    if method not in (known := tasks.by_weights()):
        raise unknown("method with a known layout", method, known)
    task = known[method]
    record_path = target.with_suffix(".json")
    if target.suffix not in (".safetensors", ".pth"):
        raise UserError(f"{target}: the name must end in .safetensors, or in .pth for the authors' layout")
    if float16 and target.suffix == ".pth":
        raise UserError("--float16 goes with .safetensors only")
    for path in (target, record_path):
        if path.exists():
            raise UserError(f"{path} is there already; remove it, or give another name")
    if (own := baselines.checkpoint_record(source).get("method", method)) != method:
        raise UserError(f"{source} holds weights of {own}, as the record beside it says, not of {method}")
    variant, owner = baselines.stated_variant(source)
    if variant not in (None, task.variant):
        raise UserError(f"{source} holds weights of {owner or 'another variant of the network'}, not of {method}")
    try:
        network = tasks.load_weights(task, method, source)
    except baselines.Unavailable as error:
        raise UserError(str(error)) from error
    if target.suffix == ".pth":
        file = io.BytesIO()
        torch.save(task.official(network), file)
        content = file.getvalue()
    else:
        tensors = {name: x.half() if float16 else x for name, x in task.state(network).items()}
        content = save(tensors, tasks.metadata(task, method))
    digest = baselines.sha256(source)
    record = {
        **baselines.training_record(baselines.card(method), source, digest),
        "method": method,
        **({"variant": task.variant} if task.variant else {}),
        "converted_from": {"file": source.name, "sha256": digest},
        "stored_as": "float16" if float16 else "float32",
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    try:
        files.replace(target, content)
        files.replace(record_path, json.dumps(record, indent=1) + "\n")
    except OSError as error:
        raise UserError(f"{target}: {error.strerror}") from error
    return record_path
