"""Names as people have them: what is paired, what is guessed and told, and what asks for a pattern."""

import os
import random
import shutil

import pytest
from harness import draw
from PIL import Image

from benchmark.datasets.folder import Folder
from benchmark.datasets.image_files import Pattern
from benchmark.datasets.name_rules import guess, guess_within
from benchmark.datasets.pairs import Pair
from benchmark.errors import UserError
from benchmark.imaging import reading
from benchmark.run.plan import find_fused

RUN = ("run", "--dataset", "folder", "--methods", "average", "--metrics", "EN", "--jobs", 0)


def fill(folder, *names):
    """Small images of these names."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 6), len(name)).save(path)


def ids(tmp_path, ir, vis, **patterns):
    """The ids of the pairs and what was told, of images in two folders."""
    fill(tmp_path / "ir", *ir)
    fill(tmp_path / "vis", *vis)
    selection = Folder(tmp_path / "ir", tmp_path / "vis", **patterns).select()
    return [pair.id for pair in selection.pairs if pair.problem is None], selection.notes


GUESSED = {
    "suffixes": (["0001_T", "0002_T"], ["0001_V", "0002_V"], ["0001", "0002"], "'{id}_T' and '{id}_V'"),
    "one pair": (["0001_T"], ["0001_V"], ["0001"], "'{id}_T' and '{id}_V'"),
    "prefixes": (["ir_1", "ir_2"], ["vis1", "vis2"], ["1", "2"], "'ir_{id}' and 'vis{id}'"),
    "one side only": (["1", "2"], ["1_visible", "2_visible"], ["1", "2"], "'{id}' and '{id}_visible'"),
    "any word": (["a1-flir", "a2-flir"], ["a1-sony", "a2-sony"], ["a1", "a2"], "'{id}-flir' and '{id}-sony'"),
    "in the middle": (["s1_ir_3", "s2_ir_4"], ["s1_rgb_3", "s2_rgb_4"], ["s1_3", "s2_4"], "'{id}_ir_{id}'"),
    "zeros": (["8", "9", "10"], ["08", "09", "10"], ["08", "09", "10"], "zeros before a number"),
    "case": (["Aa", "B"], ["aa", "b"], ["aa", "b"], "case"),
    "a folder on one side": (["1", "2"], ["all/1", "all/2"], ["1", "2"], "'{id}' and 'all/{id}'"),
    "zeros and suffixes": (["1_ir", "2_ir"], ["01_vi", "02_vi"], ["01", "02"], "'{id}_ir' and '{id}_vi'"),
    "both alike": (["FLIR_1_PreviewData", "FLIR_2_PreviewData"], ["FLIR_1_RGB", "FLIR_2_RGB"],
                   ["FLIR_1", "FLIR_2"], "'{id}_PreviewData' and '{id}_RGB'"),
}  # fmt: skip


@pytest.mark.parametrize("kind", GUESSED)
def test_one_rule_that_explains_all_names_is_taken_and_told(tmp_path, kind):
    ir, vis, expected, told = GUESSED[kind]
    found, notes = ids(tmp_path, [f"{name}.png" for name in ir], [f"{name}.jpg" for name in vis])
    assert found == expected
    (note,) = notes
    assert told in note and "--ir-pattern" in note and f"{len(expected)} in all" in note


NOT_GUESSED = {
    "one is missing": (["1_T", "2_T", "3_T"], ["1_V", "2_V"], "--ir-pattern '{id}_T' --vis-pattern '{id}_V'"),
    "numbers": (["cam1_4", "cam1_5"], ["cam2_4", "cam2_5"], "--ir-pattern 'cam1_{id}' --vis-pattern 'cam2_{id}'"),
    "sides exchanged": (["1_vis", "2_vis"], ["1_ir", "2_ir"], "--ir-pattern '{id}_vis' --vis-pattern '{id}_ir'"),
    "two ways": (["a_b"], ["b_a"], "rename the files"),
    "another frame": (["scene_1"], ["scene_2"], "rename the files"),
    "nothing in common": (["a", "b"], ["c", "d"], "rename the files"),
}


@pytest.mark.parametrize("kind", NOT_GUESSED)
def test_what_is_not_plain_asks_with_an_example_of_the_users_files(tmp_path, kind):
    ir, vis, words = NOT_GUESSED[kind]
    with pytest.raises(UserError, match="no infrared image has the name of a visible one") as caught:
        ids(tmp_path, [f"{name}.png" for name in ir], [f"{name}.png" for name in vis])
    assert ("-pattern" in caught.value.message) == ("-pattern" in words)
    assert words in caught.value.message and ir[0] in caught.value.message and "\n" not in caught.value.message


def test_a_guess_never_joins_what_a_plain_reading_keeps_apart(tmp_path):
    found, notes = ids(tmp_path, ["1.png", "2_T.png", "3.png"], ["1.png", "2_V.png"])
    assert found == ["1"] and notes == ()


def test_a_rule_that_pairs_in_two_ways_is_none():
    assert guess(["a_b", "b_a"], ["a_b_x", "b_a_x"]).matching() == {("a_b", "a_b_x"), ("b_a", "b_a_x")}
    assert guess(["1", "01"], ["1_V", "01_V"]).loose is False
    assert guess(["1", "01"], ["001", "0001"]) is None
    assert guess_within({"1", "10"}, {"10_1"}) is None
    assert guess_within({"1", "10"}, {"fused_10", "fused_1", "fused_2"}).second.pattern == "fused_{id}"
    assert guess_within({"a", "b", "10"}, {"10_a", "10_b"}).matching() == {("a", "10_a"), ("b", "10_b")}
    assert guess_within({"1", "2", "10"}, {"10_1", "10_2"}) is None
    assert guess_within({"1", "ir1"}, {"ir1ir"}) is None  # the image of either


def test_guesses_on_random_names_are_right_or_none():
    """Whatever affixes are drawn: a guess pairs what was made from one id."""
    rng, made = random.Random(0), 0
    words = ["ir", "cam", "T", "left", "x", "FLIR", "scene"], ["vis", "V", "right", "y", "RGB", "out"]
    for _ in range(200):
        numbers = rng.sample(range(1, 300), rng.randint(1, 6))
        stems = [f"{number:0{rng.choice((1, 4))}d}" for number in numbers]
        texts = []
        for choice in words:
            word, mark = rng.choice(choice), rng.choice("_- .")
            texts.append(rng.choice((f"{word}{mark}{{}}", f"{{}}{mark}{word}", "{}", f"s{mark}{{}}{mark}{word}")))
        sides = [{text.format(stem): stem for stem in stems} for text in texts]
        rule = guess(*sides)
        if rule is not None:
            made += 1
            assert all(sides[0][one] == sides[1][other] for one, other in rule.matching())
            assert len(rule.matching()) == len(stems)
    assert made > 100


def test_many_names_are_quick():
    names = [f"scene_{number:05d}" for number in range(12000)]
    rule = guess([f"{name}_ir" for name in names], [f"{name}_vis" for name in names])
    assert len(rule.matching()) == 12000


def test_patterns(tmp_path):
    patterns = {"ir_pattern": "cam1_{id}.png", "vis_pattern": "*2_{id}"}
    found, notes = ids(tmp_path, ["cam1_4.PNG", "cam1_5.png", "mask.png"], ["cam2_4.jpg", "cam2_5.png"], **patterns)
    assert found == ["4", "5"]
    assert notes == (
        f"--ir-pattern 'cam1_{{id}}.png': 1 image of {tmp_path / 'ir'} left out, which it does not fit: mask.png",
    )
    with pytest.raises(UserError, match=r"fits no image in .*cam1_4.PNG.*; such as"):
        Folder(tmp_path / "ir", tmp_path / "vis", "x_{id}").select()
    with pytest.raises(UserError, match=r"holds no \{id\}"):
        Folder(tmp_path / "ir", tmp_path / "vis", "cam1_*").select()
    with pytest.raises(UserError, match=r"no infrared image has the name .*--ir-pattern 'cam1_\{id\}' --vis"):
        Folder(tmp_path / "ir", tmp_path / "vis", "cam1_{id}").select()
    assert Pattern.of("--pattern", "{id}/ir/{id}").id("s1/ir/7.png") == "s1_7"
    assert Pattern.of("--pattern", "a[1].{id}.png").id("a[1].x.png") == "x"
    assert Pattern.of("--pattern", "{id}_T.tif").id("x_T.png") is None
    for text, path, id in (
        ("{id}_T.PNG", "x_T.png", "x"),
        ("{id}_T.png", "x_T.PNG", "x"),
        ("./{id}", "7.png", "7"),
        (".\\ir\\{id}.png", "ir/7.png", "7"),
    ):
        assert Pattern.of("--pattern", text).id(path) == id


@pytest.mark.parametrize("patterns", [{}, {"ir_pattern": "{id}_T"}, {"ir_pattern": "{id}_T", "vis_pattern": "{id}_V"}])
def test_one_folder_for_both(tmp_path, patterns):
    fill(tmp_path, "1_T.png", "1_V.png", "2_T.png", "2_V.png")
    if patterns == {"ir_pattern": "{id}_T"}:
        for name in "12":
            os.rename(tmp_path / f"{name}_V.png", tmp_path / f"{name}.png")
    selection = Folder(tmp_path, tmp_path, **patterns).select()
    assert [pair.id for pair in selection.pairs] == ["1", "2"]
    assert all(pair.ir.stem == f"{pair.id}_T" and pair.ir != pair.vis for pair in selection.pairs)


def test_one_folder_whose_names_do_not_say(tmp_path):
    fill(tmp_path, "1_T.png", "1_V.png", "2.png")
    with pytest.raises(UserError, match="'2' does not say which of the two it is: give --ir-pattern"):
        Folder(tmp_path, tmp_path).select()
    with pytest.raises(UserError, match="both take"):
        Folder(tmp_path, tmp_path, "{id}", "{id}").select()


def test_folders_within_folders(tmp_path):
    found, notes = ids(tmp_path, ["seq1/x.png", "seq2/x.png"], ["seq1/x.png", "seq2/x.jpg"])
    assert found == ["seq1_x", "seq2_x"] and notes == ()
    (tmp_path / "ir/seq1/again").symlink_to("..", target_is_directory=True)
    assert len(Folder(tmp_path / "ir", tmp_path / "vis").pairs()) == 2
    # A sequence's folder for each modality.
    fill(tmp_path / "both", "s1/ir/7.png", "s1/vis/7.png", "s2/ir/8.png", "s2/vis/8.png")
    (first, _) = Folder(tmp_path / "both", tmp_path / "both").pairs()
    assert (first.id, first.vis.parent.name) == ("s1_7", "vis")
    # Where a folder holds images itself, those within it are not looked at.
    fill(tmp_path / "ir", "y.png")
    fill(tmp_path / "vis", "y.png")
    assert [pair.id for pair in Folder(tmp_path / "ir", tmp_path / "vis").pairs()] == ["y"]


BESIDE = {
    "two folders": (["y", "seq1/x", "seq2/x"], "2 more images in seq1, seq2 are", "seq{id}/{id}", ["1_x", "2_x"]),
    "other names": (["y", "seq1/a", "seq2/b"], "2 more images in seq1, seq2 are not read", "seq*/{id}", ["a", "b"]),
    "one": (["y", "z", "seq1/x"], "1 more image in seq1 is not read", "seq1/{id}", ["x"]),
    "within one": (["y", "s1/raw/a", "s2/raw/a"], "2 more images in s1/raw, s2/raw", "s{id}/raw/{id}", ["1_a", "2_a"]),
    "numbers": (["y", "10/a", "11/a"], "2 more images in 10, 11", "{id}/{id}", ["10_a", "11_a"]),
    "uneven": (["y", "s1/a", "s2/deep/b"], "2 more images in s1, s2/deep", "*/{id}", ["a", "deep_b"]),
    "one begins the other": (["y", "s/a", "sa/a"], "2 more images in s, sa", "{id}/{id}", ["s_a", "sa_a"]),
    "many": (["y", "a/1", "b/2", "c/3", "d/4"], "4 more images in a, b, c, …", "*/{id}", ["1", "2", "3", "4"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", BESIDE)
def test_images_in_folders_beside_images_are_told_with_the_pattern_that_reads_them(tmp_path, kind):
    names, told, pattern, expected = BESIDE[kind]
    files = [f"{name}.png" for name in names]
    found, notes = ids(tmp_path, files, files)
    assert found == sorted(name for name in names if "/" not in name)
    for note, side in zip(notes, ("ir", "vis"), strict=True):
        assert note.startswith(f"{tmp_path / side}: {told}") and note.endswith(f"give --{side}-pattern '{pattern}'")
    found, _ = ids(tmp_path, [], [], ir_pattern=pattern, vis_pattern=pattern)
    assert found == expected
    # Fused images: the option is another.
    pairs = [Pair(id, None, None) for id in (*names[:1], *expected)]
    found, missing, notes = find_fused(tmp_path / "ir", pairs)
    assert notes[0].startswith(f"{tmp_path / 'ir'}: {told}") and notes[0].endswith(f"give --pattern '{pattern}'")
    assert found.keys() == {names[0]} and missing.keys() == {*expected}
    found, _, _ = find_fused(tmp_path / "ir", pairs, pattern)
    assert sorted(found) == expected


def test_images_beside_folders_are_told_where_nothing_pairs(tmp_path):
    fill(tmp_path, "ir/preview.png", "ir/seq1/x_T.png", "vis/seq1/x.png", "vis/seq2/x.png")
    told = r"1 more image in seq1 is not read; give --ir-pattern 'seq1/\{id\}'"
    with pytest.raises(UserError, match=f"no infrared image has the name .*{told}"):
        Folder(tmp_path / "ir", tmp_path / "vis").select()
    with pytest.raises(UserError, match=r"fits no image .*give --ir-pattern 'seq1/\{id\}_T'"):
        Folder(tmp_path / "ir", tmp_path / "vis", "{id}_T").select()
    with pytest.raises(UserError, match=r"no image is named as a pair .*give --pattern 'seq1/\{id\}'"):
        find_fused(tmp_path / "ir", [Pair(id, None, None) for id in "ab"])
    fill(tmp_path, "vis/preview.png")
    _, notes = ids(tmp_path, [], [], ir_pattern="seq1/{id}_T", vis_pattern="seq1/{id}")
    assert not any("not read" in note for note in notes)


def test_links_to_nothing_are_named(tmp_path):
    fill(tmp_path, "vis/x.png", "vis/y.png", "ir/y.png", "vis/z.png")
    for path, target in (("ir/x.png", "gone.png"), ("ir/w.png", "w.png"), ("vis/w.png", "gone"), ("ir/z", "/gone/z")):
        (tmp_path / path).symlink_to(target)
    found = {pair.id: pair for pair in Folder(tmp_path / "ir", tmp_path / "vis").pairs()}
    assert found.keys() == {*"wxyz"} and found["y"].problem is None
    for id, target in (("x.png", "gone.png"), ("w.png", "w.png"), ("z", "/gone/z")):
        assert found[id[0]].problem == f"{tmp_path / 'ir' / id} is a link to nothing: {target}"
    fused, missing, _ = find_fused(tmp_path / "ir", list(found.values()))
    assert fused.keys() == {"y"} and all("is a link to nothing" in missing[id] for id in "wxz")
    (tmp_path / "dead").mkdir()
    (tmp_path / "dead/seq1").symlink_to("/gone/seq1")
    with pytest.raises(UserError, match=r"no images .*; .*seq1 is a link to nothing: /gone/seq1"):
        Folder(tmp_path / "dead", tmp_path / "dead").select()


def test_pairs_of_the_same_images_are_told(pairs, bench_folder):
    assert "repeat" not in bench_folder("run", "--methods", "average", "--metrics", "EN").stderr
    for side in ("ir", "vis"):
        for copy in "bxy":
            shutil.copy(pairs / side / "a.png", pairs / side / f"{copy}.png")
    shutil.copy(pairs / "ir/a.png", pairs / "ir/c.png")  # with another visible image
    result = bench_folder("run", "--methods", "average", "--metrics", "EN")
    assert "3 pairs repeat others, and each counts as if it were new: a, b, x, y\n" in result.stderr


def test_fused_images_of_no_pair_are_told(pairs, bench_folder):
    for number, name in enumerate("bcdefghij"):
        draw(pairs / "out" / f"{name}.png", 90 + number)
    result = bench_folder("eval", "--fused", "out", "--name", "mine", "--metrics", "EN")
    assert result.exit_code == 1 and "out: 6 fused images fit no pair of the split: e, f, g, h, i, …" in result.stderr
    for name in "efghij":
        (pairs / "out" / f"{name}.png").unlink()
    draw(pairs / "out/a.png", 7)
    result = bench_folder("eval", "--fused", "out", "--name", "mine", "--metrics", "EN")
    assert result.exit_code == 0 and "no pair" not in result.stderr
    _, _, (guessed, told) = find_fused(pairs / "out", [Pair(id, None, None) for id in ("A", "B", "C")])
    assert "guess" in guessed and told.endswith(": 1 fused image fits no pair of the split: d")


def test_images_that_lie_too_deep_are_told(tmp_path):
    deep = "1/2/3/4/5"
    fill(tmp_path, f"ir/{deep}/x.png", f"vis/{deep}/6/7/x.png")
    told = "looked into 4 folders deep, not into 1/2/3/4/5; move what lies deeper up"
    with pytest.raises(UserError, match=f"no images .*; {tmp_path / 'ir'}: {told}"):
        Folder(tmp_path / "ir", tmp_path / "vis").select()
    for path in ("1/2/3/4/x.png", "1/2/3/4/y.png"):
        fill(tmp_path, f"ir/{path}", f"vis/{path}")
    found, notes = ids(tmp_path, [], [])
    assert found == ["1_2_3_4_x", "1_2_3_4_y"] and notes == tuple(f"{tmp_path / s}: {told}" for s in ("ir", "vis"))
    # Of folders without images nothing is said, and links that lead back are no folders of their own.
    for side in ("ir", "vis"):
        for path in (tmp_path / side / deep).rglob("*.png"):
            path.rename(path.with_suffix(".txt"))
        (tmp_path / side / "1/2/3/4/back").symlink_to("../../..", target_is_directory=True)
    assert ids(tmp_path, [], [])[1] == ()


def test_two_names_of_one_id_fail_alone(tmp_path):
    found, _ = ids(tmp_path, ["s/a_b.png", "s_a/b.png", "t/c.png"], ["s/a_b.png", "s_a/b.png", "t/c.png"])
    assert found == ["t_c"]


def test_every_kind_that_is_not_read_is_named(tmp_path):
    """In source folders, under a pattern too, and among fused images; in any case."""
    kinds = [*reading.NOT_READ, "", ".Psd", ".NII.gz"]
    names = [f"{number}{kind}" for number, kind in enumerate(kinds)]
    fill(tmp_path / "left", *(f"{number}.png" for number in range(len(kinds))))
    for folder in ("right", "suffixes"):
        (tmp_path / folder).mkdir(parents=True)
        for name in names:
            number, dot, kind = name.partition(".")
            (tmp_path / folder / f"{number}{'_T' * (folder == 'suffixes')}{dot}{kind}").write_bytes(b"x")
    fill(tmp_path, "right/more.png", "suffixes/more_T.tif", "suffixes/0_T.tif")
    for folder, pattern in (("right", None), ("suffixes", "{id}_T.tif")):
        for sides in ((folder, "left"), ("left", folder)):
            patterns = [pattern if side == folder else None for side in sides]
            found = {pair.id: pair for pair in Folder(*(tmp_path / side for side in sides), *patterns).pairs()}
            for number, kind in list(enumerate(kinds))[bool(pattern) :]:
                what = f"{kind[1:].upper()} is not read" if kind else "its name has no extension"
                assert found[str(number)].problem.endswith(f"{kind} is there, but {what}"), kind
    for folder, pattern in (("right", None), ("suffixes", "{id}_T.tif")):
        sought = [Pair(str(number), None, None) for number in range(len(kinds))]
        fill(tmp_path / folder, "0_T.tif" if pattern else "0.png")
        _, missing, _ = find_fused(tmp_path / folder, sought, pattern)
        assert len(missing) == len(kinds) - 1 and all("is there, but" in reason for reason in missing.values())


@pytest.mark.parametrize(("name", "said"), [("x.MAT", "MAT is not read"), ("x", "its name has no extension")])
def test_a_file_of_another_kind_is_named(tmp_path, name, said):
    fill(tmp_path / "vis", "x.png")
    (tmp_path / "ir").mkdir()
    (tmp_path / "ir" / name).write_bytes(b"x")
    (pair,) = Folder(tmp_path / "ir", tmp_path / "vis").pairs()
    assert pair.problem == f"{tmp_path / 'ir' / name} is there, but {said}"
    # What lies beside images for another purpose is not the reason.
    (tmp_path / "vis/y.png").write_bytes((tmp_path / "vis/x.png").read_bytes())
    (tmp_path / "ir/y.txt").write_text("0 0.5 0.5 1 1")
    assert "no infrared image of that name" in Folder(tmp_path / "ir", tmp_path / "vis").pairs()[1].problem
    (tmp_path / "vis/y.png").unlink()
    (tmp_path / "vis/x.png").unlink()
    with pytest.raises(UserError, match=f"no images .*; .*{name} is there, but {said}"):
        Folder(tmp_path / "ir", tmp_path / "vis").pairs()


def test_names_that_no_text_can_hold(tmp_path, bench, monkeypatch):
    """A name that is no UTF-8 is a failed pair with a name that can be printed; so is one within such a folder."""
    monkeypatch.chdir(tmp_path)
    os.mkdir(b"caf\xe9")
    for side in (b"ir", b"vis"):
        os.mkdir(b"caf\xe9/" + side)
        for name in (b"ok", b"b\xff"):
            draw(tmp_path / "x.png", len(name) + len(side))
            try:
                os.rename("x.png", b"caf\xe9/" + side + b"/" + name + b".png")
            except OSError:
                pytest.skip("needs a file system that takes any bytes as a name")
    base = os.fsdecode(b"caf\xe9")
    result = bench(*RUN, "--ir", f"{base}/ir", "--vis", f"{base}/vis")
    assert result.exit_code == 1
    assert "b%FF: the file name is not UTF-8; rename it" in result.stderr
    assert "average: partial 1/2 (1 failed: b%FF: " in result.stdout
    assert bench("report", "--format", "csv", "--out", "-").exit_code == 0
    result = bench("eval", "--dataset", "folder", "--ir", f"{base}/ir", "--vis", f"{base}/vis", "--fused",
                   f"{base}/ir", "--name", "mine", "--metrics", "EN", "--jobs", 0)  # fmt: skip
    assert result.exit_code == 1 and "mine: partial 1/2" in result.stdout
    result = bench(*RUN, "--ir", base, "--vis", f"{base}/none")
    assert result.exit_code == 2 and "cafU+DCE9/none: no such folder" in result.stderr


def test_names_as_long_as_they_can_be(tmp_path, bench, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "x" * 251
    for side in ("ir", "vis"):
        draw(tmp_path / side / f"{name}.png", len(side))
        draw(tmp_path / "deep" / side / ("s" * 200) / f"{name[:200]}.png", len(side))
    for limit in (("--limit", 1), ()):
        assert bench(*RUN, "--ir", "ir", "--vis", "vis", *limit).exit_code == 0
    result = bench(*RUN, "--ir", "deep/ir", "--vis", "deep/vis")
    assert result.exit_code == 1 and "the name is too long for a file; rename it" in result.stderr


def test_names_that_differ_in_case_are_told(tmp_path):
    if os.path.exists(__file__.upper()):
        pytest.skip("needs a file system that tells case apart")
    found, notes = ids(tmp_path, ["A.png", "a.png"], ["A.png", "a.png"])
    assert found == ["A", "a"] and notes == ("names that differ only in case are pairs of their own: A and a",)


FUSED = {
    "suffix": (["a_fused.png", "b_fused.png"], (), "'{id}_fused'"),
    "prefix with a number": (["v2_a.png", "v2_b.png"], (), "'v2_{id}'"),
    "one of many": (["fused-a.png"], (), "'fused-{id}'"),
    "more than are asked for": (["a_x.png", "b_x.png", "c_x.png", "d_x.png", "e_x.png"], (), "'{id}_x'"),
    "case": (["A.png", "B.png"], (), "case"),
    "pattern": (["out-a-1.png", "out-b-2.png"], ("--pattern", "out-{id}-*.png"), ""),
    "in a folder": (["run1/a.png", "run1/b.png"], (), "'run1/{id}'"),
}


NUMBERS = ["0", "1", "2"]
BY_CHANCE = {
    "a checkpoint's number": (NUMBERS, ["epoch_1"]),
    "a number behind": (NUMBERS, ["1_epoch"]),
    "a folder with a number": (NUMBERS, ["run2/1"]),
    "a word and a number": (NUMBERS, ["fused2_1"]),
    "a word and another": (NUMBERS, ["fused_epoch_1"]),
    "letters": (["a", "b", "c"], ["plan_b"]),
    "one pair": (["1"], ["epoch_1"]),
    "an id that is cut": (["scene_1"], ["1", "2"]),
    "two checkpoints": (NUMBERS, ["epoch_1", "epoch_2"]),
    "zeros": (NUMBERS, ["epoch_01"]),
}
MEANT = {
    "fused": (NUMBERS, ["1_fused"]),
    "fused in capitals": (NUMBERS, ["Fused-1"]),
    "two words": (NUMBERS, ["result_1_out"]),
    "a folder": (NUMBERS, ["results/1"]),
    "modalities": (NUMBERS, ["ir_vis_1"]),
    "the method": (NUMBERS, ["My-Net2_1"]),
    "a known method": (NUMBERS, ["1_CDDFuse"]),
    "as many as pairs": (NUMBERS, ["epoch_0", "epoch_1", "epoch_2"]),
    "letters of more than one": (["a", "b", "c"], ["v2_a", "v2_b"]),
    "one pair": (["1"], ["1_fused"]),
}


@pytest.mark.parametrize("kind", BY_CHANCE)
def test_what_may_be_a_pair_by_chance_asks_for_a_pattern(tmp_path, kind):
    ids, names = BY_CHANCE[kind]
    fill(tmp_path, *(f"{name}.png" for name in names))
    with pytest.raises(UserError, match=r"no image is named as a pair of the split.*or give --pattern, such as"):
        find_fused(tmp_path, [Pair(id, None, None) for id in ids], method="my-net2")


@pytest.mark.parametrize("kind", MEANT)
def test_known_words_around_an_id_are_cut(tmp_path, kind):
    ids, names = MEANT[kind]
    fill(tmp_path, *(f"{name}.png" for name in names))
    found, _, notes = find_fused(tmp_path, [Pair(id, None, None) for id in ids], method="my-net2")
    assert len(found) == len(names) and "matched by a guess" in notes[0]
    assert all(id in path.stem.replace("Net2", "") for id, path in found.items())


@pytest.mark.parametrize("kind", FUSED)
def test_fused_images_of_other_names(pairs, bench_folder, kind):
    names, options, told = FUSED[kind]
    for number, name in enumerate(names):
        draw(pairs / "out" / name, 90 + number)
    result = bench_folder("eval", "--fused", "out", "--name", "mine", "--metrics", "EN", *options)
    scored = {"a", "b", "c", "d"} if len(names) > 4 else {"a", "b"} if len(names) > 1 else {"a"}
    assert result.exit_code == int(len(scored) < 4)
    (cell,) = (pairs / "results").glob("folder@*/mine")
    assert (cell / "scores.jsonl").read_text().count('"id"') == len(scored)
    assert ("matched by a guess" in result.stderr) == bool(told) and told in result.stderr


def test_a_pattern_that_fits_no_fused_image(pairs, bench_folder):
    draw(pairs / "out" / "a_1.png", 90)
    result = bench_folder("eval", "--fused", "out", "--name", "mine", "--pattern", "{id}_fused")
    assert result.exit_code == 2
    assert "--pattern '{id}_fused': fits no image in out (a_1.png); such as 'a_{id}'" in result.stderr
    result = bench_folder("eval", "--fused", "out", "--name", "mine", "--pattern", "a_{id}")
    assert result.exit_code == 2 and "no image is named as a pair of the split" in result.stderr


def test_patterns_need_folders(bench):
    for command in (("run",), ("eval", "--fused", "x", "--name", "y"), ("grid", "--dataset", "synth")):
        result = bench(*command, "--ir-pattern", "{id}_T")
        assert result.exit_code == 2 and "--ir-pattern and --vis-pattern go with --dataset folder" in result.stderr


def test_inputs_as_people_have_them(shared, bench, tmp_path):
    for name, code, words in (("10-other-format-pgm", 1, ""), ("11-nested", 0, ""), ("12-suffixes", 0, "by a guess")):
        base = shared / "inputs" / name
        result = bench(*RUN, "--ir", base / "ir", "--vis", base / "vis", "--results", tmp_path)
        read = ".pgm" in reading.EXTENSIONS and code != 0
        assert result.exit_code == (0 if read else code) and words in result.stderr
        if code:
            assert read or "ir/x.pgm is there, but PGM is not read" in result.stderr
