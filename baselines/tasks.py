"""What a trainable method offers to the training loop, and the recipe that the loop follows.

A method's package holds `training.py` with

    TASKS = {"ivf": Task(build=..., load=..., loss=..., state=..., official=...)}

and its recipes as `recipes/<name>.yaml`. A task's own recipe has the task's name, "ivf" or "mif".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, fields
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

from .base import Unavailable
from .wording import reason, shown

SCHEDULES = ("constant", "cosine", "plateau", "halving")

# What a number must be: in words, and as a check, which nan fails.
_SHARE = ("between 0 and 1", lambda x: 0 <= x <= 1)
_BELOW_ONE = ("at least 0 and below 1", lambda x: 0 <= x < 1)
_POSITIVE = ("positive and finite", lambda x: 0 < x < inf)
_NOT_NEGATIVE = ("at least 0 and finite", lambda x: 0 <= x < inf)
_LIMITS = {
    "steps": ("at least 1", lambda x: x >= 1),
    "batch": ("at least 1", lambda x: x >= 1),
    "crop": ("at least 16", lambda x: x >= 16),
    "learning_rate": _POSITIVE,
    "warmup": _NOT_NEGATIVE,
    "ema": _BELOW_ONE,
    "clip": _NOT_NEGATIVE,
    "phase1": _SHARE,
    "longest": _NOT_NEGATIVE,
    "balance": ("between 0 and 10", lambda x: 0 <= x <= 10),
    "tone": _SHARE,
    "contrast": _BELOW_ONE,
}


@dataclass(frozen=True)
class Recipe:
    """How long, on what and how fast a network is trained.

    crop: side of the square training crops, pixels. batch: crops per step.
    learning_rate: reached linearly over `warmup` steps; then `schedule` says how it falls.
    schedule: `constant`; `cosine`, to 1 %; `plateau`, constant and then, in the last fifth of the steps, linearly to
    1 %; `halving`, five times, in six equal parts (CDDFuse halves it every 20 of 120 epochs).
    ema: decay of the averaged weights, 0 for none. clip: largest norm of the gradient of each part of the network, 0
    for none. phase1: share of the steps spent in a method's first phase. loss: weights of the method's loss terms that
    differ from the authors'.

    longest: larger images are reduced to this longer side, pixels, 0 for none.
    balance: each of several data sets is drawn in proportion to (its number of pairs) ** balance.
    tone: the chance that an image of a crop gets a random gamma and gain.
    contrast: a crop is drawn again, a few times at most, while the spread of grey levels (10th to 90th percentile, of
    1) is below this in both images; 0 for never.

    continues: whether the recipe is made to go on from trained weights; `bench train` warns where it is given none.

    Raises ValueError for a number out of its range, one that is not finite, and an unknown schedule.
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
    longest: int = 0
    balance: float = 1.0
    tone: float = 0.0
    contrast: float = 0.0
    loss: dict = field(default_factory=dict)
    continues: bool = field(default=False, compare=False)

    def __post_init__(self):
        if self.schedule not in SCHEDULES:
            raise ValueError(f"schedule {shown(self.schedule)} is not one of {', '.join(SCHEDULES)}")
        for key in fields(self):
            if key.name in _LIMITS:
                _check(key.name, getattr(self, key.name), _LIMITS[key.name], whole=key.type == "int")
        if 0 < self.longest < self.crop:
            raise ValueError(f"longest ({self.longest}) must be 0 or at least crop ({self.crop})")
        if not isinstance(self.continues, bool):
            raise ValueError(f"continues must be true or false, not {shown(self.continues)}")
        if not isinstance(self.loss, dict):
            raise ValueError(f"loss must be a mapping of terms to weights, not {shown(self.loss)}")
        for term, weight in self.loss.items():
            _check(f"loss {term}", weight, _NOT_NEGATIVE)

    @property
    def first_phase(self) -> int:
        """The steps of the first phase."""
        return round(self.phase1 * self.steps)

    @classmethod
    def of(cls, values: dict[str, Any], **instead: Any) -> Recipe:
        """Make a recipe of what a YAML file holds; `instead` replaces some of its values. Raises ValueError for what
        is no mapping, for an unknown key and for a missing one."""
        if not isinstance(values, dict):
            raise ValueError("holds no mapping of keys to values")
        values = {**values, **instead}
        known = [key.name for key in fields(cls)]
        unknown = {str(key) for key in values if key not in known}
        if unknown:
            raise ValueError(f"unknown recipe key {', '.join(sorted(unknown))}; known: {', '.join(known)}")
        missing = {"steps", "batch", "crop", "learning_rate"} - set(values)
        if missing:
            raise ValueError(f"the recipe lacks {', '.join(sorted(missing))}")
        return cls(**values)


