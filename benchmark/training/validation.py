"""Judge a network in training on pairs that it does not see: fuse them as `bench run` does, score what would be saved,
and say whether it is the best so far."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

import metrics
from baselines.base import NetworkFuser, inference
from baselines.tasks import Recipe, Task
from benchmark.errors import UserError, unknown
from benchmark.imaging.saving import quantise
from benchmark.run import memory
from benchmark.run.methods import Method
from benchmark.training.crops import HeldOut, centre_crop

PLACES = ("whole", "crops")
RANK, LOSS = "rank", "loss"
OUTPUTS = ("raw", "native")


@dataclass(frozen=True)
class Validation:
    """How a network is judged on the pairs held out.

    on: "whole" images, or "crops" of their centres. protocol: of the metrics. output: "raw", or "native" as the
    method's authors save. tile: as of `bench run`, for whole images. by: what the best checkpoint is chosen by: "rank",
    the mean rank over the metrics; "loss"; or a metric. Raises UserError for what is not known or cannot be computed.
    """

    on: str = "crops"
    protocol: str = "cddfuse"
    output: str = "raw"
    by: str = RANK
    tile: str | int = "auto"

    def __post_init__(self):
        for kind, value, known in (
            ("place of validation", self.on, PLACES),
            ("output", self.output, OUTPUTS),
            ("protocol", self.protocol, metrics.protocols()),
            ("validation score", self.by, (RANK, LOSS, *metrics.names())),
        ):
            if value not in known:
                raise unknown(kind, value, known)
        if self.by not in (RANK, LOSS):
            if self.protocol not in metrics.card(self.by).protocols:
                raise UserError(f"protocol {self.protocol} does not define {self.by}")
            if reason := metrics.unavailable(self.by):
                raise UserError(reason)
            if not metrics.card(self.by).direction:
                raise UserError(f"of {self.by}, neither more nor less is better; choose another score")

    @property
    def names(self) -> list[str]:
        """The metrics that are computed: the core ones that the protocol defines, or all where it defines none of them,
        and the one that the best is chosen by."""
        defined = [name for name in metrics.names(self.protocol) if not metrics.unavailable(name)]
        names = [name for name in metrics.CORE if name in defined] or defined
        return names if self.by in (RANK, LOSS, *names) else [*names, self.by]

    @property
    def identity(self) -> dict[str, str]:
        """What must not change while validations are compared."""
        return {"on": self.on, "protocol": self.protocol, "output": self.output, "by": self.by}

    @property
    def where(self) -> str:
        """What is validated on, for tables."""
        return f"{self.on} {self.protocol} {self.output}"

    @property
    def chosen_by(self) -> str:
        return {RANK: f"mean rank of {', '.join(self.names)}", LOSS: "loss"}.get(self.by, self.by)


AS_USUAL = Validation()


@dataclass(frozen=True)
class Judged:
    """The means of the scores, `loss` among them; the pictures (name, infrared, visible, fused; uint8); the seconds
    that it took."""

    scores: dict[str, float]
    pictures: list[tuple[str, np.ndarray, np.ndarray, np.ndarray]]
    seconds: float


def fitted_class(name: str, fuser: type[NetworkFuser], pairs: Sequence[HeldOut], validation: Validation, device: str):
    """Return the side of the tiles that whole images are fused in, or None, and what to tell of it.

    Raises UserError where they do not fit in memory and tiles do not help.
    """
    if validation.on == "crops" or not pairs:
        return None, ""
    size = max((pair.size for pair in pairs), key=lambda size: size[0] * size[1])
    method, note = memory.fitted_to(size, Method(name, name, fuser.card, cls=fuser), device, validation.tile)
    if method.unavailable:
        raise UserError(f"validation on whole images: {method.unavailable}; --validate-on crops needs less")
    return method.tile, note


def validate(
    network,
    fuser: type[NetworkFuser],
    pairs: Sequence[HeldOut],
    device: str,
    validation: Validation = AS_USUAL,
    tile: int | None = None,
) -> Judged:
    """Fuse the pairs with the network as the method `fuser` does, and score them as they would be saved, in 8 bits.

    Averages each metric over the pairs for which it is defined; nan where there are none (VIF below 41 pixels).
    """
    start = time.monotonic()
    method = fuser.around(network.to(memory_format=torch.channels_last), device)
    method.tile = tile
    rows, pictures = [], []
    for pair in pairs:
        ir, vis = pair.whole() if validation.on == "whole" else map(centre_crop, pair.images)
        cut = fuser.card.truncate and validation.output == "native"
        fused = quantise(method.fuse(ir, vis, validation.output), cut)
        rows.append(metrics.evaluate(fused, ir, vis, validation.names, validation.protocol))
        pictures.append((pair.name, ir, vis, fused))
    return Judged(
        {name: _mean(row[name] for row in rows) for name in validation.names}, pictures, time.monotonic() - start
    )


def loss_on(network, task: Task, pairs: Sequence[HeldOut], recipe: Recipe, step: int, device: str) -> float:
    """The loss of a step, counted from 0, on the centre crops of the pairs, each a batch of its own; their mean."""
    values = []
    with inference(device):
        for pair in pairs:
            ir, vis = (torch.from_numpy(centre_crop(x))[None, None].float().to(device) / 255 for x in pair.images)
            values.append(task.loss(network, ir, vis, recipe, step)[0].item())
    return _mean(values)


def _mean(values) -> float:
    defined = [value for value in values if not math.isnan(value)]
    return float(np.mean(defined)) if defined else math.nan


def is_better(rows: Sequence[Mapping[str, float]], kept: int | None, validation: Validation) -> bool:
    """Whether the last of the validations `rows` is better than that of the step `kept` (None: no one is kept yet).

    By rank: each validation is ranked among all of them by each metric, 1 the best, equal ones sharing the mean of
    theirs; the lower mean rank is better. Leaves out metrics that are not defined for every one. Of equal ones the
    earlier is kept.
    """
    columns = {name: [row.get(name, math.nan) for row in rows] for name in _decisive(validation)}
    columns = {name: values for name, values in columns.items() if all(map(math.isfinite, values))}
    if not columns:
        return False
    if kept is None:
        return True
    from scipy.stats import rankdata

    ranks = [rankdata(-_direction(name) * np.array(values)) for name, values in columns.items()]
    mean = np.mean(ranks, axis=0)
    place = next((i for i, row in enumerate(rows) if row["step"] == kept), None)
    return place is None or bool(mean[-1] < mean[place])


def _decisive(validation: Validation) -> list[str]:
    if validation.by != RANK:
        return [validation.by]
    return [name for name in validation.names if metrics.card(name).direction]


def _direction(name: str) -> int:
    return -1 if name == LOSS else metrics.card(name).direction
