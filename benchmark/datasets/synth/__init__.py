"""synth: procedurally drawn street scenes, seen by a colour camera and by a long-wave infrared camera.

A scene is drawn once, as albedo, temperature, depth and emitted light (`canvas`), and then seen by two simulated
sensors (`sensors`). In its visible image people may be lost in the dark or in glare; in its infrared image cold
vehicles and switched-off lamps are: fusion has something to gain. Every object's visible pixels are known, so
that scenes come with boxes, under the class names of M3FD.

One seed gives the same pixels every time on one machine with one version of this package, numpy and OpenCV;
between processors, single pixels may differ by one level.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage

from benchmark import images
from benchmark.datasets.base import Box, Dataset, DatasetCard, Pair, PairImages, Selection, content_digest
from benchmark.datasets.synth import layout, sensors
from benchmark.datasets.synth.canvas import Canvas
from benchmark.datasets.synth.climate import CONDITIONS, weather
from benchmark.datasets.synth.textures import generator
from benchmark.datasets.synth.world import CLASSES

__all__ = ["CLASSES", "CONDITIONS", "DATASET", "Scene", "Synth", "SynthPair", "scene"]

_SUPERSAMPLING = 2
_LEAST_PIXELS = 12  # of an object, below which it gets no box
_DEMO = (("day", 1), ("day", 7), ("dusk", 2), ("night", 5), ("night", 7), ("glare", 4))


@dataclass(frozen=True)
class Scene:
    """A rendered scene.

    `ir` uint8 (H, W); `vis_rgb` uint8 (H, W, 3); `condition`: one of CONDITIONS; `instances` int16 (H, W): 0, or the
    number of the object that a pixel shows; `boxes`: around what is visible of each object, labelled with one of
    CLASSES; `numbers`: the object in `instances` that each box belongs to.
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
    if not (16 <= width <= 4096 and 16 <= height <= 4096):
        raise ValueError(f"a scene is 16 to 4096 pixels wide and high, not {width}x{height}")
    rng = generator(seed, 0)
    if condition is None:
        condition = CONDITIONS[int(rng.integers(len(CONDITIONS)))]
    climate = weather(condition, rng)
    world = layout.build(rng, climate, width * _SUPERSAMPLING, height * _SUPERSAMPLING)
    canvas = Canvas(world.camera)
    world.draw(canvas, generator(seed, 1), _SUPERSAMPLING)
    seen = sensors.view(canvas, width, height)
    vis = sensors.visible(seen, world.camera, climate, world.lights(), generator(seed, 2))
    ir = sensors.infrared(seen, climate, generator(seed, 3))
    area = np.bincount(seen.instances.ravel(), minlength=len(world.labels) + 1)
    boxes, numbers = [], []
    for number, extent in enumerate(ndimage.find_objects(seen.instances, len(world.labels)), start=1):
        if extent is not None and area[number] >= _LEAST_PIXELS:
            rows, columns = extent
            boxes.append(Box(world.labels[number - 1], columns.start, rows.start, columns.stop, rows.stop))
            numbers.append(number)
    return Scene(ir, vis, condition, seen.instances, boxes, numbers)


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
        return PairImages(drawn.ir.copy(), images.luminance(drawn.vis_rgb), drawn.vis_rgb.copy())

    def digest(self) -> str:
        drawn = self.scene()
        size = f"{self.width}x{self.height}".encode()
        return content_digest(size, drawn.ir.tobytes(), drawn.vis_rgb.tobytes())


# Pairs are digested when a run is planned and loaded soon after.
_scene = lru_cache(maxsize=8)(scene)


class Synth(Dataset):
    card = DatasetCard(
        name="synth",
        title="Synthetic street scenes",
        year=2025,
        citation="mmif-bench",
        licence="Apache-2.0, as this package",
        link="",
        size="320x240, infrared grey, visible RGB",
        counts={"demo": len(_DEMO)},
        layout="built in: nothing to download",
        notes=(
            "Drawn, not recorded: good for trying things out, not for ranking methods.",
            "The same pixels for a seed on one machine and version.",
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
