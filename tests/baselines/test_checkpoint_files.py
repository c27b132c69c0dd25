"""Checkpoints that are several files, and folders that methods share."""

from dataclasses import replace

import pytest

from baselines import MethodCard, Unavailable, checkpoint_files, checkpoint_sha256, find_checkpoint, sha256
from baselines.base import training_record

CARD = MethodCard(
    "two",
    "Two",
    "learned",
    trained_on="MSRS",
    checkpoints={"encoder.pkl": None, "two.safetensors": None},
    companions={"encoder.pkl": {"decoder.pkl": None}},
    weights_folder="shared_by_two",
)


@pytest.fixture(autouse=True)
def _nothing_else(monkeypatch, tmp_path):
    monkeypatch.delenv("BENCH_WEIGHTS", raising=False)
    monkeypatch.setattr("baselines.base.SHIPPED", tmp_path / "shipped")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "shared_by_two"
    folder.mkdir()
    (folder / "encoder.pkl").write_bytes(b"encoder")
    (folder / "decoder.pkl").write_bytes(b"decoder")
    return folder


def test_all_files_are_found_in_the_folder_of_the_card(folder):
    found = find_checkpoint(CARD, weights_root=folder.parent)
    assert found == folder / "encoder.pkl"
    assert checkpoint_files(CARD, found) == [folder / "encoder.pkl", folder / "decoder.pkl"]


def test_a_file_alone_is_no_checkpoint(folder):
    (folder / "decoder.pkl").unlink()
    with pytest.raises(Unavailable, match=r"encoder\.pkl with decoder\.pkl or shared_by_two/two\.safetensors"):
        find_checkpoint(CARD, weights_root=folder.parent)
    with pytest.raises(Unavailable, match=r"needs decoder\.pkl beside it"):
        find_checkpoint(CARD, folder / "encoder.pkl")
    (folder / "two.safetensors").write_bytes(b"both")
    assert find_checkpoint(CARD, weights_root=folder.parent).name == "two.safetensors"


def test_each_file_counts_in_the_hash(folder):
    first = checkpoint_sha256(CARD, folder / "encoder.pkl")
    assert first != sha256(folder / "encoder.pkl")
    (folder / "decoder.pkl").write_bytes(b"another")
    assert checkpoint_sha256(CARD, folder / "encoder.pkl") != first
    (folder / "two.safetensors").write_bytes(b"both")
    assert checkpoint_sha256(CARD, folder / "two.safetensors") == sha256(folder / "two.safetensors")


def test_the_authors_files_are_known_by_all_their_hashes(folder):
    card = replace(
        CARD,
        checkpoints={"encoder.pkl": sha256(folder / "encoder.pkl")},
        companions={"encoder.pkl": {"decoder.pkl": sha256(folder / "decoder.pkl")}},
    )
    path = folder / "encoder.pkl"
    assert training_record(card, path, checkpoint_sha256(card, path)) == {"trained_on": "MSRS"}
    (folder / "decoder.pkl").write_bytes(b"another")
    assert training_record(card, path, checkpoint_sha256(card, path)) == {"trained_on": "unknown"}
