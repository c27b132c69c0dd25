"""Data sets: discovery, layouts, splits, and what is said when something is missing."""

import pickle
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from harness import draw
from PIL import Image

from benchmark import datasets
from benchmark.curation import cards_page
from benchmark.datasets import id_lists, labels
from benchmark.datasets.folder import Folder
from benchmark.datasets.id_lists import SPLITS, ids_sha256, split_hashes, split_ids
from benchmark.datasets.m3fd import M3fd
from benchmark.datasets.pairs import Box, Pair, PairError
from benchmark.datasets.two_folders import pair_up
from benchmark.errors import UserError, unknown
from benchmark.imaging import bt601, saving
from benchmark.imaging.reading import ImageError


def write(path, shape=(6, 8), value=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(list(str(path).encode()))
    pixels = rng.integers(0, 256, shape) if value is None else np.full(shape, value)
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


@pytest.fixture
def root(tmp_path):
    """Two complete MSRS test pairs."""
    for name in ("00004N", "00127D"):
        write(tmp_path / "MSRS/test/ir" / f"{name}.png")
        write(tmp_path / "MSRS/test/vi" / f"{name}.png", (6, 8, 3))
    return tmp_path


def test_names_are_listed_without_importing_anything_heavy():
    code = (
        "import sys; from benchmark import datasets; names = datasets.names();"
        "assert {'folder', 'msrs', 'roadscene', 'synth', 'synth_det', 'tno'} <= set(names), names;"
        "assert 'base' not in names and names == sorted(names);"
        "heavy = {'numpy', 'cv2', 'PIL', 'torch', 'scipy'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", datasets.names())
def test_every_data_set_keeps_the_contract(name):
    data = datasets.get(name)
    card = data.card
    assert data.name == card.name == name
    assert card.title and card.licence and card.size and card.layout and "\n" not in card.layout
    assert card.task in ("ivf", "mif") and card.use and card.labels
    assert not hasattr(data, "folders") or card.by_hand or data.manifest().source
    assert set(data.parts) <= set(data.splits())
    assert data.default_split in data.splits()
    assert set(card.counts) == set(data.splits())
    assert all(text and "\n" not in text for text in data.splits().values())
    with pytest.raises(UserError, match="unknown split"):
        data.select("no-such-split", ".")


def test_unknown_name_suggests():
    with pytest.raises(UserError, match=r"unknown data set 'mrss'; did you mean msrs\? known: .*roadscene"):
        datasets.get("mrss")
    with pytest.raises(UserError, match="Harvard-CT-MRI, and its split by --split patient-test"):
        datasets.get("Harvard-CT-MRI@patient-test")
    assert "did you mean" not in unknown("data set", "zzzzzz", datasets.names()).message
    assert unknown("thing", "a\nb", []).message == "unknown thing 'a b'; known: none"
    assert unknown("thing", "A", ["a"]).exit_code == 2


@pytest.mark.parametrize(
    "name, split, count",
    [
        ("msrs", "test", 60),
        ("roadscene", "all", 221),
        ("roadscene", "cddfuse50", 50),
        ("roadscene", "train", 171),
        ("tno", "tno42", 42),
        ("tno", "cddfuse25", 25),
        ("tno", "didfuse40", 40),
        ("vifb", "all", 21),
        ("llvip", "train", 32),
        ("llvip", "test", 12),
        ("m3fd", "all", 10),
        ("harvard_ct_mri", "test", 24),
        ("harvard_ct_mri", "train", 160),
        ("harvard_pet_mri", "train", 245),
        ("harvard_spect_mri", "train", 333),
    ],
)
def test_real_folders(shared, name, split, count):
    selection = datasets.get(name).select(split, shared / "data")
    ids = [pair.id for pair in selection.pairs]
    assert len(ids) == len(set(ids)) == count
    assert ids == sorted(ids)
    assert all(pair.problem is None for pair in selection.pairs)
    first, last = selection.pairs[0].load(), selection.pairs[-1].load()
    for loaded in (first, last):
        assert loaded.ir.dtype == loaded.vis.dtype == np.uint8
        assert loaded.ir.shape == loaded.vis.shape
        assert (loaded.vis_rgb is None) == (name == "tno" or name.startswith("harvard")) or name == "vifb"
        if loaded.vis_rgb is not None:
            assert (bt601.luminance(loaded.vis_rgb) == loaded.vis).all()
    assert first.ir.std() > 5 and first.vis.std() > 5


def test_incomplete_official_split_is_a_note(shared):
    selection = datasets.get("msrs").select("test", shared / "data")
    assert len(selection.notes) == 1
    assert "60 of 361" in selection.notes[0]
    assert datasets.get("roadscene").select("all", shared / "data").notes == ()


def test_the_sets_own_folder_may_be_the_root(shared):
    for name, folder in (("msrs", "MSRS"), ("roadscene", "RoadScene"), ("tno", "TNO")):
        data = datasets.get(name)
        by_parent, by_itself = (data.pairs(None, at) for at in (shared / "data", shared / "data" / folder))
        assert by_parent == by_itself


def test_splits_of_roadscene_share_nothing(shared):
    data = datasets.get("roadscene")
    everything, held_back, train = (
        {pair.id for pair in data.pairs(split, shared / "data")} for split in ("all", "cddfuse50", "train")
    )
    assert held_back | train == everything
    assert not held_back & train


def test_shipped_lists_are_those_of_the_papers(shared):
    for ours, theirs in (
        (("msrs", "test"), "msrs_test361"),
        (("roadscene", "cddfuse50"), "roadscene_cddfuse50"),
        (("tno", "cddfuse25"), "tno_cddfuse25"),
    ):
        assert split_ids(*ours) == (shared / "splits" / f"{theirs}.txt").read_text().split()


def test_shipped_lists():
    for name, digest in split_hashes().items():
        dataset, _, split = name.partition("_")
        ids = split_ids(dataset, split)
        if split == "scenes":  # a line is a scene
            ids = [id for scene in ids for id in scene.split()]
            split = datasets.get(dataset).parts[0]
        else:
            assert ids_sha256(ids) == digest
        assert len(ids) == len(set(ids)) == datasets.get(dataset).card.counts[split]
        first = (SPLITS / f"{name}.txt").read_text(encoding="utf-8").splitlines()[0]
        assert first.startswith("# ") and len(first) > 40  # its source
    assert {path.stem for path in SPLITS.glob("*.txt")} == {"sha256", *split_hashes()}
    assert set(split_ids("tno", "cddfuse25")) < set(split_ids("tno", "tno42"))
    assert set(split_ids("tno", "tno42")) - set(split_ids("tno", "didfuse40")) == {"09", "42"}


def test_a_changed_list_is_noticed(tmp_path, monkeypatch):
    for path in SPLITS.glob("*.txt"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    changed = tmp_path / "tno_cddfuse25.txt"
    changed.write_text(changed.read_text().replace("\n03\n", "\n33\n"))
    monkeypatch.setattr(id_lists, "SPLITS", tmp_path)
    assert split_ids("tno", "tno42")
    with pytest.raises(ValueError, match="tno_cddfuse25 is not the one"):
        split_ids("tno", "cddfuse25")


def test_manifests_cover_the_published_sets():
    for name, splits in (("msrs", ("train", "test")), ("roadscene", ("all",)), ("tno", ("tno42",)), ("vifb", ("all",)),
                         ("harvard_pet_mri", ("train", "test"))):  # fmt: skip
        data = datasets.get(name)
        files = data.manifest().files
        assert len(files) == 2 * sum(data.card.counts[split] for split in splits)
        assert len(set(files.values())) > 0.99 * len(files)
        for split in splits:
            layout = data.layouts(split)[0]
            stems = [{path.rsplit("/", 1)[1].split(".")[0] for path in files if path.startswith(f"{side}/")}
                     for side in (layout.ir, layout.vis)]  # fmt: skip
            assert stems[0] == stems[1] and len(stems[0]) == data.card.counts[split]


def test_root_from_the_environment(root, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(root))
    assert [pair.id for pair in datasets.get("msrs").pairs()] == ["00004N", "00127D"]
    monkeypatch.delenv("BENCH_DATA")
    with pytest.raises(UserError, match="no data root"):
        datasets.get("msrs").pairs()


@pytest.mark.parametrize(
    "ir, vi", [("MSRS/test/ir", "MSRS/test/vi"), ("msrs/Test/IR", "msrs/Test/Vi"), ("MSRS-main/MSRS/test/ir",) * 2]
)
def test_layouts_are_recognised_in_any_case_and_one_folder_deeper(tmp_path, ir, vi):
    vi = vi[:-2] + "vi" if vi == ir else vi
    write(tmp_path / ir / "00004N.PNG")
    write(tmp_path / vi / "00004N.jpg")
    selection = datasets.get("msrs").select("test", tmp_path)
    assert [pair.id for pair in selection.pairs] == ["00004N"]
    assert str(tmp_path / ir) in selection.found


def complaint(call) -> str:
    with pytest.raises(UserError) as caught:
        call()
    assert "\n" not in caught.value.message
    assert caught.value.exit_code == 2
    return caught.value.message


def test_hidden_folders_are_not_looked_into(tmp_path):
    """Not those that a set's own folder holds, such as one of thumbnails."""
    for side in ("ir", "vi"):
        draw(tmp_path / "TNO" / ".thumbnails" / side / "01.png", 1)
    with pytest.raises(UserError, match="data set tno: not found in"):
        datasets.get("tno").pairs("tno42", tmp_path)
    (tmp_path / "TNO" / ".thumbnails").rename(tmp_path / "TNO" / "v1.")
    assert [pair.id for pair in datasets.get("tno").pairs("tno42", tmp_path)] == ["01"]


def test_what_is_there_of_a_set_is_at_hand(tmp_path):
    """The test slices alone, where training is a split of its own that is missing."""
    for side in ("CT", "MRI"):
        draw(tmp_path / "Harvard" / "CT-MRI" / "test" / side / "5.png", 1)
    assert list(datasets.get("harvard_ct_mri").at_hand(tmp_path)) == ["5"]
    assert "5" in datasets.get("harvard_ct_mri").listed_ids(tmp_path)
    with pytest.raises(UserError, match="data set harvard_ct_mri: not found in"):
        datasets.get("harvard_ct_mri").at_hand(tmp_path / "Harvard" / "CT-MRI" / "test" / "CT")


def test_a_split_of_both_parts_takes_what_is_there_of_either(tmp_path):
    ids = split_ids("llvip", "sample44")
    with pytest.raises(UserError, match="data set llvip: not found in"):
        datasets.get("llvip").pairs("sample44", tmp_path)
    for part, id in (("train", ids[0]), ("test", ids[-1])):
        for side in ("infrared", "visible"):
            draw(tmp_path / "LLVIP" / side / part / f"{id}.jpg", 1)
        found = [pair.id for pair in datasets.get("llvip").pairs("sample44", tmp_path)]
        assert found == [ids[0], ids[-1]][: 1 + (part == "test")]


def test_written_boxes_are_read_back(tmp_path):
    boxes = [Box("People", 0, 0, 64, 48), Box("Car", 3, 7, 4, 9)]
    labels.write_voc(tmp_path / "a.xml", "a.png", (64, 48), boxes)
    assert labels.read_voc(tmp_path / "a.xml", ["Car", "People"], (64, 48)) == boxes
    text = (tmp_path / "a.xml").read_text(encoding="utf-8")
    assert "<xmin>4</xmin>" in text and "<xmax>4</xmax>" in text, "the first pixel is 1, and the last one is in the box"


@pytest.mark.parametrize("name", ["msrs", "roadscene", "tno"])
def test_missing_folder_names_layout_source_and_options(tmp_path, name):
    data = datasets.get(name)
    for place in (tmp_path, tmp_path / "nowhere"):
        said = complaint(lambda place=place: data.select(None, place))
        for part in (name, data.card.layout, data.card.link, "--data-root", "BENCH_DATA", str(place)):
            assert part in said
        assert data.unavailable(None, place) == said


def test_half_a_layout_is_named(tmp_path):
    write(tmp_path / "MSRS/test/ir/a.png")
    assert "no test/vi" in complaint(lambda: datasets.get("msrs").select("test", tmp_path))


def test_empty_folders(tmp_path):
    for side in ("ir", "vi"):
        (tmp_path / "MSRS/test" / side).mkdir(parents=True)
    assert "no images" in complaint(lambda: datasets.get("msrs").select("test", tmp_path))


def test_another_sets_folder_as_root(tmp_path):
    for side in ("ir", "vi"):
        write(tmp_path / side / "carLight.jpg")
    assert "none of the 42 ids" in complaint(lambda: datasets.get("tno").select("tno42", tmp_path))


def test_what_is_there_of_a_listed_split_is_a_part_and_half_a_pair_fails(tmp_path):
    for side in ("ir", "vi"):
        write(tmp_path / "TNO" / side / "03.png")
    write(tmp_path / "TNO/ir/04.png")
    selection = datasets.get("tno").select("cddfuse25", tmp_path)
    assert [pair.id for pair in selection.pairs] == ["03", "04"] and selection.total == 25
    (note,) = selection.notes
    assert "2 of 25 pairs" in note and note.endswith(id_lists.part_label("cddfuse25", ["04", "03"], 25))
    with pytest.raises(PairError, match="no visible image of that name"):
        selection.pairs[1].load()


def test_pictures_outside_the_official_list_are_left_out_with_a_note(root):
    write(root / "MSRS/test/ir/mine.png")
    write(root / "MSRS/test/vi/mine.png")
    selection = datasets.get("msrs").select("test", root)
    assert [pair.id for pair in selection.pairs] == ["00004N", "00127D"]
    assert any("outside the official list" in note for note in selection.notes)


def test_a_pair_without_partner_fails_alone(root):
    (root / "MSRS/test/vi/00127D.png").unlink()
    good, bad = datasets.get("msrs").pairs("test", root)
    assert good.load().ir.shape == (6, 8)
    with pytest.raises(PairError, match="pair '00127D': no visible image of that name in") as caught:
        bad.load()
    assert "\n" not in caught.value.message
    with pytest.raises(PairError):
        bad.digest()


def test_a_name_that_stands_twice_fails_alone(root):
    write(root / "MSRS/test/ir/00004N.jpg")
    bad, good = datasets.get("msrs").pairs("test", root)
    assert good.problem is None
    with pytest.raises(PairError, match=r"2 infrared images of that name .*00004N.jpg, 00004N.png"):
        bad.load()


def test_different_sizes(root):
    write(root / "MSRS/test/vi/00004N.png", (6, 9, 3))
    with pytest.raises(PairError, match=r"different sizes: .* is 8x6, .* is 9x6"):
        datasets.get("msrs").pairs("test", root)[0].load()


def test_truncated_png(root):
    path = root / "MSRS/test/ir/00004N.png"
    path.write_bytes(path.read_bytes()[:50])
    pair = datasets.get("msrs").pairs("test", root)[0]
    with pytest.raises(ImageError, match=r"00004N\.png"):
        pair.load()
    assert len(pair.digest()) == 64  # bytes can be told apart even where they are no picture


def test_sixteen_bit_and_palette_are_handled_and_noted(tmp_path):
    sixteen = tmp_path / "ir" / "a.png"
    sixteen.parent.mkdir()
    Image.fromarray(np.full((4, 5), 257 * 77, np.uint16)).save(sixteen)
    flat = Image.fromarray(np.zeros((4, 5), np.uint8), "P")
    flat.putpalette([200, 10, 30] * 256)
    (tmp_path / "vis").mkdir()
    flat.save(tmp_path / "vis" / "a.png")
    (pair,) = Folder(tmp_path / "ir", tmp_path / "vis").pairs()
    loaded = pair.load()
    assert (loaded.ir == 77).all()
    assert (loaded.vis_rgb == (200, 10, 30)).all()
    told = "\n".join(loaded.told)
    assert "infrared: 16-bit grey, scaled by 1/257; 1 of 256 levels are used" in told and "visible: palette" in told


def test_names_with_spaces_and_other_letters(tmp_path):
    composed = "über die Straße ñ 夜"
    write(tmp_path / "ir" / f"{unicodedata.normalize('NFD', composed)}.png")
    write(tmp_path / "vis" / f"{composed}.jpg")
    (pair,) = Folder(tmp_path / "ir", tmp_path / "vis").pairs()
    assert pair.id == composed
    assert pair.load().ir.shape == (6, 8)
    saving.save_luminance(tmp_path / "out" / f"{pair.id}.png", pair.load().ir)


def test_ids_are_safe_as_file_names(tmp_path):
    for id in ("a/b", "a\\b", "..", "", "a\nb", "a\0b"):
        with pytest.raises(ValueError, match="file name"):
            Pair(id, None, None)
    write(tmp_path / "ir" / "a\\..\\b.png")
    write(tmp_path / "vis" / "a\\..\\b.png")
    (pair,) = pair_up(tmp_path / "ir", tmp_path / "vis")
    assert pair.id == "a_.._b"
    with pytest.raises(PairError, match="rename"):
        pair.load()


def test_other_files_and_hidden_ones_are_not_pictures(root):
    for name in ("Thumbs.db", "notes.txt", "._00004N.png"):
        (root / "MSRS/test/ir" / name).write_bytes(b"x")
    (root / "MSRS/test/ir/folder.png").mkdir()
    assert len(datasets.get("msrs").pairs("test", root)) == 2


def test_folder_needs_both_directories(tmp_path):
    assert "--ir DIR and --vis DIR" in complaint(lambda: datasets.get("folder").pairs())
    write(tmp_path / "ir" / "a.png")
    assert "--vis DIR" in complaint(lambda: Folder(tmp_path / "ir").pairs())
    assert "no such folder" in complaint(lambda: Folder(tmp_path / "ir", tmp_path / "none").pairs())


def test_digest_follows_the_content(root, tmp_path):
    data = datasets.get("msrs")
    before = [pair.digest() for pair in data.pairs("test", root)]
    assert len(set(before)) == 2
    assert before == [pair.digest() for pair in data.pairs("test", root)]
    write(root / "MSRS/test/vi/00004N.png", (6, 8, 3), value=9)
    after = [pair.digest() for pair in data.pairs("test", root)]
    assert after[0] != before[0]
    assert after[1] == before[1]
    # Exchanging the two images is another pair.
    one = Pair("a", root / "MSRS/test/ir/00127D.png", root / "MSRS/test/vi/00127D.png")
    assert one.digest() == before[1]
    assert Pair("a", one.vis, one.ir).digest() != one.digest()


def test_pairs_travel_to_worker_processes(root):
    for pair in [*datasets.get("msrs").pairs("test", root), *datasets.get("synth").pairs()[:1]]:
        again = pickle.loads(pickle.dumps(pair))
        assert again == pair
        assert again.digest() == pair.digest()
    error = PairError("x y", "because")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.id, again.reason, again.message) == (PairError, "x y", "because", error.message)


# A pair in the layout of each set, as published and as it is found elsewhere: infrared file, visible file, kind.
LAYOUTS = [
    ("msrs", "train", "MSRS/train/ir/00001D.png", "MSRS/train/vi/00001D.png", "as published"),
    ("msrs", "test", "MSRS-main/test/Infrared/00004N.png", "MSRS-main/test/Visible/00004N.jpg", "known variant"),
    ("msrs", "detection", "MSRS/detection/ir/1.png", "MSRS/detection/vi/1.png", "as published"),
    ("roadscene", "all", "RoadScene/ir/FLIR_00006.bmp", "RoadScene/vis/FLIR_00006.png", "known variant"),
    ("tno", "tno42", "tno/IR/01.bmp", "tno/Visible/01.png", "known variant"),
    ("vifb", "all", "VIFB-master/input/IR/fight.jpg", "VIFB-master/input/VI/fight.jpg", "known variant"),
    ("m3fd", "all", "M3FD/M3FD_Detection/Ir/00000.png", "M3FD/M3FD_Detection/Vis/00000.png", "as published"),
    ("m3fd", "all", "m3fd_detection/infrared/00000.png", "m3fd_detection/visible/00000.jpg", "known variant"),
    ("m3fd_fusion", "all", "M3FD_Fusion/M3FD_Fusion/ir/1.png", "M3FD_Fusion/M3FD_Fusion/vis/1.png", "as published"),
    ("llvip", "test", "LLVIP/infrared/test/190001.jpg", "LLVIP/visible/test/190001.jpg", "as published"),
    ("llvip", "train", "LLVIP/LLVIP/train/ir/01.jpg", "LLVIP/LLVIP/train/vis/01.jpg", "known variant"),
    ("fmb", "test", "FMB/test/Infrared/00001.png", "FMB/test/Visible/00001.png", "as published"),
    ("fmb", "train", "FMB/train/thermal/00001.png", "FMB/train/rgb/00001.png", "known variant"),
    ("harvard_ct_mri", "cddfuse", "CDDFuse_test/MRI_CT/CT/11.png", "CDDFuse_test/MRI_CT/MRI/11.png", "as published"),
    ("harvard_pet_mri", "test", "MyDatasets/PET-MRI/test/PET/1.png", "MyDatasets/PET-MRI/test/MRI/1.png", "published"),
]


@pytest.mark.parametrize("name, split, ir, vis, kind", LAYOUTS)
def test_layouts_are_recognised_and_named(tmp_path, name, split, ir, vis, kind):
    write(tmp_path / ir)
    write(tmp_path / vis, (6, 8, 3))
    pairs, notes, found = (lambda s: (s.pairs, s.notes, s.found))(datasets.get(name).select(split, tmp_path))
    good = [pair for pair in pairs if pair.problem is None]
    assert len(good) == 1 and good[0].load().ir.shape == (6, 8)
    assert kind in found and str(tmp_path / ir.rsplit("/", 1)[0]) in found
    if split != "tno42":
        assert any("1 of" in note for note in notes)


def test_folders_called_ir_and_vis_are_not_any_data_set(tmp_path):
    """Such names say something within a set's own folder only."""
    for side in ("infrared", "visible"):
        write(tmp_path / side / "1.png")
    for name in ("roadscene", "m3fd", "m3fd_fusion", "vifb", "tno"):
        assert "not found" in complaint(lambda name=name: datasets.get(name).pairs(None, tmp_path))


def test_the_fusion_set_is_not_taken_for_the_detection_set(tmp_path):
    for side in ("Ir", "Vis"):
        write(tmp_path / "M3FD/M3FD_Fusion" / side / "00000.png")
    assert len(datasets.get("m3fd_fusion").pairs("all", tmp_path)) == 1
    assert "not found" in complaint(lambda: datasets.get("m3fd").pairs("all", tmp_path))


def test_flir_by_its_lists(tmp_path):
    for number in (2, 5, 7):
        write(tmp_path / "align/JPEGImages" / f"FLIR_{number:05d}_PreviewData.jpeg")
        write(tmp_path / "align/JPEGImages" / f"FLIR_{number:05d}_RGB.jpg", (6, 8, 3))
    (tmp_path / "align/Annotations").mkdir()
    data = datasets.get("flir_aligned")
    assert "no align_validation.txt" in complaint(lambda: data.pairs("test", tmp_path))
    (tmp_path / "align/align_validation.txt").write_text("\ufeffFLIR_00005_PreviewData\r\nFLIR_00009\r\n")
    voc(tmp_path / "align/Annotations/FLIR_00005_PreviewData.xml", ("person", 1, 2, 3, 4))
    (good,) = data.pairs("test", tmp_path)
    assert good.id == "FLIR_00005" and good.load().vis_rgb is not None
    assert data.boxes(good) == [Box("person", 0, 1, 3, 4)]


@pytest.mark.parametrize("images_folder, lists", [("images/", "splits"), ("", "imageSets")])
def test_kaist_by_its_lists(tmp_path, images_folder, lists):
    for frame in ("set06/V000/{}/I00019.jpg", "set06/V000/{}/I00039.jpg"):
        write(tmp_path / f"KAIST/{images_folder}{frame.format('lwir')}")
        write(tmp_path / f"KAIST/{images_folder}{frame.format('visible')}", (6, 8, 3))
    listing = tmp_path / "KAIST" / lists / "test-all-20.txt"
    listing.parent.mkdir()
    (tmp_path / f"KAIST/{images_folder}set06/V000/visible/I00039.jpg").unlink()
    listing.write_text("set06/V000/I00019\r\nset06\\V000\\I00039\r\nset06/V000/I00059\r\n")
    selection = datasets.get("kaist").select(None, tmp_path)
    good, half = selection.pairs
    assert good.id == "set06_V000_I00019" and good.load().ir.shape == (6, 8)
    assert half.id == "set06_V000_I00039" and "listed in test-all-20.txt but there is no" in half.problem
    assert "2 of 2252" in selection.notes[0] and str(listing) in selection.found
    listing.write_text("nonsense\n")
    assert "names no frame" in complaint(lambda: datasets.get("kaist").pairs(None, tmp_path))


def test_functional_images_lend_their_colours(shared):
    """PET and SPECT are the first source, and a fused image takes their colours; a CT has none."""
    for name, coloured in (("harvard_ct_mri", False), ("harvard_pet_mri", True), ("harvard_spect_mri", True)):
        for split in ("test", "cddfuse"):
            pair = datasets.get(name).pairs(split, shared / "data")[0]
            assert pair.vis.parent.name == "MRI" and pair.ir.parent.name == name.split("_")[1].upper()
            loaded = pair.load()
            assert loaded.vis_rgb is None and (loaded.colour is not None) == coloured
            if coloured:
                assert (bt601.luminance(loaded.colour) == loaded.ir).all()
                fused = bt601.attach_colour(loaded.ir, loaded.colour)
                assert (fused == loaded.colour).all()


def test_infrared_colours_are_never_lent(tmp_path):
    write(tmp_path / "ir/a.png", (6, 8, 3))
    write(tmp_path / "vis/a.png")
    (pair,) = Folder(tmp_path / "ir", tmp_path / "vis").pairs()
    assert pair.load().colour is None


def voc(path, *objects, size=(8, 6)):
    parts = [f"<annotation><size><width>{size[0]}</width><height>{size[1]}</height></size>"]
    for name, *corners in objects:
        bounds = "".join(f"<{k}>{v}</{k}>" for k, v in zip(("xmin", "ymin", "xmax", "ymax"), corners))
        parts.append(f"<object><name>{name}</name><bndbox>{bounds}</bndbox></object>")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join([*parts, "</annotation>"]))


