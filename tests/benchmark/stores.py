"""Results written down, not run: what reports are tested on where values must be known."""

import json
from pathlib import Path

import numpy as np

METRICS = {"EN": 1, "MI": 1, "MSE": -1}


def write(
    results: Path,
    place: str,
    methods: dict[str, np.ndarray],
    metrics: dict[str, int] | None = None,
    protocol: str = "standard",
    ids=None,
    **record,
) -> None:
    """A cell per method under `place`, DATASET@SPLIT. methods: name -> values (metrics, images), None where an image
    was not scored and nan where the metric is undefined. record: further facts for run.json."""
    metrics = METRICS if metrics is None else metrics
    for name, values in methods.items():
        values = np.asarray(values, object)
        count = values.shape[1]
        names = [f"{i:04d}" for i in range(count)] if ids is None else list(ids)
        folder = results / place / name
        folder.mkdir(parents=True, exist_ok=True)
        facts = {
            "name": name.partition("+")[0],
            "title": name.partition("+")[0].upper(),
            "n": count,
            "protocols": [protocol],
            "metrics": metrics,
            "failed": {},
            "split_sha256": "0" * 64,
            "metrics_version": "1",
            "runs": [{"start": "2026-01-01T00:00:00+00:00"}],
        }
        (folder / "run.json").write_text(json.dumps({**facts, **record}))
        with open(folder / "scores.jsonl", "a") as file:
            for id, column in zip(names, values.T):
                if column[0] is None:
                    continue
                scores = {m: None if v != v else str(v) if np.isinf(v) else float(v) for m, v in zip(metrics, column)}
                line = {"id": id, "protocol": protocol, "key": "k-k", "fused": "0", "scores": scores}
                file.write(json.dumps(line) + "\n")


def random(seed: int, methods: int, images: int, metrics: int = 3) -> dict[str, np.ndarray]:
    """Methods m0, m1, … whose scores rise with their number, by a third of the spread between images."""
    rng = np.random.default_rng(seed)
    base = rng.normal(5, 1, (metrics, images))
    return {f"m{i}": base + 0.3 * i + rng.normal(0, 0.1, (metrics, images)) for i in range(methods)}
