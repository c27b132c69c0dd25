"""Measures MambaDFuse on a GPU, part by part, within a time: what studies/gpu.sh runs.

    python -m studies.gpu_pack OUT                           # everything, in 12 minutes at most
    python -m studies.gpu_pack OUT --parts agreement,speed   # one half; the other later, with the same OUT
    python -m studies.gpu_pack OUT --rehearse                # every part, tiny, on the CPU

OUT/results.jsonl gets a line for each row as it is measured, OUT/scan-gpu.md the tables of docs/scan.md, OUT/*.log what
tests and training said. What is in results.jsonl is not measured again. Every part is a process of its own that ends
after its time; what it has measured by then is kept, and another call measures the rest.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = {"agreement": 110, "speed": 210, "pipeline": 75, "tests": 90, "training": 720}  # the most seconds of each
LEAST = 5  # seconds for which no part is begun


def rows_in(out: Path) -> list[dict]:
    """The rows measured so far; a line that a kill cut short is left out."""
    path = out / "results.jsonl"
    rows = []
    for line in path.read_text("utf-8").splitlines() if path.is_file() else ():
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows


def keep(out: Path, rows: list[dict]) -> None:
    with (out / "results.jsonl").open("a+", encoding="utf-8") as file:
        if file.tell():
            file.seek(file.tell() - 1)
            if file.read() != "\n":  # of a line that a kill cut short
                file.write("\n")
        file.writelines(json.dumps(row) + "\n" for row in rows)


def machine(device: str) -> dict:
    import torch

    found = {"part": "machine", "case": "machine", "device": device, "torch": torch.__version__}
    for package in ("triton", "mamba-ssm", "causal-conv1d"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    if device == "cuda":
        facts = torch.cuda.get_device_properties(0)
        found |= {"name": facts.name, "memory_gb": facts.total_memory / 1e9, "cuda": torch.version.cuda}
        found["capability"] = f"{facts.major}.{facts.minor}"
    else:
        found["name"] = platform.processor() or platform.machine()
    from baselines import scan

    found["backends"] = {name: scan.unfit(name, device) for name in scan.BACKENDS}
    return found


def measure(part: str, setting) -> bool:
    """Measure what is missing of a part. Returns whether all of it is there."""
    from studies import gpu_trials

    finished = {(row["part"], row["case"]) for row in rows_in(setting.out) if row.get("whole")}
    well = True
    for case, run in gpu_trials.PARTS[part](setting):
        if (part, case) in finished:
            continue
        start = time.perf_counter()
        try:
            rows = run()
        except Exception as error:  # the other cases go on
            rows = [{"backend": "", "error": " ".join(f"{type(error).__name__}: {error}".split())[:300]}]
        whole = not any("error" in row or row.get("stopped") for row in rows)
        ended = {"part": part, "case": case, "whole": whole, "took_s": round(time.perf_counter() - start, 1)}
        keep(setting.out, [*({"part": part, "case": case, **row} for row in rows), ended])
        for row in rows:
            print(f"{part}: {case}: " + shown(row), flush=True)
        well = well and whole
    return well


def shown(row: dict) -> str:
    return ", ".join(
        f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in row.items()
    )


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="studies/gpu.sh",
        usage="%(prog)s OUT [options] [-- arguments of bench train that name its data]",
        description="Measures MambaDFuse on a GPU, then trains it for the rest of the time, on drawn pairs unless"
        " arguments such as -- --dataset folder --ir DIR --vis DIR name others.",
    )
    parser.add_argument("out", type=Path, help="folder of the results; the same one again goes on")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"some of {','.join(PARTS)} [default: all]")
    parser.add_argument("--minutes", type=float, default=12.0, help="for everything [default: 12]")
    parser.add_argument(
        "--rehearse", action="store_true", help="every part in tiny form on the CPU, within two minutes"
    )
    parser.add_argument("--recipe", default="ivf", help="to train by: of MambaDFuse, or a YAML file [default: ivf]")
    parser.add_argument("--checkpoint", help="to begin with [default: the shipped one]")
    parser.add_argument("--batch", type=int, default=12, help="instead of the recipe's [default: the authors' 12]")
    parser.add_argument("--crop", type=int, default=128, help="instead of the recipe's [default: the authors' 128]")
    parser.add_argument("--steps", type=int, help="of the training [default: as many as fit]")
    parser.add_argument("--one", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=600, help=argparse.SUPPRESS)
    at = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    given = parser.parse_args(sys.argv[1:at])
    given.train = sys.argv[at + 1 :]
    given.parts = [part.strip() for part in given.parts.split(",")]
    if unknown := [part for part in given.parts if part not in PARTS]:
        parser.error(f"--parts: {', '.join(unknown)} is not one of {', '.join(PARTS)}")
    known = {path.stem for path in (ROOT / "baselines" / "mambadfuse" / "recipes").glob("*.yaml")}
    for name in ("recipe", "checkpoint"):
        path = getattr(given, name)
        if path and not Path(path).is_file() and not (name == "recipe" and path in known):
            parser.error(f"--{name}: no file {path}")
    if given.minutes <= 0 or given.batch < 1 or given.crop < 16 or (given.steps is not None and given.steps < 1):
        parser.error("--minutes, --batch and --steps must be positive, --crop at least 16")
    return given


def run_part(part: str, seconds: float) -> int | None:
    """Run a part in a process of its own. Returns its exit code, None where its time was over."""
    command = [sys.executable, "-m", "studies.gpu_pack", "--one", part, "--seconds", str(seconds), *sys.argv[1:]]
    process = subprocess.Popen(command, start_new_session=True)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None:
            for number in (signal.SIGTERM, signal.SIGKILL):
                os.killpg(process.pid, number)
                try:
                    process.wait(10)
                    break
                except subprocess.TimeoutExpired:
                    continue


def main() -> int:
    given = options()
    import torch

    device = "cpu" if given.rehearse else "cuda"
    if device == "cuda" and not torch.cuda.is_available():
        print("torch finds no CUDA device here; --rehearse runs every part in tiny form on the CPU", file=sys.stderr)
        return 2
    given.out.mkdir(parents=True, exist_ok=True)
    began = [row for row in rows_in(given.out) if row["part"] == "machine"]
    if given.one:
        return one(given, device, began[0]["id"])
    if any(row["device"] != device for row in began):
        held = "a rehearsal" if device == "cuda" else "what a GPU did"
        print(f"{given.out} holds {held}; give another folder", file=sys.stderr)
        return 2
    from studies import gpu_table

    end = time.monotonic() + 60 * given.minutes
    keep(given.out, [{"id": began[0]["id"] if began else uuid.uuid4().hex[:8], **machine(device)}])
    failed = []
    for part in given.parts:
        left = min(PARTS[part], end - time.monotonic())
        code = run_part(part, left) if left >= LEAST else None
        if code is None:
            print(f"{part}: its time is over; the same command goes on with what is missing", file=sys.stderr)
        if code != 0:
            failed.append(part)
        gpu_table.write(given.out)
    print((given.out / "scan-gpu.md").read_text("utf-8"))
    if failed:
        print(f"not whole: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def one(given: argparse.Namespace, device: str, name: str) -> int:
    """Measure one part in this process; `name` tells the folder of this OUT from those of others."""
    from studies.gpu_trials import Setting

    work = Path(os.environ.get("WORK") or tempfile.gettempdir()) / f"mmif-gpu-{name}"
    work.mkdir(parents=True, exist_ok=True)
    sizes = {"batch": 2, "crop": 32} if given.rehearse else {"batch": given.batch, "crop": given.crop}
    setting = Setting(
        device, given.out.resolve(), work.resolve(), given.rehearse, given.seconds, given.recipe, given.checkpoint,
        steps=given.steps, train=given.train, **sizes,
    )  # fmt: skip
    return 0 if measure(given.one, setting) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("stopped; the same command goes on with what is missing", file=sys.stderr)
        sys.exit(130)