@pytest.fixture
def m3fd(tmp_path):
    write(tmp_path / "M3FD_Detection/Ir/00000.png")
    write(tmp_path / "M3FD_Detection/Vis/00000.png", (6, 8, 3))
    return tmp_path / "M3FD_Detection"


def boxes_of(data, root):
    return data.boxes(data.pairs("all", root)[0])


def test_class_names_come_from_the_xml(m3fd):
    data = datasets.get("m3fd")
    assert "has no labels" in complaint(lambda: boxes_of(data, m3fd.parent))
    path = m3fd / "Annotation/00000.xml"
    voc(path, ("Lamp", 1, 1, 4, 3), ("motorcycle", -2, 2, 9, 99))
    assert boxes_of(data, m3fd.parent) == [Box("Lamp", 0, 0, 4, 3), Box("Motorcycle", 0, 1, 8, 6)]
    for label, said in (
        (("Lmap", 1, 1, 4, 3), "did you mean Lamp"),
        (("Lamp", 4, 1, 2, 3), "is empty or outside 8x6"),
        (("Lamp", 1, 1, "x", 3), "no number in 'xmax'"),
        (("Lamp", 1, 1, "nan", 3), "no number in 'xmax'"),
    ):
        voc(path, label)
        assert said in complaint(lambda: boxes_of(data, m3fd.parent))
    path.write_text('<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>')
    assert "entities are not allowed" in complaint(lambda: boxes_of(data, m3fd.parent))


