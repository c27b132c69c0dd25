"""What a detector is given: labels with flaws, divisions, exported images."""

import shutil

import pytest
from harness import draw

from benchmark import datasets
from benchmark.datasets import labels
from benchmark.datasets.pairs import Box, Pair
from benchmark.detection import division, export, settings
from benchmark.errors import UserError

PEOPLE = (
    "<object><name>People</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"
)
SIZE = "<size><width>64</width><height>48</height></size>"


def annotation(*objects: str, size: str = SIZE) -> str:
    return f"<annotation>{size}{''.join(objects)}</annotation>"


@pytest.fixture
def m3fd(tmp_path):
    """A set in M3FD's layout: ten pairs of 64x48, each with one person; returns the data root."""
    base = tmp_path / "M3FD_Detection"
    (base / "Annotation").mkdir(parents=True)
    for number in range(10):
        draw(base / "Ir" / f"{number:05d}.png", number)
        draw(base / "Vis" / f"{number:05d}.png", 100 + number, colour=True)
        (base / "Annotation" / f"{number:05d}.xml").write_text(annotation(PEOPLE.format(5, 5, 20, 30)))
    for part, numbers in {"train": range(6), "val": range(6, 8), "test": range(8, 10)}.items():
        (tmp_path / f"{part}.txt").write_text("".join(f"{number:05d}\n" for number in numbers))
    return tmp_path


def by_lists(root, scenes=None, parts=("train", "val", "test"), **options):
    lists = {part: root / f"{part}.txt" for part in parts}
    return division.divide_by_lists(datasets.get("m3fd"), "mine", lists, scenes, root, **options)


def break_label(root, number: int, text: str) -> None:
    (root / "M3FD_Detection" / "Annotation" / f"{number:05d}.xml").write_text(text)


def test_every_flaw_is_counted_and_what_is_right_is_kept(m3fd):
    good = PEOPLE.format(5, 5, 20, 30)
    break_label(m3fd, 0, annotation(good, size=""))
    break_label(m3fd, 1, annotation(good, PEOPLE.format(60, 40, 70, 60)))
    break_label(m3fd, 2, annotation(good, PEOPLE.format(70, 5, 90, 30), PEOPLE.format(9, 9, 8, 20)))
    break_label(m3fd, 3, annotation(good, good.replace("People", "Peopel")))
    break_label(m3fd, 4, annotation(good, good.replace("<xmin>5</xmin>", "")))
    annotations = m3fd / "M3FD_Detection" / "Annotation"
    (annotations / "00005.xml").unlink()
    shutil.copy(annotations / "00006.xml", annotations / "77777.xml")
    made = by_lists(m3fd)
    assert division.tell(made.flaws) == {
        labels.NO_SIZE: 1,
        labels.CUT: 1,
        labels.EMPTY: 2,
        labels.UNKNOWN: 1,
        labels.NO_BOX: 1,
        labels.NO_FILE: 1,
        division.NO_IMAGE: 1,
    }
    assert not made.excluded
    box = Box("People", 4, 4, 20, 30)
    found = [item.boxes for item in made.parts["train"]]
    assert found == [(box,), (box, Box("People", 59, 39, 64, 48)), (box,), (box,), (box,), ()]
    assert {flaw.kind: flaw.what for flaw in made.flaws}[labels.UNKNOWN] == (
        "00003.xml: unknown class 'Peopel'; did you mean People? known: Bus, Car, Lamp, Motorcycle, People, Truck"
    )


def test_images_that_cannot_take_part_are_told(m3fd):
    break_label(m3fd, 0, "<annotation><size>")
    break_label(m3fd, 1, annotation(size="<size><width>640</width><height>480</height></size>"))
    draw(m3fd / "M3FD_Detection" / "Ir" / "00002.png", 5, size=(24, 32))
    (m3fd / "M3FD_Detection" / "Vis" / "00008.png").unlink()
    (m3fd / "val.txt").write_text("00006\n00007\n12345\n")
    made = by_lists(m3fd)
    assert made.excluded.keys() == {"00000", "00001", "00002", "00008"}
    assert "not an XML file" in made.excluded["00000"]
    assert "is for an image of 640x480, not of 64x48" in made.excluded["00001"]
    assert made.excluded["00002"] == "different sizes: infrared 32x24, visible 64x48"
    assert "no visible image" in made.excluded["00008"]
    (note,) = made.notes
    assert note == f"{m3fd / 'val.txt'}: 1 of 3 ids are in no list of m3fd and not at hand: 12345"
    assert made.name.startswith("mine-10of11-")
    assert {part: len(items) for part, items in made.parts.items()} == {"train": 3, "val": 2, "test": 1}


