"""Labels that a user brings: matched to pairs and classes, divided, counted without images, and ignored where they
say so."""

import json

import numpy as np
import pytest
from detection_cases import lines_of, random_case, truth_of
from harness import draw

from benchmark import datasets
from benchmark.datasets import coco, labels
from benchmark.datasets.folder import Folder
from benchmark.datasets.pairs import Box, Pair
from benchmark.detection import division, export, jackknife, precision, relabelling, settings
from benchmark.errors import UserError

SIZE = {"width": 64, "height": 48}


def write(path, images: dict[str, list[tuple]], classes=("Car", "person"), **more):
    """A file of COCO's form: name -> [(x, y, w, h, class)], a class below zero for a crowd of its opposite."""
    rows = [{"id": n, "file_name": name, **SIZE, **more} for n, name in enumerate(images, 5)]
    objects = [
        {"id": 0, "image_id": n, "bbox": box, "category_id": abs(c), "iscrowd": int(c < 0)}
        for n, found in enumerate(images.values(), 5)
        for *box, c in found
    ]
    for number, row in enumerate(objects):
        row["id"] = number
    names = [{"id": n, "name": name} for n, name in enumerate(classes, 1)]
    path.write_text(json.dumps({"images": rows, "annotations": objects, "categories": names}))
    return path


@pytest.fixture
def own(tmp_path):
    """Two directories of five pairs 001_t.png, 001_v.png, …"""
    for number in range(1, 6):
        draw(tmp_path / "ir" / f"{number:03d}_t.png", number)
        draw(tmp_path / "vis" / f"{number:03d}_v.png", 100 + number, colour=True)
    return Folder(tmp_path / "ir", tmp_path / "vis", "{id}_t", "{id}_v")


def test_labels_of_two_directories(own, tmp_path):
    """Found by id, by a file's name, in another case, with folders and without zeros; the classes are the labels'."""
    names = {"vis/1.jpg": [(4, 5, 10, 20, 1)], "002_V.png": [(4, 5, 10, 20, 2), (0, 0, 99, 9, -1)], "003_t": []}
    path = write(tmp_path / "l.json", {**names, "77.png": [(4, 5, 10, 20, 1)]}, ("Car", "person", "Bus"))
    found = relabelling.read([path], own, own.at_hand()).apply(own)
    assert found.classes == ("Car", "person") and own.classes == ()
    made = division.test_only(found, None, None)
    assert {item.pair.id: item.boxes for item in made.parts["test"]} == {
        "001": (Box("Car", 4, 5, 14, 25),),
        "002": (Box("person", 4, 5, 14, 25), Box("Car", 0, 0, 64, 9, ignored=True)),
        "003": (),
    }
    assert made.excluded == {"004": "is not in the labels", "005": "is not in the labels"}
    assert division.tell(made.flaws) == {relabelling.NO_PAIR: 1, labels.CUT: 1, labels.IGNORED: 1}
    assert made.notes[-1] == "labels from l.json: 3 images of folder, 3 objects"
    facts = settings.facts(made, settings.Settings("d", "yaml", "pretrained", None, 0, 64, 1, 0, {}, "0"), [])
    assert facts["objects"]["test"] == {"Car": 1, "person": 1} and facts["background"]["test"] == 1
    truth = settings.truth(made, lambda item: (64, 48))
    assert [a["iscrowd"] for a in truth["annotations"]] == [0, 0, 1]
    # Another order of the classes is another result, with the same boxes.
    other = write(tmp_path / "m.json", names, ("Car", "person"))
    swapped = json.loads(other.read_text())
    swapped["categories"].reverse()
    other.write_text(json.dumps(swapped))
    again = division.test_only(relabelling.read([other], own, own.at_hand()).apply(own), None, None)
    assert again.classes == ("person", "Car")
    assert again.sha256() == made.sha256() and again.data_sha256() != made.data_sha256()


