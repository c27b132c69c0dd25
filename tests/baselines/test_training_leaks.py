"""No shipped checkpoint was trained on what the committed tables score it with, beyond what its record says."""

import csv
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

import baselines
from baselines.base import SHIPPED
from benchmark import datasets
from benchmark.curation import leakage
from benchmark.datasets.id_lists import parse_label

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
FURTHER = [(f"harvard_{name}_mri", split) for name in ("ct", "pet", "spect") for split in ("cddfuse", "patient-test")]
ALIKE = 0.9  # correlation of two MRI: slices next to each other reach it, heads of two patients 0.6


def quoted() -> list[tuple[str, str]]:
    """Data set and split of every committed table, and the medical ones that docs speak of."""
    found = dict.fromkeys(FURTHER)
    for path in sorted(REFERENCE.glob("*.csv")):
        rows = csv.DictReader(path.open(encoding="utf-8"))
        if "split" in rows.fieldnames:
            found.update(dict.fromkeys((row["dataset"], parse_label(row["split"])[0]) for row in rows))
    return list(found)


def pairs_of(dataset, split, shared):
    roots = (shared / "detection", shared / "data") if dataset in ("llvip", "m3fd") and split != "sample44" else ()
    for root in (*roots, shared / "data"):
        if datasets.get(dataset).unavailable(split, root) is None:
            return [pair for pair in datasets.get(dataset).pairs(split, root) if pair.problem is None]
    return []


@cache
def content(dataset, split, shared):
    """(id -> hashes of both images, high-passed second images (N, 4096))."""
    hashes, textures = {}, []
    for pair in pairs_of(dataset, split, shared):
        hashes[pair.id] = leakage.hash_pair(pair)
        small = np.array(Image.fromarray(pair.load().vis).resize((64, 64), Image.BOX), float)
        texture = (small - gaussian_filter(small, 4)).ravel()
        texture -= texture.mean()
        textures.append(texture / max(np.linalg.norm(texture), 1e-9))
    return hashes, np.array(textures).reshape(-1, 64 * 64)


def near_identical(test, train, medical):
    """Whether each test image has a twin in training: slices of two heads may have one hash, so MRI are correlated."""
    if medical:
        return (test[1] @ train[1].T >= ALIKE).any(axis=1)
    near = {id for id, _, _ in leakage.twins(train[0], test[0]).near}
    return np.array([id in near for id in test[0]])


def overlaps(record, shared) -> dict[str, dict[str, int]]:
    """DATASET@SPLIT -> how many of its pairs are near-identical to one of training, and how many show a scene of it."""
    lists = [tuple(entry.split()) for entry in record["trained_on"].split(", ")]
    found = {}
    for dataset, split in quoted():
        test = content(dataset, split, shared)
        medical = datasets.get(dataset).card.task == "mif"
        same, seen = np.zeros(len(test[0]), bool), np.zeros(len(test[0]), bool)
        for trained, part in lists:
            train = content(trained, part, shared)
            if len(train[0]) == 0 or medical != (datasets.get(trained).card.task == "mif"):
                continue
            same |= near_identical(test, train, medical)
            if trained == dataset or (medical and (split != "cddfuse" and part != "cddfuse")):
                scenes = {datasets.get(trained).scene_of(id) for id in train[0]} - {None}
                seen |= [datasets.get(dataset).scene_of(id) in scenes for id in test[0]]
        told = {"near-identical": int(same.sum()), "same scene": int(seen.sum())}
        if any(told.values()):
            found[f"{dataset}@{split}"] = told
    return found


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.json")), ids=lambda path: path.stem)
def test_record_says_what_its_training_shares_with_test_lists(path, shared):
    record = baselines.checkpoint_record(path)
    assert overlaps(record, shared) == record["overlaps"]


def test_a_leak_is_found(shared):
    """Training lists that are known to hold slices of CDDFuse's."""
    found = overlaps({"trained_on": "harvard_ct_mri train, harvard_spect_mri train"}, shared)
    assert found["harvard_ct_mri@cddfuse"]["near-identical"] >= 13
    assert found["harvard_spect_mri@cddfuse"]["near-identical"] >= 29
    found = overlaps({"trained_on": "roadscene train, tno cddfuse25"}, shared)
    assert found["roadscene@cddfuse50"]["same scene"] == 17 and found["tno@cddfuse25"]["near-identical"] == 25
