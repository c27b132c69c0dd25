"""Local features under a fundamental matrix: what shows one place, and what only looks like it."""

import cv2
import numpy as np
import pytest

from benchmark import datasets
from benchmark.curation import leakage, same_place
from benchmark.curation.local_features import Features, features, inliers, matches
from benchmark.datasets import synth
from benchmark.imaging import bt601

ENOUGH = same_place.USUAL + same_place.LEAST_EVIDENCE


@pytest.fixture(scope="module")
def images() -> list[tuple[np.ndarray, np.ndarray]]:
    """Infrared and visible luminance of three drawn scenes."""
    scenes = [synth.scene(seed, condition="day") for seed in (1, 2, 3)]
    return [(scene.ir, bt601.luminance(scene.vis_rgb)) for scene in scenes]


def moved(image: np.ndarray, seed: int = 0) -> np.ndarray:
    """The image as a camera sees it that has moved on: another perspective, another exposure, noise."""
    h, w = image.shape
    corners = np.float32([[0, 0], [w, 0], [w, h], [0, h]])
    there = np.float32([[20, 12], [w - 8, 0], [w + 12, h - 14], [-10, h + 6]])
    seen = cv2.warpPerspective(image, cv2.getPerspectiveTransform(corners, there), (w, h))
    return noisy(0.9 * seen + 5, seed)


