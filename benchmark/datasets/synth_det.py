"""synth-det: drawn street scenes with boxes, in whole scenes of consecutive frames."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache, lru_cache

from benchmark.datasets import scenes
from benchmark.datasets.abstract import Dataset, DatasetCard, Selection
from benchmark.datasets.pairs import Box, Pair, PairImages, content_digest
from benchmark.datasets.synth import CLASSES, Burst, Scene
from benchmark.datasets.synth.reel import Shot, reel
from benchmark.errors import UserError
from benchmark.imaging import bt601

PAIRS = 240
_LEAST_SIDE = 4  # pixels; smaller objects are not labelled
TIMES = {"day": "day", "fog": "day", "dusk": "dusk", "night": "night", "glare": "night"}

# A reel is loaded in order, so that the street of a scene is drawn once for all of its frames.
_burst = lru_cache(maxsize=2)(Burst)


@dataclass(frozen=True)
class Frame(Pair):
    """A frame of a scene as a pair; it is drawn when it is loaded."""

    seed: int = 0
    condition: str = "day"
    sway: float = 0.0
    number: int = 0
    width: int = 640
    height: int = 480

    def scene(self) -> Scene:
        burst = _burst(self.seed, self.width, self.height, self.condition, sway=self.sway)
        return burst.frame(self.number)

    def load(self) -> PairImages:
        drawn = self.scene()
        return PairImages(drawn.ir, bt601.luminance(drawn.vis_rgb), drawn.vis_rgb, id=self.id)

    def digest(self) -> str:
        drawn = self.scene()
        size = f"{self.width}x{self.height}".encode()
        return content_digest(size, drawn.ir.tobytes(), drawn.vis_rgb.tobytes())

    def size(self) -> tuple[int, int]:
        return self.width, self.height


def frames(shot: Shot, width: int = 640, height: int = 480) -> list[Frame]:
    """The pairs of a scene."""
    return [
        Frame(id, None, None, None, seed=shot.seed, condition=shot.condition, sway=shot.sway, number=number,
              width=width, height=height)
        for number, id in enumerate(shot.ids)
    ]  # fmt: skip


def labelled(scene: Scene) -> list[Box]:
    """The boxes of a scene that are large enough for a label."""
    return [box for box in scene.boxes if min(box.x1 - box.x0, box.y1 - box.y0) >= _LEAST_SIDE]


class SynthDet(Dataset):
    """The scenes at one size of their pictures, as a data set of its own."""

    def __init__(self, name: str = "synth_det", width: int = 640, height: int = 480) -> None:
        self.width, self.height = width, height
        self.card = DatasetCard(
            name=name,
            title=f"Synthetic street scenes with boxes, {width}x{height}",
            short=f"Synthetic scenes {width}x{height}",
            year=2025,
            citation="mmif-bench",
            licence="Apache-2.0, as this package",
            link="",
            size=f"{width}x{height}, infrared grey, visible RGB; other sizes and numbers: bench data synth",
            counts={
                "all": PAIRS,
                **{f"{scheme}-{part}": None for scheme in ("scene", "random811-seed0") for part in scenes.PARTS},
            },
            layout="built in: nothing to download",
            use="anything",
            labels="boxes of M3FD's six classes, around what is visible",
            notes=(
                "Drawn, not recorded: good for trying things out and for showing leakage, not for ranking methods.",
                "Scenes of 8 to 16 frames, 0.25 s apart: people walk, vehicles drive, half of the cameras sway.",
                "The same pixels on every machine.",
                "synth_det and synth_det_small show the same scenes at two sizes; fewer have a box in the latter.",
            ),
        )

    default_split = "scene-test"
    parts = ("all",)
    classes = CLASSES

    def splits(self) -> dict[str, str]:
        return {
            "all": f"every pair ({PAIRS})",
            **{f"scene-{part}": f"{part}: whole scenes, 70/10/20 %" for part in scenes.PARTS},
            **{
                f"random811-seed0-{part}": f"{part}: random 8:1:1: LEAKS, to show what that does"
                for part in scenes.PARTS
            },
        }

    def schemes(self) -> dict[str, dict[str, list[str]]]:
        ids = [id for shot in reel(PAIRS) for id in shot.ids]
        return {"scene": _by_scene(), "random811-seed0": scenes.at_random(ids)}

    def scene_of(self, id: str) -> str | None:
        return _scenes().get(id)

    def select(self, split: str | None = None, root: str | os.PathLike | None = None) -> Selection:
        split = self.check_split(split)
        pairs = list(_pairs(self.width, self.height))
        if split != "all":
            scheme, _, part = split.rpartition("-")
            wanted = set(self.schemes()[scheme][part])
            pairs = [pair for pair in pairs if pair.id in wanted]
        return Selection(pairs, (), "built in")

    def boxes(self, pair: Pair, flaws=None) -> list[Box]:
        if not isinstance(pair, Frame):
            raise UserError(f"data set {self.name}: pair {pair.id} is none of its own")
        return labelled(pair.scene())

    def time_of_day(self, pair: Pair) -> str:
        return TIMES[pair.condition]


@cache
def _pairs(width: int, height: int) -> tuple[Frame, ...]:
    return tuple(frame for shot in reel(PAIRS) for frame in frames(shot, width, height))


@cache
def _scenes() -> dict[str, str]:
    """Id -> the first id of its scene."""
    return {id: shot.ids[0] for shot in reel(PAIRS) for id in shot.ids}


@cache
def _by_scene() -> dict[str, list[str]]:
    groups = [shot.ids for shot in reel(PAIRS)]
    return scenes.lists(groups, scenes.divide(scenes.image_weights(groups)))


DATASET = SynthDet()
