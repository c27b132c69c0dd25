"""A set that is there in part is a split of its own, called by its content; images that are there are fused once."""

import json
import os
import shutil

import pytest
from harness import IDS, draw, newest, snapshot

from benchmark import datasets
from benchmark.datasets import id_lists
from benchmark.datasets.id_lists import limited_label, parse_label, part_label
from benchmark.detection import division
from benchmark.errors import UserError
from benchmark.run import plan
from benchmark.store import files

RUN = ("run", "--dataset", "tno", "--methods", "average", "--metrics", "EN", "--jobs", 0)


def tno(root, *ids, seed=0):
    """Some of TNO's pairs."""
    for id in ids:
        draw(root / "TNO" / "ir" / f"{id}.png", 2 * int(id) + seed)
        draw(root / "TNO" / "vi" / f"{id}.png", 2 * int(id) + seed + 1)


def fused_lines(cell):
    return [line["id"] for line in files.read_lines(cell / "timings.jsonl") if "fuse_s" in line]


def test_labels():
    assert part_label("test", ["b", "a"], 2) == part_label("test", ["a"], None) == "test"
    one, other = part_label("test", ["a", "b"], 9), part_label("test", ["a", "c"], 9)
    assert one != other and one.startswith("test-2of9-") and part_label("test", ["b", "a"], 9) == one
    for label in (one, "scene-test", "random811-seed0-val", "all-1a2b3c4d"):
        split = "test" if label == one else label
        assert parse_label(label) == (split, None)
        assert parse_label(limited_label(label, 12)) == (split, 12)


@pytest.mark.parametrize(
    ("name", "split", "total", "files"),
    [
        ("msrs", "test", 361, "MSRS/test/{ir,vi}/00004N.png"),
        ("msrs", "train", 1083, "MSRS/train/{ir,vi}/00001D.png"),
        ("m3fd", "zx-test", 1295, "M3FD_Detection/{Ir,Vis}/{test}.png"),
        ("m3fd", "all", 4200, "M3FD_Detection/{Ir,Vis}/00000.png"),
        ("llvip", "test", 3463, "LLVIP/{infrared,visible}/test/190001.jpg"),
        ("roadscene", "cddfuse50", 50, "RoadScene/{cropinfrared,crop_LR_visible}/{held}.jpg"),
        ("tno", "didfuse40", 40, "TNO/{ir,vi}/03.png"),
        ("fmb", "test", 280, "FMB/test/{Infrared,Visible}/00001.png"),
        ("vifb", "all", 21, "VIFB/{IR,VI}/fight.jpg"),
        ("m3fd_fusion", "all", 300, "M3FD_Fusion/{Ir,Vis}/00000.png"),
        ("harvard_ct_mri", "test", 24, "Harvard/CT-MRI/test/{CT,MRI}/1.png"),
    ],
)
def test_every_set_behaves_alike(tmp_path, name, split, total, files):
    files = files.replace("{test}", id_lists.split_ids("m3fd", "zx-test")[0])
    files = files.replace("{held}", id_lists.split_ids("roadscene", "cddfuse50")[0])
    before, _, rest = files.partition("{")
    sides, _, after = rest.partition("}")
    for side in sides.split(","):
        draw(tmp_path / f"{before}{side}{after}", len(side))
    chosen = plan.select_split(name, split, None, tmp_path)
    (pair,) = chosen.pairs
    assert chosen.name == part_label(split, [pair.id], total) != split and not chosen.broken
    assert f"1 of {total} pairs" in chosen.notes[-1] and chosen.notes[-1].endswith(chosen.name)


def test_two_parts_and_the_whole_are_never_ranked_together(tmp_path, bench):
    for place, ids in (("one", ("01", "02", "03")), ("other", ("02", "03", "04"))):
        tno(tmp_path / place, *ids)
        result = bench(*RUN, "--data-root", tmp_path / place, "--results", tmp_path / "r")
        assert result.exit_code == 0 and "3 of 42 pairs are in" in result.stderr
    tno(tmp_path / "whole", *(f"{number:02d}" for number in range(1, 43)))
    assert "0 to fuse" not in bench(*RUN, "--data-root", tmp_path / "whole", "--dry-run").stdout
    result = bench(*RUN, "--data-root", tmp_path / "whole", "--results", tmp_path / "r")
    assert "average: 4 fused before, in another split; taken from there" in result.stderr
    names = sorted(folder.name for folder in (tmp_path / "r").iterdir())
    assert names[0] == "tno@tno42" and all(name.startswith("tno@tno42-3of42-") for name in names[1:])
    assert len(names) == 3
    report = bench("report", "--results", tmp_path / "r", "--format", "csv", "--out", "-").stdout
    assert len({line.split(",")[1] for line in report.splitlines()[1:]}) == 3


