import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as benchmark.cli sets it, which may be imported after torch

os.environ["BENCH_CACHE"] = str(Path(__file__).with_name("no cache"))  # what was pulled on this machine is not used

SHARED = Path(os.environ.get("BENCH_SHARED", Path(__file__).resolve().parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with real images, published checkpoints and reference values; absent in a fresh clone."""
    if not (SHARED / "README.md").is_file():
        pytest.skip(f"needs the real images, weights and goldens in {SHARED} (or BENCH_SHARED)")
    return SHARED


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    import torch

    torch.set_num_threads(1)  # the tests' tensors are small, and cores may be shared
