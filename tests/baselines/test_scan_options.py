"""--scan-backend and --precision of `bench run` and `bench train`, and what they do to labels and keys."""

import json

import pytest
import torch
from click.testing import CliRunner

import baselines
from baselines import scan
from baselines.mambadfuse.network import MambaDFuse
from benchmark.cli import main
from benchmark.run import plan
from benchmark.store import cells


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.delenv("BENCH_SCAN_BACKEND", raising=False)

    def call(*arguments):
        return CliRunner().invoke(main, [str(a) for a in arguments], prog_name="bench")

    return call


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "mambadfuse.pth"
    torch.save(MambaDFuse().state_dict(), path)
    return path


@pytest.mark.parametrize("command", [["run", "--methods", "average"], ["train", "--method", "mambadfuse"]])
def test_wrong_backends_are_one_line(bench, command):
    for backend, words in {"trtion": "did you mean triton?", "triton": "runs on CUDA devices only, not on cpu"}.items():
        result = bench(*command, "--device", "cpu", "--scan-backend", backend)
        assert result.exit_code == 2
        assert words in result.stderr.splitlines()[-1]


def test_backend_is_used_and_shown(bench, monkeypatch):
    monkeypatch.setenv("BENCH_SCAN_BACKEND", "chunked")
    assert scan.in_use("cpu") == "chunked"
    (line,) = [line for line in bench("doctor").stdout.splitlines() if line.startswith("scan kernel chunked")]
    assert "in use" in line
    for name in scan.BACKENDS:
        assert f"scan kernel {name}:" in bench("doctor").stdout
    plan.select_scan_backend("chunked", "cpu")
    with pytest.raises(plan.UserError, match="CUDA devices only"):
        plan.select_scan_backend("mamba_ssm", "cpu")


def test_precision_is_part_of_label_and_key(checkpoint):
    given = ["mambadfuse", "average"], [f"mambadfuse={checkpoint}"]
    (plain, average), (precise, same) = (plan.select_methods(*given, precision=p, trust=True) for p in ("fp32", "bf16"))
    assert precise.label == f"{plain.label}+bf16"
    assert same == average
    split = plan.Split("d", "s", [], digests={"a": "1" * 64})
    keys = [plan.fuse_keys(split, method, 0)["a"] for method in (plain, precise)]
    assert keys[0] != keys[1]
    assert keys[0] == cells.fuse_key("1" * 64, "mambadfuse", plain.card.version, plain.checkpoint_sha256, 0)
    with pytest.raises(plan.UserError, match="none of these methods has it: average"):
        plan.select_methods(["average"], precision="bf16")
    with pytest.raises(ValueError, match="average: precision 'bf16' is not one of fp32"):
        baselines.load("average", precision="bf16")


def test_run_in_bfloat16(bench, checkpoint, tmp_path):
    import cv2
    import numpy as np

    draw = np.random.default_rng(0)
    for kind in ("ir", "vis"):
        (tmp_path / kind).mkdir()
        cv2.imwrite(str(tmp_path / kind / "a.png"), draw.integers(0, 256, (24, 32), np.uint8))
    result = bench(
        "run", "--dataset", "folder", "--ir", tmp_path / "ir", "--vis", tmp_path / "vis", "--methods", "mambadfuse",
        "--checkpoint", f"mambadfuse={checkpoint}", "--trust-checkpoint", "--metrics", "EN", "--precision", "bf16",
        "--jobs", 0, "--results", tmp_path / "results",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    (record,) = (tmp_path / "results").glob("*/mambadfuse+*+bf16/run.json")
    assert json.loads(record.read_text())["precision"] == "bf16"
