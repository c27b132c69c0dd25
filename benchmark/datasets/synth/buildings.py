"""Blocks along the street: facades with windows, doors and shops, laid out flat and then seen in perspective."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from benchmark.datasets.synth.canvas import EMISSION_UNIT, FAR, Canvas, shade_hull
from benchmark.datasets.synth.climate import Climate
from benchmark.datasets.synth.exact import Draws, norm
from benchmark.datasets.synth.exact_filters import between, mixed, packed, unpacked
from benchmark.datasets.synth.textures import crop

WALLS = (
    (168, 158, 142), (146, 92, 74), (186, 178, 164), (128, 124, 120), (196, 184, 152), (152, 138, 126),
    (110, 106, 104), (176, 146, 118), (204, 200, 192),
)  # fmt: skip

_MOST_TEXELS = 13.0  # of a facade, per metre
_NEAREST = 1.0  # metres; a wall that comes nearer is cut off there
# Window styles: share of the bay's width and of the storey's height that is glass.
_STYLES = ((0.44, 0.50), (0.60, 0.52), (0.90, 0.72), (0.50, 0.60))


@dataclass(frozen=True)
class Building:
    """A block whose front is the plane x = `front`, from z0 to z1, and whose body reaches `depth` metres
    away from the road on its `side` (-1 left, 1 right). `shop`: there are shops on the ground floor."""

    side: int
    front: float
    z0: float
    z1: float
    height: float
    depth: float
    wall: tuple[int, int, int]
    seed: int
    shop: bool


def draw(canvas: Canvas, climate: Climate, building: Building) -> None:
    """The end wall that can be seen from the road, then the front."""
    side, front = building.side, building.front
    sun = climate.sun_direction
    strength = 1 / norm(*sun)
    if (canvas.camera.x - front) * side < 0 and building.z0 > _NEAREST:
        end = (front, building.z0), (front + side * building.depth, building.z0)
        _draw_wall(canvas, climate, building, *end, -sun[2] * strength, end_wall=True)
    edge = (front, building.z0), (front, building.z1)
    _draw_wall(canvas, climate, building, *edge, -side * sun[0] * strength, end_wall=False)


def shadow(canvas: Canvas, building: Building, sun: tuple[float, float, float]) -> None:
    run_x, run_z = -sun[0] / sun[1] * building.height, -sun[2] / sun[1] * building.height
    back = building.front + building.side * building.depth
    base = [(x, z) for x in (building.front, back) for z in (building.z0, building.z1)]
    shade_hull(canvas, base + [(x + run_x, z + run_z) for x, z in base])


def _draw_wall(canvas: Canvas, climate: Climate, building: Building, a, b, sun: float, end_wall: bool) -> None:
    """One upright wall over the ground line from `a` to `b`, each (x, z). `sun`: cosine of its incidence."""
    camera = canvas.camera
    depth_a, depth_b = camera.to_camera(np.array([(a[0], 0, a[1]), (b[0], 0, b[1])], float))[:, 2].tolist()
    if max(depth_a, depth_b) < _NEAREST:
        return
    start, stop = 0.0, 1.0
    if depth_a < _NEAREST:
        start = (_NEAREST - depth_a) / (depth_b - depth_a)
    if depth_b < _NEAREST:
        stop = (_NEAREST - depth_a) / (depth_b - depth_a)
    # Above the picture's upper edge nothing needs to be drawn.
    seen = camera.above_ground + max(camera.horizon, 0) / camera.focal * max(depth_a, depth_b)
    top_y = min(building.height, seen + 1)
    ends = [(a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t) for t in (start, stop)]
    (column_a, _, near_a), (column_b, _, near_b) = (camera.spot(x, 0, z) for x, z in ends)
    left = max(math.ceil(min(column_a, column_b)), 0)
    right = min(math.floor(max(column_a, column_b)) + 1, camera.width)
    if right - left < 2:
        return
    length = norm(b[0] - a[0], b[1] - a[1])
    texels = min(max(0.8 * camera.focal / max(min(depth_a, depth_b), _NEAREST), 2.0), _MOST_TEXELS)
    paint, field = _facade(climate, building, length, top_y, texels, end_wall)
    field[..., 0] += round(30 * climate.solar * max(sun, 0.0))
    paint[..., 3] = round(255 * min(max(sun, 0.0), 1.0))

    # The camera stands upright: a column of the picture shows a column of the wall, at one depth.
    share = (np.arange(left, right) - column_a) / (column_b - column_a)
    nearness = (1 - share) / near_a + share / near_b
    along = start + (stop - start) * (share / near_b / nearness)
    zoom = camera.focal * nearness
    upper, lower = (camera.horizon - (height - camera.above_ground) * zoom for height in (top_y, 0.0))
    top, bottom = max(math.ceil(upper.min()), 0), min(math.floor(lower.max()) + 1, camera.height)
    if bottom - top < 2:
        return
    rows, columns = paint.shape[:2]
    down = np.arange(top, bottom)[:, None]
    mask = ((down >= upper) & (down < lower)).astype(np.uint8)
    place = (down - upper).astype(np.float32) * (rows / (lower - upper)).astype(np.float32) - np.float32(0.5)
    column, row = between(along * columns - 0.5, columns), between(place, rows)
    here = slice(top, bottom), slice(left, right)
    cv2.copyTo(unpacked(_seen(packed(paint), column, row, mixed)), mask, canvas.paint[here])
    drawn = np.zeros((*mask.shape, 4), np.int16)
    drawn[..., 2] = np.clip(100 / nearness, 100, FAR - 1)
    for layer in (0, 3) if field[..., 3].any() else (0,):
        drawn[..., layer] = _seen(field[..., layer].astype(np.float32), column, row, _blended)
    cv2.copyTo(drawn, mask, canvas.field[here])


def _seen(texture: np.ndarray, column, row, mix: Callable) -> np.ndarray:
    """A texture as the picture shows it: `column` mixes its columns, then `row` the rows of each; see `between`."""
    before, after, share = column
    texture = mix(texture.take(before, 1), texture.take(after, 1), share[None, :])
    width = texture.shape[1]
    before, after, share = row
    flat, columns = texture.ravel(), np.arange(width, dtype=np.int32)
    return mix(flat.take(before * width + columns), flat.take(after * width + columns), share)


def _blended(a: np.ndarray, b: np.ndarray, share: np.ndarray) -> np.ndarray:
    return a + (b - a) * (share * np.float32(1 / 256)).astype(np.float32)


def _facade(
    climate: Climate, building: Building, length: float, top: float, texels: float, end_wall: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Texture of a wall up to the height `top`, `texels` to the metre: paint uint8 and field int16, both
    (rows, columns, 4), topmost row first."""
    rng = Draws(building.seed, int(end_wall))
    rows, columns = max(int(top * texels), 4), max(int(length * texels), 4)
    y = (np.float32(top) - (np.arange(rows, dtype=np.float32) + 0.5) / np.float32(texels))[:, None]
    x = ((np.arange(columns, dtype=np.float32) + 0.5) / np.float32(texels))[None, :]
    grain, stain = crop("rough", rng, rows, columns), crop("soft", rng, rows, columns)
    wall = np.float32(building.wall) * (0.92 if end_wall else 1.0)
    relief = 1 + 0.035 * grain + 0.06 * stain - 0.10 * np.clip(1 - y / 1.2, 0, 1)
    colour = np.zeros((rows, columns, 4), np.float32)
    colour[..., :3] = wall * relief[..., None]
    # A heated house leaks warmth, most of it half way up.
    leak = 0.35 * np.sin(np.clip(y / building.height, 0, 1) * np.float32(np.pi))
    temperature = climate.wall() + 0.18 * stain + 0.08 * grain + leak
    emission = np.zeros((rows, columns), np.float32)
    layers = colour, temperature, emission

    style = rng.integers(len(_STYLES))
    ground_floor = 4.0 if building.shop else 3.2
    storey = rng.uniform(2.9, 3.5)
    bay = float(rng.uniform(1.5, 2.0) if style == 2 else rng.uniform(2.3, 3.8))
    floors = max(int((building.height - ground_floor - 0.4) / storey), 0)
    bays = max(int(length / bay), 1)
    along = (x - np.float32((length - bays * bay) / 2)) / np.float32(bay)
    bay_index = np.floor(along)
    upper = (y - np.float32(ground_floor)) / np.float32(storey)
    floor_index = np.floor(upper)
    fx, fy = along - bay_index - np.float32(0.5), upper - floor_index - np.float32(0.5)
    in_bay = (bay_index >= 0) & (bay_index < bays)

    colour[np.broadcast_to(y > building.height - 0.35, grain.shape), :3] = np.minimum(wall * 1.08, 240)
    colour[:, ((x < 0.12) | (x > length - 0.12))[0], :3] *= 0.86
    if style in (0, 3):
        colour[((upper > 0) & (upper - floor_index < 0.16 / storey))[:, 0], :, :3] *= 0.9
    if floors:
        inside = in_bay & (floor_index >= 0) & (floor_index < floors)
        cells = floor_index, bay_index, (floors, bays)
        _windows(climate, rng, wall, layers, inside, fx, fy, *_STYLES[style], cells)
    low = np.broadcast_to(y < ground_floor, grain.shape)
    if building.shop and not end_wall:
        _shops(climate, rng, layers, low, x, y, grain, 2 * bay, ground_floor)
    else:
        door_bay = np.mod(bay_index, 4) == 1
        door = low & door_bay & (np.abs(fx) < 0.24) & (y < 2.3)
        pane = low & in_bay & ~door_bay & (np.abs(fx) < _STYLES[style][0] / 2) & (y > 1.0) & (y < 2.4)
        colour[pane, :3] = (36, 38, 42) if climate.dark else (68, 78, 88)
        colour[door, :3] = (74, 56, 44)
        temperature[pane] = climate.glass(0.05) + 0.8
        temperature[door] = climate.wall() + 0.9

    field = np.zeros((rows, columns, 4), np.int16)
    field[..., 0] = np.rint(temperature * 100)
    # Emission is stored coarsely: what is weaker than four units goes into the colour instead.
    glow = emission > 0
    units = np.maximum(emission * EMISSION_UNIT, 4)
    colour[glow, :3] *= np.sqrt(emission[glow] * EMISSION_UNIT / units[glow])[:, None]
    field[..., 3] = np.where(glow, units, 0)
    return np.clip(colour, 0, 255).astype(np.uint8), field


