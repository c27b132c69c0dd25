"""One way to write a picture: 8-bit grey or RGB PNG, put in place in one step, same bytes for the same pixels."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np

_counter = itertools.count()


def quantise(fused: np.ndarray, truncate: bool = False) -> np.ndarray:
    """A fused image, float of any shape, to uint8 grey levels.

    Values are clipped to [0, 1]. Then each becomes floor(255 x + 1/2) of the float64 product: the nearest level, and
    the upper one where 255 x is half-way between two. A float32 of a half, such as 0.5 / 255, lies a little beside it
    and goes to the level on its own side; what must round halves exactly computes in whole levels, as the naive
    methods do. truncate: floor(255 x) of the float32 product instead, as authors' scripts cut networks' outputs; there
    x = k / 255 gives k for each level k. Raises ValueError where a value is not finite.
    """
    fused = np.asarray(fused)
    if not np.isfinite(fused).all():
        raise ValueError("the fused image holds values that are not finite")
    fused = np.clip(fused, 0, 1)
    if truncate:  # in float32, as networks' outputs are cut: there 255 times k / 255 is k
        return (fused.astype(np.float32) * np.float32(255)).astype(np.uint8)
    # In float64 the product of a float32 by 255 is exact, so that no half is moved before it is rounded.
    return (fused.astype(np.float64) * 255 + 0.5).astype(np.uint8)


def save_luminance(path: str | os.PathLike, image: np.ndarray) -> None:
    """Write a grey 8-bit PNG: `image` (H, W), uint8 as it is, or float in [0, 1] through `quantise`.

    The file appears at once or not at all (written beside it, then renamed), its folder is made if
    needed, and the same pixels give the same bytes with one version of OpenCV.
    """
    image = np.asarray(image)
    if image.ndim != 2:
        raise ValueError(f"a luminance image has shape (H, W), not {image.shape}")
    _save(path, image if image.dtype == np.uint8 else quantise(image))


def save_rgb(path: str | os.PathLike, image: np.ndarray) -> None:
    """Write an RGB 8-bit PNG: `image` uint8 (H, W, 3); see `save_luminance`."""
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"a colour image is uint8 (H, W, 3), not {image.dtype} {image.shape}")
    _save(path, image)


def _save(path: str | os.PathLike, image: np.ndarray) -> None:
    import cv2

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Twice as fast as Pillow's encoder; run lengths pack noisy images better than searching for repetitions.
    options = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    data = cv2.imencode(".png", image if image.ndim == 2 else image[..., ::-1], options)[1]
    # Short and unlike any picture's name: a long name of `path` leaves no room for a suffix.
    beside = path.parent / f".{os.getpid()}-{next(_counter)}.tmp"
    try:
        with open(beside, "xb") as file:
            file.write(data)
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
