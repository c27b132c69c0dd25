"""`bench detect --protocol pretrained`: detectors as their makers trained them, on test images alone."""

import csv
import io
import json
import math

import numpy as np
import pytest
from detection_cases import lines_of, truth_of

pytest.importorskip("faster_coco_eval", reason="needs the extra 'detect'")

from benchmark import detection
from benchmark.curation import drawn_sets
from benchmark.detection import late_fusion, offline, setups
from benchmark.detection.counterparts import counterparts
from benchmark.errors import UserError

COCO = {0: "person", 1: "bicycle", 2: "car", 3: "motorcycle", 5: "bus", 7: "truck", 9: "traffic light", 16: "dog"}
M3FD = ("People", "Car", "Bus", "Motorcycle", "Lamp", "Truck")


@pytest.fixture(scope="module")
def yolo(tmp_path_factory):
    offline.prepare(tmp_path_factory.mktemp("ultralytics"))
    from benchmark.detection import yolo

    return yolo


@pytest.fixture(scope="module")
def untrained(yolo, tmp_path_factory):
    """Make the file of a detector with random weights and COCO's 80 classes: untrained(name). It finds much, and of
    classes that no set here has still more."""
    import torch

    folder = tmp_path_factory.mktemp("weights")

    def make(name: str, classes=None, file=None):
        path = folder / f"{file or name}.pt"
        if not path.is_file():
            torch.manual_seed(0)
            names = (
                yolo.YAML.load(yolo.ROOT / "cfg" / "datasets" / "coco.yaml")["names"] if classes is None else classes
            )
            model = yolo._build(name, len(names))
            model.names = names
            _spread(model)
            for layer in class_layers(model.model[-1]):
                layer.bias.data[:] = 3.0
                layer.bias.data[[number for number in (0, 2, 3) if number < len(names)]] = -2.0
            torch.save({"model": model, "train_args": {"task": "detect"}}, path)
        return path

    return make


def _spread(model) -> None:
    """Let the layers normalise noise, so that the network's outputs differ from place to place."""
    import torch

    layers = [layer for layer in model.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    for layer in layers:
        layer.momentum = 1.0
    with torch.no_grad():
        model.train()(torch.rand(4, 3, 64, 64))
    model.eval()


def class_layers(head) -> list:
    """The last layers of a head, those that choose the class."""
    if hasattr(head, "dec_score_head"):
        return list(head.dec_score_head)
    return [branch[-1] for name in ("cv3", "one2one_cv3") for branch in getattr(head, name, None) or ()]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Four drawn pairs of 64x64 in M3FD's layout."""
    folder = tmp_path_factory.mktemp("drawn")
    drawn_sets.write(folder / "M3FD_Detection", 4, (64, 64))
    (folder / "test.txt").write_text("00000\n00001\n00002\n00003\n")
    return folder


@pytest.fixture
def detect(drawn, tmp_path, monkeypatch, bench):
    monkeypatch.chdir(tmp_path)
    for name in ("BENCH_RESULTS", "BENCH_DATA", "BENCH_WEIGHTS"):
        monkeypatch.delenv(name, raising=False)
    call = (
        "detect",
        "--dataset",
        "m3fd",
        "--protocol",
        "pretrained",
        "--data-root",
        drawn,
        "--device",
        "cpu",
        "--only",
    )
    return lambda *more, methods="ir,vis": bench(*call, "--methods", methods, "--imgsz", 64, *more)


# Classes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "classes, matched",
    [
        (M3FD, {"People": 0, "Car": 2, "Bus": 5, "Motorcycle": 3, "Truck": 7}),
        (("person", "car", "bicycle", "dog"), {"person": 0, "car": 2, "bicycle": 1, "dog": 16}),
        (("buses", "Motor-Bikes", "TRAFFIC_LIGHTS", "pedestrian"), {
            "buses": 5, "Motor-Bikes": None, "TRAFFIC_LIGHTS": 9, "pedestrian": 0,
        }),
        (("people", "person", "cyclist", "person?"), {"person": 0}),  # KAIST: a group is a class of its own
        (("light", "lamp", "motorcar", "ca", "rs"), {}),
    ],
)  # fmt: skip
def test_classes_are_matched_by_name(classes, matched):
    assert counterparts(classes, COCO) == {name: number for name, number in matched.items() if number is not None}


