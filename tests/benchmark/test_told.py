"""What reading converts and what cannot be meant: told once, stored with the scores, below tables, on the page."""

import json

import cv2
import numpy as np
import pytest
from harness import FOLDER, IDS, cell, draw, newest, snapshot
from PIL import Image

from benchmark.datasets.pairs import Pair
from benchmark.imaging import oddities, reading
from benchmark.imaging.bt601 import attach_colour
from benchmark.imaging.reading import Picture
from benchmark.report.page import facts
from benchmark.run import jobs, plan, runner
from benchmark.store import files, told
from benchmark.store.summary import summarise

AS_8_BITS = "; perhaps 8-bit values in a deeper file: save as 8 bits for its own values"
COUNTS = "infrared images: 16-bit grey, scaled by 1/257;"


def grey(path):
    return reading.read_luminance(path).astype(int)


def counts(folder, ids=IDS, offset=7400, step=3):
    """The infrared images of some pairs as a thermal camera's 16-bit counts."""
    for id in ids:
        path = folder / "ir" / f"{id}.png"
        cv2.imwrite(str(path), (offset + step * grey(path)).astype(np.uint16))


@pytest.fixture
def fused(pairs, bench_folder):
    """A folder of fused images that nothing is wrong with."""
    for id in IDS:
        draw(pairs / "theirs" / f"{id}.png", 40 + IDS.index(id))
    return pairs / "theirs"


def evaluate(bench_folder):
    result = bench_folder("eval", "--fused", "theirs", "--name", "theirs", "--metrics", "EN")
    assert result.exit_code == 0, result.output
    return result


def record(folder, method):
    return json.loads((cell(folder, method) / "run.json").read_text())


def test_counts_of_16_bits_are_told_everywhere(pairs, bench, bench_folder):
    counts(pairs, IDS[:3])
    result = bench_folder("run", "--methods", "average", "--metrics", "EN", "--protocol", "standard,cddfuse")
    (line,) = record(pairs, "average")["told"]
    assert line.startswith(f"3 of 4 {COUNTS} ")
    assert line.endswith(" of 256 levels are used; --stretch minmax or percentile spreads them")
    assert result.stderr.count(line) == 1
    assert result.stdout.count(line) == 1  # below the first of two tables
    assert line in bench("report", "--format", "markdown", "--out", "-").stdout.replace("\\", "")
    (row, _) = summarise(plan_cell(pairs))
    assert ["told", line] in next(group["facts"] for group in facts.of_row(row, []) if group["title"] == "Data")
    stored = files.read_lines(cell(pairs, "average") / "scores.jsonl")
    assert [bool(one.get("told")) for one in stored] == [True] * 6 + [False] * 2
    # A run that computes nothing says it all the same, and changes nothing.
    before = snapshot(cell(pairs, "average"))
    again = bench_folder("run", "--methods", "average", "--metrics", "EN", "--protocol", "standard,cddfuse")
    assert again.stderr.count(line) == again.stdout.count(line) == 1
    assert snapshot(cell(pairs, "average")) == before


def plan_cell(pairs, method="average"):
    from benchmark.store.cells import cells

    return next(one for one in cells(pairs / "results") if one.method == method)


def test_nothing_is_told_where_nothing_is_odd(pairs, fused, bench_folder):
    result = evaluate(bench_folder)
    assert "told" not in record(pairs, "theirs")
    assert " images: " not in result.output and "pairs: " not in result.output
    assert "told" not in (cell(pairs, "theirs") / "scores.jsonl").read_text()


def test_facts_of_the_sources_are_said_once_for_all_methods(pairs, bench_folder):
    counts(pairs)
    result = bench_folder("run", "--methods", "average,max,laplacian", "--metrics", "EN")
    assert result.stderr.count(COUNTS) == 1
    assert result.stdout.count(COUNTS) == 1
    assert all(COUNTS in record(pairs, method)["told"][0] for method in ("average", "max", "laplacian"))


def test_workers_tell_what_this_process_does(pairs, bench):
    counts(pairs)
    for processes in (0, 2):
        arguments = ("--methods", "average", "--metrics", "EN", "--results", f"{processes}/results")
        assert COUNTS in bench("run", *FOLDER, "--jobs", processes, *arguments).stderr
    one, other = (cell(pairs / str(processes), "average") / "scores.jsonl" for processes in (0, 2))
    assert one.read_bytes() == other.read_bytes()


