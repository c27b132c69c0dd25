"""Mamba blocks on top of the scan: what a network with Mamba mixers calls.

Inference on the CPU takes whole blocks through the compiled kernel in chunks of tokens that stay in the cache, on
several threads at once: a block may work on a chunk as soon as the block before it has finished that chunk. Everything
else (gradients, other devices and types, no compiler) runs the same mathematics in torch.
"""

from __future__ import annotations

import math
import threading
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from . import causal_conv_silu, is_native, selective_scan
from .library import call, run_all

CHUNK = 1024  # tokens that pass through a mixer at a time in torch without gradients
TASK = 8192  # tokens of one task of the compiled path
PRECISIONS = ("fp32", "bf16")
_precision = ContextVar("precision", default="fp32")
_recompute = ContextVar("recompute", default=False)


@contextmanager
def precision(name: str):
    """What the projections around the scan (in_proj, x_proj, out_proj) compute in, without gradients.

    "fp32", or "bf16": operands rounded to bfloat16, sums in float32. The scan is float32 either way. Processors that
    multiply bfloat16 (AVX512_BF16) do so; elsewhere rounded float32 numbers take their place, on CUDA in TF32, which
    holds them exactly. Rounding magnifies the smallest difference, so that machines agree to bfloat16's accuracy only.
    """
    if name not in PRECISIONS:
        raise ValueError(f"precision '{name}' is not one of {', '.join(PRECISIONS)}")
    token, tf32 = _precision.set(name), torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = tf32 or name == "bf16"
    try:
        yield
    finally:
        _precision.reset(token)
        torch.backends.cuda.matmul.allow_tf32 = tf32


@contextmanager
def recompute():
    """Mixers keep their inputs only, and compute the rest again for their gradients: less memory, more time."""
    token = _recompute.set(True)
    try:
        yield
    finally:
        _recompute.reset(token)


def _linear(x: Tensor, weight: Tensor) -> Tensor:
    if _precision.get() == "bf16" and not torch.is_grad_enabled():
        x, weight = (t.bfloat16().to(t.dtype) for t in (x, weight))
    return F.linear(x, weight).to(weight.dtype)  # under autocast, the scan and the residuals stay in float32


class Branch(NamedTuple):
    """The parameters of one selective state-space branch; M = model width, D = inner width, N = states, R = rank."""

    in_proj: Tensor  # (2 D, M): signal, then gate
    conv_weight: Tensor  # (D, 4)
    conv_bias: Tensor  # (D,)
    x_proj: Tensor  # (R + 2 N, D)
    dt_proj: Tensor  # (D, R)
    dt_bias: Tensor  # (D,)
    A: Tensor  # (D, N), negative
    D: Tensor  # (D,)


class Norm(NamedTuple):
    """Layer norm of the tokens before a branch, applied `times` times."""

    weight: Tensor
    bias: Tensor
    times: int = 1

    def __call__(self, x: Tensor) -> Tensor:
        for _ in range(self.times):
            x = F.layer_norm(x, self.weight.shape, self.weight, self.bias)
        return x


State = tuple[Tensor, Tensor]  # of a branch between two parts of a sequence: its convolution's and its scan's


class Block(NamedTuple):
    """One residual Mamba block: residual += hidden; hidden = mixer(norm(residual))."""

    norm: Norm
    branch: Branch
    out_proj: Tensor  # (M, D)


