"""Figures show the numbers they are drawn from, look the same each time, and say what they lack."""

import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pages
import pytest
from harness import FOLDER, IDS

from benchmark import statistics
from benchmark.datasets.pairs import Pair
from benchmark.detection import outcome, setups
from benchmark.errors import UserError
from benchmark.figures import (
    cost_scatter,
    critical,
    detection_curves,
    drawing,
    image_grid,
    score_plots,
    stored_pairs,
    style,
    training_curves,
)
from benchmark.report.measured import Measured, measure
from benchmark.run import plan
from benchmark.statistics import Scores
from benchmark.store import provenance
from benchmark.store.cells import Cell
from benchmark.store.summary import Row


def measured_of(values, metrics, names):
    """`Measured` of (methods, metrics, images)."""
    values = np.asarray(values, float)
    ids = tuple(f"{i:03d}" for i in range(values.shape[2]))
    rows = tuple(Row(Cell("results", "set", "test", name), "standard", "done", len(ids), title=name) for name in names)
    return Measured("set", "test", "standard", rows, Scores(tuple(names), metrics, ids, values), (), (), len(ids))


@pytest.fixture
def measured():
    random = np.random.default_rng(0)
    image = random.normal(5, 1, (1, 1, 12))
    method = np.array([0.0, 0.3, 0.9, 1.2])[:, None, None] * np.array([1, -1, 1])[:, None]
    return measured_of(
        image + method + random.normal(0, 0.05, (4, 3, 12)),
        {"EN": 1, "MSE": -1, "SD": 1},
        ("average", "max", "mine", "theirs"),
    )


def test_looks_differ_in_colour_or_line_and_naive_ones_are_grey():
    methods = [*"abcdefghijklmnopqrstuvwxy", "max"]
    looks = style.looks(methods, ["max"])
    assert len(set(looks.values())) == len(methods)
    red, green, blue = (looks["max"].colour[i : i + 2] for i in (1, 3, 5))
    assert red == green == blue


def test_boxes_are_of_the_values_and_in_the_order_of_the_ranks(measured):
    with style.pyplot() as plt:
        figure = score_plots.distributions(plt, measured)
        axis = figure.axes[0]
        assert axis.get_title() == "EN ↑"
        titles = [label.get_text() for label in axis.get_yticklabels()]
        assert titles == ["theirs", "mine", "max", "average"]
        boxes, whiskers, _, medians, _ = axis.collections
        for place, (title, box, line) in enumerate(zip(titles, boxes.get_paths(), medians.get_segments())):
            values = measured.scores.values[measured.scores.methods.index(title), 0]
            assert np.allclose(sorted(set(box.vertices[:, 0])), np.quantile(values, [0.25, 0.75]))
            assert np.allclose(line.mean(axis=0), [np.median(values), len(titles) - place])
        ends = {segment[0, 0] for segment in whiskers.get_segments()}
        assert ends <= set(measured.scores.values[:, 0].ravel()) and len(ends) == 2 * len(titles)


def test_curves_are_sorted_values(measured):
    with style.pyplot() as plt:
        axis = score_plots.sorted_curves(plt, measured).axes[2]
        for line, values in zip(axis.lines, measured.scores.values[:, 2]):
            assert np.allclose(line.get_ydata(), np.sort(values))
            assert line.get_xdata()[0] == 0 and line.get_xdata()[-1] == 1


def test_radar_shows_mean_ranks(measured):
    with style.pyplot() as plt:
        axis = score_plots.radar(plt, measured).axes[0]
        drawn = {line.get_label(): line.get_ydata()[:3] for line in axis.lines}
    ranks = score_plots.mean_ranks(measured)
    for index, name in enumerate(measured.scores.methods):
        assert np.allclose(drawn[name], [ranks[metric][index] for metric in ("EN", "MSE", "SD")])
    assert np.allclose(drawn["theirs"], 1)


def test_critical_difference_names_every_method_and_the_test(measured):
    with style.pyplot() as plt:
        axis = score_plots.critical_differences(plt, measured).axes[1]
        text = " ".join(found.get_text() for found in axis.texts)
        title = axis.get_title()
    friedman = measured.friedmans["MSE"]
    for index, rank in zip(friedman.methods, friedman.mean_ranks):
        assert measured.scores.methods[index] in text
        assert f"{rank:.2f}" in text
    assert title.startswith(f"MSE ↓   CD {friedman.critical_difference:.2f}, Friedman p ")


