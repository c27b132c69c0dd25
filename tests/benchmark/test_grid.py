"""Grids show the images that they name, enlarge what is worth it, and look as papers print them."""

import re
import shutil

import numpy as np
import printed
import pytest
from harness import FOLDER, IDS
from PIL import Image

from benchmark.datasets import synth
from benchmark.datasets.pairs import Box, Pair
from benchmark.errors import UserError
from benchmark.figures import image_grid, lettering, stored_pairs, style
from benchmark.figures.enlarged import Crop, Scene
from benchmark.figures.image_grid import GridRow
from benchmark.imaging import bt601
from benchmark.run import plan
from benchmark.store.cells import Cell

PERSON = Box("People", 60, 150, 74, 190)
HOUSE = (210, 70, 290, 130)


def landscape(person=PERSON):
    """Infrared and visible of noisy sky and grass, with a person that is hot and a house with a grid of windows; and
    what two methods make of them, which differ on the house."""
    random = np.random.default_rng(0)
    grass = np.arange(240)[:, None] > 110
    ir = 60 + 5 * grass + random.normal(0, 2, (240, 320))
    vis = np.where(grass, 90 + random.normal(0, 25, ir.shape), 220 + random.normal(0, 3, ir.shape))
    x0, y0, x1, y1 = HOUSE
    house = 30 + 170 * ((np.arange(x0, x1) // 16 + np.arange(y0, y1)[:, None] // 20) % 2)
    vis[y0:y1, x0:x1] = house
    if person:
        ir[person.y0 : person.y1, person.x0 : person.x1] = 220
    ir, vis = (np.clip(picture, 0, 255).astype(np.uint8) for picture in (ir, vis))
    mean = (ir.astype(int) + vis) // 2
    other = mean.copy()
    other[y0:y1, x0:x1] = ir[y0:y1, x0:x1]
    return ir, vis, [mean.astype(np.uint8), other.astype(np.uint8)]


def holds(crop, box):
    return crop.x <= box.x0 and crop.y <= box.y0 and crop.x + crop.width >= box.x1 and crop.y + crop.height >= box.y1


@pytest.mark.parametrize("place", [(60, 150), (20, 120), (150, 60), (285, 185)])
def test_a_hot_person_and_what_methods_differ_on_are_enlarged(place):
    person = Box("People", *place, place[0] + 14, place[1] + 40)
    ir, vis, fused = landscape(person)
    first, second = Scene(ir, vis, fused).find(2)
    assert holds(first, person)
    assert first.width < 0.4 * 320 and first.x > 0 and first.x + first.width < 320
    assert Crop(210, 70, 80, 60).overlap(second) > 0.6 * second.width * second.height, "the house, not sky nor grass"
    assert not first.overlap(second)


def test_labels_win_over_hot_spots():
    ir, vis, fused = landscape()
    dog = Box("Dog", 100, 180, 116, 190)
    assert holds(Scene(ir, vis, fused, [dog]).find(1)[0], dog)
    whole = Box("Road", 0, 0, 320, 240)
    assert holds(Scene(ir, vis, fused, [whole]).find(1)[0], PERSON), "nothing that fills the image"


@pytest.mark.parametrize("seed", range(1, 7))
def test_someone_in_a_drawn_night_is_enlarged_whole(seed):
    scene = synth.scene(seed, condition="night")
    vis = bt601.luminance(scene.vis_rgb)
    fused = [np.maximum(scene.ir, vis), scene.ir // 2 + vis // 2]
    people = [box for box in scene.boxes if box.label == "People"]
    for boxes in ((), people):
        crop = Scene(scene.ir, vis, fused, boxes).find(1)[0]
        assert any(holds(crop, person) for person in people)


def test_someone_real_is_enlarged(shared):
    ir, vis = (np.asarray(Image.open(shared / f"data/TNO/{kind}/36.png").convert("L")) for kind in ("ir", "vi"))
    crop = Scene(ir, vis, [ir // 2 + vis // 2, np.maximum(ir, vis)]).find(1)[0]
    assert holds(crop, Box("People", 190, 125, 208, 158))


def test_crops_without_anything_to_see():
    ir, vis, fused = landscape(person=None)
    for methods in ([], fused[:1], [fused[0], fused[0]]):
        (crop,) = Scene(ir, vis, methods).find(1)
        assert Crop(210, 70, 80, 60).overlap(crop) > 0.5 * crop.width * crop.height, "structure that all agree on"
    flat = np.full((60, 80), 7, np.uint8)
    assert Scene(flat, flat, [flat, flat]).find(1) == [Crop(32, 24, 16, 12)], "the middle"
    for shape in ((17, 23), (4, 4), (1, 60)):
        small = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
        for crop in Scene(small, small[::-1], [small]).find(2):
            crop.check(shape, "small")
            assert crop.width and crop.height


def test_insets_hide_neither_crops_nor_the_person():
    ir, vis, fused = landscape()
    scene = Scene(ir, vis, fused)
    crops = scene.find(2)
    insets = image_grid._insets(GridRow("a", {"ir": ir}, crops=crops, scene=scene))
    for inset in insets:
        assert not any(inset.overlap(crop) for crop in crops)
        assert {inset.x, inset.x + inset.width} & {0, 320} and {inset.y, inset.y + inset.height} & {0, 240}
    assert not insets[0].overlap(insets[1])


LONG = [
    "Infrared", "Visible", "MambaDFuse, medical", "A dual-branch network for fusion", "IFCNN (max)", "w" * 60,
    "方法 of fusion", "TarDAL++ + minmax",
]  # fmt: skip


def grid(methods, names="short", rows=2, **options):
    """A drawn grid of `methods` columns, whose last picture is missing in the first row."""
    ir, vis, _ = landscape()
    columns = ["ir", "vis", *(f"m{i}" for i in range(methods))]
    titles = {c: f"M{i}" if names == "short" else LONG[i % len(LONG)] for i, c in enumerate(columns)}
    shapes = [(slice(None), slice(None)), (slice(None), slice(0, 160)), (slice(0, 60), slice(None))]
    drawn = []
    for index in range(rows):
        shape = shapes[index % 3]
        pictures = {c: (ir if c == "ir" else vis)[shape] for c in columns[: None if index or methods < 2 else -1]}
        missing = {columns[-1]: "no fused image"} if len(pictures) < len(columns) else {}
        scene = Scene(pictures["ir"], pictures["vis"], [])
        drawn.append(GridRow(f"FLIR_0{index}", pictures, missing, scene.find(2), scene))
    return drawn, titles


@pytest.mark.parametrize(
    ("methods", "names", "width", "zoom"),
    [
        (1, "long", style.PAGE, "inside"),
        (1, "long", style.COLUMN, "below"),
        (8, "short", style.COLUMN, "inside"),
        (8, "long", style.PAGE, "below"),
        (18, "short", style.PAGE, "inside"),
        (18, "long", style.COLUMN, "below"),
        (25, "short", style.COLUMN, "below"),
        (25, "long", style.PAGE, "inside"),
    ],
)
def test_no_title_is_cut_or_meets_another(methods, names, width, zoom):
    rows, titles = grid(methods, names, 3 if methods < 18 else 2)
    with style.pyplot() as plt:
        figure = image_grid.qualitative(plt, rows, titles, width, zoom)
        lettering.prepare(figure)
        found = printed.check(figure, width)
        pictures = [image.get_window_extent() for image in figure.axes[0].images]
    fields = ("no", "fused", "image", "*")
    for text, box in found.items():
        on = any(
            min(box.x1, p.x1) - max(box.x0, p.x0) > 1 and min(box.y1, p.y1) - max(box.y0, p.y0) > 1.5 for p in pictures
        )
        assert not on or text.get_text().split()[0] in fields, text
    shown = "".join(text.get_text() for text in found).replace(" ", "")
    for title in titles.values():
        assert lettering.legible(lettering.short(title))[0].replace(" ", "") in shown
    assert "FLIR_00" in shown and ("fused" in shown) is (methods > 1)


def test_twenty_columns_in_a_line_of_a_column_are_numbered():
    rows, titles = grid(18, "long", 1)
    with style.pyplot() as plt:
        figure = image_grid.qualitative(plt, rows, titles, style.COLUMN, columns=20)
        lettering.prepare(figure)
        shown = {text.get_text() for text in printed.check(figure, style.COLUMN)}
        assert {"1", "20", "1  Infrared", "*  no fused image"} <= shown
        with pytest.raises(UserError, match=r"--columns 27: 27 pictures side by side in 3\.5 inches"):
            image_grid.qualitative(plt, *grid(25), style.COLUMN, columns=27)


def test_a_grid_shows_each_picture_and_crop_once_in_its_place():
    rows, titles = grid(3, rows=1)
    with style.pyplot() as plt:
        axis = image_grid.qualitative(plt, rows, titles, zoom="below").axes[0]
        arrays = [image.get_array() for image in axis.images]
        hatched = [patch for patch in axis.patches if patch.get_hatch()]
    assert len(arrays) == 4 * 3 and len(hatched) == 1
    whole = [array for array in arrays if array.shape == (240, 320)]
    assert [np.array_equal(array, picture) for array, picture in zip(whole, rows[0].pictures.values())] == [True] * 4
    for crop in rows[0].crops:
        assert sum(np.array_equal(array, crop.of(rows[0].pictures["ir"])) for array in arrays) == 1


@pytest.mark.parametrize("text", ["", "1,2,3", "a,b,c,d", "-1,0,9,9", "0,0,3,9", "1.5,2,9,9", "a="])
def test_malformed_crop(text):
    with pytest.raises(UserError, match="--crop"):
        stored_pairs.Chosen.parse([text], ["a"])


def test_crops_of_rows():
    parse = stored_pairs.Chosen.parse
    chosen = parse(["1,2,8,8", "a=b,1=5,6,9,9", "a=b,1=none"][:2], ["a=b,1", "c"])
    assert chosen.of("a=b,1") == (Crop(5, 6, 9, 9),) and chosen.of("c") == (Crop(1, 2, 8, 8),)
    assert parse(["e\u0301=1,2,8,8"], ["\u00e9", "c"]).of("\u00e9") == (Crop(1, 2, 8, 8),)
    assert parse(["c=none"], ["c", "d"]).of("c") == () and parse(["c=none"], ["c", "d"]).of("d") is None
    assert len(parse(["c=1,2,8,8", "c=9,9,8,8"], ["c"]).of("c")) == 2
    for texts, said in (
        (["d=1,2,8,8"], "unknown row in --crop 'd'; known: c"),
        (["auto", "1,2,8,8"], "cannot both be for one row"),
        (["1,2,8,8"] * 3, "at most two"),
    ):
        with pytest.raises(UserError, match=re.escape(said)):
            parse(texts, ["c"])


def test_fonts_by_name():
    assert lettering.installed("dejavu SANS") == "DejaVu Sans" and lettering.installed("serif") == "serif"
    with pytest.raises(UserError, match=r"no font 'DejaVu Sens' is installed; did you mean DejaVu Sans\?"):
        lettering.installed("DejaVu Sens")
    with style.pyplot("DejaVu Serif") as plt:
        text = plt.figure().text(0, 0, "a")
        assert text.get_fontname() == "DejaVu Serif"


def test_difference_maps_are_signed_and_share_a_scale():
    zero = np.full((20, 30), 100, np.uint8)
    row = GridRow("a", {"vis": zero, "darker": zero - 40, "brighter": zero + 20}, {"lost": "no fused image"})
    titles = {"vis": "Visible", "darker": "Darker", "brighter": "Brighter", "lost": "Lost"}
    with style.pyplot() as plt:
        figure = image_grid.differences(plt, [row], titles, "vis", style.COLUMN)
        lettering.prepare(figure)
        shown = [text.get_text() for text in printed.check(figure, style.COLUMN)]
        darker, brighter = figure.axes[0].images
        assert darker.get_array().min() == darker.get_array().max() == -40
        assert brighter.get_array().max() == 20
        assert darker.get_clim() == brighter.get_clim() == (-40, 40)
        assert {"+40", "-40", "Lost", "no fused image", "difference to Visible in grey levels"} <= set(shown)


def test_bench_grid(bench, bench_folder, pairs):
    assert bench("grid", *FOLDER).exit_code == 2
    assert bench_folder("run", "--methods", "average,max,ir").exit_code == 0
    result = bench("grid", *FOLDER, "--rows", 1, "--colour", "--out", "figures/grid")
    assert (result.exit_code, result.stdout.split()) == (0, ["figures/grid.pdf", "figures/grid.png"])
    first = (pairs / "figures/grid.png").read_bytes()
    assert bench("grid", *FOLDER, "--rows", 1, "--colour", "--out", "again").exit_code == 0
    assert (pairs / "again.png").read_bytes() == first
    pdf = ("--figure-format", "pdf")
    assert bench("grid", *FOLDER, "--difference", "vis", "--ids", "b,a", *pdf).exit_code == 0
    next(pairs.glob("results/*/max/fused/b.png")).unlink()
    result = bench("grid", *FOLDER, "--crop", "4,4,16,16", "--ids", "b", *pdf)
    assert result.exit_code == 0 and "max: b: no fused image" in result.stderr
    result = bench("grid", *FOLDER, "--difference", "max", "--ids", "a,b", *pdf)
    assert result.exit_code == 0 and "max: b: no fused image" in result.stderr
    result = bench("grid", *FOLDER, "--difference", "max", "--ids", "b")
    assert result.exit_code == 2 and "none of these pairs has a picture of max" in result.stderr


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--ids", "z"), f"known: {', '.join(IDS)}"),
        (("--methods", "averag"), "did you mean average?"),
        (("--crop", "60,0,16,16"), "--crop 60,0,16,16: the crop leaves the image 'a', which is 64x48"),
        (("--crop", "b=1,2,8,8", "--ids", "a"), "unknown row in --crop 'b'; known: a"),
        (("--crops", "2", "--difference", "vis"), "leave --crop and --crops out"),
        (("--rows", "2", "--ids", "a"), "--ids names the rows already"),
        (("--columns", "1", "--width", "column", "--font", "DejaVu Sens"), "did you mean DejaVu Sans?"),
        (("--figure-format", "pdf,gif"), "unknown format gif; known: pdf, png, svg"),
        (("--difference", "visible"), "did you mean vis?"),
        (("--difference", "vis", "--colour"), "leave --colour out"),
    ],
)
@pytest.mark.usefixtures("pairs")
def test_bench_grid_mistakes(bench, bench_folder, options, reason):
    assert bench_folder("run", "--methods", "average", "--metrics", "EN").exit_code == 0
    result = bench("grid", *FOLDER, *options)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1 and reason in result.stderr


@pytest.mark.usefixtures("pairs")
def test_bench_grid_names_the_splits_that_are_stored(bench, bench_folder):
    assert bench_folder("run", "--methods", "average", "--metrics", "EN", "--limit", "2").exit_code == 0
    result = bench("grid", *FOLDER)
    assert result.exit_code == 2 and "; stored: folder@" in result.stderr
    assert "-first2 (--limit 2); fuse its pairs with bench run" in result.stderr
    assert bench("grid", *FOLDER, "--limit", "2").exit_code == 0


def test_grid_rows_are_pairs_that_can_be_read(bench, bench_folder, pairs):
    (pairs / "ir" / "a.png").write_bytes(b"no picture")
    (pairs / "vis" / "d.png").unlink()
    assert bench_folder("run", "--methods", "average", "--metrics", "EN").exit_code == 1
    result = bench("grid", *FOLDER, "--out", "g")
    assert (result.exit_code, result.stderr) == (0, ""), "two of the four pairs are left"
    named = bench("grid", *FOLDER, "--ids", "a,b")
    assert named.exit_code != 0 and named.stderr.count("\n") == 1 and "a.png" in named.stderr


def test_a_grid_goes_on_without_a_pair_that_broke(pairs):
    split = plan.read_split(
        "folder", "x", [Pair(id, pairs / "ir" / f"{id}.png", pairs / "vis" / f"{id}.png") for id in IDS]
    )
    cell = Cell(pairs / "results", "folder", split.name, "average")
    cell.folder.joinpath("fused").mkdir(parents=True)
    for id in IDS:
        shutil.copy(pairs / "ir" / f"{id}.png", cell.folder / "fused" / f"{id}.png")
    (pairs / "vis" / "b.png").write_bytes(b"no picture")
    titles = {cell: "Average"}
    rows, missing = stored_pairs.grid_rows(titles, split.pairs, skip=True)
    assert [row.id for row in rows] == [id for id in IDS if id != "b"]
    assert len(missing) == 1 and missing[0].startswith("b: ")
    with pytest.raises(UserError, match=r"b\.png"):
        stored_pairs.grid_rows(titles, split.pairs)
    with pytest.raises(UserError, match="no fused image of these pairs; b: "):
        stored_pairs.grid_rows(titles, [split.pairs[1]], skip=True)


def test_ids_of_a_grid(tmp_path):
    ids = ["a", "b", "a,b", "1,5 µm", "\u00e9", " c"]
    split = plan.Split("folder", "x", [Pair(id, None, None) for id in ids])

    def chosen(*texts):
        return [pair.id for pair in stored_pairs.select_pairs(split, (), texts)]

    assert chosen("b, a") == ["b", "a"]
    assert chosen("a,b") == ["a,b"], "an id as a whole comes first"
    assert chosen("a", "b", "1,5 µm", "a") == ["a", "b", "1,5 µm"]
    assert chosen("e\u0301,a") == ["\u00e9", "a"], "however accents were typed"
    assert chosen("a, c", " c") == ["a", " c"]
    for texts, said in ((("a", "1,5"), "unknown pair of folder@x '1'"), ((" ,",), "at least one id")):
        with pytest.raises(UserError, match=said):
            chosen(*texts)
