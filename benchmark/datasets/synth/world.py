"""A street and all that is in it, and the order in which it is drawn."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from benchmark.datasets.synth import backdrop, buildings, furniture, ground, people, plants, vehicles
from benchmark.datasets.synth.canvas import Camera, Canvas
from benchmark.datasets.synth.climate import Climate
from benchmark.datasets.synth.sensors import Light

# The classes of M3FD (Liu et al., CVPR 2022), in the order of its paper.
CLASSES = ("People", "Car", "Bus", "Motorcycle", "Lamp", "Truck")

_TOO_NEAR = 1.2  # metres before the lens within which nothing is drawn


@dataclass
class World:
    """What stands where. Drawing fills `labels`: the class of instance n is ``labels[n - 1]``."""

    camera: Camera
    climate: Climate
    road: ground.Road
    city: bool
    buildings: list[buildings.Building] = field(default_factory=list)
    plants: list[plants.Plant] = field(default_factory=list)
    lamps: list[furniture.Lamp] = field(default_factory=list)
    signals: list[furniture.Signal] = field(default_factory=list)
    props: list[furniture.Prop] = field(default_factory=list)
    people: list[people.Person] = field(default_factory=list)
    vehicles: list[vehicles.Vehicle] = field(default_factory=list)
    own_headlights: bool = False
    labels: list[str] = field(default_factory=list)

    def lights(self) -> list[Light]:
        """Everything that shines on its surroundings."""
        found = [Light(lamp.head, lamp.colour, 3.2) for lamp in self.lamps if lamp.lit]
        for vehicle in self.vehicles:
            if vehicle.lights:
                sin, cos, reach = math.sin(vehicle.heading), math.cos(vehicle.heading), vehicle.extent[0] / 2
                at = (vehicle.x + sin * reach, 0.65, vehicle.z + cos * reach)
                found.append(Light(at, (255, 246, 224), 5.0, (sin, -0.08, cos)))
        if self.own_headlights:
            camera = self.camera
            for offset in (-0.6, 0.6):
                at = (camera.x + offset * camera.cos, 0.7, -0.3)
                found.append(Light(at, (255, 246, 228), 2.6, (camera.sin, -0.05, camera.cos)))
        return found

    def _glints(self) -> list[Light]:
        """The lights that face the camera: street lamps, headlights of what comes, tail lights of what goes."""
        found = [Light(lamp.head, lamp.colour, 3.2) for lamp in self.lamps if lamp.lit]
        for vehicle in self.vehicles:
            if vehicle.lights:
                coming = math.cos(vehicle.heading) < 0
                colour, power = ((255, 246, 224), 5.0) if coming else ((226, 34, 26), 1.6)
                _, width, _ = vehicle.extent
                for side in (-0.35, 0.35) if vehicle.kind != "Motorcycle" else (0.0,):
                    at = (vehicle.x + side * width, 0.7, vehicle.z - vehicle.extent[0] / 2)
                    found.append(Light(at, colour, power))
        return found

    def draw(self, canvas: Canvas, rng: np.random.Generator, step: int) -> None:
        """Draw everything, from far to near; `step`: pixels of the drawing to one of the final image."""
        climate, camera = self.climate, self.camera
        backdrop.draw_sky(canvas, climate, rng)
        backdrop.draw_skyline(canvas, climate, rng, self.city)
        ground.draw(canvas, climate, self.road, rng, step)
        shaded = self._cast_shadows(canvas) if climate.sun else None
        for vehicle in self.vehicles:
            vehicles.ground_heat(canvas, climate, vehicle)
        if climate.wet and climate.lamps:
            ground.mirror_lights(canvas, climate, self._glints(), rng)
        for person in self.people:
            ground.dim_contact(canvas, person.x, person.z, 0.28)
        for building in sorted(self.buildings, key=lambda b: -b.z0):
            buildings.draw(canvas, climate, building)
        for x, z, paint in sorted(self._standing(canvas), key=lambda item: -camera.spot(item[0], 0, item[1])[2]):
            column, row, depth = camera.spot(x, 0, z)
            if depth > _TOO_NEAR:
                if shaded is not None:
                    c, r = min(max(int(column), 0), camera.width - 1), min(max(int(row), 0), camera.height - 1)
                    canvas.sunlit = 0.0 if shaded[r, c] else 1.0
                paint()
        canvas.sunlit = 1.0

    def _standing(self, canvas: Canvas) -> list[tuple[float, float, Callable[[], None]]]:
        """Where everything that stands on the ground is, x and z, and how to draw it."""
        climate = self.climate
        found = []

        def scenery(item, paint) -> None:
            found.append((item.x, item.z, lambda: paint(canvas, climate, item)))

        def instance(label: str, item, paint, nearer: float = 0.0) -> None:
            self.labels.append(label)
            number = len(self.labels)

            def painted() -> None:
                canvas.instance = number
                paint(canvas, climate, item)
                canvas.instance = 0

            found.append((item.x, item.z - nearer, painted))

        def lamp(item, paint) -> None:
            self.labels.append("Lamp")
            number = len(self.labels)
            found.append((item.x, item.z, lambda: paint(canvas, climate, item, number)))

        self.labels.clear()
        for plant in self.plants:
            scenery(plant, plants.draw)
        for prop in self.props:
            scenery(prop, furniture.draw_prop)
        for item in self.lamps:
            lamp(item, furniture.draw_lamp)
        for item in self.signals:
            lamp(item, furniture.draw_signal)
        for vehicle in self.vehicles:
            instance(vehicle.kind, vehicle, vehicles.draw)
            if vehicle.rider is not None:
                # Sitting on top, the rider hides the machine from wherever it is seen.
                instance("People", vehicle.rider, people.draw, nearer=0.2)
        for person in self.people:
            instance("People", person, people.draw)
        return found

    def _cast_shadows(self, canvas: Canvas) -> np.ndarray:
        """Shade the ground; returns where buildings alone do, as `Canvas.shadow`."""
        sun = self.climate.sun_direction
        for building in self.buildings:
            buildings.shadow(canvas, building, sun)
        shaded = canvas.shadow.copy()
        for plant in self.plants:
            plants.shadow(canvas, plant, sun)
        for item in (*self.lamps, *self.signals, *self.props):
            canvas.shade_strip(item.x, item.z, -sun[0] / sun[1] * item.height, -sun[2] / sun[1] * item.height, 0.07)
        for vehicle in self.vehicles:
            vehicles.shadow(canvas, vehicle, sun)
        for person in self.people:
            people.shadow(canvas, person, sun)
        ground.lay_shadows(canvas, self.climate)
        return shaded
