"""A street and all that is in it."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmark.datasets.synth import buildings, furniture, ground, people, plants
from benchmark.datasets.synth.bodywork import Vehicle
from benchmark.datasets.synth.canvas import Camera
from benchmark.datasets.synth.climate import Climate
from benchmark.datasets.synth.exact import cos, cos_sin
from benchmark.datasets.synth.sensors import Light

# The classes of M3FD (Liu et al., CVPR 2022), in the order of its paper.
CLASSES = ("People", "Car", "Bus", "Motorcycle", "Lamp", "Truck")


@dataclass
class World:
    """What stands where, and what lights it."""

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
    vehicles: list[Vehicle] = field(default_factory=list)
    own_headlights: bool = False

    def lights(self) -> list[Light]:
        """Everything that shines on its surroundings."""
        found = [Light(lamp.head, lamp.colour, 3.2) for lamp in self.lamps if lamp.lit]
        for vehicle in self.vehicles:
            if vehicle.lights:
                (ahead, aside), reach = cos_sin(vehicle.heading), vehicle.extent[0] / 2
                at = (vehicle.x + aside * reach, 0.65, vehicle.z + ahead * reach)
                found.append(Light(at, (255, 246, 224), 5.0, (aside, -0.08, ahead)))
        if self.own_headlights:
            camera = self.camera
            for offset in (-0.6, 0.6):
                at = (camera.x + offset * camera.cos, 0.7, -0.3)
                found.append(Light(at, (255, 246, 228), 2.6, (camera.sin, -0.05, camera.cos)))
        return found

    def glints(self) -> list[Light]:
        """The lights that face the camera: street lamps, headlights of what comes, tail lights of what goes."""
        found = [Light(lamp.head, lamp.colour, 3.2) for lamp in self.lamps if lamp.lit]
        for vehicle in self.vehicles:
            if vehicle.lights:
                coming = cos(vehicle.heading) < 0
                colour, power = ((255, 246, 224), 5.0) if coming else ((226, 34, 26), 1.6)
                _, width, _ = vehicle.extent
                for side in (-0.35, 0.35) if vehicle.kind != "Motorcycle" else (0.0,):
                    at = (vehicle.x + side * width, 0.7, vehicle.z - vehicle.extent[0] / 2)
                    found.append(Light(at, colour, power))
        return found
