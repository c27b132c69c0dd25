"""Renders docs/metrics.md from the cards and docstrings of the metrics: `python -m metrics.docs [--check]
[FILE]`.

--check writes nothing; it leaves with exit code 1 where the file is not what would be written.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
from pathlib import Path

from . import Pair, card, names, protocols, version
from .example import example

DEFAULT = Path(__file__).resolve().parents[1] / "docs" / "metrics.md"

HEAD = """# Metrics

Rendered by `python -m metrics.docs`; not to be edited. Numbers version {version}.

F is the fused image, A the infrared (or first) source, B the visible (or second) one; all are 8-bit
grey levels 0..255 of m x n pixels (floats are rounded to levels first). ↑: higher is better, ↓: lower
is better; a metric without an arrow is shown and never ranked. A metric that a protocol does not define
is absent under it. Where the images leave a metric undefined, the value is `nan`, and the reason is given.

The example values are those of the triple that the package draws, `metrics.example.example()`; the
last column of each table is the difference from `standard`. Metrics that need an optional package have no
example. Speed: [metrics-speed.md](metrics-speed.md).

## Protocols

{protocols}

Under `vifb`, colour images (H, W, 3), RGB, are scored channel by channel and averaged (SF: the
channels side by side); a grey image serves for all three. Every other protocol takes grey images.

Values can be compared between protocols only where the tables below say so. Sums over the two sources (MI,
SSIM, MS-SSIM, VIF) are what the field prints; half of them is the mean.

Under `standard`, exchanging the sources changes no value, and no metric sees zeros beyond the border. Neither does
mirroring or transposing the images change a value, but for these, by shares of the value on six real triples: AG
(0.8 %), VIF (0.06 %), VIFF (1 %), MS-SSIM (1.4 %), MEF-MS-SSIM (0.2 %) and Qm (4 %), which start counting in one
corner, and Qp, Qcv, Labf and FMI, whose notes say how much.

## Overview

{overview}
"""


def values() -> dict[str, dict[str, tuple[float, str]]]:
    """protocol -> metric -> (value of the example triple, reason if it is nan)."""
    fused, ir, vis = example()
    found = {}
    for protocol in protocols():
        here = [name for name in names(protocol) if card(name).requires is None]
        reasons: dict[str, str] = {}
        scores = Pair(ir, vis, protocol).score(fused, here, reasons)
        found[protocol] = {name: (value, reasons.get(name, "")) for name, value in scores.items()}
    return found


def number(value: float) -> str:
    return f"{value:.6g}"


def difference(value: float, standard: float) -> str:
    if math.isclose(value, standard, rel_tol=1e-9):
        return "0"
    if standard == 0 or math.isnan(value) or math.isnan(standard):
        return ""
    ratio = value / standard
    return f"x {ratio:.4g}" if not 0.2 < ratio < 5 else f"{100 * (ratio - 1):+.3g} %"


ARROWS = {1: "↑", -1: "↓", 0: ""}


def table(rows: list[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], f"|{'---|' * len(rows[0])}", *lines[1:]])


def page(name: str, computed: dict) -> str:
    c = card(name)
    better = ARROWS[c.direction] or "not ranked"
    facts = f"{c.title} ({c.year}). {better} · range {c.range} · unit {c.unit}. Source: {c.source}."
    if c.requires:
        facts += f" Needs the extra `{c.requires}`."
    standard = computed["standard"].get(name, (math.nan, ""))[0]
    rows = [("protocol", "what it computes", "example", "vs standard")]
    for protocol, note in c.protocols.items():
        value, reason = computed[protocol].get(name, (math.nan, ""))
        shown = number(value) if not math.isnan(value) else f"nan: {reason}" if reason else ""
        other = "" if protocol == "standard" else difference(value, standard)
        rows.append((f"`{protocol}`", note, shown, other))
    note = f"Note: {c.note}\n\n" if c.note else ""
    return f"### {name}\n\n{facts}\n\n{c.doc}\n\n{note}{table(rows)}\n"


def render() -> str:
    computed = values()
    overview = [("metric", "", "title", "protocols")]
    sections: dict[str, list[str]] = {}
    for name in names():
        c = card(name)
        overview.append((f"[{name}](#{name.lower()})", ARROWS[c.direction], c.title, ", ".join(c.protocols)))
        sections.setdefault(c.family, []).append(page(name, computed))
    text = HEAD.format(
        version=version,
        protocols=table([("name", "what it is"), *((f"`{k}`", v) for k, v in protocols().items())]),
        overview=table(overview),
    )
    for family, pages in sections.items():
        text += f"\n## {family.capitalize()}\n\n" + "\n".join(pages)
    return text


def printed(text: str) -> tuple[str | None, dict[tuple[str, str], str]]:
    """The version and the example values, by metric and protocol, of a rendered file."""
    found = re.search(r"Numbers version (\S+)\.", text)
    numbers, name = {}, ""
    for line in text.splitlines():
        if line.startswith("### "):
            name = line[4:]
        elif name and line.startswith("| `"):
            protocol, *_, value, _ = (cell.strip(" `") for cell in line.strip("|").split("|"))
            numbers[name, protocol] = value
    return found and found[1], numbers


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m metrics.docs", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=DEFAULT)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the file is not current")
    options = parser.parse_args(arguments)
    text = render()
    before = options.file.read_text(encoding="utf-8") if options.file.exists() else ""
    old, new = printed(before), printed(text)
    changed = [key for key in old[1] if key in new[1] and old[1][key] != new[1][key]]
    if changed and old[0] == new[0]:
        name, protocol = changed[0]
        print(
            f"{name} under {protocol} changed from {old[1][changed[0]]} to {new[1][changed[0]]} "
            f"(and {len(changed) - 1} more): raise metrics.version",
            file=sys.stderr,
        )
        return 1
    if before == text:
        return 0
    if options.check:
        print(f"{options.file} is not current: run python -m metrics.docs", file=sys.stderr)
        return 1
    options.file.parent.mkdir(parents=True, exist_ok=True)
    options.file.write_text(text, encoding="utf-8")
    print(f"written: {options.file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