def test_numbers_of_classes_mean_nothing():
    turned = {90 - number: name.upper() for number, name in COCO.items()}
    assert counterparts(("Car", "People"), turned) == {"Car": 88, "People": 90}
    assert counterparts(("person",), {4: "Pedestrians", 7: "person", 8: "person"}) == {"person": 7}


# Weights ------------------------------------------------------------------------------------------------------------


def test_what_is_no_detector_of_boxes_is_told_in_one_line(yolo, untrained, tmp_path):
    import torch
    from ultralytics.nn.tasks import ClassificationModel, SegmentationModel

    good = untrained("yolov8n")
    state = torch.load(good, weights_only=False)["model"].state_dict()
    bad = tmp_path / "bad.pt"
    for words, content in (
        ("weights of a SegmentationModel, which is", {"model": SegmentationModel("yolov8n-seg.yaml", verbose=False)}),
        ("weights of a ClassificationModel", {"model": ClassificationModel("yolov8n-cls.yaml", verbose=False)}),
        ("weights of a Linear", {"model": torch.nn.Linear(2, 2)}),
        ("not weights of an ultralytics detector (no network is in it)", {"model": state}),
        ("not weights of an ultralytics detector", state),
        ("not weights of an ultralytics detector", [1, 2]),
        ("not weights of an ultralytics detector", torch.zeros(3)),
    ):
        torch.save(content, bad)
        told(yolo, "yolov8n", bad, f"bad.pt: {words}")
    for content in (good.read_bytes()[:5000], b"", b"no weights"):
        bad.write_bytes(content)
        told(yolo, "yolov8n", bad, "bad.pt: not weights of an ultralytics detector (")
    told(yolo, "yolov8s", good, "not weights of yolov8s, but of yolov8n; give --detector yolov8n")
    told(yolo, "yolov8n-rtdetr", good, "not weights of yolov8n-rtdetr")
    with pytest.raises(UserError, match="not weights of yolov8s"):
        yolo.check_weights("yolov8s", good)  # where a training begins with them, too
    told(
        yolo, "yolov8n", untrained("yolov8n", {k: str(k) for k in range(3)}, "nameless"), "its 3 classes have no names"
    )
    eighty = untrained("yolov8n", {k: f"class{k}" for k in range(80)}, "eighty")
    assert yolo.ready("yolov8n", eighty).names[7] == "truck"
    assert yolo.ready("yolov8n", good).names[2] == "car" and yolo.detector_in(good) == "yolov8n"


def told(yolo, detector, path, words):
    with pytest.raises(UserError) as error:
        yolo.ready(detector, path)
    assert words in error.value.message and "\n" not in error.value.message and len(error.value.message) < 500


@pytest.mark.parametrize(
    "more, words",
    [
        (("--split", "all"), ("yolov8n: --protocol pretrained needs trained weights", "no --weights-root to look in")),
        (("--split", "all", "--weights-root", "."), ("there is no yolo/yolov8n.pt", "--init FILE")),
        (("--split", "all", "--init", "yaml"), ("--init yaml draws them at random",)),
        (("--init", "test.pt", "--detector", "yolov8n,yolo11n"), ("one file for 2 detectors", "folder")),
        (("--split", "all", "--init", ".", "--detector", "yolov8n,yolo11n"), ("no yolov8n.pt; ", "no yolo11n.pt")),
        (("--epochs", 3), ("--epochs: --protocol pretrained trains nothing",)),
        (("--argument", "mosaic=0"), ("--argument: --protocol",)),
        (("--train", "test.pt"), ("--train: --protocol",)),
        (("--train-on", "vis"), ("--protocol frozen",)),
        (("--split", "nowhere"), ("unknown split of m3fd 'nowhere'", "scene-test")),
        (("--test", "test.pt"), ("give --test FILE, --name NAME",)),
        (("--name", "x"), ("--scenes and --name go with --test FILE",)),
        (("--test", "test.pt", "--name", "all"), ("--name all: m3fd has a split all of its own",)),
    ],
)  # fmt: skip
def test_mistakes_are_told_in_one_line(detect, tmp_path, more, words):
    (tmp_path / "test.pt").write_text("00000\n")
    last_line(detect(*more), *words)


