import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from baselines.mambadfuse.losses import fusion_loss
from baselines.training import Recipe, Task, find, recipes, trainable
from benchmark.cli import main
from benchmark.training import Diverged, Run, crops, learning_rate, split_off_validation

RECIPE = Recipe(steps=12, batch=2, crop=16, learning_rate=1e-2, warmup=2, schedule="cosine", ema=0.9, clip=1.0)


class Tiny(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(2, 1, 3, padding=1)

    def forward(self, ir, vis):
        return self.conv(torch.cat([ir, vis], 1))


TASK = Task(
    build=Tiny,
    loss=lambda network, ir, vis, recipe, step: fusion_loss(network(ir, vis), ir, vis),
    state=lambda network: network.state_dict(),
)


@pytest.fixture
def images():
    random = np.random.default_rng(0)
    return [tuple(random.integers(0, 256, (2, 48, 50 + i), dtype=np.uint8)) for i in range(12)]


def start(folder: Path, recipe=RECIPE, task=TASK, seed=3) -> Run:
    return Run(task, recipe, "tiny", folder, seed, "cpu", {"pairs_sha256": "0" * 64})


def quiet(_line):
    pass


def test_a_resumed_run_equals_an_unbroken_one(images, tmp_path):
    whole = start(tmp_path / "whole")
    whole.train(images, save_every=5, validate_every=6, say=quiet)

    broken = start(tmp_path / "broken")

    def stop_at_eight(steps):
        for step in steps:
            if step == 8:  # three steps after the last saved state
                raise KeyboardInterrupt
            yield step

    with pytest.raises(KeyboardInterrupt):
        broken.train(images, save_every=5, validate_every=6, track=stop_at_eight, say=quiet)
    resumed = start(tmp_path / "broken")
    assert resumed.step == 5
    resumed.train(images, save_every=5, validate_every=6, say=quiet)

    for name in ("network", "average"):
        a, b = (torch.load(tmp_path / d / "state.pt", weights_only=True)[name] for d in ("whole", "broken"))
        for key in a:
            assert torch.equal(a[key], b[key]), f"{name} {key}"
    validation = [(tmp_path / d / "validation.csv").read_text() for d in ("whole", "broken")]
    assert validation[0] == validation[1]
    assert len(validation[0].splitlines()) == 3


def test_training_lowers_the_loss(images, tmp_path):
    recipe = Recipe(steps=60, batch=4, crop=32, learning_rate=2e-2)
    run = start(tmp_path, recipe)
    run.train(images, save_every=60, validate_every=60, say=quiet)
    losses = [float(row["loss"]) for row in csv.DictReader((tmp_path / "log.csv").open())]
    assert losses[-1] < 0.8 * losses[0]


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_state(images, tmp_path):
    def explode(network, ir, vis, recipe, step):
        loss, parts = fusion_loss(network(ir, vis), ir, vis)
        return (loss * float("nan") if step == 7 else loss), parts

    run = start(tmp_path, task=Task(build=Tiny, loss=explode, state=TASK.state))
    with pytest.raises(Diverged, match="the loss is nan at step 7"):
        run.train(images, save_every=5, validate_every=100, say=quiet)
    saved = torch.load(tmp_path / "state.pt", weights_only=True)
    assert saved["step"] == 5
    assert all(torch.isfinite(x).all() for x in saved["network"].values())


def test_a_folder_of_another_run_is_refused(images, tmp_path):
    start(tmp_path).train(images, save_every=12, validate_every=12, say=quiet)
    with pytest.raises(ValueError, match="another method, recipe"):
        start(tmp_path, seed=4)


def test_a_file_that_is_no_state_is_one_line(tmp_path):
    (tmp_path / "state.pt").write_bytes(b"junk")
    with pytest.raises(ValueError, match="is not a saved state; remove it to start anew"):
        start(tmp_path)
    torch.save({"step": 3}, tmp_path / "state.pt")
    with pytest.raises(ValueError, match="is not a saved state"):
        start(tmp_path)


def test_two_trainings_in_one_folder_are_refused(tmp_path):
    from filelock import FileLock

    with FileLock(tmp_path / ".lock"):
        done = invoke("--method", "cddfuse", "--dataset", "synth", "--out", tmp_path)
    assert done.exit_code == 2
    assert "another training is at work" in done.stderr


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_gpu_is_one_line():
    done = invoke("--method", "cddfuse", "--dataset", "synth", "--device", "cuda")
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)
    assert "no CUDA device" in done.stderr


