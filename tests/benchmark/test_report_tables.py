"""What report's tables say: who is compared with whom on which images, who is best, and what is left out."""

import csv
import io
import json
import re

import numpy as np
import pytest
import stores
from scipy import stats

from benchmark.report import content, terminal
from benchmark.report.measured import measure
from benchmark.report.sections import scores
from benchmark.store.cells import existing_cells
from benchmark.store.summary import rows as summary_rows
from benchmark.store.summary import tables

STEPS = np.random.default_rng(8).permutation(np.linspace(0, 0.3, 30))  # no neighbours are alike


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "results"


def markdown(bench, *arguments):
    return bench("report", "--format", "markdown", "--sections", "scores", "--out", "-", *arguments).stdout


def rows_in(results):
    return summary_rows(existing_cells(results))


def rows_of(text: str) -> dict[str, list[str]]:
    """method -> cells of the tables in Markdown. Titles of `stores` are the names in capitals."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return {cells[0].lower(): cells[1:] for cells in lines}


def test_the_best_mean_is_bold_and_what_is_alike_has_a_sign(bench, results):
    base = np.random.default_rng(3).permutation(np.linspace(4, 6, 30))
    noise = np.random.default_rng(0).normal(0, 0.2, 30)
    noise += 0.01 - noise.mean()
    values = {"first": base, "equal": base - noise, "third": base - 0.5, "last": base - 1 - STEPS}
    stores.write(results, "tno@tno42", {k: [v, v, v] for k, v in values.items()})
    rows = rows_of(markdown(bench, "--metrics", "EN,MSE"))
    assert rows["first"] == ["**5.000**", "5.000"]
    assert rows["equal"] == ["<u>4.990</u>°", "4.990"]
    assert rows["third"] == ["4.500", "<u>4.500</u>"]  # MSE: lower is better
    assert rows["last"] == ["3.850", "**3.850**"]
    assert "<u>4.990</u>° ± 0" in markdown(bench, "--sd")  # only the mean is marked
    rows = rows_of(markdown(bench, "--metrics", "EN,MSE", "--mark", "significance"))
    assert [rows[name][0] for name in values] == ["**5.000**", "**4.990**", "<u>4.500</u>", "3.850"]
    cells = {
        (row["method"], row["metric"]): row
        for row in csv.DictReader(io.StringIO(bench("report", "--format", "csv", "--out", "-").stdout))
    }
    assert [cells[m, "EN"]["best"] for m in values] == ["1", "1", "0", "0"]
    assert cells["first", "EN"]["p_best"] == ""
    assert float(cells["equal", "EN"]["p_best"]) > 0.3
    assert float(cells["last", "EN"]["p_best"]) == 1 / 2000  # no other of the signs drawn does as much
    assert (cells["first", "EN"]["unit"], cells["first", "EN"]["units"]) == ("image", "30")
    low, high = (float(cells["first", "EN"][name]) for name in ("ci_low", "ci_high"))
    half = stats.t.ppf(0.975, 29) * stats.sem(base)
    assert (5 - low, high - 5) == pytest.approx((half, half), rel=0.2)


def test_few_images_are_not_tested(bench, results):
    base = np.arange(5.0)
    stores.write(results, "tno@tno42", {k: [base - i] * 3 for i, k in enumerate("abc")})
    text = markdown(bench)
    assert "Not tested, since that takes 7 independent images: nothing is said about differences." in text
    assert "°" not in text
    assert "Too few images for a test." in text
    assert [row[0] for row in rows_of(text).values()][2:] == ["**2.000**", "<u>1.000</u>", "0.000"]
    ranks = ("report", "--format", "markdown", "--sections", "ranks", "--out", "-")
    assert "Not tested, since that takes 7 independent images" in bench(*ranks).stdout
    assert rows_of(bench(*ranks).stdout)["friedman p"][0] == ""
    stores.write(results, "roadscene@all", {k: [np.arange(7.0) - i] * 3 for i, k in enumerate("abc")})
    text = bench(*ranks, "--dataset", "roadscene").stdout
    assert "Not tested" not in text and "Few independent images (7)" in text


def test_wins_of_few_images(bench, results):
    wins = ("report", "--format", "markdown", "--sections", "wins", "--out", "-", "--dataset")
    noise = np.random.default_rng(5).normal(0, 1, (16, 2, 10))
    values = {f"m{i}": noise[i] + np.array([[0], [50 if i == 3 else 0]]) for i in range(16)}
    stores.write(results, "tno@tno42", values, {"EN": 1, "MI": 1})
    text = bench(*wins, "tno").stdout
    rows = rows_of(text)
    assert {row[0] for name, row in rows.items() if name in values} == {""}, "0/15/0 for all says nothing"
    assert rows["m3"][1:] == ["15/0/0", "+15"] and rows["m0"][1:] == ["0/14/1", "-1"]
    assert "No two methods are shown to differ in EN: that says nothing with so few images." in text
    few = r"Few independent images \(\d+( to 10)?\): tests miss all but large differences"
    assert re.search(few, text) and re.search(few, markdown(bench, "--dataset", "tno"))
    stores.write(results, "roadscene@all", {name: value[:, :5] for name, value in values.items()}, {"EN": 1, "MI": 1})
    text = bench(*wins, "roadscene").stdout
    assert "Not tested, since that takes 7 independent images" in text and not rows_of(text)
    many = stores.random(0, 1, 40)["m0"][:2]
    equal = {f"m{i}": many + 1e-3 * np.random.default_rng(i).normal(0, 1, (2, 40)) for i in range(3)}
    stores.write(results, "m3fd@all", equal, {"EN": 1, "MI": 1})
    text = bench(*wins, "m3fd").stdout
    assert rows_of(text)["m0"] == ["0/2/0", "0/2/0", "+0"] and "Few" not in text


def test_scenes_are_the_units(bench, results):
    # LLVIP's ids begin with the place: 40 images of 2 places.
    ids = [f"{place}{number:04d}" for place in (19, 20) for number in range(20)]
    base = np.linspace(4, 6, 40)
    stores.write(results, "llvip@test", {"a": [base] * 3, "b": [base - 1] * 3}, ids=ids)
    text = markdown(bench)
    assert "Unit of tests and intervals: the scene (2 scenes, 40 images)." in text
    assert "Not tested, since that takes 7 independent scenes" in text
    (one,) = measure(results)
    assert (one.scores.unit, one.scores.units) == ("scene", 2)
    assert one.scores.observations[0, 0] == pytest.approx([base[:20].mean(), base[20:].mean()])


def test_scenes_of_data_sets():
    from benchmark import datasets

    m3fd, synth = datasets.get("m3fd"), datasets.get("synth_det")
    scenes = {m3fd.scene_of(id) for ids in m3fd.schemes()["zx"].values() for id in ids}
    assert len(scenes) == 73
    assert None not in scenes
    parts = m3fd.schemes()["scene"]
    assert not {m3fd.scene_of(id) for id in parts["train"]} & {m3fd.scene_of(id) for id in parts["test"]}
    assert m3fd.scene_of("no such id") is None
    assert not {synth.scene_of(id) for id in synth.schemes()["scene"]["train"]} & {
        synth.scene_of(id) for id in synth.schemes()["scene"]["test"]
    }
    assert len({synth.scene_of(pair.id) for pair in synth.pairs("all")}) > 10
    assert datasets.get("kaist").scene_of("set06_V000_I00019") == "set06_V000"
    assert datasets.get("llvip").scene_of("190001") == "19"
    assert datasets.get("folder").scene_of("01") is None


def test_neighbours_that_are_alike_are_told(bench, results):
    rng = np.random.default_rng(0)
    walks = np.repeat(rng.normal(0, 1, (3, 40)), 3, axis=1)
    stores.write(results, "tno@tno42", {k: [walk] * 3 for k, walk in zip("abc", walks)})
    stores.write(results, "roadscene@all", stores.random(1, 3, 40))
    note = "Neighbouring images are alike: in tests they count as"
    ranks = bench("report", "--format", "markdown", "--sections", "ranks", "--out", "-", "--dataset", "tno").stdout
    assert note in markdown(bench, "--dataset", "tno") and note in ranks
    # Scenes of a set whose ids follow a drive, two images each.
    ids = [f"{20 * (i // 2) + 4 * (i % 2):05d}D" for i in range(120)]
    stores.write(results, "msrs@test", {k: [walk] * 3 for k, walk in zip("abc", walks)}, ids=ids)
    told = markdown(bench, "--dataset", "msrs")
    assert "the scene (60 scenes, 120 images)" in told
    assert "Neighbouring scenes are alike: in tests they count as" in told


def test_naive_methods_come_first_unless_refused(bench, results):
    values = stores.random(0, 4, 12)
    names = ("mine", "max", "theirs", "ir")
    stores.write(results, "tno@tno42", dict(zip(names, values.values())))
    rows = list(rows_of(markdown(bench)))[2:]
    assert rows == ["ir", "max", "mine", "theirs"]
    assert list(rows_of(markdown(bench, "--methods", "theirs,mine")))[2:] == ["ir", "max", "theirs", "mine"]
    assert list(rows_of(markdown(bench, "--methods", "theirs,max")))[2:] == ["ir", "max", "theirs"]
    assert list(rows_of(markdown(bench, "--methods", "theirs,max", "--rank-baselines")))[2:] == ["ir", "theirs", "max"]
    assert list(rows_of(markdown(bench, "--methods", "theirs,max", "--no-naive")))[2:] == ["max", "theirs"]
    assert list(rows_of(markdown(bench, "--no-naive")))[2:] == ["mine", "theirs"]
    missing = "No results of the simple baselines vis, average, laplacian: bench run --methods vis,average,laplacian"
    assert missing in markdown(bench)
    assert "No results" not in markdown(bench, "--no-naive")


def test_reference_rows_take_no_part(bench, results):
    # The copy of a source is ahead of all by EN and MI, and has no MSE; the average is between the two methods.
    base = np.random.default_rng(3).permutation(np.linspace(4, 6, 30))
    values = {"theirs": base, "mine": base - 0.5 - STEPS, "average": base - 0.3, "ir": base + 9}
    cells = {name: [v, v, v] for name, v in values.items()}
    cells["ir"][2] = np.full(30, np.nan)
    cells["vis"] = cells["ir"]  # more reference rows than methods, all without an MSE
    stores.write(results, "tno@tno42", cells)
    stores.write(results, "roadscene@all", {name: cells[name] for name in ("theirs", "mine")})
    text = markdown(bench, "--dataset", "tno", "--methods", "average,mine,theirs")
    rows = rows_of(text)
    assert list(rows)[2:] == ["ir", "vis", "average", "mine", "theirs"]
    assert rows["ir"] == ["14.00", "14.00", "—"] and rows["average"] == ["4.70", "4.70", "4.700"]
    assert rows["theirs"] == ["**5.00**", "**5.00**", "<u>5.000</u>"] and rows["mine"][2].startswith("**4.3")
    assert "For reference, in no rank or test: IR, VIS, AVERAGE" in text
    named = ("--format", "json", "--out", "-", "--methods", "mine,theirs")
    found = {one["dataset"]: one for one in json.loads(bench("report", *named).stdout)["measured"]}
    with_them, without = found["tno"], found["roadscene"]
    assert with_them["reference"] == ["average", "ir", "vis"] and without["reference"] == []
    assert with_them["ranking"] == without["ranking"] and "MSE" in without["ranking"]["metrics"]
    for metric, one in without["metrics"].items():
        assert {name: with_them["metrics"][metric][name] for name in one if name != "methods"} == {
            name: one[name] for name in one if name != "methods"
        }
        for name, values in one["methods"].items():
            assert with_them["metrics"][metric]["methods"][name] == values
    for section in ("ranks", "wins"):
        arguments = ("report", "--format", "markdown", "--sections", section, "--out", "-", "--dataset", "tno")
        assert {"ir", "average"}.isdisjoint(rows_of(bench(*arguments).stdout))
        assert {"ir", "average"} <= rows_of(bench(*arguments, "--rank-baselines").stdout).keys()
    ranked = rows_of(markdown(bench, "--dataset", "tno", "--rank-baselines"))
    assert ranked["vis"] == ranked["ir"] == ["**14.00**", "**14.00**", "—"] and ranked["average"][2] == "<u>4.700</u>"
    (table,) = [one for one in tables(rows_in(results)) if one.dataset == "tno"]
    marks = {row.name: [one.rank for one in of] for row, of in zip(table.rows, terminal.entries(table))}
    assert marks == {"average": [0, 0, 0], "ir": [0, 0, 0], "vis": [0, 0, 0], "mine": [2, 2, 1], "theirs": [1, 1, 2]}


def test_reference_rows_alone_are_shown_without_marks(bench, results):
    cells = {name: [np.arange(8.0) + i] * 3 for i, name in enumerate(("average", "max"))}
    stores.write(results, "tno@tno42", cells)
    text = markdown(bench)
    assert rows_of(text)["max"] == ["4.500"] * 3 and "Bold" not in text
    assert bench("report").exit_code == 0


def test_refusing_naive_methods_where_there_are_no_others(bench, results):
    stores.write(results, "tno@tno42", {"max": next(iter(stores.random(0, 1, 12).values()))})
    result = bench("report", "--no-naive")
    assert result.exit_code == 2
    assert "only simple baselines have results" in result.stderr


def test_fewer_images_are_shown_and_not_ranked(bench, results):
    full, partial = np.array([np.arange(10.0)] * 3), np.array([[None] * 4 + [9.0] * 6] * 3, object)
    stores.write(results, "tno@tno42", {"full": full, "other": full - 1, "short": partial})
    text = markdown(bench)
    assert rows_of(text)["short"] == ["6/10"] * 3
    assert rows_of(text)["full"][0] == "**4.500**"
    assert "SHORT: partial 6/10" in text
    common = markdown(bench, "--common")
    assert "6 common of 10 pairs" in common
    assert [rows_of(common)[name][0] for name in ("full", "other", "short")] == [
        "<u>6.500</u>",
        "5.500",
        "**9.000**",
    ]
    data = bench("report", "--format", "csv", "--out", "-", "--common").stdout
    assert {(row["n"], row["images"]) for row in csv.DictReader(io.StringIO(data))} == {("6", "6")}
    ranks = bench("report", "--format", "markdown", "--sections", "ranks", "--out", "-").stdout
    assert "short" not in ranks
    assert "| FULL |" in ranks


def test_nothing_in_common(bench, results):
    one, other = np.full((3, 4), None, object), np.full((3, 4), None, object)
    one[:, :2], other[:, 2:] = 1.0, 1.0
    stores.write(results, "tno@tno42", {"a": one, "b": other})
    result = bench("report", "--common")
    assert result.exit_code == 2
    assert "no image is common to a, b" in result.stderr
    text = bench("report", "--format", "markdown", "--out", "-").stdout
    assert "nothing complete of 4 pairs" in text
    assert rows_of(text)["a"] == ["2/4"] * 3


def test_a_metric_undefined_for_every_method_on_an_image(bench, results):
    values = stores.random(1, 3, 20)
    for array in values.values():
        array[1, 7] = np.nan
    stores.write(results, "tno@tno42", values)
    text = markdown(bench)
    assert rows_of(text)["m2"][1].startswith("**")
    assert rows_of(text)["m2"][1].endswith("(n=19)**")
    assert "M2: MI is undefined for 1 of 20 images" in text


def test_metrics_without_direction_are_shown_and_not_ranked(bench, results):
    stores.write(results, "tno@tno42", stores.random(2, 3, 20), metrics={"EN": 1, "XX": 0, "MSE": -1})
    rows = rows_of(markdown(bench))
    assert all("*" not in row[1] and "<u>" not in row[1] for row in rows.values())
    ranks = bench("report", "--format", "markdown", "--sections", "ranks", "--out", "-").stdout
    assert "Over metrics: EN, MSE." in ranks
    assert "XX" not in ranks


def test_ranks_by_hand(bench, results):
    # a is best on every image by EN and worst by MSE; b is between.
    values = np.arange(8.0)
    methods = {"a": [values + 2, values, values + 2], "b": [values + 1, values, values + 1], "c": [values] * 3}
    stores.write(results, "tno@tno42", methods)
    rows = rows_of(bench("report", "--format", "markdown", "--sections", "ranks", "--out", "-").stdout)
    # EN, MI (all equal), MSE; then over metrics: mean rank, Borda, place.
    assert rows["a"] == ["1.00", "2.00", "3.00", "**2.00**", "3", "1 \\[1–3\\]"]
    assert rows["b"] == ["2.00", "2.00", "2.00", "**2.00**", "3", "1 \\[1–3\\]"]
    assert rows["friedman p"][1] == "1.000"
    assert rows["friedman p"][0] == "<0.001".replace("<", "\\<")
    # q = 2.343 for three methods (Demšar 2006, table 5): 2.343 sqrt(3 * 4 / (6 * 8)).
    assert rows["critical difference"][0] == "1.17"


def test_wins_by_hand(bench, results):
    base = np.linspace(4, 6, 20)
    noise = np.random.default_rng(0).normal(0, 0.2, 20)
    noise -= noise.mean()
    values = {"first": base, "equal": base + noise, "third": base - STEPS[:20] - 0.8}
    stores.write(results, "tno@tno42", {name: [v, np.ones(20), v] for name, v in values.items()})
    rows = rows_of(bench("report", "--format", "markdown", "--sections", "wins", "--out", "-").stdout)
    assert rows["first"] == ["1/1/0", "0/2/0", "0/1/1", "+0"]
    assert rows["equal"] == ["1/1/0", "0/2/0", "0/1/1", "+0"]
    assert rows["third"] == ["0/0/2", "0/2/0", "2/0/0", "+0"]
    rows = rows_of(
        bench("report", "--format", "markdown", "--sections", "wins", "--metrics", "EN", "--out", "-").stdout
    )
    assert [rows[name][-1] for name in values] == ["+1", "+1", "-2"]


def test_checkpoints_of_a_method(bench, results):
    values = list(stores.random(0, 3, 12).values())
    stores.write(results, "tno@tno42", {"net+aaaa1111": values[0], "net+bbbb2222": values[1], "other": values[2]})
    assert list(rows_of(markdown(bench, "--methods", "other,net")))[2:] == ["other", "net aaaa1111", "net bbbb2222"]
    assert list(rows_of(markdown(bench, "--methods", "net+bbbb2222")))[2:] == ["net"]


def test_one_wide_table(bench, results):
    stores.write(results, "tno@tno42", stores.random(0, 3, 12))
    stores.write(results, "roadscene@all", {**stores.random(1, 3, 12), **stores.random(1, 4, 12)})
    text = markdown(bench, "--wide")
    assert text.count("### ") == 1
    rows = rows_of(text)
    assert len(rows["method"]) == 6
    assert rows["method"][0] == "RoadScene (12) EN ↑"
    assert rows["m3"][:3] != ["", "", ""]
    assert rows["m3"][3:] == ["", "", ""]
    asked = rows_of(markdown(bench, "--wide", "--methods", "m2,m3,m0"))
    assert list(asked)[2:] == ["m2", "m3", "m0"]
    assert list(rows)[2:] == ["m0", "m1", "m2", "m3"]
    stores.write(results, "tno@other", stores.random(0, 3, 12), protocol="cddfuse")
    assert markdown(bench, "--wide").count("### ") == 2  # protocols never share a table


def test_order_digits_and_deviation(bench, results):
    stores.write(results, "tno@tno42", {"a": [[1, 2, 3, 4]] * 3, "b": [[2, 3, 4, 5]] * 3})
    text = markdown(bench, "--methods", "b,a", "--metrics", "mse,en", "--digits", "2", "--sd")
    assert "| method | MSE ↓ | EN ↑ |" in text
    assert list(rows_of(text))[2:] == ["b", "a"]
    assert "2.50** ± 1.29" in text  # sqrt(5 / 3)
    assert "Mean ± standard deviation" in text


def test_selection(bench, results):
    stores.write(results, "tno@tno42", stores.random(0, 3, 12))
    stores.write(results, "tno@first", stores.random(0, 3, 12))
    stores.write(results, "roadscene@all", stores.random(0, 3, 12), protocol="cddfuse")
    assert markdown(bench).count("### ") == 3
    assert markdown(bench, "--dataset", "tno").count("### ") == 2
    assert markdown(bench, "--dataset", "tno@first").count("### ") == 1
    assert "### RoadScene, 12 pairs, protocol cddfuse" in markdown(bench, "--protocol", "cddfuse")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--methods", "m99"], ["unknown method in the results 'm99'", "known: m0, m1, m2"]),
        (["--metrics", "ENN"], ["unknown metric in the results 'ENN'", "did you mean EN?"]),
        (["--protocol", "standart"], ["did you mean standard?"]),
        (["--dataset", "tnoo"], ["did you mean tno?"]),
        (["--sections", "score"], ["unknown section", "did you mean scores?"]),
        (["--format", "excel", "--out", "-"], ["excel is no text"]),
        (["--sections", "reported"], ["nothing to show"]),
        (["--sections", "scores", "--reported", "cddfuse2023"], ["leaves out the section reported"]),
        (["--reported", "nowhere.csv"], ["nowhere.csv: no such file", "cddfuse2023"]),
        (["--digits", "-1"], ["--digits"]),
        (["--tolerance", "2"], ["--tolerance"]),
    ],
)
def test_mistakes(bench, results, arguments, words):
    stores.write(results, "tno@tno42", stores.random(0, 3, 6))
    result = bench("report", *arguments)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    for word in words:
        assert word in line
    assert not (results / "report").exists()


def test_half_finished_store(bench, results):
    stores.write(results, "tno@tno42", stores.random(0, 1, 6))
    folder = results / "tno@tno42" / "broken"
    folder.mkdir()
    (folder / "run.json").write_text("{")
    (results / "tno@tno42" / "lost").mkdir()
    record = json.loads((results / "tno@tno42" / "m0" / "run.json").read_text())
    (results / "tno@tno42" / "lost" / "run.json").write_text(json.dumps({**record, "unavailable": "no checkpoint"}))
    text = markdown(bench)
    assert "lost: unavailable (no checkpoint)" in text
    assert rows_of(text)["m0"][0].startswith("5.")


def test_only_sound_rows_are_compared(bench, results):
    values = stores.random(0, 3, 12)
    stores.write(results, "tno@tno42", {"m0": values["m0"], "m1": values["m1"]})
    stores.write(results, "tno@tno42", {"m2": values["m2"]}, split_sha256="1" * 64, runs=[{"start": "2020"}])
    text = markdown(bench)
    assert "M2: outdated (made from other images" in text
    assert "m2" not in rows_of(text)


@pytest.mark.parametrize(
    ("values", "ranks"),
    [
        ([[1, 2, 3], [3, 2, 4]], [2, 1]),
        ([[1, 2, np.nan], [3, 2, np.nan]], [2, 1]),
        ([[1, 2, np.inf], [3, 2, np.nan], [9, np.nan, np.nan]], [2, 1, 0]),
        ([[1, 2, 3], [3, 2, 4], [9, 9, np.inf]], [2, 1, 0]),
        ([[1, 2, 3], [9, 9, np.nan]], [0, 0]),
        ([[np.nan, 9, 9], [9, 9, np.nan]], [0, 0]),
        ([[np.inf, np.nan, np.nan]] * 2, [0, 0]),
    ],
)
def test_the_terminal_ranks_the_rows_that_reports_rank(tmp_path, values, ranks):
    stores.write(tmp_path, "tno@test", {f"m{i}": np.array([row], float) for i, row in enumerate(values)}, {"EN": 1})
    (one,) = measure(tmp_path)
    (table,) = tables(rows_in(tmp_path))
    assert [row[0].rank for row in terminal.entries(table)] == ranks
    compared = one.scores.compared("EN")
    assert [rank > 0 for rank in ranks] == (compared & (compared.sum() > 1)).tolist()
    marked = [bool(line.entries[0].mark) for line in scores.grids(content.Content(tmp_path, (one,)))[0].lines]
    assert marked == [rank > 0 for rank in ranks]
