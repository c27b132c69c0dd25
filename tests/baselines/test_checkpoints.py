"""The checkpoints that the package ships."""

import csv
from pathlib import Path

import numpy as np
import pytest
import yaml

import baselines
import metrics
from baselines.base import SHIPPED
from baselines.training import Recipe, recipes
from benchmark import datasets
from benchmark.datasets.base import ids_sha256, split_hashes

FILES = sorted(SHIPPED.glob("*.safetensors"))
INFRARED = [path for path in FILES if not path.stem.endswith("-mif")]


def test_both_networks_are_shipped_for_both_tasks():
    assert {path.stem for path in FILES} >= {"mambadfuse", "mambadfuse-mif", "cddfuse", "cddfuse-mif"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_record_belongs_to_the_file(path):
    """Its hash, the recipe that comes with the method, the committed training lists, the validation curve."""
    record = baselines.checkpoint_record(path)
    assert record["sha256"] == baselines.sha256(path)
    method, _, task = path.stem.partition("-")
    recipe = Recipe.of(yaml.safe_load(recipes(method)[task or "ivf"].read_text()))
    assert record["recipe"] == vars(recipe)
    rows = list(csv.DictReader(path.with_suffix(".csv").open()))
    assert int(rows[-1]["step"]) == record["steps"] == recipe.steps
    for name in metrics.CORE:
        assert float(rows[-1][name]) == record["validation"][name]
    assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    for source in record["data"]:
        known = split_hashes().get(f"{source['dataset']}_{source['split']}")
        if source["dataset"] == "roadscene":
            known = ids_sha256(datasets.get("roadscene").schemes()["cddfuse50"]["train"])
        assert known in (None, source["ids_sha256"])
    assert [source["pairs"] for source in record["data"]] == ([160, 245, 333] if task else [171, 44, 15])


@pytest.mark.parametrize("path", INFRARED, ids=lambda path: path.stem)
def test_keeps_more_detail_than_the_average_on_drawn_scenes(path, monkeypatch):
    """Contrast, detail and edges of three built-in scenes, which no training saw and which look like none of its
    images: SD, SF and Qabf by a tenth at least."""
    monkeypatch.delenv("BENCH_WEIGHTS", raising=False)
    fuser, average = baselines.load(path.stem), baselines.load("average")
    scores = {"network": [], "average": []}
    for pair in datasets.get("synth").pairs("demo")[::2]:
        images = pair.load()
        for name, method in (("network", fuser), ("average", average)):
            fused = np.round(method.fuse(images.ir, images.vis) * 255).astype(np.uint8)
            scores[name].append(list(metrics.evaluate(fused, images.ir, images.vis, protocol="cddfuse").values()))
    means = {name: dict(zip(metrics.CORE, np.mean(rows, axis=0))) for name, rows in scores.items()}
    for metric in ("SD", "SF", "Qabf"):
        assert means["network"][metric] > 1.1 * means["average"][metric], metric


@pytest.mark.slow
@pytest.mark.parametrize("path", INFRARED, ids=lambda path: path.stem)
def test_beats_the_average_on_held_back_pairs(path, shared, monkeypatch):
    """At least 5 of the 8 metrics under cddfuse on the 50 test pairs of RoadScene; the means are those that are kept
    in results/reference, to 1 %."""
    monkeypatch.delenv("BENCH_WEIGHTS", raising=False)
    reference = Path(__file__).parents[2] / "results" / "reference" / "roadscene_cddfuse50.csv"
    with reference.open() as file:
        kept = {
            (row["method"], row["metric"]): float(row["mean"])
            for row in csv.DictReader(file)
            if row["protocol"] == "cddfuse"
        }
    fuser, rows = baselines.load(path.stem), []
    for pair in datasets.get("roadscene").pairs("cddfuse50", shared / "data"):
        images = pair.load()
        fused = np.round(fuser.fuse(images.ir, images.vis) * 255).astype(np.uint8)
        rows.append(list(metrics.evaluate(fused, images.ir, images.vis, protocol="cddfuse").values()))
    means = dict(zip(metrics.CORE, np.mean(rows, axis=0)))
    for name, mean in means.items():
        assert mean == pytest.approx(kept[path.stem, name], rel=0.01)
    assert sum(means[name] > kept["average", name] for name in means) >= 5