def test_the_lines_tell_what_a_killed_run_did_not_record(pairs, bench, bench_folder):
    counts(pairs)
    bench_folder("run", "--methods", "average", "--metrics", "EN")
    path = cell(pairs, "average") / "run.json"
    path.write_text(json.dumps({k: v for k, v in record(pairs, "average").items() if k != "told"}))
    assert f"4 of 4 {COUNTS}" in bench("report", "--format", "markdown", "--out", "-").stdout
    bench_folder("run", "--methods", "average", "--metrics", "EN")
    assert f"4 of 4 {COUNTS}" in record(pairs, "average")["told"][0]


def test_results_of_older_versions_load(pairs, bench, bench_folder):
    counts(pairs)
    bench_folder("run", "--methods", "average", "--metrics", "EN")
    path = cell(pairs, "average") / "scores.jsonl"
    lines = [{k: v for k, v in line.items() if k != "told"} for line in files.read_lines(path)]
    files.write_lines(path, map(files.signed, lines))
    text = bench("report", "--format", "markdown", "--out", "-").stdout
    assert "| Average |" in text and COUNTS not in text


@pytest.mark.parametrize("damage", ["text", [1], {"a": 1}, None])
def test_a_line_whose_facts_are_damaged_is_made_anew(pairs, bench_folder, damage):
    bench_folder("run", "--methods", "average", "--metrics", "EN")
    path = cell(pairs, "average") / "scores.jsonl"
    before, lines = path.read_bytes(), files.read_lines(path)
    files.write_lines(path, map(files.signed, [{**lines[0], "told": damage}, *lines[1:]]))
    assert bench_folder("run", "--methods", "average", "--metrics", "EN").exit_code == 0
    assert path.read_bytes() == before


def black(fused, ir, vis):
    return np.zeros_like(fused)


def white(fused, ir, vis):
    return np.full_like(fused, 255)


def hot_pixel(fused, ir, vis):
    return np.where(np.arange(fused.size).reshape(fused.shape) == 7, 255, 3)


def not_times_255(fused, ir, vis):
    return (fused / 255).round()


def four_levels(fused, ir, vis):
    return fused // 64 * 80


def nearly_black(fused, ir, vis):
    ramp = 14 * np.arange(fused.size).reshape(fused.shape)
    return np.where(ramp < 256, ramp, 0)


def of_ir(fused, ir, vis):
    return ir


def of_vis(fused, ir, vis):
    return vis


def inverted(fused, ir, vis):
    return 255 - ir


def inverted_and_stretched(fused, ir, vis):
    return (vis.max() - vis) * 255 // (vis.max() - vis.min())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (black, "one level everywhere, 0, black (forgotten x 255?)"),
        (white, "one level everywhere, 255, white"),
        (hot_pixel, "2 of 256 levels are used, 3 to 255"),
        (not_times_255, "2 of 256 levels are used, 0 to 1 (forgotten x 255?)"),
        (four_levels, "4 of 256 levels are used, 0 to 240"),
        (nearly_black, "99.4 % of the pixels are 0, black"),
        (of_ir, "identical to the infrared one"),
        (of_vis, "identical to the visible one"),
        (inverted, "the negative of the infrared one"),
        (inverted_and_stretched, "the negative of the visible one"),
    ],
)
def test_odd_results_are_scored_and_told(pairs, fused, bench_folder, make, words):
    for id in IDS[:3]:
        image = make(*(grey(pairs / folder / f"{id}.png") for folder in ("theirs", "ir", "vis")))
        cv2.imwrite(str(fused / f"{id}.png"), image.astype(np.uint8))
    result = evaluate(bench_folder)
    lines = record(pairs, "theirs")["told"]
    assert any(line.startswith("3 of 4 fused images: ") and words in line for line in lines), lines
    for line in lines:
        assert f"theirs: {line}" in result.stdout
        assert f" theirs: {line}" in result.stderr


@pytest.mark.parametrize("step", [1, 257])
def test_8_bit_values_in_a_16_bit_file(pairs, fused, bench_folder, step):
    for id in IDS:
        path = fused / f"{id}.png"
        cv2.imwrite(str(path), (step * grey(path)).astype(np.uint16))
    evaluate(bench_folder)
    (line,) = record(pairs, "theirs")["told"]
    assert line.startswith("4 of 4 fused images: 16-bit grey, scaled by 1/257; ")
    assert line.endswith(f"levels are used{AS_8_BITS}") == (step == 1)
    assert "--stretch" not in line  # that is for sources