def test_critical_difference_needs_seven_images():
    values = np.arange(3.0)[:, None, None] + np.linspace(0, 1, 7)
    with style.pyplot() as plt:
        assert score_plots.critical_differences(plt, measured_of(values, {"EN": 1}, "abc")) is not None
        assert score_plots.critical_differences(plt, measured_of(values[..., :6], {"EN": 1}, "abc")) is None


@pytest.mark.parametrize(
    ("alike", "runs"),
    [
        ([], []),
        ([(0, 1), (1, 2)], [(0, 1), (1, 2)]),
        ([(0, 1), (0, 2), (1, 2), (2, 3)], [(0, 2), (2, 3)]),
        ([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)], [(0, 3)]),
    ],
)
def test_bars_join_the_longest_runs_by_hand(alike, runs):
    same = np.eye(4, dtype=bool)
    for first, last in alike:
        same[first, last] = same[last, first] = True
    assert critical.joined(same) == runs


def test_bars_of_a_critical_difference_diagram_do_not_touch():
    ranks = np.array([3.0, 1.0, 2.0, 4.0])
    nemenyi = np.where(np.abs(ranks - ranks[:, None]) < 1.5, 0.5, 0.001)
    friedman = statistics.Friedman(np.arange(4), 9.0, 0.01, ranks, nemenyi, 1.5, 0.05, 9, 9.0)
    with style.pyplot() as plt:
        axis = plt.figure().add_subplot()
        critical.diagram(axis, friedman, "cabd", ["red", "blue", "green", "black"])
        elbows, bars, _ = axis.collections
        assert [text.get_text().split() for text in axis.texts] == [
            ["a", "1.00"], ["b", "2.00"], ["3.00", "c"], ["4.00", "d"]
        ]  # fmt: skip
    assert [list(line[:, 0]) for line in bars.get_segments()] == [[1, 2], [2, 3], [3, 4]]
    heights = [line[0, 1] for line in bars.get_segments()]
    assert heights[0] != heights[1] and heights[1] != heights[2] and heights[0] == heights[2]
    assert [line[0, 0] for line in elbows.get_segments()] == [1, 2, 3, 4]


def test_one_image_or_two_methods_leave_out_what_needs_more():
    one = measured_of(np.ones((3, 1, 1)), {"EN": 1}, ("a", "b", "c"))
    two = measured_of(np.random.default_rng(0).random((2, 2, 8)), {"EN": 1, "SD": 1}, ("a", "b"))
    with style.pyplot() as plt:
        assert [draw(plt, one) for draw in drawing.SCORES.values()] == [None] * 5
        assert score_plots.radar(plt, two) is None
        assert score_plots.critical_differences(plt, two) is None
        assert score_plots.distributions(plt, two) is not None


def test_values_without_number_are_left_out():
    values = np.random.default_rng(0).random((3, 3, 6))
    values[1, 0] = np.nan
    values[2, 1, 3] = np.inf
    undefined = measured_of(values, {"EN": 1, "PSNR": 1, "SD": 1}, ("a", "b", "c"))
    with style.pyplot() as plt:
        for draw in (score_plots.distributions, score_plots.violins, score_plots.sorted_curves):
            assert draw(plt, undefined) is not None


def test_front_by_hand():
    # (cost, rank): b is beaten by a in both, d by c at an equal cost.
    points = [(1.0, 3.0), (2.0, 3.5), (4.0, 1.0), (4.0, 2.0), (0.5, 5.0)]
    assert cost_scatter.front(points) == [4, 0, 2]


def profile(method, seconds, parameters=0, **machine):
    machine = {"device": "cpu", "processor": "P", "threads": 1, "height": 480, "width": 640, **machine}
    return {"method": method, "seconds": seconds, "parameters": parameters, **machine}


def test_costs_of_one_machine_only(measured):
    slow = [profile("mine", 9.0, 100, threads=2)]
    fast = [profile("max", 0.1), profile("mine", 2.0, 100), profile("theirs", 1.0, 200)]
    groups = cost_scatter.machines([*slow, *fast])
    assert groups == [fast, slow]
    with style.pyplot() as plt:
        seconds, parameters = cost_scatter.quality_against_cost(plt, measured, groups[0]).axes
        assert {text.get_text() for text in seconds.texts} == {"max", "mine", "theirs"}
        assert {text.get_text() for text in parameters.texts} == {"mine", "theirs"}
        assert cost_scatter.quality_against_cost(plt, measured, slow) is None


