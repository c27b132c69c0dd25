"""People: a skeleton in three dimensions, clothed, drawn limb by limb."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmark.datasets.synth.canvas import Canvas, Point, Surface, capsule
from benchmark.datasets.synth.climate import Climate

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
    base: float = 0.0


def person(rng: np.random.Generator, x: float, z: float, heading: float, walking: bool = True) -> Person:
    """A random adult, or now and then a child."""
    child = rng.random() < 0.1
    bright = rng.random() < 0.32
    palette = BRIGHT_CLOTHES if bright else DARK_CLOTHES
    return Person(
        x=x,
        z=z,
        height=float(rng.uniform(1.05, 1.4) if child else rng.normal(1.71, 0.08)),
        heading=heading,
        stride=float(rng.uniform(0, 2 * math.pi)),
        swing=float(rng.uniform(0.65, 1.0)) if walking else 0.08,
        coat=float(rng.choice((0.1, 0.45, 0.6, 1.0))),
        top=palette[rng.integers(len(palette))],
        bottom=TROUSERS[rng.integers(len(TROUSERS))],
        skin=SKIN[rng.integers(len(SKIN))],
        hair=HAIR[rng.integers(len(HAIR))],
        bag=int(rng.choice((0, 0, 0, 1, 2))),
        hat=bool(rng.random() < 0.14),
        skirt=bool(rng.random() < 0.12),
        phone=bool(not walking and rng.random() < 0.4),
        build=float(rng.uniform(0.9, 1.16)),
    )


def joints(figure: Person) -> dict[str, tuple[float, float, float]]:
    """Joint positions (to the person's left, up, forward), in units of the body's height."""
    swing, seat = figure.swing, figure.seat
    sine = math.sin(figure.stride)
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
        bend = swing * (0.12 + 0.75 * max(0.0, -math.cos(figure.stride) * side) * (1 - max(phase, 0)))
        apart = 0.046 + (0.012 if swing < 0.3 else 0.0)
        hip = (0.046 * side, 0.505 - drop, 0.0)
        knee = (apart * side, hip[1] - 0.245 * math.cos(thigh), 0.245 * math.sin(thigh))
        shin = thigh - bend
        ankle = ((apart + 0.006) * side, knee[1] - 0.232 * math.cos(shin), knee[2] + 0.232 * math.sin(shin))
        points[f"hip_{name}"], points[f"knee_{name}"], points[f"ankle_{name}"] = hip, knee, ankle
        points[f"toe_{name}"] = (0.066 * side, max(ankle[1] - 0.028, 0.008), ankle[2] + 0.09)
        shoulder = (0.098 * side * figure.build, 0.8 - drop, lean)
        arm = -0.42 * swing * phase
        if figure.phone and side == 1:
            elbow, hand = (0.13, 0.66, 0.04), (0.06, 0.74, 0.17)
        else:
            # No two arms hang alike: the stride's phase stands in for a person's habit.
            habit = math.sin(3 * figure.stride + 2 * side)
            wide = (0.122 + 0.012 * habit) * figure.build
            elbow = (wide * side, shoulder[1] - 0.172 * math.cos(arm), shoulder[2] + 0.172 * math.sin(arm))
            fore = arm + 0.3 * swing + 0.12 + 0.25 * max(habit, 0)
            inward = 0.105 + 0.02 * habit
            hand = (inward * side, elbow[1] - 0.155 * math.cos(fore), elbow[2] + 0.155 * math.sin(fore))
        points[f"shoulder_{name}"], points[f"elbow_{name}"], points[f"hand_{name}"] = shoulder, elbow, hand
    return points


def draw(canvas: Canvas, climate: Climate, figure: Person) -> None:
    """Draw the person, far limbs first."""
    camera = canvas.camera
    foot_x, foot_y, depth = camera.spot(figure.x, figure.base, figure.z)
    unit = camera.focal / depth * figure.height
    # How far the person is turned away from the line of sight: 0 faces away, pi faces the camera.
    bearing = math.atan2(figure.x - camera.x, figure.z)
    turn = figure.heading - bearing
    cosine, sine = math.cos(turn), math.sin(turn)
    pixels, nearness = {}, {}
    for name, (left, up, forward) in joints(figure).items():
        pixels[name] = (foot_x + unit * (forward * sine - left * cosine), foot_y - unit * up)
        nearness[name] = -forward * cosine - left * sine

    detailed = unit > 34
    heat = climate
    cover = figure.coat
    top = Surface(figure.top, heat.cloth(cover))
    bottom = Surface(figure.bottom, heat.cloth(0.45) - 0.8)
    skin = Surface(figure.skin, heat.skin())
    shoe = Surface((38, 36, 36), heat.cloth(1.0) - 1.5)
    hair = Surface(figure.hair, heat.skin() - 4.5)
    wide = figure.build
    sun = climate.sun_direction
    lit_left = (sun[0] * camera.cos - sun[2] * camera.sin) < 0

    def limb(a: str, b: str, width_a: float, width_b: float, surface: Surface, shade: float = 1.0) -> None:
        base = surface.shaded(shade)
        wa, wb = width_a * unit, width_b * unit
        canvas.limb(pixels[a], pixels[b], wa, wb, base, depth, 0.25)
        if detailed:
            # Round limbs: the side towards the sun is bright, the middle of the cloth is warmest.
            shift = (-0.18 if lit_left else 0.18) * (wa + wb) / 2
            (ax, ay), (bx, by) = pixels[a], pixels[b]
            canvas.limb(
                (ax + shift, ay), (bx + shift, by), wa * 0.5, wb * 0.5, base.shaded(1.10).warmer(0.9), depth, 0.85
            )

    def leg(name: str, shade: float) -> None:
        if figure.skirt and figure.seat is None:
            limb(f"knee_{name}", f"ankle_{name}", 0.052, 0.034, skin, shade)
        else:
            limb(f"hip_{name}", f"knee_{name}", 0.096 * wide, 0.066, bottom, shade)
            limb(f"knee_{name}", f"ankle_{name}", 0.066, 0.044, bottom, shade * 0.97)
        limb(f"ankle_{name}", f"toe_{name}", 0.036, 0.03, shoe, shade)

    def arm(name: str, shade: float) -> None:
        thick = 1 + 0.25 * cover
        limb(f"elbow_{name}", f"hand_{name}", 0.043 * thick, 0.034 * thick, top, shade)
        limb(f"shoulder_{name}", f"elbow_{name}", 0.056 * thick, 0.046 * thick, top, shade)
        hx, hy = pixels[f"hand_{name}"]
        palm = max(0.019 * unit, 0.6)
        canvas.disc(hx, hy, palm, palm, skin.warmer(-1.5), depth, 0.6)

    far, near = ("l", "r") if nearness["shoulder_l"] < nearness["shoulder_r"] else ("r", "l")
    backpack = figure.bag == 1 and figure.seat is None
    bag_surface = Surface((52, 50, 58), climate.air + 2.0)
    chest, pelvis = pixels["chest"], pixels["pelvis"]
    back_side = -sine  # where the back points, across the picture
    if backpack and cosine < 0.2:
        _backpack(canvas, chest, back_side, unit, bag_surface, depth)
    arm(far, 0.82)
    leg(far, 0.85)
    leg(near, 1.0)
    side_on = abs(sine)
    width = (0.215 - 0.075 * side_on) * wide * (1 + 0.1 * cover)
    hip_width = (0.175 - 0.045 * side_on) * wide * (1 + 0.08 * cover)
    torso = _torso(chest, pelvis, pixels["neck"], width * unit, hip_width * unit, unit)
    canvas.fill(torso, top, depth, 0.3)
    if cover > 0.8 and figure.seat is None:
        hem = (pelvis[0], pelvis[1] + 0.21 * unit)
        canvas.limb(
            pelvis, hem, hip_width * unit * 1.02, hip_width * unit * 1.15, top.shaded(0.95).warmer(-0.5), depth, 0.3
        )
    elif figure.skirt and figure.seat is None:
        hem = (pelvis[0], pelvis[1] + 0.2 * unit)
        canvas.limb(pelvis, hem, hip_width * unit, hip_width * unit * 1.3, bottom, depth, 0.35)
    else:
        low = (pelvis[0], pelvis[1] + 0.035 * unit)
        canvas.limb(pelvis, low, hip_width * unit * 0.96, hip_width * unit * 0.96, bottom, depth, 0.35)
        canvas.fill(_torso(chest, pelvis, pixels["neck"], width * unit, hip_width * unit, unit), top, depth, 0.3)
    if detailed:
        shift = (-0.05 if lit_left else 0.05) * unit
        inner = (torso - torso.mean(0)) * np.float32((0.55, 0.86)) + torso.mean(0) + np.float32((shift, 0))
        canvas.fill(inner, top.shaded(1.08).warmer(1.0), depth, 0.8)
        if cosine < -0.3 and figure.coat < 0.5:
            # An open collar: warm and bright.
            nx, ny = pixels["neck"]
            v = np.array(
                [(nx - 0.03 * unit, ny + 0.02 * unit), (nx + 0.03 * unit, ny + 0.02 * unit), (nx, ny + 0.085 * unit)]
            )
            canvas.fill(v, Surface((200, 196, 190), heat.skin() - 2), depth, 0.7)
    if backpack and cosine >= 0.2:
        _backpack(canvas, chest, back_side, unit, bag_surface, depth)
    canvas.limb(pixels["neck"], pixels["head"], 0.058 * unit, 0.05 * unit, skin.warmer(-0.5), depth, 0.4)
    _head(canvas, climate, figure, pixels["head"], cosine, sine, unit, depth, skin, hair)
    arm(near, 1.0)
    if figure.bag == 2 and figure.seat is None:
        hx, hy = pixels[f"elbow_{near}"]
        canvas.limb((hx, hy + 0.05 * unit), (hx, hy + 0.11 * unit), 0.085 * unit, 0.10 * unit, bag_surface, depth, 0.5)


def shadow(canvas: Canvas, figure: Person, sun: tuple[float, float, float]) -> None:
    """The shadow that the figure throws on the ground: its limbs, spread across the sun's direction."""
    run_x, run_z = -sun[0] / sun[1], -sun[2] / sun[1]
    norm = math.hypot(run_x, run_z) or 1.0
    across_x, across_z = -run_z / norm, run_x / norm
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


def _torso(chest, pelvis, neck, width: float, hip_width: float, unit: float) -> np.ndarray:
    (cx, cy), (px, py), (nx, ny) = chest, pelvis, neck
    shoulder = cy - 0.045 * unit
    right = [
        (nx + 0.026 * unit, ny - 0.004 * unit),
        (nx + 0.036 * unit, ny + 0.012 * unit),
        (cx + 0.36 * width, shoulder + 0.004 * unit),
        (cx + 0.46 * width, shoulder + 0.026 * unit),
        (cx + 0.49 * width, shoulder + 0.06 * unit),
        (cx + 0.47 * width, cy + 0.06 * unit),
        ((cx + px) / 2 + 0.43 * (width + hip_width) / 2, (cy + py) / 2 + 0.03 * unit),
        (px + 0.5 * hip_width, py),
        (px + 0.48 * hip_width, py + 0.03 * unit),
    ]
    middle = [nx, nx, cx, cx, cx, cx, (cx + px) / 2, px, px]
    left = [(2 * m - x, y) for m, (x, y) in zip(middle, right)]
    return np.array(right + left[::-1], np.float32)


def _backpack(canvas: Canvas, chest, back_side: float, unit: float, surface: Surface, depth: float) -> None:
    x = chest[0] + back_side * 0.10 * unit
    half = (0.085 - 0.02 * abs(back_side)) * unit
    top, bottom = chest[1] - 0.045 * unit, chest[1] + 0.19 * unit
    canvas.limb((x, top + half), (x, bottom - half * 0.6), 2 * half, 2.1 * half, surface, depth, 0.5)


def _head(canvas: Canvas, climate: Climate, figure: Person, at: Point, cosine, sine, unit, depth, skin, hair) -> None:
    x, y = at
    rx, ry = 0.047 * unit, 0.064 * unit
    if figure.seat is not None:  # a helmet with a visor
        shell = Surface(figure.hair if figure.hat else (150, 60, 50), climate.air + 4)
        canvas.disc(x, y, 1.35 * rx, 1.15 * ry, shell, depth)
        if cosine < 0.4:
            visor = Surface((40, 42, 48), climate.air + 7)
            canvas.disc(x + 0.6 * sine * rx, y + 0.1 * ry, 0.85 * rx, 0.42 * ry, visor, depth, 0.5)
        return
    canvas.disc(x, y, rx, ry, skin, depth, 0.6)
    # Hair covers the crown, and the more of the head the further the face is turned away.
    face = -cosine
    if face > 0.35:
        canvas.disc(x, y - 0.40 * ry, 1.05 * rx, 0.66 * ry, hair, depth, 0.6)
    elif face > -0.35:
        canvas.disc(x - 0.35 * sine * rx, y - 0.24 * ry, 0.9 * rx, 0.82 * ry, hair, depth, 0.6)
    else:
        canvas.disc(x, y - 0.12 * ry, 1.05 * rx, 0.94 * ry, hair, depth, 0.6)
    if figure.hat:
        canvas.disc(x, y - 0.55 * ry, 1.1 * rx, 0.55 * ry, Surface(figure.top, climate.air + 6).shaded(0.9), depth)
    if face > 0.35 and unit > 60:
        for eye in (-0.38, 0.38):
            canvas.disc(
                x + eye * rx, y + 0.05 * ry, 0.14 * rx, 0.08 * ry, Surface((60, 44, 40), skin.temperature + 0.8), depth
            )
        canvas.disc(x, y + 0.25 * ry, 0.13 * rx, 0.16 * ry, skin.shaded(0.9).warmer(-2.5), depth, 0.5)
