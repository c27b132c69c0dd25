"""Figures of detection: precision over recall, and average precision by class."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from benchmark.detection.outcome import REFERENCES, Compared, Row
from benchmark.detection.precision import RECALLS
from benchmark.figures import captions, style

CLASSES = 8  # panels: those of the classes with most instances


@dataclass(frozen=True)
class Detected:
    """What the figures of a setup show.

    place: data set and division. setting: detector and protocol. titles: method -> title, in the order of the table.
    instances: class -> number in the test part, most first. precision: method -> class -> (R,) at `recall`, IoU 0.5,
    mean over seeds. ap: method -> class -> AP of each seed, IoU 0.5 to 0.95.
    """

    place: str
    setting: str
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
        place=compared.place,
        setting=f"{settings['detector']}, {settings['protocol']}",
        titles={row.method: captions.method(row) for row in compared.rows},
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


def _looks(detected: Detected) -> dict[str, style.Look]:
    """Return how methods are drawn: of more than eight, besides the simple baselines, those with the highest mean AP
    have colours, and the others look all the same."""
    methods = list(detected.titles)
    means = {method: _mean_ap(detected.ap.get(method, {})) for method in methods}
    own = [method for method in methods if method not in REFERENCES]
    bright = sorted(own, key=lambda method: -means[method])[: style.MOST]
    return style.looks(methods, REFERENCES, [method for method in own if method not in bright])


def _mean_ap(by_class: dict[str, list[float]]) -> float:
    found = [value for values in by_class.values() for value in values if value is not None]
    return float(np.mean(found)) if found else -1.0


def precision_recall(plt, detected: Detected, width: float = style.PAGE):
    """Draw precision over recall at IoU 0.5, mean over seeds, in a panel per class."""
    names = list(detected.instances)
    columns = min(4 if width > style.COLUMN else 2, len(names))
    rows = math.ceil(len(names) / columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(width, 1.75 * rows + 0.2), squeeze=False, sharex=True, sharey=True, layout="constrained"
    )
    for axis in axes.flat[len(names) :]:
        axis.axis("off")
    looks = _looks(detected)
    behind = [method for method, look in looks.items() if look is style.REST]
    named = [method for method in looks if method not in behind]
    for axis, name in zip(axes.flat, names):
        for method in (*behind, *named):
            if name in detected.precision.get(method, {}):
                look, thin = looks[method], method in behind
                axis.plot(
                    detected.recall, detected.precision[method][name], color=look.colour, linestyle=look.dashes,
                    linewidth=0.5 if thin else 1.1, zorder=1 if thin else 2,
                )  # fmt: skip
        axis.set_title(f"{style.fit(figure, name, width / columns - 0.9)} ({detected.instances[name]})")
        # A curve at 0 or 1 is seen whole.
        axis.set_xlim(-0.02, 1.02)
        axis.set_ylim(-0.03, 1.03)
    for axis in axes.flat[: len(names)][-columns:]:  # those with none below
        axis.set_xlabel("recall")
        axis.tick_params(labelbottom=True)
    for axis in axes[:, 0]:
        axis.set_ylabel("precision")
    handles = [plt.Line2D([], [], color=looks[m].colour, linestyle=looks[m].dashes) for m in named]
    labels = [detected.titles[method] for method in named]
    if behind:
        handles.append(plt.Line2D([], [], color=style.REST.colour, linewidth=0.5))
        labels.append(f"{len(behind)} other{'s' * (len(behind) > 1)}")
    style.legend(figure, handles, labels)
    style.title(figure, detected.place, detected.setting)
    return figure


def class_bars(plt, detected: Detected, width: float = style.PAGE):
    """Draw AP of each class, a bar per method; of many methods those with a colour of their own, which it says.

    The line on a bar is the standard deviation over seeds (ddof = 1). A bar of no height is a line, and nan is nothing.
    """
    looks = {method: look for method, look in _looks(detected).items() if look is not style.REST}
    names, methods = list(detected.instances), list(looks)
    figure, axis = plt.subplots(figsize=(width, 2.1), layout="constrained")
    bar, top = 0.84 / len(methods), 0.0
    for place, method in enumerate(methods):
        values = [detected.ap.get(method, {}).get(name, [math.nan]) for name in names]
        spread = 100 * np.array([np.std(found, ddof=1) if len(found) > 1 else math.nan for found in values])
        means = 100 * np.array([np.mean(found) for found in values])
        top = max(top, np.nanmax(np.append(means + np.nan_to_num(spread), 0)))
        axis.bar(
            np.arange(len(names)) + (place - (len(methods) - 1) / 2) * bar,
            means,
            bar,
            yerr=spread if np.isfinite(spread).any() else None,
            color=looks[method].colour,
            hatch=("", "////", "....", "xxxx")[style.DASHES.index(looks[method].dashes)],
            edgecolor="white",
            linewidth=0.3,
            error_kw={"linewidth": 0.7},
            label=detected.titles[method],
        )
        zero = np.flatnonzero(means == 0) + (place - (len(methods) - 1) / 2) * bar
        if len(zero):
            ends = zero - 0.4 * bar, zero + 0.4 * bar
            axis.hlines([0] * len(zero), *ends, color=looks[method].colour, linewidth=2, clip_on=False, zorder=3)
    ticks = [f"{name} ({detected.instances[name]})" for name in names]
    room = 0.85 * (width - 0.5) / len(names)
    crowded = any(style.fit(figure, text, room, 6.5) != text for text in ticks)
    axis.set_xticks(range(len(names)), [style.fit(figure, text, 0.9, 6.5) for text in ticks] if crowded else ticks)
    if crowded:
        axis.tick_params(axis="x", rotation=90)
        figure.set_figheight(figure.get_figheight() + 0.8)
    axis.set_ylim(0, max(1.06 * top, 1.0))
    axis.grid(visible=False, axis="x")
    axis.set_ylabel("AP, %")
    if len(methods) < len(detected.titles):
        axis.set_title(f"{len(methods)} of {len(detected.titles)} methods: the highest mean AP, and baselines")
    style.legend(figure, *axis.get_legend_handles_labels())
    style.title(figure, detected.place, detected.setting)
    return figure
