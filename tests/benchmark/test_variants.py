"""Controlled variants of fused images: what is altered, what is compared, and what a user runs and reads."""

import csv
import io
import json
import math
import re
from dataclasses import replace

import detected
import numpy as np
import pytest
import stores
from detection_cases import lines_of, truth_of
from harness import ROOT, snapshot

import metrics
from benchmark import inference
from benchmark.curation import drawn_sets
from benchmark.datasets import synth
from benchmark.detection import precision
from benchmark.detection.setups import Setup
from benchmark.errors import UserError
from benchmark.imaging import reading
from benchmark.report import variant_tables
from benchmark.store import cells, files
from benchmark.worth import altering, effects, variants
from benchmark.worth.effects import AT_A_LOSS, BOUGHT, FOLLOWS, FREQUENT, NOT_SHOWN, PENALISED, TOO_FEW, UNDIRECTED
from benchmark.worth.variants import ALTERATIONS, Variant

GREY = np.full((80, 100), 128, np.uint8)


@pytest.fixture(scope="module")
def pair():
    return synth.SynthPair("night", None, None, seed=3, condition="night", width=160, height=120).load()


@pytest.fixture(scope="module")
def average(pair):
    return ((pair.ir.astype(int) + pair.vis + 1) // 2).astype(np.uint8)


# What is altered --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind, about in ALTERATIONS.items() if about.neutral is not None])
def test_the_neutral_strength_changes_nothing(kind, average):
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for image in (average, levels):
        np.testing.assert_array_equal(Variant(kind, ALTERATIONS[kind].neutral).alter(image, "a"), image)


def test_noise_is_that_of_the_pair_and_of_the_stated_size():
    found = {s: Variant("noise", s).alter(GREY, "a").astype(float) - 128 for s in (4, 8)}
    for strength, noise in found.items():
        assert abs(noise.mean()) < 0.3 and noise.std() == pytest.approx(strength, rel=0.03)
    assert np.abs(found[8] - 2 * found[4]).max() <= 1.5  # one field, times the strength
    np.testing.assert_array_equal(Variant("noise", 8).alter(GREY, "a") - 128.0, found[8])
    assert np.corrcoef(found[8].ravel(), (Variant("noise", 8).alter(GREY, "b") - 128.0).ravel())[0, 1] < 0.1
    assert Variant("noise", 100).alter(GREY, "a").min() == 0 and Variant("noise", 100).alter(GREY, "a").max() == 255


def test_alterations_do_what_they_say():
    row = np.array([[100, 120, 140]], np.uint8)
    assert Variant("contrast", 2).alter(row, "").tolist() == [[80, 120, 160]]
    assert Variant("contrast", 20).alter(row, "").tolist() == [[0, 120, 255]]
    assert Variant("gamma", 0.5).alter(np.array([[0, 64, 255]], np.uint8), "").tolist() == [[0, 128, 255]]
    assert Variant("brightness", -110.0).alter(row, "").tolist() == [[0, 10, 30]]
    assert Variant("full-range").alter(row, "").tolist() == [[0, 128, 255]]
    np.testing.assert_array_equal(Variant("full-range").alter(GREY, ""), GREY)
    point = np.zeros((31, 31), np.uint8)
    point[15, 15] = 255
    x = np.arange(-15, 16)
    gaussian = np.exp(-(x**2) / 8)
    blurred = 255 * np.outer(gaussian, gaussian) / gaussian.sum() ** 2
    assert np.abs(Variant("blur", 2).alter(point, "") - blurred).max() < 0.51
    sharp = Variant("sharpen", 1.5).alter(np.full((31, 31), 100, np.uint8) + point // 5, "").astype(float)
    gaussian = np.exp(-(x**2) / 2) / np.exp(-(x**2) / 2).sum()
    expected = 100 + 51.0 * (point > 0) * 2.5 - 1.5 * 51 * np.outer(gaussian, gaussian)
    assert np.abs(sharp - expected).max() < 0.6


def test_metrics_that_noise_and_sharpening_buy(pair, average):
    names = ["EN", "SF", "VIF", "Qabf"]

    def scores(image):
        return metrics.evaluate(image, pair.ir, pair.vis, names)

    base, noisy = scores(average), scores(Variant("noise", 8).alter(average, "a"))
    sharp = scores(Variant("sharpen", 1).alter(average, "a"))
    assert noisy["SF"] > 1.3 * base["SF"] and noisy["EN"] > base["EN"] and noisy["VIF"] < base["VIF"]
    assert sharp["SF"] > 1.3 * base["SF"] and sharp["Qabf"] > base["Qabf"]


@pytest.mark.parametrize("text", [*variants.DEFAULT, "brightness--20", "noise-0.125"])
def test_names_are_read_as_they_are_written(text):
    (found,) = variants.read([text])
    assert str(found) == text and variants.read([text, text]) == (found,)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("noise", "expected noise-STRENGTH, such as noise-8"),
        ("noise-", "expected noise-STRENGTH"),
        ("noise-loud", "expected noise-STRENGTH"),
        ("noise-1e9", "expected noise-STRENGTH"),
        ("noise-nan", "expected noise-STRENGTH"),
        ("noise--1", "from 0 to 255, not -1"),
        ("gamma-0", "from 0.01 to 100, not 0"),
        ("nois-8", "did you mean noise?"),
        ("full-range-2", "unknown kind of variant"),
        ("average", "unknown kind of variant"),
    ],
)
def test_other_names_are_refused(text, told):
    with pytest.raises(UserError, match=r"^[^\n]*$") as error:
        variants.read([text])
    assert told in error.value.message


