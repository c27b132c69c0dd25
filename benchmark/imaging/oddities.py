"""What cannot be meant in a picture: constant ones, a few levels, colours where heat was, a copy of a source.

Nothing here refuses a picture. Each function returns phrases to tell, without a file's name.
"""

from __future__ import annotations

import numpy as np

from benchmark.imaging.reading import Picture

FEW = 16  # levels of a picture that nobody meant
_MOSTLY = 0.99  # share of pixels of one level
_SAMPLE = 1 << 14  # pixels that colours and correlations are judged by
_COLOUR = 24  # levels between the channels of a pixel that has a colour
_COLOURED = 0.05  # share of such pixels
_COLOURS = 400  # of a photograph at 32 levels per channel; a colour map has fewer
_PALE = 64  # levels between the channels, on average, that photographs keep below and colour maps do not
OWN_COLOURS = "coloured as no source is: a colour map?"
_SHADES = {0: ", black", 255: ", white"}


def of_levels(picture: Picture) -> list[str]:
    """Whether a picture is constant or uses few levels. What a note on reading says already is not said again."""
    few = np.bincount(_sample(picture.luminance), minlength=256)
    if np.count_nonzero(few) > FEW and few.max() < 0.9 * few.sum():
        return []
    counts = np.bincount(picture.luminance.ravel(), minlength=256)
    used = np.flatnonzero(counts)
    low, high, most = int(used[0]), int(used[-1]), int(counts.argmax())
    hint = " (forgotten x 255?)" if high <= 1 and picture.depth <= 8 else ""
    if len(used) <= FEW and any("levels are used" in note for note in picture.notes):
        return []
    if len(used) == 1:
        return [f"one level everywhere, {low}{_SHADES.get(low, '')}{hint}"]
    if len(used) <= FEW:
        return [f"{len(used)} of 256 levels are used, {low} to {high}{hint}"]
    share = counts[most] / picture.luminance.size
    if share >= _MOSTLY:
        return [f"{100 * share:.1f} % of the pixels are {most}{_SHADES.get(most, '')}"]
    return []


def of_depth(picture: Picture) -> str:
    """What to add to a note on scaling where 8-bit values seem to lie in a deeper file."""
    scaled = picture.depth > 8 and any("scaled by" in note for note in picture.notes)
    dark = picture.luminance.max() <= 1
    return "; perhaps 8-bit values in a deeper file: save as 8 bits for its own values" if scaled and dark else ""


def _has_few_levels(luminance: np.ndarray) -> bool:
    return np.count_nonzero(np.bincount(luminance.ravel(), minlength=256)) <= FEW


def is_coloured(rgb: np.ndarray | None) -> bool:
    """Whether a picture shows colours, not only what JPEG leaves of them in a grey one."""
    if rgb is None:
        return False
    return bool((_chroma(_sample(rgb)) > _COLOUR).mean() > _COLOURED)


def is_natural(rgb: np.ndarray) -> bool:
    """Whether a picture has the colours of a photograph: many, and pale, unlike those of a colour map."""
    pixels = _sample(rgb)
    red, green, blue = (pixels >> 3).astype(np.int32).T
    colours = np.count_nonzero(np.bincount((red << 10) | (green << 5) | blue))
    return bool(colours > _COLOURS and _chroma(pixels).mean() < _PALE)


def _chroma(pixels: np.ndarray) -> np.ndarray:
    """Levels between the channels of each pixel."""
    return pixels.max(axis=1) - pixels.min(axis=1)


def of_file(picture: Picture, colours: np.ndarray | None = None) -> list[str]:
    """What reading converted in the file of a fused picture, and whether it has colours of its own.

    colours: (H, W, 3), those of the source that lends them; None for a grey one."""
    found = [note + of_depth(picture) * ("scaled by" in note) for note in picture.notes]
    return [*found, *([OWN_COLOURS] if _has_own_colours(picture.rgb, colours) else [])]


def _has_own_colours(rgb: np.ndarray | None, source: np.ndarray | None) -> bool:
    """Whether a picture has the colours of a colour map, and most of them far from those of the source."""
    if not is_coloured(rgb) or is_natural(rgb):
        return False
    cb, cr = _chroma_of(rgb)
    source_cb, source_cr = (0.0, 0.0) if source is None or source.shape != rgb.shape else _chroma_of(source)
    return bool(np.median(np.hypot(cb - source_cb, cr - source_cr)) > _COLOUR)


def _chroma_of(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cb and Cr about 0 of a sample of pixels."""
    red, green, blue = _sample(rgb).astype(np.float64).T
    grey = 0.299 * red + 0.587 * green + 0.114 * blue
    return (blue - grey) / 1.772, (red - grey) / 1.402


def of_fused(
    picture: Picture, ir: np.ndarray, vis: np.ndarray, names: tuple[str, str], colours: np.ndarray | None = None
) -> list[str]:
    """What is to be told of a fused picture of these sources, which are called `names`: what reading converted, and
    what cannot be meant. What lies in the sources themselves is not said of it. colours: see `of_file`."""
    return [*of_file(picture, colours), *_of_result(picture, ir, vis, names)]


def _of_result(picture: Picture, ir: np.ndarray, vis: np.ndarray, names: tuple[str, str]) -> list[str]:
    fused, found = picture.luminance, of_levels(picture)
    if found and _has_few_levels(ir) and _has_few_levels(vis):
        found = []
    if np.array_equal(ir, vis):
        return found
    copied = [name for name, source in zip(names, (ir, vis)) if _same(fused, source)]
    if copied:
        return [*found, f"identical to the {copied[0]} one"]
    if _correlation(ir, vis) > -0.9:
        turned = [name for name, source in zip(names, (ir, vis)) if _correlation(fused, source) < -0.98]
        found += [f"the negative of the {name} one" for name in turned]
    return found


def _same(fused: np.ndarray, source: np.ndarray) -> bool:
    """Whether two pictures are equal, a level of rounding aside. In a dark one, a level may be all there is."""
    if _furthest(_sample(fused), _sample(source)) > 1:
        return False
    rounding = 1 if source.std() >= 8 else 0
    return _furthest(fused, source) <= rounding


def _furthest(a: np.ndarray, b: np.ndarray) -> int:
    return int((np.maximum(a, b) - np.minimum(a, b)).max())


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = (_sample(image).astype(np.float64) for image in (a, b))
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / size) if size else 0.0


def _sample(image: np.ndarray) -> np.ndarray:
    """Pixels on a regular grid, (n,) or (n, 3)."""
    step = max(1, int(np.ceil(np.sqrt(image.shape[0] * image.shape[1] / _SAMPLE))))
    return image[::step, ::step].reshape(-1, *image.shape[2:])
