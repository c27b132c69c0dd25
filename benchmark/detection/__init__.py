"""The downstream task: detectors are trained and evaluated on fused images, under a stated protocol.

    benchmark.detection.load_detections("results")   # AP by class, size, time of day and seed, as a pandas.DataFrame
    benchmark.detection.load_curves("results")       # precision over recall
    benchmark.detection.load_confusions("results")   # predicted against labelled classes
    benchmark.detection.load_differences("results")  # to `vis`, with an interval over scenes

docs/detection.md says what is stored, and how. Rests on `run`, `curation`, `datasets`, `imaging` and `store`.
"""

from __future__ import annotations


def __getattr__(name):
    # Imported on use: the command's help must not wait for pandas.
    if name in ("load_confusions", "load_curves", "load_detections", "load_differences"):
        from benchmark.detection import loading

        return getattr(loading, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
