"""Images for the tests of metrics."""

import numpy as np


def scene(height: int = 96, width: int = 120, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Smooth shapes, a few edges and some noise: fused, ir, vis as uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    ir = 60 + 50 * np.exp(-((x - width / 3) ** 2 + (y - height / 2) ** 2) / 200) + 70 * (x > 0.7 * width)
    vis = 120 + 60 * np.sin(x / 5) * np.cos(y / 7) - 50 * (y > 0.6 * height)
    ir, vis = (np.clip(s + rng.normal(0, 4, s.shape), 0, 255).astype(np.uint8) for s in (ir, vis))
    fused = np.clip(np.maximum(ir, vis) * 0.9 + 5, 0, 255).astype(np.uint8)
    return fused, ir, vis
