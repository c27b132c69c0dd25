"""Data sets: discovery, layouts, splits, and what is said when something is missing."""

import pickle
import subprocess
import sys
import unicodedata

import numpy as np
import pytest
from PIL import Image

from benchmark import datasets, images
from benchmark.datasets.base import Pair, PairError, pair_up, split_ids
from benchmark.datasets.folder import Folder
from benchmark.errors import UserError, unknown
from benchmark.images import ImageError


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
        "assert {'folder', 'msrs', 'roadscene', 'synth', 'tno'} <= set(names), names;"
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
    assert card.task in ("ivf", "mif")
    assert data.default_split in data.splits()
    assert set(card.counts) == set(data.splits())
    assert all(text and "\n" not in text for text in data.splits().values())
    with pytest.raises(UserError, match="unknown split"):
        data.select("no-such-split", ".")


def test_unknown_name_suggests():
    with pytest.raises(UserError, match=r"unknown data set 'mrss'; did you mean msrs\? known: .*roadscene"):
        datasets.get("mrss")
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
        assert (loaded.vis_rgb is None) == (name == "tno")
        if loaded.vis_rgb is not None:
            assert (images.luminance(loaded.vis_rgb) == loaded.vis).all()
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
    counts = {("msrs", "test"): 361, ("roadscene", "cddfuse50"): 50, ("tno", "cddfuse25"): 25, ("tno", "tno42"): 42}
    for (name, split), count in counts.items():
        ids = split_ids(name, split)
        assert len(ids) == len(set(ids)) == count
        assert datasets.get(name).card.counts[split] == count
    assert set(split_ids("tno", "cddfuse25")) < set(split_ids("tno", "tno42"))


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


def test_listed_id_that_is_not_on_disk_fails_alone(tmp_path):
    for side in ("ir", "vi"):
        write(tmp_path / "TNO" / side / "03.png")
    pairs = datasets.get("tno").pairs("cddfuse25", tmp_path)
    assert len(pairs) == 25
    good = [pair.id for pair in pairs if pair.problem is None]
    assert good == ["03"]
    with pytest.raises(PairError, match="listed in the split but not in"):
        pairs[0].load()


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
    assert loaded.notes == ("a.png: 16-bit grey, scaled by 1/257", "a.png: palette image")


def test_names_with_spaces_and_other_letters(tmp_path):
    composed = "über die Straße ñ 夜"
    write(tmp_path / "ir" / f"{unicodedata.normalize('NFD', composed)}.png")
    write(tmp_path / "vis" / f"{composed}.jpg")
    (pair,) = Folder(tmp_path / "ir", tmp_path / "vis").pairs()
    assert pair.id == composed
    assert pair.load().ir.shape == (6, 8)
    images.save_luminance(tmp_path / "out" / f"{pair.id}.png", pair.load().ir)


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
