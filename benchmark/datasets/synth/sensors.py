"""Two cameras that look at the same drawing: one for light, one for heat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from benchmark.datasets.synth.canvas import EMISSION_UNIT, FAR, Camera, Canvas
from benchmark.datasets.synth.climate import Climate
from benchmark.datasets.synth.textures import crop, static

_REFLECTANCE = np.square(np.arange(256, dtype=np.float32) / 255)  # of an 8-bit albedo
_BITS_TO_E = 1.4427  # exp(-x) is exp2(-1.4427 x), which is faster


@dataclass(frozen=True)
class Light:
    """A light at a world point. `direction` None: a street lamp, shining downwards; else about the unit vector
    (x, y, z) of a headlight's beam. `power`: light on a surface one metre away, in units of sunlight."""

    at: tuple[float, float, float]
    colour: tuple[int, int, int]
    power: float
    direction: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class View:
    """The drawing at the size of the final image, before any sensor.

    `albedo` uint8 (H, W, 3), `sun` uint8 (H, W), `temperature` float32 (H, W) in degrees, `instances` int16
    (H, W), `depth` float32 (H, W) in metres, `emission` float32 (H, W), `sky` bool (H, W).
    """

    albedo: np.ndarray
    sun: np.ndarray
    temperature: np.ndarray
    instances: np.ndarray
    depth: np.ndarray
    emission: np.ndarray
    sky: np.ndarray


