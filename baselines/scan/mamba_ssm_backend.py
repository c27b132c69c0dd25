"""Backend `mamba_ssm`: the CUDA kernel of the package mamba-ssm, by Mamba's authors."""

from __future__ import annotations

from functools import cache

import torch

from . import chunked, triton_backend


@cache
def _import():
    """selective_scan_fn, or why there is none."""
    try:
        from mamba_ssm.ops.selective_scan_interface import selective_scan_fn
    except Exception as error:  # a build for another torch raises all kinds of errors
        return None, f"mamba-ssm cannot be imported ({type(error).__name__}); pip install 'mmif-bench[cuda]'"
    return selective_scan_fn, None


def unfit(device: torch.device, dtype: torch.dtype, states: int) -> str | None:
    """Why this backend cannot serve such tensors, or None."""
    if device.type != "cuda":
        return f"runs on CUDA devices only, not on {device.type}"
    if dtype != torch.float32:
        return f"is used in float32 only, not {dtype}"
    return _import()[1]


def selective_scan(u, delta, A, B, C, D, z, delta_bias, state):
    if state is not None:  # which the package's kernel does not carry
        return _other(u).selective_scan(u, delta, A, B, C, D, z, delta_bias, state)
    u, delta, B, C = (x.transpose(1, 2).contiguous() for x in (u, delta, B, C))  # (batch, channels, length)
    z = None if z is None else z.transpose(1, 2).contiguous()
    y = _import()[0](u, delta, A, B, C, D, z=z, delta_bias=delta_bias, delta_softplus=True)
    return y.transpose(1, 2)


def causal_conv_silu(x, weight, bias, state):
    return _other(x).causal_conv_silu(x, weight, bias, state)


def _other(x):
    """The backend that does what the package's kernel does not."""
    return triton_backend if triton_backend.unfit(x.device, x.dtype, 1) is None else chunked
