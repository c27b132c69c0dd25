"""Backend `chunked`: vectorised torch for any device and floating-point type; memory is linear in the tokens."""

from __future__ import annotations

import warnings
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

BLOCKS, TOKENS = 32, 32  # a chunk is BLOCKS x TOKENS tokens, so that both loops below are short


def _chunk(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, state: Tensor, most: int = TOKENS
) -> tuple[Tensor, Tensor]:
    """Scan one chunk from `state` (batch, D, N). Returns y (batch, length, D), without skip and gate, and the state.

    The chunk is cut into blocks of `most` tokens. Inside every block the scan runs from a zero state, all blocks at
    once; then the blocks' last states are carried from block to block; then each block's incoming state is added,
    decayed by exp(A * cumulated delta), which cannot overflow since A < 0 and delta > 0. Written so that TorchScript
    can compile it.
    """
    length = u.shape[1]
    tokens = min(most, length)
    pad = [0, 0, 0, (tokens - length % tokens) % tokens]
    # Padding has delta = 0: the state passes through it unchanged.
    u, delta = F.pad(u, pad).unflatten(1, [-1, tokens]), F.pad(delta, pad).unflatten(1, [-1, tokens])
    B, C = F.pad(B, pad).unflatten(1, [-1, tokens]), F.pad(C, pad).unflatten(1, [-1, tokens])
    decay = torch.exp(delta.unsqueeze(-1) * A)  # (batch, blocks, tokens, D, N)
    added = (delta * u).unsqueeze(-1) * B.unsqueeze(-2)
    h, local = torch.zeros_like(added[:, :, 0]), []
    for t in range(tokens):
        h = decay[:, :, t] * h + added[:, :, t]
        local.append(h)
    since_start = torch.exp(delta.cumsum(2).unsqueeze(-1) * A)
    incoming = []
    for k in range(u.shape[1]):
        incoming.append(state)
        state = since_start[:, k, -1] * state + local[-1][:, k]
    h = torch.stack(local, 2) + since_start * torch.stack(incoming, 1).unsqueeze(2)
    y = torch.einsum("bktdn,bktn->bktd", h, C)
    return y.flatten(1, 2)[:, :length], state


def _chunks(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, state: Tensor, size: int = BLOCKS * TOKENS
) -> Tensor:
    """All chunks of a sequence of any length, for TorchScript: a traced loop would keep the length that it was traced
    with."""
    parts = []
    for k in range(0, u.shape[1], size):
        end = k + size
        y, state = _chunk(u[:, k:end], delta[:, k:end], A, B[:, k:end], C[:, k:end], state)
        parts.append(y)
    return torch.cat(parts, 1)


@cache
def _scripted():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated; torch.export would unroll the loop
        return torch.jit.script(_chunks)


def selective_scan(u, delta, A, B, C, D, z, delta_bias, state):
    delta = F.softplus(delta + delta_bias)
    carried = u.new_zeros(u.shape[0], *A.shape) if state is None else state.transpose(1, 2)
    if torch.jit.is_tracing():
        y = _scripted()(u, delta, A, B, C, carried) + D * u
        return y if z is None else y * F.silu(z)
    size = BLOCKS * TOKENS
    parts = []
    for u_k, delta_k, B_k, C_k in zip(*(x.split(size, 1) for x in (u, delta, B, C))):
        if torch.is_grad_enabled():
            y, carried = checkpoint(_chunk, u_k, delta_k, A, B_k, C_k, carried, use_reentrant=False)
        else:
            y, carried = _chunk(u_k, delta_k, A, B_k, C_k, carried)
        parts.append(y)
    if state is not None:
        state.copy_(carried.transpose(1, 2))
    y = torch.cat(parts, 1) + D * u
    return y if z is None else y * F.silu(z)


def unfit(device: torch.device, dtype: torch.dtype, states: int) -> None:
    """Why this backend cannot serve such tensors: it always can."""


def keep_last(x: Tensor, state: Tensor) -> Tensor:
    """x behind the tokens of `state`, which is replaced by as many last tokens."""
    padded = torch.cat([state, x], 1)
    state.copy_(padded[:, -state.shape[1] :])
    return padded


def causal_conv_silu(x, weight, bias, state):
    taps, length = weight.shape[1], x.shape[1]
    padded = F.pad(x, (0, 0, taps - 1, 0)) if state is None else keep_last(x, state)
    y = bias
    for k in range(taps):
        y = y + weight[:, k] * padded[:, k : k + length]
    return F.silu(y)
