"""The compiled kernel: finding it, choosing the instruction set, spreading work over threads."""

from __future__ import annotations

import ctypes
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import torch

ISAS = ("base", "avx2", "avx512")  # in the order of widest_isa()


@cache
def library() -> ctypes.CDLL | None:
    """The shared library built at installation, or None."""
    path = Path(__file__).with_name("_kernel.so")
    try:
        return ctypes.CDLL(str(path))
    except OSError:
        return None


@cache
def isa() -> str | None:
    """The widest instruction set that both the library and the processor have; BENCH_ISA forces another one."""
    lib = library()
    if lib is None:
        return None
    widest = ISAS.index(os.environ["BENCH_ISA"]) if os.environ.get("BENCH_ISA") in ISAS else lib.widest_isa_base()
    for name in reversed(ISAS[: widest + 1]):
        if hasattr(lib, f"scan_forward_{name}"):
            return name
    return None


def multiplies_bf16() -> bool:
    """Whether --precision bf16 uses the processor's own products of bfloat16 numbers."""
    return isa() is not None and bool(getattr(library(), f"multiplies_bf16_{isa()}")())


@cache
def function(name: str):
    found = getattr(library(), f"{name}_{isa()}")
    found.restype = None
    return found


def call(name: str, *arguments) -> None:
    """Call a kernel. Tensors go as pointers (None as a null pointer), numbers as 64-bit integers."""
    function(name)(
        *(
            ctypes.c_void_p(a.data_ptr() if a is not None else None)
            if a is None or isinstance(a, torch.Tensor)
            else ctypes.c_int64(a)
            for a in arguments
        )
    )


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="scan")


os.register_at_fork(after_in_child=_pool.cache_clear)  # a forked child has none of its parent's threads


def run_all(tasks: list) -> None:
    """Run callables on as many threads as torch uses; ctypes lets go of the interpreter while a kernel runs."""
    threads = min(torch.get_num_threads(), len(tasks))
    if threads <= 1:
        for task in tasks:
            task()
    else:
        for done in [_pool(threads).submit(task) for task in tasks]:
            done.result()
