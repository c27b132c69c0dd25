"""What studies/gpu.sh measures: agreement of the scan's backends with float64, time and memory, fusing and training.

Each function yields cases, (name, run): run() returns the rows of that case, which gpu_pack keeps and gpu_table shows.
Times on a GPU are between two events on its stream, after warm-up; what is compared is run in turns, in one process.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
INNER, STATES, RANK = 120, 16, 4
DTYPES = ("float32", "bfloat16", "float16", "float64")
SHAPES = [(1, 1, 5), (1, 64, 37), (2, 63, INNER), (3, 65, 128), (2, 3000, INNER), (1, 40_000, INNER)]  # B, L, D
PIECE = 15 << 20  # bytes: files of more are brought back in pieces


@dataclass(frozen=True)
class Setting:
    """On what and how much is measured. tiny: sizes for a rehearsal. seconds: left for this part. train: arguments of
    `bench train` that name its data, none for drawn pairs. recipe: of MambaDFuse, or a file."""

    device: str
    out: Path
    work: Path
    tiny: bool = False
    seconds: float = 600
    recipe: str = "ivf"
    checkpoint: str | None = None
    batch: int = 12
    crop: int = 128
    steps: int | None = None
    train: list[str] = field(default_factory=list)

    def backends(self) -> list[str]:
        """The backends that serve float32 here, the one that every machine has last."""
        from baselines import scan

        return [name for name in scan.BACKENDS if scan.unfit(name, self.device) is None]

    def environment(self) -> dict[str, str]:
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        return {**os.environ, "PYTHONPATH": path}


Case = tuple[str, Callable[[], list[dict]]]


@contextmanager
def using(backend: str) -> Iterator[None]:
    """Force a backend of the scan."""
    before = os.environ.get("BENCH_SCAN_BACKEND")
    os.environ["BENCH_SCAN_BACKEND"] = backend
    try:
        yield
    finally:
        if before is None:
            del os.environ["BENCH_SCAN_BACKEND"]
        else:
            os.environ["BENCH_SCAN_BACKEND"] = before


def attempt(run: Callable[[], dict], **names) -> dict:
    """The row of one measurement, or one that says in a line why there is none."""
    try:
        return {**names, **run()}
    except Exception as error:  # the other measurements go on
        text = " ".join(f"{type(error).__name__}: {error}".split())
        return {**names, "error": text[:300]}


# --- time and memory


def elapsed(run: Callable[[], object], device: str) -> float:
    """Milliseconds of one call."""
    if device == "cpu":
        start = time.perf_counter()
        run()
        return 1e3 * (time.perf_counter() - start)
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    run()
    end.record()
    end.synchronize()
    return start.elapsed_time(end)


def summary(times: list[float]) -> dict:
    """Median, and tenth and ninetieth percentile."""
    ends = statistics.quantiles(times, n=10, method="inclusive") if len(times) > 1 else times
    return {"ms": statistics.median(times), "low_ms": ends[0], "high_ms": ends[-1], "n": len(times)}


def in_turns(runs: dict[str, Callable], device: str, seconds: float, most: int = 50) -> list[dict]:
    """Time several calls in turns, so that whatever the machine does meanwhile meets all. Returns a row for each: peak
    memory that it adds (GB), milliseconds, and how many times as fast the first is (median of the turns' ratios)."""
    rows, times = {}, {}
    for name, run in runs.items():

        def warmed(run=run) -> dict:
            first = elapsed(run, device)  # compiles, and finds algorithms
            if device == "cpu":
                return {"once": first}
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
            once = elapsed(run, device)
            return {"once": once, "peak_gb": (torch.cuda.max_memory_allocated() - before) / 1e9}

        rows[name] = attempt(warmed, backend=name)
        if "error" not in rows[name]:
            times[name] = []
    round_ms = sum(rows[name].pop("once") for name in times)
    least = 3 if seconds >= 1 else 1  # a rehearsal takes less than a second
    for _ in range(max(least, min(most, int(1e3 * seconds / max(round_ms, 1e-3))))):
        for name in times:
            times[name].append(elapsed(runs[name], device))
    for name, own in times.items():
        first = next(iter(times))
        ratios = [b / a for a, b in zip(times[first], own)]
        rows[name] |= {**summary(own), "times_the_first": statistics.median(ratios), "first": first}
    return list(rows.values())


# --- (a) agreement


def scan_inputs(batch: int, tokens: int, channels: int, device: str, dtype=torch.float32, seed: int = 0) -> dict:
    """Random inputs of the scan. B and C are slices of one tensor and z is half of one, as in the network."""
    draw = torch.Generator().manual_seed(seed)
    made = lambda *shape: torch.randn(*shape, generator=draw)  # noqa: E731
    narrow, wide = made(batch, tokens, RANK + 2 * STATES), made(batch, tokens, 2 * channels)
    values = {"u": made(batch, tokens, channels), "delta": made(batch, tokens, channels)}
    values |= {"A": -torch.exp(made(channels, STATES)), "D": made(channels), "delta_bias": made(channels)}
    values = {name: x.to(device, dtype) for name, x in values.items()}
    _, B, C = narrow.to(device, dtype).split([RANK, STATES, STATES], -1)
    return {**values, "B": B, "C": C, "z": wide.to(device, dtype)[..., channels:]}


def errors(run: Callable, given: dict, exact_run: Callable) -> dict:
    """Largest errors of output and gradients of run(**given), as shares of the largest value of exact_run in float64;
    inf for whatever is not finite."""
    results = []
    for call, dtype in ((run, None), (exact_run, torch.float64)):
        values = {name: x.detach().to(dtype or x.dtype).requires_grad_() for name, x in given.items()}
        y = call(**values)
        weight = torch.randn(y.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(y.device)
        gradients = torch.autograd.grad((y * weight.to(y.dtype)).sum(), list(values.values()))
        results.append({"output": y.detach(), **dict(zip(values, gradients))})
    found = {}
    for name, want in results[1].items():
        error = ((results[0][name].double() - want).abs().max() / want.abs().max().clamp_min(1e-300)).item()
        found[name] = error if error == error else float("inf")
    if given["u"].shape[1] == 1:  # from a zero state, A has no effect
        found.pop("A", None)
    output = found.pop("output")
    worst = max(found, key=found.get)
    return {"output": output, "gradients": found[worst], "worst": worst}


def agreement(setting: Setting) -> Iterator[Case]:
    """(a) Every backend against the chunked one in float64; the network against itself on the CPU."""
    from baselines import scan
    from baselines.scan import causal_conv_silu, selective_scan

    device, backends = setting.device, setting.backends()

    def of_scan(backend: str, shape: tuple, dtype=torch.float32, gated: bool = True) -> dict:
        given = scan_inputs(*shape, device, dtype)
        if not gated:
            del given["z"]
        exact = lambda **values: selective_scan(**values, backend="chunked")  # noqa: E731
        return errors(lambda **values: selective_scan(**values, backend=backend), given, exact)

    def of_convolution(backend: str) -> dict:
        draw = torch.Generator().manual_seed(0)
        shapes = {"u": (2, 777, INNER), "weight": (INNER, 4), "bias": (INNER,)}
        given = {name: torch.randn(*shape, generator=draw).to(device) for name, shape in shapes.items()}
        exact = lambda u, weight, bias: causal_conv_silu(u, weight, bias, backend="chunked")  # noqa: E731
        return errors(lambda u, weight, bias: causal_conv_silu(u, weight, bias, backend=backend), given, exact)

    small = (2, 40, 24) if setting.tiny else (2, 300, INNER)
    for shape in SHAPES[:2] if setting.tiny else SHAPES:
        yield (
            "scan, {} x {} x {}".format(*shape),
            lambda shape=shape: [attempt(lambda b=b: of_scan(b, shape), backend=b) for b in backends],
        )
    yield (
        "scan without gate, {} x {} x {}".format(*small),
        lambda: [attempt(lambda b=b: of_scan(b, small, gated=False), backend=b) for b in backends],
    )
    for name in DTYPES[1:]:
        dtype = getattr(torch, name)
        yield (
            f"scan in {name}, " + "{} x {} x {}".format(*small),
            lambda dtype=dtype: [
                {"backend": b, "refuses": reason}
                if (reason := scan.BACKENDS[b].unfit(torch.device(device), dtype, STATES))
                else attempt(lambda b=b: of_scan(b, small, dtype), backend=b)
                for b in backends
            ],
        )
    yield (
        "convolution, 2 x 777 x 120",
        lambda: [attempt(lambda b=b: of_convolution(b), backend=b) for b in backends],
    )
    side = 16 if setting.tiny else 32
    quick = backends[:-1] or backends  # the chunked one is the reference
    yield f"gradients of the network, {side} x {side}", lambda: gradients_of_network(setting, quick, side)
    yield "fused image, shipped weights", lambda: fused_images(setting, quick)


def gradients_of_network(setting: Setting, backends: list[str], side: int) -> list[dict]:
    """The loss's gradient over all weights, against that of the network in float64: norm of the difference by norm."""
    from baselines.mambadfuse.losses import fusion_loss
    from baselines.mambadfuse.network import MambaDFuse

    torch.manual_seed(0)
    network = MambaDFuse(dim=8 if setting.tiny else 60).to(setting.device)
    ir, vis = torch.rand(2, 1, 1, side, side).to(setting.device)

    def gradient(dtype) -> torch.Tensor:
        network.to(dtype).zero_grad()
        a, b = ir.to(dtype), vis.to(dtype)
        fusion_loss(network(a, b), a, b)[0].backward()
        return torch.cat([p.grad.double().flatten() for p in network.parameters() if p.grad is not None])

    # Taken in float64 first: the weights are float32 numbers, which float64 holds.
    with using("chunked"):
        want = gradient(torch.float64)

    def compared(backend: str) -> dict:
        with using(backend):
            return {"gradients": ((gradient(torch.float32) - want).norm() / want.norm()).item()}

    return [attempt(lambda b=b: compared(b), backend=b) for b in backends]


def fused_images(setting: Setting, backends: list[str]) -> list[dict]:
    """The fused image of a drawn scene, in grey levels (0..255), against the CPU's in float32."""
    import baselines

    ir, vis = drawn_pair(setting)
    want = baselines.load("mambadfuse", device="cpu").fuse(ir, vis) * 255

    def compared(backend: str, precision: str) -> dict:
        with using(backend):
            fuser = baselines.load("mambadfuse", device=setting.device, precision=precision)
            found = fuser.fuse(ir, vis) * 255
        difference, changed = abs(found - want), (found.round() != want.round()).mean()
        return {"levels": float(difference.max()), "mean_levels": float(difference.mean()), "changed": float(changed)}

    rows = [attempt(lambda b=b: compared(b, "fp32"), backend=b) for b in backends]
    return [*rows, attempt(lambda: compared(backends[0], "bf16"), backend=f"{backends[0]}, bf16")]


def drawn_pair(setting: Setting):
    from benchmark.datasets import synth
    from benchmark.imaging import bt601

    drawn = synth.scene(7, *((64, 48) if setting.tiny else (640, 480)), "night")
    return drawn.ir, bt601.luminance(drawn.vis_rgb)


# --- (b) time and memory


def speed(setting: Setting) -> Iterator[Case]:
    """(b) The scan, the network's forward pass, a training step, and where their time goes."""
    device, tiny = setting.device, setting.tiny
    torch.backends.cudnn.allow_tf32 = False  # as fusers do
    backends = setting.backends()
    quick = backends[:-1] or backends  # the chunked one is there to compare scans with
    spend = 0.2 if tiny else 5.0

    if device == "cuda":
        yield "copy of device memory", lambda: [copy_rate()]
    tokens = 600 if tiny else 480 * 640
    batch, own = (2, 64) if tiny else (12, 128 * 128)
    yield f"scan, {tokens} tokens", lambda: in_turns(scans(setting, 1, tokens, False), device, spend)
    yield (
        f"scan with gradients, {batch} x {own} tokens",
        lambda: in_turns(scans(setting, batch, own, True), device, spend),
    )
    if "triton" in backends:
        yield f"sizes of programs, 1 x {tokens}", lambda: sizes(setting, 1, tokens)
        yield f"sizes of programs, {batch} x {own}", lambda: sizes(setting, batch, own)
    for height, width in [(16, 24)] if tiny else [(480, 640), (1024, 1280)]:
        yield (
            f"forward, {height}x{width}",
            lambda size=(height, width): in_turns(forwards(setting, quick, size), device, spend, most=20),
        )
    side = 16 if tiny else 128
    for precision in ("fp32", "bf16"):
        yield (
            f"training step, {batch} x {side} x {side}, {precision}",
            lambda p=precision: in_turns(steps(setting, quick, batch, side, p), device, spend, most=20),
        )
    if device == "cuda":
        yield "kernels of a forward pass, 480x640", lambda: kernels(next(iter(forwards(setting, quick).values())))
        yield (
            f"kernels of a training step, {batch} x {side} x {side}",
            lambda: kernels(next(iter(steps(setting, quick, batch, side, "fp32").values()))),
        )


def copy_rate() -> dict:
    """Bytes read and written per second by a copy of a gigabyte within the device."""
    a = torch.randn(1 << 28, device="cuda")
    b = torch.empty_like(a)
    [row] = in_turns({"copy": lambda: b.copy_(a)}, "cuda", 1.0)
    return {**row, "gb_per_s": 8 * a.numel() / row["ms"] / 1e6}


def scans(setting: Setting, batch: int, tokens: int, gradients: bool) -> dict[str, Callable]:
    from baselines.scan import selective_scan

    given = scan_inputs(batch, tokens, INNER, setting.device)
    upstream = torch.randn_like(given["u"])

    def called(function: Callable, values: dict, upstream: torch.Tensor) -> Callable:
        if not gradients:
            return torch.inference_mode()(lambda: function(**values))
        leaves = {name: x.detach().requires_grad_() for name, x in values.items()}
        return lambda: torch.autograd.grad(function(**leaves), list(leaves.values()), upstream)

    runs = {}
    if "mamba_ssm" in setting.backends():
        from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

        turned = {name: x.transpose(1, 2).contiguous() if x.ndim == 3 else x for name, x in given.items()}
        kernel = lambda **values: selective_scan_fn(**values, delta_softplus=True)  # noqa: E731
        runs["mamba-ssm's kernel, in its own layout"] = called(kernel, turned, upstream.transpose(1, 2).contiguous())
    for backend in setting.backends():
        function = lambda backend=backend, **values: selective_scan(**values, backend=backend)  # noqa: E731
        runs[backend] = called(function, given, upstream)
    return runs


def sizes(setting: Setting, batch: int, tokens: int) -> list[dict]:
    """The Triton kernels with programs of other sizes; the first of each direction is what is in use."""
    from baselines.scan import triton_kernels as triton

    given = scan_inputs(batch, tokens, INNER, setting.device)
    upstream = torch.randn_like(given["u"])

    def forward(chunk: int, carried: int) -> Callable:
        return lambda: triton.forward(**given, chunk=chunk, carried=carried)

    def backward(chunk: int, programs: int) -> Callable:
        _, entering, sums = triton.forward(**given, chunk=chunk)
        return lambda: triton.backward(upstream, entering, sums, **given, chunk=chunk, programs=programs)

    chunks = dict.fromkeys((triton.CHUNK, 32, 128))
    ways = [
        {
            f"forward, chunks of {chunk}, {carried} carried": forward(chunk, carried)
            for chunk in chunks
            for carried in dict.fromkeys((triton.CARRIED, 64))
        },
        {
            f"backward, chunks of {chunk}, {programs} programs": backward(chunk, programs)
            for chunk in chunks
            for programs in dict.fromkeys((triton.PROGRAMS, 1024, 4096))
        },
    ]
    return [{"shape": f"{batch} x {tokens}", **row} for runs in ways for row in in_turns(runs, setting.device, 2.0)]


def forwards(setting: Setting, backends: list[str], size: tuple[int, int] = (480, 640)) -> dict[str, Callable]:
    from baselines.mambadfuse.network import MambaDFuse
    from baselines.scan import mamba

    torch.manual_seed(0)
    network = MambaDFuse().eval().to(setting.device, memory_format=torch.channels_last)
    ir, vis = torch.rand(2, 1, 1, *size).to(setting.device)

    def called(backend: str, precision: str) -> Callable:
        def run():
            with using(backend), torch.inference_mode(), mamba.precision(precision):
                return network(ir, vis)

        return run

    runs = {backend: called(backend, "fp32") for backend in backends}
    return {**runs, f"{backends[0]}, bf16": called(backends[0], "bf16")}


def steps(setting: Setting, backends: list[str], batch: int, side: int, precision: str) -> dict[str, Callable]:
    """Whole steps of `bench train`: crops, loss, gradients, Adam, averaged weights."""
    from baselines import tasks
    from benchmark.training.loop import Run

    recipe = replace(tasks.Recipe.of({"steps": 10_000, "batch": batch, "crop": side, "learning_rate": 1e-4}), ema=0.999)
    ir, vis = drawn_pair(setting)
    runs = {}
    for backend in backends:
        folder = setting.work / f"step-{backend}-{precision}"
        run = Run(
            tasks.find("mambadfuse"), recipe, "mambadfuse", folder, 0, setting.device, {"data": "a drawn pair"},
            precision=precision,
        )  # fmt: skip

        def step(run=run, backend=backend, images=[[(ir, vis)]]):  # noqa: B006 (one list, so that crops are ready)
            with using(backend):
                run.train_step(images)

        runs[backend] = step
    return runs


def kernels(run: Callable, most: int = 14) -> list[dict]:
    """What a call of `run` spends the GPU's time on: the kernels that take most, then all, with their number."""
    from torch.profiler import ProfilerActivity, profile

    run()
    torch.cuda.synchronize()
    start = time.perf_counter()
    run()
    torch.cuda.synchronize()
    wall = 1e3 * (time.perf_counter() - start)
    with profile(activities=[ProfilerActivity.CUDA]) as found:
        run()
        torch.cuda.synchronize()
    totals: dict[str, list[float]] = {}
    for event in found.events():
        if event.device_type.name == "CUDA":
            entry = totals.setdefault(event.name, [0.0, 0])
            entry[0] += event.time_range.elapsed_us() / 1e3
            entry[1] += 1
    if not totals:
        raise RuntimeError("the profiler saw no kernel")
    ranked = sorted(totals.items(), key=lambda item: -item[1][0])[:most]
    rows = [{"backend": name[:90], "ms": ms, "launches": count} for name, (ms, count) in ranked]
    busy, launches = (sum(column) for column in zip(*totals.values()))
    return [*rows, {"backend": "all", "ms": busy, "launches": launches}, {"backend": "on the clock", "ms": wall}]


# --- (b) transfer and pipeline


def pipeline(setting: Setting) -> Iterator[Case]:
    """(b) What a pair passes through: reading, copies to the GPU and back, the network, saving, scoring."""
    count, size = (2, (64, 64)) if setting.tiny else (24, (640, 480))
    yield "one pair, step by step", lambda: one_pair(setting)
    yield f"bench run, {count} drawn pairs of {size[0]}x{size[1]}", lambda: [whole_run(setting, count, size)]


def one_pair(setting: Setting) -> list[dict]:
    import baselines
    import metrics
    from benchmark.imaging import reading, saving

    device = setting.device
    ir, vis = drawn_pair(setting)
    fuser = baselines.load("mambadfuse", device=device)
    unit = [torch.from_numpy(x.astype("float32") / 255)[None, None] for x in (ir, vis)]
    there = [x.to(device) for x in unit]
    fused, path = fuser.fuse(ir, vis), setting.work / "pair.png"
    saving.save_luminance(path, fused)
    saved = reading.read_luminance(path)
    runs = {
        "fuse, all of it": lambda: fuser.fuse(ir, vis),
        "the pair to the device": lambda: [x.to(device) for x in unit],
        "the fused image back": lambda: there[0].cpu(),
        "save as PNG": lambda: saving.save_luminance(path, fused),
        "read a PNG": lambda: reading.read_luminance(path),
        "score by the core metrics": lambda: metrics.evaluate(saved, ir, vis, protocol="cddfuse"),
    }
    # The clock and not the stream: most of this is work of the CPU.
    clock = [
        row for name, run in runs.items() for row in in_turns({name: run}, "cpu", 0.1 if setting.tiny else 2.0, 15)
    ]
    pixels = 4 * ir.size
    return [*clock, {"backend": "bytes", "to_device": 2 * pixels, "back": pixels}]


def whole_run(setting: Setting, count: int, size: tuple[int, int]) -> dict:
    data, results = drawn_set(setting, count, size), setting.work / "results"
    shutil.rmtree(results, ignore_errors=True)
    start = time.perf_counter()
    bench(setting, "run", "--dataset", "m3fd", "--split", "all", "--data-root", str(data), "--methods", "mambadfuse",
          "--device", setting.device, "--results", str(results))  # fmt: skip
    wall = time.perf_counter() - start
    [timings] = results.glob("*/*/timings.jsonl")
    lines = [json.loads(line) for line in timings.read_text().splitlines()]
    fused = [1e3 * line["fuse_s"] for line in lines if "fuse_s" in line]
    scored = [1e3 * line["score_s"] for line in lines if "score_s" in line]
    [record] = (json.loads(path.read_text()) for path in results.glob("*/*/run.json"))
    run = record["runs"][-1]
    return {
        "backend": str(run.get("scan_backend")), **summary(fused[1:]), "first_ms": fused[0],
        "score_ms": statistics.median(scored), "pairs": len(fused), "wall_s": wall,
        "gpu_peak_mib": run.get("gpu_peak_memory_mib"),
    }  # fmt: skip


def drawn_set(setting: Setting, count: int, size: tuple[int, int]) -> Path:
    """Draw pairs in the layout of M3FD, once. Returns the data root."""
    root = setting.work / f"drawn-{count}-{size[0]}x{size[1]}"
    if not (root / "whole").is_file():
        shutil.rmtree(root, ignore_errors=True)
        bench(setting, "data", "synth", "--out", str(root / "M3FD_Detection"), "--pairs", str(count),
              "--size", f"{size[0]}x{size[1]}")  # fmt: skip
        (root / "whole").touch()
    return root


def bench(setting: Setting, *arguments: str) -> None:
    """Run a command of bench. Raises RuntimeError with the last line that it said where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "mmif_bench", *arguments, "--quiet"],
        cwd=ROOT, env=setting.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["nothing"]
        raise RuntimeError(f"bench {arguments[0]} ended with {done.returncode}: {said[-1]}")


# --- (c) the tests that need a GPU


def tests(setting: Setting) -> Iterator[Case]:
    """(c) `pytest -m gpu`."""
    yield "tests marked gpu", lambda: [marked(setting)]


def marked(setting: Setting) -> dict:
    files = [path for path in sorted((ROOT / "tests").rglob("test_*.py")) if "mark.gpu" in path.read_text("utf-8")]
    report = setting.work / "tests.xml"
    environment = setting.environment() | {"BENCH_TEST_DEVICE": setting.device}
    chosen = ["-k", "tells"] if setting.tiny else []
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider", f"--junitxml={report}", *chosen,
         *map(str, files)],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    (setting.out / "tests.log").write_text(done.stdout[-200_000:])
    if done.returncode not in (0, 1):
        raise RuntimeError(f"pytest ended with {done.returncode}; see tests.log")
    from xml.etree import ElementTree

    [suite] = ElementTree.parse(report).getroot().iter("testsuite")
    counts = {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")}
    failed = counts["failures"] + counts["errors"]
    wrong = [
        f"{case.get('name')}" for case in suite.iter("testcase") if {child.tag for child in case} & {"failure", "error"}
    ]
    passed = counts["tests"] - failed - counts["skipped"]
    return {
        "backend": setting.device, "passed": passed, "failed": failed, "skipped": counts["skipped"],
        "which": wrong[:20], "wall_s": time.perf_counter() - start,
    }  # fmt: skip


# --- (d) training


def training(setting: Setting) -> Iterator[Case]:
    """(d) `bench train` from the shipped weights for as long as there is time; comes back and goes on."""
    yield f"training to step {setting.steps}" if setting.steps else "training", lambda: [trained(setting)]


def trained(setting: Setting) -> dict:
    import yaml

    from baselines import tasks
    from baselines.base import SHIPPED

    end = time.monotonic() + setting.seconds
    folder = setting.work / "training"
    unpack(setting, folder)
    known = tasks.recipes("mambadfuse")
    recipe = yaml.safe_load(known.get(setting.recipe, Path(setting.recipe)).read_text("utf-8"))
    recipe |= {"batch": setting.batch, "crop": setting.crop}
    done = last_step(folder)
    data = setting.train or drawn_for_training(setting)
    checkpoint = setting.checkpoint or str(SHIPPED / "mambadfuse.safetensors")
    goal = setting.steps or earlier_goal(setting, done) or done + fitting_steps(setting, end)
    (setting.work / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    command = [
        sys.executable, "-m", "mmif_bench", "train", "--method", "mambadfuse", "--recipe",
        str(setting.work / "recipe.yaml"), "--checkpoint", checkpoint, "--steps", str(goal), "--device", setting.device,
        "--save-every", str(2 if setting.tiny else 200), "--validate-every", str(2 if setting.tiny else 200),
        "--out", str(folder), *data,
    ]  # fmt: skip
    start, stopped = time.perf_counter(), False
    said_in = setting.out / "training.log"
    with said_in.open("a") as said:
        print("$", *command[3:], file=said, flush=True)
        process = subprocess.Popen(command, cwd=Path.cwd(), env=setting.environment(), stdout=said, stderr=said)
        while process.poll() is None and not stopped:
            try:
                process.wait(max(1.0, min(60.0, end - time.monotonic() - 25)))
            except subprocess.TimeoutExpired:
                pack(setting, folder)
                if stopped := time.monotonic() >= end - 25:
                    process.send_signal(signal.SIGTERM)  # it saves the step and ends
        process.wait(20)
    if process.returncode not in (0, 143, -signal.SIGTERM):
        said = [line for line in said_in.read_text().splitlines() if line.strip()]
        raise RuntimeError(f"bench train ended with {process.returncode}: {said[-1]}")
    pack(setting, folder)
    reached = last_step(folder)
    if reached == 0:
        raise RuntimeError("no step was saved before the time was over")
    record, log = json.loads((folder / "mambadfuse.json").read_text()), folder / "log.csv"
    losses = [float(row["loss"]) for row in csv.DictReader(log.open())] if log.is_file() else []
    return {
        "backend": setting.device, "from_step": done, "steps": reached, "goal": goal, "stopped": reached < goal,
        "batch": setting.batch, "crop": setting.crop, "wall_s": time.perf_counter() - start,
        "step_ms": 1e3 * record["seconds"] / reached, "losses": [losses[0], losses[-1]] if losses else [],
        "drawn": not setting.train,
    }  # fmt: skip


def last_step(folder: Path) -> int:
    """The step that the run in a folder has saved, 0 where there is none."""
    record = folder / "mambadfuse.json"
    return json.loads(record.read_text())["steps"] if record.is_file() and (folder / "state.pt").is_file() else 0


def earlier_goal(setting: Setting, done: int) -> int | None:
    """The step at which an earlier call wanted to end, where its time was over before; the schedule then goes on."""
    from studies.gpu_pack import rows_in

    goals = [row["goal"] for row in rows_in(setting.out) if row["case"] == "training" and row.get("goal", 0) > done]
    return goals[-1] if goals and done else None


def fitting_steps(setting: Setting, end: float) -> int:
    """How many steps fit before `end`, by what a step took in the part `speed`; start and saving left out."""
    from studies.gpu_pack import rows_in

    if setting.tiny:
        return 4
    name = f"training step, {setting.batch} x {setting.crop} x {setting.crop}, fp32"
    own = [row["ms"] for row in rows_in(setting.out) if row["case"] == name and "ms" in row]
    left = end - time.monotonic() - 60
    return max(100, int(0.9 * left / (min(own) / 1e3))) if own else 2000


def drawn_for_training(setting: Setting) -> list[str]:
    size = (64, 64) if setting.tiny else (320, 240)
    root = drawn_set(setting, 6 if setting.tiny else 48, size) / "M3FD_Detection"
    return ["--dataset", "folder", "--ir", str(root / "Ir"), "--vis", str(root / "Vis")]


def pack(setting: Setting, folder: Path) -> None:
    """Bring a run back: what is small in one file, the state to go on from in pieces that every transfer takes."""
    if not (folder / "state.pt").is_file():
        return
    small = setting.out / "training.tar.gz"
    with tarfile.open(small.with_suffix(".part"), "w:gz") as tar:
        tar.add(folder, ".", filter=lambda item: None if Path(item.name).name in ("state.pt", ".lock") else item)
    small.with_suffix(".part").replace(small)
    for old in setting.out.glob("state.pt.*"):
        old.unlink()
    with (folder / "state.pt").open("rb") as state:
        for number, piece in enumerate(iter(lambda: state.read(PIECE), b"")):
            (setting.out / f"state.pt.{number}").write_bytes(piece)


def unpack(setting: Setting, folder: Path) -> None:
    """Put a run that was brought back where it can go on, unless one is there."""
    pieces = sorted(setting.out.glob("state.pt.*"), key=lambda path: int(path.suffix[1:]))
    small = setting.out / "training.tar.gz"
    if folder.exists() or not pieces or not small.is_file():
        return
    folder.mkdir(parents=True)
    with tarfile.open(small) as tar:
        tar.extractall(folder, filter="data")
    (folder / "state.pt").write_bytes(b"".join(piece.read_bytes() for piece in pieces))


PARTS = {"agreement": agreement, "speed": speed, "pipeline": pipeline, "tests": tests, "training": training}
