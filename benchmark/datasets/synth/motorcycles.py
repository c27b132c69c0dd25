"""Motorcycles; their riders are people."""

from __future__ import annotations

from benchmark.datasets.synth.bodywork import Frame, Vector, headlight, paint, ring, tail_light
from benchmark.datasets.synth.canvas import Surface

EXTENT = 2.0, 0.7, 1.1  # length, width, height in metres
SADDLE = 0.78  # height in metres

_WHEEL_RADIUS = 0.31


def draw(frame: Frame) -> None:
    """Wheels are discs seen from the side and tyres seen along; the rest is made of round bars."""
    air, warm = frame.climate.air, frame.vehicle.warmth
    canvas, radius = frame.canvas, _WHEEL_RADIUS
    tyre, rim = Surface((28, 28, 29), air + 1 + 8 * warm), Surface((96, 98, 102), air + 1 + 6 * warm)
    body = paint(frame, engine=2.0)
    engine, pipe = Surface((92, 90, 88), air + 3 + 34 * warm), Surface((150, 148, 144), air + 3 + 42 * warm)
    depth = frame.spot(0, 0.5, 0)[2]
    metre = canvas.camera.focal / depth

    def bar(a: Vector, b: Vector, width_a: float, width_b: float, surface: Surface) -> None:
        ends = frame.spot(*a)[:2], frame.spot(*b)[:2]
        canvas.limb(*ends, width_a * metre, width_b * metre, surface, depth, 0.5)

    def lamp(at: Vector, width: float, surface: Surface) -> None:
        size = max(width * metre, 0.8)
        canvas.disc(*frame.spot(*at)[:2], size, size, surface, depth, 0.6)

    side = 1 if frame.faces_camera((0, 0.5, 0), (1, 0, 0)) else -1
    oncoming = frame.eye[2] > 0
    for z in (-0.68, 0.68) if oncoming else (0.68, -0.68):
        bar((0, 0.07, z), (0, 2 * radius - 0.05, z), 0.13, 0.13, tyre)
        frame.flank(side, 0.0, ring(radius, 1.0, z), tyre)
        frame.flank(side, 0.0, ring(radius, 0.62, z), rim)
    bar((0, 0.42, -0.2), (0, 0.48, 0.22), 0.3, 0.32, engine)
    bar((side * 0.14, 0.34, 0.1), (side * 0.15, 0.42, -0.75), 0.07, 0.1, pipe)
    bar((0, 0.72, -0.5), (0, 0.8, 0.3), 0.22, 0.3, body)
    bar((0, SADDLE, -0.75), (0, 0.8, -0.1), 0.16, 0.24, Surface((34, 33, 34), air + 2))
    bar((0, 0.4, 0.68), (0, 0.95, 0.45), 0.08, 0.12, body)
    bar((-0.34, 1.0, 0.38), (0.34, 1.0, 0.38), 0.05, 0.05, Surface((40, 40, 42), air + 1))
    if oncoming:
        lamp((0, 0.88, 0.62), 0.085, headlight(frame))
    else:
        lamp((0, 0.74, -0.85), 0.06, tail_light(frame))