def test_only_luminance_is_altered():
    with pytest.raises(ValueError, match="uint8"):
        Variant("noise", 8).alter(GREY / 255, "a")


# What is compared -------------------------------------------------------------------------------------------------

IDS = [f"{number:04d}" for number in range(20)]
SCENES = {id: f"s{number // 2}" for number, id in enumerate(IDS)}
PLACE, SETUP = "m3fd@test", "yolov8n-pretrained-0123abcd"
METRICS = {"Up": 1, "Down": -1, "Noisy": 1, "Neither": 0}


def boxes(shift=0, images=20):
    """One box in each image, with a few false alarms that are surer in later images; shift: of what is found in the
    first images."""
    rng = np.random.default_rng(0)
    found = {}
    for number, id in enumerate(IDS):
        x, y = rng.integers(0, 200, 2)
        moved = shift if number < images else 0
        found[id] = [(x + moved, y, x + 60 + moved, y + 40, 0)]
        if number % 3 == 0:
            found[id].append((x + 100, y + 50, x + 120, y + 60, 0))
    return found


def plant(results, moved: dict[str, np.ndarray], shift: dict[str, int], scenes=SCENES, base=10.0):
    """Scores and detections of `average` and of its variants. moved: variant -> what it adds to the metrics, (4, 20).
    shift: variant -> by how many pixels it moves what is found, and in how many images; "" for the base."""
    truth = truth_of({id: found[:1] for id, found in boxes().items()}, scenes=scenes)
    values = base + np.random.default_rng(1).normal(0, 3, (4, 20))
    stores.write(results, PLACE, {"average": values}, METRICS, ids=IDS, kind="run", output="raw")
    for variant in ("", *moved):
        root, label = (altering.folder(results), f"average+{variant}") if variant else (results, "average")
        if variant:
            about = {"altered": {"of": "average", "variant": variant, "version": variants.VERSION}, "kind": "run"}
            stores.write(root, PLACE, {label: values + moved[variant]}, METRICS, ids=IDS, **about)
            file = root / PLACE / label / "scores.jsonl"
            key = cells.altered_key("0", variant, variants.VERSION)
            file.write_text(file.read_text().replace('"key": "k-k"', f'"key": "{key}-k"'))
        folder = root / "detect" / PLACE / SETUP
        run = folder / label / "seed0"
        run.mkdir(parents=True)
        facts = {**detected.facts("m3fd", "test", [], "pretrained", ("People", "Car")), "test_splits": ["test"]}
        methods = ["average"] if not variant else [f"average+{one}" for one in moved]
        (folder / "setup.json").write_text(json.dumps({**facts, "methods": methods}))
        (folder / "truth.json").write_text(json.dumps(truth))
        found = {
            id: [(*box, 0.9 - 0.02 * n) for n, box in enumerate(one)] for id, one in boxes(*shift[variant]).items()
        }
        files.write_lines(run / "detections.jsonl", lines_of(found))
        (run / "record.json").write_text(json.dumps(detected.record(label, 0, 0.5)))
    return truth


