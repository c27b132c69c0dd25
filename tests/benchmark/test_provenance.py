"""What a run's record says of the machine. The GPU's answers are put in torch's mouth: tests run without one."""

import platform
import subprocess
from pathlib import Path

import pytest
import torch

import metrics
from baselines import scan
from benchmark.store import provenance


def test_kernels_where_nothing_is_fused():
    assert provenance.kernels(None) == {"metrics_kernel": metrics.isa() or "numpy"}


def test_kernels_on_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    monkeypatch.setattr(scan, "in_use", lambda device: f"backend for {device}")
    found = provenance.kernels("cuda")
    assert (found["scan_backend"], found["gpu"]) == ("backend for cuda", "a GPU")


def test_memory_of_the_gpu_counts_from_the_start_of_a_cell(monkeypatch):
    held = [7 * 2**20]
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: held.append(0))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: held[-1])
    assert provenance.gpu_peak_memory_mib("cuda") == 7
    provenance.start_gpu_peak("cpu")
    assert provenance.gpu_peak_memory_mib("cuda") == 7
    provenance.start_gpu_peak("cuda")
    assert provenance.gpu_peak_memory_mib("cuda") == 0
    assert provenance.gpu_peak_memory_mib("cpu") is None


def test_the_processor_is_named_as_the_system_names_it():
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = {line.partition(":")[2].strip() for line in lines if line.startswith("model name")}
    assert provenance.cpu_model() in (names or {platform.processor() or "unknown"})


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository with one commit, in which the harness seems to lie; returns its folder and a way to call git."""
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "benchmark" / "store" / "provenance.py"))
    provenance.git_commit.cache_clear()

    def git(*arguments):
        who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        command = ["git", "-C", tmp_path, *who, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    yield tmp_path, git
    provenance.git_commit.cache_clear()


def test_the_commit_says_whether_files_differ_from_it(checkout):
    folder, git = checkout
    try:
        git("init", "--quiet")
    except FileNotFoundError:
        pytest.skip("git is not installed")
    (folder / "file").write_text("a")
    git("add", "file")
    git("commit", "--quiet", "--message", "Add a file")
    (folder / "results").write_text("what git does not know counts as no change")
    assert provenance.git_commit() == git("rev-parse", "HEAD")
    (folder / "file").write_text("b")
    provenance.git_commit.cache_clear()
    assert provenance.git_commit() == git("rev-parse", "HEAD") + "+changes"


def test_there_is_no_commit_outside_a_checkout(checkout):
    folder, _ = checkout
    assert provenance.git_commit() is None
    (folder / ".git").write_text("no repository")
    provenance.git_commit.cache_clear()
    assert provenance.git_commit() is None