def noisy(image: np.ndarray, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 3, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def branded(image: np.ndarray) -> np.ndarray:
    """The image with what a camera burns into every frame: a logo, a time, the bonnet of the car below."""
    random, seen = np.random.default_rng(7), image.copy()
    w = image.shape[1]
    logo = random.integers(0, 255, (20, 60)).astype(np.uint8)
    seen[4:44, 4:124] = cv2.resize(logo, (120, 40), interpolation=cv2.INTER_NEAREST)
    bonnet = cv2.GaussianBlur(random.integers(0, 255, (30, w)).astype(np.float32), (0, 0), 1.5)
    seen[-30:] = cv2.normalize(bonnet, None, 0, 255, cv2.NORM_MINMAX)
    cv2.putText(seen, "2019-04-01 12:30:11", (w - 160, 18), 0, 0.4, 255, 1)
    return seen


def test_a_place_is_known_again_after_the_camera_moved(images):
    for side in (0, 1):
        found = [features(pair[side]) for pair in images]
        assert inliers(found[0], features(moved(images[0][side]))) > 100
        assert inliers(found[0], features(noisy(images[0][side]))) > 100  # the camera stood still
        assert all(inliers(found[a], found[b]) < ENOUGH for a, b in ((0, 1), (0, 2), (1, 2)))


def test_what_is_burnt_into_every_frame_is_no_place(images):
    marked = [features(branded(pair[1])) for pair in images]
    assert len(matches(marked[0], marked[1])[0]) < 60
    assert all(inliers(marked[a], marked[b]) < ENOUGH for a, b in ((0, 1), (0, 2), (1, 2)))
    assert inliers(marked[0], features(noisy(branded(images[0][1])))) > 100
    assert inliers(marked[0], features(branded(moved(images[0][1])))) > 100


def test_mirrored_features_are_those_of_the_mirrored_image(images):
    image = images[0][1]
    ours, real = features(image).mirrored(), features(np.ascontiguousarray(image[:, ::-1]))
    assert inliers(ours, real) > 250 > 4 * inliers(features(image), real)
    back = ours.mirrored()
    assert (back.descriptors == features(image).descriptors).all()
    assert np.allclose(back.points, features(image).points, atol=1e-3)


def test_images_without_features():
    flat = features(np.full((64, 80), 128, np.uint8))
    assert (len(flat), flat.size, inliers(flat, flat)) == (0, (80, 64), 0)
    tiny = features(np.zeros((1, 1), np.uint8))
    assert inliers(tiny, flat) == 0
    # Points on one line, and one point many times over, define no fundamental matrix.
    rng = np.random.default_rng(0)
    words = rng.integers(0, 90, (20, 128)).astype(np.uint16)
    for points in (np.column_stack([np.arange(20.0), np.zeros(20)]), np.zeros((20, 2))):
        line = Features(points.astype(np.float32), words, (64, 64))
        assert inliers(line, line) <= 20
    assert len(matches(line, line)[0]) <= 1


def album(images, change=lambda image: image) -> dict:
    return {f"{number}": tuple(features(change(side)) for side in pair) for number, pair in enumerate(images)}


def test_couples_of_one_place_are_found_whatever_the_threads(images):
    first, second = album(images), {f"m{id}": sides for id, sides in album(images, moved).items()}
    places = same_place.compare(first, second)
    # Drawn scenes have cars and trees of the same kinds, so that others may come near.
    assert {(one.first, one.second) for one in places.found[:3]} == {("0", "m0"), ("1", "m1"), ("2", "m2")}
    assert places.found[2].evidence > 100 and all(one.evidence < 20 for one in places.found[3:])
    assert (places.compared, places.threshold >= same_place.LEAST_EVIDENCE) == (9, True)
    assert same_place.compare(first, second, jobs=3) == places
    # One modality may show nothing.
    black = features(np.zeros((240, 320), np.uint8))
    dark = {id: (sides[0], black) for id, sides in second.items()}
    places = same_place.compare(first, dark)
    assert len(places.found) >= 3 and places.bare == ((), ("m0", "m1", "m2"))
    together = same_place.compare({"0": first["0"], "2": first["2"], "m0": second["m0"]})
    assert together.compared == 3 == same_place.steps(3)
    assert together.scenes(["0", "2", "m0"]) == [["0", "m0"], ["2"]]


def test_the_threshold_is_what_no_unrelated_couple_reaches():
    # Evidence as they are, and mirrored. The first shows one place and something symmetric; the second does not.
    assert same_place._threshold(np.array([[300, 40], [5, 12], [20, 3]])) == (13, 1)
    assert same_place._threshold(np.array([[0, 2], [3, 0]])) == (same_place.LEAST_EVIDENCE, 2)
    assert same_place._threshold(np.zeros((0, 2), int)) == (same_place.LEAST_EVIDENCE, 0)
    places = same_place.Places((), 9, 100, 60)
    assert places.false_alarms == 0.05 and same_place.Places((), 9, 1, 0).false_alarms == 1


def test_evidence_of_both_modalities_adds_up():
    assert same_place.Likeness("a", "b", (14, 14)).evidence == 10
    assert same_place.Likeness("a", "b", (0, 21)).evidence == 12
    assert same_place.Likeness("a", "b", (9, 3)).evidence == 0


def test_scenes_join_through_others():
    couples = [same_place.Likeness(a, b, (99, 0)) for a, b in (("b", "d"), ("d", "a"), ("e", "f"))]
    places = same_place.Places(tuple(couples), 9, 15, 15)
    assert places.scenes(list("abcdef")) == [["a", "b", "d"], ["c"], ["e", "f"]]


# Test and training pairs of RoadScene that show one place, by eye; and others that show none.
SEEN = "05064/04929 05005/05027 06430/06422 08202/08220 05879/05872 06974/06983"
UNSEEN = "04929/06422 05005/08220"


@pytest.fixture(scope="module")
def frames(shared) -> dict:
    """Features of those pairs."""
    wanted = {f"FLIR_{id}" for text in (SEEN, UNSEEN) for couple in text.split() for id in couple.split("/")}
    pairs = datasets.get("roadscene").pairs("all", shared / "data")
    return same_place.read([pair for pair in pairs if pair.id in wanted]).sides


def test_what_is_known_of_roadscene(frames):
    for text, same in ((SEEN, True), (UNSEEN, False)):
        for couple in text.split():
            a, b = (f"FLIR_{id}" for id in couple.split("/"))
            found = same_place.likeness(a, b, frames[a], frames[b])
            assert (found.evidence >= same_place.LEAST_EVIDENCE) == same, found


def test_a_leak_by_places(bench, tmp_path, monkeypatch):
    from benchmark.imaging.saving import save_luminance

    root = tmp_path / "M3FD_Detection"
    for folder in ("Ir", "Vis"):
        (root / folder).mkdir(parents=True)
    scenes = [synth.scene(seed, condition="day") for seed in (1, 2, 3)]
    for number, (scene, change) in enumerate(zip([*scenes, scenes[0]], [lambda x: x] * 3 + [moved])):
        save_luminance(root / "Ir" / f"{1000 * number:05d}.png", change(scene.ir))
        save_luminance(root / "Vis" / f"{1000 * number:05d}.png", change(bt601.luminance(scene.vis_rgb)))
    (tmp_path / "train.txt").write_text("00000\n01000\n")
    (tmp_path / "test.txt").write_text("02000\n03000\n04199\n")
    command = ["data", "leak", "--dataset", "m3fd", "--data-root", tmp_path, "--jobs", 1]
    command += ["--train", tmp_path / "train.txt", "--test", tmp_path / "test.txt"]
    result = bench(*command, "--geometric", "--out", tmp_path / "found.csv")
    assert result.exit_code == 0, result.output
    assert "1 of 2 test images show the place of a training image by local features" in result.output
    assert "Only 2 training and 2 test images are here" in result.output
    (line,) = (tmp_path / "found.csv").read_text().splitlines()[1:]
    assert line.startswith("03000,00000,") and line.endswith((",features", ",features and hash"))
    assert "local features" not in bench(*command).output
    result = bench(*command, "--all")
    assert result.exit_code == 2 and "--all and --out go with --geometric" in result.output
    result = bench("data", "leak", "--dataset", "harvard_pet_mri", "--split", "usual", "--geometric")
    assert result.exit_code == 2 and "slices of heads" in result.output


def test_what_hashes_alone_find_is_listed_too():
    near = same_place.Likeness("a", "b", (9, 9))
    places = same_place.Places((), 9, 1, 1)
    twins = leakage.Twins(1.0, 1, 1, 2.0, (), (("a", "b", 2.0),))
    blank = (features(np.zeros((32, 32), np.uint8)),) * 2
    (found,) = leakage._shared(places, twins, ({"a": blank}, {"b": blank}), ({"a": (0, 0)}, {"b": (3, 1)}))
    assert (found.by, found.bits, found.evidence) == ("hash", 1.5, near.evidence)
