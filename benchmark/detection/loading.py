"""Load what experiments found into a pandas.DataFrame: average precision, curves, confusions, differences."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.detection.differences import CAMERAS, differences
from benchmark.detection.setups import Setup, setups
from benchmark.errors import UserError

if TYPE_CHECKING:
    import pandas


def _places(results) -> Iterator[tuple[Setup, dict]]:
    found = setups(Path(results))
    if not found:
        raise UserError(f"no detection results in {results}; make some with bench detect, or name their folder")
    for setup in found:
        facts = setup.whole_facts()
        yield (
            setup,
            {
                "dataset": facts["dataset"],
                "split": facts["split"],
                "setup": setup.folder.name,
                **{name: facts["settings"][name] for name in ("protocol", "detector", "init", "epochs", "imgsz")},
            },
        )


def load_detections(results: str | os.PathLike = "results") -> pandas.DataFrame:
    """Load every number of every run under `results`.

    Columns: dataset, split, setup (only rows of one setup may be compared), protocol, detector, init, epochs, imgsz,
    method, seed, state ("done", "failed (…)"), source ("coco" or "ultralytics"), subset ("all", "small", "medium",
    "large", and times of day), class ("all": the mean over classes), instances, metric (AP50, AP75, AP), value in
    [0, 1] (nan where there is no instance, or the run failed). Raises UserError where there are no results.
    """
    import pandas

    rows = []
    for setup, shared in _places(results):
        for run in setup.runs():
            record = run.record()
            place = {**shared, "method": run.method, "seed": run.seed, "state": record.get("state", "unknown")}
            if "test" not in record:
                rows.append(place)
            for subset, figures in record.get("test", {}).items():
                for name, values in (("all", figures), *figures["classes"].items()):
                    rows += [
                        {**place, "source": "coco", "subset": subset, "class": name, "instances": values["instances"],
                         "metric": metric, "value": values[metric]}
                        for metric in ("AP50", "AP75", "AP")
                    ]  # fmt: skip
            own = record.get("ultralytics")
            if own:
                everything = {"all": {"AP50": own["mAP50"], "AP": own["mAP50-95"]}, **own["classes"]}
                rows += [
                    {**place, "source": "ultralytics", "subset": "all", "class": name, "metric": metric, "value": value}
                    for name, values in everything.items()
                    for metric, value in values.items()
                ]
    columns = ["dataset", "split", "setup", "protocol", "detector", "init", "epochs", "imgsz", "method", "seed"]
    columns += ["state", "source", "subset", "class", "instances", "metric", "value"]
    frame = pandas.DataFrame(rows, columns=columns)
    return frame.astype({"value": float})


def load_curves(results: str | os.PathLike = "results") -> pandas.DataFrame:
    """Load precision over recall.

    Columns: dataset, split, setup, …, method, seed, class, metric (AP50: at IoU 0.5; AP: averaged over IoU 0.5 to
    0.95), recall, precision.
    """
    import pandas

    rows = []
    for setup, shared in _places(results):
        for run in setup.runs():
            curves = run.curves()
            for name, found in curves.get("precision", {}).items():
                for metric, precision in found.items():
                    place = {**shared, "method": run.method, "seed": run.seed, "class": name, "metric": metric}
                    rows += [{**place, "recall": r, "precision": p} for r, p in zip(curves["recall"], precision)]
    return pandas.DataFrame(rows)


def load_confusions(results: str | os.PathLike = "results") -> pandas.DataFrame:
    """Load counts of predicted against labelled classes.

    Columns: dataset, split, setup, …, method, seed, predicted, labelled ("background": nothing), count.
    """
    import pandas

    rows = []
    for setup, shared in _places(results):
        names = [*setup.facts()["classes"], "background"]
        for run in setup.runs():
            place = {**shared, "method": run.method, "seed": run.seed}
            for predicted, counts in zip(names, run.record().get("confusion", {}).get("counts", [])):
                rows += [
                    {**place, "predicted": predicted, "labelled": labelled, "count": count}
                    for labelled, count in zip(names, counts)
                ]
    return pandas.DataFrame(rows)


def load_differences(results: str | os.PathLike = "results") -> pandas.DataFrame:
    """Load differences to the detector on one camera's images, mean over seeds, with the 95 % interval over scenes.

    Columns: dataset, split, setup, …, base (vis, ir), method, seeds (their number), metric (AP, AP50), difference, low,
    high.
    """
    import pandas

    rows = []
    for setup, shared in _places(results):
        for base in CAMERAS:
            for method, found in differences(setup, base=base).items():
                about = {**shared, "base": base, "method": method, "seeds": len(found["seeds"])}
                rows += [{**about, "metric": metric, **value} for metric, value in found["metrics"].items()]
    return pandas.DataFrame(rows)
