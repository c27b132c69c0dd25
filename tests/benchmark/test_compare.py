"""`bench compare`: differences image by image, with tests, between methods, cells and whole folders of results."""

import csv
import io
import json
import shutil

import numpy as np
import pytest
import stores
from scipy import stats

from benchmark.store import files

STEPS = np.random.default_rng(8).permutation(np.linspace(0.1, 0.4, 16))  # no neighbours are alike


IDS = [f"set{i:02d}_V000_I00001" for i in range(20)]  # of KAIST, each of a scene by itself


@pytest.fixture
def results(tmp_path, monkeypatch):
    """b is better than a in EN on every image, worse in MSE, and the same in MI."""
    monkeypatch.chdir(tmp_path)
    base = np.linspace(4, 6, 16)
    stores.write(tmp_path / "results", "tno@tno42", {"a": [base] * 3, "b": [base + STEPS, base, base + STEPS]})
    return tmp_path / "results"


def rows(bench, *arguments):
    text = bench("compare", *arguments, "--format", "csv").stdout
    return {(row["method_b"], row["metric"]): row for row in csv.DictReader(io.StringIO(text))}


def test_two_methods(bench, results):
    found = rows(bench, "a", "b")
    row = found["b", "EN"]
    assert float(row["difference"]) == pytest.approx(0.25)
    assert float(row["mean_b"]) - float(row["mean_a"]) == pytest.approx(0.25)
    assert float(row["low"]) < 0.25 < float(row["high"])
    assert float(row["p"]) == pytest.approx(1 / 20000)  # no other of the signs drawn does as much
    half = stats.t.ppf(0.975, 15) * stats.sem(STEPS)
    assert (float(row["low"]), float(row["high"])) == pytest.approx((0.25 - half, 0.25 + half))
    assert (row["verdict"], row["changed"], row["images"], row["unit"]) == ("better", "16", "16", "image")
    assert found["b", "MSE"]["verdict"] == "worse"
    assert (found["b", "MI"]["verdict"], found["b", "MI"]["p"]) == ("same", "")
    assert rows(bench, "b", "a")["a", "EN"]["verdict"] == "worse"
    assert list(rows(bench, "a", "b", "--metrics", "mse")) == [("b", "MSE")]


def test_text(bench, results):
    text = bench("compare", "a", "b").stdout
    assert "TNO, 16 images, protocol standard: A → B" in text
    assert "EN ↑" in text
    assert "▲ better" in text
    assert "▼ worse" in text
    assert "A = a, B = b: 1 better, 1 worse, 1 same" in text
    assert "a → b: name a → b" in text


@pytest.mark.parametrize(("kind", "words"), [("markdown", "| EN ↑ |"), ("latex", r"\toprule"), ("html", "<table>")])
def test_formats(bench, results, kind, words):
    assert words in bench("compare", "a", "b", "--format", kind).stdout
    found = json.loads(bench("compare", "a", "b", "--format", "json").stdout)
    assert [change["verdict"] for change in found["changes"]] == ["better", "same", "worse"]
    assert found["changes"][1]["p"] is None


def test_infinite_values_are_left_out_and_told(bench, results):
    """As of equal images, whose PSNR has no end."""
    for method, ids in (("a", 1), ("b", 3)):
        path = results / "tno@tno42" / method / "scores.jsonl"
        lines = files.read_lines(path)
        for line in lines[:ids]:
            line["scores"]["EN"] = "inf"
        files.write_lines(path, map(files.signed, lines))
    row = rows(bench, "a", "b")["b", "EN"]
    assert (row["images"], row["verdict"]) == ("13", "better")
    assert 4 < float(row["mean_a"]) < float(row["mean_b"]) < 7
    assert "EN is infinite in A for 1 and in B for 3 of 16 images: left out" in bench("compare", "a", "b").stdout


def test_noise_shows_no_difference(bench, results):
    noise = np.random.default_rng(4).normal(0, 0.1, 16)
    noise -= noise.mean()
    stores.write(results, "tno@tno42", {"c": [np.linspace(4, 6, 16) + noise] * 3})
    assert {row["verdict"] for row in rows(bench, "a", "c").values()} == {"not shown"}


def test_two_folders(bench, results):
    shutil.copytree(results, "before")
    shutil.rmtree(results / "tno@tno42" / "b")
    base = np.linspace(4, 6, 16)
    worse = base - STEPS
    stores.write(
        results, "tno@tno42", {"b": [base, base, worse]}, version="2", checkpoint={"file": "x", "sha256": "ab" * 9}
    )
    stores.write(results, "tno@tno42", {"new": [base] * 3})
    found = rows(bench, "before", "results")
    assert {found["a", metric]["verdict"] for metric in stores.METRICS} == {"same"}
    assert [found["b", metric]["verdict"] for metric in stores.METRICS] == ["worse", "same", "better"]
    text = bench("compare", "before", "results").stdout
    assert "b: version none → 2" in text
    assert "b: checkpoint none → x abababab" in text
    assert "only in results: tno@tno42 new under standard" in text
    assert "protocol standard: a" not in text  # nothing changed there
    assert "4 same" in text


