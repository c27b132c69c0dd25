"""Trees, bushes and hedges."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmark.datasets.synth.canvas import CIRCLE, FAR, THREAD, Canvas, Point, Surface
from benchmark.datasets.synth.climate import Climate
from benchmark.datasets.synth.exact import Draws, cos_sin
from benchmark.datasets.synth.exact_filters import resized
from benchmark.datasets.synth.textures import (
    FOLIAGE_KINDS,
    FOLIAGE_SIZE,
    NOISE_SIZE,
    foliage,
    leaf_noise,
)

_GREENS = ((88, 112, 52), (76, 102, 54), (102, 118, 56), (66, 94, 58), (134, 118, 50), (96, 106, 66))


@dataclass(frozen=True)
class Plant:
    """A tree, or a bush where `trunk`, the height of the lowest leaves, is 0. Metres; `crown` is its width."""

    x: float
    z: float
    height: float
    crown: float
    trunk: float
    kind: int
    hue: tuple[int, int, int]
    bare: bool = False


def plant(rng: Draws, x: float, z: float, height: float, species: int, bush: bool = False, bare: bool = False) -> Plant:
    """A random plant of a species (a number: plants of one species share their colour)."""
    wobble = rng.uniform(0.9, 1.1, 3)
    hue = tuple(int(c * w) for c, w in zip(_GREENS[species % len(_GREENS)], wobble))
    kind = rng.integers(FOLIAGE_KINDS)
    if bush:
        return Plant(x, z, height, height * 1.6, 0.0, kind, hue)
    crown, trunk = height * rng.uniform(0.6, 0.85), height * rng.uniform(0.24, 0.36)
    return Plant(x, z, height, crown, trunk, kind, hue, bare)


def draw(canvas: Canvas, climate: Climate, item: Plant) -> None:
    camera = canvas.camera
    x, y, depth = camera.spot(item.x, 0, item.z)
    metre = camera.focal / depth
    rng = Draws(7100, item.kind, int(item.height * 97))
    if item.trunk:
        _trunk(canvas, climate, item, x, y, metre, depth, rng)
    if not item.bare:
        _crown(canvas, climate, item, x, y, metre, depth, rng)


def shadow(canvas: Canvas, item: Plant, sun: tuple[float, float, float]) -> None:
    """Spots of shade around the crown's shadow, and the trunk's."""
    run_x, run_z = -sun[0] / sun[1], -sun[2] / sun[1]
    rng = Draws(7101, item.kind)
    centre, half_height = (item.trunk + item.height) / 2, (item.height - item.trunk) / 2
    for _ in range(0 if item.bare else 7):
        dx, dz, up = rng.uniform(-0.3, 0.3, 3) * (item.crown, item.crown, 2 * half_height)
        radius = item.crown * rng.uniform(0.16, 0.3)
        ground = np.zeros((len(CIRCLE), 3))
        ground[:, 0] = item.x + run_x * (centre + up) + dx + CIRCLE[:, 0] * radius
        ground[:, 2] = item.z + run_z * (centre + up) + dz + CIRCLE[:, 1] * radius
        canvas.shade_ground(ground)
    if item.trunk:
        tip = item.height if item.bare else item.trunk + 0.5
        canvas.shade_strip(item.x, item.z, run_x * tip, run_z * tip, 0.02 * item.height)


def _trunk(canvas, climate: Climate, item: Plant, x, y, metre, depth, rng: Draws) -> None:
    bark = Surface((74, 62, 52), climate.air + 0.4 + 0.1 * climate.solar)
    crown = item.height - item.trunk
    thick = 0.045 * item.height * metre
    lean = rng.uniform(-0.03, 0.03) * item.height
    crest = x + lean * metre, y - (item.trunk + crown * (0.35 if item.bare else 0.5)) * metre
    canvas.limb((x, y), crest, thick, 0.5 * thick, bark, depth, 0.4)
    if thick > 6:
        root = x, y - 0.35 * metre
        canvas.limb((x, y), root, 1.35 * thick, 0.98 * thick, bark.shaded(0.92), depth, 0.35)
        # A rounded trunk: lighter stripes off the middle, a dark one along the edge.
        for offset, width, tone in ((-0.36, 0.2, 0.78), (0.12, 0.36, 1.2), (0.2, 0.14, 1.38)):
            foot, head = (x + offset * thick, y), (crest[0] + 0.5 * offset * thick, crest[1])
            canvas.limb(foot, head, width * thick, 0.5 * width * thick, bark.shaded(tone).warmer(0.1), depth, 0.6)
    reach = crown * metre * (0.34 if item.bare else 0.26)
    twigs: list[tuple[float, float, float, float]] = []
    _branches(canvas, bark, crest, -math.pi / 2, reach, 0.5 * thick, depth, rng, 5 if item.bare else 1, twigs)
    canvas.threads(twigs, bark, depth, 0.5)


def _branches(
    canvas: Canvas,
    bark: Surface,
    at: Point,
    angle: float,
    length: float,
    thick: float,
    depth: float,
    rng: Draws,
    levels: int,
    twigs: list[tuple[float, float, float, float]],
) -> None:
    """Draw thick branches, and collect thin ones in `twigs`."""
    if levels == 0 or length < 3:
        return
    for spread in (-0.55, 0.45, 0.05):
        turn = angle + spread + rng.uniform(-0.25, 0.25)
        reach = length * rng.uniform(0.7, 1.1)
        across, down = cos_sin(turn)
        tip = at[0] + across * reach, at[1] + down * reach
        if thick < THREAD:
            twigs.append((*at, *tip))
        else:
            canvas.limb(at, tip, thick, 0.55 * thick, bark, depth, 0.5)
        _branches(canvas, bark, tip, turn, 0.72 * length, 0.55 * thick, depth, rng, levels - 1, twigs)


def _crown(canvas, climate: Climate, item: Plant, x, y, metre, depth, rng: Draws) -> None:
    width, height = max(int(item.crown * metre), 3), max(int((item.height - item.trunk) * metre), 3)
    left, top = round(x - width / 2), round(y - item.height * metre)
    if left >= canvas.camera.width or left + width <= 0 or max(width, height) > 3 * canvas.camera.width:
        return
    words = resized(foliage(item.kind), width, height)
    cover, shade = ((words >> np.uint32(shift) & np.uint32(255)).astype(np.uint8) for shift in (0, 8))
    if min(width, height) > 0.7 * FOLIAGE_SIZE:
        leaves = leaf_noise()
        repeats = -(-height // NOISE_SIZE), -(-width // NOISE_SIZE)
        if max(repeats) > 1:
            leaves = np.tile(leaves, repeats)
        leaves = np.roll(leaves, rng.integers(NOISE_SIZE), axis=1)[:height, :width]
        cover, shade = (np.clip(layer + leaves, 0, 255).astype(np.uint8) for layer in (cover, shade))
    mask = (cover > 127).astype(np.uint8)

    # What a leaf looks like and how warm it is follows from its shade alone.
    level = np.arange(256, dtype=np.float32) / 255
    light = np.clip(0.42 + 0.85 * level, 0.3, 1.3)
    paint = np.empty((256, 4), np.uint8)
    paint[:, :3] = np.clip(light[:, None] * np.float32(item.hue), 0, 255)
    paint[:, 3] = np.clip(255 * canvas.sunlit * (0.12 + 0.85 * level), 0, 255)
    field = np.zeros((256, 4), np.int16)
    field[:, 0] = np.rint(100 * (climate.leaf() + 1.5 * (level - 0.5) + 0.04 * climate.solar * level))
    field[:, 2] = round(min(depth * 100, FAR - 1))
    canvas.stamp(mask, paint[shade], field[shade], left, top)
