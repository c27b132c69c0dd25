"""Write what a run leaves to read: CSV tables of losses and of validation scores, logs for TensorBoard and for Weights
& Biases."""

from __future__ import annotations

import csv
import importlib
import io
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from baselines.wording import reason
from benchmark.errors import UserError
from benchmark.store import files


class Table:
    """A CSV file with a line for each logged step, in order. The first column is the step."""

    def __init__(self, path: Path):
        self.path = path

    def rows(self) -> list[dict[str, str]]:
        if not self.path.is_file():
            return []
        with self.path.open(newline="") as file:
            return list(csv.DictReader(file))

    def clear(self) -> None:
        self.path.unlink(missing_ok=True)

    def truncate(self, step: int) -> None:
        """Drop the lines of steps after `step`, and a line that a kill cut short: the resumed run writes them again."""
        if self.path.is_file():
            head, *lines = self.path.read_text().splitlines(keepends=True)
            kept = [line for line in lines if line.endswith("\n") and int(line.split(",")[0]) <= step]
            files.replace(self.path, "".join([head, *kept]))

    def append(self, row: Mapping[str, float | str]) -> None:
        if not self.path.is_file():
            self._rewrite(list(row), [])
        with self.path.open(newline="") as file:
            columns = next(csv.reader(file))
        if set(row) - set(columns):  # a method's second phase logs other parts
            columns = [*columns, *(key for key in row if key not in columns)]
            self._rewrite(columns, self.rows())
        with self.path.open("a", newline="") as file:
            values = {key: value if isinstance(value, (int, str)) else f"{value:.6g}" for key, value in row.items()}
            csv.DictWriter(file, columns).writerow(values)

    def _rewrite(self, columns: list[str], rows: list[dict]) -> None:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, columns)
        writer.writeheader()
        writer.writerows(rows)
        files.replace(self.path, text.getvalue())


class Board:
    """What shows a training elsewhere while it goes on."""

    def add(self, group: str, row: Mapping[str, float]) -> None:
        """Show the numbers of a row, under the names of a group. row: `step` is among them."""
        raise NotImplementedError

    def show(self, picture: Path, step: int) -> None:
        """Show a PNG."""
        raise NotImplementedError

    def close(self) -> None:
        """Write what is still to be written."""


class TensorBoard(Board):
    """Writes into the folder `tensorboard` of the run. Raises ModuleNotFoundError where the package is missing."""

    def __init__(self, folder: Path, step: int, facts: Mapping):
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=step)

    def add(self, group, row):
        for name, value in row.items():
            if name != "step":
                self._writer.add_scalar(f"{group}/{name}", value, row["step"])
        self._writer.flush()

    def show(self, picture, step):
        from PIL import Image

        with Image.open(picture) as image:
            self._writer.add_image("samples", np.asarray(image.convert("RGB")), step, dataformats="HWC")
        self._writer.flush()

    def close(self):
        self._writer.close()


class WeightsAndBiases(Board):
    """A run of Weights & Biases in the project `mmif-bench`, named as the folder.

    It stays on this computer, in the folder `wandb` of the run, unless WANDB_MODE says otherwise. A training that goes
    on is the same run. Raises ImportError where the package is missing, and ValueError, in one line, where it does not
    start.
    """

    def __init__(self, folder: Path, step: int, facts: Mapping):
        from wandb import Image, init

        own = folder / "wandb_id"
        if step == 0 or not own.is_file():
            own.write_text(secrets.token_hex(8))
        try:
            self._run = init(
                project="mmif-bench", name=folder.name, dir=str(folder), id=own.read_text().strip(), resume="allow",
                mode=os.environ.get("WANDB_MODE") or "offline", config=dict(facts),
                settings={"silent": True, "console": "off"},
            )  # fmt: skip
        except Exception as error:  # of its own kinds, which change from release to release
            raise ValueError(f"--wandb: {reason(error)[:300] or type(error).__name__}") from error
        self._image = Image
        # Its own count of steps only rises; a run that goes on repeats those after the last saved state.
        self._run.define_metric("*", step_metric="step")

    def add(self, group, row):
        self._run.log({name if name == "step" else f"{group}/{name}": value for name, value in row.items()})

    def show(self, picture, step):
        self._run.log({"step": step, "samples": self._image(str(picture))})

    def close(self):
        self._run.finish()


BOARDS = {"tensorboard": TensorBoard, "wandb": WeightsAndBiases}


def check_boards(names: Sequence[str]) -> None:
    """Raise UserError where the package of a board cannot be imported."""
    for name, (module, content, install) in {
        "tensorboard": ("torch.utils.tensorboard", "SummaryWriter", "'mmif-bench[train]'"),
        "wandb": ("wandb", "init", "wandb"),  # a folder `wandb`, as it leaves them, is a module too, but an empty one
    }.items():
        if name in names:
            try:
                getattr(importlib.import_module(module), content)
            except (ImportError, AttributeError) as error:
                raise UserError(f"--{name}: the package {name} is not installed: pip install {install}") from error
