"""The drawn scenes: the same every time, boxed tightly, and with something for fusion to gain."""

import hashlib
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

from benchmark import datasets
from benchmark.datasets import synth
from benchmark.datasets.synth import layout, motion, sensors
from benchmark.datasets.synth.climate import weather
from benchmark.datasets.synth.exact import Draws
from benchmark.datasets.synth.reel import reel
from benchmark.datasets.synth.stage import Stage
from benchmark.datasets.synth.textures import noise
from benchmark.imaging import bt601

SEEDS = range(4)


@pytest.fixture(scope="module")
def scenes() -> dict[str, list[synth.Scene]]:
    return {condition: [synth.scene(seed, condition=condition) for seed in SEEDS] for condition in synth.CONDITIONS}


def fingerprint(scene: synth.Scene) -> str:
    return hashlib.sha256(scene.ir.tobytes() + scene.vis_rgb.tobytes() + repr(scene.boxes).encode()).hexdigest()


def test_a_seed_always_gives_the_same_pixels(scenes):
    assert fingerprint(synth.scene(2, condition="night")) == fingerprint(scenes["night"][2])
    assert fingerprint(synth.scene(5)) == fingerprint(synth.scene(5))
    different = [fingerprint(scene) for group in scenes.values() for scene in group]
    assert len(set(different)) == len(different)


def test_another_process_draws_the_same_pixels(scenes):
    code = (
        "import hashlib; from benchmark.datasets import synth; s = synth.scene(1, condition='dusk');"
        "print(hashlib.sha256(s.ir.tobytes() + s.vis_rgb.tobytes() + repr(s.boxes).encode()).hexdigest())"
    )
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert answer.stdout.strip() == fingerprint(scenes["dusk"][1])


def test_drawing_leaves_no_trace_in_global_state(scenes):
    np.random.seed(1)  # noqa: NPY002 - what other code may rely on
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    synth.scene(0, condition="day")
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
    with pytest.raises(ValueError, match="read-only"):
        noise("rough")[0, 0] = 1


@pytest.mark.parametrize("width, height", [(16, 16), (17, 33), (321, 241), (64, 200), (333, 90), (640, 480)])
def test_any_size(width, height):
    scene = synth.scene(3, width, height, "dusk")
    assert scene.ir.shape == (height, width) and scene.ir.dtype == np.uint8
    assert scene.vis_rgb.shape == (height, width, 3) and scene.vis_rgb.dtype == np.uint8
    assert scene.instances.shape == (height, width)
    assert scene.ir.std() > 5 and scene.vis_rgb.std() > 5


def test_a_size_changes_the_sampling_not_the_scene():
    small, large = synth.scene(7, 320, 240, "day"), synth.scene(7, 640, 480, "day")
    shrunk = cv2.resize(large.vis_rgb, (320, 240), interpolation=cv2.INTER_AREA)
    correlation = np.corrcoef(bt601.luminance(small.vis_rgb).ravel(), bt601.luminance(shrunk).ravel())[0, 1]
    assert correlation > 0.95
    common = set(small.numbers) & set(large.numbers)
    assert len(common) > 0.8 * len(small.numbers)


def test_wrong_arguments():
    with pytest.raises(ValueError, match="16 to 4096"):
        synth.scene(0, 8, 8)
    with pytest.raises(ValueError, match="unknown condition 'noon'"):
        synth.scene(0, condition="noon")


def test_boxes_are_tight_around_what_is_visible(scenes):
    counted = 0
    for scene in (scene for group in scenes.values() for scene in group):
        height, width = scene.ir.shape
        for box, number in zip(scene.boxes, scene.numbers, strict=True):
            rows, columns = np.nonzero(scene.instances == number)
            assert (box.x0, box.x1) == (columns.min(), columns.max() + 1)
            assert (box.y0, box.y1) == (rows.min(), rows.max() + 1)
            assert 0 <= box.x0 < box.x1 <= width and 0 <= box.y0 < box.y1 <= height
            assert box.label in synth.CLASSES
            counted += 1
        unboxed = set(np.unique(scene.instances)) - {0, *scene.numbers}
        assert all((scene.instances == number).sum() < 12 for number in unboxed)
    assert counted > 100


def test_boxes_have_the_shapes_of_their_classes():
    """People stand upright, buses and trucks are large, and all of M3FD's classes occur."""
    people, seen = [], set()
    for seed in range(12):
        scene = synth.scene(seed)
        seen |= {box.label for box in scene.boxes}
        people += [
            (box.y1 - box.y0) / (box.x1 - box.x0)
            for box in scene.boxes
            if box.label == "People" and box.y1 - box.y0 > 30
        ]
    assert seen == set(synth.CLASSES) == {"People", "Car", "Bus", "Motorcycle", "Lamp", "Truck"}
    assert 1.8 < np.median(people) < 4.5