@pytest.mark.parametrize("step", [1, 257])
def test_8_bit_values_in_a_16_bit_source(pairs, step):
    """Saved as 8 bits they are what they were; a stretch would make others of them."""
    counts(pairs, offset=0, step=step)
    colours = cv2.imread(str(pairs / "vis" / "a.png"))
    cv2.imwrite(str(pairs / "vis" / "a.png"), step * colours.astype(np.uint16))
    ending = AS_8_BITS if step == 1 else "; --stretch minmax or percentile spreads them"
    for line, kind in zip(told_of(pairs), ("infrared: 16-bit grey", "visible: 16-bit colour"), strict=True):
        assert line.startswith(f"{kind}, scaled by 1/257; ") and line.endswith(f"levels are used{ending}")


def test_deep_colours_are_told_with_the_way_out(pairs, bench_folder):
    before = {id: reading.read(pairs / "vis" / f"{id}.png").luminance for id in IDS}
    for id in IDS:
        path = pairs / "vis" / f"{id}.png"
        cv2.imwrite(str(path), 16 * cv2.imread(str(path)).astype(np.uint16))
    run = ("run", "--methods", "vis", "--metrics", "EN")
    line = next(line for line in bench_folder(*run).stderr.splitlines() if "16-bit colour" in line)
    assert "4 of 4 visible images: 16-bit colour, scaled by 1/257; " in line
    assert line.endswith(" of 256 levels are used; --stretch minmax or percentile spreads them")
    result = bench_folder(*run, "--stretch", "minmax", "--stretch-over", "set")
    assert "16-bit colour, stretched from 0 to 4080 onto 0..255; " in result.stderr
    assert "changes nothing" not in result.stderr
    made = newest(pairs, "vis")
    assert all((reading.read_luminance(made / "fused" / f"{id}.png") == before[id]).all() for id in IDS)


def test_colours_of_a_map_in_fused_images(pairs, fused, bench_folder):
    for id, colours in zip(IDS, (cv2.COLORMAP_JET, cv2.COLORMAP_INFERNO, cv2.COLORMAP_VIRIDIS, None)):
        path, vis = fused / f"{id}.png", reading.read(pairs / "vis" / f"{id}.png").rgb
        grey8 = grey(path).astype(np.uint8)
        image = attach_colour(grey8, vis) if colours is None else cv2.applyColorMap(grey8, colours)[..., ::-1]
        save(path, image)
    result = evaluate(bench_folder)
    (line,) = record(pairs, "theirs")["told"]
    assert line == f"3 of 4 fused images: {oddities.OWN_COLOURS}"
    assert line in result.stderr and line in result.stdout


def test_colours_of_the_source_are_its_own(pairs, bench_folder):
    """Gaudy ones too: those of PET, or of a false-coloured image, come from there."""
    for id in IDS:
        save(pairs / "vis" / f"{id}.png", false_colours(pairs / "vis" / f"{id}.png"))
        vis = reading.read(pairs / "vis" / f"{id}.png").rgb
        mixed = (grey(pairs / "ir" / f"{id}.png") + grey(pairs / "vis" / f"{id}.png")) // 2
        (pairs / "theirs").mkdir(exist_ok=True)
        save(pairs / "theirs" / f"{id}.png", attach_colour(mixed.astype(np.uint8), vis))
    evaluate(bench_folder)
    assert not [line for line in record(pairs, "theirs").get("told", []) if "fused" in line]


def test_published_fused_images_have_natural_colours(shared):
    files_ = sorted((shared / "oracles/msrs_seafusion").glob("*.png"))
    if not files_:
        pytest.skip(f"needs {shared / 'oracles/msrs_seafusion'}")
    assert all(oddities.of_file(reading.read(path)) == [] for path in files_)


def test_fused_images_of_floating_point_are_told_how_to_save(pairs, fused, bench_folder):
    """No option stretches fused images; of a source, the option is named."""
    (fused / "b.png").unlink()
    Image.fromarray(grey(pairs / "ir" / "b.png").astype(np.float32) / 255).save(fused / "b.tif")
    result = bench_folder("eval", "--fused", "theirs", "--name", "theirs", "--metrics", "EN")
    assert result.exit_code == 1 and "Traceback" not in result.output
    (line,) = [line for line in result.stderr.splitlines() if "floating-point" in line]
    assert line.endswith("have no defined grey scale; save them as 8 bits (0..255)") and "--stretch" not in line
    (pairs / "ir" / "c.png").unlink()
    Image.fromarray(grey(pairs / "vis" / "c.png").astype(np.float32)).save(pairs / "ir" / "c.tif")
    result = bench_folder("eval", "--fused", "theirs", "--name", "theirs", "--metrics", "EN")
    assert "c: " in result.stderr and "; --stretch minmax or percentile gives them one" in result.stderr


