"""Figures of detection: precision over recall, and average precision by class."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from benchmark.detection.outcome import Compared, Row
from benchmark.detection.precision import RECALLS
from benchmark.figures import style
from benchmark.report.measured import NAIVE

CLASSES = 8  # panels: those of the classes with most instances


@dataclass(frozen=True)
class Detected:
    """What the figures of a setup show.

    titles: method -> title, in the order of the table. instances: class -> number in the test part, most first.
    precision: method -> class -> (R,) at `recall`, IoU 0.5, mean over seeds. ap: method -> class -> AP of each seed,
    IoU 0.5 to 0.95.
    """

    title: str
    titles: dict[str, str]
    instances: dict[str, int]
    recall: np.ndarray
    precision: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    ap: dict[str, dict[str, list[float]]] = field(default_factory=dict)


def read(compared: Compared) -> Detected | None:
    """Collect what is complete of a setup; None where nothing is. A method has no curves where those of a seed are
    broken."""
    if not compared.rows:
        return None
    figures = [compared.figure("AP", label=label) for label in compared.classes]
    figures = sorted((figure for figure in figures if figure.instances), key=lambda figure: -figure.instances)[:CLASSES]
    names = [figure.label for figure in figures]
    precision = {row.method: _precision(compared, row, names) for row in compared.rows}
    ap = {row.method: {figure.label: row.values(figure) for figure in figures} for row in compared.rows}
    settings = compared.facts["settings"]
    return Detected(
        title=f"{compared.place}, {settings['detector']}, {settings['protocol']}",
        titles={row.method: row.title for row in compared.rows},
        instances={figure.label: figure.instances for figure in figures},
        recall=RECALLS,
        precision=precision,
        ap=ap,
    )


def _precision(compared: Compared, row: Row, names: list[str]) -> dict[str, np.ndarray]:
    """Return class -> precision at `RECALLS`, IoU 0.5, mean over seeds."""
    try:
        drawn = [compared.setup.run(row.method, seed).curves()["precision"] for seed in row.records]
        means = {name: np.mean([one[name]["AP50"] for one in drawn], axis=0) for name in names}
    except (KeyError, TypeError, ValueError):
        return {}
    return {name: mean for name, mean in means.items() if mean.shape == RECALLS.shape}


def precision_recall(plt, detected: Detected):
    """Draw precision over recall at IoU 0.5, mean over seeds, in a panel per class."""
    names = list(detected.instances)
    columns = min(4, len(names))
    rows = math.ceil(len(names) / columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(style.PAGE * max(columns, 2) / 4, 1.75 * rows + 0.4), squeeze=False, sharex=True,
        sharey=True, layout="constrained",
    )  # fmt: skip
    for axis in axes.flat[len(names) :]:
        axis.axis("off")
    looks = style.looks(list(detected.titles), NAIVE)
    for axis, name in zip(axes.flat, names):
        for method, look in looks.items():
            if name in detected.precision.get(method, {}):
                axis.plot(detected.recall, detected.precision[method][name], color=look.colour, linestyle=look.dashes)
        axis.set_title(f"{name} ({detected.instances[name]})")
        axis.set_xlim(0, 1)
        axis.set_ylim(0, 1.02)
    for axis in axes[-1]:
        axis.set_xlabel("recall")
    for axis in axes[:, 0]:
        axis.set_ylabel("precision")
    handles = [plt.Line2D([], [], color=look.colour, linestyle=look.dashes) for look in looks.values()]
    figure.legend(handles, list(detected.titles.values()), loc="outside lower center", ncols=min(5, len(handles)))
    figure.suptitle(detected.title, fontsize=7)
    return figure


def class_bars(plt, detected: Detected):
    """Draw AP of each class, a bar per method. The line on a bar is the standard deviation over seeds (ddof = 1)."""
    names, methods = list(detected.instances), list(detected.titles)
    looks = style.looks(methods, NAIVE)
    figure, axis = plt.subplots(figsize=(style.PAGE, 2.3), layout="constrained")
    width = 0.84 / len(methods)
    for place, method in enumerate(methods):
        values = [detected.ap.get(method, {}).get(name, [math.nan]) for name in names]
        spread = [np.std(found, ddof=1) if len(found) > 1 else math.nan for found in values]
        axis.bar(
            np.arange(len(names)) + (place - (len(methods) - 1) / 2) * width,
            100 * np.array([np.mean(found) for found in values]),
            width,
            yerr=100 * np.array(spread) if np.isfinite(spread).any() else None,
            color=looks[method].colour,
            hatch=("", "////", "....", "xxxx")[style.DASHES.index(looks[method].dashes)],
            edgecolor="white",
            linewidth=0.3,
            error_kw={"linewidth": 0.7},
            label=detected.titles[method],
        )
    axis.set_xticks(range(len(names)), [f"{name} ({detected.instances[name]})" for name in names])
    axis.grid(visible=False, axis="x")
    axis.set_ylabel("AP, %")
    axis.set_title(detected.title)
    figure.legend(loc="outside lower center", ncols=min(5, len(methods)))
    return figure
