"""synth: procedurally drawn street scenes, seen by a colour camera and by a long-wave infrared camera.

A scene is drawn once, as albedo, temperature, depth and emitted light (`canvas`), and then seen by two simulated
sensors (`sensors`). In its visible image people may be lost in the dark or in glare; in its infrared image cold
vehicles and switched-off lamps are lost. So fusion has something to gain. The visible pixels of every object are
known: scenes come with boxes, under the class names of M3FD.

One seed gives the same pixels on every machine: `exact` tells how.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage

from benchmark.datasets.abstract import Dataset, DatasetCard, Selection
from benchmark.datasets.pairs import Box, Pair, PairImages, content_digest
from benchmark.datasets.synth import layout, motion, sensors
from benchmark.datasets.synth.climate import CONDITIONS, weather
from benchmark.datasets.synth.exact import Draws, sin
from benchmark.datasets.synth.stage import Stage
from benchmark.datasets.synth.world import CLASSES
from benchmark.imaging import bt601

__all__ = ["CLASSES", "CONDITIONS", "DATASET", "Burst", "Scene", "Synth", "SynthPair", "scene"]

_SUPERSAMPLING = 2
_LEAST_PIXELS = 12  # of an object, below which it gets no box
_DEMO = (("day", 1), ("day", 7), ("dusk", 2), ("night", 5), ("night", 7), ("glare", 3))


@dataclass(frozen=True)
class Scene:
    """A rendered scene.

    `ir` uint8 (H, W); `vis_rgb` uint8 (H, W, 3); `condition`: one of CONDITIONS.
    `instances` int16 (H, W): the number of the object that a pixel shows, or 0.
    `boxes`: around what is visible of each object, labelled with one of CLASSES.
    `numbers`: the object in `instances` that each box belongs to.
    """

    ir: np.ndarray
    vis_rgb: np.ndarray
    condition: str
    instances: np.ndarray
    boxes: list[Box]
    numbers: list[int]


def scene(seed: int, width: int = 320, height: int = 240, condition: str | None = None) -> Scene:
    """Draw the scene number `seed` (0 or more), at any size from 16x16 to 4096x4096.

    `condition`: one of CONDITIONS; None lets the seed choose. Raises ValueError for a size or condition outside
    these.
    """
    return Burst(seed, width, height, condition).frame(0)


class Burst:
    """A street over time: frames of one scene, `interval` seconds apart, in which people walk and vehicles drive.

    `sway`: how far the camera wanders, as a share of the width; 0 for one on a tripod. What stands still is drawn
    once, so that frames after the first are quicker. A frame is the same whichever frames were drawn before it.
    """

    def __init__(
        self,
        seed: int,
        width: int = 320,
        height: int = 240,
        condition: str | None = None,
        interval: float = 0.25,
        sway: float = 0.0,
    ) -> None:
        if not (16 <= width <= 4096 and 16 <= height <= 4096):
            raise ValueError(f"a scene is 16 to 4096 pixels wide and high, not {width}x{height}")
        self.seed, self.width, self.height, self.interval = seed, width, height, interval
        rng = Draws(seed, 0)
        if condition is None:
            condition = CONDITIONS[rng.integers(len(CONDITIONS))]
        self.condition = condition
        climate = weather(condition, rng)
        fine = width * _SUPERSAMPLING, height * _SUPERSAMPLING
        self.world = layout.build(rng, climate, *fine)
        self.margin = 2 * round(sway * width)
        if self.margin:
            camera = self.world.camera
            self.world.camera = camera.window(-self.margin, -self.margin, *(side + 2 * self.margin for side in fine))
        self.stage = Stage(self.world, seed, _SUPERSAMPLING)

    def frame(self, number: int) -> Scene:
        """The frame of that number, 0 or more."""
        width, height, seed = self.width, self.height, self.seed
        moment = motion.at(self.world, number * self.interval, Draws(seed, 5))
        canvas, labels = self.stage.draw(moment)
        if self.margin:
            left, top = self._corner(number)
            canvas = canvas.window(left, top, width * _SUPERSAMPLING, height * _SUPERSAMPLING)
        climate = moment.climate
        seen = sensors.view(canvas)
        vis = sensors.visible(seen, canvas.camera, climate, moment.lights(), Draws(seed, 2), Draws(seed, 2, number))
        ir = sensors.infrared(seen, climate, Draws(seed, 3), Draws(seed, 3, number))
        boxes, numbers = [], []
        area = np.bincount(seen.instances.ravel(), minlength=len(labels) + 1)
        for index, extent in enumerate(ndimage.find_objects(seen.instances, len(labels)), start=1):
            if extent is not None and area[index] >= _LEAST_PIXELS:
                rows, columns = extent
                boxes.append(Box(labels[index - 1], columns.start, rows.start, columns.stop, rows.stop))
                numbers.append(index)
        return Scene(ir, vis, self.condition, seen.instances, boxes, numbers)

    def _corner(self, number: int) -> tuple[int, int]:
        """Upper left corner of the frame in the larger picture: two slow swings for each direction."""
        phases = Draws(self.seed, 7).uniform(0, 2 * math.pi, 4).tolist()
        time = number * self.interval
        across = 0.6 * sin(phases[0] + 0.9 * time) + 0.4 * sin(phases[1] + 2.3 * time)
        down = 0.6 * sin(phases[2] + 0.8 * time) + 0.4 * sin(phases[3] + 2.6 * time)
        return round(self.margin * (1 + across)), round(self.margin * (1 + 0.5 * down))


@dataclass(frozen=True)
class SynthPair(Pair):
    """A scene as a pair; it is drawn when it is loaded."""

    seed: int = 0
    condition: str = "day"
    width: int = 320
    height: int = 240

    def scene(self) -> Scene:
        return _scene(self.seed, self.width, self.height, self.condition)

    def load(self) -> PairImages:
        drawn = self.scene()
        return PairImages(drawn.ir.copy(), bt601.luminance(drawn.vis_rgb), drawn.vis_rgb.copy(), id=self.id)

    def digest(self) -> str:
        drawn = self.scene()
        size = f"{self.width}x{self.height}".encode()
        return content_digest(size, drawn.ir.tobytes(), drawn.vis_rgb.tobytes())

    def size(self) -> tuple[int, int]:
        return self.width, self.height


# Pairs are digested when a run is planned and loaded soon after.
_scene = lru_cache(maxsize=8)(scene)


class Synth(Dataset):
    card = DatasetCard(
        name="synth",
        title="Synthetic street scenes",
        short="Synthetic scenes",
        year=2025,
        citation="mmif-bench",
        licence="Apache-2.0, as this package",
        link="",
        size="320x240, infrared grey, visible RGB",
        counts={"demo": len(_DEMO)},
        layout="built in: nothing to download",
        notes=(
            "Drawn, not recorded: good for trying things out, not for ranking methods.",
            "The same pixels for a seed on every machine.",
        ),
    )
    default_split = "demo"

    def splits(self) -> dict[str, str]:
        return {"demo": "six street scenes of 320x240: day, dusk, night, and night with glare"}

    def select(self, split: str | None = None, root: str | os.PathLike | None = None) -> Selection:
        self.check_split(split)
        pairs: list[Pair] = [
            SynthPair(f"{condition}-{seed}", None, None, seed=seed, condition=condition) for condition, seed in _DEMO
        ]
        return Selection(pairs, (), "built in")


DATASET = Synth()
