"""Where a result comes from: versions, commit, machine, threads, time, memory."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import sys
from datetime import datetime, timezone
from functools import cache
from importlib import metadata
from pathlib import Path

PACKAGES = (
    *("numpy", "scipy", "scikit-image", "opencv-python-headless", "pillow", "isal"),
    *("tifffile", "imagecodecs", "torch"),
)


def package_version() -> str:
    """The version of this package, "unknown" where it is not installed."""
    return _installed("mmif-bench") or "unknown"


def _installed(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


@cache
def git_commit() -> str | None:
    """The commit of this code, with "+changes" where files differ from it; None outside a checkout."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None

    def git(*arguments):
        return subprocess.run(
            ["git", "-C", root, *arguments], capture_output=True, text=True, timeout=20, check=True
        ).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD") + ("+changes" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return None


def process_peak_memory_mib() -> float | None:
    """The most memory that this process has held so far, whatever it did before, in MiB; None where the system
    does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20, 1)


def threads() -> dict[str, int | None]:
    """Threads that torch computes with (None while it is not imported), and processors that may be used."""
    torch = sys.modules.get("torch")
    return {"torch": torch.get_num_threads() if torch else None, "processors": processors()}


def processors() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def cpu_model() -> str:
    """The processor's name, as the system gives it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or "unknown"


def kernels(device: str | None) -> dict[str, str]:
    """What does the computing. device: where fusers run; None where none does.

    `metrics_kernel`: the instruction set of the compiled metrics, or "numpy". `scan_backend`, where fusers run and
    torch is imported: what runs the selective scan on the device. `gpu`, on one: its name.

    Raises RuntimeError where BENCH_ISA asks for what cannot run here.
    """
    import metrics

    found = {"metrics_kernel": metrics.isa() or "numpy"}
    torch = sys.modules.get("torch")
    if torch and device:
        from baselines import scan

        found["scan_backend"] = scan.in_use(device)
        if device == "cuda":
            found["gpu"] = torch.cuda.get_device_name()
    return found


def start_gpu_peak(device: str) -> None:
    """Let `gpu_peak_memory_mib` count from here."""
    if device == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats()


def gpu_peak_memory_mib(device: str) -> float | None:
    """The most GPU memory that torch's tensors took since `start_gpu_peak`, in MiB; None off a GPU."""
    if device != "cuda":
        return None
    import torch

    return round(torch.cuda.max_memory_allocated() / 2**20, 1)


def environment() -> dict:
    """What a run was made with, for `run.json`."""
    return {
        "mmif-bench": package_version(),
        "git": git_commit(),
        "python": platform.python_version(),
        "packages": {name: version for name in PACKAGES if (version := _installed(name))},
        "machine": f"{platform.system()} {platform.machine()}",
        "cpu": cpu_model(),
        "threads": threads(),
    }
