"""A pinhole camera over flat ground, and the buffers that a scene is drawn into.

World axes: x to the right, y up, z along the road, in metres; the ground is y = 0. Drawing is done larger
than the final image and from far to near: what is drawn later hides what was drawn before. Nothing here
knows about sensors: a pixel holds what is there, not what it looks like.
"""

from __future__ import annotations

import copy
import math
import struct
import sys
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np

from benchmark.datasets.synth import raster
from benchmark.datasets.synth.exact import cos_sin, norm

NEAR = 0.4  # metres; what is nearer to the camera is cut off
FAR = 32700  # depth in centimetres that stands for the sky
EMISSION_UNIT = 64  # stored value of an emission of 1

_HALF_CIRCLE = [cos_sin(math.pi * k / 4) for k in range(5)]
CIRCLE = np.array([cos_sin(math.pi * k / 8) for k in range(16)], np.float32)
SHADE = 17  # of 255, so that a window of fifteen pixels adds up to all of it
THREAD = 1.5  # pixels; a limb that is thinner is drawn as a line
_HOTTEST = 81.0  # degrees; four pixels of it add up to less than an int16 holds

Point = tuple[float, float]


class Surface(NamedTuple):
    """What a polygon is made of: `albedo` (R, G, B in 0..255; the square of value/255 is the reflectance),
    `temperature` in degrees Celsius, `emission` of visible light (1: as bright as a white sheet in the sun;
    its colour is the albedo's)."""

    albedo: tuple[float, float, float]
    temperature: float
    emission: float = 0.0

    def shaded(self, factor: float) -> Surface:
        r, g, b = self.albedo
        return Surface(
            (min(r * factor, 255), min(g * factor, 255), min(b * factor, 255)), self.temperature, self.emission
        )

    def warmer(self, degrees: float) -> Surface:
        return Surface(self.albedo, self.temperature + degrees, self.emission)


class Camera:
    """A camera at (x, above_ground, 0), looking along z and turned to the right by `yaw` radians.

    `focal` and `horizon` (the image row of infinitely far ground) are in pixels of the drawing.
    """

    def __init__(
        self, width: int, height: int, focal: float, horizon: float, x: float, above_ground: float, yaw: float
    ) -> None:
        self.width, self.height = width, height
        self.focal, self.horizon, self.centre = focal, horizon, width / 2
        self.x, self.above_ground = x, above_ground
        self.cos, self.sin = cos_sin(yaw)

    def window(self, left: int, top: int, width: int, height: int) -> Camera:
        """The camera that sees this part of the picture; a negative corner makes the picture larger."""
        part = copy.copy(self)
        part.width, part.height = width, height
        part.centre, part.horizon = self.centre - left, self.horizon - top
        return part

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """World points (N, 3) to (right, above the camera, depth), (N, 3)."""
        x, z = points[:, 0] - self.x, points[:, 2]
        return np.stack(
            [self.cos * x - self.sin * z, points[:, 1] - self.above_ground, self.sin * x + self.cos * z], axis=1
        )

    def to_pixels(self, points: np.ndarray) -> np.ndarray:
        """Camera points (N, 3) of positive depth to pixels (N, 2)."""
        zoom = self.focal / points[:, 2]
        return np.stack([self.centre + points[:, 0] * zoom, self.horizon - points[:, 1] * zoom], axis=1)

    def spot(self, x: float, y: float, z: float) -> tuple[float, float, float]:
        """One world point to (column, row, depth); depth is at least NEAR."""
        dx = x - self.x
        depth = max(self.sin * dx + self.cos * z, NEAR)
        zoom = self.focal / depth
        return (
            self.centre + (self.cos * dx - self.sin * z) * zoom,
            self.horizon + (self.above_ground - y) * zoom,
            depth,
        )

    def sees(self, x: float, z: float, margin: float = 1.0) -> bool:
        """Whether the ground point, give or take `margin` metres, is within the picture's width."""
        column, _, depth = self.spot(x, 0, z)
        slack = margin * self.focal / depth
        return depth > NEAR * 2 and -slack < column < self.width + slack