def test_one_image_for_many_pairs(pairs, fused, bench_folder):
    (fused / "c.png").write_bytes((fused / "a.png").read_bytes())
    evaluate(bench_folder)
    assert record(pairs, "theirs")["told"] == [
        "2 of 4 fused images: identical to that of another pair, of other sources"
    ]
    # Not where the sources are the same, too.
    for side in ("ir", "vis"):
        (pairs / side / "c.png").write_bytes((pairs / side / "a.png").read_bytes())
    evaluate(bench_folder)
    assert "told" not in json.loads((newest(pairs, "theirs") / "run.json").read_text())


def test_a_method_that_shows_a_source_is_not_odd(pairs, bench, bench_folder):
    bench_folder("run", "--methods", "ir,vis", "--metrics", "EN")
    assert all("told" not in record(pairs, method) for method in ("ir", "vis"))
    assert "identical" not in bench("report", "--format", "markdown", "--out", "-").stdout


def save(path, pixels, mode=None, **options):
    image = Image.fromarray(pixels.astype(np.uint8))
    (image.convert(mode) if mode else image).save(path, **options)


def natural(seed):
    """Pale and many colours."""
    random = np.random.default_rng(seed)
    shade = random.integers(60, 200, (48, 64, 1))
    return shade + random.integers(-28, 28, (48, 64, 3))


def false_colours(path):
    return cv2.applyColorMap(grey(path).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]


def told_of(folder, id="a", **fields):
    return Pair(id, folder / "ir" / f"{id}.png", folder / "vis" / f"{id}.png", **fields).load().told


def test_false_colours(pairs):
    save(pairs / "ir" / "a.png", false_colours(pairs / "ir" / "a.png"))
    assert told_of(pairs) == ("infrared: coloured; its luminance is no temperature",)
    # PET and SPECT have colours by design; an MRI has none.
    medical = {"names": ("PET", "MRI"), "colour_from": "ir"}
    assert told_of(pairs, **medical) == ("MRI: coloured; its luminance alone is used",)
    save(pairs / "vis" / "a.png", grey(pairs / "vis" / "a.png"))
    assert told_of(pairs, **medical) == ()
    assert told_of(pairs) == ("infrared: coloured; its luminance is no temperature",)


def test_what_jpeg_leaves_of_colours_is_none(pairs):
    rgb = np.repeat(grey(pairs / "ir" / "a.png")[..., None], 3, axis=2)
    rgb[..., 2] = np.clip(rgb[..., 2] + 3, 0, 255)
    save(pairs / "ir" / "a.png", rgb)
    assert told_of(pairs) == ()


def test_swapped_colours(pairs):
    save(pairs / "ir" / "a.png", natural(1))
    save(pairs / "vis" / "a.png", grey(pairs / "vis" / "a.png"))
    assert told_of(pairs) == ("pair: infrared in natural colours and visible grey; are the two swapped?",)
    # A false-coloured infrared image beside a grey one is no sign of it, nor are colours on both sides.
    save(pairs / "vis" / "a.png", natural(2))
    assert told_of(pairs) == ("infrared: coloured; its luminance is no temperature",)


def test_swapped_folders(pairs, bench):
    result = bench("run", "--dataset", "folder", "--ir", "vis", "--vis", "ir", "--methods", "max", "--metrics", "EN")
    (line, *_) = record(pairs, "max")["told"]
    assert line in result.stderr and line.endswith("are the two swapped?")
    assert "4 of 4 pairs: the infrared images lie in vis and the visible ones in ir" in line


def test_sources_that_cannot_be_meant(pairs):
    save(pairs / "ir" / "a.png", np.zeros((48, 64)))
    save(pairs / "vis" / "a.png", np.full((48, 64), 255))
    assert told_of(pairs) == (
        "infrared: one level everywhere, 0, black (forgotten x 255?)",
        "visible: one level everywhere, 255, white",
    )
    (pairs / "vis" / "b.png").write_bytes((pairs / "ir" / "b.png").read_bytes())
    assert told_of(pairs, "b") == ("pair: both images are the same",)


