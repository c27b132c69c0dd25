"""Cars: a side view, extruded across, with a cabin that narrows towards the roof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmark.datasets.synth.bodywork import (
    Frame,
    Vector,
    glass_colour,
    headlight,
    paint,
    tail_light,
    treads,
    wheels,
)
from benchmark.datasets.synth.canvas import Point, Surface
from benchmark.datasets.synth.exact import norm, total

COLOURS = (
    (205, 207, 208), (232, 232, 230), (34, 36, 40), (120, 124, 130), (150, 42, 40), (44, 66, 118), (76, 80, 84),
    (184, 176, 160), (60, 92, 82), (22, 24, 28), (226, 226, 222),
)  # fmt: skip


@dataclass(frozen=True)
class Profile:
    """Side view (z forward from the middle, y up, metres): `body` is the outline from the rear bumper over the
    roofless top to the front bumper; `cabin` what stands on it, from rear to front."""

    body: tuple[Point, ...]
    cabin: tuple[Point, ...]
    width: float
    roof_width: float
    wheels: tuple[float, ...]
    wheel_radius: float

    @property
    def extent(self) -> tuple[float, float, float]:
        """Length, width and height."""
        return self.body[-2][0] - self.body[1][0], self.width, max(y for _, y in self.cabin)


_SEDAN = Profile(
    ((-2.2, 0.28), (-2.3, 0.52), (-2.24, 0.86), (-2.1, 0.97), (-1.5, 1.0),
     (0.85, 0.97), (1.75, 0.84), (2.18, 0.7), (2.3, 0.5), (2.22, 0.26)),
    ((-1.62, 0.99), (-0.95, 1.38), (-0.2, 1.46), (0.25, 1.43), (1.0, 0.96)),
    1.78, 1.2, (-1.36, 1.38), 0.32,
)  # fmt: skip
_HATCHBACK = Profile(
    ((-1.85, 0.3), (-1.98, 0.55), (-1.92, 0.95), (-1.75, 1.02),
     (0.7, 1.0), (1.5, 0.88), (1.9, 0.72), (2.02, 0.5), (1.95, 0.27)),
    ((-1.8, 1.0), (-1.45, 1.42), (-0.7, 1.52), (0.1, 1.5), (0.9, 0.99)),
    1.74, 1.24, (-1.22, 1.28), 0.31,
)  # fmt: skip
_SUV = Profile(
    ((-2.15, 0.4), (-2.28, 0.65), (-2.22, 1.1), (-2.1, 1.16),
     (0.8, 1.14), (1.8, 1.02), (2.2, 0.86), (2.3, 0.6), (2.22, 0.36)),
    ((-2.1, 1.14), (-1.8, 1.62), (-0.8, 1.74), (0.3, 1.7), (1.0, 1.13)),
    1.88, 1.38, (-1.35, 1.42), 0.37,
)  # fmt: skip
_VAN = Profile(
    ((-2.4, 0.35), (-2.48, 0.6), (-2.45, 1.15), (1.3, 1.12), (2.1, 1.0), (2.42, 0.78), (2.48, 0.5), (2.4, 0.3)),
    ((-2.44, 1.15), (-2.36, 1.86), (-1.9, 1.98), (0.9, 1.94), (1.75, 1.1)),
    1.86, 1.62, (-1.5, 1.62), 0.34,
)  # fmt: skip
PROFILES = (_SEDAN, _SEDAN, _HATCHBACK, _SUV, _VAN)


def draw(frame: Frame, shape: Profile) -> None:
    half = shape.width / 2
    treads(frame, shape.wheels, shape.wheel_radius, half)
    _lower_body(frame, shape)
    _greenhouse(frame, shape)
    wheels(frame, shape.wheels, shape.wheel_radius, half)
    if frame.faces_camera((0, 0.5, shape.body[-2][0]), (0, 0, 1)):
        _nose(frame, shape)
    if frame.faces_camera((0, 0.5, shape.body[1][0]), (0, 0, -1)):
        _tail(frame, shape)


def _seen_edges(frame: Frame, outline: Sequence[Point]) -> list[tuple[int, Point, Point, Vector]]:
    """The edges of a side view that, as strips across the vehicle, face the camera: index, ends, normal; the
    farthest first."""
    seen = []
    for index, ((z0, y0), (z1, y1)) in enumerate(pairwise(outline)):
        normal = (0.0, z1 - z0, y0 - y1)
        if frame.faces_camera((0, (y0 + y1) / 2, (z0 + z1) / 2), normal):
            seen.append((index, (z0, y0), (z1, y1), normal))
    return sorted(seen, key=lambda edge: -abs(frame.eye[2] - (edge[1][0] + edge[2][0]) / 2))


def _lower_body(frame: Frame, shape: Profile) -> None:
    """Everything below the windows: bumpers, bonnet and boot as strips across, then the flanks."""
    climate, half = frame.climate, shape.width / 2
    rear, front = shape.body[1][0], shape.body[-2][0]

    def half_at(z: float) -> float:
        return half * (0.9 if abs(z) > 0.9 * front else 1.0)  # nose and tail are drawn in

    for _, (z0, y0), (z1, y1), normal in _seen_edges(frame, shape.body):
        up = max(normal[1], 0) / norm(normal[1], normal[2])
        middle = (z0 + z1) / 2
        bonnet = middle > 0.8 and up > 0.6
        w0, w1 = half_at(z0), half_at(z1)
        surface = paint(frame, up, 4.5 if bonnet else 2.0 if middle > 1.5 else 0.0)
        frame.polygon([(-w0, y0, z0), (w0, y0, z0), (w1, y1, z1), (-w1, y1, z1)], surface, normal)
        if bonnet:
            hot = [(-0.5 * w0, y0, z0), (0.5 * w0, y0, z0), (0.6 * w1, y1, z1), (-0.6 * w1, y1, z1)]
            frame.polygon(hot, surface.shaded(1.02).warmer(3.5 * frame.vehicle.warmth), normal)
    for side in (-1, 1):
        if not frame.faces_camera((side * half, 0.6, 0), (side, 0, 0)):
            continue
        metal = paint(frame)
        frame.polygon([(side * half_at(z), y, z) for z, y in shape.body], metal, (side, 0, 0))
        # The shoulder mirrors the sky, the door's lower half the road.
        belt = shape.cabin[-1][1] - 0.03
        shoulder = [(rear + 0.1, 0.86), (front - 0.35, 0.72), (front - 0.35, 0.78), (0.8, belt), (rear + 0.1, 0.94)]
        frame.flank(side, half, shoulder, metal.shaded(1.16))
        lower = [(rear + 0.1, 0.3), (front - 0.1, 0.3), (front - 0.15, 0.5), (rear + 0.12, 0.52)]
        frame.flank(side, half, lower, metal.shaded(0.82))
        crease = [(rear + 0.15, 0.62), (front - 0.2, 0.58), (front - 0.2, 0.54), (rear + 0.15, 0.58)]
        frame.flank(side, half, crease, metal.shaded(0.72))
        frame.strip(side, half, rear + 0.3, front - 0.3, 0.24, 0.33, Surface((28, 28, 30), climate.air + 1))


def _greenhouse(frame: Frame, shape: Profile) -> None:
    """Roof and windows; the cabin narrows towards the roof."""
    climate, half = frame.climate, shape.width / 2
    base, roof = shape.cabin[0][1], max(y for _, y in shape.cabin)
    tint = glass_colour(climate)

    def half_at(y: float) -> float:
        return 0.97 * half + (shape.roof_width / 2 - 0.97 * half) * (y - base) / (roof - base)

    for index, (z0, y0), (z1, y1), normal in _seen_edges(frame, shape.cabin):
        up = max(normal[1], 0) / norm(normal[1], normal[2])

        def across(t: float, share: float, z0=z0, y0=y0, z1=z1, y1=y1) -> tuple[Vector, Vector]:
            y, z = y0 + (y1 - y0) * t, z0 + (z1 - z0) * t
            return (-share * half_at(y), y, z), (share * half_at(y), y, z)

        def pane(t0: float, t1: float, share: float, across=across) -> list[Vector]:
            return [*across(t0, share), *across(t1, share)[::-1]]

        frame.polygon(pane(0, 1, 1.0), paint(frame, up), normal)
        if index in (0, len(shape.cabin) - 2):
            glass = Surface(tint, climate.glass(up) + 2.5 * frame.vehicle.warmth)
            frame.polygon(pane(0.07, 0.93, 0.88), glass, normal)
            # The upper part of a raked pane mirrors the sky.
            sheen = (0.48, 0.92) if y1 > y0 else (0.08, 0.52)
            frame.polygon(pane(*sheen, 0.87), glass.shaded(1.35).warmer(-0.8), normal)
    middle_z = total(z for z, _ in shape.cabin) / len(shape.cabin)
    middle_y = (base + roof) / 2
    for side in (-1, 1):
        if not frame.faces_camera((side * half, base, 0), (side, 0, 0)):
            continue

        def flat(points: Sequence[Point], side=side) -> list[Vector]:
            return [(side * half_at(y), y, z) for z, y in points]

        normal = (side, 0.35, 0)
        frame.polygon(flat(shape.cabin), paint(frame), normal)
        inset = [(middle_z + (z - middle_z) * 0.86, middle_y + (y - middle_y) * 0.74) for z, y in shape.cabin]
        frame.polygon(flat(inset), Surface(tint, climate.glass(0.3) + 1.5 * frame.vehicle.warmth), normal)
        for z in (-0.35,) if shape.width < 1.85 else (-0.9, 0.25):
            post = [(z - 0.05, base), (z + 0.05, base), (z + 0.03, roof - 0.08), (z - 0.07, roof - 0.08)]
            frame.polygon(flat(post), paint(frame).shaded(0.6), normal)
        inner, outer, z = side * (half + 0.02), side * (half + 0.2), shape.cabin[-1][0] - 0.28
        frame.panel(inner, outer, base + 0.02, base + 0.16, z, paint(frame).shaded(0.8), -1)


def _nose(frame: Frame, shape: Profile) -> None:
    """Bumper, grille, air intake, number plate, headlights."""
    half, air, warm = 0.46 * shape.width, frame.climate.air, frame.vehicle.warmth
    z, top = shape.body[-2][0] + 0.01, shape.body[-3][1]
    frame.bar(half, 0.2, 0.36, z, Surface((30, 30, 32), air + 2 + 3 * warm), 1)
    frame.bar(0.62 * half, top - 0.2, top - 0.03, z, Surface((26, 27, 29), air + 2 + 10 * warm), 1)
    frame.bar(0.5 * half, 0.26, 0.38, z, Surface((20, 20, 22), air + 2 + 14 * warm), 1)
    frame.bar(0.26, 0.43, 0.54, z, Surface((226, 224, 214), air + 1), 1)
    for side in (-1, 1):
        frame.panel(0.66 * side * half, 0.98 * side * half, top - 0.18, top - 0.02, z, headlight(frame), 1)


def _tail(frame: Frame, shape: Profile) -> None:
    """Bumper, boot lid, number plate, tail lights, exhaust."""
    half, air, warm = 0.46 * shape.width, frame.climate.air, frame.vehicle.warmth
    z, top = shape.body[1][0] - 0.01, shape.body[2][1]
    frame.bar(half, 0.22, 0.38, z, Surface((30, 30, 32), air + 1 + 2 * warm), -1)
    frame.bar(half, 0.42, 0.45, z, paint(frame).shaded(0.7), -1)
    frame.bar(0.26, 0.56, 0.67, z, Surface((224, 222, 210), air + 0.5, 0.02 if frame.vehicle.lights else 0), -1)
    for side in (-1, 1):
        frame.panel(0.64 * side * half, 0.99 * side * half, top - 0.2, top - 0.04, z, tail_light(frame), -1)
    if warm > 0.3:
        frame.panel(-0.62 * half, -0.46 * half, 0.24, 0.32, z, Surface((44, 42, 42), air + 30 * warm), -1)
