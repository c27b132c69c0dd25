"""Text files of users: every encoding, line end and spelling that editors and other systems leave."""

import codecs

import pytest
from harness import FOLDER

from benchmark import datasets, textfiles
from benchmark.datasets import id_lists, labels
from benchmark.datasets.id_lists import normalised, read_ids
from benchmark.datasets.pairs import Box
from benchmark.errors import UserError
from benchmark.report import reported_values

KNOWN = ("00005", "00040", "00400")
PLAIN = "# remark\n00005\n\n00040\n"

ENCODED = {
    "plain": PLAIN.encode(),
    "BOM": codecs.BOM_UTF8 + PLAIN.encode(),
    "UTF-16": PLAIN.encode("utf-16"),
    "UTF-16, big end first": codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"),
    "UTF-32": PLAIN.encode("utf-32"),
    "CRLF": PLAIN.replace("\n", "\r\n").encode(),
    "CR": PLAIN.replace("\n", "\r").encode(),
    "spaces": PLAIN.replace("\n", " \t \n").encode(),
    "no last line end": PLAIN.rstrip().encode(),
}


@pytest.mark.parametrize("kind", ENCODED)
def test_every_encoding_and_line_end(tmp_path, kind):
    path = tmp_path / "ids.txt"
    path.write_bytes(ENCODED[kind])
    for known in ((), KNOWN):
        assert read_ids(path, known, "m3fd") == id_lists.IdList(["00005", "00040"])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"caf\xe9\n", "not a text file in UTF-8; save it as UTF-8"),
        ("00005\n".encode("utf-16-le"), "UTF-16 without a byte order mark"),
        (b"\x89PNG\r\n\x1a\n\0\0", "not a text file"),
        (codecs.BOM_UTF16_LE + b"0", "not a text file"),
        (b"# only a remark\n\n", "holds no ids"),
        (b"", "holds no ids"),
        (None, "No such file"),
    ],
)
def test_what_is_no_list_is_one_line(tmp_path, data, words):
    path = tmp_path / "ids.txt"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(UserError, match=words) as caught:
        read_ids(path)
    assert str(path) in caught.value.message and "\n" not in caught.value.message
    with pytest.raises(UserError, match="Is a directory"):
        read_ids(tmp_path)


@pytest.mark.parametrize(
    "entry",
    [
        "00005.png", "Ir/00005.png", "Ir\\00005.png", "C:\\data\\Ir\\00005.PNG", "./Vis/00005", '"00005"',
        "'00005.png'", "00005\tscene 3", "00005,night", '"00005.png", 1', "00005; 7", "00005 1",
        "Ir/00005.png Vis/00005.png",
        "00005  # the dark one", "5", "Annotation/00005.xml", "00005 # as 00040", "00005 // as 00040",
        "0\t00005", "1,00005.png", "2; Ir/00005.png", "3 00005", "4|00005", "7\tscene 3\tVis\\00005.png", "- 00005",
        '["00005"],', "/my data/Ir/00005.png /my data/Vis/00005.png", "//server/Ir/00005.png",
    ],
)  # fmt: skip
def test_spellings_of_an_id(entry):
    ids, notes = normalised([entry], KNOWN, "m3fd")
    assert ids == [["00005"]]
    shown = " ".join(entry.split())
    assert notes == [f"1 line is read as m3fd spells its ids: {shown} as 00005"]


def test_ids_as_the_set_has_them_win_over_every_reading():
    known = ("a.b", "a b", "a", "set00_V000_I00001", "I00001", "x,y", "x", "// 1", "c (1)")
    entries = ["a.b", "a b", "x,y", "set00/V000/I00001", "I00001", "Ir/a b.png", "Ir/x,y.png", "// 1", "c (1)"]
    ids = ["a.b", "a b", "x,y", "set00_V000_I00001", "I00001", "a b", "x,y", "// 1", "c (1)"]
    assert normalised(entries, known)[0] == [[id] for id in ids]
    assert id_lists.entries("// 1\n// 2\n", known) == ["// 1"]
    # What may mean two is left as it stands.
    ids, notes = normalised(["7"], ("07", "007"), "set")
    assert ids == [["7"]] and notes == ["1 of 1 ids are in no list of set and not at hand: 7"]


def test_doubles_and_strangers_are_counted():
    ids, notes = normalised(["00005", "00040", "00005", "5", "x1", "y1", "z1", "w\u200e1"], KNOWN, "m3fd")
    assert ids == [[id] for id in ("00005", "00040", "00005", "00005", "x1", "y1", "z1", "w\u200e1")]
    assert notes == [
        "1 line is read as m3fd spells its ids: 5 as 00005",
        "1 id is listed more than once, taken once: 00005",
        "4 of 8 ids are in no list of m3fd and not at hand: x1, y1, z1, …",
    ]
    assert normalised(["w\u200e1"], KNOWN)[1][0].endswith("wU+200E1")
    assert normalised(["Ir\\00005.png", "x", "c (1)"]) == ([["00005"], ["x"], ["c (1)"]], [])