def last_line(result, *words):
    """What was done wrong stands in one line, below what is told of the data."""
    assert result.exit_code == 2, result.output
    line = result.stderr.splitlines()[-1]
    assert line.startswith("Error: ") and result.stderr.count("Error") == 1
    assert all(word in line for word in words), line


def test_a_detector_of_other_things_is_told(detect, untrained):
    file = untrained("yolov8n", {0: "cat", 1: "teapot"}, "others")
    words = "none of the classes of m3fd (People, Car, Bus, Motorcycle, Lamp, Truck) is among its own: cat, teapot"
    last_line(detect("--init", file, "--split", "all"), "others.pt", words)


# Detections ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["yolo26n", "yolov8n-rtdetr"])
def test_detections_are_those_of_ultralytics_own_prediction(yolo, untrained, tmp_path, name):
    """Boxes of the class looked for, none lost to the others, in pixels of the image. (Of several classes, ultralytics
    counts all that a box may be where it evaluates, and the likeliest where it predicts.)"""
    from PIL import Image

    file, kept = untrained(name), [2]
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for part in ("images", "labels"):
        (tmp_path / part / "test").mkdir(parents=True)
    Image.fromarray(picture).save(tmp_path / "images" / "test" / "a.png")
    (tmp_path / "labels" / "test" / "a.txt").write_text("2 0.5 0.5 0.5 0.5\n")
    names = yolo.ready(name, file).names
    (tmp_path / "data.yaml").write_text(f"train: images/test\nval: images/test\ntest: images/test\nnames: {names}\n")
    boxes, scores, classes = yolo.detect(
        yolo.load(file, kept), tmp_path / "data.yaml", "test", 64, 4, "cpu", tmp_path / "out"
    ).found["a"]
    assert set(classes) <= set(kept) and len(scores) > 20

    # Where ultralytics evaluates a YOLO it leaves a margin of half a stride of 32 around the image.
    margin = 0 if "rtdetr" in name else 16
    shown = np.pad(picture, ((margin, margin), (margin, margin), (0, 0)), constant_values=114)[..., ::-1]
    own = (yolo.RTDETR if "rtdetr" in name else yolo.YOLO)(file)
    for layer in class_layers(own.model.model[-1]):
        layer.bias.data[[number for number in range(80) if number not in kept]] = -1e6
    size = 64 + 2 * margin
    (result,) = own.predict(shown, imgsz=size, conf=0.001, iou=0.7, max_det=300, verbose=False, device="cpu")
    expected = result.boxes.data.numpy()
    expected = expected[np.argsort(-expected[:, 4], kind="stable")]
    assert len(expected) == len(scores)
    assert scores == pytest.approx(expected[:, 4], abs=1e-4)
    inside = np.clip(expected[:, :4] - margin, 0, 64)
    assert np.sort(boxes, axis=0) == pytest.approx(np.sort(inside, axis=0), abs=0.05)
    assert sorted(classes) == sorted(expected[:, 5].astype(int))


# From end to end ----------------------------------------------------------------------------------------------------


