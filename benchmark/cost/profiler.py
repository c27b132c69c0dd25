"""Measure what a method costs in a process of its own: `measure` starts the process, which runs `main`."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from baselines.plugins import told
from benchmark.errors import UserError, one_line
from benchmark.run.methods import Method, select_methods
from benchmark.store import provenance

_BUDGET, _LEAST, _MOST = 20.0, 3, 25  # seconds of timed repetitions; their least and greatest number
# No module is looked for in the current folder, nor is anything handed on that commands of the user's would inherit.
_START = """import sys
sys.path[:] = sys.argv[1:]
del sys.argv[1:]
import mmif_bench
del sys.path[0]
from benchmark.cost.profiler import main
main()
"""
_WARM = 1.0  # seconds of fusing before the first timed repetition; one pair at least


class ProfileError(Exception):
    """A method that could not be measured; the message says why, in one line."""


def measure(method: Method, device: str, size: tuple[int, int], threads: int | None, timeout: float | None) -> dict:
    """Return the record of a method (see `records`), without its `command`.

    size: (width, height) of the pair. threads: those of torch; None leaves the number to torch. timeout: as in
    `select_methods`. Raises ProfileError.
    """
    task = {
        "entry": method.entry,
        "checkpoint": str(method.checkpoint) if method.checkpoint else None,
        "precision": method.precision,
        "device": device,
        "size": size,
        "threads": threads,
        "timeout": timeout,
    }
    environment = {**os.environ, **({"OMP_NUM_THREADS": str(threads)} if threads else {})}
    start, load = provenance.now(), load_average()
    root = str(Path(__file__).resolve().parents[2])
    process = subprocess.run(
        [sys.executable, "-c", _START, root, *map(str, sys.path)],
        input=json.dumps(task),
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        answer = json.loads(process.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        how = f"signal {-process.returncode}" if process.returncode < 0 else f"exit code {process.returncode}"
        raise ProfileError(f"its process died (out of memory?): {how}") from None
    if "error" in answer:
        raise ProfileError(answer["error"])
    checkpoint = {"file": method.checkpoint.name, "sha256": method.checkpoint_sha256} if method.checkpoint else None
    width, height = size
    return {
        "method": method.label,
        "title": method.card.title,
        "family": method.card.family,
        "version": method.version,
        "checkpoint": checkpoint,
        "device": device,
        "height": height,
        "width": width,
        **answer,
        "start": start,
        "end": provenance.now(),
        "load_average_before": load,
    }


def load_average() -> float | None:
    """Return the load of the last minute, which shows what else kept the processors busy; None where unknown."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def main() -> None:
    """Measure what stdin asks for; the answer is the last line of stdout."""
    task = json.loads(sys.stdin.read())
    with contextlib.redirect_stdout(sys.stderr):  # a method may print
        try:
            answer = _measured(task)
        except Exception as error:  # a method may raise anything
            named = isinstance(error, UserError) or type(error).__name__ == "Unavailable"
            answer = {"error": one_line(error) if named else told(error)}
    print(json.dumps(answer))


def _measured(task: dict) -> dict:
    import torch

    from baselines import contract, flops
    from benchmark.run.foreign import CommandFuser

    if task["threads"]:
        torch.set_num_threads(task["threads"])
    width, height = task["size"]
    ir, vis = contract.scene(height, width)
    (method,) = select_methods([task["entry"]], precision=task["precision"], timeout=task["timeout"], trust=True)
    if task["device"] == "cuda":
        torch.zeros(1, device="cuda")  # the driver's own memory is not the method's
    provenance.start_gpu_peak(task["device"])
    before = _start_peak()
    start = time.perf_counter()
    fuser = _load(method, task)
    load_seconds = time.perf_counter() - start
    warm = [_seconds(fuser, ir, vis)[0]]
    peak, gpu_peak = _peak(), provenance.gpu_peak_memory_mib(task["device"])
    while sum(warm) < _WARM:
        warm.append(_seconds(fuser, ir, vis)[0])
    times: list[tuple[float, float]] = []
    while len(times) < _LEAST or (len(times) < _MOST and sum(wall for wall, _ in times) < _BUDGET):
        times.append(_seconds(fuser, ir, vis))
    walls, processor = zip(*times)
    elsewhere = isinstance(fuser, CommandFuser)  # another process has its processor time and memory
    counted = flops.count(fuser, height, width)
    network = getattr(fuser, "network", None)
    return {
        "processor": torch.cuda.get_device_name() if task["device"] == "cuda" else provenance.cpu_model(),
        "parameters": sum(p.numel() for p in network.parameters()) if network is not None else method.card.parameters,
        "flops": counted and counted[0],
        "scan_flops": counted and counted[1],
        "seconds": statistics.median(walls),
        "cpu_seconds": None if elsewhere else statistics.median(processor),
        "times": [round(seconds, 6) for seconds in walls],
        "warm_up": len(warm),
        "load_seconds": round(load_seconds, 6),
        "peak_memory_mib": None if elsewhere or None in (before, peak) else round(max(0, peak - before) / 2**20, 1),
        "gpu_peak_memory_mib": gpu_peak,
        **provenance.environment(),
        "threads": torch.get_num_threads(),
        **provenance.kernels(task["device"]),
    }


def _load(method: Method, task: dict):
    import baselines

    return baselines.create(method.cls, task["checkpoint"], task["device"], precision=task["precision"])


def _seconds(fuser, ir, vis) -> tuple[float, float]:
    """Fuse one pair. Return seconds on the clock, and processor seconds of all threads of this process."""
    start, used = time.perf_counter(), time.process_time()
    fuser.fuse(ir, vis)
    return time.perf_counter() - start, time.process_time() - used


def _start_peak() -> int | None:
    """Begin a new peak of memory. Return the bytes that this process holds now; None where the system does not tell."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # Linux: forget the peak so far
    return _status("VmRSS")


def _peak() -> int | None:
    return _status("VmHWM")


def _status(name: str) -> int | None:
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    found = next((line.split() for line in lines if line.startswith(f"{name}:")), None)
    return int(found[1]) * 1024 if found else None
