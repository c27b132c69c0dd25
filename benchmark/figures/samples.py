"""Draw what a network in training makes of the pairs held out: a sheet of pictures for each validation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmark.figures import lettering, style

WIDE = 2.0  # inches: the width of a picture
COLUMNS = ("infrared", "visible", "fused")
MEDICAL = ("functional or CT", "MRI", "fused")


def draw_sheet(
    pictures: Sequence[tuple[str, np.ndarray, np.ndarray, np.ndarray]],
    path: Path,
    title: str,
    columns: Sequence[str] = COLUMNS,
) -> None:
    """Draw a row for each of (name, infrared, visible, fused), uint8 (H, W), as a PNG."""
    heights = [WIDE * picture.shape[0] / picture.shape[1] for _, picture, _, _ in pictures]
    size = (WIDE * len(columns), sum(heights) + 0.3 + 0.2 * len(pictures))
    with style.pyplot() as plt:
        figure, axes = plt.subplots(
            len(pictures), len(columns), figsize=size, squeeze=False, layout="constrained",
            gridspec_kw={"height_ratios": heights},
        )  # fmt: skip
        for row, (name, *shown) in zip(axes, pictures):
            for axis, picture in zip(row, shown):
                axis.imshow(picture, cmap="gray", vmin=0, vmax=255)
                axis.axis("off")
            text, families = lettering.legible(lettering.short(name))
            label = row[0].set_title(text, loc="left", parse_math=False)
            if families:
                lettering.set_families(label, families)
        for axis, column in zip(axes[0], columns):
            axis.set_title(column, loc="right")
        figure.suptitle(title)
        style.write(figure, path, dpi=120)