def mix(
    streams: list[Tensor],
    branches: list[Branch],
    out_proj: Tensor,
    norms: list[Norm | None] | None = None,
    shared_gate: bool = False,
    states: list[State] | None = None,
) -> Tensor:
    """One mixer: each stream (batch, length, M) through its own branch, the sum projected back to (batch, length, M).

    shared_gate: the first stream's gate for all branches instead of each one's own. states: of each branch, before the
    first token; replaced by those after the last, so that a long sequence can pass in parts; without gradients only.
    """
    norms = norms or [None] * len(streams)
    if _compiled(streams) and not shared_gate:
        parts = [torch.empty_like(x, memory_format=torch.contiguous_format) for x in streams]
        states = states or [zero_state(branch, x) for branch, x in zip(branches, streams)]
        _run(
            [
                [_Stage(x[b], None, norm, branch, out_proj, part[b], state, b)]
                for x, norm, branch, part, state in zip(streams, norms, branches, parts, states)
                for b in range(x.shape[0])
            ]
        )
        total = parts[0]
        for part in parts[1:]:
            total += part
        return total
    streams = [norm(x) if norm else x for x, norm in zip(streams, norms)]
    if torch.is_grad_enabled() and _recompute.get():
        return checkpoint(_mix_tokens, streams, branches, out_proj, shared_gate, None, use_reentrant=False)
    if torch.is_grad_enabled() or streams[0].is_cuda or torch.jit.is_tracing():
        return _mix_tokens(streams, branches, out_proj, shared_gate, states)
    # In chunks, the expanded tensors stay in the cache and memory does not grow with them.
    states = states or [zero_state(branch, x) for branch, x in zip(branches, streams)]
    pieces = zip(*(x.split(CHUNK, dim=1) for x in streams))
    return torch.cat([_mix_tokens(piece, branches, out_proj, shared_gate, states) for piece in pieces], dim=1)


def mix_each(
    streams: list[Tensor], branches: list[Branch], out_projs: list[Tensor], states: list[State] | None = None
) -> list[Tensor]:
    """Independent mixers of one stream each, side by side. states: as of `mix`."""
    if not _compiled(streams):
        carried = [[state] for state in states] if states else [None] * len(streams)
        return [
            mix([x], [branch], out, states=state)
            for x, branch, out, state in zip(streams, branches, out_projs, carried)
        ]
    results = [torch.empty_like(x, memory_format=torch.contiguous_format) for x in streams]
    states = states or [zero_state(branch, x) for branch, x in zip(branches, streams)]
    _run(
        [
            [_Stage(x[b], None, None, branch, out_proj, result[b], state, b)]
            for x, branch, out_proj, result, state in zip(streams, branches, out_projs, results, states)
            for b in range(x.shape[0])
        ]
    )
    return results


def run_blocks(
    chains: list[tuple[Tensor, list[Block]]], states: list[list[State]] | None = None
) -> list[tuple[Tensor, Tensor]]:
    """Chains of residual blocks, side by side: each (hidden, blocks) to (hidden, residual) after its last block.

    states: of the blocks of each chain, as of `mix`.
    """
    if not _compiled([hidden for hidden, _ in chains]):
        carried = states or [[None] * len(blocks) for _, blocks in chains]
        return [_blocks_in_torch(hidden, blocks, own) for (hidden, blocks), own in zip(chains, carried)]
    states = states or [[zero_state(block.branch, hidden) for block in blocks] for hidden, blocks in chains]
    empty = partial(torch.empty_like, memory_format=torch.contiguous_format)
    results = [(empty(hidden), torch.zeros_like(hidden)) for hidden, _ in chains]
    _run(
        [
            [
                _Stage(out[b] if i else hidden[b], residual[b], k.norm, k.branch, k.out_proj, out[b], state, b)
                for i, (k, state) in enumerate(zip(blocks, own))
            ]
            for (out, residual), (hidden, blocks), own in zip(results, chains, states)
            for b in range(hidden.shape[0])
        ]
    )
    return results


def _blocks_in_torch(hidden: Tensor, blocks: list[Block], states: list[State | None]) -> tuple[Tensor, Tensor]:
    residual = None
    for block, state in zip(blocks, states):
        residual = hidden if residual is None else hidden + residual
        hidden = mix([block.norm(residual)], [block.branch], block.out_proj, states=[state] if state else None)
    return hidden, residual


def zero_state(branch: Branch, x: Tensor) -> State:
    """The state of a branch before the first token of a sequence like x (batch, length, M)."""
    channels, states = branch.A.shape
    return x.new_zeros(x.shape[0], branch.conv_weight.shape[1] - 1, channels), x.new_zeros(x.shape[0], states, channels)