def test_folders_of_single_methods(bench, results):
    found = rows(bench, "results/tno@tno42/a", "results/tno@tno42/b")
    assert found["b", "EN"]["verdict"] == "better"


def test_scenes(bench, results):
    ids = [f"{place}{n:04d}" for place in (19, 20, 21) for n in range(5)]
    base = np.linspace(4, 6, 15)
    stores.write(results, "llvip@test", {"x": [base] * 3, "y": [base + np.linspace(0.1, 0.2, 15)] * 3}, ids=ids)
    found = rows(bench, "x", "y")["y", "EN"]
    assert (found["unit"], found["units"], found["verdict"], found["p"]) == ("scene", "3", "too few", "")
    assert found["low"] == ""


def test_too_few_images(bench, results):
    """Six that differ, or more that are as good as six."""
    base, steps = np.linspace(4, 6, 16), np.linspace(0.1, 0.2, 16)
    for name, count in (("six", 6), ("all", 16)):
        values = {"x": [base[:count]] * 3, "y": [base[:count] + steps[:count]] * 3}
        stores.write(results, f"roadscene@{name}", values, ids=list("abcdefghijklmnop")[:count])
    found = list(csv.DictReader(io.StringIO(bench("compare", "x", "y", "--format", "csv").stdout)))
    told = {(row["verdict"], row["changed"], row["p"]) for row in found}
    assert told == {("too few", "6", ""), ("too few", "16", "")}
    assert "too few: fewer than 7 independent images" in bench("compare", "x", "y").stdout
    seven = base[:7] + np.array([0.1, 0.4, 0.2, 0.3, 0.1, 0.4, 0.2])
    stores.write(results, "roadscene@seven", {"x": [base[:7]] * 3, "y": [seven] * 3}, ids=list("abcdefg"))
    found = list(csv.DictReader(io.StringIO(bench("compare", "x", "y", "--format", "csv").stdout)))
    assert {row["verdict"] for row in found if row["split"] == "seven"} == {"better", "worse"}


def test_p_is_corrected_for_everything_compared(bench, results):
    """p of 0.03 is significant alone, but not among three metrics or on two data sets."""
    waves = stats.zscore(np.random.default_rng(1).normal(0, 1, (3, 20)), axis=1)
    waves += stats.t.isf(0.015, 19) * waves.std(ddof=1, axis=1, keepdims=True) / np.sqrt(20)
    for place in ("one", "two"):
        stores.write(results, f"kaist@{place}", {"x": np.zeros((3, 20)), "y": waves}, ids=IDS)
    once, one = (rows(bench, "results/kaist@one/x", "results/kaist@one/y", *only) for only in ((), ("--metrics", "EN")))
    twice = rows(bench, "x", "y", "--metrics", "EN")
    assert 0.02 < float(one["y", "EN"]["p"]) < 0.05 and one["y", "EN"]["verdict"] == "better"
    assert all(0.05 < float(row["p"]) <= 0.1 and row["verdict"] == "not shown" for row in once.values())
    assert float(twice["y", "EN"]["p"]) == pytest.approx(2 * float(one["y", "EN"]["p"]))
    assert twice["y", "EN"]["verdict"] == "not shown"


def test_fewer_images(bench, results):
    values = np.array([np.linspace(4, 6, 16)] * 3).astype(object)
    values[:, 12:] = None
    stores.write(results, "tno@tno42", {"short": values})
    assert rows(bench, "short", "b")["b", "EN"]["images"] == "12"
    text = bench("compare", "short", "b").stdout
    assert "compared on the 12 images of 16 that both have" in text


def test_different_images_are_not_compared(bench, results):
    stores.write(results, "tno@tno42", {"other": np.ones((3, 16))}, split_sha256="1" * 64)
    result = bench("compare", "a", "other")
    assert result.exit_code == 2
    assert "made from different images" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a", "zzz"], ["unknown method in results 'zzz'", "known: a, b"]),
        (["a", "no/folder"], ["no/folder: no folder of results, nor a method"]),
        (["results", "a"], ["results is a folder of results and a is a single method"]),
        (["a", "b", "--metrics", "XX"], ["nothing to compare"]),
        (["a"], ["Missing argument 'B'"]),
        (["a", "empty"], ["no results in empty"]),
    ],
)
def test_mistakes(bench, results, arguments, words):
    (results.parent / "empty").mkdir()
    result = bench("compare", *arguments)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    for word in words:
        assert word in line


def test_nothing_in_common(bench, results):
    stores.write(results, "roadscene@all", {"c": np.ones((3, 8))})
    result = bench("compare", "a", "c")
    assert result.exit_code == 2
    assert "a and c have no split and protocol in common" in result.stderr