def test_yolo_labels_of_m3fd_need_the_name_of_their_order(m3fd):
    (m3fd / "labels").mkdir()
    (m3fd / "labels/00000.txt").write_text("3 0.5 0.5 0.5 0.5\n")
    said = complaint(lambda: boxes_of(datasets.get("m3fd"), m3fd.parent))
    assert "'paper'" in said and "'tardal'" in said and "--label-order" in said
    box = Box("Motorcycle", 2, 2, 6, 5)
    assert boxes_of(M3fd("paper"), m3fd.parent) == [box]
    assert boxes_of(M3fd("tardal"), m3fd.parent)[0].label == "Lamp"
    assert "did you mean tardal" in complaint(lambda: M3fd("tradal"))
    for names, label in (("[People, Car, Bus, Lamp, Motorcycle, Truck]", "Lamp"),
                         ("{0: people, 1: car, 2: bus, 3: motorcycle, 4: lamp, 5: truck}", "Motorcycle")):  # fmt: skip
        (m3fd / "data.yaml").write_text(f"names: {names}")
        assert boxes_of(datasets.get("m3fd"), m3fd.parent)[0].label == label
    assert "are of the order 'paper'" in complaint(lambda: boxes_of(M3fd("tardal"), m3fd.parent))
    (m3fd / "data.yaml").write_text("names: [Car, People]")
    assert "not those of M3FD" in complaint(lambda: boxes_of(datasets.get("m3fd"), m3fd.parent))
    (m3fd / "data.yaml").unlink()
    for line, said in (
        ("9 .5 .5 .5 .5", "unknown class 9"),
        ("1 .5 .5", "expected 'class x y"),
        ("1 2 2 .1 .1", "outside"),
    ):
        (m3fd / "labels/00000.txt").write_text(line)
        assert said in complaint(lambda: boxes_of(M3fd("paper"), m3fd.parent))