def contrast(image: np.ndarray, mask: np.ndarray) -> float:
    """Grey levels between an object and the ring of 4 pixels around it (medians)."""
    ring = (cv2.dilate(mask.astype(np.uint8), np.ones((9, 9))) > 0) & ~mask
    return abs(float(np.median(image[mask])) - float(np.median(image[ring])))


def people_contrasts(scenes: list[synth.Scene]) -> tuple[np.ndarray, np.ndarray]:
    vis, ir = [], []
    for scene in scenes:
        luminance = bt601.luminance(scene.vis_rgb)
        for box, number in zip(scene.boxes, scene.numbers):
            mask = scene.instances == number
            if box.label == "People" and mask.sum() > 60:
                vis.append(contrast(luminance, mask))
                ir.append(contrast(scene.ir, mask))
    return np.array(vis), np.array(ir)


def test_at_night_some_people_are_seen_in_infrared_only(scenes):
    vis, ir = people_contrasts(scenes["night"] + scenes["glare"])
    assert len(vis) > 15
    lost = vis < 12
    assert 0.1 < lost.mean() < 0.8  # some, not all
    assert (ir[lost] > 25).mean() > 0.9
    assert np.median(ir) > 2 * np.median(vis)


def test_infrared_cannot_tell_whether_a_cold_lamp_or_car_is_there():
    """The same street with every engine cold and every lamp dark: in infrared its vehicles and lamps fade."""
    warm, cold = [], []
    for seed in range(6):
        for still, found in ((False, warm), (True, cold)):
            climate = weather("dusk", Draws(seed, 0))
            rng = Draws(seed, 9)
            world = layout.build(rng, climate, 640, 480)
            if still:
                world.lamps = [replace(lamp, lit=False) for lamp in world.lamps]
                world.signals = [replace(signal, lit=False) for signal in world.signals]
                world.vehicles = [replace(vehicle, warmth=0.0, lights=False) for vehicle in world.vehicles]
            canvas, labels = Stage(world, seed, 2).draw(world)
            seen = sensors.view(canvas)
            for number, label in enumerate(labels, start=1):
                mask = seen.instances == number
                if label in ("Car", "Truck", "Lamp") and mask.sum() > 40:
                    # The hottest tenth, in degrees above the air.
                    found.append(np.quantile(seen.temperature[mask], 0.9) - climate.air)
    assert len(warm) == len(cold) > 12
    assert np.mean(warm) - np.mean(cold) > 1.5
    assert np.max(cold) < 3


def test_levels_are_plausible(scenes):
    mean = {c: np.mean([bt601.luminance(s.vis_rgb).mean() for s in group]) for c, group in scenes.items()}
    assert mean["night"] < mean["dusk"] < mean["day"]
    for condition, group in scenes.items():
        for scene in group:
            luminance = bt601.luminance(scene.vis_rgb)
            for image in (luminance, scene.ir):
                assert 15 < image.std() < 90
                assert 20 < image.mean() < 170
                assert (image == 0).mean() < 0.02
                assert len(np.unique(image)) > 80
            assert (luminance > 250).mean() < (0.08 if condition == "glare" else 0.03)
            # Two sensors, not one picture twice; but the same edges.
            assert abs(np.corrcoef(luminance.ravel(), scene.ir.ravel())[0, 1]) < 0.85
            assert edge_agreement(luminance, scene.ir) > 1.3


def edge_agreement(a: np.ndarray, b: np.ndarray) -> float:
    """How much stronger b's gradients are where a's strongest 5 % lie than on average."""

    def gradient(image):
        smooth = cv2.GaussianBlur(image.astype(np.float32), (0, 0), 1.0)
        return np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))

    strength = gradient(a)
    return float(gradient(b)[strength > np.quantile(strength, 0.95)].mean() / gradient(b).mean())


def test_noise_differs_between_the_sensors_and_is_weak(scenes):
    ir = scenes["night"][0].ir.astype(np.float32)
    residue = ir - cv2.medianBlur(scenes["night"][0].ir, 5)
    assert 0.5 < np.median(np.abs(residue)) < 6


