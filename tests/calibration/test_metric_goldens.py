"""Every value that a reference code printed (shared/metrics/goldens.csv) against ours."""

import csv
import math
from collections import defaultdict

import cv2
import pytest

import metrics

TOLERANCE = 1e-6  # relative

# (triple, metric) where we differ on purpose.
EXCEPTIONS = {
    ("deg_tiny16", "VIF"): "the code swaps image and window below 41 pixels; ours is undefined",
    ("deg_tiny8", "VIF"): "the code swaps image and window below 41 pixels; ours is undefined",
}


def test_cddfuse_evaluator(shared):
    folder = shared / "metrics"
    rows = defaultdict(dict)
    with open(folder / "goldens.csv", newline="") as file:
        for row in csv.DictReader(file):
            if row["source"].startswith("CDDFuse-Evaluator(py3.8"):
                rows[row["triple"]][row["metric"]] = float(row["value"])
    defined = metrics.names("cddfuse")
    compared = 0
    for triple, printed in rows.items():
        images = [
            cv2.imread(str(folder / "triples" / triple / f"{kind}.png"), cv2.IMREAD_UNCHANGED)
            for kind in ("fused", "ir", "vis")
        ]
        ours = metrics.evaluate(*images, metrics=defined, protocol="cddfuse")
        for name, expected in printed.items():
            if name not in defined:
                continue
            compared += 1
            if (triple, name) in EXCEPTIONS:
                assert math.isnan(ours[name])
            else:
                assert ours[name] == pytest.approx(expected, rel=TOLERANCE, abs=0, nan_ok=True), (
                    triple,
                    name,
                )
    assert compared == len(rows) * len(defined)
