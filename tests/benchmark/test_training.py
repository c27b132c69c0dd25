import csv
import importlib.util
import json
import math
import os
import re
import signal
import socket
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from safetensors.torch import save_file

import metrics
from baselines import MethodCard, NetworkFuser, load_weights
from baselines.base import SHIPPED
from baselines.mambadfuse.losses import fusion_loss
from baselines.tasks import Recipe, Task, find, recipes, trainable
from benchmark.checkpoints.convert import convert
from benchmark.cli import main
from benchmark.errors import UserError
from benchmark.figures.samples import draw_sheet
from benchmark.figures.training_curves import draw
from benchmark.imaging.saving import quantise
from benchmark.run import machine, memory
from benchmark.training import crops as crops_module
from benchmark.training import loop
from benchmark.training.crops import (
    Ahead,
    HeldOut,
    Source,
    centre_crop,
    crops,
    read,
    reduce,
    refuse_repeats,
    shares,
    split_off_validation,
)
from benchmark.training.log import Table
from benchmark.training.loop import Diverged, Run
from benchmark.training.schedule import learning_rate
from benchmark.training.validation import Validation, fitted_class, is_better, validate

RECIPE = Recipe(steps=12, batch=2, crop=16, learning_rate=1e-2, warmup=2, schedule="cosine", ema=0.9, clip=1.0)