def test_several_detectors_on_test_images_alone(detect, untrained, bench, tmp_path, monkeypatch, drawn):
    folder = untrained("yolov8n").parent
    untrained("yolov8n-rtdetr")
    result = detect("--split", "all", "--detector", "yolov8n,yolo11n,yolov8n-rtdetr", "--init", folder)
    assert result.exit_code == 1 and f"--init {folder}: holds no yolo11n.pt" in result.stderr
    assert result.stderr.count("all-4of4200") and result.stderr.count("fused") <= 2, "fused once"
    found = {setup.facts()["settings"]["detector"]: setup for setup in setups.setups(tmp_path / "results")}
    assert sorted(found) == ["yolov8n", "yolov8n-rtdetr"]
    division = found["yolov8n"].facts()["split"]
    assert division.startswith("all-4of4200-")
    for setup in found.values():
        facts, truth = setup.whole_facts(), setup.truth()
        assert facts["test_splits"] == [division] and (tmp_path / "results" / f"m3fd@{division}" / "vis").is_dir()
        assert facts["images"] == {"train": None, "val": None, "test": 4} and facts["leak"] == {}
        assert facts["classes"] == ["People", "Car", "Bus", "Motorcycle", "Truck"]
        assert facts["counterparts"]["Motorcycle"] == "motorcycle" and list(facts["unknown_classes"]) == ["Lamp"]
        assert {category["name"] for category in truth["categories"]} == set(facts["classes"])
        assert [run.method for run in setup.runs()] == ["ir", "vis", "two-cameras"]
        for run in setup.runs():
            assert run.record()["state"] == "done"
            lines = run.detections()
            assert any(line["scores"] for line in lines)
            assert {number for line in lines for number in line["classes"]} <= set(range(5))
        own = setup.run("vis", 0).record()["ultralytics"]
        assert set(own["classes"]) <= set(facts["classes"]) and setup.run("vis", 0).record().get("training") is None
        both = setup.run("two-cameras", 0)
        assert both.detections() == late_fusion.merged(truth, *(setup.run(c, 0).detections() for c in ("ir", "vis")))
    assert "leaves out: Lamp (" in result.stderr and "Detection by 2 detectors: " in result.stdout

    # Nothing is done again, and what `bench run` fuses of that split is the same.
    from benchmark.detection import yolo as runner

    before = [run.record() for setup in found.values() for run in setup.runs()]
    with monkeypatch.context() as patched:
        patched.setattr(runner, "detect", None)
        assert detect("--split", "all", "--detector", "yolov8n,yolov8n-rtdetr", "--init", folder).exit_code == 0
    assert [run.record() for setup in found.values() for run in setup.runs()] == before
    plan = bench("run", "--dataset", "m3fd", "--split", "all", "--methods", "vis", "--data-root", drawn, "--dry-run")
    assert f"m3fd@{division} vis: 4 pairs, 0 to fuse" in plan.stdout

    # Every table says what was left out; none speaks of a training that there was not.
    files = ("markdown", "latex", "csv", "json")
    text = {form: bench("report", "--format", form, "--out", "-").stdout for form in files}
    assert text["markdown"].count("### ") == 7 and text["markdown"].count("does not know them: Lamp (n=") == 7
    for form in ("markdown", "latex"):
        assert not any(word in text[form] for word in ("Trained on", "None", "epoch", "leak", "training image"))
    assert text["latex"].count(r"\begin{table") == 7 and "Two cameras (WBF)" in text["latex"]
    rows = list(csv.DictReader(io.StringIO(text["csv"])))
    mean = {row["method"]: float(row["mean"]) for row in rows if row["metric"] == "AP mean"}
    aps = {(row["setup"], row["method"]): float(row["mean"]) for row in rows if row["metric"] == "AP"}
    for method, value in mean.items():
        assert value == pytest.approx(np.mean([ap for (_, name), ap in aps.items() if name == method]))
    assert set(mean) == {"ir", "vis", "two-cameras"} and len(aps) == 6
    assert json.loads(text["json"])["detected"][0]["images"]["train"] is None
    frame = detection.load_detections(tmp_path / "results")
    assert set(frame["protocol"]) == {"pretrained"} and not frame.query("source == 'coco'")["value"].isna().all()
    assert frame.query("method == 'two-cameras' and source == 'ultralytics'")["value"].isna().all()


def test_own_list_and_the_file_that_names_its_detector(detect, untrained, drawn, tmp_path):
    file = untrained("yolo11n", file="best")
    one = ("--test", drawn / "test.txt", "--name", "mine", "--init", file)
    planned = detect(*one, "--dry-run")
    assert planned.exit_code == 0 and "evaluation of yolo11n with the weights best.pt (" in planned.stdout
    assert "m3fd@mine vis: 4 of 4 pairs to fuse" in planned.stdout and "Lamp" in planned.stderr
    assert not list(tmp_path.glob("results/m3fd@*"))
    only = detect(*one, "--limit", 2, methods="vis")
    assert only.exit_code == 0 and "two-cameras" not in only.stdout
    (setup,) = setups.setups(tmp_path / "results")
    assert setup.facts()["split"] == "mine-first2" and setup.facts()["test_splits"] == ["mine-first2"]
    # The other camera makes the row that needs both, also where its partner was done before.
    assert "two-cameras" in detect(*one, "--limit", 2, methods="ir").stdout
    # Detections that are torn are told, and the row stands as failed.
    record = setup.run("vis", 0).record()
    setup.run("vis", 0).write({**record, "key": "other"})
    setup.run("vis", 0).detections_file.write_text("{}\n")
    torn = detect(*one, "--limit", 2, methods="ir")
    assert torn.exit_code == 1 and "two-cameras: failed (ir/seed0/detections.jsonl or vis/seed0" in torn.stderr


