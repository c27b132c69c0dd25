"""What stands beside every table of pairs that a method saw in training, or scenes of which it saw."""

import json
from pathlib import Path

import numpy as np
import pytest
import stores

import baselines
from benchmark import datasets
from benchmark.report.training_overlap import caveats
from benchmark.store.cells import Cell
from benchmark.store.summary import Row


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "results"


def told(dataset: str, split: str, trained_on: str, ids) -> list[str]:
    row = Row(Cell(Path(), dataset, split, "m"), "standard", "done", len(ids), scores={id: {} for id in ids})
    lines = caveats(dataset, split, [Row(**{**vars(row), "trained_on": trained_on})])
    return [line for line in lines if line.startswith("m: ")]


def test_pairs_and_scenes_of_the_training_list_are_counted():
    tno = datasets.get("tno")
    everything = tno.listed_split("tno42")
    (line,) = told("tno", "tno42", "llvip sample44, tno train", everything)
    assert line.startswith("m: trained on tno train: 15 of these 42 pairs are in that list (scenes 05, 09, ")
    assert told("tno", "cddfuse25", "tno train", tno.listed_split("cddfuse25")) == []
    # 17 shows the place of 15.
    assert told("tno", "x", "tno cddfuse25", ["15", "05"]) == [
        "m: trained on tno cddfuse25: 1 of these 2 pairs show a scene of that list (scene 15)"
    ]
    roadscene = datasets.get("roadscene")
    test = roadscene.listed_split("cddfuse50")
    train = set(roadscene.listed_split("train"))
    scenes = {roadscene.scene_of(id) for id in train}
    near = sum(roadscene.scene_of(id) in scenes for id in test)
    for split in ("train", "train-100of171-0a1b2c", "train~stretch-minmax"):
        (line,) = told("roadscene", "cddfuse50-first50", f"roadscene {split}", test)
        seen = f"m: trained on roadscene {split}: {near} of these 50 pairs show a scene of that list (scenes "
        assert line.startswith(seen) and line.endswith(", …)")
    assert told("roadscene", "cddfuse50", "roadscene train-disjoint", test) == []
    (line,) = told("msrs", "test", "MSRS train", datasets.get("msrs").listed_split("test"))
    assert "361 of these 361 pairs show a scene of that list (" in line
    (line,) = told("harvard_ct_mri", "cddfuse", "harvard_ct_mri train", ["11", "31"])
    assert "2 of these 2 pairs show a scene of that list (" in line
    assert told("harvard_ct_mri", "cddfuse", "harvard_ct_mri patient-train", ["11", "31"]) == []
    both = told("harvard_pet_mri", "x", "harvard_pet_mri train", ["25016", "25015"])
    assert "1 of these 2 pairs are in that list, and 1 of these 2 pairs show a scene of that list" in both[0]


@pytest.mark.parametrize(
    "dataset, entry", [("msrs", "MSRS"), ("roadscene", "FLIR (180 pairs)"), ("llvip", "LLVIP (patches of 200 pairs)")]
)
def test_a_list_that_is_not_known_is_told(dataset, entry):
    (line,) = told(dataset, "test", f"MS COCO, {entry}", ["a"])
    assert line.startswith(f"m: trained on {entry}; which pairs") and line.endswith("not told")


def test_other_sets_are_not_told():
    assert told("tno", "tno42", "unknown", ["01"]) == told("folder", "all", "folder all", ["01"]) == []
    assert caveats("no such set", "test", []) == ()


@pytest.mark.parametrize("name", ["harvard_ct_mri", "harvard_pet_mri", "harvard_spect_mri"])
def test_caveats_stand_beside_every_table(bench, results, name):
    own = datasets.get(name).card.caveats["test"]
    place = f"{name}@test-12of24-0a1b2c"
    ids = datasets.get(name).listed_split("test")[:12]
    stores.write(results, place, stores.random(0, 3, 12), ids=ids, trained_on=f"{name} train")
    for form in ("markdown", "html", "latex", "json"):
        text = bench("report", "--format", form, "--out", "-").stdout
        tables = {"markdown": "### ", "html": "<table", "latex": r"\begin{table", "json": '"key":'}[form]
        assert text.count(own[:40]) >= text.count(tables) >= 1, form
    lines = bench("report", "--format", "csv", "--out", "-").stdout.splitlines()
    assert lines[0].endswith(",caveats") and all(own[:40] in line for line in lines[1:])
    assert "m0, m1, m2: trained on" in lines[1]


def test_shipped_checkpoints_name_lists_that_are_known():
    for path in (Path(baselines.__file__).parent / "checkpoints").glob("*.json"):
        for entry in json.loads(path.read_text(encoding="utf-8"))["trained_on"].split(", "):
            dataset, split = entry.split()
            assert datasets.get(dataset).listed_split(split)


@pytest.mark.parametrize("form", ["markdown", "html", "latex", "json", "csv"])
def test_a_training_that_was_chosen_here_is_told_beside_every_table(bench, results, form):
    """Of the methods whose record says so only."""
    ours = "its training was chosen here"
    stores.write(results, "synth@demo", {"m1": np.ones((2, 6))}, tuned=ours)
    stores.write(results, "synth@demo", {"m2": np.ones((2, 6))})
    text = bench("report", "--format", form, "--out", "-").stdout
    assert f"m1: {ours}" in " ".join(text.split())
    assert f"m2: {ours}" not in text and "m1, m2" not in text


def test_shipped_checkpoints_that_were_tuned_say_so():
    for path in (Path(baselines.__file__).parent / "checkpoints").glob("*.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        assert ("chosen here" in record.get("tuned", "")) == ("tuned" in path.stem), path.stem
