"""--stretch: what images of more than 8 bits become, under which name and keys."""

import cv2
import numpy as np
import pytest
from harness import FOLDER, IDS, cell
from test_cli import one_error

from benchmark import datasets
from benchmark.curation import drawn_sets
from benchmark.datasets.pairs import Pair
from benchmark.detection import division
from benchmark.errors import UserError
from benchmark.imaging import reading
from benchmark.imaging.reading import Stretch
from benchmark.run import plan, stretching
from benchmark.run.stretching import Stretching
from benchmark.store import files

RUN = ("run", "--methods", "average", "--metrics", "EN,VIF")


@pytest.fixture
def deep(pairs):
    """The infrared images as 16-bit counts, those of b over half the range and further up; returns the levels."""
    levels = {}
    for id in IDS:
        path = pairs / "ir" / f"{id}.png"
        levels[id] = stretched(reading.read_luminance(path))
        found = 7400 + 3 * levels[id].astype(int) if id != "b" else 9000 + levels[id].astype(int)
        cv2.imwrite(str(path), found.astype(np.uint16))
    return levels


def stretched(image):
    low, high = int(image.min()), int(image.max())
    return np.floor((image.astype(float) - low) * 255 / (high - low) + 0.5).astype(np.uint8)


def split_of(pairs, stretch=stretching.NONE):
    return plan.select_split("folder", None, None, None, pairs / "ir", pairs / "vis", stretch=stretch)


def images(split):
    return {pair.id: pair.load().ir for pair in split.pairs}


def test_each_image_over_its_own_range(pairs, deep):
    found = images(split_of(pairs, Stretching("minmax")))
    for id in IDS:
        np.testing.assert_array_equal(found[id], deep[id])


def test_all_images_over_one_range(pairs, deep):
    split = split_of(pairs, Stretching("minmax", "set"))
    assert split.pairs[0].ir_stretch == Stretch("minmax", 7400.0, 9255.0)
    assert split.pairs[0].vis_stretch == Stretch()  # 8 bits all of them
    found = images(split)
    assert found["a"].max() == round(765 * 255 / 1855)
    assert found["b"].min() == round(1600 * 255 / 1855)
    everything = np.concatenate([cv2.imread(str(pairs / "ir" / f"{id}.png"), -1).ravel() for id in IDS])
    low, high = np.percentile(everything, [1, 99], method="inverted_cdf")
    assert split_of(pairs, Stretching("percentile", "set")).pairs[0].ir_stretch == Stretch("percentile", low, high)


def test_ranges_of_values_too_many_to_count():
    random = np.random.default_rng(0)
    parts = [random.normal(size=(300, 400)).astype(np.float32) + shift for shift in (0, 0, 3)]
    pool = stretching._Pool()
    for part in parts:
        pool.add(part)
    assert len(pool.values) <= 1 << 16
    everything = np.concatenate([part.ravel() for part in parts])
    assert pool.quantiles([0, 1]).tolist() == [everything.min(), everything.max()]
    assert pool.quantiles(stretching.SHARES) == pytest.approx(np.quantile(everything, stretching.SHARES), abs=2e-3)


def test_every_stretch_has_a_name_and_keys_of_its_own(pairs, deep, bench_folder):
    choices = [("none",), ("minmax",), ("percentile",), ("minmax", "set"), ("percentile", "set")]
    for kind, *over in choices:
        options = ("--stretch", kind, *(("--stretch-over", over[0]) if over else ()))
        assert bench_folder(*RUN, *options).exit_code == 0
    found = [path.parent for path in (pairs / "results").glob("*/average")]
    # The folder is named after the content of its pairs, which a stretch changes.
    assert sorted(path.name.partition("~")[2] for path in found) == [
        "", "stretch-minmax", "stretch-minmax-set", "stretch-percentile", "stretch-percentile-set",
    ]  # fmt: skip
    lines = [files.read_lines(path / "average" / "scores.jsonl")[0] for path in found]
    assert len({line["key"] for line in lines}) == len(choices)
    assert len({line["scores"]["VIF"] for line in lines}) == len(choices)
    for name in (path.name.partition("@")[2] for path in found):
        split, how = stretching.of_label(name)
        assert "~" not in split and split + how.suffix == name


def test_a_range_of_the_set_is_part_of_the_key(pairs, deep):
    key = {}
    for limit in (1, None):
        over_all = Stretching("minmax", "set")
        split = plan.select_split("folder", None, limit, None, pairs / "ir", pairs / "vis", stretch=over_all)
        key[limit] = split.digests["a"]
    assert key[1] != key[None]
    alone = plan.select_split("folder", None, 1, None, pairs / "ir", pairs / "vis", stretch=Stretching("minmax"))
    assert alone.digests["a"] == split_of(pairs, Stretching("minmax")).digests["a"]


def test_no_stretch_changes_no_key(tmp_path, pairs):
    from benchmark.datasets.pairs import content_digest

    both = pairs / "ir" / "a.png", pairs / "vis" / "a.png"
    assert Pair("a", *both).digest() == content_digest(*(path.read_bytes() for path in both))


def test_the_stretch_is_told_and_no_other_is_offered(pairs, deep, bench_folder):
    result = bench_folder(*RUN, "--stretch", "minmax")
    assert (
        result.stderr.count("infrared images: 16-bit grey, stretched from ") == 1
    )  # of all images, each over its range
    assert "4 of 4 infrared images: 16-bit grey, stretched from 7400…9000 to 8165…9255 onto 0..255; " in result.stderr
    assert "--stretch" not in result.stdout


