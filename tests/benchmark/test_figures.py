"""Figures show the numbers they are drawn from, look the same each time, and say what they lack."""

import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pages
import printed
import pytest
import stores

from benchmark.detection import outcome, setups
from benchmark.errors import UserError
from benchmark.figures import (
    cost_scatter,
    critical,
    detection_curves,
    drawing,
    ranked,
    score_plots,
    style,
    training_curves,
)
from benchmark.report.measured import Measured, measure
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
    ranks = ranked.by_metric(measured)
    for name in measured.scores.methods:
        assert np.allclose(drawn[name], [ranks[metric][name] for metric in ("EN", "MSE", "SD")])
    assert np.allclose(drawn["theirs"], 1)


def test_critical_difference_names_every_method_and_the_test(measured):
    with style.pyplot() as plt:
        axis = score_plots.critical_difference(plt, measured, "MSE").axes[0]
        text = " ".join(found.get_text() for found in axis.texts)
        title = axis.get_title()
    friedman = measured.friedmans["MSE"]
    for index, rank in zip(friedman.methods, friedman.mean_ranks):
        assert measured.scores.methods[index] in text
        assert f"{rank:.2f}" in text
    assert title.startswith(f"MSE ↓, 12 images: CD {friedman.critical_difference:.2f}, Friedman p ")


def test_critical_difference_needs_seven_images():
    values = np.arange(3.0)[:, None, None] + np.linspace(0, 1, 7)
    with style.pyplot() as plt:
        assert score_plots.critical_difference(plt, measured_of(values, {"EN": 1}, "abc"), "EN") is not None
        assert score_plots.critical_difference(plt, measured_of(values[..., :6], {"EN": 1}, "abc"), "EN") is None


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
    found = ranked.Ranks("cabd", ranks, np.abs(ranks - ranks[:, None]) < 1.5, 1.5, 0.01, 9)
    with style.pyplot() as plt:
        axis = plt.figure().add_subplot()
        critical.diagram(axis, found, {m: m for m in "abcd"}, dict(zip("cabd", ["red", "blue", "green", "black"])))
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
        assert [draw(plt, one) for draw in drawing.SCORES.values()] == [None] * 4
        assert score_plots.radar(plt, two) is None
        assert score_plots.critical_difference(plt, two, "EN") is None
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
        assert [len(axis.xaxis.get_ticklabels()) > 1 for axis in (seconds, parameters)] == [True, True]
        assert {text.get_text() for text in parameters.texts} == {"mine", "theirs"}
        assert cost_scatter.quality_against_cost(plt, measured, slow) is None


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


LONG = ["MambaDFuse, medical", "A dual-branch network for fusion", "IFCNN (max)", "w" * 60, "方法 of fusion", "max"]


def crowd(methods, names="long"):
    """Scores of so many methods, and what they cost, whose points lie close together."""
    random = np.random.default_rng(methods)
    labels = [f"{LONG[i % len(LONG)]}{i // len(LONG) or ''}" if names == "long" else f"m{i}" for i in range(methods)]
    values = random.normal(5, 1, (methods, 5, 20)) + 0.2 * np.arange(methods)[:, None, None]
    found = measured_of(values, {"EN": 1, "MSE": -1, "SD": 1, "Qabf": 1, "SSIM": 1}, labels)
    cost = [profile(name, 10 ** random.uniform(-1, 0), int(10 ** random.uniform(5, 6))) for name in labels]
    return replace(found, dataset="folder", split="all-dcda1a4a-" + "x" * 60), cost