class Tiny(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(2, 1, 3, padding=1)

    def forward(self, ir, vis):
        return self.conv(torch.cat([ir, vis], 1))


class TinyFuser(NetworkFuser):
    card = MethodCard(name="tiny", family="learned", stretch=True)

    def build(self, checkpoint):
        return load_weights(Tiny(), checkpoint)


TASK = Task(
    build=Tiny,
    loss=lambda network, ir, vis, recipe, step: fusion_loss(network(ir, vis), ir, vis),
    state=lambda network: network.state_dict(),
    official=lambda network: network.state_dict(),
    load=lambda path: path,
)


@pytest.fixture
def pictures():
    """Asks for curves that are drawn."""


@pytest.fixture(autouse=True)
def _few_pictures(request, monkeypatch):
    """Drawing takes longer than training does here."""
    if "pictures" not in request.fixturenames:
        monkeypatch.setattr(loop, "draw", lambda *_: None)
        monkeypatch.setattr(loop, "draw_sheet", lambda pictures, path, *_: Image.new("L", (2, 1)).save(path))


def draw_pairs(count: int, seed: int = 0):
    random = np.random.default_rng(seed)
    return [tuple(random.integers(0, 256, (2, 48, 50 + i), dtype=np.uint8)) for i in range(count)]


@pytest.fixture
def images():
    return [Source("made", "up", draw_pairs(12))]


def start(folder: Path, recipe=RECIPE, task=TASK, seed=3, **options) -> Run:
    return Run(task, recipe, "tiny", folder, seed, "cpu", {"data": "made up"}, **{"fuser": TinyFuser, **options})


def states(*folders: Path) -> list[dict]:
    return [torch.load(folder / "state.pt", weights_only=True) for folder in folders]


def assert_same_state(*folders: Path) -> None:
    a, b = states(*folders)
    assert a["step"] == b["step"]
    for part in ("network", "average"):
        for key in a[part]:
            assert torch.equal(a[part][key], b[part][key]), f"{part} {key}"
    moments = [torch.cat([x["exp_avg_sq"].flatten() for x in s["optimizer"]["state"].values()]) for s in (a, b)]
    assert torch.equal(*moments)


def quiet(*_, **__):
    pass


class Killed(Exception):
    """Raised between two steps: nothing more is written."""


def kill_after(count: int):
    taken = 0

    def advance(news):
        nonlocal taken
        taken += 1
        if taken == count:
            raise Killed

    return advance


@pytest.mark.parametrize("stop", [3, 5, 8])
def test_a_resumed_run_equals_an_unbroken_one(images, tmp_path, stop):
    whole = start(tmp_path / "whole")
    whole.train(images, save_every=5, validate_every=6, say=quiet)

    with pytest.raises(Killed):
        start(tmp_path / "broken").train(images, 5, 6, advance=kill_after(stop), say=quiet)
    resumed = start(tmp_path / "broken")
    assert resumed.step == stop // 5 * 5
    resumed.train(images, save_every=5, validate_every=6, say=quiet)

    assert_same_state(tmp_path / "whole", tmp_path / "broken")
    validation = [(tmp_path / d / "validation.csv").read_text() for d in ("whole", "broken")]
    assert validation[0] == validation[1]
    assert len(validation[0].splitlines()) == 3
    best = [(tmp_path / d / "tiny.best.safetensors").read_bytes() for d in ("whole", "broken")]
    assert best[0] == best[1]
    records = [json.loads((tmp_path / d / "tiny.best.json").read_text()) for d in ("whole", "broken")]
    assert {**records[0], "seconds": 0} == {**records[1], "seconds": 0}


def test_crops_drawn_ahead_are_those_drawn_when_asked_for(images, tmp_path, monkeypatch):
    sources, ahead, asked = [images[0].images], Ahead(pinned=False), []
    monkeypatch.setattr(crops_module, "crops", lambda *what: asked.append(what[-1]) or crops(*what))
    other = [images[0].images[:3]]
    for given, recipe, seed, step in [
        (sources, RECIPE, 3, 0), (sources, RECIPE, 3, 1), (sources, RECIPE, 3, 2), (sources, RECIPE, 3, 9),
        (sources, RECIPE, 4, 10), (other, RECIPE, 4, 11), (other, replace(RECIPE, crop=24), 4, 12),
    ]:  # fmt: skip
        found, ahead_of = ahead.crops(given, recipe, seed, step), ahead._drawn
        assert torch.equal(found, crops(given, recipe, seed, step))
        assert ahead_of.result(10) is not found
    assert asked == [0, 1, 2, 3, 9, 10, 10, 11, 11, 12, 12, 13]
    with pytest.raises(ValueError, match="high"):
        ahead.crops(other, replace(RECIPE, crop=64), 4, 13)

    start(tmp_path / "when asked for").train(images, 5, 6, say=quiet)
    run = start(tmp_path / "ahead")
    run.crops = Ahead(pinned=False).crops
    run.train(images, 5, 6, say=quiet)
    assert_same_state(tmp_path / "when asked for", tmp_path / "ahead")


def test_averaged_weights_follow_the_weights(images, tmp_path):
    run = start(tmp_path, replace(RECIPE, ema=0.3))
    want = {name: x.clone() for name, x in run.network.state_dict().items()}
    for step in range(1, 9):
        run.train_step([images[0].images])
        for name, value in run.network.state_dict().items():
            want[name].lerp_(value, 1 - min(0.3, step / (step + 10)))
    assert all(torch.equal(run.average[name], x) for name, x in want.items())


def interrupting(step: int, times: int = 1, number=signal.SIGINT) -> Task:
    """TASK, with signals to this process in the middle of a step."""

    def loss(network, ir, vis, recipe, at):
        if at == step:
            for _ in range(times):
                signal.raise_signal(number)
        return TASK.loss(network, ir, vis, recipe, at)

    return replace(TASK, loss=loss)


@pytest.fixture
def interruptible():
    """Ctrl-C as in a shell: it is ignored where tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler


def test_an_interrupt_loses_no_step(images, tmp_path, interruptible):
    """Nor before the first save; the step that it comes in is finished, and the continuation an unbroken run's."""
    start(tmp_path / "whole").train(images, save_every=50, validate_every=6, say=quiet)
    said = []
    for step in (6, 9):
        with pytest.raises(KeyboardInterrupt):
            start(tmp_path / "broken", task=interrupting(step)).train(
                images, 50, 6, say=lambda text, *_, **__: said.append(text)
            )
        assert states(tmp_path / "broken")[0]["step"] == step + 1
    assert sum("stopping after this step" in line for line in said) == 2
    start(tmp_path / "broken").train(images, save_every=50, validate_every=6, say=quiet)
    assert_same_state(tmp_path / "whole", tmp_path / "broken")
    validation = [(tmp_path / d / "validation.csv").read_text() for d in ("whole", "broken")]
    assert validation[0] == validation[1]


def test_a_second_interrupt_stops_at_once(images, tmp_path, interruptible):
    run = start(tmp_path, task=interrupting(4, times=2))
    with pytest.raises(KeyboardInterrupt):
        run.train(images, save_every=3, validate_every=50, say=quiet)
    assert (run.step, states(tmp_path)[0]["step"]) == (4, 3)


def test_a_signal_is_raised_as_its_handler_would(images, tmp_path):
    """SIGTERM, for which `bench` raises Terminated."""

    class Terminated(Exception):
        pass

    def terminate(*_):
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        with pytest.raises(Terminated):
            start(tmp_path, task=interrupting(2, number=signal.SIGTERM)).train(images, 50, 50, say=quiet)
    finally:
        assert signal.signal(signal.SIGTERM, before) is terminate
    assert states(tmp_path)[0]["step"] == 3


def test_a_run_killed_before_it_saved_leaves_no_lines(images, tmp_path):
    with pytest.raises(Killed):
        start(tmp_path).train(images, save_every=50, validate_every=6, advance=kill_after(7), say=quiet)
    assert not (tmp_path / "state.pt").exists()
    start(tmp_path).train(images, save_every=50, validate_every=6, say=quiet)
    assert [row["step"] for row in Table(tmp_path / "validation.csv").rows()] == ["6", "12"]
    assert [row["step"] for row in Table(tmp_path / "log.csv").rows()] == ["12"]


def test_a_first_phase_that_is_over_does_not_begin_again(images, tmp_path):
    phases = []

    def loss(network, ir, vis, recipe, step):
        if torch.is_grad_enabled():  # not in validation
            phases.append(step < recipe.first_phase)
        return TASK.loss(network, ir, vis, recipe, step)

    task, recipe = replace(TASK, loss=loss), replace(RECIPE, schedule="constant", phase1=0.5)
    for steps in (4, 9, 12):
        start(tmp_path, replace(recipe, steps=steps), task).train(images, 50, 50, say=quiet)
    assert phases == [True] * 2 + [False] * 10
    assert json.loads((tmp_path / "tiny.json").read_text())["recipe"]["phase1"] == pytest.approx(2 / 12)


def test_the_best_is_of_the_second_phase_once_there_is_one(images, tmp_path):
    def loss(network, ir, vis, recipe, step):
        total, parts = TASK.loss(network, ir, vis, recipe, step)
        return (total if step < recipe.first_phase else 1000 + total), parts

    run = start(
        tmp_path, replace(RECIPE, phase1=0.5), replace(TASK, loss=loss), validation=Validation(by="loss"), samples=0
    )
    run.train(images, 50, 3, say=quiet)
    assert [row["loss"] < 500 for row in run.scores()] == [True, True, False, False]
    assert run.best["step"] in (9, 12)


def test_the_best_is_kept_with_its_record(images, tmp_path):
    """Of four validations, the one of the lowest loss: its averaged weights, its scores, and what it is the best by."""
    import baselines

    kept, said = {}, []

    def loss(network, ir, vis, recipe, step):
        total, parts = TASK.loss(network, ir, vis, recipe, step)
        return (total if torch.is_grad_enabled() else total + 100 * abs(step - 5)), parts

    def advance(news):
        kept[news.step] = {name: x.clone() for name, x in run.average.items()}

    run = start(tmp_path, task=replace(TASK, loss=loss), validation=Validation(by="loss"))
    run.train(images, 5, 3, advance, lambda text, *_, **fields: said.append((text, fields)))
    losses = {row["step"]: row["loss"] for row in run.scores()}
    best = min(losses, key=losses.get)
    assert best == 6
    path = tmp_path / "tiny.best.safetensors"
    for name, x in TinyFuser(path).network.state_dict().items():
        assert torch.equal(x, kept[best][name])
    record = json.loads(path.with_suffix(".json").read_text())
    assert record["best"] == {"step": best, "by": "loss", "validated_on": "crops cddfuse raw"}
    assert (record["steps"], record["validation"]["step"], record["validation"]["loss"]) == (best, best, losses[best])
    assert record["sha256"] == baselines.sha256(path)
    last = json.loads((tmp_path / "tiny.json").read_text())
    assert (last["steps"], last["best"]) == (12, record["best"])
    told = [(text, fields) for text, fields in said if "scores" in fields]
    assert [fields["step"] for text, fields in told if fields["best"]][-1] == best
    assert all(("the best so far by loss" in text) == fields["best"] for text, fields in told)


def test_a_best_of_after_the_saved_step_is_taken_back(images, tmp_path):
    """It may not come again: here the run goes on with fewer validations."""
    with pytest.raises(Killed):
        start(tmp_path).train(images, 4, 6, advance=kill_after(7), say=quiet)
    files = [tmp_path / "tiny.best.safetensors", tmp_path / "tiny.best.json", tmp_path / "samples" / "000006.png"]
    assert all(path.is_file() for path in files)
    run = start(tmp_path)
    assert (run.step, run.best) == (4, None) and not any(path.exists() for path in files)
    run.train(images, 4, 50, say=quiet)
    before = files[0].read_bytes()
    files[0].unlink()
    start(tmp_path)
    assert files[0].read_bytes() == before


def test_a_run_goes_on_with_the_validation_that_it_has(images, tmp_path):
    start(tmp_path, replace(RECIPE, steps=2)).train(images, 50, 50, say=quiet)
    with pytest.raises(
        ValueError, match="--validate-on crops --protocol cddfuse --output raw --validate-by rank; give the same"
    ):
        start(tmp_path, validation=Validation(by="VIF"))


def rows_of(**columns) -> list[dict]:
    return [{"step": i, **dict(zip(columns, row))} for i, row in enumerate(zip(*columns.values()))]


@pytest.mark.parametrize(
    ("by", "kept", "expected", "columns"),
    [
        ("rank", None, True, {"EN": [1.0], "SD": [5.0]}),
        ("rank", 0, True, {"EN": [1.0, 2.0, 3.0], "SD": [3.0, 1.0, 2.0]}),  # ranks 3, 1 against 1, 2
        ("rank", 1, False, {"EN": [1.0, 3.0, 2.0], "SD": [1.0, 2.0, 3.0]}),  # 1, 2 against 2, 1: the earlier stays
        ("rank", 0, True, {"EN": [1.0, 2.0], "VIF": [math.nan, 0.1], "SD": [2.0, 2.0]}),  # without VIF: 2, 1.5; 1, 1.5
        ("rank", 0, False, {"VIF": [math.nan, 0.1]}),
        ("rank", None, False, {"VIF": [math.nan]}),
        ("SD", 0, False, {"EN": [1.0, 2.0], "SD": [2.0, 1.0], "loss": [2.0, 1.0]}),
        ("loss", 0, True, {"EN": [2.0, 1.0], "SD": [2.0, 1.0], "loss": [2.0, 1.0]}),
        ("rank", 0, False, {"EN": [2.0, 1.0], "SD": [2.0, 1.0], "loss": [2.0, 1.0]}),
        ("LPIPS", 0, True, {"LPIPS": [0.4, 0.3]}),  # less is better
    ],
)
def test_which_validation_is_better(by, kept, expected, columns, monkeypatch):
    monkeypatch.setattr(metrics, "unavailable", lambda name: None)
    validation = Validation(by=by, protocol="standard")
    monkeypatch.setattr(Validation, "names", [name for name in columns if name != "loss"])
    assert is_better(rows_of(**columns), kept, validation) is expected


def test_whole_images_are_validated_as_they_would_be_saved(tmp_path):
    """Not the reduced ones that training sees; 8 bits of the method's own output, stretched where asked for."""
    recipe = replace(RECIPE, longest=100)
    source = read("synth", recipe)
    _, (pair, *_) = split_off_validation([source])
    assert max(pair.images[0].shape) == 100 and min(pair.whole()[0].shape) > 128 and pair.size == pair.whole()[0].shape
    run = start(tmp_path)
    network = run.averaged()
    saved = tmp_path / "weights.safetensors"
    save_file(network.state_dict(), saved)
    fuser = TinyFuser(saved)
    images = {}
    for on, sources in (("whole", pair.whole()), ("crops", tuple(map(centre_crop, pair.images)))):
        for output in ("raw", "native"):
            how = Validation(on, "standard", output)
            judged = validate(network, TinyFuser, [pair], "cpu", how)
            [(name, ir, vis, fused)] = judged.pictures
            assert name.startswith("synth ") and np.array_equal(ir, sources[0]) and np.array_equal(vis, sources[1])
            assert np.array_equal(fused, quantise(fuser.fuse(ir, vis, output)))
            assert judged.scores == metrics.evaluate(fused, ir, vis, metrics.CORE, "standard")
            images[on, output] = fused
    assert images["whole", "native"].max() == 255 != images["whole", "raw"].max()


def test_large_images_are_validated_in_tiles(monkeypatch):
    pair = HeldOut("a", (np.zeros((9, 9), np.uint8),) * 2, (900, 1200), lambda: None)
    whole = Validation("whole", tile=600)

    class Near(TinyFuser):
        reach = 1

    assert fitted_class("tiny", Near, [pair], whole, "cpu")[0] == 600
    assert fitted_class("tiny", Near, [pair], replace(whole, on="crops"), "cpu") == (None, "")
    monkeypatch.setattr(memory, "at_hand", lambda device: 1000)
    monkeypatch.setattr(memory, "_per_pixel", lambda *_: 1000.0)
    with pytest.raises(UserError, match=r"whole images: 1200x900 pixels would take .*; --validate-on crops needs less"):
        fitted_class("tiny", TinyFuser, [pair], replace(whole, tile="auto"), "cpu")


def test_pictures_of_held_out_pairs(images, tmp_path, pictures):
    """A sheet for each validation, of so many pairs, in which the fused picture is the third of its row."""
    start(tmp_path, replace(RECIPE, steps=2), samples=1).train(images, 50, 1, say=quiet)
    sheets = sorted((tmp_path / "samples").iterdir())
    assert [path.name for path in sheets] == ["000001.png", "000002.png"]
    black, white = np.zeros((40, 50), np.uint8), np.full((40, 50), 255, np.uint8)
    draw_sheet([("a $1", black, white, black), ("b", black, black, white)], tmp_path / "s.png", "title")
    sheet = np.asarray(Image.open(tmp_path / "s.png").convert("L")).astype(int)
    height, width = sheet.shape
    shade = [[sheet[height * (2 * r + 1) // 4 + 10, width * (2 * c + 1) // 6] for c in range(3)] for r in range(2)]
    assert shade == [[0, 255, 0], [0, 0, 255]]


class FakeRun:
    def __init__(self, **options):
        self.options, self.lines, self.over = options, [], False

    def define_metric(self, name, step_metric):
        assert (name, step_metric) == ("*", "step")

    def log(self, line):
        self.lines.append(line)

    def finish(self):
        self.over = True


@pytest.fixture
def wandb(monkeypatch):
    """A package of that name that keeps what it is told, in `runs`."""
    fake = ModuleType("wandb")
    fake.runs, fake.Image = [], lambda path: ("image", path)
    fake.init = lambda **options: fake.runs.append(FakeRun(**options)) or fake.runs[-1]
    monkeypatch.setitem(sys.modules, "wandb", fake)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    return fake


def test_weights_and_biases_get_what_tables_get(images, tmp_path, wandb, monkeypatch):
    with pytest.raises(Killed):
        start(tmp_path).train(images, 6, 6, advance=kill_after(7), say=quiet, boards=["wandb"])
    monkeypatch.setenv("WANDB_MODE", "online")
    start(tmp_path).train(images, 6, 6, say=quiet, boards=["wandb"])
    first, second = wandb.runs
    assert first.over and second.over
    assert [run.options["mode"] for run in wandb.runs] == ["offline", "online"]
    assert first.options["id"] == second.options["id"] and first.options["resume"] == "allow"
    assert Path(first.options["dir"]) == tmp_path and first.options["config"]["seed"] == 3
    (scores,) = [line for line in first.lines if "validation/VIF" in line]
    (picture,) = [line for line in first.lines if "samples" in line]
    assert scores["step"] == picture["step"] == 6
    assert picture["samples"] == ("image", str(tmp_path / "samples" / "000006.png"))
    (losses,) = [line for line in second.lines if "training/loss" in line]
    assert losses["training/loss"] == pytest.approx(float(Table(tmp_path / "log.csv").rows()[-1]["loss"]), rel=1e-5)


def test_weights_and_biases_that_do_not_start_are_one_line(images, tmp_path, wandb):
    def fail(**_):
        raise RuntimeError("no key\nsee wandb login")

    wandb.init = fail
    with pytest.raises(ValueError, match=r"^--wandb: no key"):
        start(tmp_path).train(images, 6, 6, say=quiet, boards=["wandb"])


def test_a_missing_board_is_one_line(monkeypatch, tmp_path):
    """A folder called wandb, as that package leaves them, is no package."""
    (tmp_path / "wandb").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "wandb", raising=False)
    if importlib.util.find_spec("wandb").origin is not None:
        pytest.skip("wandb is installed")
    done = invoke("--method", "cddfuse", "--dataset", "synth", "--wandb")
    assert (done.exit_code, done.stderr) == (
        2,
        "Error: --wandb: the package wandb is not installed: pip install wandb\n",
    )


def test_small_pairs_are_validated_without_vif(tmp_path):
    """It needs 41 pixels: null in the record, and no warning of numpy's."""
    pairs = [tuple(image[:40] for image in pair) for pair in draw_pairs(4)]
    said = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        start(tmp_path, replace(RECIPE, steps=1)).train(
            [Source("made", "up", pairs)], 50, 50, say=lambda text, *_, **__: said.append(text)
        )
    validation = json.loads((tmp_path / "tiny.json").read_text())["validation"]
    assert validation["VIF"] is None and validation["EN"] > 0
    assert len(said) == 1 and said[0].startswith("step 1: EN ")


def test_a_set_too_small_to_validate_on_is_told(tmp_path):
    said = []
    sources = [Source("made", "up", draw_pairs(4)), Source("few", "x", draw_pairs(3, seed=1))]
    start(tmp_path, replace(RECIPE, steps=1)).train(sources, 50, 50, say=lambda text, *_, **__: said.append(text))
    assert said[0] == "few@x: fewer than 4 pairs, so none is held out for validation"
    assert len(said) == 2 and said[1].startswith("step 1: EN ")


def test_a_finished_run_is_extended(images, tmp_path):
    """While the rate is constant, more steps later are the same as more steps at once."""
    constant = replace(RECIPE, schedule="constant")
    start(tmp_path / "once", replace(constant, steps=9)).train(images, 50, 50, say=quiet)
    start(tmp_path / "twice", replace(constant, steps=4)).train(images, 50, 50, say=quiet)
    longer = start(tmp_path / "twice", replace(constant, steps=9))
    assert longer.step == 4
    longer.train(images, 50, 50, say=quiet)
    assert_same_state(tmp_path / "once", tmp_path / "twice")
    with pytest.raises(ValueError, match="holds 9 steps already; give more --steps"):
        start(tmp_path / "once", replace(constant, steps=8))


def test_training_starts_from_given_weights(images, tmp_path):
    given = tmp_path / "weights.bin"
    given.write_bytes(b"x")
    network = Tiny()
    run = start(tmp_path / "run", task=replace(TASK, load=lambda path: network), start=given)
    assert run.network is network
    run.train(images, 50, 50, say=quiet)
    with pytest.raises(ValueError, match="another start_sha256"):
        start(tmp_path / "run")


def test_bfloat16_stays_near_float32_and_is_not_it(images, tmp_path):
    losses = {}
    for precision in ("fp32", "bf16"):
        run = start(tmp_path / precision, precision=precision)
        losses[precision] = run.train_step([images[0].images])["loss"]
        assert all(x.dtype == torch.float32 for x in run.network.state_dict().values())
    assert losses["bf16"] == pytest.approx(losses["fp32"], rel=0.01)
    assert losses["bf16"] != losses["fp32"]


@pytest.mark.parametrize("method", ["mambadfuse", "cddfuse"])
def test_recomputed_activations_change_no_gradient_and_save_memory(method):
    """Gradients to 1e-5 of the largest; saved activations at most two thirds."""
    task, recipe = find(method), Recipe(steps=2, batch=1, crop=16, learning_rate=1e-3)
    ir, vis = torch.rand(2, 1, 1, 24, 24, generator=torch.Generator().manual_seed(0))
    gradients, kept = [], []
    for around in (task.recompute, None):
        torch.manual_seed(0)
        network, saved = task.build(), []

        def keep(x, saved=saved):
            saved.append(x.numel() * x.element_size())
            return x

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
            if around is None:
                loss, _ = task.loss(network, ir, vis, recipe, 1)
            else:
                with around(network):
                    loss, _ = task.loss(network, ir, vis, recipe, 1)
        kept.append(sum(saved))
        loss.backward()
        gradients.append(torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None]))
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-5 * gradients[0].abs().max().item())
    assert kept[0] < 2 / 3 * kept[1]


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

    run = start(tmp_path, task=replace(TASK, loss=explode))
    with pytest.raises(Diverged, match=r"loss \(nan\) or its .* not finite at step 7; .* keeps the last saved state"):
        run.train(images, save_every=5, validate_every=100, say=quiet)
    saved = torch.load(tmp_path / "state.pt", weights_only=True)
    assert saved["step"] == 5
    assert all(torch.isfinite(x).all() for x in saved["network"].values())