def test_a_dry_run_of_a_part_calls_nothing_unreadable(tmp_path, bench):
    tno(tmp_path, "01", "02")
    result = bench(*RUN, "--data-root", tmp_path, "--dry-run")
    assert result.stdout.endswith("average: 2 pairs, 2 to fuse, 2 to score\n")
    assert "2 of 42 pairs" in result.stderr
    (tmp_path / "TNO/vi/02.png").unlink()
    assert "2 to score" not in (said := bench(*RUN, "--data-root", tmp_path, "--dry-run").stdout)
    assert said.endswith("1 to fuse, 1 to score, 1 incomplete\n")


def test_a_limit_fuses_only_what_is_new(pairs, bench_folder):
    run = ("run", "--methods", "average", "--metrics", "EN", "--colour")
    bench_folder(*run, "--limit", 2)
    dry = bench_folder(*run, "--limit", 3, "--dry-run").stdout
    assert "average: 3 pairs, 2 fused in other splits, 1 to fuse, 3 to score" in dry
    assert bench_folder(*run, "--limit", 3).exit_code == 0
    cell = newest(pairs, "average")
    assert cell.parent.name.endswith("-first3") and fused_lines(cell) == ["c"]
    # The same files as without what was there before.
    bench_folder(*run, "--limit", 3, "--results", "anew/results")
    anew = newest(pairs / "anew", "average")
    for name in ("fused", "colour", "scores.jsonl"):
        found = [{path.name: path.read_bytes() for path in sorted((at / name).glob("*"))} for at in (cell, anew)]
        assert found[0] == found[1]
    assert (cell / "scores.jsonl").read_bytes() == (anew / "scores.jsonl").read_bytes()
    # Run again, nothing is done.
    before = snapshot(cell)
    bench_folder(*run, "--limit", 3)
    assert snapshot(cell) == before
    # What was taken over is as good as what was made: it is handed on.
    shutil.rmtree(next(folder for folder in (pairs / "results").iterdir() if folder.name.endswith("-first2")))
    bench_folder(*run)
    assert fused_lines(newest(pairs, "average")) == ["d"]


@pytest.mark.parametrize("change", ["image", "seed", "tampered", "key", "id", "force"])
def test_nothing_else_is_taken_over(pairs, bench_folder, gain, change):
    run = ("run", "--methods", "gain", "--metrics", "EN", "--weights-root", gain)
    bench_folder(*run, "--limit", 1)
    cell = newest(pairs, "gain")
    options = ()
    if change == "image":
        draw(pairs / "ir" / "a.png", 99)
    elif change == "seed":
        options = ("--seed", 1)
    elif change == "tampered":
        draw(cell / "fused" / "a.png", 99)
    elif change == "key":
        for name in ("timings.jsonl", "scores.jsonl"):
            text = (cell / name).read_text()
            (cell / name).write_text(text.replace(files.read_lines(cell / name)[0].get("key", "?")[:8], "0" * 8))
    elif change == "id":  # the random numbers of a pair follow its name
        for side in ("ir", "vis"):
            (pairs / side / "a.png").rename(pairs / side / "aa.png")
    else:
        options = ("--force",)
    assert "2 pairs, 2 to fuse" in bench_folder(*run, "--limit", 2, *options, "--dry-run").stdout
    assert bench_folder(*run, "--limit", 2, *options).exit_code == 0
    assert len(fused_lines(newest(pairs, "gain"))) == 2


def test_the_same_pairs_elsewhere_are_the_same_split(pairs, bench):
    run = ("run", "--dataset", "folder", "--methods", "average", "--metrics", "EN", "--jobs", 0)
    assert bench(*run, "--ir", "ir", "--vis", "vis").exit_code == 0
    cell = newest(pairs, "average")
    before = snapshot(cell / "fused")
    os.symlink("ir", "link")
    shutil.copytree("vis", "mount/visible")
    os.rename("ir", "moved")
    os.symlink("moved", "ir")
    for ir, vis in (("link", "vis"), ("moved", pairs / "mount" / "visible"), ("../" + pairs.name + "/ir", "vis")):
        result = bench(*run, "--ir", ir, "--vis", vis, "--dry-run")
        assert "4 pairs, 0 to fuse, 0 to score" in result.stdout
        assert bench(*run, "--ir", ir, "--vis", vis).exit_code == 0
    assert len(list((pairs / "results").iterdir())) == 1 and snapshot(cell / "fused") == before
    (pairs / "vis" / "d.png").unlink()
    (pairs / "moved" / "d.png").unlink()
    bench(*run, "--ir", "ir", "--vis", "vis")
    assert newest(pairs, "average") != cell and fused_lines(newest(pairs, "average")) == []
    assert json.loads((newest(pairs, "average") / "run.json").read_text())["n"] == len(IDS) - 1


# --- divisions for detectors ---

VOC = (
    "<annotation><size><width>64</width><height>48</height></size><object><name>People</name><bndbox><xmin>5</xmin>"
    "<ymin>5</ymin><xmax>20</xmax><ymax>30</ymax></bndbox></object></annotation>"
)


