"""Labels in COCO's JSON, as people have them."""

import gzip
import json
import math

import pytest

from benchmark.datasets import coco, labels
from benchmark.datasets.id_lists import find_ids
from benchmark.errors import UserError

CLASSES = [{"id": 0, "name": "People"}, {"id": 7, "name": "Car"}]


def content(*objects: dict, images=None, classes=CLASSES) -> dict:
    """A file with the images a.png and b.png of 64x48, and objects with ids from 1, of class 7 in a.png."""
    images = images or [{"id": n, "file_name": f"{name}.png", "width": 64, "height": 48} for n, name in enumerate("ab")]
    rows = [{"id": n, "image_id": 0, "category_id": 7, **row} for n, row in enumerate(objects, 1)]
    return {"images": images, "annotations": rows, "categories": classes}


@pytest.fixture
def read(tmp_path):
    def read(what):
        data = what if isinstance(what, bytes) else (what if isinstance(what, str) else json.dumps(what)).encode()
        (tmp_path / "l.json").write_bytes(data)
        return coco.read(tmp_path / "l.json")

    return read


def flaws(found: coco.LabelFile) -> dict[str, str]:
    """Kind -> what, of flaws of which there is one each."""
    everything = [*found.flaws, *(flaw for image in found.images for flaw in image.flaws)]
    assert len({flaw.kind for flaw in everything}) == len(everything)
    return {flaw.kind: flaw.what for flaw in everything}


def test_boxes_of_all_images(read):
    found = read(content({"bbox": [4, 5, 10, 20], "area": 200, "iscrowd": 0}, {"bbox": [1.5, "2", 3, 4.25]}))
    assert found.classes == ("People", "Car") and not flaws(found)
    first, second = found.images
    assert (first.name, first.labelled.size, second.labelled.objects) == ("a.png", (64, 48), ())
    assert [item.corners for item in first.labelled.objects] == [(4, 5, 14, 25), (1.5, 2, 4.5, 6.25)]
    assert {(item.label, item.ignored) for item in first.labelled.objects} == {("Car", False)}


@pytest.mark.parametrize("flag", [{"iscrowd": 1}, {"ignore": 1}, {"iscrowd": True}, {"iscrowd": "1", "ignore": 0}])
def test_crowds_are_regions(read, flag):
    assert [i.ignored for i in read(content({"bbox": [4, 5, 10, 20], **flag})).images[0].labelled.objects] == [True]


@pytest.mark.parametrize(
    ("row", "kind", "words"),
    [
        ({"bbox": [1, 2, math.nan, 4]}, labels.NO_BOX, "l.json, a.png, object with id 1: no box of four numbers"),
        ({"bbox": [1, 2, 3]}, labels.NO_BOX, "no box"),
        ({"bbox": [1, 2, True, 4]}, labels.NO_BOX, "no box"),
        ({"bbox": None, "segmentation": {"counts": "aa", "size": [48, 64]}}, labels.NO_BOX, "no box"),
        ({"bbox": [1, 2, "3,5", 4]}, labels.NO_BOX, "no box"),
        ({"bbox": [1, 2, 10**400, 4]}, labels.NO_BOX, "no box"),
        ({"bbox": [1, 2, 3, 4], "category_id": 5}, labels.UNKNOWN, "category_id 5 is not among the categories"),
        ({"bbox": [1, 2, 3, 4], "category_id": None}, labels.UNKNOWN, "category_id None"),
        ({"bbox": [1, 2, 3, 4], "image_id": 9}, coco.STRAY, "image_id 9"),
        ({"bbox": [1, 2, 3, 4], "area": 21}, coco.AREA, "the Car at 1,2, 3x4, area 21"),
        ({"bbox": [1, 2, 3, 4], "area": 0}, coco.AREA, "area 0"),
        ({"segmentation": [[5, 6, 9, 6, 9, 12], [2, 7, 3, 8]]}, coco.OUTLINE, "Car"),
    ],
)
def test_a_flaw_of_an_object_is_told_and_the_others_are_kept(read, row, kind, words):
    found = read(content({"bbox": [4, 5, 10, 20]}, {"id": 1, **row}, {"bbox": [4, 5, 10, 20]}))
    told = flaws(found)
    assert words in told.pop(kind)
    assert told.keys() == {coco.SAME_ID}  # the id 1 is the first object's, too
    kept = [item.corners for item in found.images[0].labelled.objects]
    assert kept[0] == kept[-1] == (4, 5, 14, 25)
    assert kept[1:-1] == {coco.AREA: [(1, 2, 4, 6)], coco.OUTLINE: [(2, 6, 9, 12)]}.get(kind, [])


