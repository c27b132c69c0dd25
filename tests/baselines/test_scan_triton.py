"""The Triton kernels without a GPU; test_scan.py takes them in where there is one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from baselines import scan
from studies import triton_code

FILE = Path(__file__).with_name("interpreted_scan_triton.py")


@pytest.mark.skipif(torch.cuda.is_available(), reason="test_scan.py runs the compiled kernels")
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


@pytest.mark.parametrize("channels", [120, 128])  # rows that the compiler does not and does see to be aligned
def test_compiled_for_a_gpu(channels):
    pytest.importorskip("triton", reason="triton is not installed")
    found = {name: triton_code.counted(name, channels) for name in ("_chunk_ends", "_outputs", "_gradients")}
    assert not any(counts["spilled"] for counts in found.values())
    # The 16 numbers of a token in B, or in C, come in four loads, in each loop over tokens.
    assert [counts["load128"] for counts in found.values()] == [4, 8, 12]
    # A lane holds a channel: nothing waits for another lane but the sums over channels.
    assert [counts["barriers"] + counts["exchanges"] for counts in found.values()][:2] == [0, 0]
    assert found["_gradients"]["barriers"] <= 4
    assert found["_gradients"]["exchanges"] <= 8


@pytest.mark.parametrize("name", triton_code.WARPS)
def test_one_token_compiles(name):
    pytest.importorskip("triton", reason="triton is not installed")
    triton_code.compiled(name, tokens=1)  # ones among the arguments become constants


@pytest.mark.parametrize("backend", ["mamba_ssm", "triton"])
def test_kernels_for_a_gpu_say_why_they_cannot_serve(backend):
    assert scan.unfit(backend, "cpu") == "runs on CUDA devices only, not on cpu"
    reasons = {name: reason for name, available, reason in scan.describe() if not available}
    if backend in reasons:
        assert "cannot be imported" in reasons[backend] or "no CUDA device" in reasons[backend]