def test_folders_of_label_files(own, tmp_path):
    for name, text in (
        ("001_v.txt", "1 0.5 0.5 0.5 0.5"),
        ("deeper/002.txt", "% bbGt version=3\nvan 4 5 10 20 0 0 0 0 0 0 0"),
        ("004.txt", "\udcff"),
        ("classes.txt", "person\nCar"),
    ):
        (tmp_path / "l" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "l" / name).write_text(text, errors="surrogateescape")
    (tmp_path / "l" / "003.xml").write_text("<annotation/>")
    made = division.test_only(relabelling.read([tmp_path / "l"], own, own.at_hand()).apply(own), None, None)
    assert {item.pair.id: [box.label for box in item.boxes] for item in made.parts["test"]} == {
        "001": ["Car"],
        "002": ["van"],
        "003": [],
        "005": [],
    }
    assert made.classes == ("Car", "van") and "not a text file" in made.excluded["004"]
    assert division.tell(made.flaws) == {labels.NO_SIZE: 1, labels.NO_FILE: 1}


def test_classes_are_matched_by_name(tmp_path):
    data = datasets.get("m3fd")
    path = write(
        tmp_path / "l.json",
        {"12": [(4, 5, 10, 20, 1), (4, 5, 9, 20, 2), (4, 5, 8, 20, 3)]},
        ("CAR", "pedestrian", "tree"),
    )
    found = relabelling.read([path], data, {})
    flaws = []
    assert found.boxes_of("00012", None, flaws) == [Box("Car", 4, 5, 14, 25), Box("People", 4, 5, 13, 25)]
    assert [flaw.kind for flaw in flaws] == [labels.UNKNOWN] and "unknown class 'tree'" in flaws[0].what
    assert found.classes == data.classes


def test_kaist_counts_persons_and_ignores_groups(tmp_path):
    """Of the files that circulate: im_name for the image, regions by class or by `ignore`, labels of either camera."""
    data = datasets.get("kaist")
    classes = ("__ignore__", "person", "cyclist", "people", "person?")
    path = write(
        tmp_path / "k.json", {"x": [(4, 5, 10, 20, 2), (30, 5, 10, 20, 4)]}, classes, im_name="set06/V000/I00019"
    )
    rows = json.loads(path.read_text())
    del rows["images"][0]["file_name"]
    path.write_text(json.dumps(rows))
    person, group = Box("person", 4, 5, 14, 25), Box("person", 30, 5, 40, 25, ignored=True)
    pair = Pair("set06_V000_I00019", None, None)
    found = relabelling.read([path], data, {}, strangers=True)
    assert found.classes == ("person",) and found.boxes(pair, []) == [person, group]
    for camera, x in (("visible", 4), ("lwir", 6)):
        file = tmp_path / "paired" / "set06" / "V000" / camera / "I00019.txt"
        file.parent.mkdir(parents=True)
        file.write_text(f"% bbGt version=3\nperson {x} 5 10 20 0 0 0 0 0 0 0\npeople 30 5 10 20\n")
    found = relabelling.read([tmp_path / "paired"], data, {}, strangers=True)
    assert found.boxes(pair, []) == [person, group]
    assert [flaw.kind for flaw in found.flaws] == [relabelling.OTHER_CAMERA]
    assert [data.time_of_day(Pair(f"set{n:02d}_V000_I00019", None, None)) for n in (2, 5, 8, 9)] == ["day", "night"] * 2
    with pytest.raises(UserError, match="has no object boxes; bring some by --labels FILE"):
        division.test_only(data, None, tmp_path)


def test_an_image_in_two_files_and_of_another_size(own, tmp_path):
    first = write(tmp_path / "a.json", {"001": [(4, 5, 10, 20, 1)], "002": [(4, 5, 10, 20, 1)]})
    second = write(tmp_path / "b.json", {"001": [(4, 5, 10, 20, 1), (9, 5, 10, 20, 1)], "003": []}, width=640)
    found = relabelling.read([first, second, first], own, own.at_hand())
    assert [flaw.kind for flaw in found.flaws] == [coco.SAME_IMAGE] and found.parts[str(second)] == ["001", "003"]
    pairs = own.at_hand()
    assert found.boxes(pairs["002"], []) == [Box("Car", 4, 5, 14, 25)]
    for id in ("001", "003"):
        with pytest.raises(UserError, match="is for an image of 640x48, not of 64x48"):
            found.boxes(pairs[id], [])