def test_label_files_without_image_are_told_in_order(m3fd):
    annotations = m3fd / "M3FD_Detection" / "Annotation"
    names = [f"{number}.xml" for number in range(70000, 70008)]
    for name in names:
        shutil.copy(annotations / "00006.xml", annotations / name)
    assert [flaw.what for flaw in by_lists(m3fd).flaws if flaw.kind == division.NO_IMAGE] == names


def test_the_truth_is_in_cocos_format(m3fd):
    """Boxes of a set that counts pixels from 1 become corners and sides that count from 0."""
    break_label(m3fd, 8, annotation(PEOPLE.format(5, 7, 20, 30), PEOPLE.replace("People", "Car").format(1, 1, 64, 48)))
    (m3fd / "scenes.csv").write_text("00008,a,day\n00009,b,night\n")
    found = settings.truth(by_lists(m3fd, m3fd / "scenes.csv"), lambda item: (64, 48))
    about = {"width": 64, "height": 48}
    assert found["images"] == [
        {"id": 1, "file_name": "00008", **about, "scene": "a", "time": "day"},
        {"id": 2, "file_name": "00009", **about, "scene": "b", "time": "night"},
    ]
    number = {category["name"]: category["id"] for category in found["categories"]}
    assert list(number) == list(datasets.get("m3fd").classes) and list(number.values()) == list(range(1, 7))
    rows = [(a["id"], a["image_id"], a["category_id"], a["bbox"], a["area"]) for a in found["annotations"]]
    assert rows == [
        (1, 1, number["People"], [4, 6, 16, 24], 16 * 24),
        (2, 1, number["Car"], [0, 0, 64, 48], 64 * 48),
        (3, 2, number["People"], [4, 4, 16, 26], 16 * 26),
    ]
    assert {a["iscrowd"] for a in found["annotations"]} == {0}


def test_without_flaws_asked_for_the_first_one_is_an_error(m3fd):
    break_label(m3fd, 0, annotation(PEOPLE.format(70, 5, 90, 30)))
    data = datasets.get("m3fd")
    with pytest.raises(UserError, match="the People at 70,5–90,30 is empty or outside 64x48"):
        data.boxes(data.pairs("all", m3fd)[0])


def test_hashes_follow_ids_images_and_labels(m3fd):
    first = by_lists(m3fd)
    assert by_lists(m3fd).data_sha256() == first.data_sha256()
    break_label(m3fd, 3, annotation(PEOPLE.format(6, 5, 20, 30)))
    relabelled = by_lists(m3fd)
    assert relabelled.sha256() == first.sha256() and relabelled.data_sha256() != first.data_sha256()
    (m3fd / "val.txt").write_text("00007\n")
    assert by_lists(m3fd).sha256() != first.sha256()


def test_leak_and_scenes_of_own_lists(m3fd):
    # Test ids 8 and 9; training ends at 5: none is within 1, both are within 5 (8 − 5 = 3, 9 − 5 = 4).
    (m3fd / "scenes.csv").write_text("# id,scene,time of day\n00008,a,day\n00009,b,night\n")
    made = by_lists(m3fd, m3fd / "scenes.csv")
    assert made.leak() == {"1": 0.0, "5": 1.0}
    assert [(item.scene, item.time) for item in made.parts["test"]] == [("a", "day"), ("b", "night")]
    assert by_lists(m3fd).parts["test"][0].scene is None  # the set's own scenes may not be those of own lists
    for text, words in (
        ("00008\n", "expected 'id,scene'"),
        ("00008,a,day,fog\n", "expected 'id,scene'"),
        ("00008,a,small\n", "'small' is no time of day"),
    ):
        (m3fd / "scenes.csv").write_text(text)
        with pytest.raises(UserError, match=words):
            by_lists(m3fd, m3fd / "scenes.csv")


