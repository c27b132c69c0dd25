"""Label files of one image each, as people have them: VOC XML, YOLO text, KAIST's bbGt text."""

import pytest

from benchmark.datasets import labels
from benchmark.datasets.labels import CUT, EMPTY, IGNORED, NO_BOX, NO_SIZE, SAME, UNKNOWN, Reader
from benchmark.datasets.pairs import Box
from benchmark.errors import UserError

SIZE = "<size><width>64</width><height>48</height></size>"
CAR = "<object><name>Car</name>{}<bndbox>{}</bndbox></object>"
GOOD = Box("Car", 4, 5, 20, 30)


def corners(*values, more: str = "") -> str:
    names = ("xmin", "ymin", "xmax", "ymax")
    return CAR.format(more, "".join(f"<{name}>{value}</{name}>" for name, value in zip(names, values)))


def annotation(*objects: str, size: str = SIZE) -> str:
    return f"<annotation>{size}{''.join(objects)}</annotation>"


@pytest.fixture
def voc(tmp_path):
    """Reads a text or bytes as VOC for an image of 64x48: (boxes, kinds of flaws)."""

    def read(what, names=("Car",)):
        path = tmp_path / "a.xml"
        path.write_bytes(what if isinstance(what, bytes) else what.encode())
        flaws = []
        return labels.read_voc(path, names, (64, 48), flaws), [flaw.kind for flaw in flaws]

    return read


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        (corners(30, 6, 20, 12), EMPTY),  # xmin > xmax
        (corners(5, 40, 20, 30), EMPTY),
        (corners("5,0", 6, 20, 30), NO_BOX),
        (corners("nan", 6, 20, 30), NO_BOX),
        (corners("", 6, 20, 30), NO_BOX),
        (corners(5, 6, 20, 30), SAME),
        (corners(5, 6, 21, 30).replace("Car", "Cra"), UNKNOWN),
        ("<object><name>Car</name></object>", NO_BOX),
        (CAR.format("", "<x>4</x><y>5</y><w>-3</w><h>25</h>"), EMPTY),
        (CAR.format("", "<x>4</x><y>5</y><w>a</w><h>25</h>"), NO_BOX),
    ],
)
def test_one_object_that_is_not_right_is_counted(voc, item, kind):
    assert voc(annotation(corners(5, 6, 20, 30), item)) == ([GOOD], [kind])


def test_forms_of_xml(voc):
    good = annotation(corners(5, 6, 20, 30))
    spaced = good.replace("<annotation>", '<annotation xmlns="http://example.org/voc">').replace(">5<", "> 4.6 <")
    assert voc(spaced) == ([GOOD], [])
    assert voc(f'<?xml version="1.0" encoding="utf-16"?>{good}'.encode("utf-16")) == ([GOOD], [])
    assert voc(b"\xef\xbb\xbf" + good.encode()) == ([GOOD], [])
    assert voc(annotation(CAR.format("", "<x>4</x><y>5</y><w>16</w><h>25</h>"))) == ([GOOD], [])  # KAIST's
    assert voc(good.replace("<width>64", "<width>0")) == ([GOOD], [NO_SIZE])
    assert voc(annotation(corners(5, 6, 20, 30, more="<difficult>1</difficult>"))) == (
        [Box("Car", 4, 5, 20, 30, ignored=True)],
        [IGNORED],
    )
    entities = f'<!DOCTYPE a [<!ENTITY a "b">]>{good}'
    for bad, words in (
        ("", "not an XML file"),
        (good[:40], "not an XML file"),
        (f'<?xml version="1.0" encoding="klingon"?>{good}', "not an XML file"),
        (entities, "entities are not allowed"),
        (entities.encode("utf-16"), "entities are not allowed"),
        (good.replace("64", "640"), "is for an image of 640x48, not of 64x48"),
    ):
        with pytest.raises(UserError, match=words):
            voc(bad)


@pytest.mark.parametrize(
    ("line", "boxes", "kind"),
    [
        ("0 0.5 0.5 -0.25 0.5", [], EMPTY),
        ("0 0.5 0.5 0 0.5", [], EMPTY),
        ("0 32 24 16 24", [], EMPTY),  # pixels
        ("0 0,5 0,5 0,25 0,5", [], NO_BOX),
        ("0 0.5 0.5 0.25 0.5 0.9", [], NO_BOX),  # a detection with its confidence
        ("0 0.5 0.5 0.25", [], NO_BOX),
        ("0 0.5 0.5 inf 0.5", [], NO_BOX),
        ("0.5 0.5 0.5 0.25 0.5", [], UNKNOWN),
        ("0 0.25 0.25 0.25 0.25", [], SAME),
        ("0 0.9 0.5 0.4 0.5", [Box("Car", 45, 12, 64, 36)], CUT),
        ("0 0.25 0.25 0.75 0.25 0.5 0.75", [Box("Car", 16, 12, 48, 36)], None),  # an outline
    ],
)
def test_lines_of_yolo(tmp_path, line, boxes, kind):
    path, flaws = tmp_path / "a.txt", []
    path.write_text(f"0 0.25 0.25 0.25 0.25\n{line}\n")
    assert labels.read_yolo(path, ["Car"], (64, 48), flaws) == [Box("Car", 8, 6, 24, 18), *boxes]
    assert [flaw.kind for flaw in flaws] == [kind] * (kind is not None)


def test_an_empty_yolo_file_holds_no_object(tmp_path):
    (tmp_path / "a.txt").write_text("\ufeff\n")
    assert labels.read_yolo(tmp_path / "a.txt", ["Car"], (64, 48), []) == []


def test_kaists_text(tmp_path):
    path, flaws = tmp_path / "a.txt", []
    lines = ("person 4 5 16 25 0 0 0 0 0 0 0", "person 1 2 3 4 2 0 0 0 0 1 0", "people 1 2 3 4", "person 1 2 3", "")
    path.write_text("\n".join(("% bbGt version=3", *lines)))
    assert labels.is_bbgt(path)
    found = labels.parse_bbgt(Reader(path, flaws))
    assert [(item.label, item.corners, item.ignored) for item in found.objects] == [
        ("person", (4, 5, 20, 30), False),
        ("person", (1, 2, 4, 6), True),
        ("people", (1, 2, 4, 6), False),
    ]
    assert [flaw.what for flaw in flaws] == ["a.txt, line 5: expected 'class x y width height'"]
    path.write_text("0 0.5 0.5 0.5 0.5\n")
    assert not labels.is_bbgt(path)