def test_a_gradient_that_is_not_finite_stops_too(images, tmp_path):
    def explode(network, ir, vis, recipe, step):
        loss, parts = fusion_loss(network(ir, vis), ir, vis)
        zero = (network.conv.bias * 0).sum()
        return loss + (zero.sqrt() if step == 2 else zero), parts  # 0, whose root has no finite slope

    with pytest.raises(Diverged, match=r"not finite at step 2$"):  # nothing is saved that could be kept
        start(tmp_path / "unsaved", task=replace(TASK, loss=explode)).train(images, 50, 50, say=quiet)
    run = start(tmp_path, task=replace(TASK, loss=explode))
    with pytest.raises(Diverged, match="not finite at step 2"):
        run.train(images, save_every=1, validate_every=100, say=quiet)
    assert all(torch.isfinite(x).all() for x in states(tmp_path)[0]["network"].values())


def test_a_folder_of_another_run_is_refused(images, tmp_path):
    start(tmp_path).train(images, save_every=12, validate_every=12, say=quiet)
    with pytest.raises(ValueError, match="a run of another seed; give another --out"):
        start(tmp_path, seed=4)
    with pytest.raises(ValueError, match="a run of another recipe"):
        start(tmp_path, replace(RECIPE, tone=0.5))
    with pytest.raises(ValueError, match="unknown loss term colour; known: intensity"):
        start(tmp_path, replace(RECIPE, loss={"colour": 1.0}), task=replace(TASK, terms=("intensity",)))


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