def _windows(climate, rng, wall, layers, inside, fx, fy, wide: float, tall: float, cells) -> None:
    """The windows of the upper floors, some of them lit; `fx`, `fy` are 0 in the middle of each cell."""
    colour, temperature, emission = layers
    floor_index, bay_index, shape = cells
    window = inside & (np.abs(fx) < wide / 2) & (np.abs(fy) < tall / 2)
    frame = inside & (np.abs(fx) < wide / 2 + 0.035) & (np.abs(fy) < tall / 2 + 0.045) & ~window
    sill = inside & (np.abs(fx) < wide / 2 + 0.06) & (fy < -tall / 2) & (fy > -tall / 2 - 0.055)
    bars = window & ((np.abs(fx) < 0.018) | (np.abs(fy - 0.1) < 0.014))
    colour[frame, :3] = np.minimum(wall * 1.16 + 8, 240)
    temperature[frame] += 0.7
    colour[sill, :3] = np.minimum(wall * 1.2 + 10, 245)

    life, tint = rng.random(shape), rng.uniform(0.6, 1.25, shape)
    row, column = np.nonzero(window)
    cell = floor_index[row, 0].astype(int), bay_index[0, column].astype(int)
    life, tint, above = life[cell], tint[cell].astype(np.float32), fy[row, 0]
    glass = np.float32((30, 33, 38) if climate.dark else (74, 88, 102))
    pane = glass * (tint * (1 + 0.35 * above))[:, None]
    curtain = life > 0.72
    pane[curtain] = 0.4 * pane[curtain] + np.float32((90, 88, 83)) * (0.35 if climate.dark else 1)
    lit = life < (0.30 if climate.dark else 0.25 if climate.lamps else 0.0)
    hue = np.where((tint > 0.95)[:, None], np.float32((255, 206, 138)), np.float32((255, 234, 200)))
    pane[lit] = hue[lit]
    colour[window, :3] = pane
    emission[window] = lit * (0.02 + 0.06 * tint * tint) * (1 + 0.5 * above)
    # Warm rooms show through their panes a little; cold panes mirror the sky.
    temperature[window] = climate.glass(0.12) - 0.75 * above + 2.4 * lit + 1.5 * (tint - 0.9)
    colour[bars, :3] = np.minimum(wall * 1.1, 235)
    emission[bars] = 0