def always(*signs):
    """Changes (4, 20) that go the same way in all images: by 1 and more, and one of no sign."""
    rng = np.random.default_rng(2)
    rows = [sign * (1 + rng.random(20)) if sign else rng.choice([-1.0, 1.0], 20) for sign in signs]
    return np.array(rows)


@pytest.fixture
def planted(tmp_path):
    moved = {
        "noise-8": always(1, -1, 0, 1),
        "blur-1": always(1, 1, 0, 1),
        "sharpen-1": always(1, 1, 0, 1),
        "gamma-0.7": 0 * always(1, 1, 0, 1),
    }
    shift = {"": (12,), "noise-8": (12,), "blur-1": (25,), "sharpen-1": (0,), "gamma-0.7": (12,)}
    truth = plant(tmp_path, moved, shift)
    return tmp_path, moved, truth


def test_verdicts_are_those_of_the_plant(planted):
    (one,) = effects.read(planted[0])
    found = {e.variant: {metric: e.verdict(metric) for metric in METRICS} for e in one.effects}
    rest = {"Noisy": NOT_SHOWN, "Neither": UNDIRECTED}
    assert found == {
        "noise-8": {"Up": BOUGHT, "Down": BOUGHT, **rest},  # AP stays, to the digit
        "blur-1": {"Up": AT_A_LOSS, "Down": FOLLOWS, **rest},
        "sharpen-1": {"Up": FOLLOWS, "Down": PENALISED, **rest},
        "gamma-0.7": {"Up": NOT_SHOWN, "Down": NOT_SHOWN, **rest},
    }
    assert (one.place, one.scenes, one.images, one.notes) == (PLACE, 10, 20, ())
    noise = one.effects[0]
    assert noise.gaps["AP"].value == noise.gaps["AP"].low == noise.gaps["AP"].high == 0
    assert noise.changes["Up"].rises == 20 and noise.changes["Down"].rises == 0


def test_ap_that_moves_in_one_scene_is_not_shown_to_move(tmp_path):
    plant(tmp_path, {"blur-1": always(1, 1, 0, 1)}, {"": (0,), "blur-1": (25, 2)})
    (one,) = effects.read(tmp_path)
    gap = one.effects[0].gaps["AP"]
    assert gap.value < -0.02 and gap.low < 0 < gap.high
    assert (one.effects[0].verdict("Up"), one.effects[0].verdict("Down")) == (BOUGHT, PENALISED)


def test_p_is_corrected_for_all_that_is_tested(planted):
    results, moved, _ = planted
    (one,) = effects.read(results)
    sums = np.concatenate([rows.reshape(4, 10, 2).sum(axis=2) for rows in moved.values()])
    alone = inference.p_values(inference.of_scenes(sums, np.full(10, 2)))
    expected = np.maximum(alone, inference.step_down(sums / 2))
    found = [effect.changes[metric].p for effect in one.effects for metric in METRICS]
    assert found == pytest.approx(list(expected)) and (expected > alone + 1e-6).any()


