"""Keep what methods cost, as `bench profile` measured it.

A method has one file for each machine; the next measurement there replaces it::

    results/profile/<method>/<device>-<machine>.json

`<method>` is the label that the method's results have, `<device>` "cpu" or "cuda", and `<machine>` tells processors,
numbers of threads and image sizes apart. The file holds one object:

    method, title, family, version     as in `run.json`
    checkpoint                         {"file": ..., "sha256": ...}, or null
    device, processor, threads         what computed: "cpu" or "cuda", its name, torch's threads
    height, width                      of the pair, 480 and 640 unless asked otherwise
    parameters                         of the network; null for other methods that state none
    flops, scan_flops                  of one pair; a multiplication and an addition count as two. `scan_flops` is the
                                       part that the selective scans take. Null for what is not a network
    seconds                            median of `times`, on the clock, from pair to fused image, after warm-up
    cpu_seconds                        median of the processor time of all threads; other programs on the machine
                                       lengthen it less
    times                              seconds of each repetition, in order
    load_seconds                       from a name to a method that is ready
    peak_memory_mib                    most memory of a process that loads the method and fuses one pair, less what it
                                       held before that; null where the system does not tell
    gpu_peak_memory_mib                most GPU memory that torch's tensors took meanwhile; null on a CPU
    load_average_before                processes that ran or waited in the minute before; on an idle machine near 0
    start, end, command, git, packages, ...     provenance, as of a run in `run.json`
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.names import short_labels
from benchmark.store import files

if TYPE_CHECKING:
    import pandas

COLUMNS = (
    "method",
    "device",
    "processor",
    "threads",
    "height",
    "width",
    "parameters",
    "flops",
    "seconds",
    "cpu_seconds",
    "peak_memory_mib",
    "gpu_peak_memory_mib",
    "start",
)
_NUMBERS = ("parameters", "flops", "seconds", "cpu_seconds", "peak_memory_mib", "gpu_peak_memory_mib")
_TEXTS = ("method", "device", "processor", "start")


def path(results: Path, record: dict) -> Path:
    """Where a record is kept."""
    machine = repr([record[name] for name in ("processor", "threads", "height", "width")])
    name = f"{record['device']}-{hashlib.sha256(machine.encode()).hexdigest()[:8]}.json"
    return Path(results) / "profile" / record["method"] / name


def write(results: Path, record: dict) -> Path:
    found = path(results, record)
    files.replace(found, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    return found


def read(results: str | os.PathLike) -> list[dict]:
    """Return the records under `results`, sorted by method, device and machine; none where nothing was measured. A
    damaged file counts as missing."""
    found = []
    for file in sorted(Path(results).glob("profile/*/*.json")):
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
        if _is_record(record):
            found.append(record)
    return found


def _is_record(record) -> bool:
    return (
        isinstance(record, dict)
        and all(isinstance(record.get(name), str) for name in _TEXTS)
        and all(type(record.get(name)) is int for name in ("threads", "height", "width"))
        and all(_is_number(record.get(name)) for name in _NUMBERS)
    )


def _is_number(value) -> bool:
    return value is None or (type(value) in (int, float) and math.isfinite(value) and value >= 0)


def load_profiles(results: str | os.PathLike = "results") -> pandas.DataFrame:
    """Return what `bench profile` measured: a row for each method and machine, none where nothing was measured.

    Columns: method, device ("cpu" or "cuda"), processor, threads, height, width, parameters, flops (of one pair),
    seconds and cpu_seconds (median per pair), peak_memory_mib, gpu_peak_memory_mib, start; nan where not measured.
    """
    import pandas

    rows = [{name: record.get(name) for name in COLUMNS} for record in read(results)]
    return pandas.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(_NUMBERS, float))


def listing(records: Iterable[dict]) -> list[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    """Return a table for each processor, number of threads and image size, as (title, head, rows)."""
    groups: dict[tuple, list[dict]] = {}
    for record in records:
        machine = tuple(record[name] for name in ("processor", "threads", "width", "height"))
        groups.setdefault(machine, []).append(record)
    head = ("method", "parameters", "GFLOPs", "seconds", "CPU seconds", "memory MiB", "GPU memory MiB")
    found = []
    for (processor, threads, width, height), group in groups.items():
        short = short_labels(record["method"] for record in group)
        title = f"{processor}, {threads} thread{'s' * (threads != 1)}, pairs of {width}x{height}"
        found.append(
            (
                title,
                head,
                [
                    (short[record["method"]], *_row(record))
                    for record in sorted(group, key=lambda record: record["method"])
                ],
            )
        )
    return found


def _row(record: dict) -> tuple[str, ...]:
    parameters, flops = record["parameters"], record["flops"]
    memory = [record[name] for name in ("peak_memory_mib", "gpu_peak_memory_mib")]
    return (
        f"{parameters:,.0f}" if parameters else "",
        f"{flops / 1e9:,.2f}" if flops is not None else "",
        *("" if record.get(name) is None else f"{record[name]:.4g}" for name in ("seconds", "cpu_seconds")),
        *("" if mib is None else f"{mib:,.0f}" for mib in memory),
    )
