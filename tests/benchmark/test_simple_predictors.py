"""Numbers of fused images that take no metric, kept beside the results."""

import shutil

import numpy as np
import pytest
from harness import IDS, cell, draw, rewrite

from benchmark import datasets, progress
from benchmark.imaging import reading, saving
from benchmark.worth import simple_predictors
from benchmark.worth.simple_predictors import CLIPPED, INFRARED, MEAN, NAMES, VISIBLE, predictors


@pytest.fixture
def said(monkeypatch):
    """What is told, and nothing is remembered of other tests."""
    for remembered in (simple_predictors._sources, simple_predictors._loaded, progress.say_once):
        remembered.cache_clear()
    lines = []
    monkeypatch.setattr(progress, "say", lambda text, *_, **__: lines.append(text))
    return lines


@pytest.fixture
def drawn(bench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert bench("run", "--limit", 2, "--methods", "average,max", "--metrics", "EN", "--jobs", 0).exit_code == 0
    (place,) = tmp_path.glob("results/synth@*")
    ids = sorted(file.stem for file in (place / "average" / "fused").iterdir())
    return tmp_path / "results", "synth", place.name.partition("@")[2], ids


def test_values_are_those_of_the_pixels(drawn, said):
    results, dataset, split, ids = drawn
    found = predictors(results, dataset, [split], "max", ids)
    assert tuple(found) == NAMES and not said
    pairs = datasets.get("synth").at_hand()
    for id in ids:
        image = reading.read_luminance(results / f"synth@{split}" / "max" / "fused" / f"{id}.png")
        pair = pairs[id].load()
        assert found[MEAN][id] == pytest.approx(image.mean())
        assert found[CLIPPED][id] == pytest.approx(np.isin(image, (0, 255)).mean())
        for name, source in ((INFRARED, pair.ir), (VISIBLE, pair.vis)):
            assert found[name][id] == pytest.approx(np.corrcoef(image.ravel(), source.ravel())[0, 1])
    assert predictors(results, dataset, ["empty", split], "max", ids) == found
    assert found[INFRARED] != predictors(results, dataset, [split], "average", ids)[INFRARED]


def test_they_are_kept_as_long_as_the_images_are_the_same(drawn, said, monkeypatch):
    results, dataset, split, ids = drawn
    found = predictors(results, dataset, [split], "average", ids)
    assert predictors(results, dataset, [split], "average", ids[:1]) == {
        n: {ids[0]: v[ids[0]]} for n, v in found.items()
    }
    monkeypatch.setattr(simple_predictors, "_computed", lambda *_: pytest.fail("computed again"))
    assert predictors(results, dataset, [split], "average", ids) == found
    shutil.rmtree(results / f"synth@{split}" / "average" / "fused")
    assert predictors(results, dataset, [split], "average", ids) == found
    monkeypatch.undo()
    file = results / "worth" / "predictors" / f"synth@{split}" / "average.jsonl"
    file.write_text(file.read_text()[:-20] + '\n{"id": "' + ids[0] + '", "values": 3}\n')
    assert predictors(results, dataset, [split], "average", ids) == {}  # of one image, nothing is left
    scores = results / f"synth@{split}" / "average" / "scores.jsonl"
    rewrite(scores, lambda line: {**line, "fused": "0" + line["fused"]})
    assert predictors(results, dataset, [split], "average", ids[:1]) == {}


def test_an_image_that_is_not_what_was_scored_has_none(drawn, said):
    results, dataset, split, ids = drawn
    path = results / f"synth@{split}" / "average" / "fused" / f"{ids[0]}.png"
    saving.save_luminance(path, 255 - reading.read_luminance(path))
    assert predictors(results, dataset, [split], "average", ids) == {}
    assert len(said) == 1 and "gone" in said[0]
    assert predictors(results, dataset, [split], "average", ["no such pair"]) == {}


def test_without_the_sources_correlations_are_left_out_in_one_line(bench_folder, pairs, said):
    bench_folder("run", "--methods", "average,max", "--metrics", "EN")
    split = cell(pairs, "average").parent.name.partition("@")[2]
    for method in ("average", "max"):
        found = predictors(pairs / "results", "folder", [split], method, IDS, pairs)
        assert tuple(found) == (MEAN, CLIPPED) and found[MEAN].keys() == set(IDS)
    told = [line for line in said if "sources" in line]
    assert told == [f"folder@{split}: its sources are not at hand; no correlations with them (give --data-root)"]


def test_other_sources_of_the_same_names_are_refused(bench, tmp_path, monkeypatch, said):
    monkeypatch.chdir(tmp_path)
    for id in ("00001", "00002"):
        for seed, part in enumerate(("Ir", "Vis")):
            draw(tmp_path / "M3FD_Detection" / part / f"{id}.png", seed, colour=part == "Vis")
    command = ("run", "--dataset", "m3fd", "--split", "all", "--data-root", tmp_path)
    assert bench(*command, "--methods", "average", "--metrics", "EN", "--jobs", 0).exit_code == 0
    (place,) = tmp_path.glob("results/m3fd@*")
    of = (tmp_path / "results", "m3fd", [place.name.partition("@")[2]], "average", ["00001", "00002"])
    draw(tmp_path / "M3FD_Detection" / "Ir" / "00002.png", 7)
    said.clear()
    assert tuple(predictors(*of, tmp_path)) == (MEAN, CLIPPED)
    assert [line for line in said if "not those that were fused" in line] == said and len(said) == 1
    draw(tmp_path / "M3FD_Detection" / "Ir" / "00002.png", 0)
    simple_predictors._loaded.cache_clear()
    assert tuple(predictors(*of, tmp_path)) == NAMES  # what lacked them is computed once the sources are there


def test_a_constant_image_has_no_correlation():
    flat, varied = np.full((8, 8), 255, np.uint8), np.arange(64, dtype=np.uint8).reshape(8, 8)
    assert np.isnan(simple_predictors.correlation(flat, varied))
    assert simple_predictors.of_image(flat) == {MEAN: 255, CLIPPED: 1}
    assert simple_predictors.correlation(varied, 255 - varied) == pytest.approx(-1)