@pytest.mark.parametrize(("levels", "few"), [(2, True), (16, True), (17, False)])
def test_few_levels_are_sixteen(levels, few):
    image = (np.arange(48 * 64) % levels + 40).astype(np.uint8).reshape(48, 64)
    expected = [f"{levels} of 256 levels are used, 40 to {39 + levels}"] * few
    assert oddities.of_levels(Picture(image, None)) == expected


def test_nearly_all_of_one_level_is_from_99_percent_on():
    image = np.arange(10_000, dtype=np.int64).reshape(100, 100)
    for share, told_of_it in ((9900, ["99.0 % of the pixels are 255, white"]), (9899, [])):
        picture = Picture(np.where(image < share, 255, image % 200).astype(np.uint8), None)
        assert oddities.of_levels(picture) == told_of_it


def test_few_levels_of_both_sources_explain_those_of_the_fused_image():
    names, rng = ("infrared", "visible"), np.random.default_rng(0)
    for levels, said in ((16, False), (17, True)):
        ir, vis = rng.integers(0, levels, (2, 48, 64), dtype=np.uint8)
        fused = Picture(rng.integers(0, 5, (48, 64), dtype=np.uint8), None)
        assert any("levels are used" in fact for fact in oddities.of_fused(fused, ir, vis, names)) == said


def test_chroma_is_that_of_bt601():
    rgb = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    _, cr, cb = np.moveaxis(cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb).astype(int) - 128, -1, 0)
    for ours, theirs in zip(oddities._chroma_of(rgb), (cb, cr)):
        assert np.abs(ours - theirs.ravel()).max() < 1.01


@pytest.mark.parametrize(("colours", "natural"), [(400, False), (401, True)])
def test_photographs_have_many_colours(colours, natural):
    levels = np.arange(100, 160, 8)  # eight that differ at 32 levels per channel
    every = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(-1, 3)[:colours]
    assert oddities.is_natural(np.resize(every, (32, 32, 3)).astype(np.uint8)) == natural


def test_a_level_of_rounding_is_all_that_a_dark_source_may_have():
    rng = np.random.default_rng(0)
    other = rng.integers(0, 256, (48, 64), dtype=np.uint8)
    for top, copied in ((60, True), (12, False)):  # standard deviations of 17 and 3.5
        source = rng.integers(0, top, (48, 64), dtype=np.uint8)
        fused = source + rng.integers(0, 2, source.shape, dtype=np.uint8)
        found = oddities.of_fused(Picture(fused, None), source, other, ("infrared", "visible"))
        assert ("identical to the infrared one" in found) == copied


def test_conversions_of_every_image_are_told(pairs, fused, bench_folder):
    rgba = np.dstack([natural(3), np.full((48, 64), 128)])
    save(pairs / "vis" / "a.png", rgba)
    turned = Image.fromarray(grey(pairs / "ir" / "b.png").astype(np.uint8)).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.save(pairs / "ir" / "b.png", exif=exif)
    save(fused / "c.png", natural(4), "P")
    evaluate(bench_folder)
    lines = "\n".join(record(pairs, "theirs")["told"])
    for side, word in (("visible", "alpha"), ("infrared", "EXIF"), ("fused", "palette")):
        assert any(line.startswith(f"1 of 4 {side} images: ") and word in line for line in lines.split("\n")), lines