# Two cameras --------------------------------------------------------------------------------------------------------


def test_boxes_of_two_cameras_are_merged():
    """By hand: x of the merged box is (0.8 · 100 + 0.4 · 106) / 1.2 = 102, its confidence the mean, 0.6."""
    truth = truth_of({"a": [(0, 0, 9, 9, 0)], "b": [(0, 0, 9, 9, 0)]})
    ir = {"a": [(100, 50, 140, 90, 0, 0.8), (200, 100, 240, 140, 1, 0.5), (0, 0, 20, 20, 0, 0.3)], "b": []}
    vis = {"a": [(106, 50, 146, 90, 0, 0.4), (200, 100, 240, 140, 0, 0.9)], "b": [(10, 10, 30, 30, 1, 0.7)]}
    first, second = late_fusion.merged(truth, lines_of(ir), lines_of(vis))
    assert [first["id"], second["id"]] == ["a", "b"]
    # What one camera alone finds keeps half; boxes of two classes at one place stay two.
    assert first["scores"] == pytest.approx([0.6, 0.45, 0.25, 0.15]) and first["classes"] == [0, 0, 1, 0]
    assert first["boxes"][0] == pytest.approx([102, 50, 142, 90], abs=0.01)
    assert first["boxes"][2] == pytest.approx([200, 100, 240, 140], abs=0.01)
    assert second["scores"] == pytest.approx([0.35]) and second["boxes"][0] == pytest.approx([10, 10, 30, 30], abs=0.01)
    assert late_fusion.OVERLAP == 0.55 and late_fusion.tool().endswith("IoU 0.55, equal weights")
    # An overlap of 26.6 / 53.4 = 0.498 is too little: two boxes remain.
    apart = {"a": [(113.4, 50, 153.4, 90, 0, 0.4)], "b": []}
    (line, _) = late_fusion.merged(truth, lines_of({"a": [(100, 50, 140, 90, 0, 0.8)], "b": []}), lines_of(apart))
    assert line["scores"] == pytest.approx([0.4, 0.2])
    many = [(x, 5 * y, x + 3, 5 * y + 3, 0, 0.5 + 0.001 * (x + y)) for x in range(0, 300, 10) for y in range(5)]
    (line, _) = late_fusion.merged(truth, lines_of({"a": many, "b": []}), lines_of({"a": [], "b": []}))
    assert len(line["scores"]) == 100 and line["scores"] == sorted(line["scores"], reverse=True)


# Real images --------------------------------------------------------------------------------------------------------


def test_real_people(shared, bench, tmp_path):
    """Three pairs of LLVIP and COCO's person: both cameras' people are found, in the right places."""
    root = shared / "detection"
    call = ("--dataset", "llvip", "--protocol", "pretrained", "--methods", "ir,vis", "--only", "--limit", 3)
    found = ("--data-root", root, "--init", root / "weights", "--results", tmp_path, "--imgsz", 320, "--device", "cpu")
    result = bench("detect", *call, *found)
    assert result.exit_code == 0, result.output
    (setup,) = setups.setups(tmp_path)
    assert setup.facts()["split"] == "test-37of3463-9a6862-first3" and setup.facts()["counterparts"] == {
        "person": "person"
    }
    figures = {run.method: run.record()["test"]["all"]["AP50"] for run in setup.runs()}
    assert figures["ir"] > 0.5 and figures["two-cameras"] > 0.5 and all(map(math.isfinite, figures.values()))
