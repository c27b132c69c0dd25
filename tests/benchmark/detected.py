"""Results of detection written down, not computed: what reports and pages are tested on where values must be known."""

import json
import re

import numpy as np
from detection_cases import random_case

from benchmark.store import files

CLASSES = ("People", "Car", "Lamp")
COUNTS = {"all": (30, 40), "small": (30, 25), "medium": (30, 15), "large": (30, 0), "day": (16, 22), "night": (14, 18)}
OFFSETS = {"all": 0.0, "small": -0.1, "medium": 0.1, "day": 0.02, "night": -0.02}
CASE = random_case(0, images=14, frames=2)
METRICS = {"AP": 0.0, "AP50": 0.2, "AP75": 0.05}


def facts(dataset, split, methods, protocol="retrain", classes=CLASSES, **settings) -> dict:
    """The content of setup.json."""
    stated = {"detector": "yolov8n", "init": "yaml", "protocol": protocol, "epochs": 2, "imgsz": 64, "batch": 4}
    stated |= {"trained_on": "vis" if protocol == "frozen" else None, "workers": 8, "further": {"nbs": 4}}
    return {
        "format": 1,
        "task": "detect",
        "dataset": dataset,
        "split": split,
        "split_sha256": "abcdef01" * 8,
        "data_sha256": "12345678" * 8,
        "images": {"train": 100, "val": 10, "test": 30},
        "scenes": {"train": 9, "val": 2, "test": 6},
        "background": {"train": 1, "val": 0, "test": 2},
        "leak": {"1": 0.1, "5": None},
        "classes": list(classes),
        "labels": {"box of no area": 3},
        "excluded": {},
        "notes": [],
        "settings": {**stated, "ultralytics": "8.4.0", **settings},
        "picture": "PNG",
        "methods": list(methods),
    }


def figures(ap: float) -> dict:
    """Of one subset after the other: AP as given where nothing else is said; nothing is large, and there is no lamp."""

    def values(base, instances):
        return {m: None if not instances else base + more for m, more in METRICS.items()}

    found = {}
    for subset, (images, instances) in COUNTS.items():
        base = ap + OFFSETS.get(subset, 0)
        people = instances // 2
        by_class = {"People": (base + 0.05, people), "Car": (base - 0.05, instances - people), "Lamp": (0, 0)}
        classes = {name: {"instances": count, **values(value, count)} for name, (value, count) in by_class.items()}
        found[subset] = {"images": images, "instances": instances, **values(base, instances), "classes": classes}
    return found


def record(method, seed, ap, **more) -> dict:
    """The content of record.json."""
    own = {"mAP50": ap + 0.21, "mAP50-95": ap + 0.01, "classes": {}, "kept_per_image": 300}
    return {
        "format": 1,
        "task": "detect",
        "method": method,
        "about": {
            "name": method.partition("+")[0],
            "title": method.partition("+")[0].title(),
            "version": "1",
            "preliminary": False,
            "output": "raw",
            "native": "",
        },
        "seed": seed,
        "state": "done",
        "key": f"{method}-{seed}-{ap}",
        "init_sha256": f"{seed:064d}",
        "training": {
            "trained_on": method,
            "weights_sha256": f"{round(1000 * ap):064d}",
            "best_epoch": 2,
            "val": {"metrics/mAP50-95(B)": 0.123},
            "resumed_after": [],
        },
        "evaluation": {"tool": "faster-coco-eval 1.0", "confidence": 0.001},
        "test": figures(ap),
        "ultralytics": own,
        "start": "2026-01-01T00:00:00+00:00",
        "command": f"bench detect --methods {method}",
        "environment": {"git": "c0ffee", "packages": {"ultralytics": "8.4.0"}},
        **more,
    }


def write(results, place, methods, setup="yolov8n-retrain-0123abcd", protocol="retrain", **settings):
    """A setup of DATASET@DIVISION. methods: name -> AP of seeds 0, 1, …; returns its folder. Detections are those of
    a random case, of every method other ones, and have nothing to do with the figures."""
    folder = results / "detect" / place / setup
    folder.mkdir(parents=True)
    (folder / "setup.json").write_text(json.dumps(facts(*place.split("@"), methods, protocol, **settings)))
    (folder / "truth.json").write_text(json.dumps(CASE[0]))
    for number, (method, aps) in enumerate(methods.items()):
        for seed, ap in enumerate(aps):
            run = folder / method / f"seed{seed}"
            run.mkdir(parents=True)
            files.write_lines(run / "detections.jsonl", detections(10 * number + seed))
            (run / "record.json").write_text(json.dumps(record(method, seed, ap)))
    return folder


def find_nothing(folder, method):
    """Let every AP of a method be zero."""
    for path in folder.glob(f"{method}/*/record.json"):
        path.write_text(re.sub(r'("AP\d*"): [\d.-]+', r"\1: 0.0", path.read_text()))


def detections(number: int) -> list[dict]:
    """Of the random case, some of what is found there."""
    random, lines = np.random.default_rng(number), []
    for line in CASE[1]:
        kept = np.flatnonzero(random.random(len(line["boxes"])) < 0.7)
        lines.append(
            {name: [line[name][k] for k in kept] for name in ("boxes", "scores", "classes")} | {"id": line["id"]}
        )
    return lines
