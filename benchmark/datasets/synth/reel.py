"""Whole scenes one after the other, as a camera records them: consecutive frames, numbered through."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.datasets.synth.climate import CONDITIONS
from benchmark.datasets.synth.exact import Draws

_LIKELY = {"day": 0.34, "dusk": 0.16, "night": 0.24, "glare": 0.10, "fog": 0.16}
_FRAMES = (8, 16)  # of a scene, the least and the most


@dataclass(frozen=True)
class Shot:
    """Scene number `scene` of a reel: `seed` and `condition` to draw it by, whether the camera is held by `hand`,
    and the numbers of its pictures in the reel, `first` to `first + frames - 1`."""

    scene: int
    seed: int
    condition: str
    hand: bool
    first: int
    frames: int

    @property
    def sway(self) -> float:
        return 0.02 if self.hand else 0.0

    @property
    def ids(self) -> list[str]:
        return [f"{number:05d}" for number in range(self.first, self.first + self.frames)]


def reel(pairs: int, seed: int = 0) -> list[Shot]:
    """The scenes of a reel of that many pairs; a longer reel of the same seed begins with a shorter one (whose
    last scene may be cut)."""
    shots, first = [], 0
    while first < pairs:
        rng = Draws(9001, seed, len(shots))
        frames = rng.integers(_FRAMES[0], _FRAMES[1] + 1)
        condition = rng.choice(CONDITIONS, p=[_LIKELY[name] for name in CONDITIONS])
        drawn = rng.integers(1 << 31)
        hand = rng.random() < 0.5
        shots.append(Shot(len(shots), drawn, condition, hand, first, min(frames, pairs - first)))
        first += frames
    return shots
