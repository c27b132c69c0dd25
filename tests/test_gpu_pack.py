"""The studies behind studies/gpu.sh, without a GPU."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from studies import gpu_needs, gpu_pack, gpu_table, gpu_trials
from studies.gpu_trials import Setting

ROOT = Path(__file__).parents[1]


@pytest.fixture
def setting(tmp_path):
    for name in ("out", "work"):
        (tmp_path / name).mkdir()
    return Setting("cpu", tmp_path / "out", tmp_path / "work", tiny=True)


def test_what_is_measured_is_kept_and_not_measured_again(setting, monkeypatch, capsys):
    asked = []

    def part(setting):
        def case(name, rows):
            return name, lambda: asked.append(name) or rows()

        yield case("right", lambda: [{"backend": "a", "ms": 1.0}])
        yield case("half", lambda: [{"backend": "a", "ms": 2.0}, {"backend": "b", "error": "no"}])
        yield case("broken", lambda: 1 / 0)
        yield case("stopped", lambda: [{"backend": "a", "steps": 3, "stopped": True}])

    monkeypatch.setitem(gpu_trials.PARTS, "speed", part)
    assert not gpu_pack.measure("speed", setting)
    with (setting.out / "results.jsonl").open("a") as file:
        file.write('{"part": "speed", "ca')  # of a killed process
    assert not gpu_pack.measure("speed", setting)
    assert asked == ["right", "half", "broken", "stopped", "half", "broken", "stopped"]
    rows = gpu_table.newest(gpu_pack.rows_in(setting.out))
    assert [(row["case"], row.get("error")) for row in rows] == [
        ("right", None), ("half", None), ("half", "no"), ("broken", "ZeroDivisionError: division by zero"),
        ("stopped", None),
    ]  # fmt: skip
    assert "broken: backend , error ZeroDivisionError: division by zero" in capsys.readouterr().out


def test_a_part_ends_after_its_time(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "sh")  # which knows no -m
    assert gpu_pack.run_part("speed", 20) not in (0, None)
    sleeper = tmp_path / "sleeper"
    sleeper.write_text("#!/bin/sh\nsleep 60\n")
    sleeper.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(sleeper))
    start = time.monotonic()
    assert gpu_pack.run_part("speed", 0.3) is None
    assert time.monotonic() - start < 30


def test_calls_in_turns(monkeypatch):
    calls = []
    took = {"first": iter([9.0, 4.0, 2.0, 4.0]), "second": iter([99.0, 8.0, 6.0, 20.0])}

    def elapsed(run, device):
        calls.append(run())
        return next(took[calls[-1]])

    monkeypatch.setattr(gpu_trials, "elapsed", elapsed)
    runs = {"first": lambda: "first", "broken": lambda: 1 / 0, "second": lambda: "second"}
    rows = {row["backend"]: row for row in gpu_trials.in_turns(runs, "cpu", 1.0, most=3)}
    assert calls == ["first", "second"] * 4  # the first turn warms up
    assert rows["broken"] == {"backend": "broken", "error": "ZeroDivisionError: division by zero"}
    assert [(rows[name]["ms"], rows[name]["n"]) for name in ("first", "second")] == [(4.0, 3), (8.0, 3)]
    assert (rows["first"]["times_the_first"], rows["second"]["times_the_first"]) == (1.0, 3.0)


def test_percentiles():
    found = gpu_trials.summary([5.0, 1.0, 2.0, 3.0, 4.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0])
    assert found == {"ms": 6.0, "low_ms": 2.0, "high_ms": 10.0, "n": 11}
    assert gpu_trials.summary([3.0]) == {"ms": 3.0, "low_ms": 3.0, "high_ms": 3.0, "n": 1}


def test_errors_are_those_of_a_wrong_backend():
    from baselines.scan import selective_scan

    given = gpu_trials.scan_inputs(2, 9, 5, "cpu")
    assert given["B"].stride(1) == given["C"].stride(1) == 36 and given["z"].stride(1) == 10  # as in the network
    right = lambda **values: selective_scan(**values, backend="chunked")  # noqa: E731
    assert gpu_trials.errors(right, given, right)["output"] < 1e-6
    wrong = lambda **values: right(**{**values, "C": 1.01 * values["C"]})  # noqa: E731
    found = gpu_trials.errors(wrong, given, right)
    assert 1e-3 < found["output"] < 0.02 and found["gradients"] > 1e-3
    lost = lambda **values: right(**values) * torch.nan  # noqa: E731
    assert gpu_trials.errors(lost, given, right)["output"] == float("inf")


def test_a_run_goes_there_and_back_in_pieces(setting, monkeypatch):
    monkeypatch.setattr(gpu_trials, "PIECE", 10)
    folder = setting.work / "training"
    gpu_trials.pack(setting, folder)  # before the first state is saved
    assert not list(setting.out.iterdir())
    folder.mkdir()
    files = {"state.pt": bytes(range(105)), "log.csv": b"step\n1\n", "mambadfuse.json": b'{"steps": 7}', ".lock": b""}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (setting.out / "state.pt.11").write_bytes(b"of a longer one")
    gpu_trials.pack(setting, folder)
    assert len(list(setting.out.glob("state.pt.*"))) == 11
    elsewhere = Setting("cpu", setting.out, setting.work / "elsewhere")
    gpu_trials.unpack(elsewhere, elsewhere.work / "training")
    found = {path.name: path.read_bytes() for path in (elsewhere.work / "training").iterdir()}
    assert found == {name: content for name, content in files.items() if name != ".lock"}
    assert gpu_trials.last_step(elsewhere.work / "training") == 7
    (folder / "log.csv").write_bytes(b"newer")
    gpu_trials.unpack(setting, folder)  # what is there is newer than what was brought back
    assert (folder / "log.csv").read_bytes() == b"newer"


def test_a_schedule_goes_on_where_its_time_was_over(setting):
    gpu_pack.keep(setting.out, [{"part": "training", "case": "training", "goal": 900, "steps": 500}])
    assert gpu_trials.earlier_goal(setting, 500) == 900
    assert gpu_trials.earlier_goal(setting, 900) is None
    assert gpu_trials.earlier_goal(setting, 0) is None
    step = {"part": "speed", "case": "training step, 12 x 128 x 128, fp32", "backend": "triton", "ms": 250.0}
    gpu_pack.keep(setting.out, [{**step, "backend": "chunked", "ms": 900.0}, step])
    real = Setting("cuda", setting.out, setting.work)
    assert 850 <= gpu_trials.fitting_steps(real, time.monotonic() + 60 + 240) <= 864  # nine tenths of 240 s
    other = Setting("cuda", setting.out, setting.work, batch=5)
    assert gpu_trials.fitting_steps(other, time.monotonic() + 300) == 2000


ROWS = [
    {"part": "machine", "case": "machine", "device": "cuda", "name": "A GPU", "memory_gb": 80.2, "torch": "2.11",
     "triton": "3.6", "mamba-ssm": None, "backends": {"mamba_ssm": "cannot be imported", "triton": None}},
    {"part": "agreement", "case": "scan, 1 x 1 x 5", "backend": "triton", "output": 1.2e-7, "gradients": 3e-7,
     "worst": "A"},
    {"part": "agreement", "case": "scan, 1 x 1 x 5", "whole": True},
    *({"part": "speed", "case": case, "backend": backend, "ms": ms, "low_ms": ms, "high_ms": ms, "n": 3,
       "times_the_first": 1.0, "peak_gb": 0.5}
      for case, backend, ms in [("scan, 307200 tokens", "mamba-ssm's kernel, in its own layout", 2.0),
                                ("scan, 307200 tokens", "triton", 1.0),
                                ("forward, 480x640", "mamba_ssm", 50.0), ("forward, 480x640", "triton", 130.0),
                                ("training step, 12 x 128 x 128, fp32", "mamba_ssm", 200.0),
                                ("training step, 12 x 128 x 128, fp32", "triton", 250.0)]),
    {"part": "speed", "case": "forward, 480x640", "backend": "triton, bf16", "error": "RuntimeError: out of memory"},
    {"part": "speed", "case": "kernels of a forward pass", "backend": "f<a|b>", "ms": 3.0, "launches": 7},
    {"part": "training", "case": "training", "backend": "cuda", "from_step": 0, "steps": 40, "goal": 90,
     "stopped": True, "batch": 12, "crop": 128, "step_ms": 251.2, "losses": [8.0, 7.5], "drawn": True},
    {"part": "training", "case": "training", "whole": False},
    *({"part": "speed", "case": case, "whole": True}
      for case in ("scan, 307200 tokens", "forward, 480x640", "training step, 12 x 128 x 128, fp32",
                   "kernels of a forward pass")),
]  # fmt: skip


def test_tables():
    text = gpu_table.page(ROWS)
    assert text.startswith("### Measured on A GPU\n")
    assert "mamba_ssm: cannot be imported" in text
    assert "| scan, 1 x 1 x 5 | triton | 1.2e-07 | 3.0e-07 | A |" in text
    assert "| the scan at least as fast as mamba-ssm's kernel | 2.00 times | yes |" in text
    assert "| a 480x640 image in 120 ms | 130.0 ms | no |" in text
    assert "| a training step in 300 ms | 250 ms | yes |" in text
    assert "Faster in both a forward pass and a training step: mamba_ssm." in text
    assert "* forward, 480x640, triton, bf16: RuntimeError: out of memory" in text
    assert text.count("| forward, 480x640 |") == 2 and "| `f<a¦b>` | 3 | 7 |" in text
    assert "from step 0 to 40, 12 crops of 128x128 of drawn pairs: 251 ms a step" in text
    assert "saving; loss 8.000 to 7.500, stopped when the time was over." in text
    assert "rehearsal" not in text
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):  # every line of a table has as many columns
        assert len({line.count("|") for line in block.splitlines()}) == 1
    # What was measured again takes the place of what was measured first.
    text = gpu_table.page([*ROWS, {**ROWS[1], "output": 9e-7}, ROWS[2]])
    assert "9.0e-07" in text and "1.2e-07" not in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["OUT", "--parts", "speed,sped"], "--parts: sped is not one of agreement, speed, pipeline, tests, training"),
        (["OUT", "--recipe", "none.yaml"], "--recipe: no file none.yaml"),
        (["OUT", "--checkpoint", "ivf"], "--checkpoint: no file ivf"),
        (["OUT", "--minutes", "0"], "--minutes, --batch and --steps must be positive"),
        (["OUT", "more"], "unrecognized arguments: more"),
        ([], "the following arguments are required: out"),
    ],
)
def test_mistakes_are_one_line(monkeypatch, capsys, arguments, told):
    monkeypatch.setattr(sys, "argv", ["gpu.sh", *arguments])
    with pytest.raises(SystemExit) as ended:
        gpu_pack.options()
    assert ended.value.code == 2
    assert told in capsys.readouterr().err.splitlines()[-1]


def test_options(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["gpu.sh", "OUT", "--parts", "tests", "--", "--dataset", "tno", "--", "x"])
    given = gpu_pack.options()
    assert (given.out, given.parts, given.train) == (Path("OUT"), ["tests"], ["--dataset", "tno", "--", "x"])
    assert (given.batch, given.crop, given.recipe) == (12, 128, "ivf")  # the authors' batch


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_it_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gpu.sh", str(tmp_path / "out")])
    assert gpu_pack.main() == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "torch finds no CUDA device here; --rehearse" in line
    assert not (tmp_path / "out").exists()
    gpu_pack.keep(tmp_path, [{"part": "machine", "case": "machine", "device": "cuda", "id": "a", "name": "A GPU"}])
    monkeypatch.setattr(sys, "argv", ["gpu.sh", str(tmp_path), "--rehearse"])
    assert gpu_pack.main() == 2
    assert "holds what a GPU did; give another folder" in capsys.readouterr().err


def test_needs(monkeypatch):
    declared = gpu_needs.declared()
    assert "click>=8.2,<9" in declared and "torch>=2.4,<2.14" in declared and len(declared) > 15
    monkeypatch.setattr(gpu_needs, "declared", lambda: ["no-such-package>=1,<2; python_version > '3'", "numpy>=1"])
    assert gpu_needs.missing() == ["no-such-package>=1,<2"]


def test_the_script_is_whole():
    script = ROOT / "studies" / "gpu.sh"
    assert subprocess.run(["bash", "-n", script]).returncode == 0
    assert script.stat().st_mode & 0o111
    named = set(re.findall(r"studies[./](gpu_\w+)", script.read_text("utf-8")))
    assert named == {"gpu_needs", "gpu_pack"} and all((ROOT / "studies" / f"{name}.py").is_file() for name in named)
    assert gpu_pack.PARTS.keys() == gpu_trials.PARTS.keys()
