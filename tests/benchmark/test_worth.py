"""What a metric is worth: correlations against scipy, AP of resamples against COCO's, planted truths, the shell."""

import csv
import json
import math

import detected
import numpy as np
import pytest
import stores
from click.testing import CliRunner
from detection_cases import lines_of, random_case, truth_of
from scipy import stats

from benchmark.cli import main
from benchmark.detection import outcome, precision
from benchmark.detection.jackknife import average_precision, matches
from benchmark.detection.setups import Setup
from benchmark.errors import UserError
from benchmark.store import files
from benchmark.worth import agreement, evidence, judging

SCENES, IMAGES = 16, 2  # images of each scene
METHODS = 16
IDS = [f"{i:04d}" for i in range(SCENES * IMAGES)]
PLACE = "synth-det@test"


def planted(results, methods=METHODS, scene_effect=0.0, seed=0, classes=("People",), scenes=SCENES):
    """A setup whose methods find the more boxes, the higher their number, and scores: VIF rises with the number, SSIM
    falls with it, MI is noise. scene_effect: how much of what is found depends on scene and method alone."""
    rng = np.random.default_rng(seed)
    ids = IDS[: scenes * IMAGES]
    boxes = {id: [(20 * k, 30, 20 * k + 15, 60, k % len(classes)) for k in range(8)] for id in ids}
    scene_of = {id: f"s{i // IMAGES}" for i, id in enumerate(ids)}
    names = [f"m{k:02d}" for k in range(methods)]
    folder = results / "detect" / PLACE / "yolov8n-pretrained-0123abcd"
    folder.mkdir(parents=True)
    facts = detected.facts("synth-det", "test", names, "pretrained", classes=classes)
    (folder / "setup.json").write_text(json.dumps({**facts, "test_splits": ["test"]}))
    (folder / "truth.json").write_text(json.dumps(truth_of(boxes, classes, scenes=scene_of)))
    for k, name in enumerate(names):
        effect = dict(zip(dict.fromkeys(scene_of.values()), scene_effect * rng.standard_normal(scenes)))
        found = {}
        for id in ids:
            share = np.clip(0.15 + 0.7 * k / methods + effect[scene_of[id]], 0.02, 0.98)
            found[id] = [(*box, 0.9 - 0.01 * place) for place, box in enumerate(boxes[id]) if rng.random() < share]
        write_run(folder, name, lines_of(found))
    numbers = np.arange(methods)[:, None]
    noise = rng.standard_normal((3, methods, len(ids)))
    values = np.stack([numbers + 0.1 * noise[0], -numbers + 0.1 * noise[1], noise[2]], axis=1)
    metrics = {"VIF": 1, "SSIM": 1, "MI": 1}
    stores.write(results, PLACE, dict(zip(names, values)), metrics, ids=ids)
    return Setup(folder)


def write_run(folder, name, lines):
    run = folder / name / "seed0"
    run.mkdir(parents=True, exist_ok=True)
    files.write_lines(run / "detections.jsonl", lines)
    (run / "record.json").write_text(json.dumps(detected.record(name, 0, 0.3)))


def judged(results, setup, **options):
    return judging.judge(evidence.collect(outcome.read(setup), results, **options), 200)


def bench(*arguments):
    return CliRunner().invoke(main, ["worth", *map(str, arguments)])


@pytest.mark.parametrize("seed", range(5))
def test_correlations_are_those_of_scipy_with_ties(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 6, (2, 4, 12)).astype(float)
    for row in range(4):
        assert agreement.tau(a, b)[row] == pytest.approx(stats.kendalltau(a[row], b[row]).statistic)
        assert agreement.rho(a, b)[row] == pytest.approx(stats.spearmanr(a[row], b[row]).statistic)
    assert np.isnan(agreement.tau(np.ones(4), np.arange(4.0)))
    assert np.isnan(agreement.tau(np.array([1, 2, np.nan]), np.arange(3.0)))


