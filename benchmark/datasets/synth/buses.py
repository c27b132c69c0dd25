"""Buses, and trucks with a cab and a box."""

from __future__ import annotations

from benchmark.datasets.synth.bodywork import (
    Frame,
    glass_colour,
    headlight,
    paint,
    tail_light,
    treads,
    wheels,
)
from benchmark.datasets.synth.canvas import Surface
from benchmark.datasets.synth.exact import steps

COLOURS = ((206, 92, 40), (70, 128, 84), (52, 96, 160), (212, 206, 190), (186, 44, 48))
BUS = 10.6, 2.5, 3.05  # length, width, height in metres
TRUCK = 7.4, 2.3, 3.1

_WHEEL_RADIUS = 0.48
_SKIRT = 0.38  # height of a bus's lower edge
_CAB = 0.82  # height of a truck's cab as a share of its box's


def draw_bus(frame: Frame) -> None:
    length, width, height = BUS
    half, back, front = width / 2, -length / 2, length / 2
    climate, warm = frame.climate, frame.vehicle.warmth
    if climate.lamps:
        window = Surface((232, 222, 186), climate.air + 5, 0.10)  # lit inside
    else:
        window = Surface(glass_colour(climate), climate.glass(0.1) + 3 * warm)
    axles = front - 2.4, back + 2.2
    treads(frame, axles, _WHEEL_RADIUS, half)
    _block(frame, back, front, _SKIRT, height, half, paint(frame))
    for side in (-1, 1):
        if frame.faces_camera((side * half, 1, 0), (side, 0, 0)):
            frame.strip(side, half, back, front, 0.85, 1.0, Surface((230, 228, 220), climate.metal()))
            for z in steps(back + 0.5, front - 1.0, 1.45):
                frame.strip(side, half, z, z + 1.3, 1.35, 2.45, window)
            for z in (front - 1.5, -0.6) if side == 1 else ():  # doors
                frame.strip(side, half, z, z + 1.1, 0.5, 2.5, window.shaded(0.9))
    wheels(frame, axles, _WHEEL_RADIUS, half)
    if frame.faces_camera((0, 1, front), (0, 0, 1)):
        _front(frame, half, front, 1.25, height - 0.5)
        board = Surface((250, 176, 60), climate.air + 6, 0.35 if climate.lamps else 0.05)
        frame.bar(0.7 * half, height - 0.42, height - 0.12, front, board, 1)
    if frame.faces_camera((0, 1, back), (0, 0, -1)):
        frame.bar(0.85 * half, 1.6, 2.6, back, window, -1)
        # The engine is at the back, behind slats.
        frame.bar(0.8 * half, 0.6, 1.2, back, Surface((44, 46, 48), climate.air + 4 + 22 * warm), -1)
        for y in (0.7, 0.82, 0.94, 1.06):
            frame.bar(0.7 * half, y, y + 0.05, back, Surface((26, 26, 28), climate.air + 4 + 30 * warm), -1)
        _rear(frame, half, back, 1.0)


def draw_truck(frame: Frame) -> None:
    length, width, height = TRUCK
    half, back, front = width / 2, -length / 2, length / 2
    climate = frame.climate
    axles = front - 1.0, back + 1.1, back + 2.2
    treads(frame, axles, _WHEEL_RADIUS, half)
    box, cab = (back, front - 2.15, 0.95, height), (front - 2.0, front, 0.42, _CAB * height)
    parts = [
        (*box, Surface((196, 196, 190), climate.metal())),
        (back, front - 1.6, 0.55, 0.95, Surface((46, 46, 48), climate.metal())),
        (*cab, paint(frame)),
    ]
    for z0, z1, y0, y1, surface in sorted(parts, key=lambda part: -abs(frame.eye[2] - (part[0] + part[1]) / 2)):
        _block(frame, z0, z1, y0, y1, half, surface)
    for side in (-1, 1):
        if frame.faces_camera((side * half, 1, 0), (side, 0, 0)):
            ribs = Surface((168, 168, 163), climate.metal() - 0.3)
            for z in steps(box[0] + 0.6, box[1], 0.9):
                frame.strip(side, half, z, z + 0.05, box[2], box[3], ribs)
            pane = [(front - 1.5, 1.5), (front - 0.3, 1.5), (front - 0.45, 2.3), (front - 1.5, 2.3)]
            frame.flank(side, half, pane, Surface(glass_colour(climate), climate.glass(0.2) + 2 * frame.vehicle.warmth))
    wheels(frame, axles, _WHEEL_RADIUS, half)
    if frame.faces_camera((0, 1, front), (0, 0, 1)):
        _front(frame, half, front, 1.5, _CAB * height - 0.2)
    if frame.faces_camera((0, 1, back), (0, 0, -1)):
        frame.bar(0.02, box[2], box[3], back, Surface((108, 108, 104), climate.metal()), -1)  # between the doors
        frame.bar(0.95 * half, box[2] - 0.02, box[2] + 0.08, back, Surface((150, 40, 36), climate.air), -1)
        _rear(frame, half, back, 0.84)


def _block(frame: Frame, z0: float, z1: float, y0: float, y1: float, half: float, surface: Surface) -> None:
    """The flanks and ends of a box, with a darker edge below the roof."""
    for side in (-1, 1):
        if frame.faces_camera((side * half, 1, 0), (side, 0, 0)):
            frame.strip(side, half, z0, z1, y0, y1, surface)
    for z, forward in ((z1, 1), (z0, -1)):
        if frame.faces_camera((0, 1, z), (0, 0, forward)):
            frame.bar(half, y0, y1, z, surface, forward)
            frame.bar(half, y1 - 0.1, y1, z, surface.shaded(0.8), forward)


def _front(frame: Frame, half: float, z: float, sill: float, top: float) -> None:
    """Windscreen, grille, bumper, plate and headlights."""
    climate, warm = frame.climate, frame.vehicle.warmth
    pane = Surface(glass_colour(climate), climate.glass(0.25) + 3 * warm)
    frame.bar(0.92 * half, sill, top, z, pane, 1)
    frame.bar(0.9 * half, 0.5 * top + 0.9, top - 0.05, z, pane.shaded(1.3).warmer(-0.6), 1)
    frame.bar(0.6 * half, 0.75, 1.05, z, Surface((30, 30, 32), climate.air + 3 + 14 * warm), 1)
    frame.bar(half, 0.38, 0.6, z, Surface((40, 40, 42), climate.air + 1 + 4 * warm), 1)
    frame.bar(0.26, 0.5, 0.62, z, Surface((222, 216, 190), climate.air), 1)
    for side in (-1, 1):
        frame.panel(0.68 * side * half, 0.94 * side * half, 0.68, 0.88, z, headlight(frame), 1)


def _rear(frame: Frame, half: float, z: float, lamp_top: float) -> None:
    """Bumper, plate and tail lights."""
    air = frame.climate.air
    frame.bar(half, 0.4, 0.56, z, Surface((40, 40, 42), air + 1 + 3 * frame.vehicle.warmth), -1)
    frame.bar(0.26, 0.58, 0.7, z, Surface((222, 200, 90), air), -1)
    for side in (-1, 1):
        frame.panel(0.74 * side * half, 0.96 * side * half, 0.62, lamp_top, z, tail_light(frame), -1)