@pytest.mark.parametrize(
    "entry",
    ["00005 00400", "00005,00400", "00005;00400", "00005\t00400", "00005，00400", '["00005", "00400"]',
     "Ir/00005.png, Vis/00005.png, Ir/00400.png", '{"test": ["00005","00400"]}', '"Ir/00005.png" "Ir/00400.png"'],
)  # fmt: skip
def test_several_ids_in_a_line_all_count(entry):
    ids, notes = normalised([entry, "00040"], KNOWN, "m3fd")
    assert ids == [["00005", "00400"], ["00040"]]
    assert notes == [f"1 line holds several ids, 2 in all, all of which count: {' '.join(entry.split())}"]


def test_ids_with_separators_side_by_side():
    known = ("a b", "c d", "a", "b", "x,y")
    assert normalised(["Ir/a b.png,Ir/c d.png", '"a b" "c d"', '"Ir/x,y.png",a'], known)[0] == [
        ["a b", "c d"],
        ["a b", "c d"],
        ["x,y", "a"],
    ]


def test_what_only_may_be_an_id_is_told():
    ids, notes = normalised(["5 40", "40"], KNOWN, "m3fd")
    assert ids == [["00005"], ["00040"]]
    assert "1 line is read by the first of several numbers: 5 40 as 00005" in notes
    _, (note,) = normalised([" ".join(KNOWN * 5000)], KNOWN, "m3fd")
    assert len(note) < 150


@pytest.mark.parametrize("end", ["\x0b", "\x0c", "\x1e", "\x85", "\u2028", "\u2029", "\r", "\n"])
def test_whatever_ends_a_line(tmp_path, end):
    (tmp_path / "ids.txt").write_text(f"00005{end}# remark{end}00040", encoding="utf-8", newline="")
    for known in ((), KNOWN):
        assert read_ids(tmp_path / "ids.txt", known) == id_lists.IdList(["00005", "00040"])


@pytest.mark.parametrize("mark", ["\ufeff", "\u200b", "\u200e", "\u202a", "\u2060", "\xad"])
def test_what_nobody_sees_is_no_part_of_an_id(tmp_path, mark):
    text = f"{mark}# remark\n{mark}00005\n{mark}\n000{mark}40{mark}\n"
    (tmp_path / "ids.txt").write_text(text, encoding="utf-8")
    for known in ((), KNOWN):
        assert read_ids(tmp_path / "ids.txt", known) == id_lists.IdList(["00005", "00040"])


@pytest.mark.parametrize("end", ["\x1a", "\n\x1a", "\r\n\x1a\x1a", "\x1a\r\n"])
def test_the_end_of_a_text_of_dos(tmp_path, end):
    (tmp_path / "ids.txt").write_text(f"00005\r\n00040{end}", newline="")
    assert read_ids(tmp_path / "ids.txt", KNOWN) == id_lists.IdList(["00005", "00040"])
    assert textfiles.decode(b"a: 1\x1a", "x") == "a: 1\n" and textfiles.decode(b"a\x1ab", "x") == "a\x1ab"


@pytest.mark.parametrize("remark", ["// c", "//00040", "; c", ";00040", "% c", "# c", "// see a/00040.png"])
def test_remarks_of_other_languages(tmp_path, remark):
    (tmp_path / "ids.txt").write_text(f"{remark}\n00005\n  {remark}\n")
    for known in ((), KNOWN):
        assert read_ids(tmp_path / "ids.txt", known) == id_lists.IdList(["00005"])


def test_headings_are_told_and_left_out(tmp_path):
    for text in ("id,label\n00005,1\n", "id,x1\n00005,1\n", "; c\nfile name\n5\n", "[\n00005\n", "00005\nEOF\n"):
        (tmp_path / "ids.txt").write_text(text)
        found = read_ids(tmp_path / "ids.txt", KNOWN, "m3fd")
        assert found.ids == ["00005"] and "1 line is no id, left out: " in found.notes[-1]
    # Where ids need no digit, only the first line can be a heading; where none is known, none is.
    known = ("car", "man5")
    assert normalised(["name", "car", "bus"], known)[0] == [[], ["car"], ["bus"]]
    assert normalised(["name", "bus"], known)[0] == [["name"], ["bus"]]
    assert normalised(["name", "bus"])[0] == [["name"], ["bus"]]


@pytest.mark.parametrize("kind", [*ENCODED, "paths"])
def test_a_leak_does_not_depend_on_the_editor(bench, tmp_path, kind):
    (tmp_path / "train.txt").write_text("00004\n")
    data = ENCODED.get(kind, b'Ir\\00005.png\r\n"Ir\\00040.png"\r\nIr\\00040.png\r\n')
    (tmp_path / "test.txt").write_bytes(data)
    command = ("data", "leak", "--dataset", "m3fd", "--train", tmp_path / "train.txt", "--test", tmp_path / "test.txt")
    result = bench(*command, "--data-root", tmp_path)
    assert result.exit_code == 0 and "1 training, 2 test images" in result.stdout
    assert "±1\t50.0 %" in result.stdout
    assert ("taken once: 00040" in result.stderr) == (kind == "paths")