def m3fd(root, ids):
    base = root / "M3FD_Detection"
    (base / "Annotation").mkdir(parents=True, exist_ok=True)
    for id in ids:
        draw(base / "Ir" / f"{id}.png", int(id))
        draw(base / "Vis" / f"{id}.png", int(id) + 1, colour=True)
        (base / "Annotation" / f"{id}.xml").write_text(VOC)


def test_a_division_that_is_there_in_part(tmp_path):
    source = datasets.get("m3fd")
    scheme = source.schemes()["scene"]
    m3fd(tmp_path, [*scheme["train"][:3], *scheme["test"][:2]])
    with pytest.raises(UserError, match=r"train 3 of 2860, val 0 of 442, test 2 of 898 pairs; .*--train FILE --val"):
        division.divide(source, "scene", tmp_path)
    m3fd(tmp_path, scheme["val"][:1])
    made = division.divide(source, "scene", tmp_path)
    ids = [*scheme["train"][:3], *scheme["val"][:1], *scheme["test"][:2]]
    assert made.name == part_label("scene", ids, 4200) and not made.excluded
    assert {part: len(items) for part, items in made.parts.items()} == {"train": 3, "val": 1, "test": 2}
    assert "train 3 of 2860, val 1 of 442, test 2 of 898" in made.notes[0] and "--name NAME" in made.notes[0]
    assert set(made.splits) == {
        part_label(f"scene-{part}", scheme[part][:count], len(scheme[part]))
        for part, count in (("train", 3), ("val", 1), ("test", 2))
    }
    assert division.divide(source, "scene", tmp_path, limit=2).name == limited_label(made.name, 2)
    with pytest.raises(UserError, match="not found in"):
        division.divide(source, "scene", tmp_path / "M3FD_Detection" / "Annotation")


def test_lists_of_ones_own_as_people_write_them(tmp_path):
    ids = [f"{number:05d}" for number in range(6)]
    m3fd(tmp_path, ids)
    (tmp_path / "train.txt").write_bytes("\ufeffIr\\00000.png\r\nIr\\00001.png\r\nIr\\00000.png\r\n".encode())
    (tmp_path / "val.txt").write_bytes("00002\r00003\r".encode("utf-16"))
    (tmp_path / "test.txt").write_text("4\n5\n00100\nnonsense7\n")
    (tmp_path / "scenes.csv").write_bytes("\ufeffid,scene\r\nIr\\00004.png, s1 ,day\r\n5,s2\r\n77777,s3\r\n".encode())
    lists = {part: tmp_path / f"{part}.txt" for part in ("train", "val", "test")}
    made = division.divide_by_lists(datasets.get("m3fd"), "mine", lists, tmp_path / "scenes.csv", tmp_path)
    assert [[item.pair.id for item in made.parts[part]] for part in made.parts] == [ids[:2], ids[2:4], ids[4:]]
    assert [(item.scene, item.time) for item in made.parts["test"]] == [("s1", "day"), ("s2", None)]
    assert made.name == part_label("mine", ids, 8) and not made.excluded
    told = "\n".join(made.notes)
    for words in (
        "train.txt: 1 id is listed more than once, taken once: 00000",
        "test.txt: 1 of 4 ids are in no list of m3fd and not at hand: nonsense7",
        "test.txt: 1 of 4 test ids are not at hand, and left out: 00100",
        "scenes.csv: 1 of 3 ids are in no list of the data set and not at hand: 77777",
    ):
        assert words in told
    limited = division.divide_by_lists(datasets.get("m3fd"), "mine", lists, None, tmp_path, limit=1)
    assert limited.name == limited_label(made.name, 1)
    (tmp_path / "scenes.csv").write_text("00004,s1\n4,s2\n")
    with pytest.raises(UserError, match="00004 stands twice"):
        division.divide_by_lists(datasets.get("m3fd"), "mine", lists, tmp_path / "scenes.csv", tmp_path)
    (tmp_path / "scenes.csv").write_bytes(b"caf\xe9,s1\n")
    with pytest.raises(UserError, match=r"--scenes .*scenes.csv: not a text file in UTF-8"):
        division.divide_by_lists(datasets.get("m3fd"), "mine", lists, tmp_path / "scenes.csv", tmp_path)


def test_real_parts(shared, bench):
    result = bench("run", "--dataset", "msrs,llvip,m3fd", "--methods", "average", "--data-root", shared / "data",
                   "--dry-run")  # fmt: skip
    assert result.exit_code == 0 and "unreadable" not in result.stdout
    for place in ("msrs@test-60of361-", "llvip@test-12of3463-", "m3fd@scene-test-4of898-"):
        assert place in result.stdout
    with pytest.raises(UserError, match="train 17 of 2860, val 0 of 442, test 8 of 898 pairs"):
        division.divide(datasets.get("m3fd"), None, shared / "detection")
    with pytest.raises(UserError, match="train 0 of 12025, test 37 of 3463 pairs"):
        division.divide(datasets.get("llvip"), None, shared / "detection")