@pytest.mark.parametrize(
    ("methods", "width"), [(2, style.COLUMN), (8, style.COLUMN), (18, style.PAGE), (25, style.COLUMN)]
)
def test_no_label_is_cut_small_or_over_another(methods, width):
    measured, cost = crowd(methods)
    with style.pyplot() as plt:
        drawn = [draw(plt, measured, width) for name, draw in drawing.SCORES.items() if name != "violin"]
        drawn += [score_plots.critical_difference(plt, measured, "EN", width)]
        drawn += [cost_scatter.quality_against_cost(plt, measured, cost, width)]
        assert sum(figure is not None for figure in drawn) == (3 if methods == 2 else 5)
        for figure in filter(None, drawn):
            style.settle(figure)
            shown = printed.check(figure, width)
            assert any(text.get_text().startswith("Own pairs") for text in shown), "the data set"


def test_of_many_methods_the_best_are_seen_and_the_others_grey():
    measured, _ = crowd(18, "short")
    best = ranked.best_first(measured)[:8]
    looks = score_plots.looks_of(measured)
    assert [method for method in looks if looks[method] is not style.REST] == [m for m in looks if m in best]
    assert len({looks[method].colour for method in best}) == 8
    with style.pyplot() as plt:
        figure = score_plots.sorted_curves(plt, measured)
        names = [text.get_text() for text in figure.legends[0].get_texts()]
        assert names == [m for m in measured.scores.methods if m in best] + ["10 others"]
        grey = [line for line in figure.axes[0].lines if line.get_color() == style.REST.colour]
        assert len(grey) == 10 and len(figure.axes[0].lines) == 18
        figure = score_plots.radar(plt, measured)
        assert [text.get_text() for text in figure.legends[0].get_texts()] == best
        assert figure.axes[0].get_title() == "8 of 18 methods: those named below"
        labels = [text.get_text() for text in figure.axes[0].texts]
        assert labels[0] == "rank 1" and len(labels) > 3


def test_methods_that_were_not_asked_for_stand_behind(tmp_path):
    scores = {name: 5 + np.random.default_rng(i).random((3, 8)) for i, name in enumerate(["a", "b", "c", "max"])}
    stores.write(tmp_path, "tno@x", scores)
    (one,) = measure(tmp_path, methods=["b", "a"])
    with style.pyplot() as plt:
        figure = score_plots.sorted_curves(plt, one)
        assert [text.get_text() for text in figure.legends[0].get_texts()] == ["B", "A", "2 others"]
        behind = [line for line in figure.axes[0].lines if line.get_color() == style.REST.colour]
        assert sorted(tuple(line.get_ydata()) for line in behind) == sorted(
            tuple(np.sort(scores[name][0])) for name in ("c", "max")
        )
    (one,) = measure(tmp_path, methods=["a"], naive=False)
    assert [row.cell.method for row in one.rest] == ["b", "c"]


def test_figures_by_name_width_font_and_format(bench, tmp_path):
    stores.write(tmp_path, "tno@x", stores.random(0, 3, 8))
    arguments = ("report", "--results", tmp_path, "--format", "csv")
    result = bench(*arguments, "--figure", "Curves,critical-difference-EN,cost", "--width", "column",
                   "--font", "dejavu serif", "--figure-format", "svg,pdf")  # fmt: skip
    assert (result.exit_code, result.stderr) == (0, "figure cost: nothing to draw in these results\n")
    names = sorted(path.name for path in (tmp_path / "report" / "figures").iterdir())
    stems = [f"{kind}-tno@x-standard" for kind in ("critical-difference-EN", "curves")]
    assert names == [f"{stem}.{suffix}" for stem in stems for suffix in ("pdf", "svg")]
    text = (tmp_path / "report" / "figures" / names[-1]).read_text()
    assert f'width="{3.5 * 72:g}pt"' in text
    assert b"DejaVuSerif" in (tmp_path / "report" / "figures" / names[0]).read_bytes()
    for options, said in (
        (("--figure", "curvs"), "unknown figure 'curvs'; did you mean curves?"),
        (("--figure", "critical-difference-XX"), "did you mean critical-difference?"),
        (("--font", "serif"), "--font is about figures; add --figures or --figure"),
        (("--figure-format", "svg"), "--figure-format is about figures"),
        (("--figures", "--html", "--figure-format", "svg"), "add png to --figure-format"),
        (("--figure", "box", "--font", "Nothing Sans"), "no font 'Nothing Sans' is installed"),
    ):
        result = bench(*arguments, *options)
        assert result.exit_code == 2 and said in result.stderr and result.stderr.count("\n") == 1, result.stderr


