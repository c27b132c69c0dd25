"""Fusers: two luminance images in, one out.

Every `Fuser` subclass with a card in a module or package of this folder is a method: adding a file adds the method, or
several where one network has variants. An entry point of another package adds one too (`plugins`). Nothing here
imports `benchmark` or `metrics`.

    fuser = baselines.load("mambadfuse")
    fused = fuser.fuse(ir, vis)          # (H, W) uint8 or float in [0, 1] -> float32 in [0, 1]
"""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import inspect
import logging
import pkgutil
import re
from functools import cache
from pathlib import Path

from . import plugins, tiling, weights, wording
from .base import (
    OUTPUTS,
    ClassicalFuser,
    Fuser,
    MethodCard,
    NaiveFuser,
    NetworkFuser,
    Unavailable,
    checkpoint_files,
    checkpoint_record,
    checkpoint_sha256,
    find_checkpoint,
    in_parts,
    is_known,
    sha256,
    shipped_checkpoint,
    stated_variant,
    training_record,
)
from .state_dicts import load_weights

_STATED = re.compile(r'(?:MethodCard|replace)\(\s*(?:"([^"]+)"|(?:[\w.]+,\s*)?name="([^"]+)")')

__all__ = [
    "OUTPUTS",
    "ClassicalFuser",
    "Fuser",
    "MethodCard",
    "NaiveFuser",
    "NetworkFuser",
    "Unavailable",
    "card",
    "checkpoint_files",
    "checkpoint_record",
    "checkpoint_sha256",
    "create",
    "find_checkpoint",
    "in_parts",
    "is_known",
    "load",
    "load_weights",
    "method",
    "modules",
    "names",
    "plugins",
    "sha256",
    "shipped_checkpoint",
    "spelled_names",
    "stated_variant",
    "tiling",
    "training_record",
    "untiled",
    "weights",
]


@cache
def _left_out(what: str, reason: str) -> None:
    """Warn, once for each `what`."""
    logging.getLogger(__name__).warning(f"{what}: left out, {reason}")


def _methods_in(module_name: str) -> dict[str, type[Fuser]]:
    try:
        module = importlib.import_module(f"{__name__}.{module_name}")
    except Exception as error:  # one broken file must not take the other methods with it
        _left_out(f"baselines/{module_name}", f"{type(error).__name__}: {wording.reason(error)}")
        return {}
    found = (value for value in vars(module).values() if inspect.isclass(value) and issubclass(value, Fuser))
    return {
        value.card.name: value
        for value in found
        if value.__module__.startswith(module.__name__) and "card" in vars(value)
    }


def modules() -> list[str]:
    """The names of the modules here, found without importing them; most methods bear the name of theirs."""
    return [info.name for info in pkgutil.iter_modules(__path__)]


def names() -> list[str]:
    """All methods, sorted."""
    return sorted({name for module in modules() for name in _methods_in(module)} | {*_entry_points()})


def spelled_names() -> list[str]:
    """The names that the files here and entry points state, sorted: quicker than `names`, which imports all networks,
    and blind to a name that is put together. For completion on the command line."""
    found = {point.name for point in importlib.metadata.entry_points(group=plugins.ENTRY_POINTS)}
    for module in pkgutil.iter_modules(__path__):
        path = Path(module.module_finder.path) / module.name
        text = (path / "__init__.py" if module.ispkg else path.with_suffix(".py")).read_text(encoding="utf-8")
        found.update(name for names in _STATED.findall(text) for name in names if name)
    return sorted(found)


def _entry_points() -> dict[str, type[Fuser]]:
    found, broken = plugins.entry_points()
    own = {name for module in modules() for name in _methods_in(module)}
    for name, reason in broken.items():
        _left_out(f"entry point {name}", reason)
    for name in own & {*found}:
        _left_out(f"entry point {name}", "a method of this suite has that name")
    return {name: cls for name, cls in found.items() if name not in own}


def method(name: str) -> type[Fuser]:
    """The class of a method. Raises KeyError for an unknown name, with the nearest one and all of them."""
    # Most methods' names begin with their module's. Looking there first leaves other networks unimported.
    for module in sorted(modules(), key=lambda module: module != str(name).partition("-")[0]):
        found = _methods_in(module)
        if name in found:
            return found[name]
    if name in (found := _entry_points()):
        return found[name]
    known = names()
    near = difflib.get_close_matches(str(name).lower(), known, n=1)
    guess = f" did you mean {near[0]}?" if near else ""
    raise KeyError(f"unknown method '{name}';{guess} known: {', '.join(known)}")


def card(name: str) -> MethodCard:
    """The card of a method. Raises KeyError for an unknown name."""
    return method(name).card


def load(
    name: str,
    checkpoint: str | Path | None = None,
    device: str = "cpu",
    weights_root: str | Path | None = None,
    precision: str = "fp32",
    tile: int | None = None,
) -> Fuser:
    """A method that is ready to fuse.

    name: one of `names()`; checkpoint: a file to use instead of the one that `find_checkpoint` finds; device: a torch
    device; precision: one of the method's `precisions`; tile: side of the parts that larger images are fused in, whole
    where None. Raises KeyError for an unknown name, ValueError for a device that is not here, a precision that the
    method lacks or tiles that it cannot have, and Unavailable when the weights are missing or do not fit.
    """
    return create(method(name), checkpoint, device, weights_root, precision, tile)


def create(
    cls: type[Fuser],
    checkpoint: str | Path | None = None,
    device: str = "cpu",
    weights_root: str | Path | None = None,
    precision: str = "fp32",
    tile: int | None = None,
) -> Fuser:
    """As `load`, of a method's class."""
    _check_device(device)
    if precision not in cls.precisions:
        raise ValueError(f"{cls.card.name}: precision '{precision}' is not one of {', '.join(cls.precisions)}")
    if tile is not None and (reason := untiled(cls, tile)):
        raise ValueError(f"{cls.card.name}: {reason}")
    fuser = cls(find_checkpoint(cls.card, checkpoint, weights_root), device)
    fuser.precision, fuser.tile = precision, tile
    return fuser


def untiled(cls: type[Fuser], tile: int) -> str | None:
    """Why a method cannot fuse in parts of `tile` pixels a side, or None."""
    if cls.streams:
        return None if tile > 0 else f"tiles of {tile} pixels are too small"
    if cls.reach is None:
        return f"cannot be tiled: {cls.whole}"
    least = tiling.smallest(cls.reach, cls.align)
    return f"tiles of {tile} pixels are too small; it takes at least {least}" if tile < least else None


def _check_device(device) -> None:
    if str(device) == "cpu":
        return
    import torch

    try:
        torch.zeros(1, device=device).cpu()
    except (AssertionError, NotImplementedError, RuntimeError, TypeError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ValueError(f"device '{device}' cannot be used here: {reason}") from None
