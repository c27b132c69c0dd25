"""What moves in a street, and how far in a given time."""

from __future__ import annotations

import math
from dataclasses import replace

from benchmark.datasets.synth.bodywork import Vehicle
from benchmark.datasets.synth.exact import Draws, cos, cos_sin
from benchmark.datasets.synth.people import Person
from benchmark.datasets.synth.world import World

_STRIDE = 0.86  # metres of a double step, in units of body height
_DISTANCE = 1.2  # metres that vehicles keep to what stands before them
_LOST = 2.2  # metres before the lens at which a vehicle has passed


def at(world: World, seconds: float, rng: Draws) -> World:
    """The world `seconds` later. `rng` decides on speeds: the same state, the same speeds."""
    speeds = {side: rng.uniform(2.5, 9.0) for side in (-1, 1)}  # metres per second, of each direction
    paces = rng.uniform(0.9, 1.5, len(world.people))
    if seconds == 0:
        return world
    people = [_walked(person, float(pace) * seconds, world) for person, pace in zip(world.people, paces)]
    return replace(world, people=people, vehicles=_driven(world, speeds, seconds))


def _walked(person: Person, way: float, world: World) -> Person:
    if person.swing < 0.3 or person.seat is not None:
        return person
    ahead, aside = cos_sin(person.heading)
    x, z = person.x + way * aside, person.z + way * ahead
    edge = world.road.half + world.road.pavement - 0.3
    if abs(person.x) < edge:
        x = min(max(x, -edge), edge)
    return replace(person, x=x, z=max(z, 1.0), stride=person.stride + 2 * math.pi * way / (_STRIDE * person.height))


def _driven(world: World, speeds: dict[int, float], seconds: float) -> list[Vehicle]:
    """Move each vehicle as far as the one before it allows, and drop those that have passed the camera."""
    parked = [vehicle for vehicle in world.vehicles if vehicle.warmth < 1]
    moved: dict[int, Vehicle] = {}
    for side in (-1, 1):
        way = 1 if side == 1 else -1  # of z, in which traffic on this side goes
        column = [(i, v) for i, v in enumerate(world.vehicles) if v.warmth == 1 and (cos(v.heading) > 0) == (way > 0)]
        ahead = list(parked)
        for index, vehicle in sorted(column, key=lambda item: -way * item[1].z):
            length, width, _ = vehicle.extent
            free = math.inf
            for other in ahead:
                other_length, other_width, _ = other.extent
                gap = way * (other.z - vehicle.z) - (length + other_length) / 2 - _DISTANCE
                if abs(other.x - vehicle.x) < (width + other_width) / 2 and way * (other.z - vehicle.z) > 0:
                    free = min(free, max(gap, 0.0))
            there = _shifted(vehicle, way * min(0.0 if vehicle.braking else speeds[side] * seconds, free))
            ahead.append(there)
            moved[index] = there
    vehicles = [moved.get(index, vehicle) for index, vehicle in enumerate(world.vehicles)]
    return [v for i, v in enumerate(vehicles) if i not in moved or _in_view(world, v)]


def _in_view(world: World, vehicle: Vehicle) -> bool:
    return world.camera.spot(vehicle.x, 0, vehicle.z)[2] - vehicle.extent[0] / 2 > _LOST


def _shifted(vehicle: Vehicle, dz: float) -> Vehicle:
    rider = vehicle.rider
    ahead, aside = cos_sin(vehicle.heading)
    dx = dz * (aside / ahead)
    return replace(
        vehicle,
        x=vehicle.x + dx,
        z=vehicle.z + dz,
        rider=None if rider is None else replace(rider, x=rider.x + dx, z=rider.z + dz),
    )