def test_what_lies_in_the_sources_is_not_said_of_the_fused_image():
    few, ir, vis = np.random.default_rng(0).integers(0, 4, (3, 48, 64), dtype=np.uint8)
    names = ("infrared", "visible")
    assert oddities.of_fused(Picture(few, None), ir, vis, names) == []
    many = (np.arange(48 * 64).reshape(48, 64) % 256).astype(np.uint8)
    assert oddities.of_fused(Picture(few, None), ir, many, names) == ["4 of 256 levels are used, 0 to 3"]
    # Sources that are the negative of each other, as of warm things at night, make no negative of the fused image.
    other = np.random.default_rng(1).integers(0, 256, (48, 64), dtype=np.uint8)
    negative = Picture(250 - many // 2, None)
    assert oddities.of_fused(negative, many, other, names) == ["the negative of the infrared one"]
    assert oddities.of_fused(negative, many, 255 - many, names) == []


def test_fusing_alone_tells_of_the_sources_too(pairs):
    """As `bench detect` does, which scores nothing."""
    counts(pairs)
    split = plan.select_split("folder", ir=pairs / "ir", vis=pairs / "vis")
    (method,) = plan.select_methods(["average"])
    for _ in range(2):
        job = jobs.fuser_job(pairs / "results", split, method, {}, device="cpu")
        (outcome,) = runner.run_jobs([job], 0)
        assert outcome.told == record(pairs, "average")["told"]
        assert f"4 of 4 {COUNTS}" in outcome.told[0]
    assert outcome.fused == 0


def test_what_is_taken_over_brings_what_was_told(pairs):
    counts(pairs)
    (method,) = plan.select_methods(["average"])
    ways = {"ir": pairs / "ir", "vis": pairs / "vis"}
    for limit, fused in ((2, 2), (None, 2), (None, 0)):
        split = plan.select_split("folder", limit=limit, **ways)
        job = jobs.fuser_job(pairs / "results", split, method, {}, device="cpu")
        (outcome,) = runner.run_jobs([job], 0)
        total = len(split.pairs)
        assert outcome.fused == fused and outcome.told[0].startswith(f"{total} of {total} {COUNTS}")
    adopted = [line for line in files.read_lines(job.cell.timings_file) if "from" in line]
    assert len(adopted) == 2 and all(COUNTS.split(":")[1] in line["told"][0] for line in adopted)


def test_texts_that_differ_in_numbers_are_one():
    texts = ["16-bit grey, 4 of 256 levels", "16-bit grey, 12 of 256 levels", "12-bit grey, 4 of 256 levels", "alpha"]
    assert told.alike(texts) == [
        ("16-bit grey, 4…12 of 256 levels", 2),
        ("12-bit grey, 4 of 256 levels", 1),
        ("alpha", 1),
    ]
    assert told.alike(["x -1.5 to 2.25", "x -3 to 2.25"]) == [("x -3…-1.5 to 2.25", 2)]
    assert len(told.alike([f"stretched from {low}..{2 * low}.52 to 0..255" for low in range(2100, 2160)])) == 1
    assert told.alike(["at 1e+09", "at 2e+09"]) == [("at 1e+09…2e+09", 2)]
    assert told.alike(["scaled by 1/257", "scaled by 1/16"]) == [("scaled by 1/257", 1), ("scaled by 1/16", 1)]
    found = {"a": ("infrared: 3 levels", "fused: black"), "b": ("infrared: 5 levels",), "c": ("pair: same",)}
    assert told.in_all(told.of_sources(found), 9) == ["2 of 9 infrared images: 3…5 levels", "1 of 9 pairs: same"]
    assert told.in_all(told.of_fused(found), 9) == ["1 of 9 fused images: black"]
    several = {id: (f"fused: {what}",) for id, what in (("b", "black"), ("a", "white"), ("c", "grey"))}
    lines = told.in_all(told.of_fused(several), 3)
    assert [line.rpartition(" ")[2] for line in lines] == ["black", "white", "grey"], "in the order of the images"
    assert [told.what_of_fused(fact) for fact in ("fused: 8-bit: grey", "infrared: fused")] == ["8-bit: grey", None]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "01-counts14-png",
            f"1 of 1 {COUNTS} 4 of 256 levels are used; --stretch",
        ),
        (
            "02-dicom12-png",
            f"1 of 1 {COUNTS} 17 of 256 levels are used; --stretch",
        ),
        ("06-pseudocolour-ir", "1 of 1 infrared images: coloured; its luminance is no temperature"),
        ("15-identical-pair", "1 of 2 pairs: both images are the same"),
    ],
)
def test_files_as_people_have_them(shared, tmp_path, bench, name, words):
    folder = shared / "inputs" / name
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    arguments = ("--methods", "average", "--metrics", "EN", "--jobs", 0, "--results", tmp_path)
    result = bench("run", "--dataset", "folder", "--ir", folder / "ir", "--vis", folder / "vis", *arguments)
    assert words in result.stderr and words in result.stdout


def test_published_sets_show_nothing_odd(shared):
    from benchmark import datasets

    for name in ("msrs", "tno", "roadscene", "vifb", "harvard_ct_mri", "harvard_pet_mri", "harvard_spect_mri"):
        for pair in datasets.get(name).pairs(None, shared / "data")[::12]:
            if pair.problem is None:
                assert pair.load().told == (), pair