def test_data_set():
    data = datasets.get("synth")
    pairs = data.pairs()
    assert len(pairs) == len({pair.id for pair in pairs}) == data.card.counts["demo"] == 6
    conditions = [pair.condition for pair in pairs]
    assert {"day", "dusk", "night", "glare"} <= set(conditions)
    assert data.pairs("demo", "/no/such/folder") == pairs
    assert len({pair.digest() for pair in pairs}) == 6
    loaded = pairs[0].load()
    assert loaded.ir.shape == loaded.vis.shape == (240, 320)
    assert (loaded.vis == bt601.luminance(loaded.vis_rgb)).all()
    digest = pairs[0].digest()
    loaded.ir[:] = 0  # a caller may write into what it was given
    assert pairs[0].digest() == digest
    assert pairs[0].load().ir.any()


@pytest.fixture(scope="module")
def burst() -> list[synth.Scene]:
    """Every third frame of a day in a swaying camera."""
    source = synth.Burst(3, condition="day", sway=0.02)
    return [source.frame(number) for number in range(0, 12, 3)]


def test_a_frame_does_not_depend_on_the_frames_before_it(burst):
    assert fingerprint(synth.Burst(3, condition="day", sway=0.02).frame(9)) == fingerprint(burst[3])
    assert fingerprint(synth.scene(4, condition="fog")) == fingerprint(synth.Burst(4, condition="fog").frame(0))


def test_frames_of_a_scene_are_much_alike_and_something_moves(burst, scenes):
    first, last = (bt601.luminance(burst[i].vis_rgb).astype(float) for i in (0, 1))
    another = bt601.luminance(scenes["day"][1].vis_rgb).astype(float)
    assert np.corrcoef(first.ravel(), last.ravel())[0, 1] > 0.6
    assert np.corrcoef(first.ravel(), another.ravel())[0, 1] < 0.5
    assert [box for box in burst[0].boxes if box.label == "People"] != [
        b for b in burst[-1].boxes if b.label == "People"
    ]


def test_what_moves_keeps_its_place_in_the_street():
    """Vehicles never drive into each other, and people stay on their pavement."""
    for seed in range(12):
        source = synth.Burst(seed, 64, 48)
        edge = source.world.road.half + source.world.road.pavement
        inside = [abs(person.x) < edge - 0.3 for person in source.world.people]
        for number in (4, 15):
            moment = motion.at(source.world, number * source.interval, Draws(seed, 5))
            assert all(abs(p.x) < edge for p, kept in zip(moment.people, inside) if kept)
            vehicles = moment.vehicles
            for i, a in enumerate(vehicles):
                for b in vehicles[:i]:
                    beside = abs(a.x - b.x) >= (a.extent[1] + b.extent[1]) / 2 - 0.4
                    assert beside or abs(a.z - b.z) >= (a.extent[0] + b.extent[0]) / 2


def test_reel():
    shots = reel(500, seed=3)
    ids = [id for shot in shots for id in shot.ids]
    assert ids == [f"{number:05d}" for number in range(500)]
    assert all(8 <= shot.frames <= 16 for shot in shots[:-1])
    assert {shot.condition for shot in shots} == set(synth.CONDITIONS)
    assert len({shot.seed for shot in shots}) == len(shots)
    assert reel(100, seed=3)[:-1] == shots[: len(reel(100, seed=3)) - 1]
    assert reel(500, seed=4)[0] != shots[0]


def test_detection_flavour():
    data = datasets.get("synth-det")
    assert data.name == "synth_det"
    pairs = {split: data.pairs(split) for split in data.splits()}
    assert len(pairs["all"]) == data.card.counts["all"] == 240
    for scheme in ("scene", "random811-seed0"):
        parts = [{pair.id for pair in pairs[f"{scheme}-{part}"]} for part in ("train", "val", "test")]
        assert set.union(*parts) == {pair.id for pair in pairs["all"]}
        assert sum(map(len, parts)) == 240
    seeds = [{pair.seed for pair in pairs[f"scene-{part}"]} for part in ("train", "val", "test")]
    assert not (seeds[0] & seeds[1] | seeds[0] & seeds[2] | seeds[1] & seeds[2])
    small = datasets.get("synth-det-small")
    assert small.splits() == data.splits() and small.schemes() == data.schemes()
    pair, large = small.pairs("all")[0], pairs["all"][0]
    assert (large.width, large.height) == (640, 480) and (pair.id, pair.seed) == (large.id, large.seed)
    loaded, boxes = pair.load(), small.boxes(pair)
    assert loaded.ir.shape == (240, 320) and boxes
    assert all(min(box.x1 - box.x0, box.y1 - box.y0) >= 4 for box in boxes)
    assert pair.digest() != large.digest()
