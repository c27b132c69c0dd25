"""Train a network, step by step. A run resumed from a saved step goes on exactly as an unbroken one."""

from __future__ import annotations

import contextlib
import io
import json
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import metrics
from baselines.base import keep_freed_memory, load_tensors, sha256
from baselines.tasks import Recipe, Task, load_weights
from benchmark import progress
from benchmark.figures.training_curves import draw
from benchmark.store import files
from benchmark.training.crops import Source, crops, split_off_validation
from benchmark.training.interrupts import held_back
from benchmark.training.log import Table, TensorBoard
from benchmark.training.processes import Alone
from benchmark.training.schedule import learning_rate

VALIDATION_CROP = 128
LOG_EVERY = 20
PRECISIONS = ("fp32", "bf16")


@dataclass(frozen=True)
class News:
    """How a training goes. step: how many are done. loss: mean of the last steps; learning_rate: of the last one;
    steps_per_second and images_per_second: since this run began or went on, validation and saving included."""

    step: int
    loss: float
    learning_rate: float
    steps_per_second: float
    images_per_second: float


class Diverged(Exception):
    """The loss or its gradient is not finite. The state saved last is kept."""


@torch.no_grad()
def validate(network, images: list[tuple[np.ndarray, np.ndarray]], device: str) -> dict[str, float]:
    """Return the means of the eight core metrics (protocol cddfuse) over centre crops of the validation pairs.

    Averages each metric over the crops where it is defined; nan where there are none (VIF below 41 pixels).
    """
    rows = []
    for pair in images:
        top, left = ((side - min(side, VALIDATION_CROP)) // 2 for side in pair[0].shape)
        ir, vis = (np.ascontiguousarray(x[top : top + VALIDATION_CROP, left : left + VALIDATION_CROP]) for x in pair)
        tensors = (torch.from_numpy(x)[None, None].float().to(device) / 255 for x in (ir, vis))
        fused = network(*tensors)[0, 0].clamp(0, 1).mul(255).round().byte().cpu().numpy()
        rows.append(metrics.evaluate(fused, ir, vis, protocol="cddfuse"))
    defined = {name: [row[name] for row in rows if not math.isnan(row[name])] for name in rows[0]}
    return {name: float(np.mean(values)) if values else math.nan for name, values in defined.items()}


class _Loss(nn.Module):
    """The network and its loss in one call: several processes average the gradients of such a module."""

    def __init__(self, task: Task, network: nn.Module, recompute: bool):
        super().__init__()
        self.network, self._task = network, task
        self._around = task.recompute if recompute else lambda network: contextlib.nullcontext()

    def forward(self, ir: Tensor, vis: Tensor, recipe: Recipe, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        with self._around(self.network):
            return self._task.loss(self.network, ir, vis, recipe, step)


def _lower_precision(network: nn.Module, calls: Sequence[str], device: str) -> None:
    """Run these methods of the network under bfloat16 autocast. They return float32, so that the loss is float32."""

    def wrap(function):
        @wraps(function)
        def called(*arguments):
            with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=torch.is_grad_enabled()):
                result = function(*arguments)
            return tuple(x.float() for x in result) if isinstance(result, tuple) else result.float()

        return called

    for name in calls:
        setattr(network, name, wrap(getattr(network, name)))


class Run:
    """One training run. Its folder holds state.pt (to resume), log.csv, loss.png, validation.csv, validation.png, the
    weights and their record.

    start: the weights to begin with, or None for random ones. precision: "fp32", or "bf16" for bfloat16 autocast of the
    network, with float32 weights, losses and scans. recompute: trade time for memory, by computing the activations of
    each block again for its gradient. facts: further content of the record; a resumed run must have the same `data` in
    it. Raises ValueError where the folder holds another run, Unavailable for a `start` that does not fit.
    """

    def __init__(
        self,
        task: Task,
        recipe: Recipe,
        method: str,
        folder: Path,
        seed: int,
        device: str,
        facts: dict,
        start: Path | None = None,
        precision: str = "fp32",
        recompute: bool = False,
        processes: Alone | None = None,
    ):
        unknown = set(recipe.loss) - set(task.terms)
        if unknown:
            raise ValueError(f"unknown loss term {', '.join(sorted(unknown))}; known: {', '.join(task.terms)}")
        self.processes = processes or Alone(device)
        self.task, self.recipe, self.method, self.folder = task, recipe, method, folder
        self.seed, self.device, self.facts = seed, self.processes.device, facts
        # The number of steps is left out, so that a run can be extended.
        kept = {key: value for key, value in vars(recipe).items() if key not in ("steps", "continues")}
        self.identity = {"method": method, "recipe": kept, "seed": seed, "data": facts["data"], "precision": precision}
        if start:
            self.identity["start_sha256"] = sha256(start)
        if device == "cpu":
            keep_freed_memory()
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
        torch.manual_seed(seed)
        self.network = (load_weights(task, method, start) if start else task.build()).to(self.device)
        if precision == "bf16":
            _lower_precision(self.network, task.calls, self.device)
        self.average = {name: p.detach().clone() for name, p in self.network.state_dict().items()}
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=recipe.learning_rate)
        self.loss = self.processes.prepare(_Loss(task, self.network, recompute))
        self.step, self.seconds = 0, 0.0
        self.log, self.validation = Table(folder / "log.csv"), Table(folder / "validation.csv")
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / "state.pt").is_file():
            self._resume()
        elif self.processes.rank == 0:  # tables of a run that was killed before it saved
            self.log.clear()
            self.validation.clear()

    def _resume(self) -> None:
        path = self.folder / "state.pt"
        try:
            saved = load_tensors(path, self.device)
            identity, step = saved["identity"], saved["step"]
        except Exception as error:  # torch raises many kinds for a file that is not its own
            raise ValueError(f"{path} is not a saved state; remove it to start anew") from error
        if identity != self.identity:
            other = [key for key in sorted({*identity, *self.identity}) if identity.get(key) != self.identity.get(key)]
            raise ValueError(f"{self.folder} holds a run of another {', '.join(other)}; give another --out")
        if step > self.recipe.steps:
            raise ValueError(f"{self.folder} holds {in_steps(step)} already; give more --steps, or another --out")
        self.network.load_state_dict(saved["network"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.average, self.step, self.seconds = saved["average"], step, saved["seconds"]
        first_phase = saved.get("first_phase", self.recipe.first_phase)
        if step >= first_phase != self.recipe.first_phase:  # a longer run does not go back to a phase that is over
            self.recipe = replace(self.recipe, phase1=first_phase / self.recipe.steps)
        if self.processes.rank == 0:
            for table in (self.log, self.validation):
                table.truncate(step)
        self.processes.wait()

    def train_step(self, images: list[list]) -> dict[str, float]:
        recipe = self.recipe
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(recipe, self.step)
        ir, vis = self.processes.share(crops(images, recipe, self.seed, self.step)).to(self.device)
        loss, parts = self.loss(ir, vis, recipe, self.step)
        self.optimizer.zero_grad(set_to_none=True)
        self.processes.backward(loss)
        norms = [
            torch.nn.utils.clip_grad_norm_(part.parameters(), recipe.clip or float("inf"))
            for part in self.task.parts(self.network)
        ]
        if self.processes.any(not all(torch.isfinite(x).all() for x in (loss, *norms))):
            kept = f"; {self.folder} keeps the last saved state" if (self.folder / "state.pt").is_file() else ""
            raise Diverged(f"the loss ({loss.item():.4g}) or its gradient is not finite at step {self.step}{kept}")
        self.optimizer.step()
        self.step += 1
        # The average starts short, or it would remember the initialisation.
        decay = min(recipe.ema, self.step / (self.step + 10))
        for name, value in self.network.state_dict().items():
            self.average[name].lerp_(value, 1 - decay)
        return {"loss": loss.item(), **{name: part.item() for name, part in parts.items()}}

    def averaged(self):
        """A copy of the network with the averaged weights."""
        network = self.task.build().to(self.device)
        network.load_state_dict(self.average)
        return network.eval()

    def save(self) -> None:
        from safetensors.torch import save

        state = {
            "identity": self.identity, "step": self.step, "seconds": self.seconds, "average": self.average,
            "network": self.network.state_dict(), "optimizer": self.optimizer.state_dict(),
            "first_phase": self.recipe.first_phase,
        }  # fmt: skip
        content = io.BytesIO()
        torch.save(state, content)
        files.replace(self.folder / "state.pt", content.getvalue())
        tensors = {name: x.cpu().contiguous() for name, x in self.task.state(self.averaged()).items()}
        weights = self.folder / f"{self.method}.safetensors"
        files.replace(weights, save(tensors))
        rows = self.validation.rows()
        scores = {name: float(value) for name, value in rows[-1].items()} if rows else None
        record = {
            **self.facts, **self.identity, "recipe": vars(self.recipe), "steps": self.step,
            "seconds": round(self.seconds), "device": self.device, "processes": self.processes.count,
            "validation": scores and {name: None if math.isnan(x) else x for name, x in scores.items()},
            "sha256": sha256(weights),
        }  # fmt: skip
        text = json.dumps(record, indent=1, allow_nan=False) + "\n"
        files.replace(self.folder / f"{self.method}.json", text)

    def train(
        self,
        sources: Sequence[Source],
        save_every: int,
        validate_every: int,
        advance: Callable[[News], None] = lambda news: None,
        say: Callable[..., None] = progress.say,
        tensorboard: bool = False,
    ) -> None:
        """Train to the recipe's last step. Hold a few pairs of each source out to validate on.

        Calls `advance` after every step, and `say` with the scores of every validation. Ctrl-C and SIGTERM wait for
        the end of the step; the run saves it, then they are raised.
        """
        training, held_out = split_off_validation(sources)
        first = self.processes.rank == 0
        whole = [f"{x.dataset}@{x.split}" for x, left in zip(sources, training) if len(left) == len(x.images)]
        if whole and first:
            say(f"{', '.join(whole)}: fewer than 4 pairs, so none is held out for validation")
        board = TensorBoard(self.folder / "tensorboard", self.step) if tensorboard and first else None
        window, before, stopped = [], time.monotonic(), False
        recent, start, first_step = deque(maxlen=LOG_EVERY), before, self.step
        with held_back(say if first else lambda line: None) as interrupts:
            while self.step < self.recipe.steps and not stopped:
                window.append(self.train_step(training))
                recent.append(window[-1]["loss"])
                now = time.monotonic()
                self.seconds, before = self.seconds + now - before, now
                last = self.step == self.recipe.steps
                if self.step % LOG_EVERY == 0 or last:
                    # A method's phases differ in their parts of the loss; only those of the newest step are averaged.
                    means = {key: float(np.mean([row[key] for row in window if key in row])) for key in window[-1]}
                    rate = learning_rate(self.recipe, self.step - 1)
                    row = {"step": self.step, "seconds": self.seconds, **self.processes.mean(means), "rate": rate}
                    window = []
                    if first:
                        self.log.append(row)
                    if board:
                        board.add("training", row)
                if first and held_out and (self.step % validate_every == 0 or last):
                    self._validate(held_out, say, board)
                stopped = self.processes.any(bool(interrupts))
                if first and (self.step % validate_every == 0 or last or stopped):
                    self._draw_losses()
                if first and (self.step % save_every == 0 or last or stopped):
                    self.save()
                speed = (self.step - first_step) / max(time.monotonic() - start, 1e-9)
                rate = learning_rate(self.recipe, self.step - 1)
                advance(News(self.step, float(np.mean(recent)), rate, speed, speed * self.recipe.batch))
        if stopped:  # another process was interrupted; `held_back` passes on an interrupt of this one
            raise KeyboardInterrupt
        self.processes.wait()

    def _draw_losses(self) -> None:
        if self.log.rows():
            draw(self.log.path, self.folder / "loss.png", f"{self.method}, losses and learning rate")

    def _validate(self, held_out: list, say: Callable[..., None], board: TensorBoard | None) -> None:
        scores = validate(self.averaged(), held_out, self.device)
        row = {"step": self.step, **scores}
        self.validation.append(row)
        draw(self.validation.path, self.folder / "validation.png", f"{self.method}, held-out crops")
        if board:
            board.add("validation", row)
        text = f"step {self.step}: " + "  ".join(f"{name} {value:.3f}" for name, value in scores.items())
        say(text, "validation", method=self.method, step=self.step, scores=scores)


def in_steps(count: int) -> str:
    return f"{count} step{'s' * (count != 1)}"