def test_scenes_of_unequal_size_do_not_hide_what_happens_on_every_image(tmp_path):
    names = [0] * 9 + [1] * 3 + list(range(2, 10))
    scenes = {id: f"s{name}" for id, name in zip(IDS, names)}
    plant(tmp_path, {"noise-8": always(1, -1, 0, 1)}, {"": (12,), "noise-8": (12,)}, scenes)
    (one,) = effects.read(tmp_path)
    assert one.scenes == 10 and one.effects[0].changes["Up"].p < 0.02
    assert [one.effects[0].verdict(metric) for metric in METRICS] == [BOUGHT, BOUGHT, NOT_SHOWN, UNDIRECTED]


def test_frequent_classes_decide(planted, monkeypatch):
    results, *_ = planted
    monkeypatch.setattr(effects, "LEAST_BOXES", 15)
    for root in (results, altering.folder(results)):  # a car that is never found
        file = root / "detect" / PLACE / SETUP / "truth.json"
        truth = json.loads(file.read_text())
        box = {**truth["annotations"][0], "id": 21, "category_id": 2}
        file.write_text(json.dumps({**truth, "annotations": [*truth["annotations"], box]}))
    (one,) = effects.read(results)
    assert one.frequent == ("People",)
    for effect in one.effects:
        assert effect.base_ap[FREQUENT] == pytest.approx(2 * effect.base_ap["AP"])
    assert one.effects[1].verdict("Up") == AT_A_LOSS
    monkeypatch.setattr(effects, "LEAST_CLASS_SCENES", 11)
    assert effects.read(results)[0].frequent == ("People", "Car")


def test_numbers_are_those_of_the_images(planted):
    results, moved, truth = planted
    (one,) = effects.read(results, metrics=["Up", "Down"])
    assert list(one.metrics) == ["Up", "Down"]
    blur = next(e for e in one.effects if e.variant == "blur-1")
    up = moved["blur-1"][0]
    assert blur.changes["Up"].difference == pytest.approx(up.mean())
    units = inference.of_scenes(up.reshape(10, 2).sum(axis=1)[None], np.full(10, 2))
    below, above = inference.interval(units)
    assert (blur.changes["Up"].low, blur.changes["Up"].high) == pytest.approx(
        (up.mean() - below[0], up.mean() + above[0])
    )
    setups = {"average": results, "average+blur-1": altering.folder(results)}
    lines = [files.read_lines(r / "detect" / PLACE / SETUP / m / "seed0/detections.jsonl") for m, r in setups.items()]
    before, after = (precision.evaluate(truth, one)[0]["all"] for one in lines)
    for name in ("AP", "AP50"):
        assert blur.base_ap[name] == pytest.approx(before[name])
        assert blur.gaps[name].value == pytest.approx(after[name] - before[name])
    assert blur.gaps["AP"].value < -0.05 and blur.gaps["AP"].high < 0


def test_few_scenes_are_not_tested_and_nothing_is_bought(tmp_path):
    plant(
        tmp_path,
        {"noise-8": always(1, -1, 0, 1)},
        {"": (12,), "noise-8": (12,)},
        {id: s[:1] + "12"[i % 2] for i, (id, s) in enumerate(SCENES.items())},
    )
    (one,) = effects.read(tmp_path)
    assert one.scenes == 2 and {e.verdict("Up") for e in one.effects} == {TOO_FEW}
    assert math.isnan(one.effects[0].changes["Up"].p)
    changes, counts = variant_tables.grids([one])
    assert "nothing is tested" in changes.explanation and not any(
        e.sign for line in changes.lines for e in line.entries
    )
    assert [column.name for column in counts.columns] == ["better", "worse"]
    assert [entry.value for entry in counts.lines[1].entries] == [1, 0]  # Down went down, which is better


def test_setups_of_one_detector_have_heads_of_their_own(planted):
    (one,) = effects.read(planted[0])
    other = replace(one, setup=Setup(one.setup.folder.with_name("yolov8n-pretrained-4567cdef")))
    *tables, counts = variant_tables.grids([one, other])
    assert [name for name, _ in counts.groups] == [f"{PLACE}, {SETUP}", f"{PLACE}, yolov8n-pretrained-4567cdef"]
    assert tables[0].key != tables[1].key and "20 pairs" in tables[0].title and "10 scenes" in tables[0].title
    assert len(variant_tables.grids([one])[-1].groups[0][0]) < 20