def test_training_waits_for_a_measurement_of_time(tmp_path, monkeypatch):
    said = []

    def measured(say):
        said.append("asked")
        raise UserError("a measurement is under way")

    monkeypatch.setattr(machine, "working", measured)
    done = invoke("--method", "cddfuse", "--dataset", "synth", "--steps", 1, "--out", tmp_path / "run")
    assert said == ["asked"] and "a measurement is under way" in done.stderr
    assert not (tmp_path / "run").exists()
    assert "recipe ivf continues trained weights, and none are given: --checkpoint FILE, or" in done.stderr


def test_a_bug_keeps_its_traceback(tmp_path, monkeypatch):
    def broken(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(Run, "train", broken)
    done = invoke("--method", "cddfuse", "--dataset", "synth", "--recipe", "preliminary", "--out", tmp_path)
    assert isinstance(done.exception, RuntimeError)
    assert "continues trained weights" not in done.stderr


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_gpu_is_one_line():
    done = invoke("--method", "cddfuse", "--dataset", "synth", "--device", "cuda")
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)
    assert "no CUDA device" in done.stderr


def test_crops_follow_from_seed_and_step_and_stay_registered():
    ramp = np.arange(40 * 60, dtype=np.int64).reshape(40, 60) % 251
    pair = (ramp.astype(np.uint8), (255 - ramp).astype(np.uint8))
    a, b = crops([[pair]], RECIPE, 0, 5), crops([[pair]], RECIPE, 0, 5)
    assert torch.equal(a, b)
    assert not torch.equal(a, crops([[pair]], RECIPE, 0, 6))
    assert a.shape == (2, 2, 1, 16, 16)
    torch.testing.assert_close(a[0] + a[1], torch.ones_like(a[0]))


