"""The contact sheet of the drawn scenes: ``python -m benchmark.curation.contact_sheet docs/synth.png``."""

from __future__ import annotations

import sys

import cv2
import numpy as np
from PIL import Image

from benchmark.datasets.synth import CONDITIONS, Burst
from benchmark.datasets.synth.reel import reel

_SIZE = 152, 114  # of a picture on the sheet
_FRAMES = 0, 4, 8  # of the first scene
_ORDER = ("day", "dusk", "night", "glare", "fog")


def sheet(pairs: int = 1000) -> np.ndarray:
    """uint8 (H, W, 3): for each condition the first two scenes, visible above infrared, of the reel whose beginning is
    synth-det."""
    assert sorted(_ORDER) == sorted(CONDITIONS)
    rows = []
    for condition in _ORDER:
        first, second = [shot for shot in reel(pairs) if shot.condition == condition and shot.frames > _FRAMES[-1]][:2]
        cells = []
        for shot, numbers in ((first, _FRAMES), (second, _FRAMES[:1])):
            burst = Burst(shot.seed, 640, 480, shot.condition, sway=shot.sway)
            for number in numbers:
                scene = burst.frame(number)
                views = scene.vis_rgb, np.repeat(scene.ir[..., None], 3, axis=2)
                cells.append(np.vstack([cv2.resize(view, _SIZE, interpolation=cv2.INTER_AREA) for view in views]))
        rows.append(np.hstack(cells))
    return np.vstack(rows)


if __name__ == "__main__":
    Image.fromarray(sheet()).quantize(96, dither=Image.Dither.NONE).save(sys.argv[1], optimize=True)
