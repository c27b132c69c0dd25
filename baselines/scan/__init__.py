"""Selective scan (Gu and Dao, "Mamba", arXiv:2312.00752, section 3) on whatever this machine offers.

| backend | runs on | types | gradients | carries a state |
|---|---|---|---|---|
| native | CPU, where the kernel was compiled at installation; d_state 16 | float32 | yes | yes |
| chunked | every torch device | any floating-point type | yes | yes |

`selective_scan` picks the first that fits; `backend=` or BENCH_SCAN_BACKEND forces one. Both agree with a sequential
scan in float64 to 5e-6 of scale in float32 (tests/baselines/test_scan.py).
"""

from __future__ import annotations

import os

import torch
from torch import Tensor

from . import chunked, native
from .library import isa, library

__all__ = ["BACKENDS", "causal_conv_silu", "describe", "is_native", "selective_scan"]

BACKENDS = {"native": native, "chunked": chunked}


def is_native(x: Tensor, states: int = 16) -> bool:
    """Whether the compiled kernel serves a tensor like x."""
    return _pick(x.device, x.dtype, states, None) is native


def _native_reason(device: torch.device, dtype: torch.dtype, states: int) -> str | None:
    """Why the compiled kernel cannot serve, or None."""
    if isa() is None:
        return "the kernel was not compiled at installation (no C++ compiler?)" if library() is None else "no symbols"
    if device.type != "cpu":
        return f"runs on the CPU only, not on {device.type}"
    if dtype != torch.float32:
        return f"computes in float32 only, not {dtype}"
    if states != 16:
        return f"has d_state 16, not {states}"
    return None


def _pick(device: torch.device, dtype: torch.dtype, states: int, backend: str | None):
    backend = backend or os.environ.get("BENCH_SCAN_BACKEND") or None
    if backend is not None and backend not in BACKENDS:
        raise ValueError(f"scan backend {backend!r} is not one of {', '.join(BACKENDS)}")
    if backend == "chunked":
        return chunked
    reason = _native_reason(device, dtype, states)
    if reason and backend == "native":
        raise RuntimeError(f"scan backend native: {reason}")
    return chunked if reason else native


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
    module = _pick(u.device, u.dtype, A.shape[1], backend)
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
    return _pick(x.device, x.dtype, 16, backend).causal_conv_silu(x, weight, bias, state)


def describe() -> list[tuple[str, bool, str]]:
    """(backend, available, why) for this machine, best first."""
    reason = _native_reason(torch.device("cpu"), torch.float32, 16)
    return [
        ("native", reason is None, reason or f"compiled kernel, {isa()}, CPU and float32"),
        ("chunked", True, "torch, every device and floating-point type"),
    ]
