"""Checkpoints between the authors' layout and safetensors, with the random official-layout weights of the goldens."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

import baselines
from baselines import tasks
from benchmark.cli import main


def official(shared, method: str) -> dict:
    """What the authors' checkpoint would hold."""
    flat = load_file(shared / "goldens" / "networks" / f"{method}_random_params.safetensors")
    if method == "mambadfuse":
        return {"params": flat}
    parts: dict = {}
    for key, value in flat.items():
        part, name = key.split("/", 1)
        parts.setdefault(part, {})[name] = value
    return parts


def convert(*arguments):
    return CliRunner().invoke(main, ["weights", "convert", *map(str, arguments)])


def flattened(state: dict, prefix: str = "") -> dict:
    items = {}
    for key, value in state.items():
        items.update(flattened(value, f"{prefix}{key}/") if isinstance(value, dict) else {prefix + key: value})
    return items


@pytest.mark.parametrize("method", ["mambadfuse", "cddfuse"])
def test_to_safetensors_and_back_keeps_every_bit(shared, tmp_path, method):
    weights = official(shared, method)
    torch.save(weights, tmp_path / "official.pth")
    for source, target in (("official.pth", "ours.safetensors"), ("ours.safetensors", "back.pth")):
        done = convert(tmp_path / source, tmp_path / target, "--method", method)
        assert done.exit_code == 0, done.output
    given, back = flattened(weights), flattened(torch.load(tmp_path / "back.pth", weights_only=True))
    assert given.keys() == back.keys()
    assert all(torch.equal(given[key], back[key]) for key in given)
    pair = np.random.default_rng(0).random((2, 24, 31), dtype=np.float32)
    files = ("official.pth", "ours.safetensors", "back.pth")
    fused = [baselines.load(method, tmp_path / file).fuse(*pair) for file in files]
    assert np.array_equal(fused[0], fused[1])
    assert np.array_equal(fused[0], fused[2])
    record = json.loads((tmp_path / "ours.json").read_text())
    assert record["converted_from"] == {"file": "official.pth", "sha256": baselines.sha256(tmp_path / "official.pth")}
    assert record["sha256"] == baselines.sha256(tmp_path / "ours.safetensors")
    assert record["trained_on"] == "unknown"


def test_what_is_known_of_the_training_is_kept(tmp_path):
    card = baselines.card("cddfuse")
    shipped = baselines.shipped_checkpoint(card)
    assert convert(shipped, tmp_path / "copy.pth", "--method", "cddfuse").exit_code == 0
    own, record = baselines.checkpoint_record(shipped), json.loads((tmp_path / "copy.json").read_text())
    assert {key: record[key] for key in ("trained_on", "seed", "steps")} == {
        key: own[key] for key in ("trained_on", "seed", "steps")
    }
    # The file is told from others by its record, wherever it lies.
    found = baselines.training_record(card, tmp_path / "copy.pth", baselines.sha256(tmp_path / "copy.pth"))
    assert found["trained_on"] == own["trained_on"]


def test_float16_halves_the_file(tmp_path):
    shipped = baselines.shipped_checkpoint(baselines.card("cddfuse"))
    assert convert(shipped, tmp_path / "half.safetensors", "--method", "cddfuse", "--float16").exit_code == 0
    full = sum(x.numel() for x in load_file(shipped).values()) * 4
    assert (tmp_path / "half.safetensors").stat().st_size < 0.52 * full
    pair = np.random.default_rng(0).random((2, 24, 31), dtype=np.float32)
    a, b = (baselines.load("cddfuse", path).fuse(*pair) for path in (shipped, tmp_path / "half.safetensors"))
    assert np.abs(a - b).max() < 0.01
    assert json.loads((tmp_path / "half.json").read_text())["stored_as"] == "float16"


@pytest.mark.parametrize("method", ["mambadfuse", "cddfuse"])
def test_training_continues_from_the_authors_file(shared, tmp_path, method):
    """With a rate that moves nothing, what comes out is what went in, to 1e-6."""
    torch.save(official(shared, method), tmp_path / "official.pth")
    (tmp_path / "still.yaml").write_text("{steps: 1, batch: 1, crop: 16, learning_rate: 1.0e-12}")
    options = ["--method", method, "--dataset", "synth", "--recipe", tmp_path / "still.yaml"]
    options += ["--checkpoint", tmp_path / "official.pth", "--out", tmp_path / "run"]
    done = CliRunner().invoke(main, ["train", *map(str, options)])
    assert done.exit_code == 0, done.output
    given = tasks.find(method).load(tmp_path / "official.pth").state_dict()
    trained = tasks.find(method).load(tmp_path / "run" / f"{method}.safetensors").state_dict()
    for key, value in given.items():
        torch.testing.assert_close(trained[key], value, rtol=0, atol=1e-6)
    record = json.loads((tmp_path / "run" / f"{method}.json").read_text())
    assert record["start_sha256"] == baselines.sha256(tmp_path / "official.pth")


def test_an_interrupt_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupt)
    shipped = baselines.shipped_checkpoint(baselines.card("cddfuse"))
    assert convert(shipped, tmp_path / "copy.safetensors", "--method", "cddfuse").exit_code == 130
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("source", "target", "more", "message"),
    [
        ("cddfuse", "a.safetensors", ["--method", "cdfuse"], "did you mean 'cddfuse'"),
        ("cddfuse", "a.safetensors", ["--method", "average"], "unknown method with a known layout"),
        ("copy", "a.safetensors", ["--method", "mambadfuse"], "does not fit mambadfuse"),
        ("cddfuse", "a.onnx", ["--method", "cddfuse"], "must end in .safetensors, or in .pth"),
        ("cddfuse", "a.pth", ["--method", "cddfuse", "--float16"], "goes with .safetensors only"),
        ("cddfuse", "there.pth", ["--method", "cddfuse"], "is there already"),
        ("junk", "a.pth", ["--method", "cddfuse"], "not a readable checkpoint"),
        ("cddfuse", "a.pth", ["--method", "cddfuse-mif"], "holds weights of cddfuse, as the record beside it says"),
        ("cddfuse", "/proc/x.pth", ["--method", "cddfuse"], "/proc/x.pth: "),
        ("cddfuse", "/proc/x.safetensors", ["--method", "cddfuse"], "/proc/x.safetensors: "),
        ("cddfuse", "junk.pth/x.pth", ["--method", "cddfuse"], "junk.pth/x.pth: "),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(tmp_path, source, target, more, message):
    (tmp_path / "junk.pth").write_bytes(b"junk")
    (tmp_path / "there.pth").write_bytes(b"kept")
    shipped = baselines.shipped_checkpoint(baselines.card("cddfuse"))
    (tmp_path / "copy.safetensors").write_bytes(shipped.read_bytes())  # without its record
    path = {"cddfuse": shipped, "junk": tmp_path / "junk.pth", "copy": tmp_path / "copy.safetensors"}[source]
    before = {p: p.read_bytes() for p in tmp_path.iterdir()}
    done = convert(path, tmp_path / target, *more)
    assert done.exit_code == 2
    assert message.replace("'", "") in done.stderr.replace("'", "")
    assert len(done.stderr.strip().splitlines()) == 1
    assert {p: p.read_bytes() for p in tmp_path.iterdir()} == before
