"""Times the selective scan, MambaDFuse's forward pass and its training step, each backend in one run.

    python studies/scan_speed.py                  # CPU, a few minutes: the chunked forward pass at 240x320
    python studies/scan_speed.py --full           # the chunked forward pass at 480x640 too, and 1024x1280

Every measurement runs in a process of its own, so that its peak memory is its own; times are the smallest of several
repetitions, in CPU seconds of one thread. The floor is what the exponentials and the matrix products alone would take
at the rates measured in the same run. studies/gpu.sh measures on a GPU.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCANS, INNER, STATES = 43, 120, 16
# Multiply-adds per token: the projections of a plain mixer, and what the whole forward pass has (mixers, convolutions).
MIXER_MACS = 60 * 240 + 120 * 36 + 4 * 120 + 120 * 60
CONV_MACS = 2 * (9 * 30 + 9 * 30 * 60) + 2 * 9 * 120 * 60 + 5 * 9 * 60 + 9 * (60 * 30 + 30 * 15 + 15)


def seconds(run) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def smallest(run, repetitions: int) -> float:
    """Seconds of the fastest repetition, after one that is not counted where there are several."""
    return min([seconds(run) for _ in range(repetitions + (repetitions > 1))][repetitions > 1 :])


def repetitions(backend: str, several: int) -> int:
    """How often to measure: the chunked backend takes minutes."""
    return 1 if backend == "chunked" else several


def measure_rates() -> dict:
    """Exponentials per second as the kernel computes them in the first-level cache, and float32 multiply-adds."""
    import torch

    from baselines.scan.library import call, isa

    x, y = -torch.rand(2048), torch.empty(2048)
    rate = {"isa": isa()}
    if isa():
        rate["exp"] = 2000 * 2048 / smallest(lambda: call("exp2_repeat", x, y, 2048, 2000), 9)
    a, b = torch.rand(512, 512), torch.rand(512, 512)
    rate["gemm"] = 20 * 512**3 / smallest(lambda: [torch.mm(a, b) for _ in range(20)], 9)
    return rate


def scan_inputs(tokens: int) -> dict:
    import torch

    torch.manual_seed(0)
    wide, narrow = (1, tokens, INNER), (1, tokens, STATES)
    values = {name: torch.randn(wide) for name in ("u", "delta", "z")} | {name: torch.randn(narrow) for name in "BC"}
    return values | {
        "A": -torch.exp(torch.randn(INNER, STATES)),
        "D": torch.ones(INNER),
        "delta_bias": torch.randn(INNER),
    }


def measure_scan(backend: str, tokens: int) -> dict:
    import torch

    from baselines.base import keep_freed_memory
    from baselines.scan import selective_scan

    keep_freed_memory()  # as every network fuser does
    values = scan_inputs(tokens)
    with torch.inference_mode():
        run = lambda: selective_scan(**values, backend=backend)  # noqa: E731
        return {"s": smallest(run, repetitions(backend, 5))}


def measure_forward(backend: str, height: int, width: int, precision: str = "fp32") -> dict:
    import torch

    from baselines.base import keep_freed_memory
    from baselines.mambadfuse.network import MambaDFuse
    from baselines.scan import mamba

    torch.manual_seed(0)
    keep_freed_memory()  # as every network fuser does
    network = MambaDFuse().eval().to(memory_format=torch.channels_last)
    image = torch.rand(1, 1, height, width)
    with torch.inference_mode(), mamba.precision(precision):
        return {"s": smallest(lambda: network(image, image), repetitions(backend, 2))}


def measure_step(backend: str, batch: int, crop: int) -> dict:
    import torch

    from baselines.mambadfuse.losses import fusion_loss
    from baselines.mambadfuse.network import MambaDFuse

    torch.manual_seed(0)
    network = MambaDFuse()
    ir, vis = torch.rand(2, batch, 1, crop, crop)

    def run():
        network.zero_grad(set_to_none=True)
        fusion_loss(network(ir, vis), ir, vis)[0].backward()

    return {"s": smallest(run, repetitions(backend, 3))}


def measure(what: str, *arguments) -> dict:
    """Run one `measure_*` function in a fresh process with one thread; {"error": line} where it fails."""
    command = [sys.executable, __file__, "--one", json.dumps([what, *arguments])]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    if what != "rates":
        environment["BENCH_SCAN_BACKEND"] = arguments[0]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]}
    return json.loads(done.stdout.splitlines()[-1])


def one(call: str) -> None:
    import torch

    torch.set_num_threads(1)
    what, *arguments = json.loads(call)
    result = globals()[f"measure_{what}"](*arguments)
    result["peak_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps(result))


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


class Rows:
    """Prints a table row by row; the first row with a name is what the others of that name are compared with."""

    def __init__(self):
        print("| what | backend | CPU-s | x floor | x faster than chunked | peak GB |\n|---|---|---|---|---|---|")
        self.first = {}

    def add(self, name: str, backend: str, result: dict, floor: float | None = None, comparable: bool = True) -> None:
        if "error" in result:
            print(f"| {name} | {backend} | {result['error']} | | | |", flush=True)
            return
        taken = result["s"]
        first = self.first.setdefault(name, taken) if comparable else None
        ratio, above = f"{first / taken:.1f}" if first else "-", f"{taken / floor:.2f}" if floor else "-"
        time, peak = f"{taken:.3f}", f"{result['peak_gb']:.2f}"
        print(f"| {name} | {backend} | {time} | {above} | {ratio} | {peak} |", flush=True)


def tabulate(full: bool) -> None:
    rates = measure("rates")
    if not rates.get("isa"):
        sys.exit(rates.get("error", "the compiled kernel is missing: nothing to compare"))
    print(f"{processor()}, one thread, kernel for {rates['isa']}")
    print(f"rates: {rates['exp'] / 1e9:.1f} G exp/s, {2 * rates['gemm'] / 1e9:.0f} GFLOP/s (float32 matrix product)\n")
    rows = Rows()

    def floor(tokens: int, scans: int, macs: int) -> float:
        return tokens * (scans * INNER * STATES / rates["exp"] + macs / rates["gemm"])

    def row(name: str, what: str, size: tuple, lowest: float | None, with_chunked: bool = True) -> None:
        for backend in ("chunked", "native") if with_chunked else ("native",):
            rows.add(name, backend, measure(what, backend, *size), lowest, with_chunked)

    def forward(height: int, width: int, with_chunked: bool) -> None:
        lowest = floor(height * width, SCANS, SCANS * MIXER_MACS + CONV_MACS)
        row(f"forward, {height}x{width}", "forward", (height, width), lowest, with_chunked)

    row("scan, 307200 tokens", "scan", (307200,), floor(307200, 1, 0))
    forward(240, 320, True)
    forward(480, 640, full)
    rows.add("forward, 480x640", "native, bf16", measure("forward", "native", 480, 640, "bf16"), comparable=full)
    if full:
        forward(1024, 1280, False)
    row("training step, 4 crops of 64x64", "step", (4, 64), None, full)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="also the chunked forward at 480x640, and 1024x1280")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return one(options.one)
    sys.path.insert(0, str(ROOT))
    return tabulate(options.full)


if __name__ == "__main__":
    main()
