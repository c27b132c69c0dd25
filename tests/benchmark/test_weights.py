"""Which weights a result comes from, what it is called after them, and what is said of their training."""

import hashlib
import json
import shutil

import pytest
from harness import cell

import baselines
from benchmark.run import plan
from benchmark.store import files

SHIPPED = baselines.shipped_checkpoint(baselines.card("cddfuse"))


def method(weights_root=None, checkpoint=None, name="cddfuse"):
    given = [] if checkpoint is None else [f"{name}={checkpoint}"]
    (found,) = plan.select_methods([name], given, weights_root, trust=True)
    return found


def put(path, content=b"weights"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def record(path, **values):
    path.with_suffix(".json").write_text(json.dumps(values))


@pytest.fixture(autouse=True)
def _no_weights_root(monkeypatch):
    monkeypatch.delenv("BENCH_WEIGHTS", raising=False)


def test_the_shipped_file_has_the_plain_label_wherever_it_lies(tmp_path):
    copies = [tmp_path / "root" / "cddfuse" / "cddfuse.safetensors", tmp_path / "CDDFuse.safetensors"]
    for copy in copies:
        put(copy, SHIPPED.read_bytes())
    for found in (method(), method(tmp_path / "root"), method(checkpoint=copies[1])):
        assert found.label == "cddfuse"
        assert found.trained_on.startswith("roadscene minus cddfuse50")
        assert not found.preliminary


def test_any_other_file_is_named_after_its_hash(tmp_path):
    paths = [put(tmp_path / "cddfuse" / name, name.encode()) for name in ("CDDFuse_IVF.pth", "mine.safetensors")]
    found = [method(tmp_path), method(checkpoint=paths[1])]
    assert [m.label for m in found] == [f"cddfuse+{files.file_sha256(file)[:8]}" for file in paths]


def test_a_method_without_a_shipped_file(tmp_path, gain):
    assert method(gain, name="gain").label == "gain"
    named = gain / "gain" / "gain.txt"
    assert method(gain, named, name="gain").label == f"gain+{files.file_sha256(named)[:8]}"


def test_one_file_under_two_names_is_one_method(tmp_path):
    copies = [f"cddfuse={put(tmp_path / name)}" for name in ("a.pth", "b.pth")]
    assert len(plan.select_methods(["cddfuse"], copies, trust=True)) == 1


def test_the_card_tells_of_the_authors_files_only(tmp_path, monkeypatch):
    """By name where no hash is published, otherwise by hash."""
    assert method(checkpoint=put(tmp_path / "CDDFuse_IVF.pth")).trained_on == "unknown"
    content = hashlib.sha1(b"blob 7\0weights").hexdigest()
    published = baselines.weights.Source("cddfuse", "CDDFuse_IVF.pth", "git", content, "a/b", "1", "p")
    monkeypatch.setattr(baselines.weights, "table", lambda: (published,))
    assert method(checkpoint=put(tmp_path / "CDDFuse_IVF.pth")).trained_on == "MSRS train"
    monkeypatch.setattr(baselines.weights, "table", lambda: ())
    assert method(checkpoint=put(tmp_path / "CDDFuse_IVF.pth", b"others")).trained_on == "MSRS train"
    assert method(checkpoint=put(tmp_path / "cddfuse.safetensors")).trained_on == "unknown"
    assert method(checkpoint=put(tmp_path / "mine.pth")).trained_on == "unknown"
    seafusion = put(tmp_path / "SeAFusion.pth")
    assert method(checkpoint=seafusion, name="seafusion").trained_on == "unknown"


def test_the_authors_file_is_known_by_its_hash_under_any_name(shared, tmp_path):
    copy = tmp_path / "renamed.pth"
    shutil.copy(shared / "weights" / "seafusion" / "SeAFusion.pth", copy)
    assert method(checkpoint=copy, name="seafusion").trained_on == "MSRS"


def test_a_record_tells_of_the_file_beside_it(tmp_path):
    path = put(tmp_path / "cddfuse.safetensors")
    record(path, trained_on="tno", status="preliminary", sha256=files.file_sha256(path))
    assert (method(checkpoint=path).trained_on, method(checkpoint=path).preliminary) == ("tno", True)
    record(path, trained_on="tno")
    assert (method(checkpoint=path).trained_on, method(checkpoint=path).preliminary) == ("tno", False)
    record(path, trained_on="tno", status="preliminary", sha256="of another file")
    assert (method(checkpoint=path).trained_on, method(checkpoint=path).preliminary) == ("unknown", False)


def test_no_checkpoint_overwrites_the_results_of_another(pairs, bench_folder, gain, monkeypatch):
    """The shipped file, then one under the weights root, then the shipped one again: two cells, nothing done twice."""
    shipped = put(pairs / "shipped" / "gain.txt", b"0.25").parent
    monkeypatch.setattr("baselines.base.SHIPPED", shipped)
    arguments = ("run", "--methods", "gain", "--metrics", "EN")
    assert bench_folder(*arguments).exit_code == 0
    before = (cell(pairs, "gain") / "scores.jsonl").read_bytes()
    assert bench_folder(*arguments, "--weights-root", gain).exit_code == 0
    other = f"gain+{files.file_sha256(gain / 'gain' / 'gain.txt')[:8]}"
    assert (cell(pairs, "gain") / "scores.jsonl").read_bytes() == before
    assert (cell(pairs, other) / "scores.jsonl").read_bytes() != before


def test_ls_tells_the_training_of_the_file_that_would_be_used(bench, tmp_path):
    put(tmp_path / "cddfuse" / "cddfuse.safetensors")
    listing = bench("ls", "methods", "--weights-root", tmp_path).stdout.splitlines()
    (line,) = [x for x in listing if x.startswith("cddfuse\t")]
    assert "unknown" in line
