"""The checkpoints that the package ships."""

import csv
from pathlib import Path

import numpy as np
import pytest
import yaml

import baselines
import metrics
from baselines.base import SHIPPED
from baselines.tasks import Recipe, recipes
from benchmark import datasets
from benchmark.datasets.id_lists import ids_sha256

FILES = sorted(SHIPPED.glob("*.safetensors"))
INFRARED = [path for path in FILES if not path.stem.endswith("-mif")]
MEDICAL = [path for path in FILES if path.stem.endswith("-mif")]
REFERENCE = sorted((Path(__file__).parents[2] / "results" / "reference").glob("*.csv"))


def reference_means(method: str) -> dict[str, dict[str, float]]:
    """DATASET@SPLIT -> metric -> mean under protocol cddfuse, of every file that holds the method, of what its authors
    save."""
    means, label = {}, f"{method}+native" if baselines.method(method).native() else method
    for path in REFERENCE:
        for row in csv.DictReader(path.open()):
            if (row.get("method"), row["protocol"]) == (label, "cddfuse"):
                means.setdefault(f"{row['dataset']}@{row['split']}", {})[row["metric"]] = float(row["mean"])
    return means


def test_both_networks_are_shipped_for_both_tasks_as_reproductions_and_tuned():
    names = {name + task for name in ("mambadfuse", "cddfuse") for task in ("", "-mif", "-tuned")}
    assert {path.stem for path in FILES} == names | {"mambadfuse-tuned-mif"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_record_belongs_to_the_file(path):
    """Its hash and start, the recipe that comes with the method, the committed training lists, the validation curve."""
    record = baselines.checkpoint_record(path)
    assert record["sha256"] == baselines.sha256(path)
    method, _, name = path.stem.partition("-")
    recipe = Recipe.of(yaml.safe_load(recipes(method)[name or "ivf"].read_text()))
    assert Recipe(**record["recipe"]) == recipe
    rows = list(csv.DictReader(path.with_suffix(".csv").open()))
    assert int(rows[-1]["step"]) == record["steps"] == recipe.steps
    for name in metrics.CORE:
        assert float(rows[-1][name]) == record["validation"][name]
    assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    if name.endswith("mif"):
        begun = baselines.checkpoint_record(SHIPPED / f"{path.stem.removesuffix('-mif')}.safetensors")
        assert record["start_sha256"] in (begun["sha256"], begun.get("converted_from", {}).get("sha256"))
    for source in record["data"]:
        ids = datasets.get(source["dataset"]).listed_split(source["split"])
        assert (source["ids_sha256"], source["pairs"]) == (ids_sha256(ids), len(ids))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_scores_are_the_reference_tables(path):
    """Of the same sets, to the four digits that a record keeps."""
    scores = dict(baselines.checkpoint_record(path)["scores"])
    assert scores.pop("protocol") == "cddfuse"
    scores = {name.partition(",")[0]: means for name, means in scores.items()}
    reference = reference_means(path.stem)
    assert scores.keys() == reference.keys() and len(scores) >= 2
    for name, means in scores.items():
        assert means == pytest.approx({metric: reference[name][metric] for metric in metrics.CORE}, abs=5.1e-5), name


def mean_scores(method: str, pairs, part=np.s_[:, :]) -> dict[str, float]:
    """Under cddfuse, of what the method makes of the images, or a part of them, as its authors save it."""
    fuser, scores = baselines.load(method), []
    for images in (pair.load() for pair in pairs):
        ir, vis = images.ir[part], images.vis[part]
        fused = np.round(fuser.fuse(ir, vis, "native") * 255).astype(np.uint8)
        scores.append(list(metrics.evaluate(fused, ir, vis, protocol="cddfuse").values()))
    return dict(zip(metrics.CORE, np.mean(scores, axis=0)))


@pytest.mark.parametrize("path", INFRARED, ids=lambda path: path.stem)
def test_keeps_more_detail_than_the_average_on_drawn_scenes(path, monkeypatch):
    """Contrast, detail and edges of the middle of three built-in scenes, which no training saw and which look like none
    of its images: SD, SF and Qabf by a tenth at least."""
    monkeypatch.delenv("BENCH_WEIGHTS", raising=False)
    pairs = datasets.get("synth").pairs("demo")[::2]
    network, average = (mean_scores(name, pairs, np.s_[40:200, 56:264]) for name in (path.stem, "average"))
    for metric in ("SD", "SF", "Qabf"):
        assert network[metric] > 1.1 * average[metric], metric


@pytest.mark.parametrize("path", MEDICAL, ids=lambda path: path.stem)
def test_keeps_more_of_a_medical_pair_than_the_average(path, shared, monkeypatch):
    """One PET-MRI slice of the test list: SD, SF and Qabf by a fifth at least, and more of SCD."""
    monkeypatch.delenv("BENCH_WEIGHTS", raising=False)
    pairs = datasets.get("harvard_pet_mri").pairs("test", shared / "data")[12:13]
    network, average = (mean_scores(name, pairs) for name in (path.stem, "average"))
    for metric in ("SD", "SF", "Qabf"):
        assert network[metric] > 1.2 * average[metric], metric
    assert network["SCD"] > average["SCD"]


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("path", INFRARED, ids=lambda path: path.stem)
def test_beats_the_average_on_held_back_pairs(path, shared, monkeypatch):
    """At least 5 of the 8 metrics under cddfuse on the 50 test pairs of RoadScene; the means are those that are kept
    in results/reference, to 1 %."""
    monkeypatch.delenv("BENCH_WEIGHTS", raising=False)
    kept, average = (reference_means(name)["roadscene@cddfuse50"] for name in (path.stem, "average"))
    means = mean_scores(path.stem, datasets.get("roadscene").pairs("cddfuse50", shared / "data"))
    for name, mean in means.items():
        assert mean == pytest.approx(kept[name], rel=0.01)
    assert sum(means[name] > average[name] for name in means) >= 5