def test_inset_finds_where_methods_differ():
    a = np.random.default_rng(0).integers(0, 255, (60, 80)).astype(np.uint8)
    b = a.copy()
    b[30:43, 51:64] ^= 128
    crop = image_grid.where_methods_differ([a, b])
    assert (crop.width, crop.height) == (13, 13)
    assert (crop.x, crop.y) == (51, 30)


@pytest.mark.parametrize("text", ["", "1,2,3", "a,b,c,d", "-1,0,9,9", "0,0,3,9"])
def test_malformed_crop(text):
    with pytest.raises(UserError, match="--crop"):
        image_grid.Crop.parse(text)


def test_difference_maps_are_signed_and_share_a_scale():
    zero = np.full((20, 30), 100, np.uint8)
    row = image_grid.GridRow("a", {"Visible": zero, "darker": zero - 40, "brighter": zero + 20})
    with style.pyplot() as plt:
        figure = image_grid.differences(plt, [row], "Visible")
        darker, brighter = (axis.images[0] for axis in figure.axes[:2])
        assert darker.get_array().min() == darker.get_array().max() == -40
        assert brighter.get_array().max() == 20
        assert darker.get_clim() == brighter.get_clim() == (-40, 40)


def test_training_curves(tmp_path):
    (tmp_path / "good.csv").write_text("step,seconds,EN\n10,1,6.5\n20,2,\n")
    curves = training_curves.read_curves(tmp_path / "good.csv")
    assert curves["step"] == [10, 20] and curves["EN"][0] == 6.5 and math.isnan(curves["EN"][1])
    with style.pyplot() as plt:
        (axis,) = [axis for axis in training_curves.curves(plt, {"run": curves}).axes if axis.get_title() == "EN"]
        assert axis.lines[0].get_ydata()[0] == 6.5
    for text, reason in (("EN\n1\n", "no column 'step'"), ("step\nx\n", "not a table of numbers"), ("", "no column")):
        (tmp_path / "bad.csv").write_text(text)
        with pytest.raises(UserError, match=reason):
            training_curves.read_curves(tmp_path / "bad.csv")
    with pytest.raises(UserError, match="No such file"):
        training_curves.read_curves(tmp_path / "missing.csv")


def test_same_store_same_files(bench_folder, pairs):
    assert bench_folder("run", "--methods", "average,max,laplacian", "--metrics", "EN,SD,SF").exit_code == 0
    found = measure(pairs / "results")
    first = {path.name: path.read_bytes() for path in drawing.draw(found, [], pairs / "a")}
    again = {path.name: path.read_bytes() for path in drawing.draw(found, [], pairs / "b")}
    assert first == again
    kinds = {name.split("-folder@")[0] for name in first}
    assert kinds == {"box", "curves", "radar"}  # of too few images for a critical difference
    assert {name[-4:] for name in first} == {".pdf", ".png"}


def test_processes_draw_the_same_files(measured, tmp_path, monkeypatch):
    both = [measured, replace(measured, split="other")]
    monkeypatch.setattr(provenance, "processors", lambda: 2)
    apart = {path.name: path.read_bytes() for path in drawing.draw(both, [], tmp_path / "a")}
    monkeypatch.setattr(provenance, "processors", lambda: 1)
    assert {path.name: path.read_bytes() for path in drawing.draw(both, [], tmp_path / "b")} == apart
    assert len(apart) == 16


