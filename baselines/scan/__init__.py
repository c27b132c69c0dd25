"""Selective scan (Gu and Dao, "Mamba", arXiv:2312.00752, section 3) on whatever this machine offers.

| backend | runs on | types | gradients | carries a state |
|---|---|---|---|---|
| native | CPU, where the kernel was compiled at installation; d_state 16 | float32 | yes | yes |
| mamba_ssm | CUDA, where the package mamba-ssm can be imported (extra `cuda`) | float32 | yes | by triton or chunked |
| triton | CUDA, where triton can be imported; d_state a power of two | float32 | yes | yes |
| chunked | every torch device | any floating-point type | yes | yes |

The table is in order: `selective_scan` picks the first that fits the tensors; `backend=` or BENCH_SCAN_BACKEND forces
one. torch's CUDA wheels bring triton. All but mamba_ssm agree with a sequential scan in float64 to 5e-6 of scale in
float32 (tests/baselines/test_scan*).
"""

from __future__ import annotations

import os

import torch
from torch import Tensor

from . import chunked, mamba_ssm_backend, native, triton_backend
from .library import isa, multiplies_bf16

__all__ = ["BACKENDS", "causal_conv_silu", "describe", "in_use", "is_native", "selective_scan", "unfit"]

BACKENDS = {"native": native, "mamba_ssm": mamba_ssm_backend, "triton": triton_backend, "chunked": chunked}


def is_native(x: Tensor, states: int = 16) -> bool:
    """Whether the compiled kernel serves a tensor like x."""
    return _pick(x.device, x.dtype, states, None) == "native"


def unfit(backend: str, device: str) -> str | None:
    """Why a backend cannot serve float32 on a device, or None. Raises ValueError for an unknown backend."""
    if backend not in BACKENDS:
        raise ValueError(f"scan backend '{backend}' is not one of {', '.join(BACKENDS)}")
    return BACKENDS[backend].unfit(torch.device(device), torch.float32, 16)


def in_use(device: str) -> str:
    """The backend that serves float32 on a device. Raises RuntimeError where one is forced that cannot."""
    return _pick(torch.device(device), torch.float32, 16, None)


def _pick(device: torch.device, dtype: torch.dtype, states: int, backend: str | None) -> str:
    if torch.jit.is_tracing():
        return "chunked"  # the others are no operations that TorchScript knows
    backend = backend or os.environ.get("BENCH_SCAN_BACKEND") or None
    if backend is None:
        return next(name for name, module in BACKENDS.items() if module.unfit(device, dtype, states) is None)
    if backend not in BACKENDS:
        raise ValueError(f"scan backend '{backend}' is not one of {', '.join(BACKENDS)}")
    if reason := BACKENDS[backend].unfit(device, dtype, states):
        raise RuntimeError(f"scan backend {backend}: {reason}")
    return backend


# As torch.compiler.assume_constant_result does, which would import the compiler: a choice that is made once, when a
# graph is traced, not looked into.
_pick._dynamo_marked_constant = True


def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor,
    z: Tensor | None = None,
    delta_bias: Tensor | None = None,
    state: Tensor | None = None,
    backend: str | None = None,
) -> Tensor:
    """h_t = exp(d_t A) h_{t-1} + d_t B_t u_t;  y_t = (C_t h_t + D u_t) silu(z_t);  d = softplus(delta + delta_bias).

    u, delta, z: (batch, length, channels); A: (channels, states), negative; B, C: (batch, length, states); D,
    delta_bias: (channels,). Returns (batch, length, channels). `state` (batch, states, channels) holds h before the
    first token and is replaced by h after the last, so that a long sequence can pass in chunks; it has no gradient.
    """
    if state is not None and torch.is_grad_enabled():
        raise RuntimeError("a carried state has no gradient: call under torch.no_grad()")
    if delta_bias is None:
        delta_bias = torch.zeros_like(D)
    module = BACKENDS[_pick(u.device, u.dtype, A.shape[1], backend)]
    return module.selective_scan(u, delta, A, B, C, D, z, delta_bias, state)


def causal_conv_silu(
    x: Tensor, weight: Tensor, bias: Tensor, state: Tensor | None = None, backend: str | None = None
) -> Tensor:
    """SiLU of the causal depthwise convolution that precedes the scan in a Mamba block.

    x: (batch, length, channels); weight: (channels, 4), the last tap on the present token; bias: (channels,).
    `state` (batch, 3, channels): the three tokens before the first, replaced by the last three.
    """
    if state is not None and torch.is_grad_enabled():
        raise RuntimeError("a carried state has no gradient: call under torch.no_grad()")
    return BACKENDS[_pick(x.device, x.dtype, 16, backend)].causal_conv_silu(x, weight, bias, state)


def describe() -> list[tuple[str, bool, str]]:
    """(backend, available, why) for this machine, in the order of choice."""
    what = {
        "native": f"compiled kernel, {isa()}{' with bfloat16 products' if multiplies_bf16() else ''}, CPU and float32",
        "mamba_ssm": "CUDA kernel of mamba-ssm, float32",
        "triton": "Triton kernels, CUDA and float32",
        "chunked": "torch, every device and floating-point type",
    }
    found = []
    for name in BACKENDS:
        gpu = name in ("mamba_ssm", "triton")
        reason = unfit(name, "cuda" if gpu else "cpu")
        if gpu and reason is None and not torch.cuda.is_available():
            reason = "torch finds no CUDA device"
        found.append((name, reason is None, reason or what[name]))
    return found