def test_crops_follow_from_seed_and_step_and_stay_registered():
    ramp = np.arange(40 * 60, dtype=np.int64).reshape(40, 60) % 251
    pair = (ramp.astype(np.uint8), (255 - ramp).astype(np.uint8))
    a, b = crops([pair], RECIPE, 0, 5), crops([pair], RECIPE, 0, 5)
    assert torch.equal(a, b)
    assert not torch.equal(a, crops([pair], RECIPE, 0, 6))
    assert a.shape == (2, 2, 1, 16, 16)
    torch.testing.assert_close(a[0] + a[1], torch.ones_like(a[0]))


def test_validation_pairs_are_not_trained_on(images):
    training, validation = split_off_validation(images)
    assert len(training) + len(validation) == len(images)
    assert len(validation) == 3
    assert not {id(x) for x in training} & {id(x) for x in validation}


@pytest.mark.parametrize(
    ("schedule", "middle", "end"), [("constant", 1.0, 1.0), ("cosine", 0.505, 0.01), ("halving", 0.125, 1 / 32)]
)
def test_learning_rate(schedule, middle, end):
    recipe = Recipe(steps=1010, batch=1, crop=16, learning_rate=2.0, warmup=10, schedule=schedule)
    assert learning_rate(recipe, 0) == pytest.approx(0.2)
    assert learning_rate(recipe, 510) == pytest.approx(2 * middle)
    assert learning_rate(recipe, 1009) == pytest.approx(2 * end, rel=1e-2)


def test_shipped_recipes_are_valid():
    import yaml

    assert {"mambadfuse", "cddfuse"} <= set(trainable())
    for method in trainable():
        assert recipes(method)
        for path in recipes(method).values():
            Recipe.of(yaml.safe_load(path.read_text()))
        assert find(method).build is not None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"steps": 1, "batch": 1, "crop": 16, "learning_rate": 1, "rate": 2}, "unknown recipe key rate"),
        ({"steps": 1, "batch": 1, "crop": 16}, "lacks learning_rate"),
        ({"steps": 1.5, "batch": 1, "crop": 16, "learning_rate": 1}, "steps must be a whole number"),
        ({"steps": "9", "batch": 1, "crop": 16, "learning_rate": 1}, "steps must be a whole number"),
        ({"steps": 1, "batch": 1, "crop": 16, "learning_rate": "fast"}, "learning_rate must be a number"),
        ({"steps": 0, "batch": 1, "crop": 16, "learning_rate": 1}, "at least 1"),
        ({"steps": 1, "batch": 1, "crop": 16, "learning_rate": 1, "schedule": "x"}, "'x' is not one of"),
    ],
)
def test_bad_recipes(values, message):
    with pytest.raises(ValueError, match=message):
        Recipe.of(values)


def invoke(*arguments):
    return CliRunner().invoke(main, ["train", *map(str, arguments)])


def test_command_trains_and_its_checkpoint_fuses(tmp_path):
    import baselines

    recipe = tmp_path / "short.yaml"
    recipe.write_text("{steps: 2, batch: 1, crop: 16, learning_rate: 1.0e-4, phase1: 0.5}")
    for method in ("mambadfuse", "cddfuse"):
        out = tmp_path / method
        done = invoke("--method", method, "--dataset", "synth", "--recipe", recipe, "--out", out)
        assert done.exit_code == 0, done.output
        fuser = baselines.load(method, checkpoint=out / f"{method}.safetensors")
        assert fuser.fuse(*np.random.default_rng(0).random((2, 24, 31))).shape == (24, 31)
        record = json.loads((out / f"{method}.json").read_text())
        assert (record["trained_on"], record["steps"]) == ("synth demo", 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "mambafuse"], "did you mean 'mambadfuse'"),
        (["--method", "average"], "unknown trainable method"),
        (["--method", "cddfuse", "--recipe", "prelim"], "did you mean 'preliminary'"),
        (["--method", "cddfuse", "--dataset", "roadscen"], "did you mean 'roadscene'"),
        (["--method", "cddfuse", "--dataset", "synth", "--ir", "a", "--vis", "b"], "go with --dataset folder"),
        (["--method", "cddfuse", "--dataset", "folder", "--ir", "/missing", "--vis", "/missing"], "/missing"),
    ],
)
def test_mistakes_are_one_line(arguments, message):
    done = invoke(*arguments)
    assert done.exit_code == 2
    assert message.replace("'", "") in done.output.replace("'", "").replace('"', "").lower()
    assert len([line for line in done.stderr.splitlines() if line.strip()]) == 1
