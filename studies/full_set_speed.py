"""Reading PNGs in three ways, and `bench eval` of as many pairs as MSRS has for testing: for `metrics_speed.py`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from benchmark.imaging import reading
from metrics.example import example

PAIRS, JOBS = 361, 2


def sections(shape: tuple[int, int], least, reference: float | None) -> str:
    """The page's sections on these. least: function -> its CPU time in ms. reference: the CPU time in ms of
    reference-style code for the metrics of a pair.
    """
    h, w = shape
    rows = measure_reading(shape, least)
    rows["the three of a pair"] = pair = [2 * grey + rgb for grey, rgb in zip(*rows.values())]
    lines = [("", "OpenCV", "Pillow", "`benchmark.imaging.reading`", "OpenCV / ours", "Pillow / ours"), ("---",) * 6]
    for kind, (opencv, pillow, ours) in rows.items():
        lines.append((kind, *(f"{x:.2f}" for x in (opencv, pillow, ours, opencv / ours, pillow / ours))))
    cpu, wall, memory = measure_eval(shape)
    text = f"""## Reading PNGs

Milliseconds of CPU time for a file of {h}x{w}, to its luminance and, in colour, its colours. A pair's three files are
two grey ones and one in colour.

{as_table(lines)}

## `bench eval`

{PAIRS} pairs of {h}x{w}, the eight core metrics under `cddfuse`, {JOBS} scoring processes: {cpu:.1f} s of CPU
time in all processes together, imports, hashing and decoding included, or {cpu / JOBS:.1f} s for each of {JOBS}
cores. Least wall time of three runs, on a machine that others used as well: {wall:.1f} s. No process held more
than {memory:.0f} MB, all {JOBS + 1} hence at most {memory * (JOBS + 1):.0f} MB.
"""
    if reference is None:
        return text
    plain = PAIRS * (pair[0] + reference) / 1000
    return f"""{text}
By the tables above, OpenCV's reading and the reference-style metrics take {plain:.0f} s of CPU time for as many pairs,
{plain / cpu:.0f} times as much.
"""


def as_table(lines) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def by_opencv(path: str):
    bgr = cv2.imread(path, cv2.IMREAD_UNCHANGED)
    return (bgr, None) if bgr.ndim == 2 else (cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), bgr[..., ::-1])


def by_pillow(path: str):
    with Image.open(path) as image:
        return np.array(image.convert("L")), None if image.mode == "L" else np.array(image)


WAYS = (by_opencv, by_pillow, reading.read)


def measure_reading(shape: tuple[int, int], least) -> dict[str, list[float]]:
    """Kind of file -> time (by `least`) of OpenCV, of Pillow and of `benchmark.imaging.reading` for reading it, each
    to its luminance and, in colour, its colours.
    """
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        write_pairs(Path(folder), shape, 1)
        kinds = {"grey PNG": "ir", "RGB PNG": "vis"}
        return {
            kind: [least(lambda way=way, path=f"{folder}/{name}/000.png": way(path)) for way in WAYS]
            for kind, name in kinds.items()
        }


def write_pairs(folder: Path, shape: tuple[int, int], count: int) -> None:
    """The example as `count` pairs, infrared grey, visible RGB, in the folders ir, vis and fused."""
    fused, ir, vis = example(*shape)
    rgb = np.stack([vis, vis // 2 + fused // 2, fused], axis=-1)
    for name, image in (("ir", ir), ("vis", rgb), ("fused", fused)):
        (folder / name).mkdir()
        Image.fromarray(image).save(folder / name / "000.png")
        for k in range(1, count):
            shutil.copy(folder / name / "000.png", folder / name / f"{k:03}.png")


def measure_eval(shape: tuple[int, int]) -> tuple[float, float, float]:
    """CPU seconds of `bench eval` in all its processes together, wall seconds, and the most memory that one of them
    held, in MB; least of three runs.
    """
    runs = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_pairs(folder, shape, PAIRS)
        command = [sys.executable, "-m", "benchmark.cli", "eval", "--protocol", "cddfuse", "--jobs", str(JOBS)]
        command += ["--fused", folder / "fused", "--name", "example", "--dataset", "folder"]
        command += ["--ir", folder / "ir", "--vis", folder / "vis", "--results"]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
        for k in range(3):
            start = time.perf_counter()
            process = subprocess.Popen(
                [*command, folder / f"results{k}"],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            _, status, usage = os.wait4(process.pid, 0)
            if status:
                raise RuntimeError(f"bench eval ended with status {status}")
            unit = 1 if sys.platform == "darwin" else 1024
            runs.append((usage.ru_utime + usage.ru_stime, time.perf_counter() - start, usage.ru_maxrss * unit / 1e6))
    return tuple(map(min, zip(*runs)))
