"""Street lamps, traffic lights, signs and other things that stand on pavements."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmark.datasets.synth.canvas import Canvas, Surface
from benchmark.datasets.synth.climate import Climate
from benchmark.datasets.synth.exact import Draws

LAMP_COLOURS = ((255, 196, 120), (255, 214, 160), (236, 242, 255))
PROPS = ("sign", "bollard", "bin", "post", "barrier")
_SIGNAL_COLOURS = ((255, 48, 36), (255, 186, 48), (72, 255, 168))


@dataclass(frozen=True)
class Lamp:
    """A street lamp at (x, z) whose arm reaches `arm` metres (signed) over the road."""

    x: float
    z: float
    height: float
    arm: float
    lit: bool
    colour: tuple[int, int, int]

    @property
    def head(self) -> tuple[float, float, float]:
        return self.x + self.arm, self.height - 0.1, self.z


@dataclass(frozen=True)
class Signal:
    """A traffic light at (x, z); `phase` 0 red, 1 amber, 2 green; not `lit`: out of order."""

    x: float
    z: float
    height: float
    phase: int
    lit: bool


@dataclass(frozen=True)
class Prop:
    """A thing at (x, z), one of PROPS."""

    kind: str
    x: float
    z: float
    seed: int

    @property
    def height(self) -> float:
        return {"sign": 2.6, "post": 7.5}.get(self.kind, 0.95)


def draw_lamp(canvas: Canvas, climate: Climate, lamp: Lamp, instance: int) -> None:
    """Pole and arm belong to the scenery; the head is the object."""
    camera = canvas.camera
    steel = Surface((92, 94, 96), climate.air - 0.6 + 0.25 * climate.solar)
    x, y, depth = camera.spot(lamp.x, 0, lamp.z)
    metre = camera.focal / depth
    top = camera.spot(lamp.x, lamp.height - 0.25, lamp.z)[:2]
    hx, hy, hz = lamp.head
    out = math.copysign(1, lamp.arm)

    def outline(*corners: tuple[float, float]) -> list[tuple[float, float]]:
        return [camera.spot(hx + dx * out, hy + dy, hz)[:2] for dx, dy in corners]

    canvas.limb((x, y), top, 0.18 * metre, 0.10 * metre, steel, depth, 0.4)
    canvas.limb(
        (x + 0.03 * metre, y), (top[0] + 0.02 * metre, top[1]), 0.06 * metre, 0.04 * metre, steel.shaded(1.2), depth
    )
    canvas.limb((x, y), (x, y - 0.9 * metre), 0.25 * metre, 0.23 * metre, steel.shaded(0.92), depth, 0.4)
    canvas.limb(top, camera.spot(hx - 0.25 * out, lamp.height, hz)[:2], 0.1 * metre, 0.08 * metre, steel, depth, 0.5)
    canvas.instance = instance
    shell = outline((-0.42, 0.02), (-0.42, 0.14), (0.25, 0.2), (0.42, 0.06), (0.42, -0.02))
    canvas.fill(shell, steel.warmer(5 if lamp.lit else 0), depth, 0.7)
    dead = Surface((176, 178, 178), climate.air - 0.8)
    pane = Surface(lamp.colour, climate.air + 13, 6.0) if lamp.lit else dead
    canvas.fill(outline((-0.36, 0.03), (0.4, 0.0), (0.36, -0.11), (-0.31, -0.10)), pane, depth, 0.4)
    canvas.instance = 0


def draw_signal(canvas: Canvas, climate: Climate, signal: Signal, instance: int) -> None:
    """A traffic light: the housing with its three lenses is the object."""
    x, y, depth = canvas.camera.spot(signal.x, 0, signal.z)
    metre = canvas.camera.focal / depth
    post = Surface((70, 72, 74), climate.air - 0.4 + 0.2 * climate.solar)
    canvas.limb((x, y), (x, y - (signal.height - 0.9) * metre), 0.13 * metre, 0.11 * metre, post, depth, 0.5)
    canvas.instance = instance
    top, half = y - signal.height * metre, 0.19 * metre
    housing = [(x - half, top), (x + half, top), (x + half, top + metre), (x - half, top + metre)]
    canvas.fill(housing, Surface((34, 36, 36), climate.air + 0.5), depth, 0.5)
    for index, (r, g, b) in enumerate(_SIGNAL_COLOURS):
        if signal.lit and index == signal.phase:
            lens = Surface((r, g, b), climate.air + 6, 1.6)
        else:
            lens = Surface((0.2 * r + 14, 0.2 * g + 14, 0.2 * b + 14), climate.air + 0.5)
        radius = max(0.105 * metre, 0.7)
        canvas.disc(x, top + (0.2 + 0.3 * index) * metre, radius, radius, lens, depth, 0.4)
    canvas.instance = 0


def draw_prop(canvas: Canvas, climate: Climate, prop: Prop) -> None:
    x, y, depth = canvas.camera.spot(prop.x, 0, prop.z)
    metre = canvas.camera.focal / depth
    steel = Surface((118, 120, 122), climate.air - 0.5 + 0.25 * climate.solar)
    cold = climate.metal() - 0.4

    def box(x0: float, x1: float, y0: float, y1: float, surface: Surface) -> None:
        left, right, top, bottom = x + x0 * metre, x + x1 * metre, y - y1 * metre, y - y0 * metre
        canvas.fill([(left, bottom), (right, bottom), (right, top), (left, top)], surface, depth, 0.6)

    def pole(height: float, wide: float, surface: Surface) -> None:
        canvas.limb((x, y), (x, y - height * metre), wide * metre, 0.8 * wide * metre, surface, depth, 0.5)

    if prop.kind == "sign":
        pole(2.3, 0.07, steel)
        _sign(canvas, x, y, metre, depth, cold, Draws(7200, prop.seed).integers(3), box)
    elif prop.kind == "bollard":
        pole(0.85, 0.14, steel.shaded(0.7))
        box(-0.06, 0.06, 0.62, 0.72, Surface((214, 60, 40), climate.air))
    elif prop.kind == "bin":
        box(-0.28, 0.28, 0.05, 0.95, Surface((58, 76, 62), climate.air + 0.2 + 0.3 * climate.solar))
        box(-0.31, 0.31, 0.9, 1.02, Surface((44, 56, 48), climate.metal(0.8)))
        box(-0.18, 0.18, 0.7, 0.8, Surface((20, 22, 22), climate.air + 1))
    elif prop.kind == "post":
        wood = Surface((104, 92, 80), climate.air + 0.5 + 0.2 * climate.solar)
        pole(7.5, 0.24, wood)
        box(-0.9, 0.9, 6.9, 7.0, wood.shaded(0.88))
    else:
        for k in range(4):
            box(-0.9, 0.9, 0.25 + 0.22 * k, 0.33 + 0.22 * k, steel.shaded(1.25))
        for side in (-0.85, 0.85):
            box(side - 0.04, side + 0.04, 0, 1.0, steel)


def _sign(canvas: Canvas, x: float, y: float, metre: float, depth: float, cold: float, look: int, box) -> None:
    red, white = Surface((206, 40, 38), cold), Surface((232, 232, 228), cold)
    middle = y - 2.45 * metre
    if look == 0:
        canvas.disc(x, middle, 0.34 * metre, 0.34 * metre, red, depth, 0.6)
        canvas.disc(x, middle, 0.25 * metre, 0.25 * metre, white, depth, 0.6)
        box(-0.12, 0.12, 2.4, 2.5, Surface((30, 30, 30), cold))
    elif look == 1:
        box(-0.33, 0.33, 2.1, 2.78, Surface((40, 84, 168), cold))
        box(-0.07, 0.07, 2.18, 2.62, white)
    else:
        triangle = np.array([(0, -0.36), (0.36, 0.27), (-0.36, 0.27)]) * metre
        canvas.fill(triangle + np.array((x, middle)), red, depth, 0.6)
        canvas.fill(0.66 * triangle + np.array((x, middle + 0.03 * metre)), white, depth, 0.6)
