"""Fixtures of the harness's tests: small pairs, a small learned method, ways to call `bench`."""

import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from harness import FOLDER, IDS, draw

import baselines
from benchmark.cli import main

# A method with a checkpoint, as a user would add it: one file. The checkpoint holds one number.
GAIN = """
import numpy as np
from baselines.base import Fuser, MethodCard, Unavailable

class Gain(Fuser):
    card = MethodCard("gain", "Gain & noise", "learned", checkpoints={"gain.txt": None})

    def __init__(self, checkpoint=None, device="cpu"):
        super().__init__(checkpoint, device)
        try:
            self.gain = float(checkpoint.read_text())
        except ValueError as error:
            raise Unavailable(f"gain: {checkpoint} holds no number") from error

    def fuse_batch(self, ir, vis):
        return self.gain * ir + 0.1 * np.random.random(ir.shape)
"""


# How Python writes values, and torch's advice to load what could run code: nothing for users.
PYTHONS = re.compile(
    r"\b(Posix|Windows)Path\(|\bnp\.\w+\(|array\(|<class '|\bobject at 0x|\bNone\b|torch\.Size|weights_only|\['"
)


@pytest.fixture
def pairs(tmp_path, monkeypatch) -> Path:
    """Four pairs of 64x48 in <here>/ir and <here>/vis (colour); the working directory is where they lie."""
    for index, id in enumerate(IDS):
        draw(tmp_path / "ir" / f"{id}.png", 2 * index)
        draw(tmp_path / "vis" / f"{id}.png", 2 * index + 1, colour=True)
    monkeypatch.chdir(tmp_path)
    for name in ("BENCH_RESULTS", "BENCH_DATA", "BENCH_WEIGHTS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def gain(tmp_path, monkeypatch) -> Path:
    """Adds the method `gain`; returns the weights root with its checkpoint gain/gain.txt."""
    folder = tmp_path / "methods"
    folder.mkdir()
    (folder / "gain.py").write_text(GAIN)
    monkeypatch.setattr(baselines, "__path__", [*baselines.__path__, str(folder)])
    checkpoint = tmp_path / "weights" / "gain" / "gain.txt"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_text("0.5")
    yield tmp_path / "weights"
    sys.modules.pop("baselines.gain", None)


@pytest.fixture
def bench():
    """Call `bench` in this process: bench("run", ...) -> click's result, which a traceback fails."""

    def call(*arguments):
        result = CliRunner().invoke(main, [str(a) for a in arguments], prog_name="bench")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert "Traceback" not in result.output
        assert not (found := PYTHONS.search(result.stderr)), found
        return result

    return call


@pytest.fixture
def bench_folder(bench):
    """`bench COMMAND` on the fixture `pairs`, scored in this process."""
    return lambda command, *arguments: bench(command, *FOLDER, "--jobs", 0, *arguments)
