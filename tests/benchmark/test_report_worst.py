"""Where a method fails: which images, by which metrics, against whom, in every format and as a figure."""

import csv
import io
import json

import numpy as np
import pages
import pytest
import stores
from harness import scored_anew
from PIL import Image

from benchmark import statistics
from benchmark.report import failure_cases
from benchmark.report.measured import measure
from benchmark.statistics import Scores

# Scores of four images by EN, MI (higher is better) and MSE (lower is better).
VALUES = {
    "mine": [[9, 1, 5, 2], [9, 1, 5, 9], [0, 9, 5, 0]],
    "theirs": [[8, 2, 6, 1], [8, 2, 5, 8], [1, 5, 5, 1]],
    "other": [[7, 3, 7, 0], [7, 3, 4, 7], [2, 6, 5, 2]],
}


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("BENCH_RESULTS", "BENCH_DATA", "BENCH_WEIGHTS"):
        monkeypatch.delenv(name, raising=False)
    stores.write(tmp_path / "results", "tno@tno42", VALUES)
    return tmp_path / "results"


def worst(bench, *arguments, form="markdown"):
    result = bench("report", "--sections", "worst", "--format", form, "--out", "-", *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def rows_of(bench, *arguments) -> dict[str, list[str]]:
    """image -> texts of the one table."""
    (table,) = json.loads(worst(bench, *arguments, form="json"))["tables"]
    return {line["name"]: [entry["text"] for entry in line["entries"]] for line in table["lines"]}


def test_the_worst_images_come_first_with_what_they_are_lost_by(bench, results):
    text = worst(bench, "--methods", "mine")
    rows = rows_of(bench, "--methods", "mine")
    # Image 1: last by all three. Image 2: 3, 1.5 and 2 of 3. Image 0 and 3 are won by all metrics.
    assert list(rows) == ["0001", "0002"]
    assert rows["0001"] == ["3.00", "3", "EN 3, MI 3, MSE 3", "OTHER", "1.33"]
    assert rows["0002"] == ["2.17", "3", "EN 3, MSE 2, MI 1.5", "THEIRS", "1.83"]
    assert "Where MINE fails: TNO" in text and "2 images of 4" in text and "among 3 methods" in text
    assert list(rows_of(bench, "--methods", "mine", "--worst", 1)) == ["0001"]


def test_without_methods_it_is_the_best_ranked(bench, results):
    assert "Where MINE fails" in worst(bench), "1.79 of mean rank, against 1.83 and 2.38"
    stores.write(results, "tno@tno42", {"max": [[99] * 4, [99] * 4, [-99] * 4]})
    assert "Where MINE fails" in worst(bench), "no simple baseline"


def test_all_methods_compete_whatever_is_shown_but_no_baselines(bench, results):
    stores.write(results, "tno@tno42", {name: [[99] * 4, [99] * 4, [-99] * 4] for name in ("vis", "average")})
    expected = worst(bench, "--methods", "mine")
    assert "VIS" not in expected and "AVERAGE" not in expected
    assert worst(bench, "--methods", "mine", "--no-naive") == expected
    # A baseline that is asked for meets the methods.
    assert "no other method is ahead on any image by any metric" in worst(bench, "--methods", "average")
    assert "Where THEIRS fails" in worst(bench, "--methods", "theirs,mine")


def test_baselines_compete_where_there_is_nothing_else_and_sources_never(bench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    values = {"mine": VALUES["mine"], "average": VALUES["theirs"], "vis": [[99] * 4, [99] * 4, [-99] * 4]}
    stores.write(tmp_path / "results", "tno@tno42", values)
    rows = rows_of(bench)
    assert rows["0001"] == ["2.00", "2", "EN 2, MI 2, MSE 2", "AVERAGE", "1.00"]
    stores.write(tmp_path / "results", "msrs@test", {"mine": VALUES["mine"], "vis": VALUES["theirs"]})
    assert "MINE: no other method is ranked" in worst(bench, "--dataset", "msrs", "--methods", "mine")
    assert "nothing to show" in bench("report", "--sections", "worst", "--dataset", "msrs").stderr


def test_what_cannot_be_compared_says_why(bench, results):
    some = [[1, None, 1, 1]] * 3
    stores.write(results, "tno@tno42", {"partial": some, "undefined": [[1] * 4, [np.nan] * 4, [1] * 4]})
    text = worst(bench, "--methods", "partial,undefined")
    assert "PARTIAL: partial 3/4: only complete rows are compared" in text
    assert "UNDEFINED: it lacks a metric that others are ranked by" in text


def test_rows_saved_otherwise_take_no_part(bench, results):
    stores.write(results, "msrs@test", VALUES, output="raw")
    best = [[99] * 4, [99] * 4, [-99] * 4]
    stores.write(results, "msrs@test", {"mine+native": best}, name="mine", output="native", native="stretched")
    text = worst(bench, "--dataset", "msrs", "--methods", "mine,mine+native")
    assert "raw output is compared, and this is another one" in text and "2 images of 4" in text
    other = worst(bench, "--dataset", "msrs", "--methods", "mine+native", "--output", "native")
    assert "no other method is ranked" in other and "‡ MINE native: stretched" in other, "a mark is explained"


def test_undefined_for_all_takes_no_part(bench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gap = np.nan
    values = {"a": [[1, 1, gap], [1, gap, gap], [1, 1, gap]], "b": [[2, 2, gap], [2, gap, gap], [0, 0, gap]]}
    stores.write(tmp_path / "results", "tno@tno42", values)
    rows = rows_of(bench, "--methods", "a")
    assert rows["0000"][2] == "EN 2, MI 2, MSE 2" and rows["0001"][2] == "EN 2, MSE 2" and "0002" not in rows


def test_against_a_loop(tmp_path):
    """By hand, image after image, for every method of a table with ties."""
    random = np.random.default_rng(3)
    values = {f"m{i}": random.integers(0, 4, (3, 30)).astype(float) for i in range(5)}
    stores.write(tmp_path, "tno@tno42", values)
    (one,) = measure(tmp_path)
    found = [failures.cases for failures in failure_cases.of_table(one).values()]
    assert len(found) == 5
    for row in range(5):
        expected = []
        for k, id in enumerate(one.scores.ids):
            ranks = []
            for metric, direction in stores.METRICS.items():
                column = direction * one.scores.values[:, one.scores.index(metric), k]
                ranks.append([(column > v).sum() + ((column == v).sum() + 1) / 2 for v in column])
            means = np.mean(ranks, axis=0)
            others = [i for i in range(5) if i != row]
            best = min(others, key=lambda i: (round(means[i], 9), i))
            own = np.array(ranks)[:, row]
            gap = round(means[best] - means[row], 9)
            expected.append((-round(means[row], 9), gap, k, id, best, own))
        expected = [case for case in sorted(expected, key=lambda case: case[:3]) if (case[5] > 1).any()]
        assert [(case.id, case.best) for case in found[row]] == [(id, best) for _, _, _, id, best, _ in expected]
        assert [case.mean_rank for case in found[row]] == pytest.approx([-case[0] for case in expected])
        for case, (*_, ranks) in zip(found[row], expected):
            lost = {metric: rank for metric, rank in zip(stores.METRICS, ranks) if rank > 1}
            assert dict(case.losses) == lost and [r for _, r in case.losses] == sorted(lost.values(), reverse=True)


def test_ranks_of_images_need_a_direction():
    scores = Scores(("a", "b"), {"EN": 0}, ("x",), np.zeros((2, 1, 1)))
    with pytest.raises(ValueError, match="no direction"):
        statistics.image_ranks(scores, np.array([0, 1]), ["EN"])


def test_every_format_has_it(bench, results):
    lines = list(csv.DictReader(io.StringIO(worst(bench, "--methods", "mine", form="csv"))))
    (first, second) = [line for line in lines if line["image"]]
    assert (first["image"], first["method"], first["metric"], first["mean"]) == ("0001", "mine", "mean rank", "3.0")
    assert (second["place"], second["loses_by"], second["best_other"]) == ("3", "EN 3; MSE 2; MI 1.5", "theirs")
    assert (
        "image" not in csv.DictReader(io.StringIO(bench("report", "--format", "csv", "--out", "-").stdout)).fieldnames
    )
    (table,) = json.loads(worst(bench, "--methods", "mine", form="json"))["tables"]
    assert [line["name"] for line in table["lines"]] == ["0001", "0002"]
    result = bench("report", "--sections", "worst", "--out", "out")
    assert result.exit_code == 0
    for name in ("report.tex", "report.html", "report.xlsx", "report.md"):
        assert (results.parent / "out" / name).stat().st_size
    assert "EN 3, MSE 2, MI 1.5" in (results.parent / "out" / "report.tex").read_text()
    assert "Where MINE fails" not in bench("report", "--format", "markdown", "--out", "-").stdout, (
        "only where asked for"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--worst", 3), "add --sections worst"),
        (("--sections", "scores", "--worst", 3), "add --sections worst"),
        (("--sections", "worst", "--worst", 0), "x>=1"),
        (("--sections", "wrost"), "did you mean worst?"),
        (("--sections", "worst", "--methods", "mien"), "did you mean mine?"),
    ],
)
def test_mistakes(bench, results, arguments, words):
    result = bench("report", "--format", "markdown", "--out", "-", *arguments)
    assert result.exit_code == 2 and words in result.stderr


def test_the_figure_shows_the_pairs_with_the_best_other_one(bench, tmp_path, monkeypatch):
    from benchmark.figures import image_grid, style

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BENCH_DATA", raising=False)
    results = tmp_path / "results"
    pages.write(results, "tno@test", ["ir", "vis", "mine", "theirs"], ["a", "b", "c"], kinds=("fused",))
    (results / "tno@test" / "mine" / "fused" / "b.png").unlink()
    image = results / "tno@test" / "theirs" / "fused" / "c.png"
    Image.new("L", (10, 10)).save(image)
    scored_anew(image)
    drawn = {}
    qualitative = image_grid.qualitative

    def draw(plt, rows, titles, width):
        drawn.update(rows={row.id: row for row in rows}, titles=list(titles.values()))
        return qualitative(plt, rows, titles, width)

    monkeypatch.setattr(image_grid, "qualitative", draw)
    monkeypatch.setattr(style, "save", lambda figure, stem, formats: [stem.with_suffix(".png")])
    result = bench("report", "--sections", "worst", "--methods", "mine", "--figures", "--format", "csv", "--out", "out")
    assert "out/figures/worst-mine-tno@test-standard.png" in result.stdout.splitlines()
    assert drawn["titles"] == ["Infrared", "Visible", "Mine", "Best other"]
    assert set(drawn["rows"]) == {"a, best: Theirs", "c, best: Theirs"}
    row = drawn["rows"]["a, best: Theirs"]
    stored = np.asarray(Image.open(results / "tno@test" / "theirs" / "fused" / "a.png"))
    assert np.array_equal(row.pictures["best other"], stored) and row.crops
    assert "unlike its sources" in drawn["rows"]["c, best: Theirs"].missing["best other"]
    assert "worst images of tno@test mine: b: mine: no picture" in result.stderr
    assert "c: theirs: 10x10, unlike its sources" in result.stderr
