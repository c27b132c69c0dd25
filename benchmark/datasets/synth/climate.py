"""The hour and the weather: what lights a scene, and how warm its materials are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CONDITIONS = ("day", "dusk", "night", "glare", "fog")


@dataclass(frozen=True)
class Climate:
    """Light in units of full sunlight on a white sheet, colours as (R, G, B) factors, temperatures in degrees
    Celsius, `visibility` the distance in metres over which the air lets 1/e of the light through."""

    condition: str
    sun: float
    sun_colour: tuple[float, float, float]
    sun_direction: tuple[float, float, float]
    ambient: float
    ambient_colour: tuple[float, float, float]
    zenith: tuple[float, float, float]
    skyline: tuple[float, float, float]
    sky_brightness: float
    clouds: float
    lamps: bool
    visibility: float
    gain: float
    noise: float
    wet: float
    air: float
    solar: float
    sky_zenith: float
    sky_horizon: float

    @property
    def dark(self) -> bool:
        return self.lamps and self.ambient < 0.05

    def ground(self, kind: str) -> float:
        """Temperature of level ground that the sun reaches, if it shines."""
        stored, heated = {
            "asphalt": (3.2, 0.8),
            "concrete": (2.4, 0.62),
            "grass": (-1.8, 0.25),
            "soil": (0.2, 0.5),
        }[kind]
        # Masonry gives back by night what it took by day; grass cools under the open sky.
        return self.air + stored * (1 - 0.4 * self.wet) + heated * self.solar * (1 - 0.6 * self.wet)

    def wall(self) -> float:
        return self.air + 1.6 + 0.25 * self.solar

    def leaf(self) -> float:
        return self.air + 0.3 + 0.08 * self.solar

    def metal(self, facing_up: float = 0.0) -> float:
        """Thin metal follows the air; what faces a clear sky loses heat to it, or takes the sun's."""
        return self.air - 0.6 + facing_up * (0.55 * self.solar - 2.6 * (1 - self.clouds))

    def glass(self, facing_up: float = 0.0) -> float:
        """Glass mirrors its surroundings in the thermal infrared: the lower the steeper it faces the sky."""
        return self.air - 2.0 - 5.0 * facing_up * (1 - 0.7 * self.clouds)

    def skin(self) -> float:
        return 31.0 + 0.12 * (self.air - 10)

    def cloth(self, cover: float) -> float:
        """Surface of clothing: `cover` 0 for thin, 1 for a thick coat."""
        return self.air + (self.skin() - self.air) * (0.62 - 0.3 * cover)


def weather(condition: str, rng: np.random.Generator) -> Climate:
    """A random climate of one of CONDITIONS."""
    if condition not in CONDITIONS:
        raise ValueError(f"unknown condition '{condition}'; known: {', '.join(CONDITIONS)}")
    uniform = rng.uniform
    azimuth = uniform(0.35, 1.2) * (1 if rng.random() < 0.5 else -1)
    clouds = float(uniform(0.0, 0.9))
    x, z = float(np.sin(azimuth)), float(-np.cos(azimuth))
    if rng.random() < 0.35:
        z = -z * 0.6
    if condition == "day":
        height = uniform(0.5, 1.3)
        sun = float(uniform(0.55, 1.0)) * (1 - clouds) ** 0.5 if clouds < 0.7 else 0.0
        grey = clouds**2
        zenith = (95 + 80 * grey, 140 + 42 * grey, 205 - 12 * grey)
        return Climate(
            condition, sun, (1.0, 0.95, 0.85), (x, height, z), 0.34 + 0.20 * clouds, (0.9, 0.95, 1.03),
            zenith, (205, 216, 226), 0.62, clouds, False, 900.0, float(uniform(2.7, 3.5)), 0.010, 0.0,
            float(uniform(9, 27)), 16 * sun, -24 + 22 * clouds, -4 + 8 * clouds,
        )  # fmt: skip
    if condition == "fog":
        return Climate(
            condition, 0.0, (1, 1, 1), (x, 1.0, z), 0.34, (0.95, 0.98, 1.0),
            (188, 192, 196), (196, 199, 202), 0.5, 1.0, bool(rng.random() < 0.5), float(uniform(24, 60)), 2.2, 0.012,
            0.6, float(uniform(1, 12)), 0.0, 2.0, 4.0,
        )  # fmt: skip
    if condition == "dusk":
        glow = uniform(0.4, 1.0)
        return Climate(
            condition, 0.0, (1.0, 0.7, 0.5), (x, 0.5, z), float(uniform(0.05, 0.10)), (0.82, 0.9, 1.12),
            (56, 74, 128), (180 + 70 * glow, 142 + 12 * glow, 132 - 20 * glow), 0.085, clouds, True, 700.0, 9.0, 0.020,
            float(rng.random() < 0.35) * 0.6, float(uniform(6, 18)), 3.5, -22 + 20 * clouds, -3 + 8 * clouds,
        )  # fmt: skip
    glare = condition == "glare"
    return Climate(
        condition, 0.0, (1, 1, 1), (x, 1.0, z), float(uniform(0.0018, 0.0045)), (0.75, 0.9, 1.15),
        (22, 27, 44), (58, 52, 52), 0.0045, clouds, True, 600.0, float(uniform(8, 20)), 0.030,
        float(rng.random() < (0.75 if glare else 0.4)) * 0.8, float(uniform(0, 15)), 0.0,
        -26 + 22 * clouds, -5 + 8 * clouds,
    )  # fmt: skip
