"""What a trainable method offers to the training loop, and the recipe that the loop follows.

A method's package holds `training.py` with

    TASK = Task(build=..., loss=..., state=...)

and its recipes as `recipes/<name>.yaml`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """How long, on what and how fast a network is trained.

    crop: side of the square training crops, pixels; batch: crops per step; learning_rate is reached linearly over
    `warmup` steps, then falls as `schedule` says: `constant`, `cosine` (to 1 % of it) or `halving` (six times over the
    run, as CDDFuse's 120 epochs halved every 20). ema: decay of the averaged weights, 0 for none. clip: largest norm of
    the gradient of each part of the network, 0 for none. phase1: share of the steps spent in a method's first phase.
    """

    steps: int
    batch: int
    crop: int
    learning_rate: float
    warmup: int = 0
    schedule: str = "constant"
    ema: float = 0.0
    clip: float = 0.0
    phase1: float = 0.0

    def __post_init__(self):
        if self.schedule not in ("constant", "cosine", "halving"):
            raise ValueError(f"schedule {self.schedule!r} is not one of constant, cosine, halving")
        if min(self.steps, self.batch) < 1 or self.crop < 16 or self.learning_rate <= 0:
            raise ValueError("steps and batch must be at least 1, crop at least 16, learning_rate positive")

    @classmethod
    def of(cls, values: dict[str, Any]) -> Recipe:
        """Raises ValueError for a key that no recipe has or a missing one."""
        known = [field.name for field in fields(cls)]
        unknown = set(values) - set(known)
        if unknown:
            raise ValueError(f"unknown recipe key {', '.join(sorted(unknown))}; known: {', '.join(known)}")
        missing = {"steps", "batch", "crop", "learning_rate"} - set(values)
        if missing:
            raise ValueError(f"the recipe lacks {', '.join(sorted(missing))}")
        for field in fields(cls):
            value, whole = values.get(field.name, field.default), field.type == "int"
            number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
            if field.type != "str" and not number:
                raise ValueError(f"{field.name} must be a {'whole ' if whole else ''}number, not {value!r}")
        return cls(**values)


def _whole(network):
    return [network]


@dataclass(frozen=True)
class Task:
    """The parts of a method that training needs.

    build() -> a fresh network that maps (ir, vis) to the fused image; parts(network) -> the modules whose gradients are
    clipped separately; loss(network, ir, vis, recipe, step) -> (scalar, unweighted parts for the log);
    state(network) -> the tensors to ship, as the method's `build` loads them.
    """

    build: Callable
    loss: Callable
    state: Callable
    parts: Callable = _whole


def find(method: str) -> Task:
    """Raises KeyError when the method has no training code."""
    import importlib
    import importlib.util

    if importlib.util.find_spec(f"baselines.{method}") is None:
        raise KeyError(method)
    try:
        return importlib.import_module(f"baselines.{method}.training").TASK
    except ModuleNotFoundError as error:
        if error.name != f"baselines.{method}.training" and error.name != f"baselines.{method}":
            raise
        raise KeyError(method) from None


def recipes(method: str) -> dict[str, Path]:
    """The recipes that come with a method, by name."""
    folder = Path(__file__).parent / method / "recipes"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def trainable() -> list[str]:
    return sorted(path.parent.name for path in Path(__file__).parent.glob("*/training.py"))
