"""People: a skeleton in three dimensions, clothed, drawn limb by limb."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmark.datasets.synth.canvas import Canvas, Point, Surface, capsule
from benchmark.datasets.synth.climate import Climate
from benchmark.datasets.synth.exact import Draws, cos_sin, norm, sin, total

DARK_CLOTHES = ((34, 36, 42), (46, 44, 46), (38, 46, 68), (58, 50, 46), (30, 30, 32), (62, 66, 72), (48, 56, 50))
BRIGHT_CLOTHES = ((176, 60, 52), (210, 204, 194), (74, 104, 158), (196, 160, 66), (150, 150, 156), (120, 74, 110))
TROUSERS = ((40, 42, 50), (48, 56, 80), (70, 64, 58), (32, 32, 34), (96, 92, 86), (66, 80, 110))
SKIN = ((214, 172, 146), (190, 142, 112), (142, 98, 74), (98, 68, 52))
HAIR = ((36, 30, 28), (28, 26, 26), (70, 50, 36), (120, 96, 62), (140, 138, 136))


@dataclass(frozen=True)
class Person:
    """A person standing at (x, z), facing `heading` (radians from the road's direction, to the right).

    `stride`: phase of the walk in radians; `swing`: 0 standing, 1 walking briskly. `coat`: 0 shirt, 1 long
    coat. `seat`: None, or the height in metres of the saddle that the person rides on.
    """

    x: float
    z: float
    height: float
    heading: float
    stride: float
    swing: float
    coat: float
    top: tuple[int, int, int]
    bottom: tuple[int, int, int]
    skin: tuple[int, int, int]
    hair: tuple[int, int, int]
    bag: int = 0  # 0 none, 1 backpack, 2 shoulder bag
    hat: bool = False
    skirt: bool = False
    phone: bool = False
    build: float = 1.0
    seat: float | None = None


def person(rng: Draws, x: float, z: float, heading: float, walking: bool = True) -> Person:
    """A random adult, or now and then a child."""
    child = rng.random() < 0.1
    bright = rng.random() < 0.32
    palette = BRIGHT_CLOTHES if bright else DARK_CLOTHES
    return Person(
        x=x,
        z=z,
        height=float(rng.uniform(1.05, 1.4) if child else rng.normal(1.71, 0.08)),
        heading=heading,
        stride=rng.uniform(0, 2 * math.pi),
        swing=rng.uniform(0.65, 1.0) if walking else 0.08,
        coat=rng.choice((0.1, 0.45, 0.6, 1.0)),
        top=palette[rng.integers(len(palette))],
        bottom=TROUSERS[rng.integers(len(TROUSERS))],
        skin=SKIN[rng.integers(len(SKIN))],
        hair=HAIR[rng.integers(len(HAIR))],
        bag=rng.choice((0, 0, 0, 1, 2)),
        hat=rng.random() < 0.14,
        skirt=rng.random() < 0.12,
        phone=bool(not walking and rng.random() < 0.4),
        build=rng.uniform(0.9, 1.16),
    )


def joints(figure: Person) -> dict[str, tuple[float, float, float]]:
    """Joint positions (to the person's left, up, forward), in units of the body's height."""
    swing, seat = figure.swing, figure.seat
    cosine, sine = cos_sin(figure.stride)
    lean = 0.03 * swing
    points: dict[str, tuple[float, float, float]] = {}
    if seat is not None:
        hip_up = seat / figure.height + 0.03
        points["pelvis"], points["chest"] = (0.0, hip_up, -0.08), (0.0, hip_up + 0.27, 0.02)
        points["neck"], points["head"] = (0.0, hip_up + 0.33, 0.045), (0.0, hip_up + 0.415, 0.065)
        for name, side in (("l", 1), ("r", -1)):
            points[f"hip_{name}"] = (0.05 * side, hip_up, -0.08)
            points[f"knee_{name}"] = (0.085 * side, hip_up - 0.06, 0.13)
            points[f"ankle_{name}"] = (0.085 * side, hip_up - 0.28, 0.06)
            points[f"toe_{name}"] = (0.09 * side, hip_up - 0.30, 0.14)
            points[f"shoulder_{name}"] = (0.105 * side, hip_up + 0.29, 0.01)
            points[f"elbow_{name}"] = (0.16 * side, hip_up + 0.17, 0.12)
            points[f"hand_{name}"] = (0.16 * side, hip_up + 0.16, 0.26)
        return points
    drop = 0.012 * swing * abs(sine)
    points["pelvis"], points["chest"] = (0.0, 0.515 - drop, 0.0), (0.0, 0.77 - drop, lean)
    points["neck"], points["head"] = (0.0, 0.845 - drop, 1.2 * lean), (0.0, 0.93 - drop, 1.5 * lean)
    for name, side in (("l", 1), ("r", -1)):
        phase = sine * side
        thigh = 0.46 * swing * phase
        # The knee bends while its leg is behind and coming forward.
        bend = swing * (0.12 + 0.75 * max(0.0, -cosine * side) * (1 - max(phase, 0)))
        apart = 0.046 + (0.012 if swing < 0.3 else 0.0)
        hip = (0.046 * side, 0.505 - drop, 0.0)
        down, forward = cos_sin(thigh)
        knee = (apart * side, hip[1] - 0.245 * down, 0.245 * forward)
        shin = thigh - bend
        down, forward = cos_sin(shin)
        ankle = ((apart + 0.006) * side, knee[1] - 0.232 * down, knee[2] + 0.232 * forward)
        points[f"hip_{name}"], points[f"knee_{name}"], points[f"ankle_{name}"] = hip, knee, ankle
        points[f"toe_{name}"] = (0.066 * side, max(ankle[1] - 0.028, 0.008), ankle[2] + 0.09)
        shoulder = (0.098 * side * figure.build, 0.8 - drop, lean)
        arm = -0.42 * swing * phase
        if figure.phone and side == 1:
            elbow, hand = (0.13, 0.66, 0.04), (0.06, 0.74, 0.17)
        else:
            # No two arms hang alike: the stride's phase stands in for a person's habit.
            habit = sin(3 * figure.stride + 2 * side)
            wide = (0.122 + 0.012 * habit) * figure.build
            down, forward = cos_sin(arm)
            elbow = (wide * side, shoulder[1] - 0.172 * down, shoulder[2] + 0.172 * forward)
            fore = arm + 0.3 * swing + 0.12 + 0.25 * max(habit, 0)
            inward = 0.105 + 0.02 * habit
            down, forward = cos_sin(fore)
            hand = (inward * side, elbow[1] - 0.155 * down, elbow[2] + 0.155 * forward)
        points[f"shoulder_{name}"], points[f"elbow_{name}"], points[f"hand_{name}"] = shoulder, elbow, hand
    return points


def draw(canvas: Canvas, climate: Climate, figure: Person) -> None:
    """Draw the person, far limbs first."""
    _Sketch(canvas, climate, figure).draw()


def shadow(canvas: Canvas, figure: Person, sun: tuple[float, float, float]) -> None:
    """The shadow that the figure throws on the ground: its limbs, spread across the sun's direction."""
    run_x, run_z = -sun[0] / sun[1], -sun[2] / sun[1]
    run = norm(run_x, run_z) or 1.0
    across_x, across_z = -run_z / run, run_x / run
    h = figure.height
    for a, b, wa, wb in (
        ((-0.06, 0.0), (-0.03, 0.5), 0.05, 0.09),
        ((0.06, 0.0), (0.03, 0.5), 0.05, 0.09),
        ((0.0, 0.5), (0.0, 0.78), 0.17, 0.22),
        ((0.0, 0.92), (0.0, 0.94), 0.1, 0.11),
    ):
        outline = np.array(capsule(a, b, wa, wb)) * h
        ground = np.zeros((len(outline), 3))
        ground[:, 0] = figure.x + outline[:, 0] * across_x + run_x * np.maximum(outline[:, 1], 0)
        ground[:, 2] = figure.z + outline[:, 0] * across_z + run_z * np.maximum(outline[:, 1], 0)
        canvas.shade_ground(ground)


class _Sketch:
    """One person as they stand in the picture: `pixels` of the joints, `unit` pixels of body height."""

    def __init__(self, canvas: Canvas, climate: Climate, figure: Person) -> None:
        self.canvas, self.climate, self.figure = canvas, climate, figure
        camera = canvas.camera
        foot_x, foot_y, self.depth = camera.spot(figure.x, 0.0, figure.z)
        self.unit = unit = camera.focal / self.depth * figure.height
        # How far the person is turned away from the line of sight: 0 faces away, pi faces the camera.
        ahead, aside = cos_sin(figure.heading)
        across, along = figure.x - camera.x, figure.z
        distance = norm(across, along)
        self.away = (ahead * along + aside * across) / distance
        self.aside = (aside * along - ahead * across) / distance
        self.pixels, nearness = {}, {}
        for name, (left, up, forward) in joints(figure).items():
            self.pixels[name] = foot_x + unit * (forward * self.aside - left * self.away), foot_y - unit * up
            nearness[name] = -forward * self.away - left * self.aside
        self.far, self.near = ("l", "r") if nearness["shoulder_l"] < nearness["shoulder_r"] else ("r", "l")
        self.detailed = unit > 34
        sun = climate.sun_direction
        self.sunny_side = -1 if sun[0] * camera.cos - sun[2] * camera.sin < 0 else 1
        self.riding = figure.seat is not None
        self.top = Surface(figure.top, climate.cloth(figure.coat))
        self.bottom = Surface(figure.bottom, climate.cloth(0.45) - 0.8)
        self.skin = Surface(figure.skin, climate.skin())
        self.hair = Surface(figure.hair, climate.skin() - 4.5)
        self.shoe = Surface((38, 36, 36), climate.cloth(1.0) - 1.5)
        self.bag = Surface((52, 50, 58), climate.air + 2.0)

    def draw(self) -> None:
        backpack = self.figure.bag == 1 and not self.riding
        if backpack and self.away < 0.2:
            self._backpack()
        self._arm(self.far, 0.82)
        self._leg(self.far, 0.85)
        self._leg(self.near, 1.0)
        self._body()
        if backpack and self.away >= 0.2:
            self._backpack()
        self._limb("neck", "head", 0.058, 0.05, self.skin.warmer(-0.5))
        if self.riding:
            self._helmet()
        else:
            self._head()
        self._arm(self.near, 1.0)
        if self.figure.bag == 2 and not self.riding:
            x, y = self.pixels[f"elbow_{self.near}"]
            self._hang((x, y + 0.05 * self.unit), 0.06, 0.085, 0.10, self.bag)

    def _limb(self, a: str, b: str, width_a: float, width_b: float, surface: Surface, shade: float = 1.0) -> None:
        """A limb between two joints; widths in units of the body's height."""
        canvas, base = self.canvas, surface.shaded(shade)
        wa, wb = width_a * self.unit, width_b * self.unit
        (ax, ay), (bx, by) = self.pixels[a], self.pixels[b]
        canvas.limb((ax, ay), (bx, by), wa, wb, base, self.depth, 0.25)
        if self.detailed:
            # Limbs are round: the side towards the sun is bright, the middle of the cloth is warmest.
            shift = 0.09 * self.sunny_side * (wa + wb)
            lit = base.shaded(1.10).warmer(0.9)
            canvas.limb((ax + shift, ay), (bx + shift, by), 0.5 * wa, 0.5 * wb, lit, self.depth, 0.85)

    def _hang(self, at: Point, length: float, width_a: float, width_b: float, surface: Surface) -> None:
        """Something that hangs down from a point, in units of the body's height."""
        x, y = at
        unit = self.unit
        self.canvas.limb((x, y), (x, y + length * unit), width_a * unit, width_b * unit, surface, self.depth, 0.35)

    def _leg(self, name: str, shade: float) -> None:
        hip, knee, ankle, toe = (f"{joint}_{name}" for joint in ("hip", "knee", "ankle", "toe"))
        if self.figure.skirt and not self.riding:
            self._limb(knee, ankle, 0.052, 0.034, self.skin, shade)
        else:
            self._limb(hip, knee, 0.096 * self.figure.build, 0.066, self.bottom, shade)
            self._limb(knee, ankle, 0.066, 0.044, self.bottom, 0.97 * shade)
        self._limb(ankle, toe, 0.036, 0.03, self.shoe, shade)

    def _arm(self, name: str, shade: float) -> None:
        thick = 1 + 0.25 * self.figure.coat
        self._limb(f"elbow_{name}", f"hand_{name}", 0.043 * thick, 0.034 * thick, self.top, shade)
        self._limb(f"shoulder_{name}", f"elbow_{name}", 0.056 * thick, 0.046 * thick, self.top, shade)
        palm = max(0.019 * self.unit, 0.6)
        self.canvas.disc(*self.pixels[f"hand_{name}"], palm, palm, self.skin.warmer(-1.5), self.depth, 0.6)

    def _body(self) -> None:
        """Hips, or skirt, or the tails of a coat; then the torso."""
        figure, canvas, unit = self.figure, self.canvas, self.unit
        width = (0.215 - 0.075 * abs(self.aside)) * figure.build * (1 + 0.1 * figure.coat)
        hips = (0.175 - 0.045 * abs(self.aside)) * figure.build * (1 + 0.08 * figure.coat)
        torso = self._torso(width * unit, hips * unit)
        pelvis = self.pixels["pelvis"]
        if figure.coat > 0.8 and not self.riding:
            canvas.fill(torso, self.top, self.depth, 0.3)
            self._hang(pelvis, 0.21, 1.02 * hips, 1.15 * hips, self.top.shaded(0.95).warmer(-0.5))
        elif figure.skirt and not self.riding:
            canvas.fill(torso, self.top, self.depth, 0.3)
            self._hang(pelvis, 0.20, hips, 1.3 * hips, self.bottom)
        else:
            self._hang(pelvis, 0.035, 0.96 * hips, 0.96 * hips, self.bottom)
            canvas.fill(torso, self.top, self.depth, 0.3)
        if not self.detailed:
            return
        centre = np.array([total(column.tolist()) / len(torso) for column in torso.T])
        lit_half = (torso - centre) * (0.55, 0.86) + centre + (0.05 * self.sunny_side * unit, 0)
        canvas.fill(lit_half, self.top.shaded(1.08).warmer(1.0), self.depth, 0.8)
        if self.away < -0.3 and figure.coat < 0.5:
            x, y = self.pixels["neck"]
            collar = [(x - 0.03 * unit, y + 0.02 * unit), (x + 0.03 * unit, y + 0.02 * unit), (x, y + 0.085 * unit)]
            canvas.fill(collar, Surface((200, 196, 190), self.skin.temperature - 2), self.depth, 0.7)

    def _torso(self, width: float, hips: float) -> np.ndarray:
        """Outline (N, 2) of the trunk: sloping shoulders, a waist, the hips; widths in pixels."""
        (cx, cy), (px, py), (nx, ny) = self.pixels["chest"], self.pixels["pelvis"], self.pixels["neck"]
        unit = self.unit
        shoulder = cy - 0.045 * unit
        # Half widths around the body's axis, from the neck down.
        outline = (
            (nx, 0.026 * unit, ny - 0.004 * unit),
            (nx, 0.036 * unit, ny + 0.012 * unit),
            (cx, 0.36 * width, shoulder + 0.004 * unit),
            (cx, 0.46 * width, shoulder + 0.026 * unit),
            (cx, 0.49 * width, shoulder + 0.06 * unit),
            (cx, 0.47 * width, cy + 0.06 * unit),
            ((cx + px) / 2, 0.215 * (width + hips), (cy + py) / 2 + 0.03 * unit),
            (px, 0.5 * hips, py),
            (px, 0.48 * hips, py + 0.03 * unit),
        )
        right = [(axis + half, y) for axis, half, y in outline]
        left = [(axis - half, y) for axis, half, y in outline[::-1]]
        return np.array(right + left)

    def _backpack(self) -> None:
        (x, y), unit = self.pixels["chest"], self.unit
        half = (0.085 - 0.02 * abs(self.aside)) * unit
        x -= self.aside * 0.10 * unit  # the back is on the side that the person does not walk to
        top, bottom = (x, y - 0.045 * unit + half), (x, y + 0.19 * unit - 0.6 * half)
        self.canvas.limb(top, bottom, 2 * half, 2.1 * half, self.bag, self.depth, 0.5)

    def _oval(self, dx: float, dy: float, rx: float, ry: float, surface: Surface, sun: float = 0.6) -> None:
        """An ellipse on the head, in units of the head's half width and half height."""
        x, y = self.pixels["head"]
        wide, high = 0.047 * self.unit, 0.064 * self.unit
        self.canvas.disc(x + dx * wide, y + dy * high, rx * wide, ry * high, surface, self.depth, sun)

    def _helmet(self) -> None:
        air = self.climate.air
        self._oval(0, 0, 1.35, 1.15, Surface(self.figure.hair if self.figure.hat else (150, 60, 50), air + 4))
        if self.away < 0.4:
            self._oval(0.6 * self.aside, 0.1, 0.85, 0.42, Surface((40, 42, 48), air + 7), 0.5)

    def _head(self) -> None:
        self._oval(0, 0, 1, 1, self.skin)
        # Hair covers the crown, and the more of the head the further the face is turned away.
        if self.away < -0.35:
            self._oval(0, -0.40, 1.05, 0.66, self.hair)
        elif self.away < 0.35:
            self._oval(-0.35 * self.aside, -0.24, 0.9, 0.82, self.hair)
        else:
            self._oval(0, -0.12, 1.05, 0.94, self.hair)
        if self.figure.hat:
            self._oval(0, -0.55, 1.1, 0.55, Surface(self.figure.top, self.climate.air + 6).shaded(0.9))
        if self.away < -0.35 and self.unit > 60:
            for side in (-0.38, 0.38):
                self._oval(side, 0.05, 0.14, 0.08, Surface((60, 44, 40), self.skin.temperature + 0.8))
            self._oval(0, 0.25, 0.13, 0.16, self.skin.shaded(0.9).warmer(-2.5), 0.5)
