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
from torch.optim.swa_utils import get_ema_multi_avg_fn

import baselines
from baselines.base import NetworkFuser, keep_freed_memory, load_tensors, sha256
from baselines.tasks import Recipe, Task, load_weights, metadata
from benchmark import progress
from benchmark.figures.samples import COLUMNS, MEDICAL, draw_sheet
from benchmark.figures.training_curves import draw
from benchmark.store import files
from benchmark.training.crops import Ahead, HeldOut, Source, crops, split_off_validation
from benchmark.training.interrupts import held_back
from benchmark.training.log import BOARDS, Board, Table
from benchmark.training.processes import Alone
from benchmark.training.schedule import learning_rate
from benchmark.training.validation import AS_USUAL, RANK, Validation, fitted_class, is_better, loss_on, validate

LOG_EVERY = 20
PRECISIONS = ("fp32", "bf16")
WRITTEN = (".safetensors", ".json")


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
    """One training run. Its folder holds state.pt (to resume), log.csv, loss.png, validation.csv, validation.png,
    pictures of the pairs held out (samples), the weights of the last saved step and those of the best validation
    (METHOD.best), each with its record.

    start: the weights to begin with, or None for random ones. precision: "fp32", or "bf16" for bfloat16 autocast of the
    network, with float32 weights, losses and scans. recompute: trade time for memory, by computing the activations of
    each block again for its gradient. facts: further content of the record; a resumed run must have the same `data` in
    it. validation: how it is judged; a resumed run must be judged alike, so that the best stays the best. fuser: the
    method that fuses for it, by default the one called `method`. samples: how many of the pairs held out are drawn.
    Raises ValueError where the folder holds another run, Unavailable for a `start` that does not fit.
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
        validation: Validation = AS_USUAL,
        fuser: type[NetworkFuser] | None = None,
        samples: int = 4,
    ):
        unknown = set(recipe.loss) - set(task.terms)
        if unknown:
            raise ValueError(f"unknown loss term {', '.join(sorted(unknown))}; known: {', '.join(task.terms)}")
        self.processes = processes or Alone(device)
        self.task, self.recipe, self.method, self.folder = task, recipe, method, folder
        self.seed, self.device, self.facts = seed, self.processes.device, facts
        self.judged_by, self.samples, self._fuser, self._tile = validation, samples, fuser, None
        # The number of steps is left out, so that a run can be extended.
        kept = {key: value for key, value in vars(recipe).items() if key not in ("steps", "continues")}
        self.identity = {"method": method, "recipe": kept, "seed": seed, "data": facts["data"], "precision": precision}
        if task.variant:
            self.identity["variant"] = task.variant
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
        self.best: dict | None = None  # of the best validation: its step, its seconds and the averaged weights
        self.crops = Ahead(pinned=True).crops if torch.device(self.device).type == "cuda" else crops
        self.log, self.validation = Table(folder / "log.csv"), Table(folder / "validation.csv")
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / "state.pt").is_file():
            self._resume()
        elif self.processes.rank == 0:  # tables of a run that was killed before it saved
            self.log.clear()
            self.validation.clear()
            self._forget_later()

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
        if (judged := saved.get("validation", self.judged_by.identity)) != self.judged_by.identity:
            options = "--validate-on {on} --protocol {protocol} --output {output} --validate-by {by}".format(**judged)
            raise ValueError(f"{self.folder} holds a run of {options}; give the same, or another --out")
        if step > self.recipe.steps:
            raise ValueError(f"{self.folder} holds {in_steps(step)} already; give more --steps, or another --out")
        self.network.load_state_dict(saved["network"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.average, self.step, self.seconds = saved["average"], step, saved["seconds"]
        self.best = saved.get("best")
        first_phase = saved.get("first_phase", self.recipe.first_phase)
        if step >= first_phase != self.recipe.first_phase:  # a longer run does not go back to a phase that is over
            self.recipe = replace(self.recipe, phase1=first_phase / self.recipe.steps)
        if self.processes.rank == 0:
            for table in (self.log, self.validation):
                table.truncate(step)
            self._forget_later()
        self.processes.wait()

    def _forget_later(self) -> None:
        """Take back what was written after the saved step: pictures, and the weights of a best validation."""
        for path in (self.folder / "samples").glob("*.png"):
            if path.stem.isdigit() and int(path.stem) > self.step:
                path.unlink()
        if self.best:
            self._write_best()
        else:
            for suffix in WRITTEN:
                (self.folder / f"{self.method}.best{suffix}").unlink(missing_ok=True)

    def train_step(self, images: list[list]) -> dict[str, float]:
        recipe = self.recipe
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(recipe, self.step)
        batch = self.processes.share(self.crops(images, recipe, self.seed, self.step))
        ir, vis = batch.to(self.device, non_blocking=True)
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
        state = self.network.state_dict()
        get_ema_multi_avg_fn(decay)([self.average[name] for name in state], list(state.values()), self.step)
        return {"loss": loss.item(), **{name: part.item() for name, part in parts.items()}}

    def averaged(self, state: dict[str, Tensor] | None = None):
        """A copy of the network with the averaged weights, or with those of `state`."""
        network = self.task.build().to(self.device)
        network.load_state_dict(self.average if state is None else state)
        return network.eval()

    def save(self) -> None:
        state = {
            "identity": self.identity, "step": self.step, "seconds": self.seconds, "average": self.average,
            "network": self.network.state_dict(), "optimizer": self.optimizer.state_dict(),
            "first_phase": self.recipe.first_phase, "validation": self.judged_by.identity, "best": self.best,
        }  # fmt: skip
        content = io.BytesIO()
        torch.save(state, content)
        files.replace(self.folder / "state.pt", content.getvalue())
        best = {"best": self._chosen()} if self.best else {}
        scores = [row for row in self.scores() if row["step"] <= self.step]
        self._write_weights(self.method, self.average, self.step, self.seconds, scores[-1] if scores else None, best)

    def _chosen(self) -> dict:
        return {"step": self.best["step"], "by": self.judged_by.chosen_by, "validated_on": self.judged_by.where}

    def _write_best(self) -> None:
        scores = next((row for row in self.scores() if row["step"] == self.best["step"]), None)
        self._write_weights(
            f"{self.method}.best", self.best["average"], self.best["step"], self.best["seconds"], scores,
            {"best": self._chosen()},
        )  # fmt: skip

    def _write_weights(
        self, name: str, average: dict[str, Tensor], step: int, seconds: float, scores: dict | None, further: dict
    ) -> None:
        """Write weights and their record. scores: of the validation that the record is to hold."""
        from safetensors.torch import save

        tensors = {key: x.cpu().contiguous() for key, x in self.task.state(self.averaged(average)).items()}
        weights = self.folder / f"{name}.safetensors"
        files.replace(weights, save(tensors, metadata(self.task, self.method)))
        record = {
            **self.facts, **self.identity, "recipe": vars(self.recipe), "steps": step,
            "seconds": round(seconds), "device": self.device, "processes": self.processes.count,
            "validation": scores and {key: None if math.isnan(x) else x for key, x in scores.items()},
            **further, "sha256": sha256(weights),
        }  # fmt: skip
        files.replace(self.folder / f"{name}.json", json.dumps(record, indent=1, allow_nan=False) + "\n")

    def scores(self) -> list[dict[str, float]]:
        """The validations so far: step and scores, as validation.csv has them."""
        rows = ({key: value for key, value in row.items() if key != "on"} for row in self.validation.rows())
        return [{key: int(x) if key == "step" else float(x or "nan") for key, x in row.items()} for row in rows]

    def train(
        self,
        sources: Sequence[Source],
        save_every: int,
        validate_every: int,
        advance: Callable[[News], None] = lambda news: None,
        say: Callable[..., None] = progress.say,
        boards: Sequence[str] = (),
    ) -> None:
        """Train to the recipe's last step. Hold a few pairs of each source out to validate on.

        Calls `advance` after every step, and `say` with the scores of every validation. boards: names of `log.BOARDS`
        that show the training. Ctrl-C and SIGTERM wait for
        the end of the step; the run saves it, then they are raised.
        """
        training, held_out = split_off_validation(sources)
        first = self.processes.rank == 0
        whole = [f"{x.dataset}@{x.split}" for x, left in zip(sources, training) if len(left) == len(x.images)]
        if whole and first:
            say(f"{', '.join(whole)}: fewer than 4 pairs, so none is held out for validation")
        if first:
            self._fuser = self._fuser or baselines.method(self.method)
            self._tile, note = fitted_class(self.method, self._fuser, held_out, self.judged_by, self.device)
            if note:
                say(f"validation: {note}")
        window, before, stopped = [], time.monotonic(), False
        recent, start, first_step, spent = deque(maxlen=LOG_EVERY), before, self.step, None
        shown = [BOARDS[name](self.folder, self.step, self.identity) for name in boards] if first else []
        with contextlib.ExitStack() as stack, held_back(say if first else lambda line: None) as interrupts:
            for board in shown:
                stack.callback(board.close)
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
                    for board in shown:
                        board.add("training", row)
                if first and held_out and (self.step % validate_every == 0 or last):
                    trained = (now - start) / (self.step - first_step)
                    seconds = self._validate(held_out, say, shown)
                    if spent is None and not last:
                        spent = seconds
                        say(self._cost(held_out, seconds, trained * validate_every, validate_every), "note")
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

    def _validate(self, held_out: list[HeldOut], say: Callable[..., None], boards: Sequence[Board]) -> float:
        """Score the pairs held out, draw them, and keep the weights where they are the best. Returns the seconds."""
        network, how = self.averaged(), self.judged_by
        loss = loss_on(network, self.task, held_out, self.recipe, self.step - 1, self.device)
        judged = validate(network, self._fuser, held_out, self.device, how, self._tile)
        scores = {**judged.scores, "loss": loss}
        self.validation.append({"step": self.step, **scores, "on": how.where})
        draw(self.validation.path, self.folder / "validation.png", f"{self.method}, held-out pairs ({how.where})")
        best = self._is_best()
        if best:
            # A copy: the average goes on.
            average = {name: x.clone() for name, x in self.average.items()}
            self.best = {"step": self.step, "seconds": self.seconds, "average": average}
            self._write_best()
        sheet = self._draw_samples(judged.pictures)
        for board in boards:
            board.add("validation", {"step": self.step, **scores})
            if sheet:
                board.show(sheet, self.step)
        text = f"step {self.step}: " + "  ".join(f"{name} {value:.3f}" for name, value in scores.items())
        if best:
            text += f", the best so far by {'mean rank' if how.by == RANK else how.by}"
        elif self.best is None:
            text += f"; none is the best, for {how.by} is not defined on these pairs"
        say(
            text, "validation", method=self.method, step=self.step, scores=scores, best=best,
            validated_on=how.where, seconds=round(judged.seconds, 1),
        )  # fmt: skip
        return judged.seconds

    def _is_best(self) -> bool:
        """Whether the newest validation is the best so far. What was validated in a first phase is beside the point
        once there is a second: it has other losses, and a network that cannot fuse yet."""
        rows, first_phase = self.scores(), self.recipe.first_phase
        kept = self.best and self.best["step"]
        if self.step > first_phase:
            rows = [row for row in rows if row["step"] > first_phase]
        return is_better(rows, kept if any(row["step"] == kept for row in rows) else None, self.judged_by)

    def _draw_samples(self, pictures: list) -> Path | None:
        if not self.samples:
            return None
        path = self.folder / "samples" / f"{self.step:06}.png"
        path.parent.mkdir(exist_ok=True)
        title = f"{self.method}, step {self.step}, held-out pairs ({self.judged_by.where})"
        places = np.linspace(0, len(pictures) - 1, min(self.samples, len(pictures))).round().astype(int)
        draw_sheet([pictures[i] for i in places], path, title, MEDICAL if self.method.endswith("-mif") else COLUMNS)
        return path

    def _cost(self, held_out: list[HeldOut], seconds: float, between: float, every: int) -> str:
        what = "whole images" if self.judged_by.on == "whole" else "crops"
        share = seconds / (seconds + between)
        text = f"a validation of {len(held_out)} {what} takes {progress.duration(seconds)}, {share:.0%} of the time"
        text += f" with --validate-every {every}"
        return text + ("; --validate-on crops takes less" if what != "crops" and share > 0.2 else "")


def in_steps(count: int) -> str:
    return f"{count} step{'s' * (count != 1)}"
