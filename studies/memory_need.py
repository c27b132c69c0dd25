"""Measures what a pair takes in memory, for each method: writes baselines/memory.csv, by which `--tile auto` decides.

    python studies/memory_need.py --weights-root WEIGHTS
    python studies/memory_need.py --weights-root WEIGHTS --methods seafusion,gff     # these rows only

Bytes per pixel of the pair. cpu: each method in a process of its own fuses two pairs, the second of four times as many
pixels; the difference of the peaks, over that of the pixels. cuda: the tensors that are alive at once in a forward pass
as a GPU runs it, counted without one, on tensors that have no values; kernels' own buffers come on top. It stays empty
for what is not a network, and for networks that look at values.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "baselines" / "memory.csv"
SIZES = ((256, 320), (512, 640))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights-root", type=Path)
    parser.add_argument("--methods", help="comma-separated; all if left out")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    if options.worker:
        print(json.dumps(measured(options.worker, options.weights_root)))
        return
    import baselines

    rows = {row["method"]: row for row in csv.DictReader(TABLE.open(encoding="utf-8"))} if TABLE.is_file() else {}
    for name in options.methods.split(",") if options.methods else baselines.names():
        command = [sys.executable, __file__, "--worker", name]
        command += ["--weights-root", options.weights_root] if options.weights_root else []
        done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True)
        if done.returncode:
            print(f"{name}: not measured", file=sys.stderr)
            continue
        rows[name] = {"method": name, **json.loads(done.stdout.splitlines()[-1])}
        print(*rows[name].values(), flush=True)
        with TABLE.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["method", "cpu", "cuda"], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows[name] for name in sorted(rows))


def peak() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def measured(name: str, weights_root: Path | None) -> dict:
    import baselines
    from baselines.contract import scene

    fuser = baselines.load(name, weights_root=weights_root)
    peaks = []
    for size in SIZES:
        fuser.fuse(*scene(*size), "native")
        peaks.append(peak())
    (few, many), (low, high) = (height * width for height, width in SIZES), peaks
    return {"cpu": round((high - low) / (many - few)), "cuda": counted(fuser)}


def counted(fuser) -> int | str:
    """Bytes per pixel that tensors take at once on a GPU, or "" where that cannot be counted."""
    from baselines import NetworkFuser, alive

    found = [alive.count(fuser, *size) if isinstance(fuser, NetworkFuser) else None for size in SIZES]
    if None in found:
        return ""
    (few, many), (low, high) = (height * width for height, width in SIZES), found
    return round((high - low) / (many - few))


if __name__ == "__main__":
    main()
