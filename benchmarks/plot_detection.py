"""Plot what `bench detect` stored: precision over recall, AP by class and AP by time of day.

python -m benchmarks.plot_detection --results results --setup yolov8n-retrain-1a2b3c4d --out docs/detection
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from benchmark import detection


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", default="results")
    parser.add_argument("--setup", required=True, help="The folder's name under results/detect/<data set>@<division>.")
    parser.add_argument("--out", required=True, help="Start of the files' names.")
    arguments = parser.parse_args()
    figures = detection.load_detections(arguments.results).query("setup == @arguments.setup and source == 'coco'")
    curves = detection.load_curves(arguments.results).query("setup == @arguments.setup and metric == 'AP50'")
    _curves(curves, Path(f"{arguments.out}-pr.png"))
    _bars(figures, Path(f"{arguments.out}-classes.png"))


def _colours(methods) -> dict:
    return dict(zip(methods, plt.get_cmap("tab10").colors))


def _curves(curves, path: Path) -> None:
    """A panel for each class, mean over seeds."""
    classes, methods = list(dict.fromkeys(curves["class"])), list(dict.fromkeys(curves["method"]))
    colours = _colours(methods)
    columns = 3
    figure, axes = plt.subplots(
        -(-len(classes) // columns), columns, figsize=(9, 3 * -(-len(classes) // columns)), sharex=True, sharey=True
    )
    for place, name in zip(axes.flat, classes):
        for method in methods:
            mine = curves[(curves["class"] == name) & (curves["method"] == method)]
            mean = mine.groupby("recall")["precision"].mean()
            place.plot(mean.index, mean, color=colours[method], label=method, lw=1.4)
        place.set_title(name, fontsize=10)
        place.set(xlim=(0, 1), ylim=(0, 1.02))
        place.grid(alpha=0.3)
    for place in list(axes.flat)[len(classes) :]:
        place.axis("off")
    for place in axes[-1]:
        place.set_xlabel("recall")
    for place in axes[:, 0]:
        place.set_ylabel("precision at IoU 0.5")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=len(methods), fontsize=9, frameon=False)
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    figure.savefig(path, dpi=110)
    print(path)


def _bars(figures, path: Path) -> None:
    """AP50 of each class, and AP50 over all classes by time of day; bars: mean, whiskers: sd over seeds."""
    figures = figures[figures["metric"] == "AP50"]
    by_class = figures[(figures["subset"] == "all")]
    times = [subset for subset in dict.fromkeys(figures["subset"]) if subset not in ("small", "medium", "large")]
    by_time = figures[(figures["class"] == "all") & figures["subset"].isin(times)]
    methods = list(dict.fromkeys(figures["method"]))
    colours = _colours(methods)
    groups = [
        (f"{name}\nn={int(found['instances'].iloc[0])}", found)
        for name, found in by_class[by_class["class"] != "all"].groupby("class", sort=False)
    ]
    groups += [
        (f"{'all classes' if time == 'all' else f'{time}, all classes'}\nn={int(found['instances'].iloc[0])}", found)
        for time, found in by_time.groupby("subset", sort=False)
    ]
    figure, axis = plt.subplots(figsize=(10, 4))
    width = 0.85 / len(methods)
    for number, method in enumerate(methods):
        values = [100 * found[found["method"] == method]["value"] for _, found in groups]
        at = np.arange(len(groups)) + (number - (len(methods) - 1) / 2) * width
        spread = [v.std(ddof=1) if len(v) > 1 else 0 for v in values]
        error = spread if any(spread) else None
        axis.bar(at, [v.mean() for v in values], width, yerr=error, color=colours[method], label=method)
    axis.set_xticks(np.arange(len(groups)), [name for name, _ in groups], fontsize=9)
    axis.set_ylabel("AP50, %")
    axis.grid(axis="y", alpha=0.3)
    axis.legend(ncols=len(methods), fontsize=8, frameon=False, loc="upper center", bbox_to_anchor=(0.5, 1.12))
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    print(path)


if __name__ == "__main__":
    main()