def test_tones_move_but_black_stays_black():
    image = np.repeat(np.arange(0, 256, 5, dtype=np.uint8)[None], 40, axis=0)
    batch = crops([[(image, image)]], replace(RECIPE, batch=30, tone=1.0), 0, 0)
    plain = crops([[(image, image)]], replace(RECIPE, batch=30), 0, 0)
    assert torch.equal(plain[0], plain[1])
    assert not torch.equal(batch[0], batch[1])
    assert batch.min() >= 0
    assert batch.max() <= 1
    black = crops([[(0 * image, 0 * image)]], replace(RECIPE, tone=1.0), 0, 0)
    assert black.max() == 0


def test_flat_crops_are_drawn_again():
    image = np.zeros((64, 64), np.uint8)
    image[:32] = np.random.default_rng(0).integers(0, 256, (32, 64))
    recipe = replace(RECIPE, batch=60)
    flat = [
        (crops([[(image, image)]], r, 0, 0).amax(dim=(0, 2, 3, 4)) == 0).sum()
        for r in (recipe, replace(recipe, contrast=0.1))
    ]
    assert flat[0] > 10
    assert flat[1] <= 2


def test_sources_are_drawn_by_their_share():
    assert shares([400, 100], 1).tolist() == [0.8, 0.2]
    assert shares([400, 100], 0.5).tolist() == pytest.approx([2 / 3, 1 / 3])
    sources = [[(np.full((20, 20), value, np.uint8),) * 2] * count for value, count in ((0, 9), (255, 1))]
    for balance, expected in ((1.0, 0.1), (0.0, 0.5)):
        batch = crops(sources, replace(RECIPE, batch=400, balance=balance), 0, 0)
        assert batch.mean().item() == pytest.approx(expected, abs=0.08)


def test_large_images_are_reduced():
    image = np.repeat(np.array([[0, 100]], np.uint8), 50, axis=0).repeat(50, axis=1)
    assert reduce(image, 0) is image
    assert reduce(image, 100) is image
    small = reduce(image, 50)
    assert small.shape == (25, 50)
    assert small.mean() == image.mean()