def test_bench_grid(bench, bench_folder, pairs):
    assert bench("grid", *FOLDER).exit_code == 2
    assert bench_folder("run", "--methods", "average,max,ir").exit_code == 0
    result = bench("grid", *FOLDER, "--colour", "--out", "figures/grid")
    assert (result.exit_code, result.stdout.split()) == (0, ["figures/grid.pdf", "figures/grid.png"])
    first = (pairs / "figures/grid.png").read_bytes()
    assert bench("grid", *FOLDER, "--colour", "--out", "again").exit_code == 0
    assert (pairs / "again.png").read_bytes() == first
    assert bench("grid", *FOLDER, "--difference", "vis", "--ids", "b,a").exit_code == 0
    next(pairs.glob("results/*/max/fused/b.png")).unlink()
    result = bench("grid", *FOLDER, "--crop", "4,4,16,16", "--ids", "b")
    assert result.exit_code == 0 and "max: b: no fused image" in result.stderr
    result = bench("grid", *FOLDER, "--difference", "max", "--ids", "a,b")
    assert result.exit_code == 0 and "max: b: no fused image" in result.stderr
    result = bench("grid", *FOLDER, "--difference", "max", "--ids", "b")
    assert result.exit_code == 2 and "none of these pairs has a picture of max" in result.stderr


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--ids", "z"), f"known: {', '.join(IDS)}"),
        (("--methods", "averag"), "did you mean average?"),
        (("--crop", "60,0,16,16"), "the crop leaves the image 'a', which is 64x48"),
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


def _detected(tmp_path, seeds=(0.5, 0.6)):
    """A setup whose methods differ in the AP of a class, with so many seeds."""
    folder = pages.write_objects(tmp_path, "set", ["a", "b"], ["vis", "mine"])
    for seed, ap in enumerate(seeds):
        for method in ("vis", "mine") if seed else ():
            shutil.copytree(folder / method / "seed0", folder / method / f"seed{seed}")
        path = folder / "mine" / f"seed{seed}" / "record.json"
        record = json.loads(path.read_text())
        record["test"]["all"]["classes"]["Car"]["AP"] = ap
        path.write_text(json.dumps(record))
    (folder / "torn" / "seed0").mkdir(parents=True)
    (folder / "torn" / "seed0" / "record.json").write_text(json.dumps({"state": "failed (no memory)"}))
    return outcome.read(setups.setups(tmp_path)[0], range(len(seeds)))


def test_bars_are_ap_by_class_with_the_spread_over_seeds(tmp_path):
    with style.pyplot() as plt:
        axis = detection_curves.class_bars(plt, detection_curves.read(_detected(tmp_path))).axes[0]
        assert [label.get_text() for label in axis.get_xticklabels()] == ["People (2)", "Car (2)"]
        heights = [[bar.get_height() for bar in group] for group in axis.containers if hasattr(group, "patches")]
        lines = axis.collections[1].get_segments()
    assert np.allclose(heights, [[50, 25], [50, 55]])
    assert np.allclose(lines[1][:, 1], [55 - 100 * 0.05 * 2**0.5, 55 + 100 * 0.05 * 2**0.5])


def test_precision_over_recall(tmp_path):
    detected = detection_curves.read(_detected(tmp_path))
    with style.pyplot() as plt:
        figure = detection_curves.precision_recall(plt, detected)
        assert [axis.get_title() for axis in figure.axes] == ["People (2)", "Car (2)"]
        for axis in figure.axes:
            assert len(axis.lines) == 2
            assert np.allclose(axis.lines[1].get_ydata(), 1 - axis.lines[1].get_xdata() / 2)
        assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Vis", "Mine"]


def test_figures_of_detection_are_drawn_by_setup(tmp_path):
    setup = _detected(tmp_path)
    names = [path.name for path in drawing.draw_detection([setup], tmp_path / "figures")]
    stem = "set@official-yolov8n-retrain-0123abcd"
    assert names == [f"{kind}-{stem}.{suffix}" for kind in ("precision-recall", "classes") for suffix in ("pdf", "png")]
    # Broken curves leave the bars; a setup without a complete row has no figures.
    (setup.setup.folder / "mine" / "seed0" / "curves.json").write_text("torn {")
    assert len(list(drawing.draw_detection([outcome.read(setup.setup, [0])], tmp_path / "figures"))) == 4
    assert not list(drawing.draw_detection([outcome.read(setup.setup, [7])], tmp_path / "figures"))


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
    rows, missing = stored_pairs.grid_rows(titles, split.pairs, ("I", "V"), skip=True)
    assert [row.id for row in rows] == [id for id in IDS if id != "b"]
    assert len(missing) == 1 and missing[0].startswith("b: ")
    with pytest.raises(UserError, match=r"b\.png"):
        stored_pairs.grid_rows(titles, split.pairs, ("I", "V"))
    with pytest.raises(UserError, match="no fused image of these pairs; b: "):
        stored_pairs.grid_rows(titles, [split.pairs[1]], ("I", "V"), skip=True)


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
