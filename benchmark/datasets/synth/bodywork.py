"""What all vehicles have in common: where they are, faces in their own axes, wheels and lamps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.datasets.synth.canvas import CIRCLE, Canvas, Point, Surface
from benchmark.datasets.synth.climate import Climate
from benchmark.datasets.synth.exact import cos_sin, norm, total
from benchmark.datasets.synth.people import Person

Vector = tuple[float, float, float]

_RING = CIRCLE.tolist()


@dataclass(frozen=True)
class Vehicle:
    """A vehicle at (x, z) heading `heading` radians from the road's direction, to the right.

    `kind`: "Car", "Bus", "Truck" or "Motorcycle"; `extent`: length, width and height in metres; `profile`: which of
    cars.PROFILES a car has. `warmth`: how much of a running engine's heat it has, 0..1. `lights`: headlights and tail
    lights are on.
    """

    kind: str
    extent: tuple[float, float, float]
    x: float
    z: float
    heading: float
    colour: tuple[int, int, int]
    profile: int = 0
    warmth: float = 1.0
    lights: bool = False
    braking: bool = False
    rider: Person | None = None


class Frame:
    """Draws in a vehicle's own axes: x from left to right, y up, z forward, from its middle on the ground."""

    def __init__(self, canvas: Canvas, climate: Climate, vehicle: Vehicle) -> None:
        self.vehicle = vehicle
        self.canvas, self.climate, self.camera = canvas, climate, canvas.camera
        self.cos, self.sin = cos_sin(vehicle.heading)
        self.x, self.z = vehicle.x, vehicle.z
        dx, dz = self.camera.x - self.x, -self.z
        self.eye = (self.cos * dx - self.sin * dz, self.camera.above_ground, self.sin * dx + self.cos * dz)
        sx, sy, sz = climate.sun_direction
        strength = 1 / norm(sx, sy, sz)
        self.sun = tuple(c * strength for c in (self.cos * sx - self.sin * sz, sy, self.sin * sx + self.cos * sz))

    def spot(self, x: float, y: float, z: float) -> tuple[float, float, float]:
        """A point of the vehicle to (column, row, depth)."""
        return self.camera.spot(self.x + self.cos * x + self.sin * z, y, self.z - self.sin * x + self.cos * z)

    def faces_camera(self, point: Vector, normal: Vector) -> bool:
        return total((e - p) * n for e, p, n in zip(self.eye, point, normal)) > 0

    def polygon(self, points: Sequence[Vector], surface: Surface, normal: Vector) -> None:
        """A face; light from above and the sun's warmth follow from its normal."""
        size = norm(*normal)
        up = max(normal[1], 0) / size
        sun = max(0.0, total(a * b for a, b in zip(self.sun, normal)) / size)
        warm = 0.35 * self.climate.solar * sun * self.canvas.sunlit
        spots = [self.spot(*point) for point in points]
        depth = total(spot[2] for spot in spots) / len(spots)
        self.canvas.fill([spot[:2] for spot in spots], surface.shaded(0.8 + 0.3 * up).warmer(warm), depth, sun)

    def panel(self, x0: float, x1: float, y0: float, y1: float, z: float, surface: Surface, forward: int) -> None:
        """An upright rectangle across the vehicle at z, seen from the front (`forward` 1) or the rear (-1)."""
        self.polygon([(x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z)], surface, (0, 0, forward))

    def bar(self, half: float, y0: float, y1: float, z: float, surface: Surface, forward: int) -> None:
        """A panel that reaches equally far to both sides."""
        self.panel(-half, half, y0, y1, z, surface, forward)

    def flank(self, side: int, x: float, points: Sequence[Point], surface: Surface) -> None:
        """A polygon of (z, y) on the right (`side` 1) or left (-1), `x` metres from the middle."""
        self.polygon([(side * x, y, z) for z, y in points], surface, (side, 0, 0))

    def strip(self, side: int, x: float, z0: float, z1: float, y0: float, y1: float, surface: Surface) -> None:
        """An upright rectangle on a flank."""
        self.flank(side, x, [(z0, y0), (z1, y0), (z1, y1), (z0, y1)], surface)


def paint(frame: Frame, facing_up: float = 0.0, engine: float = 0.0) -> Surface:
    """The vehicle's painted metal; `engine`: degrees that a warm engine beneath adds."""
    vehicle = frame.vehicle
    return Surface(vehicle.colour, frame.climate.metal(facing_up) + engine * vehicle.warmth)


def glass_colour(climate: Climate) -> tuple[int, int, int]:
    return (24, 28, 32) if climate.dark else (62, 72, 80)


def headlight(frame: Frame) -> Surface:
    air = frame.climate.air
    return Surface((255, 250, 236), air + 7, 14.0) if frame.vehicle.lights else Surface((190, 194, 198), air)


def tail_light(frame: Frame) -> Surface:
    vehicle, air = frame.vehicle, frame.climate.air
    if vehicle.braking:
        return Surface((226, 34, 26), air + 3, 2.2)
    return Surface((226, 34, 26), air + 2, 0.5) if vehicle.lights else Surface((140, 26, 24), air + 1)


def ring(radius: float, share: float, z: float) -> list[Point]:
    """A circle (z, y) of `share` times the radius of the wheel that stands at z."""
    return [(z + share * radius * c, max(radius + share * radius * s, 0.0)) for c, s in _RING]


def treads(frame: Frame, places: Sequence[float], radius: float, half: float) -> None:
    """Tyres seen along the vehicle; the body is drawn over them, so that only what is below it shows."""
    tyre = Surface((32, 32, 33), frame.climate.air + 1 + 9 * frame.vehicle.warmth)
    for z in places:
        for side in (-1, 1):
            for forward in (1, -1):
                at = z + forward * radius * 0.8
                if frame.faces_camera((side * half, radius, at), (0, 0, forward)):
                    frame.panel(side * half, side * (half - 0.22), 0.0, 1.3 * radius, at, tyre, forward)


def wheels(frame: Frame, places: Sequence[float], radius: float, half: float) -> None:
    """Wheels in their arches, on the side that is seen."""
    air, warm = frame.climate.air, frame.vehicle.warmth
    tyre, rim = Surface((30, 30, 31), air + 1 + 8 * warm), Surface((138, 140, 144), air + 0.5 + 14 * warm)
    arch = Surface((18, 18, 19), air + 2 + 6 * warm)
    for side in (-1, 1):
        if frame.faces_camera((side * half, radius, 0), (side, 0, 0)):
            for z in places:
                for surface, share in ((arch, 1.18), (tyre, 1.0), (rim, 0.6), (arch, 0.2)):
                    frame.flank(side, half, ring(radius, share, z), surface)
