"""Vehicles on the road: where they are, what they do to the ground, and how each kind is drawn."""

from __future__ import annotations

import math

import cv2
import numpy as np

from benchmark.datasets.synth import buses, cars, motorcycles, raster
from benchmark.datasets.synth.bodywork import Frame, Vehicle
from benchmark.datasets.synth.canvas import CIRCLE, Canvas, shade_hull
from benchmark.datasets.synth.climate import Climate
from benchmark.datasets.synth.exact import cos_sin, total


def extent(kind: str, profile: int = 0) -> tuple[float, float, float]:
    """Length, width and height in metres. profile: which of cars.PROFILES a car has."""
    fixed = {"Bus": buses.BUS, "Truck": buses.TRUCK, "Motorcycle": motorcycles.EXTENT}
    return fixed.get(kind) or cars.PROFILES[profile].extent


def draw(canvas: Canvas, climate: Climate, vehicle: Vehicle) -> None:
    frame = Frame(canvas, climate, vehicle)
    if vehicle.kind == "Car":
        cars.draw(frame, cars.PROFILES[vehicle.profile])
    elif vehicle.kind == "Bus":
        buses.draw_bus(frame)
    elif vehicle.kind == "Truck":
        buses.draw_truck(frame)
    else:
        motorcycles.draw(frame)


def ground_heat(canvas: Canvas, climate: Climate, vehicle: Vehicle) -> None:
    """Darken the ground beneath, and warm it where an engine runs; before anything that stands is drawn."""
    length, width, _ = vehicle.extent
    frame = Frame(canvas, climate, vehicle)
    spots = []
    for x, z in CIRCLE:
        # A rounded rectangle: the circle's corners pushed outwards.
        px, pz = (math.copysign(math.sqrt(abs(v)), v) for v in (float(x), float(z)))
        spots.append(frame.spot(px * width / 2, 0, pz * length / 2))
    depth = total(spot[2] for spot in spots) / len(spots)
    pixels = np.array(spots)[:, :2]
    soft = max(int(0.45 * canvas.camera.focal / depth), 2)
    x0, y0 = np.maximum(np.floor(pixels.min(0) - soft), 0).astype(int)
    x1, y1 = np.ceil(pixels.max(0) + soft).astype(int)
    region = canvas.paint[y0:y1, x0:x1]
    if region.size == 0:
        return
    mask = np.zeros(region.shape[:2], np.uint8)
    found = raster.polygon(pixels - (x0, y0), mask.shape[1], mask.shape[0])
    if found is None:
        return
    mask[found[0]] = found[1]
    window = soft, max(int(soft * canvas.camera.above_ground / depth), 1)
    inside = cv2.boxFilter(mask, cv2.CV_32F, window, normalize=False)[..., None] / np.float32(window[0] * window[1])
    region[...] = region * (1 - 0.85 * inside)
    if vehicle.warmth:
        heat = canvas.field[y0:y1, x0:x1, :1]
        heat[...] = heat + inside * (210 * vehicle.warmth)


def shadow(canvas: Canvas, vehicle: Vehicle, sun: tuple[float, float, float]) -> None:
    """The shadow of the vehicle's outline on the ground."""
    length, width, height = vehicle.extent
    run_x, run_z = -sun[0] / sun[1], -sun[2] / sun[1]
    cos, sin = cos_sin(vehicle.heading)
    slim = vehicle.kind in ("Car", "Motorcycle")
    corners = []
    for y, share in ((0.0, 1.0), (height * (0.62 if slim else 1.0), 1.0), (height, 0.62 if slim else 1.0)):
        for a in (-width / 2, width / 2):
            for b in (-length / 2 * share, length / 2 * share):
                corners.append((vehicle.x + cos * a + sin * b + run_x * y, vehicle.z - sin * a + cos * b + run_z * y))
    shade_hull(canvas, corners)
