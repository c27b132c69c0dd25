"""The hour and the weather: what lights a scene, and how warm its materials are."""

from __future__ import annotations

import math
from dataclasses import dataclass

from benchmark.datasets.synth.exact import Draws, cos_sin

CONDITIONS = ("day", "dusk", "night", "glare", "fog")

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Climate:
    """What the sky, the air and the hour are like.

    `sun`: strength of direct sunlight, 0..1; `ambient`: strength of the sky's light, in units of full sunlight.
    `sun_colour`, `ambient_colour`: factors (R, G, B). `sun_direction`: towards the sun, any length.
    `zenith`, `skyline`: colours of the sky (0..255); `sky_brightness`: its light; `clouds`: cover, 0..1.
    `lamps`: artificial light is on. `visibility`: metres over which the air lets 1/e of the light through.
    `gain`, `noise`: of the colour camera. `wet`: of the road, 0..1.
    Degrees Celsius: `air`, `solar` (what full sun adds to a surface that faces it), `sky_zenith` and
    `sky_horizon` (as a thermal camera sees the sky).
    """

    condition: str
    sun: float
    sun_colour: tuple[float, float, float]
    sun_direction: Vector
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
        """Thin metal follows the air; where it faces a clear sky, it loses heat to that or takes the sun's."""
        return self.air - 0.6 + facing_up * (0.55 * self.solar - 2.6 * (1 - self.clouds))

    def glass(self, facing_up: float = 0.0) -> float:
        """Glass mirrors its surroundings in the thermal infrared: the more it faces the sky, the colder it looks."""
        return self.air - 2.0 - 5.0 * facing_up * (1 - 0.7 * self.clouds)

    def skin(self) -> float:
        return 31.0 + 0.12 * (self.air - 10)

    def cloth(self, cover: float) -> float:
        """Surface of clothing: `cover` 0 for thin, 1 for a thick coat."""
        return self.air + (self.skin() - self.air) * (0.62 - 0.3 * cover)


def weather(condition: str, rng: Draws) -> Climate:
    """A random climate of one of CONDITIONS."""
    if condition not in CONDITIONS:
        raise ValueError(f"unknown condition '{condition}'; known: {', '.join(CONDITIONS)}")
    azimuth = rng.uniform(0.35, 1.2) * (1 if rng.random() < 0.5 else -1)
    clouds = rng.uniform(0.0, 0.9)
    behind = 0.6 if rng.random() < 0.35 else -1.0
    maker = {"day": _day, "dusk": _dusk, "fog": _fog}.get(condition, _night)
    ahead, aside = cos_sin(azimuth)
    return maker(condition, rng, clouds, (aside, 1.0, behind * ahead))


def _day(condition: str, rng: Draws, clouds: float, sun: Vector) -> Climate:
    height = rng.uniform(0.5, 1.3)
    strength = rng.uniform(0.55, 1.0) * math.sqrt(1 - clouds) if clouds < 0.7 else 0.0
    grey = clouds * clouds
    return Climate(
        condition=condition,
        sun=strength,
        sun_colour=(1.0, 0.95, 0.85),
        sun_direction=(sun[0], height, sun[2]),
        ambient=0.34 + 0.20 * clouds,
        ambient_colour=(0.9, 0.95, 1.03),
        zenith=(95 + 80 * grey, 140 + 42 * grey, 205 - 12 * grey),
        skyline=(205, 216, 226),
        sky_brightness=0.62,
        clouds=clouds,
        lamps=False,
        visibility=900,
        gain=rng.uniform(2.7, 3.5),
        noise=0.010,
        wet=0,
        air=rng.uniform(9, 27),
        solar=16 * strength,
        sky_zenith=-24 + 22 * clouds,
        sky_horizon=-4 + 8 * clouds,
    )


def _fog(condition: str, rng: Draws, clouds: float, sun: Vector) -> Climate:
    return Climate(
        condition=condition,
        sun=0,
        sun_colour=(1, 1, 1),
        sun_direction=sun,
        ambient=0.34,
        ambient_colour=(0.95, 0.98, 1.0),
        zenith=(188, 192, 196),
        skyline=(196, 199, 202),
        sky_brightness=0.5,
        clouds=1,
        lamps=rng.random() < 0.5,
        visibility=rng.uniform(24, 60),
        gain=2.2,
        noise=0.012,
        wet=0.6,
        air=rng.uniform(1, 12),
        solar=0,
        sky_zenith=2,
        sky_horizon=4,
    )


def _dusk(condition: str, rng: Draws, clouds: float, sun: Vector) -> Climate:
    glow = rng.uniform(0.4, 1.0)
    return Climate(
        condition=condition,
        sun=0,
        sun_colour=(1.0, 0.7, 0.5),
        sun_direction=(sun[0], 0.5, sun[2]),
        ambient=rng.uniform(0.05, 0.10),
        ambient_colour=(0.82, 0.9, 1.12),
        zenith=(56, 74, 128),
        skyline=(180 + 70 * glow, 142 + 12 * glow, 132 - 20 * glow),
        sky_brightness=0.085,
        clouds=clouds,
        lamps=True,
        visibility=700,
        gain=9,
        noise=0.020,
        wet=0.6 if rng.random() < 0.35 else 0.0,
        air=rng.uniform(6, 18),
        solar=3.5,
        sky_zenith=-22 + 20 * clouds,
        sky_horizon=-3 + 8 * clouds,
    )


def _night(condition: str, rng: Draws, clouds: float, sun: Vector) -> Climate:
    """Night, with or without glare: wet roads, which dazzle, are likelier with it."""
    return Climate(
        condition=condition,
        sun=0,
        sun_colour=(1, 1, 1),
        sun_direction=sun,
        ambient=rng.uniform(0.0018, 0.0045),
        ambient_colour=(0.75, 0.9, 1.15),
        zenith=(22, 27, 44),
        skyline=(58, 52, 52),
        sky_brightness=0.0045,
        clouds=clouds,
        lamps=True,
        visibility=600,
        gain=rng.uniform(8, 20),
        noise=0.030,
        wet=0.8 if rng.random() < (0.75 if condition == "glare" else 0.4) else 0.0,
        air=rng.uniform(0, 15),
        solar=0,
        sky_zenith=-26 + 22 * clouds,
        sky_horizon=-5 + 8 * clouds,
    )
