"""Methods from elsewhere: a class or a function in a file of the user's, and entry points of other packages.

Each is a `Fuser` subclass, whose card may be left out; a torch module, of two images (B, 1, H, W) in [0, 1]; or a
function of two float32 images (H, W) in [0, 1], which returns the fused one: float in [0, 1] or uint8. The infrared
image comes first, unless the arguments' names say otherwise. docs/methods.md shows each.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np

from . import elsewhere
from .base import ClassicalFuser, Fuser, MethodCard, NetworkFuser, sha256
from .guarded import guard, in_order, told, written_in
from .state_dicts import load_weights
from .wording import reason, shape

ENTRY_POINTS = "mmif_bench.fusers"
_LARGEST = 2  # networks overshoot 1 by less; whatever goes beyond has grey levels in mind


class FunctionFuser(ClassicalFuser):
    """A plain function as a method; subclasses set `function`."""

    function: ClassVar[Callable]

    def fuse_pair(self, ir, vis):
        fused = type(self).function(ir, vis)
        if fused is None:
            raise ValueError(f"{self.card.name} returned nothing; expected an image (H, W)")
        fused = np.asarray(fused)
        if fused.shape != ir.shape:
            raise ValueError(f"{self.card.name} returned shape {shape(fused.shape)} for images of {shape(ir.shape)}")
        if fused.dtype == np.uint8:
            return fused / np.float32(255)
        if np.abs(fused).max() > _LARGEST:
            raise ValueError(f"{self.card.name} returned {fused.max():.4g}; expected float in [0, 1], or uint8")
        return fused


class ModuleFuser(NetworkFuser):
    """A torch module as a method; subclasses set `module`, a class or an object."""

    module: ClassVar[object]

    def build(self, checkpoint):
        network = self.module() if inspect.isclass(self.module) else self.module
        return load_weights(network, checkpoint)


def _is_module(found) -> bool:
    """Whether this is a torch module or a class of them."""
    torch = sys.modules.get("torch")
    if torch is None:
        return False
    base = torch.nn.Module
    return issubclass(found, base) if inspect.isclass(found) else isinstance(found, base)


def as_method(found, name: str, folder: elsewhere.Folder | None = None) -> type[Fuser]:
    """A class or a function as the method called `name`. folder: where the user's file lies that it is from. Raises
    ValueError for anything else."""
    if path := _file_of(found):
        written_in.add(str(path))
    if inspect.isclass(found) and issubclass(found, Fuser):
        card = getattr(found, "card", None) or MethodCard(name)
        if not isinstance(card, MethodCard):
            raise ValueError(f"the card of {found.__name__} is no baselines.MethodCard; it may be left out")
        if card.family == "other" and issubclass(found, NetworkFuser):
            card = replace(card, family="learned")
        return _subclass(found, {"card": replace(card, name=name), "origin": found}, folder)
    if _is_module(found):
        if inspect.isclass(found):
            _check_no_arguments(found)
        return _subclass(
            ModuleFuser, {"card": MethodCard(name, family="learned"), "module": found, "origin": found}, folder
        )
    if inspect.isclass(found) or not callable(found):
        raise ValueError(f"{name} is neither a function nor a class of Fuser or torch.nn.Module")
    members = {"card": MethodCard(name), "function": staticmethod(in_order(found)), "origin": found}
    return _subclass(FunctionFuser, members, folder)


def _check_no_arguments(cls: type) -> None:
    try:
        inspect.signature(cls).bind()
    except TypeError as error:
        raise ValueError(
            f"{cls.__name__}(): {error}; derive a class from baselines.NetworkFuser whose build(self, checkpoint)"
            f" returns load_weights({cls.__name__}(…), checkpoint)"
        ) from None


def _subclass(cls: type[Fuser], members: dict, folder: elsewhere.Folder | None) -> type[Fuser]:
    guarded = guard(cls)
    return type(cls.__name__, (guarded,), {**(folder.methods_within(guarded) if folder else {}), **members})


def code_sha256(cls: type[Fuser]) -> str | None:
    """SHA-256 of the file that a method from elsewhere is written in; None for the suite's own."""
    origin = getattr(cls, "origin", None)
    if origin is None:
        return None
    path = _file_of(origin)
    return sha256(path) if path else hashlib.sha256(repr(origin).encode()).hexdigest()


def _file_of(found) -> Path | None:
    """The file that a class or function is written in; None for what is built in, and for a callable object."""
    try:
        path = Path(inspect.getfile(inspect.unwrap(found)))
    except (OSError, TypeError):
        return None
    return path if path.is_file() else None


def from_file(path: Path, attribute: str | None = None, name: str | None = None) -> type[Fuser]:
    """The method in a Python file. attribute: of the class or function; it may be left out where the file has one
    `Fuser` class, or none and one public function or torch module. name: what to call it; by its card or its own name
    if left out. A name that is given is the title, too.

    Runs the file. Raises ValueError, in one line, where there is no such method.
    """
    folder = elsewhere.folder(str(path.resolve().parent))
    module = _import(path, folder)
    own = {key: value for key, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__}
    classes = [key for key, value in own.items() if inspect.isclass(value) and issubclass(value, Fuser)]
    functions = [
        key
        for key, value in own.items()
        if (inspect.isfunction(value) or (inspect.isclass(value) and _is_module(value))) and not key.startswith("_")
    ]
    offered = classes or functions
    if not attribute:
        if len(offered) != 1:
            raise ValueError(f"{path}: {_list(offered)}; say which: {path}:NAME")
        attribute = offered[0]
    if not hasattr(module, attribute):
        raise ValueError(f"{path}: no '{attribute}' in it; {_list([*classes, *functions])}")
    found = getattr(module, attribute)
    card = getattr(found, "card", None)
    try:
        cls = as_method(found, name or (card.name if isinstance(card, MethodCard) else attribute), folder)
    except ValueError as error:
        raise ValueError(f"{path}: {elsewhere.plain(str(error))}") from None
    if name:
        cls.card = replace(cls.card, title=name)
    return cls


def _list(names: list[str]) -> str:
    return f"it has {', '.join(names)}" if names else "it has no class of Fuser or torch.nn.Module and no function"


def _import(path: Path, folder: elsewhere.Folder):
    """The module in a file, which may import its neighbours."""
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    written_in.add(str(path.resolve()))
    try:
        return folder.load(path.resolve())
    except (Exception, SystemExit) as error:  # whatever the file does, it is told in one line
        said = told(error).replace(f"'{elsewhere.__name__}.", "'..")
        if isinstance(error, ModuleNotFoundError):
            said += "; what lies elsewhere than beside the file is found by PYTHONPATH=FOLDER, as the file's repository"
        raise ValueError(f"{path}: cannot be imported: {said}") from error


@cache
def entry_points() -> tuple[dict[str, type[Fuser]], dict[str, str]]:
    """Of the group `mmif_bench.fusers`: name -> method, and name -> why it is left out."""
    found, broken = {}, {}
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
        try:
            found[point.name] = as_method(point.load(), point.name)
        except Exception as error:  # one broken package must not take the other methods with it
            broken[point.name] = f"{type(error).__name__}: {reason(error)}"
    return found, broken