class Canvas:
    """`paint` uint8 (H, W, 4): albedo R, G, B and exposure to the sun (0..255).
    `field` int16 (H, W, 4): temperature in 1/100 degree, instance, depth in cm, emission in 1/64.
    `shadow` uint8 (H, W): SHADE where the sun is kept from the ground under a pixel, or 0.
    """

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self.paint = np.zeros((camera.height, camera.width, 4), np.uint8)
        self.field = np.zeros((camera.height, camera.width, 4), np.int16)
        self.shadow = np.zeros((camera.height, camera.width), np.uint8)
        self.instance = 0  # number of the object being drawn; 0 for everything that is none
        self.sunlit = 1.0  # of the object being drawn: 0 where a building's shadow covers it

    def copy(self) -> Canvas:
        twin = object.__new__(Canvas)
        twin.camera, twin.instance, twin.sunlit = self.camera, 0, 1.0
        twin.paint, twin.field, twin.shadow = self.paint.copy(), self.field.copy(), self.shadow.copy()
        return twin

    def window(self, left: int, top: int, width: int, height: int) -> Canvas:
        """The part of the picture that a slightly turned camera sees; it shares its pixels with the whole."""
        part = object.__new__(Canvas)
        part.camera, part.instance, part.sunlit = self.camera.window(left, top, width, height), 0, 1.0
        here = slice(top, top + height), slice(left, left + width)
        part.paint, part.field, part.shadow = self.paint[here], self.field[here], self.shadow[here]
        return part

    def _values(self, surface: Surface, depth: float, sun: float) -> tuple[np.uint32, np.uint64]:
        """The pixel of `paint` and the pixel of `field` that show this surface, each as one word."""
        exposure = round(255 * max(0.0, min(sun * self.sunlit, 1.0)))
        red, green, blue = surface.albedo
        paint = bytes((round(red), round(green), round(blue), exposure))
        field = struct.pack(
            "=4h",
            round(min(surface.temperature, _HOTTEST) * 100),
            self.instance,
            round(min(depth * 100, FAR - 1)),
            round(min(surface.emission * EMISSION_UNIT, 32767)),
        )
        return np.uint32(int.from_bytes(paint, sys.byteorder)), np.uint64(int.from_bytes(field, sys.byteorder))

    @cached_property
    def _words(self) -> tuple[np.ndarray, np.ndarray]:
        """`paint` and `field` with one word to a pixel."""
        return self.paint.view(np.uint32)[..., 0], self.field.view(np.uint64)[..., 0]

    def fill(self, pixels: Sequence[Point] | np.ndarray, surface: Surface, depth: float, sun: float = 0.7) -> None:
        """Fill a polygon given by its corners in pixels; it may be concave. `sun`: cosine of the sun's incidence."""
        found = raster.polygon(np.asarray(pixels, np.float64), self.camera.width, self.camera.height)
        if found is not None:
            part, mask = found
            for words, value in zip(self._words, self._values(surface, depth, sun)):
                np.copyto(words[part], value, where=mask)

    def threads(self, ends: Sequence, surface: Surface, depth: float, sun: float = 0.7) -> None:
        """Draw lines one pixel thick, each (x0, y0, x1, y1)."""
        found = raster.lines(ends, self.camera.width, self.camera.height)
        for words, value in zip(self._words, self._values(surface, depth, sun)):
            words[found] = value

    def disc(self, x: float, y: float, rx: float, ry: float, surface: Surface, depth: float, sun: float = 0.7) -> None:
        """Fill an upright ellipse, in pixels."""
        self.fill(CIRCLE * np.float32((rx, ry)) + np.float32((x, y)), surface, depth, sun)

    def limb(
        self,
        a: Point,
        b: Point,
        width_a: float,
        width_b: float,
        surface: Surface,
        depth: float,
        sun: float = 0.7,
    ) -> None:
        """Fill the hull of two discs of these diameters, all in pixels: a limb, a pole, a branch."""
        if max(width_a, width_b) < THREAD:
            self.threads([(*a, *b)], surface, depth, sun)
        else:
            self.fill(capsule(a, b, width_a, width_b), surface, depth, sun)

    def stamp(self, mask: np.ndarray, paint: np.ndarray, field: np.ndarray, left: int, top: int) -> None:
        """Lay a sprite over the picture: `mask` uint8 (h, w), `paint` uint8 and `field` int16 (h, w, 4)."""
        (h, w), (height, width) = mask.shape, self.shadow.shape
        x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + w, width), min(top + h, height)
        if x0 < x1 and y0 < y1:
            part = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
            here = slice(y0, y1), slice(x0, x1)
            cv2.copyTo(paint[part], mask[part], self.paint[here])
            cv2.copyTo(field[part], mask[part], self.field[here])

    def shade_ground(self, corners: np.ndarray) -> None:
        """Keep the sun from a polygon of the ground, given by its world corners (N, 3)."""
        points = clip_near(self.camera.to_camera(corners))
        if len(points):
            found = raster.polygon(self.camera.to_pixels(points), self.camera.width, self.camera.height)
            if found is not None:
                part, mask = found
                self.shadow[part][mask] = SHADE

    def shade_strip(self, x: float, z: float, run_x: float, run_z: float, half_width: float) -> None:
        """Lay the shadow of something slender: it stands at (x, z), its tip's shadow lies (run_x, run_z) away."""
        run = norm(run_x, run_z) or 1.0
        ax, az = -run_z / run * half_width, run_x / run * half_width
        tip_x, tip_z = x + run_x, z + run_z
        self.shade_ground(
            np.array(
                [
                    (x + ax, 0, z + az),
                    (x - ax, 0, z - az),
                    (tip_x - ax, 0, tip_z - az),
                    (tip_x + ax, 0, tip_z + az),
                ]
            )
        )


