"""The Triton kernels without a GPU; test_scan.py takes them in where there is one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from baselines import scan

FILE = Path(__file__).with_name("interpreted_scan_triton.py")


def test_kernels_in_the_interpreter():
    pytest.importorskip("triton", reason="triton is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(FILE)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "passed" in done.stdout


@pytest.mark.parametrize("backend", ["mamba_ssm", "triton"])
def test_kernels_for_a_gpu_say_why_they_cannot_serve(backend):
    assert scan.unfit(backend, "cpu") == "runs on CUDA devices only, not on cpu"
    reasons = {name: reason for name, available, reason in scan.describe() if not available}
    if backend in reasons:
        assert "cannot be imported" in reasons[backend] or "no CUDA device" in reasons[backend]