def test_validation_pairs_are_not_trained_on():
    sources = [Source("a", "x", draw_pairs(100)), Source("b", "x", draw_pairs(20)), Source("c", "x", draw_pairs(3))]
    training, validation = split_off_validation(sources)
    assert [len(images) for images in training] == [93, 19, 3]
    assert len(validation) == 8
    assert not {id(x) for images in training for x in images} & {id(x.images) for x in validation}


def test_pairs_of_two_sources_are_refused():
    """The same pixels, both of them; one image that recurs, as an MRI does, is none."""
    sources = [Source("a", "x", draw_pairs(5)), Source("b", "x", draw_pairs(5, seed=1))]
    sources[1].images[3] = (sources[0].images[0][0], sources[1].images[0][1][:, :50])
    refuse_repeats(sources)
    sources[1].images[3] = tuple(image.copy() for image in sources[0].images[2])
    with pytest.raises(UserError, match=r"1 pair is in both a@x and b@x, so that pairs held out would be trained on"):
        refuse_repeats(sources)


def test_sources_say_what_they_are(shared):
    from benchmark.datasets.id_lists import split_hashes

    recipe = replace(RECIPE, longest=640)
    source = read("tno", recipe, root=shared / "data")
    assert (source.split, len(source.images)) == ("train", 15)
    assert source.ids_sha256 == split_hashes()["tno_train"]
    assert len(source.images_sha256) == 64
    assert max(max(ir.shape) for ir, _ in source.images) <= 640
    assert read("tno@cddfuse25", recipe, "tno42", shared / "data").split == "cddfuse25"


def test_training_lists_hold_no_test_pair():
    from benchmark import datasets
    from benchmark.datasets.id_lists import split_ids

    assert not set(split_ids("tno", "train")) & set(split_ids("tno", "cddfuse25"))
    assert set(split_ids("tno", "train")) < set(split_ids("tno", "tno42"))
    assert "15" not in split_ids("tno", "train")
    assert len(split_ids("llvip", "sample44")) == 44
    scheme = datasets.get("roadscene").schemes()["cddfuse50"]
    assert not set(scheme["train"]) & set(scheme["test"])


def test_records(tmp_path, images, pictures):
    start(tmp_path).train(images, 6, 4, say=quiet)
    assert [row["step"] for row in Table(tmp_path / "validation.csv").rows()] == ["4", "8", "12"]
    for name in ("loss.png", "validation.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    record = json.loads((tmp_path / "tiny.json").read_text())
    assert (record["steps"], record["seed"], record["data"]) == (12, 3, "made up")
    assert record["validation"]["step"] == 12
    assert {"EN", "SSIM"} < set(record["validation"])
    import baselines

    assert record["sha256"] == baselines.sha256(tmp_path / "tiny.safetensors")


def test_a_table_takes_columns_as_they_come_and_forgets_later_steps(tmp_path):
    table = Table(tmp_path / "log.csv")
    table.append({"step": 1, "a": 0.5})
    table.append({"step": 2, "a": 1.5, "b": 2.5})
    assert table.rows() == [{"step": "1", "a": "0.5", "b": ""}, {"step": "2", "a": "1.5", "b": "2.5"}]
    with table.path.open("a") as file:
        file.write("3,0.1")  # cut short by a kill
    table.truncate(1)
    assert [row["step"] for row in table.rows()] == ["1"]
    table.append({"step": 2, "a": 1.0, "b": 1.0})
    draw(table.path, tmp_path / "log.png", "title")
    assert (tmp_path / "log.png").stat().st_size > 1000


def test_tensorboard_logs_can_be_read_back(tmp_path, images):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    start(tmp_path).train(images, 50, 6, say=quiet, boards=["tensorboard"])
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("validation/VIF")] == [6, 12]
    assert [event.step for event in events.Images("samples")] == [6, 12]
    assert "training/loss" in events.Tags()["scalars"]


def test_two_processes_equal_one(tmp_path):
    """The same batches, shared by two processes of `python -m torch.distributed.run`: one process's weights to 1e-5 in
    the mean, after two of Adam's steps of 1e-3, which amplify the rounding of gradients near zero; its loss to 1e-4."""
    pytest.importorskip("accelerate")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    recipe = tmp_path / "short.yaml"
    recipe.write_text("{steps: 2, batch: 2, crop: 16, learning_rate: 1.0e-3, loss: {ssim_share: 0.5}}")
    arguments = ["train", "--method", "mambadfuse", "--dataset", "synth", "--recipe", str(recipe), "--device", "cpu"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(port)]
    launch = subprocess.run(
        [sys.executable, *launcher, "-m", "benchmark.cli", *arguments, "--out", str(tmp_path / "two")],
        capture_output=True, text=True, env=environment, cwd=Path(__file__).parents[2], timeout=240,
    )  # fmt: skip
    assert launch.returncode == 0, launch.stderr[-2000:]
    done = invoke(*arguments[1:], "--out", tmp_path / "one")
    assert done.exit_code == 0, done.output
    one, two = states(tmp_path / "one", tmp_path / "two")
    differences = [(two["network"][key] - value).abs().flatten() for key, value in one["network"].items()]
    assert torch.cat(differences).mean() < 1e-5
    losses = [float(Table(tmp_path / folder / "log.csv").rows()[-1]["loss"]) for folder in ("one", "two")]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    assert json.loads((tmp_path / "two" / "mambadfuse.json").read_text())["processes"] == 2
    assert len(Table(tmp_path / "two" / "log.csv").rows()) == 1


