"""Backend `native`: the compiled kernel, as torch operators with gradients."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor

from .library import call, isa, library, run_all

BLOCK = 32  # tokens between two saved states, as in kernel.cpp
LANES = 16  # channels are split between threads at multiples of the widest vector


def unfit(device: torch.device, dtype: torch.dtype, states: int) -> str | None:
    """Why this backend cannot serve such tensors, or None."""
    if isa() is None:
        return "the kernel was not compiled at installation (no C++ compiler?)" if library() is None else "no symbols"
    if device.type != "cpu":
        return f"runs on the CPU only, not on {device.type}"
    if dtype != torch.float32:
        return f"computes in float32 only, not {dtype}"
    if states != 16:
        return f"has d_state 16, not {states}"
    return None


def _rows(x: Tensor) -> Tensor:
    """x with unit stride in the last dimension, as the kernel reads it; slices of wider rows pass uncopied."""
    return x if x.stride(-1) == 1 or x.shape[-1] == 1 else x.contiguous()


def _channel_ranges(parts: int, channels: int) -> list[tuple[int, int]]:
    """The channels in about `parts` ranges of whole vectors."""
    parts = min(max(1, parts), math.ceil(channels / LANES))
    step = math.ceil(channels / LANES / parts) * LANES
    return [(first, min(first + step, channels)) for first in range(0, channels, step)]


def _scaled(A: Tensor) -> Tensor:
    return (A.t() * math.log2(math.e)).contiguous()  # (N, D): the kernel works with powers of two


def _forward(u, delta, A, B, C, D, z, delta_bias, state, save: bool) -> tuple[Tensor, Tensor]:
    batch, length, channels = u.shape
    u, delta, B, C = _rows(u), _rows(delta), _rows(B), _rows(C)
    z = None if z is None else _rows(z)
    A2, D, delta_bias = _scaled(A), D.contiguous(), delta_bias.contiguous()
    out = torch.empty(batch, length, channels)
    saved = torch.empty(batch, math.ceil(length / BLOCK) if save else 0, A.shape[1], channels)
    tasks = [
        partial(
            call, "scan_forward", u[i], u.stride(1), delta[i], delta.stride(1), None if z is None else z[i],
            0 if z is None else z.stride(1), B[i], C[i], B.stride(1), C.stride(1), A2, D, delta_bias, state[i],
            saved[i] if save else None, out[i], channels, length, channels, first, last,
        )
        for i in range(batch)
        for first, last in _channel_ranges(math.ceil(torch.get_num_threads() / batch), channels)
    ]  # fmt: skip
    run_all(tasks)
    return out, saved


@torch.library.custom_op("mmif::selective_scan", mutates_args=(), device_types="cpu")
def _scan(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, z: Tensor | None, delta_bias: Tensor
) -> tuple[Tensor, Tensor]:
    state = torch.zeros(u.shape[0], A.shape[1], u.shape[2])
    return _forward(u, delta, A, B, C, D, z, delta_bias, state, save=True)


@_scan.register_fake
def _(u, delta, A, B, C, D, z, delta_bias):
    batch, length, channels = u.shape
    return u.new_empty(u.shape), u.new_empty(batch, (length + BLOCK - 1) // BLOCK, A.shape[1], channels)


@torch.library.custom_op("mmif::selective_scan_backward", mutates_args=(), device_types="cpu")
def _scan_backward(
    grad: Tensor, saved: Tensor, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor,
    z: Tensor | None, delta_bias: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    batch, length, channels = u.shape
    states = A.shape[1]
    u, delta, B, C, grad = _rows(u), _rows(delta), _rows(B), _rows(C), grad.contiguous()
    z = None if z is None else _rows(z)
    A2, D, delta_bias = _scaled(A), D.contiguous(), delta_bias.contiguous()
    # Sums over channels must not change with the number of threads: how they are split depends on the shape alone.
    ranges = _channel_ranges(4 // batch, channels)
    gu, gdelta = torch.empty(batch, length, channels), torch.empty(batch, length, channels)
    gz = torch.empty(batch, length, channels) if z is not None else torch.empty(0)
    gB, gC = torch.empty(len(ranges), batch, length, states), torch.empty(len(ranges), batch, length, states)
    gA, gD, gbias = torch.empty(batch, states, channels), torch.empty(batch, channels), torch.empty(batch, channels)
    tasks = [
        partial(
            call, "scan_backward", u[i], u.stride(1), delta[i], delta.stride(1), None if z is None else z[i],
            0 if z is None else z.stride(1), B[i], C[i], B.stride(1), C.stride(1), A2, D, delta_bias, saved[i],
            grad[i], gu[i], gdelta[i], None if z is None else gz[i], gB[r, i], gC[r, i], gA[i], gD[i], gbias[i],
            length, channels, first, last,
        )
        for i in range(batch)
        for r, (first, last) in enumerate(ranges)
    ]  # fmt: skip
    run_all(tasks)
    return gu, gdelta, gA.sum(0).t().contiguous(), gB.sum(0), gC.sum(0), gD.sum(0), gz, gbias.sum(0)


@_scan_backward.register_fake
def _(grad, saved, u, delta, A, B, C, D, z, delta_bias):
    new = [x.new_empty(x.shape) for x in (u, delta, A, B, C, D)]
    return *new, z.new_empty(z.shape) if z is not None else u.new_empty(0), delta_bias.new_empty(delta_bias.shape)


def _setup(ctx, inputs, output):
    ctx.save_for_backward(output[1], *inputs)


def _scan_grad(ctx, grad, _grad_saved):
    saved, u, delta, A, B, C, D, z, delta_bias = ctx.saved_tensors
    gu, gdelta, gA, gB, gC, gD, gz, gbias = _scan_backward(grad, saved, u, delta, A, B, C, D, z, delta_bias)
    return gu, gdelta, gA, gB, gC, gD, gz if z is not None else None, gbias


_scan.register_autograd(_scan_grad, setup_context=_setup)


def selective_scan(u, delta, A, B, C, D, z, delta_bias, state):
    tensors = [t for t in (u, delta, A, B, C, D, z, delta_bias) if t is not None]
    if state is None and torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
        return _scan(u, delta, A, B, C, D, z, delta_bias)[0]
    if torch.compiler.is_compiling() and state is None:
        return _scan(u, delta, A, B, C, D, z, delta_bias)[0]
    if state is None:
        state = torch.zeros(u.shape[0], A.shape[1], u.shape[2])
    return _forward(u, delta, A, B, C, D, z, delta_bias, state, save=False)[0]


@torch.library.custom_op("mmif::causal_conv_silu", mutates_args=(), device_types="cpu")
def _conv(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return _conv_forward(x, weight, bias, None)


@_conv.register_fake
def _(x, weight, bias):
    return x.new_empty(x.shape)


@torch.library.custom_op("mmif::causal_conv_silu_backward", mutates_args=(), device_types="cpu")
def _conv_backward(grad: Tensor, x: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    batch, length, channels = x.shape
    x, grad, taps, bias = _rows(x), grad.contiguous(), weight.t().contiguous(), bias.contiguous()
    gx = torch.empty(batch, length, channels)
    gw, gb = torch.empty(batch, *taps.shape), torch.empty(batch, channels)
    run_all(
        [
            partial(
                call,
                "conv_silu_backward",
                x[i],
                x.stride(1),
                taps,
                bias,
                grad[i],
                gx[i],
                gw[i],
                gb[i],
                length,
                channels,
            )
            for i in range(batch)
        ]
    )
    return gx, gw.sum(0).t().contiguous(), gb.sum(0)


@_conv_backward.register_fake
def _(grad, x, weight, bias):
    return x.new_empty(x.shape), weight.new_empty(weight.shape), bias.new_empty(bias.shape)


_conv.register_autograd(
    lambda ctx, grad: _conv_backward(grad, *ctx.saved_tensors),
    setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs),
)


def _conv_forward(x, weight, bias, state):
    batch, length, channels = x.shape
    x, taps, bias = _rows(x), weight.t().contiguous(), bias.contiguous()
    out = torch.empty(batch, length, channels)
    run_all(
        [
            partial(
                call, "conv_silu_forward", x[i], x.stride(1), taps, bias, None if state is None else state[i], out[i],
                channels, length, channels,
            )
            for i in range(batch)
        ]
    )  # fmt: skip
    return out


def causal_conv_silu(x, weight, bias, state):
    if state is None and (torch.is_grad_enabled() or torch.compiler.is_compiling()):
        return _conv(x, weight, bias)
    return _conv_forward(x, weight, bias, state)
