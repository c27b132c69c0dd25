"""Sky and skyline: everything that is too far away to have a place on the ground."""

from __future__ import annotations

import numpy as np

from benchmark.datasets.synth.buildings import WALLS
from benchmark.datasets.synth.canvas import EMISSION_UNIT, FAR, Canvas, Surface
from benchmark.datasets.synth.climate import Climate
from benchmark.datasets.synth.exact import Draws, steps
from benchmark.datasets.synth.exact_filters import enlarged
from benchmark.datasets.synth.ground import wrap
from benchmark.datasets.synth.textures import NOISE_SIZE, crop, sampled


def draw_sky(canvas: Canvas, climate: Climate, rng: Draws) -> None:
    """Gradient, clouds and stars, down to a little below the horizon."""
    camera = canvas.camera
    rows = int(min(max(camera.horizon + 2, 1), camera.height))
    half_rows, half_columns = (rows + 1) // 2, (camera.width + 1) // 2  # there is nothing fine in a sky
    up = (camera.horizon - 2 * np.arange(half_rows, dtype=np.float32)) / np.float32(0.9 * camera.focal)
    up = np.clip(up, 0, 1)[:, None]
    rise = np.sqrt(up)
    zenith, skyline = np.float32(climate.zenith), np.float32(climate.skyline)
    clear = skyline + (zenith - skyline) * rise[..., None]
    temperature = climate.sky_horizon + (climate.sky_zenith - climate.sky_horizon) * rise
    # A flat cloud base, seen in perspective: rows near the horizon are far away.
    distance = 1 / (up + np.float32(0.08))
    across = (2 * np.arange(half_columns, dtype=np.float32)[None, :] - np.float32(camera.centre)) / np.float32(
        camera.focal
    )
    shift = [float(s) for s in rng.integers(0, NOISE_SIZE, 2)]
    map_x = wrap(across * distance * 90 + shift[0], NOISE_SIZE)
    map_y = wrap(np.repeat(distance * 130, half_columns, axis=1) + shift[1], NOISE_SIZE)
    pattern = sampled("soft", map_x, map_y)
    cover = np.clip((pattern - 1.6 + 3.0 * climate.clouds) * 0.55, 0, 1) * np.clip(up * 9, 0.15, 1)
    cloud = (skyline * 0.72 + zenith * 0.28 + 14) * (1.0 + 0.055 * (pattern - 0.5)[..., None])
    colour = clear + (cloud - clear) * (0.85 * cover[..., None])
    temperature = temperature + (climate.sky_horizon + 2 - temperature) * (0.75 * cover)
    if climate.dark:
        stars = rng.random((half_rows, half_columns)) > 0.9985
        colour += stars[..., None] * (120 * (1 - cover[..., None]))
    paint, heat = (enlarged(layer)[:rows, : camera.width] for layer in (np.clip(colour, 0, 255), temperature * 100))
    canvas.paint[:rows, :, :3] = np.rint(paint)
    canvas.field[:rows, :, 0] = np.rint(heat)
    canvas.field[:rows, :, 2] = FAR
    canvas.field[:rows, :, 3] = max(1, round(climate.sky_brightness * EMISSION_UNIT))


def draw_skyline(canvas: Canvas, climate: Climate, rng: Draws, city: bool) -> None:
    """Hills, far towers in a city, and a belt of trees before them."""
    camera = canvas.camera
    columns = np.arange(0, camera.width + 8, 4)
    relief = crop("soft", rng, 1, len(columns))[0]
    hills = (0.035 + 0.022 * relief) * camera.focal * (0.5 if city else 1.1)
    _ridge(canvas, columns, hills, Surface((84, 96, 88), climate.air - 1.0), 320)
    if city:
        left = -40.0
        while left < camera.width + 40:
            left = _tower(canvas, climate, rng, left)
    leaves = crop("rough", rng, 1, len(columns))[0]
    belt = (0.022 + 0.009 * leaves) * camera.focal
    _ridge(canvas, columns, belt, Surface((58, 68, 50), climate.leaf() - 0.5), 150)


def _ridge(canvas: Canvas, columns: np.ndarray, height: np.ndarray, surface: Surface, depth: float) -> None:
    horizon, end = canvas.camera.horizon, canvas.camera.width + 8
    crest = np.stack([columns, horizon - np.maximum(height, 1)], axis=1)
    canvas.fill(np.concatenate([crest, [(end, horizon + 3), (0, horizon + 3)]]), surface, depth, 0.45)


def _tower(canvas: Canvas, climate: Climate, rng: Draws, left: float) -> float:
    """One far building whose left edge is at the column `left`; returns where the next may begin."""
    focal, foot = canvas.camera.focal, canvas.camera.horizon + 2
    right = left + rng.uniform(0.03, 0.09) * focal
    top = foot - rng.uniform(0.04, 0.24) * focal
    wall = WALLS[rng.integers(len(WALLS))]
    depth = 230

    def box(x0: float, y0: float, x1: float, y1: float, surface: Surface, sun: float) -> None:
        canvas.fill([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], surface, depth, sun)

    box(left, top, right, foot, Surface(wall, climate.wall() - 0.5).shaded(0.85), 0.45)
    step = max(3.0, 0.011 * focal)
    for y in steps(top + step, foot - step, step):
        if not climate.lamps:
            box(left, y, right, y + step * 0.4, Surface(wall, climate.wall() - 1.2).shaded(0.68), 0.4)
            continue
        for x in steps(left + step * 0.6, right - step * 0.8, step):
            if rng.random() < 0.22:
                box(x, y, x + step / 2, y + step / 2, Surface((255, 214, 150), climate.wall(), 0.05), 0)
    return left + (right - left) * rng.uniform(1.0, 1.9)