def shade_hull(canvas: Canvas, points: Sequence[Point]) -> None:
    """Lay the shadow of a solid: the hull of its corners' shadows, ground points (x, z)."""
    canvas.shade_ground(np.array([(x, 0.0, z) for x, z in _hull(points)]))


def _hull(points: Sequence[Point]) -> list[Point]:
    """The corners of the convex hull, in order (Andrew's monotone chain)."""
    corners: list[Point] = []
    for along in (sorted(points), sorted(points, reverse=True)):
        chain: list[Point] = []
        for x, z in along:
            while len(chain) > 1 and (chain[-1][0] - chain[-2][0]) * (z - chain[-2][1]) <= (
                chain[-1][1] - chain[-2][1]
            ) * (x - chain[-2][0]):
                chain.pop()
            chain.append((x, z))
        corners += chain[:-1]
    return corners


def capsule(a: Point, b: Point, width_a: float, width_b: float) -> list[Point]:
    """Outline of the hull of a disc at `a` and one at `b`."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    apart = norm(dx, dy)
    ux, uy = (dx / apart, dy / apart) if apart > 1e-6 else (0.0, 1.0)
    return [
        (x + radius * (s * ux - c * uy), y + radius * (s * uy + c * ux))
        for (x, y), radius in ((b, width_b / 2), (a, -width_a / 2))
        for c, s in _HALF_CIRCLE
    ]


def clip_near(points: np.ndarray) -> np.ndarray:
    """The part of a plane polygon (N, 3), in camera coordinates, that lies beyond the near plane."""
    if points[:, 2].min() >= NEAR:
        return points
    kept = []
    for here, there in zip(points, np.roll(points, -1, axis=0)):
        if here[2] >= NEAR:
            kept.append(here)
        if (here[2] >= NEAR) != (there[2] >= NEAR):
            kept.append(here + (there - here) * ((NEAR - here[2]) / (there[2] - here[2])))
    return np.array(kept).reshape(-1, 3)
