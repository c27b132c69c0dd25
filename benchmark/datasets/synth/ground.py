"""Road, pavement and verge: the ground, computed per pixel instead of drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from benchmark.datasets.synth.canvas import EMISSION_UNIT, Canvas
from benchmark.datasets.synth.climate import Climate
from benchmark.datasets.synth.exact import Draws, exp2
from benchmark.datasets.synth.textures import NOISE_SIZE, crop, sampled

_FARTHEST = 320.0  # metres
_KERB = 0.22
_WHITE, _YELLOW = (208, 208, 204), (212, 176, 74)


@dataclass(frozen=True)
class Road:
    """Cross-section of the street, in metres: the roadway reaches from -half to half, then come the
    pavements, `pavement` wide, then the verge ("grass" or "soil"). `lane`: a lane's width; `crossing`: the
    distance z at which a zebra crossing begins, or None."""

    half: float
    lane: float
    pavement: float
    verge: str
    crossing: float | None
    double_line: bool
    yellow: bool

    @property
    def lanes(self) -> int:
        return round(2 * self.half / self.lane)


def draw(canvas: Canvas, climate: Climate, road: Road, rng: Draws, step: int) -> None:
    """The street's surfaces, from the bottom of the picture to the horizon.

    They are computed for blocks of `step` x `step` pixels of the drawing; their edges are softened by the share of a
    block that they cover.
    """
    camera = canvas.camera
    first = int(np.clip(math.ceil(camera.horizon + 1), 0, camera.height))
    blocks = -(-(camera.height - first) // step)
    if blocks <= 0:
        return
    rows = first + step * np.arange(blocks, dtype=np.float32)[:, None] + np.float32(step / 2 - camera.horizon)
    columns = step * np.arange(-(-camera.width // step), dtype=np.float32)[None, :] + np.float32(step / 2)
    depth = np.minimum(camera.focal * camera.above_ground / np.maximum(rows, 0.5), _FARTHEST).astype(np.float32)
    right = (columns - np.float32(camera.centre)) * (depth / np.float32(camera.focal))
    x = camera.cos * right + (camera.sin * depth + camera.x)
    z = camera.cos * depth - camera.sin * right
    # Metres that one block spans, across and along the line of sight.
    across = depth * np.float32(step / camera.focal)
    along = across * np.maximum(depth / camera.above_ground, 1)

    fine = _pattern("rough", x, z, 42, rng) * np.clip(0.024 / across, 0.1, 1)
    grain = _pattern("grain", x, z, 150, rng) * np.clip(0.012 / across, 0, 1)
    coarse = _pattern("patchy", x, z, 7, rng)
    side = np.abs(x)
    beyond = side - np.float32(road.half)

    # Roadway: worn where wheels run, patched, cracked, painted.
    in_lane = wrap(x + road.half, road.lane) - np.float32(road.lane / 2)
    wear = np.clip(1 - np.square((np.abs(in_lane) - 0.78) * 2.4), 0, 1)
    shade = 5.0 * fine + 9.0 * grain + 4.5 * coarse - 5.0 * wear
    heat = 0.25 * coarse + 0.12 * grain + 0.35 * wear
    for _ in range(rng.integers(1, 4)):
        px, pz = rng.uniform(-road.half, road.half), rng.uniform(4, 34)
        patch = _band(x - px + 0.05 * fine, rng.uniform(0.3, 1.3), across) * _band(z - pz, rng.uniform(0.5, 4), along)
        shade -= rng.uniform(6, 15) * patch
        heat += 0.3 * patch
    for _ in range(rng.integers(0, 3)):
        # A manhole: cast iron over the warm air of the sewer.
        px, pz = rng.uniform(-road.half, road.half), rng.uniform(5, 20)
        distance = np.sqrt(np.square(x - px) + np.square(z - pz))
        shade -= 16 * _band(distance, 0.33, along) - 12 * _band(distance - 0.3, 0.03, along)
        heat += 0.9 * _band(distance, 0.33, along)
    crack = np.clip(1 - 22 * np.abs(_pattern("patchy", x, z, 24, rng)), 0, 1)
    shade -= 22 * crack * np.clip(0.04 / across, 0, 1) * (coarse > 0.2)
    worn = np.clip(0.92 + 0.16 * fine - 0.12 * np.maximum(coarse, 0), 0.2, 1)
    lines, centre = _markings(x, z, road, across, along)
    marks = np.maximum(lines, centre) * worn
    heat -= (0.5 + 0.12 * climate.solar) * marks
    tar = 100 * (1 - 0.28 * climate.wet)
    colour = np.float32((tar, tar + 1, tar + 4)) + shade[..., None]
    paint = np.where(((centre > lines) & road.yellow)[..., None], np.float32(_YELLOW), np.float32(_WHITE))
    colour += marks[..., None] * (paint - colour)
    temperature = climate.ground("asphalt") + heat

    # Beside it: kerb and paving slabs, then the verge.
    joint = np.maximum(
        _band(wrap(x, 0.62) - np.float32(0.31), 0.012, across), _band(wrap(z, 0.62) - np.float32(0.31), 0.012, along)
    )
    # Each slab has a tone of its own, -1 to 1, scattered by its number.
    number = np.floor(x / 0.62) * np.float32(0.381966) + np.floor(z / 0.62) * np.float32(0.7548777)
    slabs = (2 * wrap(number * 7, 1) - 1) * np.clip(0.1 / along, 0, 1)
    paved = _from(beyond, _KERB, across)
    texture = 7 * fine + 6 * grain + 5 * coarse + paved * (5 * slabs - 26 * joint)
    stone = np.float32((166, 164, 158)) + np.float32((-26, -29, -30)) * paved[..., None] + texture[..., None]
    kerb = _from(beyond, 0, across)
    colour += kerb[..., None] * (stone - colour)
    # The kerb's face towards the road is in its own shade.
    colour -= (34 * _band(beyond - np.float32(0.03), 0.05, across))[..., None]
    temperature += kerb * (climate.ground("concrete") + 0.3 * coarse + 0.2 * fine - 0.3 * joint - temperature)
    verge = _from(beyond, road.pavement, across)
    if road.verge == "grass":
        green = np.float32((1, 0.92, 0.55)) * (15 * fine + 12 * grain + 5 * coarse)[..., None] + np.float32(
            (78, 98, 52)
        )
    else:
        green = np.float32((122, 116, 108)) + (8 * fine + 8 * grain + 8 * coarse)[..., None]
    colour += verge[..., None] * (green - colour)
    temperature += verge * (climate.ground(road.verge) + 0.5 * fine + 0.4 * coarse - temperature)

    field = np.zeros((*colour.shape[:2], 4), np.int16)
    field[..., 0] = np.rint(temperature * 100)
    field[..., 2] = np.rint(depth * 100)
    colours = np.full((*colour.shape[:2], 4), 255 * min(climate.sun_direction[1], 1.0), np.uint8)
    colours[..., :3] = np.clip(colour, 0, 255)
    rows_left = camera.height - first
    for blocks_of, target in ((colours, canvas.paint), (field, canvas.field)):
        full = blocks_of.repeat(step, axis=0).repeat(step, axis=1) if step > 1 else blocks_of
        target[first:] = full[:rows_left, : camera.width]


def lay_shadows(canvas: Canvas, climate: Climate) -> None:
    """Take the sun away from the ground where `canvas.shadow` says so, with soft edges, and cool it."""
    # Fifteen pixels of SHADE add up to 255.
    soft = cv2.boxFilter(canvas.shadow, cv2.CV_8U, (5, 3), normalize=False)
    shaded = np.flatnonzero(soft.any(axis=1))
    if not len(shaded):
        return
    rows = slice(int(shaded[0]), int(shaded[-1]) + 1)
    soft, exposure, heat = soft[rows], canvas.paint[rows, :, 3], canvas.field[rows, :, 0]
    product = exposure * (255 - soft).astype(np.uint16)
    product += 128
    product += product >> 8  # together with the next shift: divided by 255 and rounded
    exposure[...] = product >> 8
    cooler = (np.arange(256) * np.float32(0.30 * climate.solar * 100 / 255)).astype(np.int16)
    heat -= cooler[soft]


def dim_contact(canvas: Canvas, x: float, z: float, radius: float) -> None:
    """Less light from the sky reaches the ground where something stands on it."""
    column, row, depth = canvas.camera.spot(x, 0, z)
    across = radius * canvas.camera.focal / depth
    along = max(across * canvas.camera.above_ground / depth, 0.7)
    x0, x1 = max(int(column - 1.4 * across), 0), min(int(column + 1.4 * across) + 1, canvas.camera.width)
    y0, y1 = max(int(row - 1.4 * along), 0), min(int(row + 1.4 * along) + 1, canvas.camera.height)
    if x0 < x1 and y0 < y1:
        u = (np.arange(x0, x1, dtype=np.float32)[None, :] + 0.5 - column) / across
        v = (np.arange(y0, y1, dtype=np.float32)[:, None] + 0.5 - row) / along
        dim = 0.5 * np.clip(1.4 - np.sqrt(u * u + v * v), 0, 1)
        region = canvas.paint[y0:y1, x0:x1]
        region[...] = region * (1 - dim[..., None])


def mirror_lights(canvas: Canvas, climate: Climate, lights: list, rng: Draws) -> None:
    """On a wet road, lay each light's mirror image: a long streak, broken up by the asphalt's roughness.

    `lights` have `at` (x, y, z), `colour` and `power`, as sensors.Light.
    """
    camera = canvas.camera
    for light in lights:
        column, foot, depth = camera.spot(light.at[0], 0, light.at[2])
        if depth < 3 or not -50 < column < camera.width + 50:
            continue
        row = camera.spot(light.at[0], -light.at[1], light.at[2])[1]
        reach = max((row - foot) * 0.75, 6.0)
        spread = max(camera.focal / depth * 0.30, 2.0)
        top, bottom = int(max(foot, camera.horizon + 2)), int(min(row + 1.6 * reach, camera.height))
        left, right = int(max(column - 3 * spread, 0)), int(min(column + 3 * spread, camera.width))
        if top >= bottom or left >= right:
            continue
        v, u = (np.arange(top, bottom) - row) / reach, (np.arange(left, right) - column) / spread
        ripple = np.clip(0.8 + 0.3 * crop("rough", rng, bottom - top, right - left), 0.2, 1.5)
        streak = (exp2(-2 * v * v)[:, None] * exp2(-u * u)).astype(np.float32) * ripple
        shine = streak * np.float32(climate.wet * min(light.power, 6) * 0.55 * EMISSION_UNIT / math.sqrt(depth))
        paint, field = canvas.paint[top:bottom, left:right, :3], canvas.field[top:bottom, left:right]
        paint[...] = paint + (np.float32(light.colour) - paint) * (0.8 * np.clip(streak, 0, 1))[..., None]
        field[..., 3] = np.minimum(field[..., 3] + shine, 3000)


def wrap(value: np.ndarray, period: float) -> np.ndarray:
    """`value` modulo `period`; several times faster than numpy's remainder."""
    return value - np.floor(value * np.float32(1 / period)) * np.float32(period)


