"""Measures what tiles change: each method's result in tiles against that of the whole image, for docs/large-images.md.

    python studies/tile_seams.py --data-root DATA --weights-root WEIGHTS
    python studies/tile_seams.py --data-root DATA --weights-root WEIGHTS --methods seafusion,sage    # these rows only

One real pair of 1024x768 (M3FD, 00000), and again without its last row and column for methods whose grid is coarser
than pixels, since odd sides are what such grids find hard. Differences are in grey levels of what is saved, before
rounding and after. Methods that cannot be tiled are fused in tiles all the same, as if they reached 32 pixels, to show
why. Rows are put into the page as they come.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "large-images.md"
TILE, REACH = 512, 32
TABLES = {  # the marks of a table in the page
    True: ("<!-- seams -->", "<!-- end of seams -->"),
    False: ("<!-- refused -->", "<!-- end of refused -->"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--weights-root", type=Path)
    parser.add_argument("--methods", help="comma-separated; all but the naive ones if left out")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    import baselines
    from benchmark.imaging import reading

    folder = options.data_root / "M3FD_Detection"
    first = sorted((folder / "Ir").iterdir())[0].name
    ir, vis = (reading.read_luminance(folder / side / first) for side in ("Ir", "Vis"))
    learned = [name for name in baselines.names() if baselines.card(name).family != "naive"]
    for name in options.methods.split(",") if options.methods else learned:
        cls = baselines.method(name)
        tileable = cls.streams or cls.reach is not None
        if not tileable:
            cls.reach = REACH
        fuser = baselines.load(name, weights_root=options.weights_root)
        for odd in (0, 1) if cls.align > 1 else (0,):
            pair = [image[: 768 - odd, : 1024 - odd] for image in (ir, vis)]
            fuser.tile = None
            whole = fuser.fuse(*pair, "native")
            fuser.tile = TILE
            row = [
                name + odd * ", odd sides",
                f"{1024 - odd}x{768 - odd}",
                *differences(whole, fuser.fuse(*pair, "native")),
            ]
            put(row, tileable)
            print(*row, flush=True)


def differences(whole: np.ndarray, parts: np.ndarray) -> list[str]:
    """Largest and mean difference before rounding, the share of pixels that differ after it, and the most of that."""
    apart = 255 * np.abs(whole - parts)
    levels = np.abs(np.rint(255 * whole) - np.rint(255 * parts))
    return [f"{apart.max():.2g}", f"{apart.mean():.2g}", f"{100 * (levels > 0).mean():.2g} %", f"{levels.max():.0f}"]


def put(row: list[str], tileable: bool) -> None:
    """Put a row in its place in the page's table, instead of that method's earlier one."""
    text, (start, end) = PAGE.read_text(encoding="utf-8"), TABLES[tileable]
    before, _, rest = text.partition(start)
    table, _, after = rest.partition(end)
    head, rule, *rows = [line for line in table.splitlines() if line.strip()]
    kept = {line.split("|")[1].strip(): line for line in rows} | {row[0]: f"| {' | '.join(row)} |"}
    lines = [start, "", head, rule, *(kept[name] for name in sorted(kept)), "", end]
    PAGE.write_text(before + "\n".join(lines) + after, encoding="utf-8")


if __name__ == "__main__":
    main()