def test_a_resample_counts_images_as_coco_counts_their_copies():
    truth, lines = random_case(3, images=8)
    lines = [
        {**line, "scores": [score - 1e-4 * i - 1e-6 * k for k, score in enumerate(line["scores"])]}
        for i, line in enumerate(lines)
    ]  # COCO's code takes ties in the order of images, which copies change
    weights = np.array([[2, 0, 1, 3, 0, 0, 1, 1]])
    copies = [(place, copy) for place, count in enumerate(weights[0]) for copy in range(count)]
    names = [image["file_name"] for image in truth["images"]]
    repeated = {"info": {}, "images": [], "annotations": [], "categories": truth["categories"]}
    found = []
    for number, (place, copy) in enumerate(copies, start=1):
        image = truth["images"][place]
        name = f"{names[place]}-{copy}"
        repeated["images"].append({**image, "id": number, "file_name": name})
        mine = [a for a in truth["annotations"] if a["image_id"] == image["id"]]
        start = len(repeated["annotations"])
        repeated["annotations"] += [{**a, "id": start + k + 1, "image_id": number} for k, a in enumerate(mine)]
        found.append({**next(line for line in lines if line["id"] == names[place]), "id": name})
    figures, _ = precision.evaluate(repeated, found)
    ours = average_precision(matches(truth, lines), np.concatenate([weights, weights[:, ::-1], weights]))
    assert ours.mean(axis=1)[[0, 2]] == pytest.approx(figures["all"]["AP"], abs=1e-9)
    assert abs(ours[1].mean() - ours[0].mean()) > 1e-3


def test_resamples_and_halves_take_scenes_whole():
    scenes = np.repeat(np.arange(5), [1, 2, 3, 1, 4])
    drawn = agreement.resamples(scenes, 50)
    assert drawn.shape == (50, 11) and all(len({*row[scenes == s]}) == 1 for row in drawn for s in range(5))
    assert {int(sum(row[np.searchsorted(scenes, s)] for s in range(5))) for row in drawn} == {5}
    first, second = agreement.halves(scenes, 50)
    assert (first + second == 1).all() and {int(sum(row[np.searchsorted(scenes, range(5))])) for row in first} == {2}


def test_a_metric_that_is_the_order_is_told_from_noise_and_from_its_opposite(tmp_path):
    worth = judged(tmp_path, planted(tmp_path))
    by = {one.name: one for one in worth.judged}
    assert worth.reliability["AP"].rho > 0.9 and worth.may_rank
    assert by["VIF"].by["AP"].tau > 0.9 and by["VIF"].by["AP"].p < 0.01 and by["VIF"].by["AP"].low > 0.7
    assert by["SSIM"].by["AP"].tau < -0.9 and by["SSIM"].by["AP"].high < 0
    assert by["MI"].by["AP"].p > 0.05
    assert by["VIF"].alike[0] > 0.7 > by["MI"].alike[0] and by["VIF"].alike[1] > 0.5
    assert set(by["VIF"].methods) == {f"m{k:02d}" for k in range(METHODS)}
    text = judging.quotable(worth, "planted")
    assert "highest for VIF" in text and "against it: SSIM" in text and "do not suffice" not in text


def test_an_order_that_scenes_make_is_not_believed(tmp_path):
    worth = judged(tmp_path, planted(tmp_path, scene_effect=3.0, scenes=6))
    assert worth.reliability["AP"].rho < 0.6 and not worth.may_rank
    assert {part.partition(" ")[0] for part in worth.short} == {"reliability", "6"}
    assert worth.needed_scenes > 6 and "do not suffice" in judging.quotable(worth, "planted")


