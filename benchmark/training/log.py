"""Write what a run leaves to read: CSV tables of losses and of validation scores, TensorBoard logs."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

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

    def append(self, row: Mapping[str, float]) -> None:
        if not self.path.is_file():
            self._rewrite(list(row), [])
        with self.path.open(newline="") as file:
            columns = next(csv.reader(file))
        if set(row) - set(columns):  # a method's second phase logs other parts
            columns = [*columns, *(key for key in row if key not in columns)]
            self._rewrite(columns, self.rows())
        with self.path.open("a", newline="") as file:
            values = {key: value if isinstance(value, int) else f"{value:.6g}" for key, value in row.items()}
            csv.DictWriter(file, columns).writerow(values)

    def _rewrite(self, columns: list[str], rows: list[dict]) -> None:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, columns)
        writer.writeheader()
        writer.writerows(rows)
        files.replace(self.path, text.getvalue())


class TensorBoard:
    """Writes scalars for TensorBoard into `folder`. Raises ModuleNotFoundError where the package is missing."""

    def __init__(self, folder: Path, step: int):
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder), purge_step=step)

    def add(self, group: str, row: Mapping[str, float]) -> None:
        for name, value in row.items():
            if name != "step":
                self._writer.add_scalar(f"{group}/{name}", value, row["step"])
        self._writer.flush()
