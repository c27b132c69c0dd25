"""Times the metrics on one core against plain reference-style code: `python studies/metrics_speed.py [--write]`.

Three ways are timed on a 480x640 example: code in the style of the field's scripts (scipy convolve2d,
scikit-learn's mutual_info_score, scikit-image's SSIM; written here for comparison), this package without its
compiled kernels, and with them. Each figure is the least CPU time of several runs, so that a busy machine
disturbs little. Then PNGs are read in three ways, and `bench eval` scores as many pairs as MSRS has for testing.
`--write` puts the tables into docs/metrics-speed.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "metrics-speed.md"
SHAPE = (480, 640)
CORE = ("EN", "SD", "SF", "MI", "SCD", "VIF", "Qabf", "SSIM")


def reference_style():
    """name -> function (fused, ir, vis) of the core metrics under `cddfuse`, as scripts of the field write
    them.
    """
    import numpy as np
    from scipy.signal import convolve2d
    from skimage.metrics import structural_similarity

    def en(f, a, b):
        p = np.histogram(f, bins=256, range=(0, 256))[0] / f.size
        return -np.sum(p[p > 0] * np.log2(p[p > 0]))

    def sd(f, a, b):
        return np.std(f.astype(np.float64))

    def sf(f, a, b):
        f = f.astype(np.float64)
        return np.sqrt(np.mean(np.diff(f, axis=0) ** 2) + np.mean(np.diff(f, axis=1) ** 2))

    def mi(f, a, b):
        from sklearn.metrics import mutual_info_score

        return sum(mutual_info_score(f.ravel(), s.ravel()) for s in (a, b))

    def scd(f, a, b):
        f, a, b = (x.astype(np.float64) for x in (f, a, b))
        return np.corrcoef((f - b).ravel(), a.ravel())[0, 1] + np.corrcoef((f - a).ravel(), b.ravel())[0, 1]

    def gaussian(n):
        k = np.arange(n) - n // 2
        w = np.exp(-(k[:, None] ** 2 + k[None] ** 2) / (2 * (n / 5) ** 2))
        return w / w.sum()

    def vif_of(ref, dist):
        ref, dist = ref.astype(np.float64), dist.astype(np.float64)
        kept = there = 0.0
        for n in (17, 9, 5, 3):
            w = gaussian(n)
            if n < 17:
                ref = convolve2d(ref, w, mode="valid")[::2, ::2]
                dist = convolve2d(dist, w, mode="valid")[::2, ::2]
            m1, m2 = convolve2d(ref, w, mode="valid"), convolve2d(dist, w, mode="valid")
            s1 = np.maximum(convolve2d(ref * ref, w, mode="valid") - m1 * m1, 0)
            s2 = np.maximum(convolve2d(dist * dist, w, mode="valid") - m2 * m2, 0)
            s12 = convolve2d(ref * dist, w, mode="valid") - m1 * m2
            g = s12 / (s1 + 1e-10)
            v = s2 - g * s12
            g[s1 < 1e-10], v[s1 < 1e-10], s1[s1 < 1e-10] = 0, s2[s1 < 1e-10], 0
            g[s2 < 1e-10], v[s2 < 1e-10] = 0, 0
            v[g < 0], g[g < 0] = s2[g < 0], 0
            v = np.maximum(v, 1e-10)
            kept += np.sum(np.log10(1 + g * g * s1 / (v + 2)))
            there += np.sum(np.log10(1 + s1 / 2))
        return kept / there

    def vif(f, a, b):
        return vif_of(a, f) + vif_of(b, f)

    def edges(x):
        x = x.astype(np.float64)
        sx = convolve2d(x, np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]), mode="same")
        sy = convolve2d(x, np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]]), mode="same")
        angle = np.full(x.shape, np.pi / 2)
        angle[sx != 0] = np.arctan(sy[sx != 0] / sx[sx != 0])
        return np.sqrt(sx * sx + sy * sy), angle

    def qabf(f, a, b):
        g_f, a_f = edges(f)
        top = bottom = 0.0
        for s in (a, b):
            g, angle = edges(s)
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = np.where(g > g_f, g_f / g, np.where(g == g_f, g_f, g / g_f))
            q = 0.9994 / (1 + np.exp(-15 * (ratio - 0.5)))
            q = q * 0.9879 / (1 + np.exp(-22 * (1 - np.abs(angle - a_f) / (np.pi / 2) - 0.8)))
            top += np.sum(q * g)
            bottom += np.sum(g)
        return top / bottom

    def ssim(f, a, b):
        f, a, b = (x.astype(np.float32) for x in (f, a, b))
        return sum(structural_similarity(f, s, data_range=2) for s in (a, b))

    return dict(zip(CORE, (en, sd, sf, mi, scd, vif, qabf, ssim)))


def least(function, seconds: float = 1.5) -> float:
    """Least CPU time of a call, in ms; as many calls as fit the time, at least three."""
    best, count, end = float("inf"), 0, time.perf_counter() + seconds
    while count < 3 or time.perf_counter() < end:
        start = time.thread_time()
        function()
        best = min(best, time.thread_time() - start)
        count += 1
    return best * 1000


def measure_package() -> dict:
    """Times and values of this package, in this process."""
    import cv2

    import metrics
    from metrics.example import example

    cv2.setNumThreads(1)
    fused, ir, vis = example(*SHAPE)

    def both(names, protocol):
        pair = metrics.Pair(ir, vis, protocol)
        pair.score(fused, names)
        return [
            least(lambda: metrics.evaluate(fused, ir, vis, names, protocol)),
            least(lambda: pair.score(fused, names)),
        ]

    here = [name for name in metrics.names("standard") if not metrics.unavailable(name)]
    times = {name: both([name], "cddfuse") for name in CORE}
    times["the eight together"] = both(CORE, "cddfuse")
    times["all of standard but FMI"] = both([n for n in here if not n.startswith("FMI")], "standard")
    times["FMI_edge, FMI_dct, FMI_wavelet"] = both(["FMI_edge", "FMI_dct", "FMI_wavelet"], "standard")
    return {"isa": metrics.isa(), "times": times, "values": metrics.evaluate(fused, ir, vis, CORE, "cddfuse")}


def in_new_process(code: str, isa: str) -> str:
    environment = {**os.environ, "BENCH_ISA": isa, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    ).stdout


FIRST = """
import time
start = time.perf_counter()
import numpy
import metrics
x = numpy.arange(480 * 640, dtype="uint8").reshape(480, 640)
metrics.evaluate(x, x, x[::-1], protocol="cddfuse")
print(time.perf_counter() - start)
"""


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def measure() -> str:
    from metrics.example import example
    from studies import full_set_speed

    images = example(*SHAPE)
    reference, values = {}, {}
    for name, function in reference_style().items():
        try:
            values[name] = function(*images)
        except ImportError as error:
            print(f"{name}: no reference-style code ({error})", file=sys.stderr)
            continue
        reference[name] = least(lambda function=function: function(*images))
    if len(reference) == len(CORE):
        reference["the eight together"] = sum(reference.values())
    run = f"import json, runpy; m = runpy.run_path({str(Path(__file__))!r}); print(json.dumps(m['measure_package']()))"
    plain, compiled = (json.loads(in_new_process(run, isa)) for isa in ("none", ""))
    if compiled["isa"] is None:
        print("the kernels are not built: both columns are the numpy code", file=sys.stderr)
    first = min(float(in_new_process(FIRST, "")) for _ in range(5))

    def cell(value: float | None) -> str:
        return "" if value is None else f"{value:.2f}"

    rows = []
    for name, (fresh, further) in compiled["times"].items():
        slow = reference.get(name)
        ratio = "" if slow is None else f"{slow / fresh:.0f}"
        numpy_times = plain["times"][name]
        rows.append((name, cell(slow), *map(cell, numpy_times), cell(fresh), cell(further), ratio))
    worst = max(abs(compiled["values"][n] / v - 1) for n, v in values.items())
    between = max(abs(compiled["values"][n] / plain["values"][n] - 1) for n in CORE)
    head = (
        "",
        "reference-style",
        "numpy, new pair",
        "numpy, further",
        "compiled, new pair",
        "compiled, further",
        "ratio",
    )
    lines = [head, ("---",) * len(head), *rows]
    table = full_set_speed.as_table(lines)
    return f"""# Speed of the metrics

Written by `python studies/metrics_speed.py --write`. Milliseconds of CPU time on one core for images of
{SHAPE[0]}x{SHAPE[1]}, least of several runs; {processor()}, kernels for {compiled["isa"]},
Python {platform.python_version()}. The single metrics and "the eight" are those of protocol `cddfuse`. *new pair*:
`metrics.evaluate`; *further*: another fused image of the same `metrics.Pair`; *numpy*: without the compiled kernels;
*ratio*: reference-style over compiled, new pair.

{table}

A new process scores its first image in {first:.2f} s, imports included. The largest relative difference of a core value
is {worst:.1e} between reference-style and compiled code and {between:.1e} between
numpy and compiled code.

{full_set_speed.sections(SHAPE, least, reference.get("the eight together"))}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    options = parser.parse_args()
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    # The file's own folder, first on the path, would hide the package of the same name.
    sys.path[0] = str(ROOT)
    text = measure()
    print(text)
    if options.write:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