def test_same_scores_same_files(measured, tmp_path):
    what = ("box", "curves", "radar", "critical-difference-EN")
    first = {path.name: path.read_bytes() for path in drawing.draw([measured], [], tmp_path / "a", what)}
    again = {path.name: path.read_bytes() for path in drawing.draw([measured], [], tmp_path / "b", what)}
    assert first == again
    assert set(first) == {f"{kind}-set@test-standard.{suffix}" for kind in what for suffix in ("pdf", "png")}


def test_processes_draw_the_same_files(measured, tmp_path, monkeypatch):
    both = [measured, replace(measured, split="other")]
    what = ("curves", "radar", "critical-difference"), style.Print(formats=("pdf",))
    monkeypatch.setattr(provenance, "processors", lambda: 2)
    apart = {path.name: path.read_bytes() for path in drawing.draw(both, [], tmp_path / "a", *what)}
    monkeypatch.setattr(provenance, "processors", lambda: 1)
    assert {path.name: path.read_bytes() for path in drawing.draw(both, [], tmp_path / "b", *what)} == apart
    assert len(apart) == 2 * 5 > drawing._FEW


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


@pytest.mark.parametrize(("methods", "width"), [(2, style.COLUMN), (18, style.COLUMN), (18, style.PAGE)])
@pytest.mark.parametrize("ap", [0.0, 0.6])
def test_detection_of_nothing_and_of_much_can_be_read(methods, width, ap):
    names = ["ir", *(f"m{i}" for i in range(1, methods))]
    classes = {"People": 20, "Car": 9, "A class of a long name": 2}
    curves = {name: {label: np.full(101, ap) for label in classes} for name in names}
    values = {name: {label: [ap, ap] for label in classes} for name in names}
    titles = {name: LONG[i % len(LONG)] for i, name in enumerate(names)}
    detected = detection_curves.Detected(
        "m3fd@x", "yolov8n, frozen", titles, classes, np.linspace(0, 1, 101), curves, values
    )
    with style.pyplot() as plt:
        for draw in (detection_curves.precision_recall, detection_curves.class_bars):
            figure = draw(plt, detected, width)
            style.settle(figure)
            shown = [text.get_text() for text in printed.check(figure, width)]
            low, high = figure.axes[0].get_ylim()
            assert -0.05 < low <= 0 and high >= 1, "an axis for what is there, that starts at 0"
            assert "m3fd@x, yolov8n, frozen" in shown
            assert "9 others" in shown or "9 of 18 methods: the highest mean AP, and baselines" in shown or methods == 2
        assert len(figure.axes[0].patches) == 3 * min(methods, 9)
        zeros = [line for found in figure.axes[0].collections for line in found.get_segments()]
        assert bool(zeros and ap == 0) is (ap == 0)


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
    what = drawing.DEFAULT, style.Print(formats=("svg",))
    names = [path.name for path in drawing.draw_detection([setup], tmp_path / "figures", *what)]
    stem = "set@official-yolov8n-retrain-0123abcd"
    assert names == [f"{kind}-{stem}.svg" for kind in ("precision-recall", "classes")]
    # Broken curves leave the bars; a setup without a complete row has no figures.
    (setup.setup.folder / "mine" / "seed0" / "curves.json").write_text("torn {")
    assert len(list(drawing.draw_detection([outcome.read(setup.setup, [0])], tmp_path / "figures", *what))) == 2
    assert not list(drawing.draw_detection([outcome.read(setup.setup, [7])], tmp_path / "figures", *what))
