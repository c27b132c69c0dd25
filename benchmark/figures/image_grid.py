"""Draw grids of images, as papers print them: a row per image pair, a column per method, with zoomed insets.

Also maps of the difference between a fused image and a source or another method.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.errors import UserError
from benchmark.figures import style

FRAME = "#E69F00"
INSET = 0.42  # side of the inset as a share of the shorter side of the picture


@dataclass(frozen=True)
class Crop:
    """A rectangle of an image, in pixels from the upper left corner."""

    x: int
    y: int
    width: int
    height: int

    @classmethod
    def parse(cls, text: str) -> Crop:
        """Read "x,y,w,h". Raises UserError for anything else."""
        try:
            x, y, width, height = (int(part) for part in text.split(","))
        except ValueError:
            raise UserError(f"--crop {text}: expected x,y,w,h in pixels, for example 120,80,64,48") from None
        if min(x, y) < 0 or min(width, height) < 4:
            raise UserError(f"--crop {text}: x and y must not be negative, w and h be at least 4")
        return cls(x, y, width, height)

    def of(self, image: np.ndarray) -> np.ndarray:
        return image[self.y : self.y + self.height, self.x : self.x + self.width]

    def check(self, shape: tuple[int, ...], id: str) -> None:
        """Raise UserError where the crop leaves an image of that shape."""
        height, width = shape[:2]
        if self.x + self.width > width or self.y + self.height > height:
            raise UserError(f"the crop leaves the image '{id}', which is {width}x{height}")


@dataclass(frozen=True)
class GridRow:
    """A pair in a grid of images. pictures: title -> uint8 (H, W) or (H, W, 3), all of one size, sources first."""

    id: str
    pictures: dict[str, np.ndarray]


def where_methods_differ(pictures: Sequence[np.ndarray], share: float = 0.22) -> Crop:
    """Find the square in which pictures (H, W) differ most: the one with the largest mean of their standard deviation.
    Its side is `share` of the shorter side of the picture."""
    import cv2

    spread = np.std(np.stack([picture.astype(np.float64) for picture in pictures]), axis=0)
    side = max(8, round(share * min(spread.shape)))
    side = min(side, *spread.shape)
    sums = cv2.integral(spread)
    totals = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    y, x = np.unravel_index(np.argmax(totals), totals.shape)
    return Crop(int(x), int(y), side, side)


def qualitative(plt, rows: Sequence[GridRow], crops: Sequence[Crop | None], width: float = style.PAGE):
    """Draw the grid. A picture that a row lacks leaves its place empty. crops: one for each row, None for no inset."""
    columns = list(dict.fromkeys(title for row in rows for title in row.pictures))
    figure, axes = _places(plt, rows, columns, width)
    for line, row, crop in zip(axes, rows, crops):
        corner = _inset_corner(next(iter(row.pictures.values())).shape, crop) if crop else None
        for axis, title in zip(line, columns):
            picture = row.pictures.get(title)
            if picture is None:
                axis.axis("off")
                continue
            _show(axis, picture)
            if crop:
                _inset(plt, axis, picture, crop, corner)
    _titles(axes, rows, columns, len(columns), width)
    return figure


def differences(plt, rows: Sequence[GridRow], reference: str, width: float = style.PAGE):
    """Draw every other column minus `reference`, in grey levels: blue is darker, red is brighter, one scale for all.

    Pictures are uint8 (H, W). reference: the title of a column that every row has.
    """
    columns = [title for title in dict.fromkeys(t for row in rows for t in row.pictures) if title != reference]
    maps = [
        {t: row.pictures[t].astype(np.int16) - row.pictures[reference] for t in columns if t in row.pictures}
        for row in rows
    ]
    limit = max(1, max(float(np.quantile(np.abs(x), 0.995)) for found in maps for x in found.values()))
    figure, axes = _places(plt, rows, columns, width, free=0.12)
    for line, found in zip(axes, maps):
        for axis, title in zip(line, columns):
            if title not in found:
                axis.axis("off")
                continue
            image = axis.imshow(found[title], cmap="RdBu_r", vmin=-limit, vmax=limit)
            _bare(axis)
    _titles(axes, rows, columns, len(columns), width)
    bar = figure.colorbar(image, ax=axes, shrink=0.7, pad=0.01, aspect=25)
    bar.set_label(f"minus {reference}, grey levels")
    bar.outline.set_linewidth(0.4)
    return figure


def _places(plt, rows, columns, width, free=0.0):
    """Make the axes of a grid. free: share of the width that no picture takes."""
    shapes = [next(iter(row.pictures.values())).shape for row in rows]
    one = width * (1 - free) / len(columns)
    heights = [one * shape[0] / shape[1] for shape in shapes]
    figure, axes = plt.subplots(
        len(rows), len(columns), figsize=(width, sum(heights) + 0.25), squeeze=False, layout="constrained",
        gridspec_kw={"height_ratios": heights},
    )  # fmt: skip
    figure.get_layout_engine().set(w_pad=0.012, h_pad=0.012, wspace=0, hspace=0)
    return figure, axes


def _titles(axes, rows, columns, count, width):
    size = 7 if width / count > 0.9 else 5.5
    for axis, title in zip(axes[0], columns):
        axis.set_title(title, fontsize=size, pad=2)
        if not axis.axison:
            axis.title.set_visible(True)
    for line, row in zip(axes, rows):
        line[0].set_ylabel(row.id, fontsize=size, labelpad=1)


def _show(axis, picture):
    axis.imshow(picture, cmap="gray", vmin=0, vmax=255)
    _bare(axis)


def _bare(axis):
    axis.set_xticks([])
    axis.set_yticks([])
    axis.grid(visible=False)
    for spine in axis.spines.values():
        spine.set_visible(False)


def _inset_corner(shape, crop: Crop) -> tuple[bool, bool]:
    """Return the corner of the picture furthest from the crop, as (right, lower)."""
    height, width = shape[:2]
    return crop.x + crop.width / 2 < width / 2, crop.y + crop.height / 2 < height / 2


def _inset(plt, axis, picture, crop: Crop, corner: tuple[bool, bool]):
    height, width = picture.shape[:2]
    zoom = INSET * min(height, width) / max(crop.width, crop.height)
    w, h = zoom * crop.width / width, zoom * crop.height / height
    right, lower = corner
    inner = axis.inset_axes([1 - w if right else 0, 0 if lower else 1 - h, w, h])
    inner.imshow(crop.of(picture), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    _bare(inner)
    for spine in inner.spines.values():
        spine.set(visible=True, color=FRAME, linewidth=0.9)
    axis.add_patch(
        plt.Rectangle((crop.x - 0.5, crop.y - 0.5), crop.width, crop.height, fill=False, edgecolor=FRAME, linewidth=0.9)
    )
