"""How a scoring process begins. What it sets is read when numpy and OpenCV are imported: nothing here may import them,
nor `benchmark.run.scoring`, which does."""

from __future__ import annotations

import os
import signal
import threading


def start() -> None:
    # One thread each: the processes are the parallelism, and threads of OpenBLAS spin while they wait.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
        os.environ[name] = "1"
    from baselines.base import keep_freed_memory

    keep_freed_memory()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    """End this process when the one that started it is gone: killed, it cannot end its workers itself."""
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    wait([parent_process().sentinel])
    os._exit(1)
