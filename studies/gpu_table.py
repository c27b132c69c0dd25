"""The tables of docs/scan.md from what studies/gpu.sh has measured.

python -m studies.gpu_table OUT
"""

from __future__ import annotations

import sys
from pathlib import Path

from studies.gpu_pack import rows_in

# What was aimed at on an H100: milliseconds of an image and of a training step, times mamba-ssm's kernel.
IMAGE, STEP, FASTER = 120.0, 300.0, 1.0


def write(out: Path) -> None:
    """Write OUT/scan-gpu.md."""
    (out / "scan-gpu.md").write_text(page(rows_in(out)), encoding="utf-8")


def newest(rows: list[dict]) -> list[dict]:
    """The rows of every case; of those that were measured again, the rows of the last time."""
    kept: dict[tuple, list[dict]] = {}
    current: dict[tuple, list[dict]] = {}
    for row in rows:
        key = (row["part"], row["case"])
        if "whole" in row:
            kept[key] = current.pop(key, [])
        elif key[0] != "machine":
            current.setdefault(key, []).append(row)
    return [row for group in kept.values() for row in group]


def page(rows: list[dict]) -> str:
    """Markdown of all that is in `rows`."""
    found = newest(rows)

    def of(part: str, *begins: str) -> list[dict]:
        own = [row for row in good(found) if row["part"] == part]
        return [row for row in own if row["case"].startswith(begins)] if begins else own

    timed = [row for row in of("speed") if row not in of("speed", "kernels", "sizes")]
    parts = [
        heading([row for row in rows if row["part"] == "machine"]),
        verdict(found),
        agreement(of("agreement")),
        times(timed),
        sizes(of("speed", "sizes")),
        kernels(of("speed", "kernels")),
        pipeline(of("pipeline")),
        tests(of("tests")),
        training(of("training")),
        failures(found),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def heading(machines: list[dict]) -> str:
    if not machines:
        return "### Measured on a GPU"
    last = machines[-1]
    packages = ", ".join(f"{name} {last[name]}" for name in ("torch", "triton", "mamba-ssm") if last.get(name))
    memory = f", {last['memory_gb']:.0f} GB" if "memory_gb" in last else ""
    lines = [f"### Measured on {last['name']}", "", f"`studies/gpu.sh`; {last['device']}{memory}; {packages}."]
    if last["device"] == "cpu":
        lines.append("**A rehearsal in tiny form on a CPU: these numbers say nothing of a GPU.**")
    names = list(dict.fromkeys(row["name"] for row in machines))
    if len(names) > 1:
        lines.append(f"Parts are of different machines: {', '.join(names)}.")
    missing = [f"{name}: {why}" for name, why in last["backends"].items() if why and name in ("mamba_ssm", "triton")]
    if missing:
        lines.append("Not measured: " + "; ".join(missing) + ".")
    lines.append(
        "Times are medians between two events on the stream after warm-up, in brackets the tenth and ninetieth"
        " percentile; what has one name was run in turns, in one process. Matrix products and convolutions are in"
        " float32 (no TF32) but for rows that say bf16."
    )
    return "\n".join(lines)


def table(head: list[str], lines: list[list[str]]) -> str:
    rule = "|".join(["---", *["---:"] * (len(head) - 1)])
    return "\n".join([f"| {' | '.join(head)} |", f"|{rule}|", *(f"| {' | '.join(line)} |" for line in lines)])


def ms(row: dict) -> str:
    return f"{row['ms']:.3g} ({row['low_ms']:.3g} to {row['high_ms']:.3g})"


def share(value: float | None) -> str:
    return "" if value is None else f"{value:.1e}"


def good(rows: list[dict]) -> list[dict]:
    return [row for row in rows if "error" not in row]


def agreement(rows: list[dict]) -> str:
    scans = [
        [row["case"], row["backend"], row.get("refuses") or share(row.get("output")), share(row.get("gradients")),
         row.get("worst", "")] for row in rows if "levels" not in row
    ]  # fmt: skip
    images = [
        [row["backend"], f"{row['levels']:.3f}", f"{row['mean_levels']:.4f}", f"{100 * row['changed']:.1f} %"]
        for row in rows
        if "levels" in row
    ]
    text = []
    if scans:
        text += [
            "Largest errors against the chunked backend in float64, as shares of the largest value (of the network's"
            " gradient: of norms):",
            table(["what, batch x tokens x channels", "backend", "output", "gradients", "worst"], scans),
        ]
    if images:
        text += [
            "A drawn scene fused with the shipped weights, in grey levels (0..255) against the CPU's, before rounding:",
            table(["backend", "largest difference", "mean", "pixels that round to another level"], images),
        ]
    return "\n\n".join(text)


def times(rows: list[dict]) -> str:
    rates = [f"{row['gb_per_s']:.0f} GB/s" for row in rows if "gb_per_s" in row]
    lines = []
    for row in rows:
        if "gb_per_s" not in row:
            peak = f"{row['peak_gb']:.2f}" if "peak_gb" in row else "-"
            lines.append([row["case"], row["backend"], ms(row), f"{row['times_the_first']:.2f}", peak])
    text = [f"A copy within the device's memory reads and writes {rates[-1]}."] if rates else []
    text += [table(["what", "backend", "ms", "first of these = 1", "peak GB"], lines)] if lines else []
    return "\n\n".join(text)


def sizes(rows: list[dict]) -> str:
    lines = [[row["shape"], row["backend"], ms(row), f"{row['times_the_first']:.2f}"] for row in rows]
    if not lines:
        return ""
    head = "Programs of other sizes; the first of each shape and direction is in use:\n\n"
    return head + table(["batch x tokens", "program", "ms", "first = 1"], lines)


def kernels(rows: list[dict]) -> str:
    text = []
    for case in dict.fromkeys(row["case"] for row in rows):
        lines = [
            [f"`{row['backend'].replace('|', '¦')}`", f"{row['ms']:.3g}", str(row.get("launches", "-"))]
            for row in rows
            if row["case"] == case
        ]
        text.append(f"{case.capitalize()}, those that take longest:\n\n" + table(["kernel", "ms", "launches"], lines))
    return "\n\n".join(text)


def pipeline(rows: list[dict]) -> str:
    text = []
    steps = [[row["backend"], ms(row)] for row in rows if row["case"] == "one pair, step by step" and "ms" in row]
    if steps:
        text.append("One pair of `mambadfuse`, on the clock:\n\n" + table(["what", "ms"], steps))
    for row in rows:
        if "wall_s" in row:
            text.append(
                f"{row['case']}: {row['wall_s']:.1f} s in all with starting, reading, saving and scoring; fusing a pair"
                f" {ms(row)} ms, the first {row['first_ms']:.0f} ms; scoring one {row['score_ms']:.0f} ms in other"
                f" processes; scan backend {row['backend']}."
            )
    return "\n\n".join(text)


def tests(rows: list[dict]) -> str:
    return "\n\n".join(
        f"`pytest -m gpu`: {row['passed']} passed, {row['failed']} failed, {row['skipped']} skipped"
        f" ({row['wall_s']:.0f} s)" + (f": {', '.join(row['which'])}." if row["which"] else ".")
        for row in rows
    )


def training(rows: list[dict]) -> str:
    text = []
    for row in rows:
        crops = f"{row['batch']} crops of {row['crop']}x{row['crop']}{' of drawn pairs' * row['drawn']}"
        loss = "; loss {:.3f} to {:.3f}".format(*row["losses"]) if row["losses"] else ""
        text.append(
            f"Training from step {row['from_step']} to {row['steps']}, {crops}: {row['step_ms']:.0f} ms a step with"
            f" validation and saving{loss}{', stopped when the time was over' * row['stopped']}."
        )
    return "\n\n".join(text)


def failures(rows: list[dict]) -> str:
    lines = [f"* {row['case']}, {row['backend']}: {row['error']}" for row in rows if "error" in row]
    return "Failed:\n\n" + "\n".join(lines) if lines else ""


def verdict(rows: list[dict]) -> str:
    """The targets, and which backend is faster throughout."""

    def median(case: str, backend: str) -> float | None:
        own = [row["ms"] for row in good(rows) if (row["case"], row.get("backend")) == (case, backend) and "ms" in row]
        return own[-1] if own else None

    scan, forward, steps = f"scan, {480 * 640} tokens", "forward, 480x640", "training step, 12 x 128 x 128, fp32"
    ours, theirs = median(scan, "triton"), median(scan, "mamba-ssm's kernel, in its own layout")
    image, step = median(forward, "triton"), median(steps, "triton")
    lines = []
    if ours and theirs:
        ratio = theirs / ours
        lines.append(["the scan at least as fast as mamba-ssm's kernel", f"{ratio:.2f} times", ratio >= FASTER])
    if image:
        lines.append([f"a 480x640 image in {IMAGE:.0f} ms", f"{image:.1f} ms", image <= IMAGE])
    if step:
        lines.append([f"a training step in {STEP:.0f} ms", f"{step:.0f} ms", step <= STEP])
    if not lines:
        return ""
    text = table(["target, triton", "measured", "reached"], [[a, b, "yes" if c else "no"] for a, b, c in lines])
    other = median(forward, "mamba_ssm"), median(steps, "mamba_ssm")
    if image and step and all(other):
        wins = (image <= other[0]) + (step <= other[1])
        first = {2: "triton", 1: "neither", 0: "mamba_ssm"}[wins]
        text += f"\n\nFaster in both a forward pass and a training step: {first}."
    return text


if __name__ == "__main__":
    write(Path(sys.argv[1]))
