"""Random streets: where everything stands."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from benchmark.datasets.synth import buildings, buses, cars, furniture, ground, motorcycles, people, plants, vehicles
from benchmark.datasets.synth.bodywork import Vehicle
from benchmark.datasets.synth.canvas import Camera
from benchmark.datasets.synth.climate import Climate
from benchmark.datasets.synth.exact import Draws, cos_sin, norm, steps
from benchmark.datasets.synth.world import World


@dataclass(frozen=True)
class Place:
    """A kind of street. Metres: `setback` of the buildings behind the pavement, their `heights` and `lengths`, the
    `tree_spacing`. `built` and `planted`: how likely each plot holds a building, each spot a tree."""

    likely: float
    setback: float
    built: float
    heights: tuple[float, float]
    lengths: tuple[float, float]
    first_plot: tuple[float, float]
    gap: tuple[float, float]
    tree_spacing: float
    planted: float
    tree_heights: tuple[float, float]
    hedge_spacing: float | None
    city: bool


PLACES = {
    "street": Place(0.36, 0.2, 1.0, (9, 30), (9, 26), (-6, 5), (0, 1.2), 17, 0.45, (4.8, 8.0), None, True),
    "avenue": Place(0.26, 5.0, 0.85, (8, 24), (9, 26), (-6, 5), (2.5, 9), 8.5, 0.95, (4.8, 8.0), 1.6, True),
    "suburb": Place(0.22, 7.0, 0.7, (5.5, 8.5), (8, 13), (-6, 5), (2.5, 9), 12, 0.65, (4.8, 8.0), 1.6, False),
    "open": Place(0.16, 30.0, 0.15, (6, 20), (9, 26), (25, 60), (2.5, 9), 15, 0.6, (6.0, 10.5), 5.5, False),
}


class _Ground:
    """What is taken already: circles (x, z, radius)."""

    def __init__(self) -> None:
        self.circles: list[tuple[float, float, float]] = []

    def free(self, x: float, z: float, radius: float) -> bool:
        return all(norm(x - tx, z - tz) > radius + tr for tx, tz, tr in self.circles)

    def take(self, x: float, z: float, radius: float) -> None:
        self.circles.append((x, z, radius))


def build(rng: Draws, climate: Climate, width: int, height: int) -> World:
    """A random street, for a drawing of this size in pixels."""
    name = rng.choice(list(PLACES), p=[place.likely for place in PLACES.values()])
    place = PLACES[name]
    lane = rng.uniform(3.1, 3.6)
    half = lane * (2 if name == "suburb" else rng.choice((2, 2, 3, 4))) / 2
    road = ground.Road(
        half=half,
        lane=lane,
        pavement=rng.uniform(1.8, 4.2),
        verge="grass" if not place.city or rng.random() < 0.35 else "soil",
        crossing=rng.uniform(6.5, 15) if rng.random() < 0.45 else None,
        double_line=rng.random() < 0.4,
        yellow=rng.random() < 0.45,
    )
    on_foot = rng.random() < 0.3
    camera = Camera(
        width,
        height,
        focal=rng.uniform(0.86, 1.15) * max(width, height),
        horizon=rng.uniform(0.37, 0.5) * height,
        x=float(rng.uniform(half + 0.3, half + 0.8 * road.pavement) if on_foot else rng.uniform(0.1, 0.75) * half),
        above_ground=rng.uniform(1.45, 2.3),
        yaw=float(rng.uniform(-0.24, -0.04) if on_foot else rng.uniform(-0.12, 0.12)),
    )
    headlights = bool(climate.dark and not on_foot and rng.random() < 0.6)
    world = World(camera, climate, road, place.city, own_headlights=headlights)
    working = rng.uniform(0.25, 0.95)  # share of the street lamps that shine
    for side in (-1, 1):
        _add_buildings(world, rng, place, side, shops=name == "street")
        _add_plants(world, rng, place, side)
        if place.city or name == "suburb" or side == 1:
            _add_lamps(world, rng, side, working)
    _add_props(world, rng)
    taken = _Ground()
    _add_vehicles(world, rng, taken)
    _add_people(world, rng, taken)
    return world


def _pick(rng: Draws, choices):
    return choices[rng.integers(len(choices))]


def _add_buildings(world: World, rng: Draws, place: Place, side: int, shops: bool) -> None:
    front = world.road.half + world.road.pavement + place.setback + rng.uniform(0, 2.5)
    z = rng.uniform(*place.first_plot)
    while z < 95:
        length = rng.uniform(*place.lengths)
        if rng.random() < place.built:
            world.buildings.append(
                buildings.Building(
                    side=side,
                    front=side * (front + rng.uniform(0, 0.6)),
                    z0=z,
                    z1=z + length,
                    height=rng.uniform(*place.heights),
                    depth=rng.uniform(9, 16),
                    wall=_pick(rng, buildings.WALLS),
                    seed=rng.integers(1 << 30),
                    shop=bool(shops and rng.random() < 0.6),
                )
            )
        elif rng.random() < 0.8:
            species = rng.integers(6)
            height = rng.uniform(7, 11)
            world.plants.append(plants.plant(rng, side * (front + 3), z + length / 2, height, species))
        z += length + rng.uniform(*place.gap)


def _add_plants(world: World, rng: Draws, place: Place, side: int) -> None:
    """A row of trees along the kerb or in the front gardens, and a hedge."""
    road, camera = world.road, world.camera
    species, bare = rng.integers(6), rng.random() < 0.18
    offset = 0.25 * road.pavement if place.city else road.pavement + rng.uniform(1.2, 3)
    spacing = place.tree_spacing * rng.uniform(0.85, 1.3)
    z = rng.uniform(5, 12)
    while z < 100:
        x, height = side * (road.half + offset), rng.uniform(*place.tree_heights)
        # A tree right before the lens would hide the scene.
        if rng.random() < place.planted and camera.spot(x, 0, z)[2] > 8:
            world.plants.append(plants.plant(rng, x, z, height, species, bare=bare))
        z += spacing * rng.uniform(0.85, 1.15)
    if place.hedge_spacing is not None:
        for z in steps(rng.uniform(4, 9), 55, place.hedge_spacing):
            x, height = side * (road.half + road.pavement + rng.uniform(0.7, 1.2)), rng.uniform(0.8, 1.5)
            if rng.random() < 0.75 and camera.spot(x, 0, z)[2] > 4:
                world.plants.append(plants.plant(rng, x, z, height, species, bush=True))


def _add_lamps(world: World, rng: Draws, side: int, working: float) -> None:
    colour, height = _pick(rng, furniture.LAMP_COLOURS), rng.uniform(5.5, 8.5)
    spacing = rng.uniform(21, 30)
    for z in steps(rng.uniform(8, 22), 110, spacing):
        lit = bool(world.climate.lamps and rng.random() < working)
        arm = -side * (1.0 + 0.1 * height)
        if world.camera.spot(side * (world.road.half + 0.5), 0, z)[2] > 6:
            world.lamps.append(furniture.Lamp(side * (world.road.half + 0.5), z, height, arm, lit, colour))


def _add_props(world: World, rng: Draws) -> None:
    road = world.road
    if road.crossing is not None and rng.random() < 0.75:
        lit, phase = rng.random() < 0.9, rng.integers(3)
        for side in (-1, 1):
            world.signals.append(furniture.Signal(side * (road.half + 0.45), road.crossing + 4.2, 3.4, phase, lit))
    away = {
        "sign": 0.6,
        "bollard": 0.35,
        "bin": 0.8 * road.pavement,
        "post": 0.9 * road.pavement,
        "barrier": road.pavement + 0.4,
    }
    for _ in range(rng.integers(3, 8)):
        kind = _pick(rng, ("sign", *furniture.PROPS))
        side = 1 if rng.random() < 0.5 else -1
        z = rng.uniform(6, 45)
        count, spacing = {"bollard": (5, 1.6), "barrier": (3, 2.0)}.get(kind, (1, 0.0))
        for k in range(count):
            seed = rng.integers(1 << 30)
            world.props.append(furniture.Prop(kind, side * (road.half + away[kind]), z + k * spacing, seed))


def _add_vehicles(world: World, rng: Draws, taken: _Ground) -> None:
    """Vehicles in their lanes (traffic keeps to the right) and at the kerb."""
    wanted = rng.integers(3, 8)
    for attempt in range(5 * wanted):
        if len(world.vehicles) == wanted:
            break
        # Somebody who dazzles comes first, where there is glare.
        dazzling = world.climate.condition == "glare" and not world.vehicles
        vehicle = _vehicle(
            world, rng, z=float(rng.uniform(8, 26) if attempt < 8 else rng.uniform(20, 62)), dazzling=dazzling
        )
        length, width, _ = vehicle.extent
        nearest = world.camera.spot(vehicle.x, 0, vehicle.z - length / 2)[2]
        if nearest < 4.5 or not world.camera.sees(vehicle.x, vehicle.z, 0.3):
            continue
        if any(
            abs(vehicle.x - x) < width / 2 + 0.95 and abs(vehicle.z - z) < length / 2 + radius + 1
            for x, z, radius in taken.circles
        ):
            continue
        world.vehicles.append(vehicle)
        taken.take(vehicle.x, vehicle.z, length / 2)


def _vehicle(world: World, rng: Draws, z: float, dazzling: bool) -> Vehicle:
    road, climate = world.road, world.climate
    kind = "Car" if dazzling else rng.choice(("Car", "Motorcycle", "Bus", "Truck"), p=(0.66, 0.14, 0.10, 0.10))
    lane = road.lanes // 2 - 1 if dazzling else rng.integers(road.lanes)
    x = -road.half + (lane + 0.5) * road.lane + rng.normal(0, 0.12)
    running, warmth = True, 1.0
    if dazzling:
        x, z = min(x, -0.5 * road.lane), rng.uniform(9, 15)
    elif kind in ("Car", "Truck") and rng.random() < 0.45:
        x = (road.half - 1.05) * (1 if rng.random() < 0.5 else -1)
        running, warmth = False, rng.choice((0.0, 0.0, 0.4))
    z = max(z, 17.0) if kind in ("Bus", "Truck") else min(z, 24.0) if kind == "Motorcycle" else z
    heading = (0.0 if x > 0 else math.pi) + rng.normal(0, 0.03)
    colour = _pick(rng, buses.COLOURS if kind in ("Bus", "Truck") else cars.COLOURS)
    profile = rng.integers(len(cars.PROFILES))
    vehicle = Vehicle(
        kind=kind,
        extent=vehicles.extent(kind, profile),
        x=x,
        z=z,
        heading=heading,
        colour=colour,
        profile=profile,
        warmth=warmth,
        lights=running and (climate.lamps or climate.condition == "fog"),
        braking=bool(running and rng.random() < 0.3),
    )
    if kind == "Motorcycle":
        ahead, aside = cos_sin(heading)
        rider = people.person(rng, x - 0.08 * aside, z - 0.08 * ahead, heading)
        vehicle = replace(vehicle, rider=replace(rider, seat=motorcycles.SADDLE, height=1.72))
    return vehicle


def _add_people(world: World, rng: Draws, taken: _Ground) -> None:
    """People on the pavements, on the crossing and, now and then, on the road; some in company."""
    wanted = rng.integers(4, 12)
    for _ in range(8 * wanted):
        if len(world.people) >= wanted:
            break
        x, z, heading = _whereabouts(world, rng, near=len(world.people) < 3)
        if not world.camera.sees(x, z, 0.1) or not taken.free(x, z, 0.4):
            continue
        walking = rng.random() < 0.75
        world.people.append(people.person(rng, x, z, heading, walking))
        taken.take(x, z, 0.35)
        for k in range(rng.integers(1, 3) if rng.random() < 0.4 else 0):
            gap = 0.62 * (k + 1) * (1 if rng.random() < 0.5 else -1)
            ahead, aside = cos_sin(heading)
            beside_x = x + ahead * gap
            beside_z = z - aside * gap + rng.normal(0, 0.1)
            if taken.free(beside_x, beside_z, 0.2) and world.camera.sees(beside_x, beside_z, 0.1):
                turned = heading + rng.normal(0, 0.1)
                world.people.append(people.person(rng, beside_x, beside_z, turned, walking))
                taken.take(beside_x, beside_z, 0.3)


def _whereabouts(world: World, rng: Draws, near: bool) -> tuple[float, float, float]:
    """Where a person is, x and z, and which way they walk."""
    road = world.road
    z = float(rng.uniform(6.5, 15) if near else rng.uniform(10, 46))
    where = rng.random()
    if road.crossing is not None and where < 0.45:
        heading = math.pi / 2 * (1 if rng.random() < 0.5 else -1) + rng.normal(0, 0.12)
        return rng.uniform(-road.half, road.half), road.crossing + rng.uniform(0.3, 3.3), heading
    if where < 0.18:
        return rng.uniform(-road.half, road.half), z, rng.uniform(0, 2 * math.pi)
    side = 1 if rng.random() < 0.5 else -1
    x = side * (road.half + rng.uniform(0.5, max(road.pavement - 0.4, 0.7)))
    return x, z, (0.0 if rng.random() < 0.5 else math.pi) + rng.normal(0, 0.25)
