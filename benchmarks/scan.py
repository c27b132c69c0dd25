"""Times the selective scan, MambaDFuse's forward pass and its training step on the CPU, each backend in one run.

    python benchmarks/scan.py            # a few minutes: the chunked forward pass at 240x320
    python benchmarks/scan.py --full     # the chunked forward pass at 480x640 too, and 1024x1280

Every measurement runs in a process of its own, so that its peak memory is its own; times are CPU seconds of one thread,
the smallest of several repetitions. The floor is what the exponentials and the matrix products alone would take at the
rates measured in the same run.
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


def smallest(run, repetitions: int) -> float:
    """CPU seconds of the fastest repetition, after one that is not counted where there are several."""
    times = []
    for _ in range(repetitions + (repetitions > 1)):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


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


def measure_scan(backend: str, tokens: int) -> dict:
    import torch

    from baselines.scan import selective_scan

    torch.manual_seed(0)
    wide, narrow = (1, tokens, INNER), (1, tokens, STATES)
    u, delta, z, B, C = (torch.randn(shape) for shape in (wide, wide, wide, narrow, narrow))
    A, D = -torch.exp(torch.randn(INNER, STATES)), torch.ones(INNER)
    with torch.inference_mode():
        run = lambda: selective_scan(u, delta, A, B, C, D, z, backend=backend)  # noqa: E731
        return {"cpu_s": smallest(run, 5 if backend == "native" else 1)}


def measure_forward(backend: str, height: int, width: int) -> dict:
    import torch

    from baselines.base import keep_freed_memory
    from baselines.mambadfuse.network import MambaDFuse

    torch.manual_seed(0)
    keep_freed_memory()  # as every network fuser does
    network = MambaDFuse().eval().to(memory_format=torch.channels_last)
    image = torch.rand(1, 1, height, width)
    with torch.inference_mode():
        return {"cpu_s": smallest(lambda: network(image, image), 2 if backend == "native" else 1)}


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

    return {"cpu_s": smallest(run, 3 if backend == "native" else 1)}


def measure(what: str, *arguments) -> dict:
    """Run one `measure_*` function in a fresh process with one thread."""
    command = [sys.executable, __file__, "--one", json.dumps([what, *arguments])]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    if arguments:
        environment["BENCH_SCAN_BACKEND"] = arguments[0]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(done.stderr)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="also the chunked forward pass at 480x640, and 1024x1280")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return one(options.one)

    rates = measure("rates")
    if not rates["isa"]:
        sys.exit("the compiled kernel is missing: nothing to compare")
    print(f"{processor()}, one thread, kernel for {rates['isa']}")
    print(f"rates: {rates['exp'] / 1e9:.1f} G exp/s, {2 * rates['gemm'] / 1e9:.0f} GFLOP/s (float32 matrix product)\n")

    def floor(tokens: int, scans: int, macs: int) -> float:
        return tokens * (scans * INNER * STATES / rates["exp"] + macs / rates["gemm"])

    print("| what | backend | CPU-s | x floor | x faster than chunked | peak GB |\n|---|---|---|---|---|---|")

    def row(name: str, size: tuple, what: str, lowest: float | None, with_chunked: bool = True) -> None:
        results = {b: measure(what, b, *size) for b in ("chunked", "native") if b == "native" or with_chunked}
        for backend, result in results.items():
            ratio = f"{results['chunked']['cpu_s'] / result['cpu_s']:.1f}" if with_chunked else "-"
            above = f"{result['cpu_s'] / lowest:.2f}" if lowest else "-"
            print(
                f"| {name} | {backend} | {result['cpu_s']:.3f} | {above} | {ratio} | {result['peak_gb']:.2f} |",
                flush=True,
            )

    forward_macs = SCANS * MIXER_MACS + CONV_MACS
    row("scan, 307200 tokens", (307200,), "scan", floor(307200, 1, 0))
    row("forward, 240x320", (240, 320), "forward", floor(240 * 320, SCANS, forward_macs))
    row("forward, 480x640", (480, 640), "forward", floor(480 * 640, SCANS, forward_macs), options.full)
    if options.full:
        row("forward, 1024x1280", (1024, 1280), "forward", floor(1024 * 1280, SCANS, forward_macs), False)
    row("training step, 4 crops of 64x64", (4, 64), "step", None, options.full)


if __name__ == "__main__":
    main()