def _mix_tokens(streams, branches, out_proj, shared_gate, states):
    total, gate = 0, None
    for i, (stream, p) in enumerate(zip(streams, branches)):
        conv_state, scan_state = states[i] if states else (None, None)
        x, z = _linear(stream, p.in_proj).chunk(2, dim=-1)
        gate = gate if shared_gate and gate is not None else z
        x = causal_conv_silu(x, p.conv_weight, p.conv_bias, conv_state)
        rank, count = p.dt_proj.shape[1], p.A.shape[1]
        dt, B, C = _linear(x, p.x_proj).split([rank, count, count], dim=-1)
        delta = F.linear(dt, p.dt_proj).to(p.dt_proj.dtype)
        total = total + selective_scan(x, delta, p.A, B, C, p.D, gate, p.dt_bias, scan_state)
    return _linear(total, out_proj)


def _compiled(streams: list[Tensor]) -> bool:
    return not torch.is_grad_enabled() and not torch.compiler.is_compiling() and all(is_native(x) for x in streams)


class _Stage:
    """One branch at work on one sequence (length, M), front to back: the one at `place` of the batch of `state`."""

    def __init__(
        self,
        x: Tensor,
        residual: Tensor | None,
        norm: Norm | None,
        p: Branch,
        out_proj: Tensor,
        out: Tensor,
        state: State,
        place: int,
    ):
        self.x = x if x.stride(-1) == 1 else x.contiguous()
        self.residual, self.out = residual, out
        channels = len(p.A)
        self.parameters = [
            *((norm.weight, norm.bias, norm.times) if norm else (None, None, 0)),
            p.in_proj.contiguous(),
            p.conv_weight.t().contiguous(),
            p.conv_bias,
            p.x_proj.contiguous(),
            p.dt_proj.t().contiguous(),
            p.dt_bias,
            (p.A.t() * math.log2(math.e)).contiguous(),
            p.D,
            out_proj.contiguous(),
            *(part[place] for part in state),
        ]
        self.sizes = (x.shape[1], channels, p.dt_proj.shape[1])
        self.bfloat16 = _precision.get() == "bf16"

    def run(self, first: int, last: int) -> None:
        x, residual, out = (None if t is None else t[first:last] for t in (self.x, self.residual, self.out))
        strides = 0 if residual is None else residual.stride(0)
        call(
            "mixer_forward",
            x,
            x.stride(0),
            residual,
            strides,
            *self.parameters,
            out,
            out.stride(0),
            last - first,
            *self.sizes,
            int(self.bfloat16),
        )


def _run(chains: list[list[_Stage]]) -> None:
    """Run chains of stages: a stage takes a span of tokens once it has taken the one before it and the stage ahead of
    it has finished with that span."""
    length = chains[0][0].x.shape[0]
    threads = torch.get_num_threads()
    if threads == 1 or length * len(chains) <= TASK:
        for chain in chains:
            for stage in chain:
                stage.run(0, length)
        return
    spans = [(first, min(first + TASK, length)) for first in range(0, length, TASK)]
    waiting = {
        (c, s, k): (s > 0) + (k > 0)
        for c, chain in enumerate(chains)
        for s in range(len(chain))
        for k in range(len(spans))
    }
    ready = [task for task, count in waiting.items() if count == 0]
    changed, left = threading.Condition(), len(waiting)

    def work():
        nonlocal left
        while True:
            with changed:
                while not ready and left:
                    changed.wait()
                if not left:
                    return
                c, s, k = task = min(ready, key=lambda t: (t[2], t[1], t[0]))  # the earliest tokens first
                ready.remove(task)
            try:
                chains[c][s].run(*spans[k])
            except BaseException:
                with changed:
                    left = 0
                    changed.notify_all()
                raise
            with changed:
                left -= left > 0
                for following in ((c, s + 1, k), (c, s, k + 1)):
                    if following in waiting:
                        waiting[following] -= 1
                        if waiting[following] == 0:
                            ready.append(following)
                changed.notify_all()

    run_all([work] * threads)
