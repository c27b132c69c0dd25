"""Two cameras that look at the same drawing: one for light, one for heat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from benchmark.datasets.synth.canvas import EMISSION_UNIT, FAR, Camera, Canvas
from benchmark.datasets.synth.climate import Climate
from benchmark.datasets.synth.exact import Draws, exp2
from benchmark.datasets.synth.exact_filters import enlarged, halved, packed, shrunk, smoothed, spread, unpacked, window
from benchmark.datasets.synth.textures import crop, static

_REFLECTANCE = np.square(np.arange(256, dtype=np.float32) / 255)  # of an 8-bit albedo
_LOG2_E = 1.4426950408889634


@dataclass(frozen=True)
class Light:
    """A light at a world point. `direction`: None for a street lamp, which shines downwards; for a headlight about the
    unit vector (x, y, z) of its beam. `power`: light on a surface one metre away, in units of sunlight."""

    at: tuple[float, float, float]
    colour: tuple[int, int, int]
    power: float
    direction: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class View:
    """The drawing at the size of the final image, before any sensor.

    `albedo` uint8 (H, W, 3), `sun` uint8 (H, W), `temperature` float32 (H, W) in degrees, `instances` int16
    (H, W), `depth` int16 (H, W) in centimetres, FAR in the sky, `emission` float32 (H, W).
    """

    albedo: np.ndarray
    sun: np.ndarray
    temperature: np.ndarray
    instances: np.ndarray
    depth: np.ndarray
    emission: np.ndarray


def view(canvas: Canvas) -> View:
    """Average 2x2 pixels of the drawing to one of the image; instance and depth are taken from one sample per pixel."""
    paint = unpacked(halved(packed(canvas.paint)))
    sampled = canvas.field[1::2, 1::2]
    return View(
        albedo=paint[..., :3],
        sun=paint[..., 3],
        temperature=shrunk(canvas.field[..., 0], 2) * np.float32(0.01 / 4),
        instances=np.ascontiguousarray(sampled[..., 1]),
        depth=np.ascontiguousarray(sampled[..., 2]),
        emission=shrunk(canvas.field[..., 3], 2) * np.float32(1 / 4 / EMISSION_UNIT),
    )


def visible(
    seen: View,
    camera: Camera,
    climate: Climate,
    lights: Sequence[Light],
    material: Draws,
    rng: Draws,
) -> np.ndarray:
    """What a colour camera records, uint8 (H, W, 3). `material` draws what stays from frame to frame, `rng` the rest.

    The light that falls on each point (sky, sun, lamps) times its reflectance, plus what it emits; then come air,
    lens, exposure, and the sensor's noise.
    """
    height, width = seen.depth.shape
    unit = max(width, height) / 320
    shade = 1 + np.float32(0.035) * crop("leaves", material, height, width)
    shade[seen.depth == FAR] = 0
    clear = _transmission(climate.visibility, 1 if climate.visibility > 200 else 0.05).take(seen.depth)
    lamps = cv2.split(_illumination(seen, camera, lights)) if lights else None
    planes = []
    # One colour after the other: a plane stays in the processor's cache.
    for channel, albedo in enumerate(cv2.split(seen.albedo)):
        light = seen.sun * np.float32(climate.sun / 255 * climate.sun_colour[channel])
        light += np.float32(climate.ambient * climate.ambient_colour[channel])
        if lamps is not None:
            light += lamps[channel]
        light *= shade
        light += seen.emission
        light *= cv2.LUT(albedo, _REFLECTANCE)
        # Air dims what is far and adds the light that it scatters.
        white = climate.skyline[channel] / 255
        scattered = white * white * (0.0008 if climate.dark else climate.sky_brightness)
        light -= np.float32(scattered)
        light *= clear
        light += np.float32(scattered)
        light *= np.float32(climate.gain)
        planes.append(light)
    exposed = cv2.merge(planes)
    if climate.lamps:
        exposed += _bloom(exposed, unit, dazzling=climate.condition == "glare")
    # A shoulder instead of clipping: (1 + x/9) x / (1 + x) reaches white at nine times middle exposure.
    level = exposed * np.float32(1 / 9)
    level += 1
    level *= exposed
    exposed += 1
    level /= exposed
    np.sqrt(np.minimum(level, 1, out=level), out=level)
    level = smoothed(level, 0.45 * max(math.sqrt(unit), 0.7), 2.0**-14)
    level *= cv2.merge([_vignette(height, width, 0.26)] * 3)
    # Strong gain shows as coarse, coloured noise.
    grain = cv2.merge([static(rng, height, width, coarse=climate.lamps) for _ in range(3)])
    amount = np.sqrt(level)
    amount *= np.float32(0.65 * climate.noise)
    amount += np.float32(0.35 * climate.noise)
    grain *= amount
    level += grain
    return _digitised(level)


def infrared(seen: View, climate: Climate, material: Draws, rng: Draws) -> np.ndarray:
    """What a long-wave infrared camera records after its automatic gain, uint8 (H, W); generators as in `visible`."""
    height, width = seen.depth.shape
    unit = max(width, height) / 320
    # Material differs a little from place to place; clothes and machines more than walls.
    diversity = np.full((height, width), 0.16, np.float32)
    diversity[seen.depth == FAR] = 0.05
    diversity[seen.instances > 0] = 0.5
    heat = seen.temperature + diversity * crop("rough", material, height, width)
    heat -= np.float32(climate.air)
    heat *= _transmission(260 if climate.condition == "fog" else 900, 1).take(seen.depth)
    heat += np.float32(climate.air)
    heat = smoothed(heat, 0.75 * max(math.sqrt(unit), 0.6), 1 / 128)
    low, middle, upper, high = _ranked(heat[::2, ::2], (0.02, 0.5, 0.95, 0.992))
    # The gain is led by the bulk of the scene; a clear sky and hot engines are let go to black and white.
    low = max(low, min(middle - 8, climate.air - 5))
    high = max(min(high, climate.skin()), middle + 7, upper + 2)
    level = _tone((heat - np.float32(low)) * np.float32(1 / (high - low)), material.uniform(0.38, 0.56))
    # Detail enhancement, as these cameras' firmware does it: a faint halo around strong edges.
    side = window(2.2 * unit)
    level += np.float32(0.35) * (level - spread(level, side, side, 3).astype(np.float32))
    level = (np.float32(0.06) + np.float32(0.88) * level) * _vignette(height, width, 0.08)
    # Fixed pattern of columns and rows, then noise.
    level += material.standard_normal(width) * np.float32(0.004)
    level += material.standard_normal((height, 1)) * np.float32(0.002)
    level += static(rng, height, width) * np.float32(0.009)
    return _digitised(level)


def _digitised(level: np.ndarray) -> np.ndarray:
    """Levels of about 0..1 to uint8, overwriting them."""
    level *= 255
    level += np.float32(0.5)
    return np.clip(level, 0, 255, out=level).astype(np.uint8)


@lru_cache(maxsize=8)
def _transmission(visibility: float, sky: float) -> np.ndarray:
    """The share of its light that the air lets through, float32, by the distance in centimetres."""
    share = exp2(np.arange(FAR + 1) * (-0.01 * _LOG2_E / visibility)).astype(np.float32)
    share[FAR] = sky
    return share


def _ranked(values: np.ndarray, shares: Sequence[float]) -> list[float]:
    """The values below which these shares of all values lie."""
    ranks = [int(share * (values.size - 1)) for share in shares]
    return np.partition(values.ravel(), ranks)[ranks].tolist()


def _tone(level: np.ndarray, middle: float) -> np.ndarray:
    """A curve through (0, 0), (0.5, 0.92 `middle`) and (1, 0.92), flattening out above."""
    steps = np.arange(2048) / 1024  # inputs 0..2
    rising = steps / ((1 / middle - 2) * (1 - np.minimum(steps, 1)) + 1)  # Schlick's bias, as a power law
    curve = np.where(steps <= 1, 0.92 * rising, 1 - 0.08 * exp2(-3 * _LOG2_E * (steps - 1)))
    return curve.astype(np.float32)[np.clip(level * 1024, 0, 2047).astype(np.int16)]


def _illumination(seen: View, camera: Camera, lights: Sequence[Light]) -> np.ndarray:
    """Light that reaches each pixel from lamps and headlights, float32 (H, W, 3); computed at half size."""
    height, width = seen.depth.shape
    depth = seen.depth[::2, ::2] * np.float32(0.01)
    scale = np.float32(2)
    columns = (np.arange(0, width, 2, dtype=np.float32) + np.float32(0.5)) * scale - np.float32(camera.centre)
    rows = (np.arange(0, height, 2, dtype=np.float32)[:, None] + np.float32(0.5)) * scale - np.float32(camera.horizon)
    zoomed = depth * np.float32(1 / camera.focal)
    right = columns * zoomed
    x = camera.cos * right + (camera.sin * depth + camera.x)
    y = camera.above_ground - rows * zoomed
    z = camera.cos * depth - camera.sin * right
    total = np.zeros((*depth.shape, 3), np.float32)
    for light in lights:
        dx, dy, dz = (axis - np.float32(at) for axis, at in zip((x, y, z), light.at))
        square = dx * dx + dy * dy + dz * dz + np.float32(0.4)
        if light.direction is None:
            cone = np.clip((-dy / np.sqrt(square) - np.float32(0.12)) * np.float32(1.6), 0, 1)
            strength = light.power / square * cone
        else:
            ux, uy, uz = light.direction
            cone = np.clip(((dx * ux + dy * uy + dz * uz) / np.sqrt(square) - np.float32(0.8)) * 5, 0, 1)
            strength = light.power / (square + 6) * (cone * cone * cone)
        total += strength[..., None] * _REFLECTANCE[list(light.colour)]
    return enlarged(np.minimum(total, 15), 2.0**-15)[:height, :width]


def _bloom(exposed: np.ndarray, unit: float, dazzling: bool) -> np.ndarray:
    """The strong light that lens and sensor spread, to be added: a halo, a veil and, when dazzled, streaks."""
    height, width = exposed.shape[:2]
    even = cv2.copyMakeBorder(exposed, 0, -height % 16, 0, -width % 16, cv2.BORDER_REPLICATE)
    strong = np.rint(np.clip(even - np.float32(1.2), 0, 120) * 64).astype(np.int32)
    sums = shrunk(strong, 2)
    small, medium, tiny = (shrunk(sums, factor) / (256 * factor * factor) for factor in (1, 2, 8))

    def soft(image: np.ndarray, sigma: float) -> np.ndarray:
        side = window(sigma)
        return spread(image, side, side, 3)

    share = 0.14 if dazzling else 0.06
    halo = 0.30 * soft(small, 1.1 * unit) + enlarged(share * soft(medium, 1.6 * unit), 2.0**-12)
    if dazzling:
        # Twice a box: streaks that taper.
        halo += 0.12 * spread(small, int(15 * unit) | 1, 1, 2) + 0.05 * spread(small, 1, int(11 * unit) | 1, 2)
    veil = 0.7 * share * (soft(tiny, 2.6 * unit) + soft(tiny, 8 * unit))
    for _ in range(3):
        veil = enlarged(veil, 2.0**-12)
    halo += veil
    return enlarged(halo, 2.0**-12)[:height, :width]


def _vignette(height: int, width: int, strength: float) -> np.ndarray:
    y = (np.arange(height, dtype=np.float32)[:, None] + np.float32(0.5)) / height - np.float32(0.5)
    x = (np.arange(width, dtype=np.float32)[None, :] + np.float32(0.5)) / width - np.float32(0.5)
    return 1 - np.float32(strength) * (x * x + y * y)