def _shops(climate, rng, layers, low, x, y, grain, width: float, ceiling: float) -> None:
    """Shop windows, each `width` metres wide, with a sign above; some are open and lit."""
    colour, temperature, emission = layers
    unit = np.floor(x / np.float32(width)).astype(int)
    from_middle = np.abs(x / np.float32(width) - unit - np.float32(0.5))
    pane = low & (from_middle < 0.42) & (y > 0.45) & (y < ceiling - 1.05)
    board = low & (from_middle < 0.46) & (y > ceiling - 0.95) & (y < ceiling - 0.25)
    text = board & (rng.random(x.shape) < 0.55) & (y > ceiling - 0.75) & (y < ceiling - 0.45)
    units = int(unit.max()) + 1
    hues = rng.integers(40, 220, (units, 3)).astype(np.float32)
    trading = (rng.random(units) < 0.6)[unit]
    colour[pane, :3] = (52, 56, 60)
    colour[board, :3] = np.broadcast_to(hues[unit], (*low.shape, 3))[board]
    colour[text, :3] = 235
    temperature[pane] = climate.glass(0.05) + 2.5
    temperature[board] = climate.wall() + 0.8
    if climate.lamps:
        # Shelves and displays: blocks of random brightness behind the pane.
        shelves = rng.uniform(0.25, 1.0, (24, 24)).astype(np.float32)
        goods = shelves[(y / 0.42).astype(int) % 24, (x / 0.55).astype(int) % 24] + 0.08 * grain
        shining = pane & trading
        colour[shining, :3] = np.clip(90 + 150 * goods[shining], 60, 255)[:, None] * np.float32((1.0, 0.9, 0.72))
        emission[shining] = 0.10
        temperature[shining] += 2.0
        emission[board & trading] = 0.07
        emission[text & trading] = 0.5