def test_nothing_to_stretch_is_told(pairs, bench_folder):
    for over in ("image", "set"):
        result = bench_folder(*RUN, "--stretch", "percentile", "--stretch-over", over)
        assert result.exit_code == 0
        assert "--stretch percentile changes nothing: no image of more than 8 bits is here" in result.stderr


def test_a_set_needs_a_stretch(pairs, bench_folder):
    result = bench_folder(*RUN, "--stretch-over", "set")
    one_error(result, "--stretch-over set goes with --stretch minmax or percentile")
    assert not (pairs / "results").exists()


def test_names_that_no_stretch_has():
    for arguments, known in ((("linear",), "minmax or percentile"), (("minmax", "all"), "image or set")):
        with pytest.raises(UserError, match=f"{arguments[-1]}: expected .*{known}"):
            Stretching(*arguments)


def test_images_from_elsewhere_are_scored_against_what_was_stretched(pairs, deep, bench, bench_folder):
    bench_folder(*RUN, "--stretch", "minmax")
    fused = cell(pairs, "average") / "fused"
    result = bench("eval", *FOLDER, "--fused", fused, "--name", "theirs", "--metrics", "EN,VIF", "--stretch", "minmax")
    assert result.exit_code == 0, result.output
    one, other = (files.read_lines(cell(pairs, name) / "scores.jsonl") for name in ("average", "theirs"))
    assert [line["scores"] for line in one] == [line["scores"] for line in other]


def test_grids_find_what_was_stretched(pairs, deep, bench, bench_folder):
    bench_folder(*RUN, "--stretch", "minmax", "--limit", "2")
    arguments = ("grid", *FOLDER, "--limit", "2", "--out", "g")
    one_error(bench(*arguments), "--limit 2 --stretch minmax")
    assert bench(*arguments, "--stretch", "minmax").exit_code == 0


def test_a_division_of_its_own(tmp_path):
    drawn_sets.write(tmp_path / "M3FD_Detection", 6, (128, 96))
    lists = {}
    for number, part in enumerate(("train", "val", "test")):
        lists[part] = tmp_path / f"{part}.txt"
        lists[part].write_text("".join(f"{k:05d}\n" for k in range(2 * number, 2 * number + 2)))
    for path in (tmp_path / "M3FD_Detection").glob("[Ii]r/*"):
        cv2.imwrite(str(path), (7400 + 3 * reading.read_luminance(path).astype(int)).astype(np.uint16))
    made = division.divide_by_lists(datasets.get("m3fd"), "mine", lists, None, tmp_path, None, Stretching("minmax"))
    assert not [note for note in made.notes if "changes nothing" in note]
    plain = division.divide_by_lists(datasets.get("m3fd"), "mine", lists, None, tmp_path)
    assert (made.name, plain.name) == ("mine~stretch-minmax", "mine")
    assert list(made.splits) == [f"mine-{part}~stretch-minmax" for part in lists]
    assert made.data_sha256() != plain.data_sha256()
    assert {made.parts[part][0].pair.load().ir.max() for part in lists} == {255}


def test_a_division_that_a_stretch_does_not_change(tmp_path):
    drawn_sets.write(tmp_path / "M3FD_Detection", 4, (128, 96))
    lists = {part: tmp_path / f"{part}.txt" for part in ("train", "test")}
    lists["train"].write_text("00000\n00001\n")
    lists["test"].write_text("00002\n00003\n")
    made = division.divide_by_lists(datasets.get("m3fd"), "mine", lists, None, tmp_path, None, Stretching("minmax"))
    for path in lists.values():
        assert f"{path}: --stretch minmax changes nothing: no image of more than 8 bits is here" in made.notes
    drawn = division.divide(datasets.get("synth-det-small"), None, None, 3, Stretching("minmax"))
    assert drawn.notes.count("--stretch minmax changes nothing: no image of more than 8 bits is here") == 1


def test_training_reads_what_is_stretched(pairs, deep):
    from baselines.tasks import Recipe
    from benchmark.training.crops import read

    recipe = Recipe(steps=2, batch=1, crop=16, learning_rate=1e-3)
    plain, made = (
        read("folder", recipe, None, None, pairs / "ir", pairs / "vis", stretch=how)
        for how in (stretching.NONE, Stretching("minmax"))
    )
    assert made.split == f"{plain.split}~stretch-minmax"
    assert made.images_sha256 != plain.images_sha256
    np.testing.assert_array_equal(made.images[0][0], deep["a"])
    assert plain.told[0].startswith("4 of 4 infrared images: 16-bit grey, scaled by 1/257")


def test_files_as_people_have_them(shared, tmp_path, bench):
    """Counts and 12-bit images, stretched, are the picture that they were made of."""
    if not (shared / "inputs").is_dir():
        pytest.skip(f"needs {shared / 'inputs'}")
    scores = []
    for name, options in (
        ("00-plain8", ()), ("01-counts14-png", ("--stretch", "minmax")), ("02-dicom12-png", ("--stretch", "minmax")),
    ):  # fmt: skip
        folder = shared / "inputs" / name
        both = ("--dataset", "folder", "--ir", folder / "ir", "--vis", folder / "vis", "--jobs", 0)
        assert bench(*RUN, *both, "--results", tmp_path / name, *options).exit_code == 0
        scores.append(files.read_lines(next(tmp_path.glob(f"{name}/*/average/scores.jsonl")))[0]["scores"])
    assert scores[0] == pytest.approx(scores[1], rel=0.02) and scores[0] == pytest.approx(scores[2], rel=0.02)
