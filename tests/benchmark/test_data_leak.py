"""`bench data leak`: what is known of M3FD's divisions, and what is seen in drawn scenes."""

import re

import numpy as np
import pytest

from benchmark import datasets
from benchmark.curation import drawn_sets, leakage
from benchmark.datasets import scenes, synth
from benchmark.datasets.synth.reel import reel
from benchmark.datasets.synth_det import frames
from benchmark.errors import UserError
from benchmark.imaging import bt601


def shares(output: str) -> list[float]:
    return [float(value) for value in re.findall(r"±\d+\t([\d.]+) %", output)]


@pytest.mark.parametrize(
    "split, expected, tolerance",
    [("zx", (11, 22, 48, 69), 0.5), ("random811-seed0", (96, 99.8, 100, 100), 1.0)],
)
def test_divisions_of_m3fd_leak_as_is_known(bench, split, expected, tolerance):
    """Neighbours within 1, 2, 5 and 10 ids, in percent, counted on the lists alone."""
    result = bench("data", "leak", "--dataset", "m3fd", "--split", split)
    assert result.exit_code == 0
    assert np.allclose(shares(result.output), expected, atol=tolerance)
    assert "without images" in result.output


def test_the_division_by_scenes_shares_no_scene(bench):
    data = datasets.get("m3fd")
    zx, ours = (data.schemes()[name] for name in ("zx", "scene"))
    groups = scenes.from_runs(zx["train"], zx["test"])
    assert len(groups) == 73 and sum(map(len, groups)) == 4200
    part_of = {id: part for part, ids in ours.items() for id in ids}
    assert len(part_of) == 4200 == sum(map(len, ours.values()))
    assert all(len({part_of[id] for id in group}) == 1 for group in groups)
    for part, share in zip(scenes.PARTS, scenes.SHARES):
        assert abs(len(ours[part]) / 4200 - share) < 0.025
    # The shipped lists are what the code makes of the published ones.
    assert scenes.lists(groups, scenes.divide(scenes.image_weights(groups))) == ours
    # Some neighbours remain: the last frame of one scene and the first of the next.
    assert shares(bench("data", "leak", "--dataset", "m3fd", "--split", "scene").output)[0] < 4


def test_random_lists_are_reproducible():
    everything = [f"{number:05d}" for number in range(4200)]
    assert scenes.at_random(everything) == datasets.get("m3fd").schemes()["random811-seed0"]


def test_divide_balances_every_column():
    rng = np.random.default_rng(0)
    weights = rng.gamma(1.0, 10.0, (73, 6)) * rng.integers(0, 2, (73, 6))
    parts = scenes.divide(weights)
    assert (parts == scenes.divide(weights)).all()
    for part, share in enumerate(scenes.SHARES):
        column = weights[parts == part].sum(axis=0) / weights.sum(axis=0)
        assert np.abs(column - share).max() < 0.04
    assert scenes.divide(np.ones((1, 1))).tolist() == [0]
    assert len(scenes.divide(np.zeros((5, 2)))) == 5


def test_neighbours():
    assert leakage.neighbours(["005", "009"], ["006", "004", "012"], (1, 2, 3)) == {1: 2 / 3, 2: 2 / 3, 3: 1.0}
    assert leakage.neighbours(["a5"], ["b5", "a5"], (1,)) == {1: 0.5}
    assert leakage.neighbours([], ["1"], (1,)) == {1: 0.0}
    assert leakage.neighbours(["set00_V000_I00001"], ["set00_V000_I00002", "set00_V001_I00001"], (1,)) == {1: 0.5}
    with pytest.raises(UserError, match="holds no number"):
        leakage.neighbours(["1"], ["one"])


def test_perceptual_hashes_survive_what_a_neighbour_changes():
    rng = np.random.default_rng(1)
    image, other = (bt601.luminance(synth.scene(seed, condition="day").vis_rgb) for seed in (1, 2))
    noisy = np.clip(0.8 * image + 12 + rng.normal(0, 8, image.shape), 0, 255).astype(np.uint8)
    first = leakage.perceptual_hash(image)
    assert (first ^ leakage.perceptual_hash(noisy)).bit_count() <= 4
    assert (first ^ leakage.perceptual_hash(other)).bit_count() > 16