def test_ids_in_another_spelling_are_the_same(read):
    found = read(content({"bbox": [4, 5, 10, 20], "image_id": "0", "category_id": 7.0}))
    assert len(found.images[0].labelled.objects) == 1 and not flaws(found)


def test_flaws_of_images(read):
    images = [
        {"id": 1, "file_name": "x/a.png", "width": "64", "height": 48.0},
        {"id": 2, "im_name": "set06/V000/I00019", "height": 0},
        {"id": 3, "width": 64, "height": 48},
        {"id": 1, "file_name": "x/a.png", "width": 64, "height": 48},
        {"id": 4, "file_name": "c.png", "width": 64, "height": 48},
        {"id": 4, "file_name": "d.png", "width": 64, "height": 48},
    ]
    found = read(content({"bbox": [4, 5, 10, 20], "image_id": 1}, images=images))
    told = flaws(found)
    assert told[coco.NO_NAME] == "l.json, image 3: no file_name" and told[coco.SAME_IMAGE] == "l.json, x/a.png"
    assert told[labels.NO_SIZE] == "l.json, set06/V000/I00019: no width and height"
    assert [image.name for image in found.images] == ["x/a.png", "set06/V000/I00019", "c.png", "d.png"]
    assert found.images[0].labelled.size == (64, 48) and found.images[1].labelled.size is None
    assert [image.fault for image in found.images[2:]] == [
        "l.json: its id 4 is that of several images: c.png, d.png"
    ] * 2


def test_a_file_that_counts_pixels_from_one_is_told(read):
    found = read(content(*({"bbox": [1, 5 + n, 10, 20]} for n in range(20))))
    assert flaws(found) == {coco.FROM_ONE: "l.json: 20 left and upper edges are at 1, none at 0"}
    assert not flaws(read(content({"bbox": [0, 5, 10, 20]}, *({"bbox": [1, 5 + n, 10, 20]} for n in range(20)))))


def test_other_encodings_and_compression(read):
    text = json.dumps(content({"bbox": [4, 5, 10, 20]}))
    for data in (b"\xef\xbb\xbf" + text.encode(), text.encode("utf-16"), gzip.compress(text.encode())):
        assert len(read(data).images[0].labelled.objects) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        (json.dumps(content({"bbox": [1, 2, 3, 4]}))[:-90], "breaks off in line 1: the JSON file is not whole"),
        ('{"a": 1}\n{"a": 2}\n', "holds several JSON values (JSON lines?), the second in line 2"),
        ("{'images': []}", "not a JSON file (line 1, column 2"),
        ("[" * 100_000, "not a JSON file"),
        ('[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]', "holds detections (results"),
        ("[1, 2]", "holds a list; expected COCO labels"),
        ('{"shapes": [], "imagePath": "a.png"}', "no list 'images' and no list 'annotations'"),
        ({**content(), "images": {"a": 1}}, "it has no list 'images'"),
        ({**content(), "annotations": [1]}, "'annotations' holds something that is no object"),
        (content(classes=[]), "'categories' names no classes"),
        (content(classes=[{"id": 1}]), "a class without id or name"),
        (content(classes=[{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]), "two classes by the id 1: a and b"),
        ('{"images": [], "images": [], "annotations": [], "categories": []}', "the key 'images' stands twice"),
        (gzip.compress(b"{}" * 500, mtime=0)[:-12], "the compressed file is not whole"),
        (b"PK\x03\x04rest", "is a ZIP archive; unpack it"),
        (b"\xff\x00\x81", "not a text file in UTF-8"),
    ],
)
def test_what_is_no_labels_is_one_line(read, text, words):
    with pytest.raises(UserError) as raised:
        read(text)
    assert words in raised.value.message and "\n" not in raised.value.message


def test_file_names_are_found_as_ids():
    known = {"00012": "00012", "set06_V000_I00019": "set06_V000_I00019", "Flower": "Flower", "7": "7", "007": "007"}
    names = {
        "Ir/00012.png": "00012",
        "12.jpg": "00012",
        "C:\\data\\00012.PNG": "00012",
        "images/set06/V000/I00019": "set06_V000_I00019",
        "SET06/v000/I00019.jpg": "set06_V000_I00019",
        "flower.bmp": "Flower",
        "07.png": None,  # 7 or 007
        "007.png": "007",
        "00013.png": None,
    }
    assert find_ids(names, known) == names