def test_undefined_values_are_left_out_of_both_sides(tmp_path):
    moved = always(1, -1, 0, 1)
    moved[0, :3] = np.nan
    plant(tmp_path, {"noise-8": moved}, {"": (12,), "noise-8": (12,)})
    (one,) = effects.read(tmp_path)
    change = one.effects[0].changes["Up"]
    assert change.images == 17 and change.difference == pytest.approx(moved[0, 3:].mean()) and change.p < 0.05


def spoil(results, what):
    variant = altering.folder(results)
    if what == "refused":
        file = results / PLACE / "average" / "scores.jsonl"
        file.write_text(file.read_text().replace('"fused": "0"', '"fused": "1"'))
    elif what == "metrics":
        file = results / PLACE / "average" / "scores.jsonl"
        file.write_text(file.read_text().replace("k-k", "k-other"))
    elif what == "unscored":
        file = variant / PLACE / "average+noise-8" / "scores.jsonl"
        file.write_text("".join(file.read_text().splitlines(keepends=True)[:-2]))
    elif what == "unsaid":
        file = variant / PLACE / "average+noise-8" / "run.json"
        file.write_text(file.read_text().replace('"altered"', '"changed"'))
    elif what == "unknown":
        file = variant / PLACE / "average+noise-8" / "run.json"
        file.write_text(file.read_text().replace('"variant": "noise-8"', '"variant": "haze-8"'))
    elif what == "undetected":
        file = results / "detect" / PLACE / SETUP / "average/seed0/record.json"
        file.write_text(file.read_text().replace('"done"', '"failed (no memory)"'))


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("refused", "average was fused anew since"),
        ("metrics", "another version of the metrics"),
        ("unscored", "2 of 20 images of average+noise-8 are not scored under standard"),
        ("unsaid", "does not say what it is a variant of"),
        ("unknown", "does not say what it is a variant of"),
        ("undetected", "average is failed (no memory)"),
    ],
)
def test_what_cannot_be_compared_is_left_out_and_told(tmp_path, what, told):
    plant(tmp_path, {"noise-8": always(1, -1, 0, 1)}, {"": (12,), "noise-8": (12,)})
    spoil(tmp_path, what)
    (one,) = effects.read(tmp_path)
    assert not one.effects and told in one.notes[0]
    (grid,) = variant_tables.grids([one])
    assert not grid.lines and grid.notes == one.notes


def test_broken_files_are_one_line(planted, bench):
    results, *_ = planted
    file = altering.folder(results) / "detect" / PLACE / SETUP / "average+blur-1/seed0/detections.jsonl"
    file.write_text(file.read_text()[:200])
    found = bench("variants", "--stored", "--results", results)
    assert found.exit_code == 2 and "detections.jsonl is broken; run bench variants again" in found.stderr
    (results / "detect" / PLACE / SETUP / "truth.json").write_text("{}")
    found = bench("variants", "--stored", "--results", results)
    assert found.exit_code == 2 and "not seen the same labels" in found.stderr


# What is read ------------------------------------------------------------------------------------------------------