def test_labels_that_are_not_the_sets(own, tmp_path):
    data = datasets.get("m3fd")
    for name, dataset, images, words in (
        ("a", data, {"street_5000": []}, r"none of its 1 images \(street_5000\) is one of m3fd"),
        ("b", own, {"001": []}, "no object in an image of folder"),
        ("c", data, {"00001": [(1, 2, 3, 4, 1)]}, "no object of People, Car, .* in an image of m3fd; of tree"),
    ):
        path = write(tmp_path / f"{name}.json", images, ("tree",))
        with pytest.raises(UserError, match=f"^--labels .*{name}.json: {words}"):
            relabelling.read([path], dataset, {} if dataset is data else own.at_hand())
    (tmp_path / "empty").mkdir()
    for path, words in ((tmp_path / "empty", "no XML or text files in it"), (tmp_path / "none.json", "No such file")):
        with pytest.raises(UserError, match=f"^--labels .*{words}"):
            relabelling.read([path], data, {})


def test_counts_of_every_division_without_images(bench, tmp_path):
    """Of M3FD, labels of all images but one, in two files."""
    lists = datasets.get("m3fd").schemes()["scene"]
    ids = [id for part in lists.values() for id in part]
    objects = {f"{id}.png": [(4, 5, 10, 20, 1 + n % 2)] * (n != 1) for n, id in enumerate(ids)}
    missing = objects.popitem()[0].removesuffix(".png")
    half = {name: objects[name] for name in list(objects)[:1000]}
    rest = {name: found for name, found in objects.items() if name not in half}
    files = [write(tmp_path / "a.json", half), write(tmp_path / "b.json", rest)]
    found = bench("data", "labels", "m3fd", "--labels", files[0], "--labels", files[1])
    rows = [line.split("\t") for line in found.stdout.splitlines() if "\t" in line]
    head, table = rows[0], {tuple(row[:2]): dict(zip(rows[0], row)) for row in rows[1:]}
    assert head[:7] == ["division", "part", "images", "scenes", "objects", "People", "Car"]
    assert [table[name, "–"]["images"] for name in ("a.json", "b.json", "all")] == ["1000", "3199", "4199 of 4200"]
    whole = table["all", "–"]
    assert (whole["objects"], whole["Car"], whole["People"], whole["background"]) == ("4198", "2100", "2098", "1")
    images = {key: row["images"] for key, row in table.items() if key[0] in ("scene", "zx", "random811-seed0")}
    assert images["scene", "train"] == "2860" and images["scene", "test"] == "897 of 898"
    assert sum(int(value.split()[0]) for (scheme, _), value in images.items() if scheme == "zx") == 4199
    assert f"1 of m3fd's listed images are not in the labels: {missing}" in found.stdout
    assert "m3fd@random811-seed0: test images with a training image near by id: ±1 9" in found.stdout
    assert "Car = car" in found.stdout and "; not: Lamp" in found.stdout


def test_the_official_division_of_two_files(bench, tmp_path):
    """FLIR-aligned has no lists here: label files with as many images as its parts are those parts."""
    numbers = {"train": range(10, 10 + 4129), "test": range(5000, 5000 + 1013)}
    files = [
        write(tmp_path / f"{part}.json", {f"FLIR_{n:05d}_RGB.jpg": [(4, 5, 10, 20, 2)] for n in numbers[part]})
        for part in numbers
    ]
    lines = bench("data", "labels", "flir-aligned", "--labels", files[0], "--labels", files[1]).stdout.splitlines()
    assert [line.split("\t")[:5] for line in lines if line.startswith("official")] == [
        ["official", "train", "4129", "–", "4129"],
        ["official", "test", "1013", "–", "1013"],
    ]
    assert "flir_aligned@official: test images with a training image near by id: ±1 0.0 %, ±5 0.0 %" in lines