def test_drawn_scenes_show_leakage():
    """Of frames divided at random nearly all have a twin in training; of whole scenes, hardly any."""
    shots = reel(96)
    pairs = {frame.id: frame for shot in shots for frame in frames(shot, 160, 120)}
    hashes = {id: leakage.hash_pair(pair) for id, pair in pairs.items()}
    groups = [shot.ids for shot in shots]
    by_scene = scenes.lists(groups, scenes.divide(scenes.image_weights(groups)))
    found = {}
    for name, parts in (("random", scenes.at_random(sorted(pairs))), ("scene", by_scene)):
        train, test = ({id: hashes[id] for id in parts[part]} for part in ("train", "test"))
        found[name] = leakage.twins(train, test)
    assert found["random"].share > 0.8
    assert found["scene"].share < 0.2
    assert found["random"].median < found["scene"].median / 2
    test_id, train_id, bits = found["random"].examples[0]
    assert pairs[test_id].seed == pairs[train_id].seed and bits <= leakage.NEAR_DUPLICATE


def test_a_leak_is_measured_without_the_command(tmp_path):
    data = datasets.get("m3fd")
    found = leakage.measure(data, leakage.Parts("own", ["00001", "00007"], ["00002", "00007", "00040"]))
    assert found.both == ["00007"] and found.shares[1] == 2 / 3
    assert found.twins is None and found.lacking.startswith("without images")
    parts = leakage.published_parts(data, "zx")
    assert (parts.name, parts.train, parts.test) == ("zx", *map(data.schemes()["zx"].get, ("train", "test")))
    drawn_sets.write(tmp_path, 6, (96, 72), 0, 1)
    found = leakage.measure(data, leakage.Parts("own", ["00000", "00001"], ["00002", "99999"]), tmp_path)
    assert (found.twins.training, found.twins.compared, found.broken, found.complete) == (2, 1, 0, False)
    assert leakage.measure(data, leakage.Parts("own", ["00000"], ["00001"]), tmp_path).complete
    (tmp_path / "Ir" / "00001.png").write_bytes(b"no image")
    found = leakage.measure(data, leakage.Parts("own", ["00000", "00001"], ["00002"]), tmp_path)
    assert (found.twins.training, found.broken, found.complete) == (1, 1, False)
    found = leakage.measure(data, leakage.Parts("own", ["00001"], ["00002"]), tmp_path)
    assert found.twins is None and found.broken == 1
    assert found.lacking == "no image of training or of test can be read"
    found = leakage.measure(data, leakage.Parts("own", ["00099"], ["00003"]), tmp_path)
    assert found.lacking == "no images of training or of test are here"


def test_lists_of_ones_own_and_drawn_files(bench, tmp_path):
    out = tmp_path / "drawn"
    result = bench("data", "synth", "--out", out, "--pairs", 40, "--size", "96x72", "--jobs", 1)
    assert result.exit_code == 0 and "40 pairs in" in result.output
    assert "is not empty" in bench("data", "synth", "--out", out, "--pairs", 1).output
    names = {folder.name: len(list(folder.iterdir())) for folder in out.iterdir()}
    assert names == {"Ir": 40, "Vis": 40, "Annotation": 40, "splits": 7}
    data = datasets.get("m3fd")
    pairs = data.pairs("all", out)
    assert [pair.id for pair in pairs] == [f"{number:05d}" for number in range(40)]
    drawn = [pair for shot in reel(40) for pair in frames(shot, 96, 72)]
    assert pairs[7].digest() and (pairs[7].load().ir == drawn[7].load().ir).all()
    assert data.boxes(pairs[7]) == datasets.get("synth_det").boxes(drawn[7])
    lists = [out / "splits" / f"random811-seed0-{part}.txt" for part in ("train", "test")]
    command = ["data", "leak", "--dataset", "m3fd", "--data-root", out, "--train", lists[0], "--test", lists[1]]
    result = bench(*command)
    assert result.exit_code == 0 and shares(result.output)[2] == 100
    assert "of 4 test images have a near duplicate" in result.output
    assert bench(*command[:-2]).exit_code == 2
    result = bench("data", "leak", "--dataset", "m3fd", "--split", "zz")
    assert result.exit_code == 2 and "known: random811-seed0, scene, zx" in result.output


def test_scenes_are_balanced_on_labels_that_are_there(bench, shared, tmp_path):
    result = bench("data", "scenes", "--data-root", shared / "data", "--out", tmp_path / "lists")
    assert result.exit_code == 0 and "Only 10 of 4200 images have labels" in result.output
    ids = [line for path in (tmp_path / "lists").iterdir() for line in path.read_text().splitlines() if line[0] != "#"]
    assert sorted(ids) == [f"{number:05d}" for number in range(4200)]