def test_tables_and_files_hold_the_same(planted, bench, tmp_path_factory):
    results, moved, _ = planted
    before = snapshot(results)
    out = tmp_path_factory.mktemp("paper")
    found = bench("variants", "--stored", "--results", results, "--format", "latex,csv,markdown,html", "--out", out)
    assert found.exit_code == 0, found.output
    assert "+blur-1" in found.stdout and "‡" in found.stdout and snapshot(results) == before
    rows = list(csv.DictReader(io.StringIO((out / "variants.csv").read_text())))
    assert len(rows) == 4 * (4 + 3) and list(rows[0]) == list(variant_tables.COLUMNS)
    row = next(r for r in rows if (r["variant"], r["metric"]) == ("blur-1", "Up"))
    assert float(row["difference"]) == pytest.approx(moved["blur-1"][0].mean(), abs=1e-4)
    assert (row["verdict"], row["rises"], row["scenes"], row["direction"]) == (AT_A_LOSS, "20", "10", "1")
    ap = next(r for r in rows if (r["variant"], r["metric"]) == ("blur-1", "AP"))
    assert float(ap["ci_high"]) < 0 and ap["verdict"] == "" and ap["protocol"] == "pretrained"
    markdown = (out / "variants.md").read_text(encoding="utf-8")
    assert "| + blur-1 |" in markdown and r"$" not in markdown.split("###")[1].split("\n")[4]
    assert "bought" in markdown and (out / "variants.html").is_file()
    text = bench("variants", "--stored", "--results", results, "--format", "csv", "--out", "-", "--metrics", "Qabf")
    assert text.stdout.splitlines()[0] == ",".join(variant_tables.COLUMNS)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "--dataset: name one with object boxes"),
        (("--dataset", "tno", "--init", "ir/a.png"), "no object boxes"),
        (("--dataset", "m3fdd"), "did you mean m3fd?"),
        (("--dataset", "synth-det", "--variants", "noise"), "expected noise-STRENGTH"),
        (("--dataset", "synth-det", "--methods", "averag"), "did you mean average?"),
        (("--dataset", "synth-det", "--detector", "yolov8"), "unknown detector"),
        (("--dataset", "synth-det", "--methods", "average"), "needs trained weights"),
        (("--dataset", "synth-det", "--init", "no.pt", "--methods", "average"), "no such file or folder"),
        (("--dataset", "synth-det", "--init", "ir/a.png", "--label-order", "paper"), "for M3FD only"),
        (("--dataset", "synth-det", "--protocol", "all"), "name one protocol"),
        (("--dataset", "synth-det", "--protocol", "cddfus"), "did you mean"),
        (("--stored", "--methods", "average"), "--methods: --stored shows all"),
        (("--stored", "--variants", "noise-8"), "--variants: --stored shows all"),
        (("--stored",), "no variants in"),
        (("--stored", "--format", "pdf"), "unknown format 'pdf'"),
        (("--stored", "--out", "paper"), "name what to write with --format"),
        (("--stored", "--out", "-", "--format", "latex,csv"), "--out -: give one --format"),
        (("--stored", "--metrics", "Qab"), "did you mean Qabf?"),
    ],
)
def test_mistakes_are_one_line(arguments, told, bench, pairs):
    if "--dataset" in arguments:
        pytest.importorskip("faster_coco_eval", reason="needs the extra 'detect'")
    found = bench("variants", *arguments)
    assert found.exit_code == 2 and told in found.stderr, found.output
    assert len(found.stderr.strip().splitlines()) == 1


# What is run -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Four drawn pairs of 64x64 in M3FD's layout, and a detector's weights, drawn at random."""
    pytest.importorskip("faster_coco_eval", reason="needs the extra 'detect'")
    from benchmark.detection import offline

    folder = tmp_path_factory.mktemp("drawn")
    drawn_sets.write(folder / "M3FD_Detection", 4, (64, 64))
    offline.prepare(folder / "ultralytics")
    from benchmark.detection import yolo

    yolo.save_init(folder / "yolov8n.pt", "yolov8n", ["person", "car"], 0, None)
    return folder