def test_f1_is_that_of_the_counts(tmp_path):
    found = evidence.collect(outcome.read(planted(tmp_path, classes=("People", "Car"))), tmp_path)
    once = np.ones((1, len(IDS)), int)
    for place, method in enumerate(found.methods[:3]):
        lines = found.compared.setup.run(method, 0).detections()
        hits = sum(len(line["scores"]) for line in lines)
        assert found.reached(once)["F1"][0, place] == pytest.approx(2 * hits / (hits + 8 * len(IDS)))
    reached = found.reached(once)
    np.testing.assert_allclose((reached["AP People"] + reached["AP Car"]) / 2, reached["AP"])
    assert np.abs(reached["AP People"] - reached["AP Car"]).max() > 0


def test_sources_twins_copies_and_rare_classes_are_left_out_and_said(tmp_path):
    setup = planted(tmp_path, classes=("People", "Car", "Lamp"))
    truth = setup.truth()
    lamp = [a for a in truth["annotations"] if a["category_id"] == 3][20:]
    truth["annotations"] = [a for a in truth["annotations"] if a not in lamp]
    (setup.folder / "truth.json").write_text(json.dumps(truth))
    lines = setup.run("m03", 0).detections()
    for name in ("ir", "two-cameras", "m03+native", "unscored"):
        write_run(setup.folder, name, lines)
    values = np.zeros((3, len(IDS)))
    stores.write(tmp_path, PLACE, {"ir": values, "m03+native": values}, {"VIF": 1, "SSIM": 1, "MI": 1}, ids=IDS)
    path = tmp_path / PLACE / "m05" / "scores.jsonl"
    told = [{**json.loads(line), "told": ["fused: identical to the infrared one"]} for line in path.open()]
    path.write_text("".join(json.dumps(line) + "\n" for line in told))
    found = evidence.collect(outcome.read(setup), tmp_path)
    assert found.classes == ("People", "Car")
    assert found.left_out["Lamp"].startswith("20 objects in ")
    assert found.left_out["ir"] == "a source" and found.left_out["two-cameras"] == "no fused images"
    assert "twin" in found.left_out["m03+native"] and "no scores" in found.left_out["unscored"]
    assert found.left_out["m05"] == f"{len(IDS)} of {len(IDS)} images are copies of a source"
    assert len(found.methods) == METHODS - 1


def test_predictors_stand_beside_metrics_and_directions_are_kept(tmp_path):
    setup = planted(tmp_path)
    stores.write(
        tmp_path, PLACE, {f"m{k:02d}": np.full((1, len(IDS)), -k) for k in range(METHODS)}, {"MSE": -1},
        protocol="other", ids=IDS,
    )  # fmt: skip

    def predictors(results, dataset, splits, method, ids):
        return {"brightness": {id: float(method[1:]) for id in ids}}

    worth = judged(tmp_path, setup, protocol="other", predictors=predictors)
    by = {one.name: one for one in worth.judged}
    assert by["MSE"].by["AP"].tau > 0.9 and by["MSE"].is_metric
    assert by["brightness"].by["AP"].tau > 0.9 and not by["brightness"].is_metric


def test_groups_that_are_left_out_and_chance_over_many():
    rng = np.random.default_rng(0)
    reached = np.arange(12.0)
    groups = ["a"] * 4 + ["b"] * 8
    found = agreement.without(reached[::-1].copy(), reached, groups)
    assert found == {"a": -1.0}, "without b four methods are left"
    p = agreement.largest_by_chance(np.stack([reached, *rng.standard_normal((20, 12))]), reached)
    assert p[0] < 0.01 and (p[1:] > 0.05).all()
    assert agreement.methods_for(0.3, 8) > agreement.methods_for(0.5, 8) > agreement.methods_for(0.5, 1)


def test_relatives_are_no_independent_observations(monkeypatch):
    monkeypatch.setattr(agreement, "PERMUTATIONS", 300)
    rng = np.random.default_rng(2)
    groups = [name for name in "abcdefghij" for _ in range(3)]
    alone, related = [], []
    for _ in range(20):
        values = rng.standard_normal((9, 10)).repeat(3, axis=1) + 0.1 * rng.standard_normal((9, 30))
        alone.append(agreement.largest_by_chance(values[1:], values[0]).min())
        related.append(agreement.largest_by_chance(values[1:], values[0], groups).min())
    assert np.mean(np.array(alone) <= 0.05) > 0.3 > 0.15 >= np.mean(np.array(related) <= 0.05)


