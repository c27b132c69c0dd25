"""The training loop: random crops of a data set's pairs, resumable at any saved step with identical continuation."""

from __future__ import annotations

import csv
import json
import math
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch

import metrics
from baselines.base import keep_freed_memory, sha256
from baselines.training import Recipe, Task
from benchmark.training.data import Source, crops, split_off_validation

VALIDATION_CROP = 128


class Diverged(Exception):
    """The loss is not finite; the state saved last is kept."""


def learning_rate(recipe: Recipe, step: int) -> float:
    if step < recipe.warmup:
        return recipe.learning_rate * (step + 1) / recipe.warmup
    done = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    if recipe.schedule == "cosine":
        return recipe.learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * min(done, 1))) / 2)
    if recipe.schedule == "plateau":
        return recipe.learning_rate * min(1, 0.01 + 0.99 * (recipe.steps - step) / max(1, recipe.steps // 5))
    if recipe.schedule == "halving":
        return recipe.learning_rate * 0.5 ** int(6 * min(done, 1 - 1e-9))
    return recipe.learning_rate


@torch.no_grad()
def validate(network, images: list[tuple[np.ndarray, np.ndarray]], device: str) -> dict[str, float]:
    """Mean of the eight core metrics (protocol cddfuse) over centre crops of the validation pairs."""
    rows = []
    for pair in images:
        top, left = ((side - min(side, VALIDATION_CROP)) // 2 for side in pair[0].shape)
        ir, vis = (np.ascontiguousarray(x[top : top + VALIDATION_CROP, left : left + VALIDATION_CROP]) for x in pair)
        tensors = (torch.from_numpy(x)[None, None].float().to(device) / 255 for x in (ir, vis))
        fused = network(*tensors)[0, 0].clamp(0, 1).mul(255).round().byte().cpu().numpy()
        rows.append(metrics.evaluate(fused, ir, vis, protocol="cddfuse"))
    return {name: float(np.nanmean([row[name] for row in rows])) for name in rows[0]}


class Run:
    """One training run in its folder: state.pt (to resume), log.csv, validation.csv, the weights and their record."""

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
    ):
        self.task, self.recipe, self.method, self.folder = task, recipe, method, folder
        self.seed, self.device, self.facts = seed, device, facts
        # Not the number of steps, so that a run can be extended.
        kept = {key: value for key, value in vars(recipe).items() if key != "steps"}
        self.identity = {"method": method, "recipe": kept, "seed": seed, "data": facts["data"]}
        if start:
            self.identity["start_sha256"] = sha256(start)
        if device == "cpu":
            keep_freed_memory()
        torch.manual_seed(seed)
        self.network = (task.load(start) if start else task.build()).to(device)
        self.average = {name: p.detach().clone() for name, p in self.network.state_dict().items()}
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=recipe.learning_rate)
        self.step, self.seconds = 0, 0.0
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / "state.pt").is_file():
            self._resume()

    def _resume(self) -> None:
        try:
            saved = torch.load(self.folder / "state.pt", map_location=self.device, weights_only=True)
            identity = saved["identity"]
        except Exception as error:  # torch raises many kinds for a file that is not its own
            raise ValueError(f"{self.folder / 'state.pt'} is not a saved state; remove it to start anew") from error
        if identity != self.identity:
            raise ValueError(
                f"{self.folder} holds a run of another method, recipe, seed, data or start; give another --out"
            )
        self.network.load_state_dict(saved["network"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.average, self.step, self.seconds = saved["average"], saved["step"], saved["seconds"]
        for name in ("log.csv", "validation.csv"):
            self._truncate(self.folder / name)

    def _truncate(self, path: Path) -> None:
        """Drop the lines of steps that were not saved; they come again."""
        if path.is_file():
            head, *lines = path.read_text().splitlines(keepends=True)
            kept = [line for line in lines if line.endswith("\n") and int(line.split(",")[0]) <= self.step]
            path.write_text("".join([head, *kept]))

    def train_step(self, images: list[list]) -> dict[str, float]:
        recipe = self.recipe
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(recipe, self.step)
        ir, vis = crops(images, recipe, self.seed, self.step).to(self.device)
        loss, parts = self.task.loss(self.network, ir, vis, recipe, self.step)
        if not torch.isfinite(loss):
            raise Diverged(f"the loss is {loss.item()} at step {self.step}; {self.folder} keeps the last saved state")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if recipe.clip:
            for part in self.task.parts(self.network):
                torch.nn.utils.clip_grad_norm_(part.parameters(), recipe.clip)
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
        from safetensors.torch import save_file

        state = {
            "identity": self.identity, "step": self.step, "seconds": self.seconds, "average": self.average,
            "network": self.network.state_dict(), "optimizer": self.optimizer.state_dict(),
        }  # fmt: skip
        _replace(self.folder / "state.pt", lambda path: torch.save(state, path))
        tensors = {name: x.cpu().contiguous() for name, x in self.task.state(self.averaged()).items()}
        _replace(self.folder / f"{self.method}.safetensors", lambda path: save_file(tensors, path))
        record = {
            **self.facts, **self.identity, "recipe": vars(self.recipe), "steps": self.step, "seconds": round(self.seconds),
            "device": self.device,
        }  # fmt: skip
        _replace(self.folder / f"{self.method}.json", lambda path: path.write_text(json.dumps(record, indent=1) + "\n"))

    def _append(self, name: str, row: dict[str, float]) -> None:
        path = self.folder / name
        new = not path.is_file()
        columns = list(row) if new else path.read_text().split("\n", 1)[0].split(",")
        if set(row) - set(columns):  # a method's second phase logs other parts
            lines = list(csv.DictReader(path.open()))
            columns = [*columns, *(key for key in row if key not in columns)]
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, columns)
                writer.writeheader()
                writer.writerows(lines)
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, columns)
            if new:
                writer.writeheader()
            writer.writerow({key: value if isinstance(value, int) else f"{value:.6g}" for key, value in row.items()})

    def train(
        self,
        sources: Sequence[Source],
        save_every: int,
        validate_every: int,
        track: Callable[[Iterable[int]], Iterable[int]] = iter,
        say: Callable[[str], None] = print,
    ) -> None:
        """Train to the recipe's last step, a few pairs of each source held out to validate on."""
        training, held_out = split_off_validation(sources)
        window, before = [], time.monotonic()
        for _ in track(range(self.step, self.recipe.steps)):
            window.append(self.train_step(training))
            now = time.monotonic()
            self.seconds, before = self.seconds + now - before, now
            last = self.step == self.recipe.steps
            if self.step % 20 == 0 or last:
                # Parts change with a method's phase; only what the newest step has is averaged.
                means = {key: float(np.mean([row[key] for row in window if key in row])) for key in window[-1]}
                self._append("log.csv", {"step": self.step, "seconds": self.seconds, **means})
                window = []
            if held_out and (self.step % validate_every == 0 or last):
                scores = validate(self.averaged(), held_out, self.device)
                self._append("validation.csv", {"step": self.step, **scores})
                say(f"step {self.step}: " + "  ".join(f"{name} {value:.3f}" for name, value in scores.items()))
            if self.step % save_every == 0 or last:
                self.save()


def _replace(path: Path, write: Callable[[Path], None]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    write(temporary)
    os.replace(temporary, path)
