"""A street drawn in two steps: what stands still, once; then the picture of any moment, with what moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from benchmark.datasets.synth import backdrop, buildings, furniture, ground, people, plants, vehicles
from benchmark.datasets.synth.canvas import FAR, Camera, Canvas
from benchmark.datasets.synth.exact import Draws
from benchmark.datasets.synth.world import World

_TOO_NEAR = 1.2  # metres before the lens within which nothing is drawn


@dataclass(frozen=True)
class _Mover:
    """Something to draw at a depth, within a box of the picture (x0, y0, x1, y1)."""

    depth: float
    x: float
    z: float
    box: tuple[int, int, int, int]
    paint: Callable[[], None]


class Stage:
    """The still part of `world`. Drawing takes pixels `step` times finer than those of the final image."""

    def __init__(self, world: World, seed: int, step: int) -> None:
        self.world, self.seed = world, seed
        climate, camera = world.climate, world.camera
        self.ground = Canvas(camera)
        backdrop.draw_sky(self.ground, climate, Draws(seed, 1, 0))
        backdrop.draw_skyline(self.ground, climate, Draws(seed, 1, 1), world.city)
        ground.draw(self.ground, climate, world.road, Draws(seed, 1, 2), step)
        self.shaded = self._shade() if climate.sun else None
        # What stands on the ground, on a canvas of its own: depth 0 is where there is nothing.
        self.labels: list[str] = []
        self.set = Canvas(camera)
        for building in sorted(world.buildings, key=lambda b: -b.z0):
            buildings.draw(self.set, climate, building)
        for x, z, paint in sorted(self._furniture(), key=lambda item: -camera.spot(item[0], 0, item[1])[2]):
            if camera.spot(x, 0, z)[2] > _TOO_NEAR:
                self.set.sunlit = self._sunlit(camera, x, z)
                paint()
        self.depth = self.set.field[..., 2].copy()
        self.mask = (self.depth > 0).astype(np.uint8)

    def draw(self, moment: World) -> tuple[Canvas, list[str]]:
        """The picture with the people and vehicles of `moment`, and the class of each object: instance n is of
        class ``labels[n - 1]``."""
        climate, camera = moment.climate, moment.camera
        canvas = self.ground.copy()
        if climate.sun:
            for vehicle in moment.vehicles:
                vehicles.shadow(canvas, vehicle, climate.sun_direction)
            for person in moment.people:
                people.shadow(canvas, person, climate.sun_direction)
            ground.lay_shadows(canvas, climate)
        for vehicle in moment.vehicles:
            vehicles.ground_heat(canvas, climate, vehicle)
        if climate.wet and climate.lamps:
            ground.mirror_lights(canvas, climate, moment.glints(), Draws(self.seed, 1, 3))
        for person in moment.people:
            ground.dim_contact(canvas, person.x, person.z, 0.28)
        self._put_set(canvas, self.mask, (0, 0, camera.width, camera.height))
        labels = list(self.labels)
        for mover in sorted(self._movers(canvas, moment, labels), key=lambda mover: -mover.depth):
            if mover.depth > _TOO_NEAR:
                canvas.sunlit = self._sunlit(camera, mover.x, mover.z)
                mover.paint()
                x0, y0, x1, y1 = mover.box
                if x0 < x1 and y0 < y1:
                    nearer = cv2.inRange(self.depth[y0:y1, x0:x1], 1, int(min(mover.depth * 100, FAR)))
                    self._put_set(canvas, nearer, mover.box)
        canvas.sunlit = 1.0
        return canvas, labels

    def _put_set(self, canvas: Canvas, mask: np.ndarray, box: tuple[int, int, int, int]) -> None:
        x0, y0, x1, y1 = box
        for source, target in ((self.set.paint, canvas.paint), (self.set.field, canvas.field)):
            cv2.copyTo(source[y0:y1, x0:x1], mask, target[y0:y1, x0:x1])

    def _sunlit(self, camera: Camera, x: float, z: float) -> float:
        if self.shaded is None:
            return 1.0
        column, row, _ = camera.spot(x, 0, z)
        c, r = min(max(int(column), 0), camera.width - 1), min(max(int(row), 0), camera.height - 1)
        return 0.0 if self.shaded[r, c] else 1.0

    def _furniture(self) -> list[tuple[float, float, Callable[[], None]]]:
        """Where everything that stands still is, x and z, and how to draw it."""
        world, found = self.world, []

        def scenery(item, paint) -> None:
            found.append((item.x, item.z, lambda: paint(self.set, world.climate, item)))

        def lamp(item, paint) -> None:
            self.labels.append("Lamp")
            number = len(self.labels)
            found.append((item.x, item.z, lambda: paint(self.set, world.climate, item, number)))

        for plant in world.plants:
            scenery(plant, plants.draw)
        for prop in world.props:
            scenery(prop, furniture.draw_prop)
        for item in world.lamps:
            lamp(item, furniture.draw_lamp)
        for item in world.signals:
            lamp(item, furniture.draw_signal)
        return found

    def _movers(self, canvas: Canvas, moment: World, labels: list[str]) -> list[_Mover]:
        found = []

        def instance(label: str, item, paint, reach: float, nearer: float = 0.0) -> None:
            labels.append(label)
            number = len(labels)

            def painted() -> None:
                canvas.instance = number
                paint(canvas, moment.climate, item)
                canvas.instance = 0

            depth = canvas.camera.spot(item.x, 0, item.z - nearer)[2]
            box = _box(canvas.camera, item.x, item.z, reach)
            found.append(_Mover(depth, item.x, item.z, box, painted))

        for vehicle in moment.vehicles:
            length, width, height = vehicle.extent
            instance(vehicle.kind, vehicle, vehicles.draw, max(length + width, 2 * height) / 2 + 0.5)
            if vehicle.rider is not None:
                # Sitting on top, the rider hides the machine from wherever it is seen.
                instance("People", vehicle.rider, people.draw, 2.2, nearer=0.2)
        for person in moment.people:
            instance("People", person, people.draw, 2.2)
        return found

    def _shade(self) -> np.ndarray:
        """Shade the ground. Returns where buildings alone shade it, as `Canvas.shadow`."""
        world, canvas = self.world, self.ground
        sun = world.climate.sun_direction
        for building in world.buildings:
            buildings.shadow(canvas, building, sun)
        shaded = canvas.shadow.copy()
        for plant in world.plants:
            plants.shadow(canvas, plant, sun)
        for item in (*world.lamps, *world.signals, *world.props):
            canvas.shade_strip(item.x, item.z, -sun[0] / sun[1] * item.height, -sun[2] / sun[1] * item.height, 0.07)
        return shaded


def _box(camera: Camera, x: float, z: float, reach: float) -> tuple[int, int, int, int]:
    """The part of the picture that something within `reach` metres of a ground point can cover."""
    column, row, depth = camera.spot(x, 0, z)
    near = camera.focal / max(depth - reach, 0.4) if depth - reach < 4 else camera.focal / (depth - reach)
    across, up, down = reach * near, 2 * reach * near, camera.above_ground * near
    x0, x1 = (int(min(max(v, 0), camera.width)) for v in (column - across - 4, column + across + 4))
    y0, y1 = (int(min(max(v, 0), camera.height)) for v in (row - up, camera.horizon + down + 4))
    return x0, y0, x1, y1