@pytest.mark.parametrize(
    "text", ["\u200b00005\n\u200b00400", "00005\u202800400", "0\t00005\n1\t00400", "id,label\n00005,1\n00400,1",
             '["00005", "00400"]', "00005\r\n00400\r\n\x1a", "// c\n00005\n00400", "00005,00400"],
)  # fmt: skip
def test_a_leak_of_lists_as_people_have_them(bench, tmp_path, text):
    (tmp_path / "train.txt").write_text("00004\n")
    (tmp_path / "test.txt").write_text(text, encoding="utf-8", newline="")
    lists = ("--train", tmp_path / "train.txt", "--test", tmp_path / "test.txt")
    result = bench("data", "leak", "--dataset", "m3fd", *lists)
    assert result.exit_code == 0 and "1 training, 2 test images" in result.stdout
    assert "±1\t50.0 %" in result.stdout


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize("text", ["99999\n", "name\nx7\n", '["a1", "b2"]', "\u200c77777\n"])
def test_a_list_of_another_set_is_refused(bench, tmp_path, part, text):
    for name in ("train", "test"):
        (tmp_path / f"{name}.txt").write_text(text if name == part else "00005\n", encoding="utf-8")
    lists = ("--train", tmp_path / "train.txt", "--test", tmp_path / "test.txt")
    result = bench("data", "leak", "--dataset", "m3fd", *lists)
    assert result.exit_code == 2 and not result.stdout
    (line,) = result.stderr.splitlines()
    assert f"{part}.txt: none of its" in line and "is an id of m3fd, such as 00000" in line and line.isprintable()


def test_an_unknown_id_in_a_leak_is_told(bench, tmp_path):
    (tmp_path / "train.txt").write_text("00004\n99999\n")
    (tmp_path / "test.txt").write_text("00005\n")
    lists = ("--train", tmp_path / "train.txt", "--test", tmp_path / "test.txt")
    result = bench("data", "leak", "--dataset", "m3fd", *lists)
    assert "train.txt: 1 of 2 ids are in no list of m3fd and not at hand: 99999" in result.stderr


@pytest.mark.parametrize("encode", [lambda text: codecs.BOM_UTF8 + text.encode(), lambda text: text.encode("utf-16")])
def test_config_reported_values_and_labels_in_any_encoding(bench, pairs, encode):
    (pairs / "run.yaml").write_bytes(encode("methods: average\r\nmetrics: [EN]\r\njobs: 0\r\n"))
    result = bench("run", *FOLDER, "--config", "run.yaml", "--dry-run")
    assert result.exit_code == 0 and "average: 4 pairs" in result.stdout
    (pairs / "r.csv").write_bytes(encode(" # Theirs\r\ndataset,method,protocol,EN\r\n\r\ntno,them,standard,6.5\r\n"))
    values, remarks = reported_values.read("r.csv")
    assert [(value.method, value.text) for value in values] == [("them", "6.5")] and remarks == ["Theirs"]
    (pairs / "r.csv").write_bytes(encode("dataset;method;protocol;EN\r\ntno;them;standard;6.5\r\n"))
    assert len(reported_values.read("r.csv")[0]) == 1
    (pairs / "label.txt").write_bytes(encode("0 0.5 0.5 0.5 0.5\r\n\r\n"))
    assert labels.read_yolo(pairs / "label.txt", ["car"], (8, 8)) == [Box("car", 2, 2, 6, 6)]
    (pairs / "recipe.yaml").write_bytes(encode("steps: 1\n"))
    said = bench("train", "--method", "cddfuse", "--dataset", "synth", "--recipe", "recipe.yaml").stderr
    assert "recipe recipe.yaml: the recipe lacks batch" in said


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"methods: caf\xe9", "not a text file in UTF-8"), (b"limit: 1\nlimit: 2\n", "the key limit stands twice"),
     (b"a: [", "not a YAML file"), (b"- a", "expected a mapping"), (b"{[a]: 1}", "not a YAML file")],
)  # fmt: skip
def test_config_files_that_hold_no_options(bench, pairs, data, words):
    (pairs / "run.yaml").write_bytes(data)
    result = bench("run", "--config", "run.yaml")
    assert result.exit_code == 2 and words in result.stderr and len(result.stderr.splitlines()) == 1
    assert "run.yaml" in result.stderr


def test_text_larger_than_people_write(tmp_path, monkeypatch):
    monkeypatch.setattr(textfiles, "_LARGEST", 8)
    (tmp_path / "a").write_bytes(b"0" * 9)
    with pytest.raises(UserError, match="larger than a text file can be"):
        textfiles.read(tmp_path / "a")


def test_every_built_in_id_is_read_as_itself():
    known = datasets.get("m3fd").listed_ids()
    assert len(known) == 4200
    assert normalised(sorted(known), known) == ([[id] for id in sorted(known)], [])