def test_counts_of_the_published_files(shared):
    from benchmark.detection import census

    folder = shared / "detection" / "M3FD_Detection"
    files = [folder / f"labels_coco_{part}.json" for part in ("train", "val")]
    if not all(file.is_file() for file in files):
        pytest.skip("no labels of the whole of M3FD")
    data = datasets.get("m3fd")
    pairs = data.at_hand(shared / "detection")
    brought = relabelling.read(files, data, pairs)
    found = census.take(data, brought, {}, None)
    whole = next(row for row in found.rows if row.division == "all")
    assert (whole.images, whole.listed, found.missing) == (4199, 4200, ["01300"])
    assert whole.objects == {"People": 11473, "Car": 18291, "Bus": 700, "Motorcycle": 521, "Lamp": 2405, "Truck": 1008}
    assert {(row.division, row.part): row.images for row in found.rows if row.listed not in (None, row.images)} == {
        ("all", ""): 4199,
        ("scene", "train"): 2859,
        ("zx", "test"): 1294,
        ("random811-seed0", "train"): 3359,
    }
    # The XML files count from 1, and so does this JSON, which is read as counting from 0.
    assert [flaw.kind for flaw in brought.flaws] == [coco.FROM_ONE] * 2
    moved = {(p.id, b.label, b.x0 - 1, b.y0 - 1, b.x1, b.y1) for p in pairs.values() for b in brought.boxes(p)}
    assert len(moved) == 341
    assert moved == {(p.id, b.label, b.x0, b.y0, b.x1, b.y1) for p in pairs.values() for b in data.boxes(p)}


def test_what_is_found_in_an_ignored_region_does_not_count():
    truth = truth_of({"a": [(0, 0, 40, 40, 0), (100, 0, 200, 100, 0)], "b": [(0, 0, 40, 40, 0)]}, ("People",))
    lines = lines_of(
        {
            "a": [(0, 0, 40, 40, 0, 0.6), (110, 10, 130, 60, 0, 0.9), (150, 10, 170, 60, 0, 0.8)],
            "b": [(0, 0, 40, 40, 0, 0.5), (200, 0, 220, 40, 0, 0.4)],
        }
    )
    assert precision.evaluate(truth, lines)[0]["all"]["AP"] < 0.5
    truth["annotations"][1]["iscrowd"] = 1
    figures, _ = precision.evaluate(truth, lines)
    assert figures["all"]["AP"] == pytest.approx(1) and figures["all"]["instances"] == 2
    assert precision.confusion(truth, lines) == [[2, 1], [0, 0]]
    assert jackknife.LeavingOut(truth).of(lines)["AP"][0] == pytest.approx(1)


def test_regions_count_alike_in_tables_and_in_intervals():
    truth, lines = random_case(3)
    for item in truth["annotations"][::3]:
        item["iscrowd"] = 1
    figures, _ = precision.evaluate(truth, lines)
    counted = jackknife.LeavingOut(truth).of(lines)
    assert [counted[name][0] for name in ("AP", "AP50")] == pytest.approx([figures["all"][n] for n in ("AP", "AP50")])
    assert figures["all"]["instances"] == sum(not item["iscrowd"] for item in truth["annotations"])
    plain = json.loads(json.dumps(truth))
    for item in plain["annotations"]:
        item["iscrowd"] = 0
    assert abs(precision.evaluate(plain, lines)[0]["all"]["AP"] - figures["all"]["AP"]) > 1e-3


def test_a_detector_is_not_trained_on_ignored_regions(tmp_path):
    draw(tmp_path / "a.png", 1)
    boxes = (Box("Car", 0, 0, 32, 24), Box("Car", 32, 24, 64, 48, ignored=True))
    text = export.yolo_boxes(export.Picture("train", "a", tmp_path / "a.png", boxes), ["Car"])
    assert text == "0 0.2500000 0.2500000 0.5000000 0.5000000\n"


def test_a_box_covers_its_share_of_regions():
    shares = precision.covered(np.array([[0, 0, 10, 10], [5, 5, 5, 9]], float), np.array([[5, 0, 30, 30]], float))
    assert shares.tolist() == [[0.5], [0.0]]