@pytest.mark.parametrize(
    ("schedule", "middle", "end"),
    [
        ("constant", 1.0, 1.0),
        ("cosine", 0.505, 0.01),
        ("halving", 0.125, 1 / 32),
        ("plateau", 1.0, 0.01 + 0.99 / 202),
    ],
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
        assert {"ivf", "mif", "official-ivf"} <= set(recipes(method))
        for name, path in recipes(method).items():
            recipe = Recipe.of(yaml.safe_load(path.read_text()))
            assert recipe.continues == (name != "preliminary" and not name.startswith("official"))
            assert set(recipe.loss) <= set(find(method, "mif" if name.endswith("mif") else "ivf").terms)


def test_the_authors_recipes_are_the_authors():
    import yaml

    def settings(method, name):
        return Recipe.of(yaml.safe_load(recipes(method)[name].read_text()))

    ivf, mif = (settings("mambadfuse", f"official-{task}") for task in ("ivf", "mif"))
    assert (ivf.steps, ivf.batch, ivf.crop, ivf.learning_rate, ivf.ema) == (10000, 12, 128, 2e-5, 0.999)
    assert (ivf.schedule, ivf.loss) == ("constant", {})  # the loss's own weights: 20/20/10, see test_mambadfuse
    assert (mif.steps, mif.batch, mif.crop, mif.learning_rate, mif.ema) == (10000, 12, 64, 2e-4, 0.999)
    assert mif.loss == {"intensity": 20, "gradient": 100, "ssim": 50, "ssim_share": 0.5}
    cddfuse = settings("cddfuse", "official-ivf")
    assert (cddfuse.batch, cddfuse.crop, cddfuse.learning_rate, cddfuse.clip) == (8, 128, 1e-4, 0.01)
    epoch = 6498 // 8
    assert (cddfuse.steps, cddfuse.first_phase) == (120 * epoch, pytest.approx(40 * epoch, rel=1e-3))
    assert cddfuse.loss == {}
    rates = [learning_rate(cddfuse, cddfuse.steps * epoch // 120) for epoch in (0, 20, 40, 119)]
    assert rates == [1e-4, 0.5e-4, 0.25e-4, 1e-4 / 32]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"steps": 1, "batch": 1, "crop": 16, "learning_rate": 1, "rate": 2}, "unknown recipe key rate"),
        ({"steps": 1, "batch": 1, "crop": 16}, "lacks learning_rate"),
        ({"steps": 1.5, "batch": 1, "crop": 16, "learning_rate": 1}, "steps must be a whole number"),
        ({"steps": "9", "batch": 1, "crop": 16, "learning_rate": 1}, "steps must be a whole number"),
        ({"steps": 1, "batch": 1, "crop": 16, "learning_rate": "fast"}, "learning_rate must be a number"),
        ({"steps": 1, "batch": 1, "crop": 16, "learning_rate": 1, "loss": 3}, "loss must be a mapping"),
        ({"steps": 1, "batch": 1, "crop": 16, "learning_rate": 1, "loss": {"a": "b"}}, "loss a must be a number"),
        ({"steps": 0, "batch": 1, "crop": 16, "learning_rate": 1}, "at least 1"),
        ({"steps": 1, "batch": 1, "crop": 16, "learning_rate": 1, "schedule": "x"}, "'x' is not one of"),
        (None, "holds no mapping of keys to values"),
        (["steps"], "holds no mapping of keys to values"),
        ({3: 4}, "unknown recipe key 3"),
    ],
)
def test_bad_recipes(values, message):
    with pytest.raises(ValueError, match=message):
        Recipe.of(values)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("steps: 0", "steps must be at least 1, not 0"),
        ("batch: -1", "batch must be at least 1, not -1"),
        ("crop: 15", "crop must be at least 16, not 15"),
        ("learning_rate: 0", "learning_rate must be positive and finite, not 0"),
        ("learning_rate: .nan", "learning_rate must be positive and finite, not nan"),
        ("learning_rate: .inf", "learning_rate must be positive and finite, not inf"),
        ("learning_rate: 2e-5", "must be a number, not '2e-5'; YAML reads 2e-5 as text; write 2.0e-5$"),
        ("learning_rate: 2.5e5", "YAML reads 2.5e5 as text; write 2.5e[+]5$"),
        ("learning_rate: fast", "must be a number, not 'fast'$"),
        ("warmup: -1", "warmup must be at least 0 and finite, not -1"),
        ("ema: 1", "ema must be at least 0 and below 1, not 1"),
        ("ema: -0.1", "ema must be at least 0 and below 1, not -0.1"),
        ("clip: -1", "clip must be at least 0 and finite, not -1"),
        ("clip: .inf", "clip must be at least 0 and finite, not inf"),
        ("phase1: 1.1", "phase1 must be between 0 and 1, not 1.1"),
        ("longest: -1", "longest must be at least 0 and finite, not -1"),
        ("longest: 20", r"longest \(20\) must be 0 or at least crop \(32\)"),
        ("balance: .nan", "balance must be between 0 and 10, not nan"),
        ("tone: 2", "tone must be between 0 and 1, not 2"),
        ("contrast: 1", "contrast must be at least 0 and below 1, not 1"),
        ("continues: 1", "continues must be true or false, not 1"),
        ("loss: {ssim: -1}", "loss ssim must be at least 0 and finite, not -1"),
        ("loss: {ssim: 1e1}", "loss ssim must be a number, not '1e1'; YAML reads 1e1 as text; write 1.0e[+]1$"),
    ],
)
def test_each_number_of_a_recipe_is_checked(line, message):
    import yaml

    values = {"steps": 1, "batch": 1, "crop": 32, "learning_rate": 1.0}
    with pytest.raises(ValueError, match=message):
        Recipe.of(values | yaml.safe_load(line))


def invoke(*arguments):
    return CliRunner().invoke(main, ["train", *map(str, arguments)])


def test_command_trains_and_its_checkpoint_fuses(tmp_path, pictures, monkeypatch):
    import baselines
    from benchmark import progress

    monkeypatch.setattr(progress, "EVERY", 0)
    monkeypatch.setattr(progress, "EVENT_EVERY", 0)

    recipe = tmp_path / "short.yaml"
    recipe.write_text("{steps: 2, batch: 1, crop: 16, learning_rate: 1.0e-4, phase1: 0.5}")
    for index, image in enumerate(image for pair in draw_pairs(6) for image in pair):
        path = tmp_path / ("ir", "vis")[index % 2] / f"{index // 2}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(path)
    own = ("--dataset", "folder", "--ir", tmp_path / "ir", "--vis", tmp_path / "vis")
    paper = ("--dataset", "synth", "--variant", "paper")
    for method, task, data in (("mambadfuse", "ivf", paper), ("cddfuse", "mif", own)):
        name, out = {"ivf": f"{method}-paper", "mif": f"{method}-mif"}[task], tmp_path / method
        arguments = ("--method", method, "--task", task, *data, "--config", recipe, "--out", out)
        done = invoke(*arguments, *(("--json",) if task == "ivf" else ()))
        assert done.exit_code == 0, done.output
        _tells_the_training(done, out, as_events=task == "ivf")
        fuser = baselines.load(name, checkpoint=out / f"{name}.safetensors")
        assert fuser.fuse(*np.random.default_rng(0).random((2, 24, 31))).shape == (24, 31)
        record = json.loads((out / f"{name}.json").read_text())
        assert (record["trained_on"], record["steps"]) == ({"ivf": "synth demo", "mif": "folder all"}[task], 2)
        assert record["data"][0]["pairs"] == 6
        again = invoke(*arguments)
        assert "continuing at step 2 of 2" in again.stderr
    _is_of_the_paper(tmp_path / "mambadfuse" / "mambadfuse-paper.best.safetensors")


