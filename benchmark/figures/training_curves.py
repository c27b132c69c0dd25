"""Draw the curves of training runs from the CSV files of `bench train`, whose columns are `step`, numbers and, of
validations, what they are `on`."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from benchmark.errors import UserError
from benchmark.figures import style


def read_curves(path: Path) -> dict[str, list[float]]:
    """Read column -> values, `step` among them. Raises UserError where the file is not such a table."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
        names = [name for name in (lines[0] if lines else {}) if name != "on"]
        curves = {name: [float(line[name] or "nan") for line in lines] for name in names}
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, csv.Error):
        raise UserError(f"{path}: not a table of numbers") from None
    if "step" not in curves:
        raise UserError(f"{path}: no column 'step'")
    return curves


def curves(plt, runs: Mapping[str, Mapping[str, list[float]]]):
    """Draw a panel per quantity, a line per run. Leaves out `seconds`. runs: title -> curves."""
    names = list(dict.fromkeys(name for run in runs.values() for name in run if name not in ("step", "seconds")))
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(style.PAGE * columns / 4, 1.5 * rows + 0.2), squeeze=False, layout="constrained"
    )
    for axis in axes.flat[len(names) :]:
        axis.axis("off")
    looks = style.looks(list(runs))
    for axis, name in zip(axes.flat, names):
        for title, run in runs.items():
            if name in run:
                look = looks[title]
                marker = "." if len(run["step"]) == 1 else None  # a line of one point is none
                axis.plot(run["step"], run[name], color=look.colour, linestyle=look.dashes, marker=marker, label=title)
        axis.set_title(name)
    for axis in axes[-1]:
        axis.set_xlabel("step")
    if len(runs) > 1:
        handles = [plt.Line2D([], [], color=x.colour, linestyle=x.dashes) for x in looks.values()]
        figure.legend(handles, list(runs), loc="outside lower center", ncols=4)
    return figure


def draw(table: Path, picture: Path, title: str) -> None:
    """Draw one run's table as a PNG."""
    with style.pyplot() as plt:
        figure = curves(plt, {title: read_curves(table)})
        figure.suptitle(title, fontsize=7.5)
        style.write(figure, picture, dpi=150)