def test_one_command_makes_all_and_continues(drawn, bench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ("variants", "--dataset", "m3fd", "--split", "all", "--data-root", drawn, "--init", drawn / "yolov8n.pt")
    command += ("--jobs", 0, "--imgsz", 64, "--device", "cpu", "--metrics", "EN,SF")
    some = ("--methods", "average", "--variants", "noise-8")
    planned = bench(*command, *some, "--dry-run")
    assert planned.exit_code == 0 and "4 images, and of each noise-8" in planned.stdout
    assert not list(tmp_path.glob("results/m3fd*"))
    first = bench(*command, *some)
    assert first.exit_code == 0, first.output
    (place,) = (tmp_path / "results/worth/variants").glob("m3fd@all-*")
    base = tmp_path / "results" / place.name / "average"
    kept = snapshot(place / "average+noise-8")
    of_base = snapshot(base)
    found = bench(*command, "--methods", "average,max", "--variants", "noise-8,brightness-0")
    assert found.exit_code == 0, found.output
    assert snapshot(place / "average+noise-8") == kept and snapshot(base) == of_base
    for method in ("average", "max"):
        for file in sorted((base.parent / method / "fused").glob("*.png")):
            same = place / f"{method}+brightness-0" / "fused" / file.name
            assert same.read_bytes() == file.read_bytes()
            colour = place / f"{method}+brightness-0" / "colour" / file.name
            assert colour.read_bytes() == (base.parent / method / "colour" / file.name).read_bytes()
            noisy = reading.read_luminance(place / f"{method}+noise-8" / "fused" / file.name)
            expected = Variant("noise", 8).alter(reading.read_luminance(file), file.stem)
            np.testing.assert_array_equal(noisy, expected)
    (one,) = effects.read(tmp_path / "results")
    assert [(e.method, e.variant) for e in one.effects] == [
        (method, variant) for method in ("average", "max") for variant in ("noise-8", "brightness-0")
    ]
    for effect in one.effects:
        if effect.variant == "brightness-0":
            assert all(change.difference == 0 for change in effect.changes.values())
            assert effect.gaps["AP"].value == 0
        else:
            assert effect.changes["SF"].rises == effect.changes["EN"].rises == 4
    report = bench("report", "--format", "csv", "--out", "-").stdout
    assert "average" in report and "noise" not in report and "brightness" not in report
    fused = base / "fused" / "00002.png"
    from benchmark.imaging import saving

    saving.save_luminance(fused, 255 - reading.read_luminance(fused))  # nobody's doing: it is made anew
    assert bench(*command, *some).exit_code == 0
    assert snapshot(place / "average+noise-8").keys() == kept.keys()


def test_docs_state_every_variant():
    page = (ROOT / "docs" / "variants.md").read_text(encoding="utf-8")
    for kind, about in ALTERATIONS.items():
        assert f"`{kind}" in page, kind
        if about.neutral is not None:
            assert f"{about.lowest:g} … {about.highest:g}" in page, kind
    for name in variants.DEFAULT:
        assert f"`{name}`" in page


def test_docs_print_what_the_reference_holds():
    with (ROOT / "results" / "reference" / "detection_variants.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["method"] == "average"]
    held = {(row["dataset"], row["variant"], row["metric"]): row for row in rows}
    page = (ROOT / "docs" / "variants.md").read_text(encoding="utf-8")
    checked, heads = 0, []
    for line in page[page.index("## What it shows") :].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if "`average`" in cells[0] and line.startswith("|"):
            dataset, heads = cells[0].partition(",")[0].lower(), cells[1:]
        elif heads and line.startswith("| `"):
            for head, cell in zip(heads, cells[1:]):
                row = held[dataset, cells[0].strip("`"), "AP of frequent classes" if head == "AP*" else head]
                scale, numbers = 100 if head == "AP*" else 1, re.findall(r"[+−]?\d+\.\d+", cell)
                for text, name in zip(numbers, ("difference", "ci_low", "ci_high")):
                    half = 0.5001 * 10.0 ** -len(text.partition(".")[2])
                    assert abs(float(text.replace("−", "-")) - scale * float(row[name])) <= half, (line, head)
                    checked += 1
                signs = {BOUGHT: "†", AT_A_LOSS: "‡", NOT_SHOWN: "°"}
                assert head == "AP*" or "".join(c for c in cell if c in "†‡°") == signs.get(row["verdict"], "")
    assert checked == 2 * 7 * 9 + 7 * 2