def _check(name: str, value, limits: tuple[str, Callable], whole: bool = False) -> None:
    if not isinstance(value, int if whole else (int, float)) or isinstance(value, bool):
        raise ValueError(f"{name} must be a {'whole ' if whole else ''}number, not {shown(value)}{_hint(value)}")
    words, allowed = limits
    if not allowed(value):
        raise ValueError(f"{name} must be {words}, not {shown(value)}")


def _hint(value) -> str:
    """How to write a number that YAML reads as text, such as 2e-5, which lacks the point; "" for anything else."""
    if not isinstance(value, str) or not re.fullmatch(r"[-+]?[\d.]+e[-+]?\d+", value.lower()):
        return ""
    mantissa, exponent = value.lower().split("e")
    point, sign = "" if "." in mantissa else ".0", "" if exponent[0] in "+-" else "+"
    return f"; YAML reads {value} as text; write {mantissa}{point}e{sign}{exponent}"


def _whole(network):
    return [network]


@dataclass(frozen=True)
class Task:
    """The parts of a method that training needs.

    build() -> a fresh network that maps (ir, vis) to the fused image.
    load(path) -> the network with the weights of a file, the authors' or ours.
    loss(network, ir, vis, recipe, step) -> (scalar, unweighted parts for the log).
    state(network) -> the tensors to ship, as the method's `build` loads them.
    official(network) -> what the authors save.
    parts(network) -> the modules whose gradients are clipped separately.
    terms: the names that a recipe's `loss` may hold.
    calls: the network's methods that may run in lower precision; each returns one tensor or a tuple of them.
    recompute(network) -> a context in which the network keeps fewer activations and computes the others again for
    their gradients.
    variant: of the network, where it is not that of the authors' code. variants: the other ones, by name.
    """

    build: Callable
    load: Callable
    loss: Callable
    state: Callable
    official: Callable
    parts: Callable = _whole
    terms: tuple[str, ...] = ()
    calls: tuple[str, ...] = ("forward",)
    recompute: Callable = nullcontext
    variant: str = ""
    variants: dict[str, Task] = field(default_factory=dict)


@contextmanager
def recomputing(modules: Iterable):
    """A context in which these modules keep their inputs only, and compute the rest again for their gradients."""
    from torch.utils.checkpoint import checkpoint

    modules = list(modules)
    for module in modules:
        module.forward = partial(checkpoint, module.forward, use_reentrant=False)
    try:
        yield
    finally:
        for module in modules:
            del module.forward  # the instance's; the class's comes back


def find(method: str, task: str = "ivf", variant: str = "") -> Task:
    """The task ("ivf" or "mif") of a method, with a variant of its network. Raises KeyError when the method has no
    training code for it."""
    import importlib
    import importlib.util

    if importlib.util.find_spec(f"baselines.{method}") is None:
        raise KeyError(method)
    try:
        tasks = importlib.import_module(f"baselines.{method}.training").TASKS
    except ModuleNotFoundError as error:
        if error.name != f"baselines.{method}.training" and error.name != f"baselines.{method}":
            raise
        raise KeyError(method) from None
    return tasks[task].variants[variant] if variant else tasks[task]


def weights_name(method: str, task: str, variant: str = "") -> str:
    """The method that fuses with the weights of a task: METHOD, METHOD-mif, METHOD-VARIANT, METHOD-VARIANT-mif."""
    return "-".join([method, *([variant] if variant else []), *([task] if task != "ivf" else [])])


def metadata(task: Task, method: str) -> dict[str, str] | None:
    """What a file of weights says of itself, where its names and shapes do not tell it from those of another method."""
    return {"method": method, "variant": task.variant} if task.variant else None


def by_weights() -> dict[str, Task]:
    """The task behind each method whose weights training makes."""
    found = {}
    for method in trainable():
        for name in ("ivf", "mif"):
            task = find(method, name)
            for variant, one in {"": task, **task.variants}.items():
                found[weights_name(method, name, variant)] = one
    return found


def load_weights(task: Task, method: str, path: Path):
    """The task's network with the weights of a file. Raises Unavailable, in one line, where they are not `method`'s."""
    try:
        return task.load(path)
    except (AttributeError, KeyError, RuntimeError, TypeError) as error:
        raise Unavailable(f"{path} does not fit {method}: {reason(error)[:200]}") from error


def recipes(method: str) -> dict[str, Path]:
    """The recipes that come with a method, by name."""
    folder = Path(__file__).parent / method / "recipes"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def trainable() -> list[str]:
    return sorted(path.parent.name for path in Path(__file__).parent.glob("*/training.py"))
