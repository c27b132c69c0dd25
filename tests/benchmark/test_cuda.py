"""What only a GPU can show: `pytest -m gpu`, or studies/gpu.sh. BENCH_TEST_DEVICE=cpu runs the same without one."""

import json
import os

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import baselines
from baselines import contract, tasks
from benchmark.cli import main
from benchmark.imaging import saving
from benchmark.training.loop import Run

DEVICE = os.environ.get("BENCH_TEST_DEVICE", "cuda")
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(DEVICE == "cuda" and not torch.cuda.is_available(), reason="torch finds no CUDA device"),
]
RECIPE = tasks.Recipe(steps=4, batch=2, crop=16, learning_rate=1e-4, ema=0.9, clip=1.0)


def train(folder, device, steps, save_at=None):
    """Train MambaDFuse for some steps. Returns the run and the loss of each step."""
    run = Run(tasks.find("mambadfuse"), RECIPE, "mambadfuse", folder, 0, device, {"data": "drawn"})
    pairs, losses = [[contract.scene(40, 56, seed) for seed in range(3)]], []
    while run.step < steps:
        losses.append(run.train_step(pairs)["loss"])
        if run.step == save_at:
            run.save()
    return run, losses


@pytest.mark.parametrize("method", ["mambadfuse", "mambadfuse-mif", "cddfuse"])
def test_fused_images_are_those_of_the_cpu(method):
    pair = contract.scene(88, 104)
    ours, want = (baselines.load(method, device=device).fuse(*pair) for device in (DEVICE, "cpu"))
    assert 255 * np.abs(ours - want).max() < 0.1


def test_training_steps_are_those_of_the_cpu(tmp_path):
    (ours, losses), (cpu, want) = (train(tmp_path / name, device, 3) for name, device in (("a", DEVICE), ("b", "cpu")))
    np.testing.assert_allclose(losses, want, rtol=1e-3)
    far = max(float((ours.average[name].cpu() - x).abs().max()) for name, x in cpu.average.items())
    assert far < 3 * 2 * RECIPE.learning_rate  # as far as two runs can part in three steps of Adam


def test_resumed_steps_are_those_of_an_unbroken_run(tmp_path):
    whole, losses = train(tmp_path / "whole", DEVICE, 4)
    train(tmp_path / "broken", DEVICE, 2, save_at=2)
    resumed, last = train(tmp_path / "broken", DEVICE, 4)
    np.testing.assert_allclose(last, losses[2:], rtol=1e-5)
    for name, x in whole.average.items():
        torch.testing.assert_close(resumed.average[name], x, rtol=1e-5, atol=1e-6)


def test_bench_run_tells_of_the_device(tmp_path):
    for kind, image in zip(("ir", "vis"), contract.scene(48, 64)):
        saving.save_luminance(tmp_path / kind / "a.png", image)
    done = CliRunner().invoke(
        main,
        ["run", "--dataset", "folder", "--ir", str(tmp_path / "ir"), "--vis", str(tmp_path / "vis"), "--methods",
         "mambadfuse", "--device", DEVICE, "--metrics", "EN", "--jobs", "0", "--results", str(tmp_path / "results")],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    [record] = (tmp_path / "results").glob("*/*/run.json")
    [entry] = json.loads(record.read_text())["runs"]
    assert entry["device"] == DEVICE
    assert (entry["scan_backend"] in ("triton", "mamba_ssm", "chunked")) == (DEVICE == "cuda")