def _is_of_the_paper(path: Path) -> None:
    """No other variant of the network takes the weights, even where their record is lost."""
    import baselines

    assert json.loads(path.with_suffix(".json").read_text())["variant"] == "paper"
    with pytest.raises(baselines.Unavailable, match="takes them"):
        baselines.load("mambadfuse-paper", checkpoint=OTHER)
    with pytest.raises(UserError, match="holds weights of mambadfuse-paper"):
        convert("mambadfuse", path, path.with_name("other.safetensors"))
    convert("mambadfuse-paper", path, path.with_name("half.safetensors"), float16=True)
    assert baselines.stated_variant(path.with_name("half.safetensors")) == ("paper", "mambadfuse-paper")
    for lost in (False, True):
        if lost:
            path.with_suffix(".json").unlink()
        message = "of the variant 'paper' .*, and mambadfuse is the authors' network; mambadfuse-paper takes them"
        with pytest.raises(baselines.Unavailable, match=message):
            baselines.load("mambadfuse", checkpoint=path)
        assert (
            baselines.load("mambadfuse-paper", checkpoint=path).network.M3_block1.multi_modal_mamba_block.variant
            == "paper"
        )


def _tells_the_training(done, folder, as_events: bool) -> None:
    """Loss, learning rate, speed and time left after each of two steps; the loss is drawn."""
    assert (folder / "loss.png").read_bytes().startswith(b"\x89PNG")
    (row,) = Table(folder / "log.csv").rows()
    if not as_events:
        (line,) = [line for line in done.stderr.splitlines() if ": 1/2 in " in line]
        assert re.search(r", loss [\d.e+]+, rate 0\.0001, [\d.e-]+ steps/s, \d+ s left$", line)
        return
    found = [json.loads(line) for line in done.stdout.splitlines()]
    first, second = [one for one in found if one.get("loss") is not None]
    assert (first["step"], second["step"], first["learning_rate"], second["left"]) == (1, 2, 1e-4, 0)
    assert first["left"] > 0 and first["steps_per_second"] > 0
    assert first["images_per_second"] == pytest.approx(first["steps_per_second"])  # a batch of one
    assert second["loss"] == pytest.approx(float(row["loss"]), rel=1e-4) and float(row["rate"]) == 1e-4
    scores = [one["scores"] for one in found if one["event"] == "validation"]
    assert len(scores) == 1 and {"EN", "SSIM"} < set(scores[0])
    assert [one["steps"] for one in found if one["event"] == "summary"] == [2]


OTHER = str(SHIPPED / "mambadfuse.safetensors")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "mambafuse"], "did you mean 'mambadfuse'"),
        (["--method", "average"], "unknown trainable method"),
        (["--method", "mambadfuse-mif"], "train them by --method mambadfuse --task mif"),
        (["--method", "mambadfuse-paper"], "train them by --method mambadfuse --variant paper"),
        (["--method", "mambadfuse-tuned"], "train them by --method mambadfuse --recipe tuned"),
        (["--method", "mambadfuse-tuned-mif"], "train them by --method mambadfuse --task mif --recipe tuned-mif"),
        (["--method", "mif"], "unknown trainable method 'mif'"),
        (["--method", "mambadfuse-tund"], "unknown trainable method 'mambadfuse-tund'"),
        (["--method", "cddfuse", "--variant", "paper"], "unknown variant of cddfuse 'paper'; known: official"),
        (["--method", "cddfuse", "--validate-by", "vif"], "did you mean 'vif'"),
        (["--method", "cddfuse", "--protocol", "standart"], "did you mean 'standard'"),
        (["--method", "cddfuse", "--protocol", "vifb", "--validate-by", "sd"], "unknown validation score"),
        (["--method", "cddfuse", "--recipe", "prelim"], "did you mean 'preliminary'"),
        (["--method", "cddfuse", "--dataset", "synth@dmo"], "did you mean 'demo'"),
        (["--method", "cddfuse", "--dataset", "synth", "--checkpoint", __file__], "not a readable checkpoint"),
        (["--method", "cddfuse", "--dataset", "roadscen"], "did you mean 'roadscene'"),
        (["--method", "cddfuse", "--dataset", "synth", "--ir", "a", "--vis", "b"], "go with --dataset folder"),
        (["--method", "cddfuse", "--dataset", "folder", "--ir", "/missing", "--vis", "/missing"], "/missing"),
        (["--method", "cddfuse", "--task", "mif", "--dataset", "synth"], "mif: synth is a data set of the task ivf"),
        (["--method", "cddfuse", "--task", "mif", "--data-root", "."], "data set harvard_ct_mri: not found"),
        (["--method", "cddfuse", "--dataset", "synth,synth@demo"], "6 pairs are in both synth@demo and synth@demo"),
        (["--method", "cddfuse", "--dataset", "synth", "--checkpoint", OTHER], "does not fit cddfuse: "),
        (["--method", "cddfuse", "--recipe", "empty.yaml"], "recipe empty.yaml: holds no mapping"),
    ],
)
def test_mistakes_are_one_line(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("empty.yaml").touch()
    done = invoke(*arguments)
    assert done.exit_code == 2
    assert message.replace("'", "") in done.output.replace("'", "").replace('"', "").lower()
    lines = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("synth@demo")]
    assert len(lines) == 1 and len(lines[0]) < 700
    assert not [*tmp_path.glob("runs/*")]
