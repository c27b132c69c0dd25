"""Differences of methods to a single camera in average precision, kept in the folder of their setup."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence

from benchmark.detection import setups
from benchmark.detection.setups import Run, Setup
from benchmark.errors import UserError

BASE = "vis"
CAMERAS = (BASE, "ir")
METHOD = "scenes left out"  # how intervals are made


def differences(setup: Setup, seeds: Sequence[int] | None = None, base: str = BASE) -> dict[str, dict]:
    """Compare each method with a camera over the seeds that both have; empty where the camera has none.

    base: one of CAMERAS. Returns method -> {"seeds", "metrics": {"AP", "AP50" -> {"difference", "low", "high"}}}. Keeps
    it in `differences.json` and takes it from there while the runs are the same. Raises UserError where labels or
    detections are broken.
    """
    done: dict[str, dict[int, Run]] = {}
    keys = []
    for run in setup.runs():
        record = run.record()
        if record.get("state") == "done" and (seeds is None or run.seed in seeds):
            done.setdefault(run.method, {})[run.seed] = run
            keys.append((run.method, run.seed, record.get("key")))
    if base not in done:
        return {}
    file, key = setup.folder / "differences.json", setups.key(keys, METHOD, CAMERAS)
    kept = setups.read_json(file)
    if kept.get("key") == key and isinstance(kept.get("to"), dict) and isinstance(kept["to"].get(base), dict):
        return kept["to"][base]
    found = _computed(setup, done)
    gaps = [value for to in found.values() for gap in to.values() for value in gap["metrics"].values()]
    if all(math.isfinite(value["difference"]) for value in gaps):
        with contextlib.suppress(OSError):  # results may be read-only
            setups.write_json(file, {"key": key, "intervals": METHOD, "to": found})
    return found[base]


def _computed(setup: Setup, done: dict[str, dict[int, Run]]) -> dict[str, dict[str, dict]]:
    """Return camera -> method -> differences, of the cameras that have a row."""
    from benchmark.detection.jackknife import LeavingOut

    truth = setup.truth()
    try:
        ids = {image["file_name"] for image in truth["images"]}
        leaving_out = LeavingOut(truth)
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{setup}/truth.json is broken") from None
    figures: dict[str, dict[int, dict]] = {}
    for method, by_seed in done.items():
        for seed, run in by_seed.items():
            lines = run.detections()
            try:
                # Without a line, an image would count as one in which nothing was found.
                if {line["id"] for line in lines} != ids:
                    raise ValueError
                figures.setdefault(method, {})[seed] = leaving_out.of(lines)
            except (KeyError, TypeError, ValueError, IndexError):
                raise UserError(f"{setup}/{method}/seed{seed}/{run.detections_file.name} is broken") from None
    return {base: _to(base, figures, leaving_out) for base in CAMERAS if base in figures}


def _to(base: str, figures: dict[str, dict[int, dict]], leaving_out) -> dict[str, dict]:
    found = {}
    for method, by_seed in figures.items():
        common = sorted(by_seed.keys() & figures[base].keys())
        if method == base or not common:
            continue
        metrics = {}
        for metric in ("AP", "AP50"):
            gap = leaving_out.difference(
                [by_seed[seed][metric] for seed in common], [figures[base][seed][metric] for seed in common]
            )
            metrics[metric] = {"difference": gap.value, "low": gap.low, "high": gap.high}
        found[method] = {"seeds": common, "metrics": metrics}
    return found