def _markings(
    x: np.ndarray, z: np.ndarray, road: Road, across: np.ndarray, along: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The share of each block that road paint covers: edge lines, lane lines and crossing; and the middle line."""
    side = np.abs(x)
    lines = _band(side - np.float32(road.half - 0.32), 0.07, across)
    centre = np.zeros_like(x)
    dash = _band(wrap(z, 9.0) - 2, 2.0, along)
    for k in range(1, road.lanes):
        middle = -road.half + k * road.lane
        if abs(middle) > 0.4:
            lines = np.maximum(lines, _band(x - np.float32(middle), 0.07, across) * dash)
        elif road.double_line:
            centre = _band(side - np.float32(0.13), 0.06, across)
        else:
            centre = _band(x, 0.07, across) * dash
    if road.crossing is not None:
        ahead = z - np.float32(road.crossing + 1.8)
        clear = 1 - _band(ahead, 3.6, along)
        stripes = _band(wrap(x, 1.0) - np.float32(0.5), 0.25, across) * _band(ahead, 1.8, along)
        stop = _band(ahead + np.float32(3.2), 0.2, along) * (x > 0)
        lines = np.maximum(lines * clear, np.maximum(stripes, stop) * (side < road.half - 0.35))
        centre = centre * clear
    return lines * (side < road.half), centre


def _band(distance: np.ndarray, half_width: float, footprint: np.ndarray) -> np.ndarray:
    """The share of a block, `footprint` wide and this far from a stripe's middle, that the stripe covers."""
    share = (np.float32(half_width) - np.abs(distance)) / footprint + np.float32(0.5)
    return np.clip(share, 0, np.minimum(2 * np.float32(half_width) / footprint, 1))


def _from(distance: np.ndarray, edge: float, footprint: np.ndarray) -> np.ndarray:
    """The share of a block that is covered by what begins at `edge`."""
    return np.clip((distance - np.float32(edge)) / footprint + np.float32(0.5), 0, 1)


def _pattern(name: str, x: np.ndarray, z: np.ndarray, per_metre: float, rng: Draws) -> np.ndarray:
    """Noise laid on the ground, `per_metre` texels to the metre."""
    shift = [float(s) for s in rng.integers(0, NOISE_SIZE, 2)]
    map_x, map_z = (wrap(v * np.float32(per_metre) + s, NOISE_SIZE) for v, s in ((x, shift[0]), (z, shift[1])))
    return sampled(name, map_x, map_z)