def test_real_labels(shared):
    data = datasets.get("m3fd")
    boxes = [box for pair in data.pairs("all", shared / "data") for box in data.boxes(pair)]
    assert len(boxes) == 153 and {box.label for box in boxes} <= set(data.classes)
    data = datasets.get("msrs")
    pairs = [pair for pair in data.pairs("test", shared / "data") if pair.labels is not None]
    assert len(pairs) == 23
    assert {box.label for pair in pairs for box in data.boxes(pair)} == {"person", "car"}


def test_a_schemes_name_stands_for_its_test_part():
    assert datasets.get("m3fd").check_split("zx") == "zx-test"
    assert datasets.get("m3fd").check_split(None) == "scene-test"
    assert datasets.get("synth-det").check_split("scene") == "scene-test"
    with pytest.raises(UserError, match="did you mean zx-test"):
        datasets.get("m3fd").check_split("zx-tset")


def test_the_page_is_what_the_cards_say():
    page = Path(__file__).parents[2] / "docs" / "datasets.md"
    assert page.read_text(encoding="utf-8") == cards_page.markdown(), (
        "run: python -m benchmark.curation.cards_page > docs/datasets.md"
    )
    assert (page.parent / "synth.png").stat().st_size < 300_000


def test_training_lists_share_no_scene_with_test_lists():
    roadscene = datasets.get("roadscene")
    test, train, disjoint = ({*roadscene.listed_split(s)} for s in ("cddfuse50", "train", "train-disjoint"))
    assert disjoint < train
    assert not {roadscene.scene_of(id) for id in disjoint} & {roadscene.scene_of(id) for id in test}
    assert roadscene.training_split == "train-disjoint" and datasets.get("tno").training_split == "train"
    assert datasets.get("m3fd").training_split == "scene-train"  # never the default split, which is the test part
    cases, tests, kept = {}, set(), set()
    for name in ("harvard_ct_mri", "harvard_pet_mri", "harvard_spect_mri"):
        data = datasets.get(name)
        assert data.training_split == "train-disjoint"
        apart = {*map(int, data.listed_split("train-disjoint"))}
        assert len(apart) == data.card.counts["train-disjoint"] and apart < {
            *map(int, data.listed_split("patient-train"))
        }
        tests |= {*map(int, data.listed_split("test"))}
        kept |= apart
        for part in ("train", "test"):
            ids = data.listed_split(f"patient-{part}")
            assert len(ids) == data.card.counts[f"patient-{part}"]
            cases.setdefault(part, set()).update(map(data.scene_of, ids))
        assert {data.scene_of(id) for id in data.listed_split("test")} <= {
            *map(data.scene_of, data.listed_split("train"))
        }
    assert min(abs(a - b) for a in tests for b in kept) == 3
    assert cases["test"] == {f"case {n}" for n in (9, 16, 21, 30, 36)} and not cases["test"] & cases["train"]


def test_scenes_of_msrs_are_stretches_of_one_time_of_day():
    scene_of = datasets.get("msrs").scene_of
    assert scene_of("00420D") == scene_of("00439D") != scene_of("00440D")
    assert scene_of("00420D") != scene_of("00420N")
    assert scene_of("mine") is scene_of("00420") is None


@pytest.mark.parametrize(("name", "last"), [("harvard_ct_mri", 31), ("harvard_pet_mri", 52), ("harvard_spect_mri", 83)])
def test_every_slice_of_cddfuses_lists_is_of_a_patient(name, last):
    """Their ids count on from 11."""
    data = datasets.get(name)
    known = [number for number in range(100) if data.scene_of(str(number)) is not None]
    assert known == list(range(11, last + 1)) and len(known) == data.card.counts["cddfuse"]


def test_patients_at_hand(shared):
    for name, count in (("harvard_ct_mri", 35), ("harvard_pet_mri", 82), ("harvard_spect_mri", 81)):
        selection = datasets.get(name).select("patient-test", shared / "data")
        assert len(selection.pairs) == count and not selection.notes
        cddfuse = datasets.get(name).pairs("cddfuse", shared / "data")
        assert None not in {datasets.get(name).scene_of(pair.id) for pair in cddfuse}
