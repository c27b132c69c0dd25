"""Times the selective scan, MambaDFuse's forward pass and its training step, each backend in one run.

    python studies/scan_speed.py                  # CPU, a few minutes: the chunked forward pass at 240x320
    python studies/scan_speed.py --full           # the chunked forward pass at 480x640 too, and 1024x1280
    python studies/scan_speed.py --device cuda    # agreement with float64, then every backend that the GPU has

Every measurement runs in a process of its own, so that its peak memory is its own; times are the smallest of several
repetitions. On the CPU they are CPU seconds of one thread, and the floor is what the exponentials and the matrix
products alone would take at the rates measured in the same run. On a GPU they are seconds between two events on the
stream, memory is what torch has allocated, matrix products and convolutions are in float32 (no TF32), and the floor of
the scan is the time to read its inputs and write its output once at the rate of a copy measured in the same run.
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
SCAN_BYTES = 4 * (4 * INNER + 2 * STATES)  # of a token: u, delta, z, B and C in, y out


def seconds(run, device: str) -> float:
    import torch

    if device == "cpu":
        start = time.process_time()
        run()
        return time.process_time() - start
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    run()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / 1e3


def smallest(run, repetitions: int, device: str = "cpu") -> float:
    """Seconds of the fastest repetition, after one that is not counted where there are several."""
    return min([seconds(run, device) for _ in range(repetitions + (repetitions > 1))][repetitions > 1 :])


def repetitions(backend: str, device: str, several: int) -> int:
    """How often to measure: the chunked backend takes minutes on a CPU."""
    return 1 if (backend, device) == ("chunked", "cpu") else several


def measure_rates(device: str) -> dict:
    """CPU: exponentials per second as the kernel computes them in the first-level cache, and float32 multiply-adds.
    GPU: bytes per second of a copy, read and written."""
    import torch

    if device == "cuda":
        a = torch.empty(1 << 28, device=device)
        b = torch.empty_like(a)
        return {"copy": 8 * a.numel() / smallest(lambda: b.copy_(a), 9, device), "name": torch.cuda.get_device_name()}

    from baselines.scan.library import call, isa

    x, y = -torch.rand(2048), torch.empty(2048)
    rate = {"isa": isa()}
    if isa():
        rate["exp"] = 2000 * 2048 / smallest(lambda: call("exp2_repeat", x, y, 2048, 2000), 9)
    a, b = torch.rand(512, 512), torch.rand(512, 512)
    rate["gemm"] = 20 * 512**3 / smallest(lambda: [torch.mm(a, b) for _ in range(20)], 9)
    return rate


def scan_inputs(batch: int, tokens: int, device: str) -> dict:
    import torch

    torch.manual_seed(0)
    wide, narrow = (batch, tokens, INNER), (batch, tokens, STATES)
    values = {name: torch.randn(wide) for name in ("u", "delta", "z")} | {name: torch.randn(narrow) for name in "BC"}
    values |= {"A": -torch.exp(torch.randn(INNER, STATES)), "D": torch.ones(INNER), "delta_bias": torch.randn(INNER)}
    return {name: x.to(device) for name, x in values.items()}


def measure_scan(backend: str, device: str, tokens: int) -> dict:
    import torch

    from baselines.base import keep_freed_memory
    from baselines.scan import selective_scan

    keep_freed_memory()  # as every network fuser does
    values = scan_inputs(1, tokens, device)
    with torch.inference_mode():
        run = lambda: selective_scan(**values, backend=backend)  # noqa: E731
        return {"s": smallest(run, repetitions(backend, device, 5), device)}


def measure_own_layout(backend: str, device: str, tokens: int) -> dict:
    """mamba-ssm's kernel alone, on tensors that already lie as it wants them: (batch, channels, tokens)."""
    import torch
    from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

    values = {
        name: x.transpose(1, 2).contiguous() if x.ndim == 3 else x for name, x in scan_inputs(1, tokens, device).items()
    }
    with torch.inference_mode():
        return {"s": smallest(lambda: selective_scan_fn(**values, delta_softplus=True), 5, device)}


def measure_agreement(backend: str, device: str) -> dict:
    """Largest errors relative to scale of output and gradients, against the chunked backend in float64."""
    import torch

    from baselines.scan import selective_scan

    given = {name: x.requires_grad_() for name, x in scan_inputs(2, 3000, device).items()}
    exact = {name: x.detach().double().requires_grad_() for name, x in given.items()}
    results = []
    for name, values in ((backend, given), ("chunked", exact)):
        y = selective_scan(**values, backend=name)
        weight = torch.linspace(-1, 1, y.numel(), device=device, dtype=y.dtype).view_as(y)
        results.append([y.detach(), *torch.autograd.grad((y * weight).sum(), list(values.values()))])
    errors = [((a - b).abs().max() / b.abs().max()).item() for a, b in zip(*results)]
    return {"forward": errors[0], "gradients": max(errors[1:])}


def measure_forward(backend: str, device: str, height: int, width: int, precision: str = "fp32") -> dict:
    import torch

    from baselines.base import keep_freed_memory
    from baselines.mambadfuse.network import MambaDFuse
    from baselines.scan import mamba

    torch.manual_seed(0)
    keep_freed_memory()  # as every network fuser does
    network = MambaDFuse().eval().to(device, memory_format=torch.channels_last)
    image = torch.rand(1, 1, height, width, device=device)
    with torch.inference_mode(), mamba.precision(precision):
        return {"s": smallest(lambda: network(image, image), repetitions(backend, device, 2), device)}