def test_scenes_of_lists_as_people_have_them(m3fd):
    text = "image,place\n; remark\n00008 Ir/00009.png,a,day\n\x1a"
    (m3fd / "scenes.csv").write_text(text)
    made = by_lists(m3fd, m3fd / "scenes.csv")
    assert [(item.scene, item.time) for item in made.parts["test"]] == [("a", "day")] * 2
    assert any("1 line is no id, left out: image" in note for note in made.notes)
    (m3fd / "scenes.csv").write_text("99999,a\n")
    with pytest.raises(UserError, match=r"none of its 1 ids \(99999\) is in the data set"):
        by_lists(m3fd, m3fd / "scenes.csv")


def test_validation_is_held_out_of_training_where_there_is_none(m3fd):
    (m3fd / "train.txt").write_text("".join(f"{number:05d}\n" for number in range(8)))
    made = by_lists(m3fd, parts=("train", "test"))
    assert [item.pair.id for item in made.parts["val"]] == ["00007"]
    assert len(made.parts["train"]) == 7 and "held out" in made.notes[0]


@pytest.mark.parametrize(
    "part, text, words",
    [
        ("test", "00001\n", "1 ids are in two parts"),
        ("test", "99999\n", "no test image is left"),
        ("train", "", "holds no ids"),
    ],
)
def test_lists_that_make_no_division(m3fd, part, text, words):
    (m3fd / f"{part}.txt").write_text(text)
    with pytest.raises(UserError, match=words):
        by_lists(m3fd)


def test_a_published_division_of_which_a_part_is_there(tmp_path):
    """Two pairs of each of zx's parts, of which it has no validation. A limit that cuts nothing makes no other one."""
    data = datasets.get("m3fd")
    ids = {part: members[:3] for part, members in data.schemes()["zx"].items()}
    base = tmp_path / "M3FD_Detection"
    (base / "Annotation").mkdir(parents=True)
    for id in (*ids["train"], *ids["test"]):
        draw(base / "Ir" / f"{id}.png", int(id))
        draw(base / "Vis" / f"{id}.png", 100 + int(id), colour=True)
        (base / "Annotation" / f"{id}.xml").write_text(annotation(PEOPLE.format(5, 5, 20, 30)))
    whole, same, cut = (division.divide(data, "zx", tmp_path, limit=limit) for limit in (None, 3, 2))
    assert whole.name.startswith("zx-6of4200-") and same.name == whole.name and cut.name == f"{whole.name}-first2"
    assert "train 3 of 2905, test 3 of 1295 pairs" in whole.notes[0]
    for made, train in ((whole, ids["train"][:2]), (same, ids["train"][:2]), (cut, ids["train"][:1])):
        held, test = ids["train"][len(train)], ids["test"][: len(train) + 1]
        found = {part: [item.pair.id for item in items] for part, items in made.parts.items()}
        assert found == {"train": train, "val": [held], "test": test}
    assert whole.leak().keys() == {"1", "5"}


def test_the_scene_division_of_synth_det():
    made = division.divide(datasets.get("synth_det"), None, None, limit=2)
    assert str(made) == "synth_det@scene-first2"
    assert {part: len(items) for part, items in made.parts.items()} == {"train": 2, "val": 2, "test": 2}
    item = made.parts["test"][0]
    assert item.boxes and item.scene and item.time in ("day", "dusk", "night")
    with pytest.raises(UserError, match="unknown division of synth_det"):
        division.divide(datasets.get("synth_det"), "scnee", None)
    with pytest.raises(UserError, match="no object boxes"):
        division.divide(datasets.get("synth"), None, None)


def test_scenes_and_times_that_data_sets_know():
    m3fd, msrs, llvip = (datasets.get(name) for name in ("m3fd", "msrs", "llvip"))
    published = m3fd.schemes()["scene"]
    scenes = {part: {m3fd.scene_of(id) for id in ids} for part, ids in published.items()}
    assert None not in scenes["test"] and scenes["train"].isdisjoint(scenes["test"])
    assert len(set.union(*scenes.values())) == 73
    assert [msrs.time_of_day(Pair(id, None, None)) for id in ("00001D", "00002N", "x")] == ["day", "night", None]
    assert llvip.scene_of("190001") == "19"