def test_reliability_follows_spearman_and_brown():
    rng = np.random.default_rng(1)
    truth = rng.standard_normal(200)
    halves = [truth + rng.standard_normal((30, 200)) for _ in range(2)]
    found = agreement.reliability(*halves, scenes=10)
    assert found.half_rho == pytest.approx(0.48, abs=0.05) and found.rho == pytest.approx(0.65, abs=0.05)
    assert found.scenes_for(found.rho) == pytest.approx(10)
    nothing = agreement.reliability(*rng.standard_normal((2, 30, 200)), scenes=10)
    assert nothing.rho < 0.05 and (nothing.rho > 0 or math.isinf(nothing.scenes_for(0.6)))


def test_the_command_prints_and_writes_all_of_it(tmp_path):
    planted(tmp_path)
    out = tmp_path / "out"
    result = bench("--results", tmp_path, "--out", out, "--figure", "--figure-format", "png", "--resamples", 100)
    assert result.exit_code == 0, result.output
    assert "tau with AP" in result.output and "(32 images of 16 scenes), 16 fusion methods" in result.output
    with (out / "worth.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["target"] for row in rows} == {"AP", "AP50", "F1"} and {row["name"] for row in rows} == {
        "VIF",
        "SSIM",
        "MI",
    }
    assert float(next(r["tau"] for r in rows if (r["name"], r["target"]) == ("VIF", "AP"))) > 0.9
    assert (out / "worth.png").stat().st_size > 5000 and "booktabs" in (out / "report.tex").read_text()
    assert "| VIF |" in (out / "report.md").read_text()
    lines = bench("--results", tmp_path, "--json", "--resamples", 100).output.splitlines()
    assert any(json.loads(line)["event"] == "paragraph" for line in lines)


def test_mistakes_are_one_line(tmp_path):
    empty = bench("--results", tmp_path / "none")
    assert empty.exit_code == 2 and "bench detect" in empty.output
    setup = planted(tmp_path, methods=4)
    few = bench("--results", tmp_path)
    assert few.exit_code == 2 and "4 methods to compare" in few.output
    unknown = bench("--results", tmp_path, "--methods", "m99")
    assert unknown.exit_code == 2 and "m99" in unknown.output
    metric = bench("--results", tmp_path, "--metrics", "Qabf")
    assert metric.exit_code == 2 and "not every method has Qabf" in metric.output
    assert "--out" in bench("--results", tmp_path, "--figure").output
    (setup.run("m01", 0).detections_file).write_text('{"id": "0000"}\n')
    broken = bench("--results", tmp_path)
    assert broken.exit_code == 2 and "m01/seed0/detections.jsonl is broken" in broken.output
    for result in (empty, few, unknown, metric, broken):
        assert len(result.output.strip().splitlines()) == 1


def test_too_few_scenes_or_objects_are_refused(tmp_path):
    with pytest.raises(UserError, match="2 scenes"):
        judged(tmp_path / "a", planted(tmp_path / "a", scenes=2))
    setup = planted(tmp_path / "b")
    truth = setup.truth()
    truth["annotations"] = truth["annotations"][:20]
    (setup.folder / "truth.json").write_text(json.dumps(truth))
    with pytest.raises(UserError, match="no class has 30 objects"):
        judged(tmp_path / "b", setup)


def test_setups_stand_side_by_side_and_signs_are_compared(tmp_path):
    one, other = (judged(tmp_path / f"{k}", planted(tmp_path / f"{k}", seed=k)) for k in range(2))
    both = judging.together([one, other], ["one", "other"])
    assert both.sign("VIF") == both.sign("SSIM") == "agree" and both.orders[0, 1][0] > 0.7
