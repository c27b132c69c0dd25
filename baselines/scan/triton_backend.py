"""Backend `triton`: the kernels of `triton_kernels` as torch operators with gradients."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from .chunked import keep_last


@cache
def _missing() -> str | None:
    try:
        import triton  # noqa: F401
    except Exception as error:  # a broken installation may raise anything
        return f"triton cannot be imported ({type(error).__name__})"
    return None


def unfit(device: torch.device, dtype: torch.dtype, states: int) -> str | None:
    """Why this backend cannot serve such tensors, or None."""
    if device.type != "cuda":
        return f"runs on CUDA devices only, not on {device.type}"
    if dtype != torch.float32:
        return f"computes in float32 only, not {dtype}"
    if states & (states - 1):
        return f"needs a power of two as d_state, not {states}"
    return _missing()


@cache
def kernels():
    """The kernels; imported on first use, since triton takes a while and may be absent."""
    from . import triton_kernels

    return triton_kernels


@torch.library.custom_op("mmif::selective_scan_triton", mutates_args=())
def _scan(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, z: Tensor | None, delta_bias: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    return kernels().forward(u, delta, A, B, C, D, z, delta_bias)


@_scan.register_fake
def _(u, delta, A, B, C, D, z, delta_bias):
    batch, length, channels = u.shape
    chunks = (length + kernels().CHUNK - 1) // kernels().CHUNK
    return (
        u.new_empty(u.shape),
        u.new_empty(batch, chunks + 1, A.shape[1], channels),
        u.new_empty(batch, chunks, channels),
    )


@torch.library.custom_op("mmif::selective_scan_triton_backward", mutates_args=())
def _scan_backward(
    grad: Tensor, entering: Tensor, sums: Tensor, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor,
    z: Tensor | None, delta_bias: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    *others, gz, gbias = kernels().backward(grad, entering, sums, u, delta, A, B, C, D, z, delta_bias)
    return *others, u.new_empty(0) if gz is None else gz, gbias


@_scan_backward.register_fake
def _(grad, entering, sums, u, delta, A, B, C, D, z, delta_bias):
    new = [x.new_empty(x.shape) for x in (u, delta, A, B, C, D)]
    return *new, u.new_empty(0) if z is None else z.new_empty(z.shape), delta_bias.new_empty(delta_bias.shape)


def _scan_grad(ctx, grad, _entering, _sums):
    entering, sums, *inputs = ctx.saved_tensors
    *others, gz, gbias = _scan_backward(grad, entering, sums, *inputs)
    return *others, None if inputs[6] is None else gz, gbias


_scan.register_autograd(
    _scan_grad, setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*output[1:], *inputs)
)


def selective_scan(u, delta, A, B, C, D, z, delta_bias, state):
    if state is None:
        return _scan(u, delta, A, B, C, D, z, delta_bias)[0]
    out, entering, _ = kernels().forward(u, delta, A, B, C, D, z, delta_bias, state)
    state.copy_(entering[:, -1])
    return out


@torch.library.custom_op("mmif::causal_conv_silu_triton", mutates_args=())
def _conv(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return kernels().conv_forward(x, weight, bias)


@_conv.register_fake
def _(x, weight, bias):
    return x.new_empty(x.shape)


@torch.library.custom_op("mmif::causal_conv_silu_triton_backward", mutates_args=())
def _conv_backward(grad: Tensor, x: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return kernels().conv_backward(grad, x, weight, bias)


@_conv_backward.register_fake
def _(grad, x, weight, bias):
    return x.new_empty(x.shape), weight.new_empty(weight.shape), bias.new_empty(bias.shape)


_conv.register_autograd(
    lambda ctx, grad: _conv_backward(grad, *ctx.saved_tensors),
    setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs),
)


def causal_conv_silu(x, weight, bias, state):
    if state is None:
        return _conv(x, weight, bias)
    padded = keep_last(x, state)
    return _conv(padded, weight, bias)[:, state.shape[1] :]
