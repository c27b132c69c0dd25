"""BT.601 full-range luminance, and colours put back under a fused one."""

from __future__ import annotations

import numpy as np
from PIL import Image


def luminance(rgb: np.ndarray) -> np.ndarray:
    """BT.601 full-range luminance of an RGB image, uint8 (H, W, 3) -> uint8 (H, W)."""
    return np.asarray(Image.fromarray(np.ascontiguousarray(rgb)).convert("L"))


def attach_colour(fused: np.ndarray, vis_rgb: np.ndarray) -> np.ndarray:
    """The colours of `vis_rgb` under the luminance `fused`: its Cb and Cr (BT.601 full range) are kept.

    uint8 (H, W) and uint8 (H, W, 3) -> uint8 (H, W, 3). With unrounded Cb and Cr, exchanging Y means adding
    the same Y' - Y to R, G and B; no chroma is rounded on the way. Clipped to 0..255, so that saturated
    colours may change the luminance: this version is for looking at, never for scoring.
    """
    if fused.shape != vis_rgb.shape[:2] or fused.dtype != np.uint8 or vis_rgb.dtype != np.uint8:
        raise ValueError(
            f"uint8 (H, W) and uint8 (H, W, 3) are needed, not {fused.dtype} {fused.shape}"
            f" and {vis_rgb.dtype} {vis_rgb.shape}"
        )
    shift = fused.astype(np.int16) - luminance(vis_rgb)
    return np.clip(vis_rgb + shift[..., None], 0, 255).astype(np.uint8)
