"""Say where the numbers of a row come from, as names and texts to show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmark.report import references
from benchmark.report.terminal import PRELIMINARY_MEANING
from benchmark.store.summary import Row

Facts = list[list[str]]  # [name, text] each
Group = dict  # {"title", "facts"}

RUNS = 5  # the last runs are shown, at most so many
FAILED = 20

METHOD = {
    "name": "method",
    "version": "version",
    "kind": "kind",
    "family": "family",
    "precision": "precision",
    "output": "saved as",
    "native": "its authors' images",
    "trained_on": "trained on",
    "seed": "seed",
}
_DATA = {"source": "read from", "split_sha256": "split SHA-256", "n": "pairs", "metrics_version": "metrics version"}
_RUN = {
    "command": "command",
    "start": "start",
    "end": "end",
    "device": "device",
    "gpu": "GPU",
    "cpu": "processor",
    "machine": "system",
    "mmif-bench": "mmif-bench",
    "git": "commit",
    "python": "Python",
    "metrics_kernel": "metrics kernel",
    "scan_backend": "selective scan",
    "fused": "images fused",
    "scored": "images scored",
    "process_peak_memory_mib": "peak memory, MiB",
    "gpu_peak_memory_mib": "peak GPU memory, MiB",
}


def of_row(row: Row, profiles: Sequence[dict]) -> list[Group]:
    """Collect facts of the method, the data, each run, and the cost."""
    record = row.cell.run()
    checkpoint = record.get("checkpoint")
    method = named(record, METHOD)
    if isinstance(checkpoint, dict):
        method += named(checkpoint, {"file": "checkpoint", "sha256": "checkpoint SHA-256"})
    if row.preliminary:
        method.append(["note", PRELIMINARY_MEANING])
    method += [["source", work] for work in works("method", row.name)]
    data = [["state", row.state], *named(record, _DATA)]
    failed = record.get("failed") or {}
    data += [["told", line] for line in record.get("told") or []]
    data += [[f"failed: {id}", reason] for id, reason in list(failed.items())[:FAILED]]
    runs = record.get("runs") or []
    found = [("Method", method), ("Data", data)]
    for number, run in list(enumerate(runs, start=1))[-RUNS:][::-1]:
        found.append(("Run" if len(runs) == 1 else f"Run {number} of {len(runs)}", of_run(run)))
    for profile in profiles:
        if profile["method"] == row.cell.method:
            found.append(("Cost", _cost(profile)))
    return groups(found)


def groups(found: Iterable[tuple[str, Facts]]) -> list[Group]:
    """Keep the groups that hold anything."""
    return [{"title": title, "facts": facts} for title, facts in found if facts]


def of_run(run: dict) -> Facts:
    """Collect what `provenance` states of a run."""
    facts = named(run, _RUN)
    for name, title in (("threads", "threads"), ("packages", "packages")):
        if isinstance(run.get(name), dict):
            facts.append([title, ", ".join(f"{key} {value}" for key, value in run[name].items() if value is not None)])
    return facts


def _cost(profile: dict) -> Facts:
    facts = []
    if profile["seconds"] is not None:
        facts.append(["time per pair", f"{profile['seconds']:.3g} s at {profile['width']}x{profile['height']}"])
    if profile["parameters"]:
        facts.append(["parameters", f"{profile['parameters']:,.0f}"])
    if profile["flops"] is not None:
        facts.append(["FLOPs per pair", f"{profile['flops'] / 1e9:,.1f} G"])
    if profile["peak_memory_mib"] is not None:
        facts.append(["peak memory", f"{profile['peak_memory_mib']:,.0f} MiB"])
    return [*facts, ["measured on", f"{profile['device']}, {profile['processor']}, {profile['threads']} threads"]]


def named(record: dict, names: dict[str, str]) -> Facts:
    """Collect what a record holds under some keys. names: key -> what it is called."""
    return [[title, str(record[key])] for key, title in names.items() if record.get(key) not in (None, "", {}, [])]


def works(kind: str, name: str) -> Iterable[str]:
    """List the works that a method, data set or metric comes from, each in one line."""
    for key in references.keys(kind, name):
        entry = references.entries()[key]
        parts = [entry.get("author", "").replace(" and ", ", "), entry["title"], entry.get("year", "")]
        yield ". ".join(part for part in parts if part)
