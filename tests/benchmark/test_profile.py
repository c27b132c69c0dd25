"""`bench profile`: what is measured, kept and shown, and who waits for whom."""

import json
import os
import statistics
import sys
import threading
import time

import pytest

import baselines
import benchmark
from baselines import flops
from benchmark.cost import records
from benchmark.run import machine

FUSERS = """
import os, time
import numpy as np

def slow(ir, vis):
    print("noise on stdout")
    held = np.ones((40 << 20) // 8)
    time.sleep(0.1)
    return ir

def dies(ir, vis):
    os._exit(7)

def raises(ir, vis):
    raise ZeroDivisionError("twice\\ntold")
"""


@pytest.fixture(autouse=True)
def _own_lock(tmp_path, monkeypatch):
    """Of this test: other tests on this machine are no reason to wait."""
    monkeypatch.setattr(machine, "lock_file", lambda: tmp_path / "lock")


def test_profile(pairs, bench):
    (pairs / "fusers.py").write_text(FUSERS)
    names = "cddfuse,fusers.py:slow,fusers.py:dies,fusers.py:raises"
    result = bench("profile", "--methods", names, "--size", "64x96", "--threads", "1", "--device", "cpu")
    assert result.exit_code == 1
    assert "dies on cpu: not measured: its process died (out of memory?): exit code 7" in result.stderr
    assert "raises on cpu: not measured: ZeroDivisionError: twice told" in result.stderr
    rows = [line.split() for line in result.stdout.splitlines()]
    assert {row[0] for row in rows if row} >= {"cddfuse", "slow"}
    network, function = records.read("results")
    assert (network["method"], function["method"]) == ("cddfuse", "slow")
    assert (network["threads"], network["height"], network["width"]) == (1, 96, 64)
    assert network["parameters"] == baselines.card("cddfuse").parameters
    assert network["flops"] == flops.count(baselines.load("cddfuse"), 96, 64)[0] > 1e9
    assert network["seconds"] == pytest.approx(statistics.median(network["times"]), abs=1e-6)
    assert network["checkpoint"]["file"] == "cddfuse.safetensors"
    assert 5 < network["peak_memory_mib"] < 2000
    assert function["flops"] is None and function["parameters"] is None
    assert function["seconds"] >= 0.1 > function["cpu_seconds"]  # it sleeps
    assert 38 < function["peak_memory_mib"] < 80
    assert function["command"].startswith("bench profile")
    assert {"cpu", "packages", "start", "end", "load_average_before"} <= function.keys()
    frame = benchmark.load_profiles("results")
    assert list(frame.columns) == list(records.COLUMNS)
    assert frame["seconds"].tolist() == [network["seconds"], function["seconds"]]
    assert "slow" in bench("ls", "profiles").stdout


def test_what_is_not_there(bench, pairs, gain):
    assert benchmark.load_profiles("results").empty
    empty = bench("ls", "profiles")
    assert (empty.exit_code, empty.stdout) == (0, "nothing measured in results: bench profile measures methods\n")
    result = bench("profile", "--methods", "gain")
    assert result.exit_code == 1
    assert "gain on cpu: not measured: no checkpoint gain/gain.txt" in result.stderr
    assert not (pairs / "results").exists()


@pytest.mark.parametrize("damage", [{"seconds": "fast"}, {"flops": -1}, {"threads": None}, {"method": 5}, "[]", "{"])
def test_damaged_records_count_as_missing(tmp_path, damage):
    record = {
        "method": "m", "device": "cpu", "processor": "p", "threads": 1, "height": 2, "width": 3, "parameters": 4,
        "flops": None, "seconds": 0.5, "cpu_seconds": 0.5, "peak_memory_mib": 6, "gpu_peak_memory_mib": None,
        "start": "2026",
    }  # fmt: skip
    path = records.write(tmp_path, record)
    assert records.read(tmp_path) == [record]
    records.write(tmp_path, {**record, "threads": 2})
    assert len(records.read(tmp_path)) == 2
    path.write_text(damage if isinstance(damage, str) else json.dumps({**record, **damage}))
    assert [found["threads"] for found in records.read(tmp_path)] == [2]


def test_operations_by_hand():
    """Of SeAFusion, from its layers; of the scans, by the formula."""
    import torch

    from baselines.seafusion import Network, SeAFusion

    class Random(SeAFusion):
        def build(self, checkpoint):
            return Network()

    height, width = 24, 20
    fuser = Random(None)
    total, scans = flops.count(fuser, height, width)
    convolutions = [m for m in fuser.network.modules() if isinstance(m, torch.nn.Conv2d)]
    assert total == sum(2 * height * width * m.weight.numel() for m in convolutions)
    assert scans == 0
    assert flops.scan_flops(2, 100, 8, 16) == 2 * 100 * 8 * (9 * 16 + 2)
    assert flops.count(baselines.load("average")) is None


@pytest.mark.parametrize("name", ["cddfuse", "mambadfuse"])
def test_cards_state_them(name):
    assert flops.count(baselines.load(name))[0] == baselines.card(name).flops


def test_a_network_that_looks_at_values_is_counted():
    import torch

    class Looks(baselines.NetworkFuser):
        card = baselines.MethodCard("looks", "Looks", "learned")

        def build(self, checkpoint):
            return torch.nn.Conv2d(1, 2, 3, padding=1)

        def forward(self, ir, vis):
            return self.network(ir)[:, :1] if float(ir.max()) > 0.5 else vis

    assert flops.count(Looks(), 32, 40) == (2 * 32 * 40 * 2 * 9, 0)


def test_scans_are_counted():
    """They grow with the number of pixels; the mixer computes as before afterwards."""
    import numpy as np

    fuser = baselines.load("mambadfuse")
    pair = [np.zeros((24, 24), np.uint8), np.full((24, 24), 200, np.uint8)]
    before = fuser.fuse(*pair)
    (small, scans), (large, more) = (flops.count(fuser, side, 24) for side in (24, 56))
    assert 0 < scans < small and small < large
    assert more == 2 * scans  # of 32 and 64 rows, padded
    assert np.array_equal(fuser.fuse(*pair), before)


def test_a_measurement_waits_for_runs_and_runs_for_it():
    said, order = [], []

    def other(kind, name):
        with kind(said.append):
            order.append(name)

    with machine.working(said.append), machine.working(said.append):
        assert said == []
        thread = threading.Thread(target=other, args=(machine.alone, "measured"))
        thread.start()
        time.sleep(0.2)
        assert order == [] and len(said) == 1
        assert said[0].startswith("waiting for other bench commands on this machine to end")
        if sys.platform == "linux":
            assert f": process {os.getpid()} (" in said[0]
    thread.join(5)
    assert order == ["measured"]
    with machine.alone(said.append):
        thread = threading.Thread(target=other, args=(machine.working, "ran"))
        thread.start()
        time.sleep(0.2)
        assert order == ["measured"] and len(said) == 2
        assert said[1].startswith("waiting for a bench profile on this machine to end")
    thread.join(5)
    assert order == ["measured", "ran"]


def test_bad_options(bench, pairs):
    for arguments, words in (
        (("--size", "9x9"), "sides of 64 to 4096"),
        (("--threads", "0"), "0 is not in the range"),
        (("--methods", "avrage"), "did you mean average?"),
    ):
        result = bench("profile", *arguments)
        assert result.exit_code == 2
        assert words in result.stderr