def test_the_ten_real_pairs(shared, tmp_path):
    data = datasets.get("m3fd")
    pairs = data.pairs("all", shared / "data")
    ids = [pair.id for pair in pairs]
    for part, members in {"train": ids[:6], "val": ids[6:8], "test": ids[8:]}.items():
        (tmp_path / f"{part}.txt").write_text("\n".join(members))
    lists = {part: tmp_path / f"{part}.txt" for part in ("train", "val", "test")}
    made = division.divide_by_lists(data, "ten", lists, None, shared / "data")
    assert len(ids) == 10 and not made.flaws and not made.excluded
    assert sum(len(item.boxes) for items in made.parts.values() for item in items) == 153


def test_export_links_images_and_writes_labels(tmp_path):
    import yaml

    draw(tmp_path / "store" / "a.png", 1, size=(40, 80))
    draw(tmp_path / "store" / "b.png", 2, size=(40, 80))
    boxes = (Box("Car", 20, 10, 60, 30), Box("People", 0, 0, 8, 4))
    pictures = [
        export.Picture("train", "a", tmp_path / "store" / "a.png", boxes),
        export.Picture("val", "b", tmp_path / "store" / "b.png", ()),
    ]  # fmt: skip
    folder, parts = export.write(tmp_path / "data" / "m", pictures, ["People", "Car"])
    link = folder / "images" / "train" / "a.png"
    assert link.is_symlink() and link.read_bytes() == (tmp_path / "store" / "a.png").read_bytes()
    # Centre and size as shares of 80x40 pixels.
    assert (folder / "labels" / "train" / "a.txt").read_text() == (
        "1 0.5000000 0.5000000 0.5000000 0.5000000\n0 0.0500000 0.0500000 0.1000000 0.1000000\n"
    )
    assert (folder / "labels" / "val" / "b.txt").read_text() == ""
    description = yaml.safe_load((folder / "data.yaml").read_text())
    assert description == {"train": "images/train", "val": "images/val", "names": {0: "People", 1: "Car"}}
    before = (folder / "data.yaml").stat().st_mtime_ns
    assert export.write(tmp_path / "data" / "m", pictures, ["People", "Car"]) == (folder, parts)
    assert (folder / "data.yaml").stat().st_mtime_ns == before
    draw(tmp_path / "store" / "b.png", 3, size=(40, 80))
    other, changed = export.write(tmp_path / "data" / "m", pictures, ["People", "Car"])
    assert other != folder and changed["train"] == parts["train"] and changed["val"] != parts["val"]
    (tmp_path / "moved").mkdir()
    for name in ("data", "store"):
        shutil.move(tmp_path / name, tmp_path / "moved" / name)
    assert (tmp_path / "moved" / "data" / folder.name / "images" / "train" / "a.png").is_file()


def test_a_broken_image_is_left_out_and_a_failing_method_is_told(m3fd, monkeypatch):
    from baselines.max import Maximum
    from benchmark.detection.experiment import Experiment
    from benchmark.detection.settings import Settings
    from benchmark.run import plan

    def truncate(path):
        """Leave the first half of the image as a JPEG, whose header is whole, so that its size can be read."""
        draw(path.with_suffix(".jpg"), 5)
        path.unlink()
        data = path.with_suffix(".jpg").read_bytes()
        path.with_suffix(".jpg").write_bytes(data[: 2 * len(data) // 3])

    truncate(m3fd / "M3FD_Detection" / "Ir" / "00002.png")
    methods = plan.select_methods(["average", "max"])
    settings = Settings("yolov8n", "yaml", "frozen", "vis", 1, 64, 4, 0, {}, "0")
    helpers = plan.select_methods(["vis"])

    def experiment():
        parts = (by_lists(m3fd), methods, helpers, settings, [0], None)
        return Experiment(m3fd / "results", *parts, "cpu", "cpu")

    made = experiment()
    made._take(made._fuse())
    assert list(made.division.excluded) == ["00002"] and "broken or truncated" in made.division.excluded["00002"]
    assert len(made.division.parts["train"]) == 5 and not made.unfit
    truncate(m3fd / "M3FD_Detection" / "Vis" / "00009.png")  # which no helper fuses

    def fail(self, ir, vis):
        raise RuntimeError("no maximum")

    monkeypatch.setattr(Maximum, "fuse_levels", fail)
    draw(m3fd / "M3FD_Detection" / "Ir" / "00008.png", 77)  # another image: it must be fused anew
    made = experiment()
    made._take(made._fuse())
    assert list(made.division.excluded) == ["00002", "00009"]
    assert made.unfit == {"max": "failed (1 images could not be fused: 00008: fusing failed: RuntimeError: no maximum)"}