def measure_step(backend: str, device: str, batch: int, crop: int) -> dict:
    import torch

    from baselines.mambadfuse.losses import fusion_loss
    from baselines.mambadfuse.network import MambaDFuse

    torch.manual_seed(0)
    network = MambaDFuse().to(device)
    ir, vis = torch.rand(2, batch, 1, crop, crop, device=device)

    def run():
        network.zero_grad(set_to_none=True)
        fusion_loss(network(ir, vis), ir, vis)[0].backward()

    return {"s": smallest(run, repetitions(backend, device, 3), device)}


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
    torch.backends.cudnn.allow_tf32 = False
    what, *arguments = json.loads(call)
    result = globals()[f"measure_{what}"](*arguments)
    if "cuda" in arguments:
        result["peak_gb"] = torch.cuda.max_memory_allocated() / 1e9
    else:
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

    def __init__(self, unit: str, reference: str):
        print(f"| what | backend | {unit} | x floor | x faster than {reference} | peak GB |\n|---|---|---|---|---|---|")
        self.scale, self.first = (1e3 if unit == "ms" else 1), {}

    def add(self, name: str, backend: str, result: dict, floor: float | None = None, comparable: bool = True) -> None:
        if "error" in result:
            print(f"| {name} | {backend} | {result['error']} | | | |", flush=True)
            return
        taken = result["s"]
        first = self.first.setdefault(name, taken) if comparable else None
        ratio, above = f"{first / taken:.1f}" if first else "-", f"{taken / floor:.2f}" if floor else "-"
        time, peak = f"{taken * self.scale:.3f}", f"{result['peak_gb']:.2f}"
        print(f"| {name} | {backend} | {time} | {above} | {ratio} | {peak} |", flush=True)


def on_cpu(full: bool) -> None:
    rates = measure("rates", "cpu")
    if not rates.get("isa"):
        sys.exit(rates.get("error", "the compiled kernel is missing: nothing to compare"))
    print(f"{processor()}, one thread, kernel for {rates['isa']}")
    print(f"rates: {rates['exp'] / 1e9:.1f} G exp/s, {2 * rates['gemm'] / 1e9:.0f} GFLOP/s (float32 matrix product)\n")
    rows = Rows("CPU-s", "chunked")

    def floor(tokens: int, scans: int, macs: int) -> float:
        return tokens * (scans * INNER * STATES / rates["exp"] + macs / rates["gemm"])

    def row(name: str, what: str, size: tuple, lowest: float | None, with_chunked: bool = True) -> None:
        for backend in ("chunked", "native") if with_chunked else ("native",):
            rows.add(name, backend, measure(what, backend, "cpu", *size), lowest, with_chunked)

    def forward(height: int, width: int, with_chunked: bool) -> None:
        lowest = floor(height * width, SCANS, SCANS * MIXER_MACS + CONV_MACS)
        row(f"forward, {height}x{width}", "forward", (height, width), lowest, with_chunked)

    row("scan, 307200 tokens", "scan", (307200,), floor(307200, 1, 0))
    forward(240, 320, True)
    forward(480, 640, full)
    rows.add("forward, 480x640", "native, bf16", measure("forward", "native", "cpu", 480, 640, "bf16"), comparable=full)
    if full:
        forward(1024, 1280, False)
    row("training step, 4 crops of 64x64", "step", (4, 64), None, full)


def on_gpu() -> None:
    rates = measure("rates", "cuda")
    if "error" in rates:
        sys.exit(rates["error"])
    from baselines import scan

    backends = [name for name in ("chunked", "mamba_ssm", "triton") if scan.unfit(name, "cuda") is None]
    for name, available, reason in scan.describe():
        print(f"{name}: {'' if available else 'not available: '}{reason}")
    print(f"\n{rates['name']}; copy: {rates['copy'] / 1e9:.0f} GB/s read and written\n")
    print("| backend | forward against float64 | gradients |\n|---|---|---|")
    for backend in backends:
        found = measure("agreement", backend, "cuda")
        words = found.get("error") or f"{found['forward']:.1e} | {found['gradients']:.1e}"
        print(f"| {backend} | {words} |", flush=True)
    print()
    rows = Rows("ms", "the first")
    lowest = 307200 * SCAN_BYTES / rates["copy"]
    if "mamba_ssm" in backends:
        own = measure("own_layout", "mamba_ssm", "cuda", 307200)
        rows.add("scan, 307200 tokens", "mamba-ssm's kernel alone", own, lowest)
    for backend in backends[1:] + backends[:1]:
        rows.add("scan, 307200 tokens", backend, measure("scan", backend, "cuda", 307200), lowest)
    for backend in backends[1:] + backends[:1]:
        rows.add("forward, 480x640", backend, measure("forward", backend, "cuda", 480, 640))
    precise = measure("forward", backends[-1], "cuda", 480, 640, "bf16")
    rows.add("forward, 480x640", f"{backends[-1]}, bf16", precise)
    for backend in backends[1:] + backends[:1]:
        rows.add("training step, 12 crops of 128x128", backend, measure("step", backend, "cuda", 12, 128))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--full", action="store_true", help="CPU: also the chunked forward at 480x640, and 1024x1280")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return one(options.one)
    sys.path.insert(0, str(ROOT))
    return on_gpu() if options.device == "cuda" else on_cpu(options.full)


if __name__ == "__main__":
    main()