def view(canvas: Canvas, width: int, height: int) -> View:
    """Average the drawing down to the final size; instance and depth are taken from one sample per pixel."""
    scale = canvas.camera.width // width

    def averaged(layer: np.ndarray) -> np.ndarray:
        return cv2.resize(np.ascontiguousarray(layer), (width, height), interpolation=cv2.INTER_AREA)

    paint = averaged(canvas.paint)
    sampled = canvas.field[scale // 2 :: scale, scale // 2 :: scale]
    return View(
        albedo=paint[..., :3],
        sun=paint[..., 3],
        temperature=averaged(canvas.field[..., 0]) * np.float32(0.01),
        instances=np.ascontiguousarray(sampled[..., 1]),
        depth=sampled[..., 2] * np.float32(0.01),
        emission=averaged(canvas.field[..., 3].astype(np.float32)) * np.float32(1 / EMISSION_UNIT),
        sky=sampled[..., 2] == FAR,
    )


def visible(
    seen: View,
    camera: Camera,
    climate: Climate,
    lights: Sequence[Light],
    material: np.random.Generator,
    rng: np.random.Generator,
) -> np.ndarray:
    """What a colour camera records, uint8 (H, W, 3). `material` draws what stays from frame to frame, `rng` the rest.

    Light that falls on each point (sky, sun, lamps) times its reflectance, plus what it emits; then air, lens,
    exposure, and the sensor's noise.
    """
    height, width = seen.depth.shape
    unit = max(width, height) / 320
    shade = 1 + np.float32(0.035) * crop("leaves", material, height, width)
    shade[seen.sky] = 0
    clear = np.exp2(np.float32(-_BITS_TO_E / climate.visibility) * seen.depth)
    clear[seen.sky] = 1 if climate.visibility > 200 else 0.05
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
        scattered = (climate.skyline[channel] / 255) ** 2 * (0.0008 if climate.dark else climate.sky_brightness)
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
    level = cv2.GaussianBlur(level, (0, 0), 0.45 * max(unit**0.5, 0.7), borderType=cv2.BORDER_REFLECT)
    level *= cv2.merge([_vignette(height, width, 0.26)] * 3)
    grain = cv2.merge([static(rng, height, width) for _ in range(3)])
    if climate.lamps:
        # Strong gain shows as coarse, coloured noise, which the camera has smoothed already.
        grain = cv2.addWeighted(grain, 0.55, cv2.blur(grain, (2, 2)), 0.9, 0)
    amount = np.sqrt(level)
    amount *= np.float32(0.65 * climate.noise)
    amount += np.float32(0.35 * climate.noise)
    grain *= amount
    level += grain
    return _digitised(level)


def infrared(seen: View, climate: Climate, material: np.random.Generator, rng: np.random.Generator) -> np.ndarray:
    """What a long-wave infrared camera records after its automatic gain, uint8 (H, W); generators as in `visible`."""
    height, width = seen.depth.shape
    unit = max(width, height) / 320
    # Material differs a little from place to place; clothes and machines more than walls.
    spread = np.where(seen.instances > 0, np.float32(0.5), np.where(seen.sky, np.float32(0.05), np.float32(0.16)))
    heat = seen.temperature + spread * crop("rough", material, height, width)
    haze = 1 - np.exp2(np.float32(-_BITS_TO_E / (260 if climate.condition == "fog" else 900)) * seen.depth)
    haze[seen.sky] = 0
    heat += haze * (np.float32(climate.air) - heat)
    heat = cv2.GaussianBlur(heat, (0, 0), 0.75 * max(unit**0.6, 0.6), borderType=cv2.BORDER_REFLECT)
    low, middle, upper, high = np.percentile(heat[::2, ::2], (2.0, 50, 95, 99.2))
    # The gain is led by the bulk of the scene; a clear sky and hot engines are let go to black and white.
    low = max(low, min(middle - 8, climate.air - 5))
    high = max(min(high, climate.skin()), middle + 7, upper + 2)
    level = _tone((heat - np.float32(low)) * np.float32(1 / (high - low)), float(material.uniform(0.85, 1.4)))
    # Detail enhancement, as these cameras' firmware does it: a faint halo around strong edges.
    level += np.float32(0.35) * (level - cv2.GaussianBlur(level, (0, 0), 2.2 * unit, borderType=cv2.BORDER_REFLECT))
    level = (np.float32(0.06) + np.float32(0.88) * level) * _vignette(height, width, 0.08)
    # Fixed pattern of columns and rows, then noise.
    level += material.standard_normal(width, dtype=np.float32) * np.float32(0.004)
    level += material.standard_normal((height, 1), dtype=np.float32) * np.float32(0.002)
    level += static(rng, height, width) * np.float32(0.009)
    return _digitised(level)


def _digitised(level: np.ndarray) -> np.ndarray:
    """Levels of about 0..1 to uint8, overwriting them."""
    level *= 255
    level += np.float32(0.5)
    return np.clip(level, 0, 255, out=level).astype(np.uint8)


def _tone(level: np.ndarray, gamma: float) -> np.ndarray:
    """A power law up to 1, flattening out above."""
    steps = np.arange(2048) / 1024  # inputs 0..2
    curve = np.where(steps <= 1, 0.92 * steps**gamma, 1 - 0.08 * np.exp(-3 * (steps - 1)))
    return curve.astype(np.float32)[np.clip(level * 1024, 0, 2047).astype(np.int16)]


def _illumination(seen: View, camera: Camera, lights: Sequence[Light]) -> np.ndarray:
    """Light that reaches each pixel from lamps and headlights, float32 (H, W, 3); computed at half size."""
    height, width = seen.depth.shape
    depth = seen.depth[::2, ::2]
    scale = np.float32(camera.width / width)
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
    return cv2.resize(total, (width, height), interpolation=cv2.INTER_LINEAR)


def _bloom(exposed: np.ndarray, unit: float, dazzling: bool) -> np.ndarray:
    """What lens and sensor spread of strong light, to be added: a halo, a veil and, when dazzled, streaks."""
    height, width = exposed.shape[:2]
    strong = np.clip(exposed - np.float32(1.2), 0, 120)
    small = cv2.resize(strong, (max(width // 2, 1), max(height // 2, 1)), interpolation=cv2.INTER_AREA)
    tiny = cv2.resize(small, (max(width // 8, 1), max(height // 8, 1)), interpolation=cv2.INTER_AREA)
    share = 0.14 if dazzling else 0.06
    halo = 0.30 * cv2.GaussianBlur(small, (0, 0), 1.1 * unit) + share * cv2.GaussianBlur(small, (0, 0), 3.2 * unit)
    if dazzling:
        # Twice a box: streaks that taper.
        for size, part in (((int(15 * unit) | 1, 1), 0.12), ((1, int(11 * unit) | 1), 0.05)):
            halo += part * cv2.blur(cv2.blur(small, size), size)
    veil = 0.7 * share * (cv2.GaussianBlur(tiny, (0, 0), 2.6 * unit) + cv2.GaussianBlur(tiny, (0, 0), 8 * unit))
    spread = cv2.resize(halo, (width, height), interpolation=cv2.INTER_LINEAR)
    return spread + np.maximum(cv2.resize(veil, (width, height), interpolation=cv2.INTER_CUBIC), 0)


def _vignette(height: int, width: int, strength: float) -> np.ndarray:
    y = (np.arange(height, dtype=np.float32)[:, None] + np.float32(0.5)) / height - np.float32(0.5)
    x = (np.arange(width, dtype=np.float32)[None, :] + np.float32(0.5)) / width - np.float32(0.5)
    return 1 - np.float32(strength) * (x * x + y * y)
