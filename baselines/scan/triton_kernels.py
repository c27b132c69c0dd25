"""The selective scan on a GPU, in Triton: forward and backward, float32, token-major.

No program walks the whole sequence. The tokens are cut into chunks, and each direction takes three phases:

1. one program per chunk and group of channels: the chunk's effect on its far end, as if nothing entered it
   (forward: the last state from a zero state; backward: the first state's gradient from a zero gradient);
2. a scan over chunks: what enters chunk k + 1 is exp(A * sum of delta in k) times what enters k, plus k's own effect;
3. one program per chunk and group again: the recurrence once more with what really enters, now writing results.

A program is one warp; a lane holds one channel's states in registers, so that sums over states need no exchange. The
backward pass keeps only the states between chunks and computes those within a chunk anew, into scratch memory that a
bounded number of programs reuse. Sums over channels and over chunks go through partial sums in a fixed order.
"""

from __future__ import annotations

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

CHUNK = 64  # tokens of a program
WIDTH = 32  # channels of a program: the lanes of a warp
CARRIED = 256  # chunks that phase 2 takes at a time; one program does this again and again until the last chunk
CELLS = 8  # of all states of all channels, which a program of phase 2 takes: few, so that there are many programs
PROGRAMS = 2048  # of the backward pass's third phase, which bounds its scratch memory
TOKENS = 32  # of a program of the convolution

LN2 = tl.constexpr(0.6931471805599453)


@triton.jit
def _sigmoid(x):
    return 1.0 / (1.0 + tl.exp(-x))


@triton.jit
def _softplus(x):
    """log(1 + e^x), relative error about 2e-7: minimax polynomial of log(1 + e) / e on [0, 1], as on the CPU."""
    e = tl.exp(-tl.abs(x))
    p = e * 5.364824552e-03 - 3.006579168e-02
    p = p * e + 7.920453697e-02
    p = p * e - 1.375380307e-01
    p = p * e + 1.915365458e-01
    p = p * e - 2.485716343e-01
    p = p * e + 3.332132399e-01
    p = p * e - 4.999964833e-01
    p = p * e + 1.0
    return tl.maximum(x, 0.0) + e * p


@triton.jit
def _compose(decay1, added1, decay2, added2):
    """Two steps of h -> decay h + added, the first one first, as one step."""
    return decay1 * decay2, added1 * decay2 + added2


@triton.jit
def _whole(stride, ALIGNED: tl.constexpr):
    """A stride that ALIGNED divides, written so that the compiler sees it: then rows are read in vectors."""
    return stride // ALIGNED * ALIGNED


@triton.jit
def _spread(n, c, row):
    """Offsets of states n and channels c, rows of `row` channels, that give every lane a channel. Without the hint the
    compiler gives a lane four neighbours where rows are aligned, and lanes then exchange data at every token."""
    return tl.multiple_of(n[:, None] * row + c[None, :], [1, 1])


@triton.jit
def _over_channels(x, STATES: tl.constexpr, WIDTH: tl.constexpr):
    """Sum x (STATES, WIDTH) over its channels, which lie in different lanes.

    Every split takes a bit of the channel out of the lane's number, so that the compiler turns x once and lanes then
    add what they hold. A plain sum exchanges every state five times.
    """
    for k in tl.static_range(1, 5):
        if WIDTH >> k:
            first, second = tl.split(tl.permute(tl.reshape(x, (STATES, 2, WIDTH >> k)), (0, 2, 1)))
            x = first + second
    return tl.sum(x, 1)


@triton.jit
def _chunk_ends(
    u, delta, bias, a2, b, ends, sums, length, channels, chunks,
    u_batch, u_row, delta_batch, delta_row, b_batch, b_row,
    CHUNK: tl.constexpr, STATES: tl.constexpr, WIDTH: tl.constexpr, ALIGNED: tl.constexpr,
):  # fmt: skip
    """Forward, phase 1: the last state of every chunk from a zero state, and its sum of delta."""
    groups = tl.cdiv(channels, WIDTH)
    chunk, batch = (tl.program_id(0) // groups).to(tl.int64), tl.program_id(1).to(tl.int64)
    c = tl.program_id(0) % groups * WIDTH + tl.arange(0, WIDTH)
    b_batch, b_row = _whole(b_batch, ALIGNED), _whole(b_row, ALIGNED)
    n = tl.arange(0, STATES)
    live = c < channels
    cells = _spread(n, c, channels)
    a = tl.load(a2 + cells, mask=live[None, :], other=0.0)
    shift = tl.load(bias + c, mask=live, other=0.0)
    first = chunk * CHUNK
    u += batch * u_batch + first * u_row + c
    delta += batch * delta_batch + first * delta_row + c
    b += batch * b_batch + first * b_row + n
    h = tl.zeros((STATES, WIDTH), tl.float32)
    total = tl.zeros((WIDTH,), tl.float32)
    for _ in range(0, tl.minimum(CHUNK, length - first).to(tl.int32)):
        d = _softplus(tl.load(delta, mask=live, other=0.0) + shift)
        du = d * tl.load(u, mask=live, other=0.0)
        h = tl.exp2(d[None, :] * a) * h + du[None, :] * tl.load(b)[:, None]
        total += d
        u += u_row
        delta += delta_row
        b += b_row
    place = batch * chunks + chunk
    tl.store(ends + place * STATES * channels + cells, h, mask=live[None, :])
    tl.store(sums + place * channels + c, total, mask=live)


@triton.jit
def _carry(
    ends, sums, a2, entering, channels, chunks, cells,
    REVERSE: tl.constexpr, CARRIED: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    """Phase 2. entering: (batch, chunks + 1, states, channels). Forward, [0] is given and [k + 1] follows from [k];
    REVERSE, [chunks] is given and [k] follows from [k + 1]."""
    cell = tl.program_id(0) * WIDTH + tl.arange(0, WIDTH)
    live = cell < cells
    batch = tl.program_id(1).to(tl.int64)
    a = tl.load(a2 + cell, mask=live, other=0.0)
    step = tl.arange(0, CARRIED)
    ends += batch * chunks * cells
    sums += batch * chunks * channels
    entering += batch * (chunks + 1) * cells
    h = tl.load(entering + (chunks * cells if REVERSE else 0) + cell, mask=live, other=0.0)
    for start in range(0, chunks, CARRIED):
        k = (chunks - 1 - start - step if REVERSE else start + step).to(tl.int64)
        there = ((k >= 0) & (k < chunks))[:, None] & live[None, :]
        # Beyond the last chunk a step changes nothing.
        total = tl.load(sums + k[:, None] * channels + (cell % channels)[None, :], mask=there, other=0.0)
        added = tl.load(ends + k[:, None] * cells + cell[None, :], mask=there, other=0.0)
        decay, added = tl.associative_scan((tl.exp2(total * a[None, :]), added), 0, _compose)
        reached = decay * h[None, :] + added
        tl.store(entering + (k if REVERSE else k + 1)[:, None] * cells + cell[None, :], reached, mask=there)
        h = tl.sum(tl.where((step == CARRIED - 1)[:, None], reached, 0.0), 0)


@triton.jit
def _outputs(
    u, delta, z, bias, a2, b, c_, skip, states, out, length, channels, chunks,
    u_batch, u_row, delta_batch, delta_row, z_batch, z_row, b_batch, b_row, c_batch, c_row,
    GATED: tl.constexpr, CHUNK: tl.constexpr, STATES: tl.constexpr, WIDTH: tl.constexpr, ALIGNED: tl.constexpr,
):  # fmt: skip
    """Forward, phase 3: y = (C h + D u) silu(z) from the states that enter the chunks."""
    groups = tl.cdiv(channels, WIDTH)
    chunk, batch = (tl.program_id(0) // groups).to(tl.int64), tl.program_id(1).to(tl.int64)
    c = tl.program_id(0) % groups * WIDTH + tl.arange(0, WIDTH)
    b_batch, b_row = _whole(b_batch, ALIGNED), _whole(b_row, ALIGNED)
    c_batch, c_row = _whole(c_batch, ALIGNED), _whole(c_row, ALIGNED)
    n = tl.arange(0, STATES)
    live = c < channels
    cells = _spread(n, c, channels)
    a = tl.load(a2 + cells, mask=live[None, :], other=0.0)
    shift = tl.load(bias + c, mask=live, other=0.0)
    straight = tl.load(skip + c, mask=live, other=0.0)
    h = tl.load(states + (batch * (chunks + 1) + chunk) * STATES * channels + cells, mask=live[None, :], other=0.0)
    first = chunk * CHUNK
    u += batch * u_batch + first * u_row + c
    delta += batch * delta_batch + first * delta_row + c
    z += batch * z_batch + first * z_row + c
    b += batch * b_batch + first * b_row + n
    c_ += batch * c_batch + first * c_row + n
    out += (batch * length + first) * channels + c
    for _ in range(0, tl.minimum(CHUNK, length - first).to(tl.int32)):
        d = _softplus(tl.load(delta, mask=live, other=0.0) + shift)
        ut = tl.load(u, mask=live, other=0.0)
        h = tl.exp2(d[None, :] * a) * h + (d * ut)[None, :] * tl.load(b)[:, None]
        y = tl.sum(h * tl.load(c_)[:, None], 0) + straight * ut
        if GATED:
            zt = tl.load(z, mask=live, other=0.0)
            y *= zt * _sigmoid(zt)
            z += z_row
        tl.store(out, y, mask=live)
        u += u_row
        delta += delta_row
        b += b_row
        c_ += c_row
        out += channels


@triton.jit
def _chunk_starts(
    grad, delta, z, bias, a2, c_, starts, length, channels, chunks,
    delta_batch, delta_row, z_batch, z_row, c_batch, c_row,
    GATED: tl.constexpr, CHUNK: tl.constexpr, STATES: tl.constexpr, WIDTH: tl.constexpr, ALIGNED: tl.constexpr,
):  # fmt: skip
    """Backward, phase 1: the gradient of the state that enters each chunk, as if no later chunk existed."""
    groups = tl.cdiv(channels, WIDTH)
    chunk, batch = (tl.program_id(0) // groups).to(tl.int64), tl.program_id(1).to(tl.int64)
    c = tl.program_id(0) % groups * WIDTH + tl.arange(0, WIDTH)
    c_batch, c_row = _whole(c_batch, ALIGNED), _whole(c_row, ALIGNED)
    n = tl.arange(0, STATES)
    live = c < channels
    cells = _spread(n, c, channels)
    a = tl.load(a2 + cells, mask=live[None, :], other=0.0)
    shift = tl.load(bias + c, mask=live, other=0.0)
    count = tl.minimum(CHUNK, length - chunk * CHUNK).to(tl.int32)
    last = chunk * CHUNK + count - 1
    grad += (batch * length + last) * channels + c
    delta += batch * delta_batch + last * delta_row + c
    z += batch * z_batch + last * z_row + c
    c_ += batch * c_batch + last * c_row + n
    g = tl.zeros((STATES, WIDTH), tl.float32)
    for _ in range(0, count):
        gy = tl.load(grad, mask=live, other=0.0)
        if GATED:
            zt = tl.load(z, mask=live, other=0.0)
            gy *= zt * _sigmoid(zt)
            z -= z_row
        d = _softplus(tl.load(delta, mask=live, other=0.0) + shift)
        g = tl.exp2(d[None, :] * a) * (g + gy[None, :] * tl.load(c_)[:, None])
        grad -= channels
        delta -= delta_row
        c_ -= c_row
    tl.store(starts + (batch * chunks + chunk) * STATES * channels + cells, g, mask=live[None, :])


@triton.jit
def _gradients(
    grad, u, delta, z, bias, a2, b, c_, skip, states, leaving, scratch,
    gu, gdelta, gz, gb, gc, ga, gskip, gbias, batches, length, channels, chunks,
    u_batch, u_row, delta_batch, delta_row, z_batch, z_row, b_batch, b_row, c_batch, c_row,
    GATED: tl.constexpr, CHUNK: tl.constexpr, STATES: tl.constexpr, WIDTH: tl.constexpr, ALIGNED: tl.constexpr,
):  # fmt: skip
    """Backward, phase 3. Every program takes each so-manieth chunk of all sequences.

    scratch: (programs, groups, CHUNK + 1, STATES, WIDTH). gb, gc: (groups, batch, length, STATES), ga: (programs,
    STATES, channels), gskip, gbias: (programs, channels): partial sums.
    """
    program, group = tl.program_id(0).to(tl.int64), tl.program_id(1).to(tl.int64)
    lane = tl.arange(0, WIDTH)
    b_batch, b_row = _whole(b_batch, ALIGNED), _whole(b_row, ALIGNED)
    c_batch, c_row = _whole(c_batch, ALIGNED), _whole(c_row, ALIGNED)
    n = tl.arange(0, STATES)
    c = group * WIDTH + lane
    live = c < channels
    cells = _spread(n, c, channels)
    a = tl.load(a2 + cells, mask=live[None, :], other=0.0)
    shift = tl.load(bias + c, mask=live, other=0.0)
    straight = tl.load(skip + c, mask=live, other=0.0)
    own = _spread(n, lane, WIDTH)
    scratch += (program * tl.num_programs(1) + group) * (CHUNK + 1) * STATES * WIDTH
    sum_a = tl.zeros((STATES, WIDTH), tl.float32)
    sum_skip = tl.zeros((WIDTH,), tl.float32)
    sum_bias = tl.zeros((WIDTH,), tl.float32)
    for item in range(tl.program_id(0), batches * chunks, tl.num_programs(0)):
        batch, chunk = (item // chunks).to(tl.int64), (item % chunks).to(tl.int64)
        first = chunk * CHUNK
        count = tl.minimum(CHUNK, length - first).to(tl.int32)
        row_u = u + batch * u_batch + first * u_row + c
        row_delta = delta + batch * delta_batch + first * delta_row + c
        row_b = b + batch * b_batch + first * b_row + n
        place = (batch * (chunks + 1) + chunk) * STATES * channels
        h = tl.load(states + place + cells, mask=live[None, :], other=0.0)
        tl.store(scratch + own, h)
        for t in range(0, count):
            d = _softplus(tl.load(row_delta, mask=live, other=0.0) + shift)
            du = d * tl.load(row_u, mask=live, other=0.0)
            h = tl.exp2(d[None, :] * a) * h + du[None, :] * tl.load(row_b)[:, None]
            tl.store(scratch + (t + 1) * STATES * WIDTH + own, h)
            row_u += u_row
            row_delta += delta_row
            row_b += b_row
        tl.debug_barrier()

        g = tl.load(leaving + place + STATES * channels + cells, mask=live[None, :], other=0.0)
        row_z = z + batch * z_batch + (first + count) * z_row + c
        row_b = b + batch * b_batch + (first + count) * b_row + n
        row_c = c_ + batch * c_batch + (first + count) * c_row + n
        place = batch * length + first + count
        partial = (group * batches * length + place) * STATES + n
        for back in range(0, count):
            row_u -= u_row
            row_delta -= delta_row
            row_b -= b_row
            row_c -= c_row
            place -= 1
            partial -= STATES
            ut = tl.load(row_u, mask=live, other=0.0)
            raw = tl.load(row_delta, mask=live, other=0.0) + shift
            bt = tl.load(row_b)[:, None]
            ct = tl.load(row_c)[:, None]
            gy = tl.load(grad + place * channels + c, mask=live, other=0.0)
            d = _softplus(raw)
            before = tl.load(scratch + (count - 1 - back) * STATES * WIDTH + own)
            if GATED:
                row_z -= z_row
                zt = tl.load(row_z, mask=live, other=0.0)
                gate = _sigmoid(zt)
                y = tl.sum(h * ct, 0) + straight * ut
                tl.store(gz + place * channels + c, gy * y * gate * (1.0 + zt * (1.0 - gate)), mask=live)
                gy *= zt * gate
            g += gy[None, :] * ct
            tl.store(gc + partial, _over_channels(gy[None, :] * h, STATES, WIDTH))
            tl.store(gb + partial, _over_channels(g * (d * ut)[None, :], STATES, WIDTH))
            gdu = tl.sum(g * bt, 0)
            g *= tl.exp2(d[None, :] * a)
            gexp = g * before
            graw = (tl.sum(gexp * a, 0) * LN2 + gdu * ut) * _sigmoid(raw)
            tl.store(gu + place * channels + c, gdu * d + gy * straight, mask=live)
            tl.store(gdelta + place * channels + c, graw, mask=live)
            sum_a += gexp * d[None, :]
            sum_skip += gy * ut
            sum_bias += graw
            h = before
        tl.debug_barrier()  # before the next chunk's states take the place of these
    tl.store(ga + program * STATES * channels + cells, sum_a, mask=live[None, :])
    tl.store(gskip + program * channels + c, sum_skip, mask=live)
    tl.store(gbias + program * channels + c, sum_bias, mask=live)


@triton.jit
def _convolve(x, weight, shift, tokens, length, channels, c, x_row, TAPS: tl.constexpr, live):
    acc = shift[None, :]
    for k in tl.static_range(TAPS):
        row = tokens - (TAPS - 1) + k
        there = ((row >= 0) & (row < length))[:, None] & live[None, :]
        tap = tl.load(weight + c * TAPS + k, mask=live, other=0.0)
        acc += tap[None, :] * tl.load(x + row[:, None] * x_row + c[None, :], mask=there, other=0.0)
    return acc


@triton.jit
def _conv_silu(
    x, weight, bias, out, length, channels, x_batch, x_row,
    TAPS: tl.constexpr, TOKENS: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    """SiLU of the causal depthwise convolution."""
    groups = tl.cdiv(channels, WIDTH)
    tokens = (tl.program_id(0) // groups).to(tl.int64) * TOKENS + tl.arange(0, TOKENS)
    c = tl.program_id(0) % groups * WIDTH + tl.arange(0, WIDTH)
    batch = tl.program_id(1).to(tl.int64)
    live = c < channels
    shift = tl.load(bias + c, mask=live, other=0.0)
    y = _convolve(x + batch * x_batch, weight, shift, tokens, length, channels, c, x_row, TAPS, live)
    place = (batch * length + tokens)[:, None] * channels + c[None, :]
    tl.store(out + place, y * _sigmoid(y), mask=(tokens < length)[:, None] & live[None, :])


@triton.jit
def _conv_silu_before(
    x, weight, bias, grad, before, sums, length, channels, x_batch, x_row,
    TAPS: tl.constexpr, TOKENS: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    """The gradient before the SiLU, and sums for those of weight (TAPS rows) and bias (one) over the tokens here."""
    groups = tl.cdiv(channels, WIDTH)
    block, batch = (tl.program_id(0) // groups).to(tl.int64), tl.program_id(1).to(tl.int64)
    tokens = block * TOKENS + tl.arange(0, TOKENS)
    c = tl.program_id(0) % groups * WIDTH + tl.arange(0, WIDTH)
    live = c < channels
    shift = tl.load(bias + c, mask=live, other=0.0)
    x += batch * x_batch
    y = _convolve(x, weight, shift, tokens, length, channels, c, x_row, TAPS, live)
    place = (batch * length + tokens)[:, None] * channels + c[None, :]
    inside = (tokens < length)[:, None] & live[None, :]
    gate = _sigmoid(y)
    g = tl.load(grad + place, mask=inside, other=0.0) * gate * (1.0 + y * (1.0 - gate))
    tl.store(before + place, g, mask=inside)
    sums += (batch * tl.cdiv(length, TOKENS) + block) * (TAPS + 1) * channels + c
    for k in tl.static_range(TAPS):
        row = tokens - (TAPS - 1) + k
        there = ((row >= 0) & (row < length))[:, None] & live[None, :]
        xk = tl.load(x + row[:, None] * x_row + c[None, :], mask=there, other=0.0)
        tl.store(sums + k * channels, tl.sum(g * xk, 0), mask=live)
    tl.store(sums + TAPS * channels, tl.sum(g, 0), mask=live)


@triton.jit
def _conv_transposed(g, weight, out, length, channels, TAPS: tl.constexpr, TOKENS: tl.constexpr, WIDTH: tl.constexpr):
    groups = tl.cdiv(channels, WIDTH)
    tokens = (tl.program_id(0) // groups).to(tl.int64) * TOKENS + tl.arange(0, TOKENS)
    c = tl.program_id(0) % groups * WIDTH + tl.arange(0, WIDTH)
    live = c < channels
    base = tl.program_id(1).to(tl.int64) * length
    acc = tl.zeros((TOKENS, WIDTH), tl.float32)
    for k in tl.static_range(TAPS):
        row = tokens + (TAPS - 1) - k
        tap = tl.load(weight + c * TAPS + k, mask=live, other=0.0)
        there = (row < length)[:, None] & live[None, :]
        acc += tap[None, :] * tl.load(g + (base + row)[:, None] * channels + c[None, :], mask=there, other=0.0)
    inside = (tokens < length)[:, None] & live[None, :]
    tl.store(out + (base + tokens)[:, None] * channels + c[None, :], acc, mask=inside)


def _rows(x: Tensor) -> Tensor:
    """x with unit stride in the last dimension; slices of wider rows pass uncopied."""
    return x if x.stride(-1) == 1 else x.contiguous()


def _strides(*tensors: Tensor) -> list[int]:
    return [stride for x in tensors for stride in x.stride()[:2]]


def _alignment(*tensors: Tensor) -> int:
    """The most elements, 4 at most, that divide the distance between any two rows."""
    return math.gcd(4, *_strides(*tensors))


def _scaled(A: Tensor) -> Tensor:
    return (A.t() * math.log2(math.e)).contiguous()  # (N, D): the kernels work with powers of two


def forward(u, delta, A, B, C, D, z, delta_bias, state=None, chunk=CHUNK, width=WIDTH, carried=CARRIED):
    """The scan's output, and for `backward` the states between chunks (batch, chunks + 1, N, D) with the chunks' sums
    of delta (batch, chunks, D). `state` (batch, N, D): before the first token. The sizes are powers of two."""
    batch, length, channels = u.shape
    states = A.shape[1]
    u, delta, B, C = (_rows(x) for x in (u, delta, B, C))
    gated, z = z is not None, u if z is None else _rows(z)
    a2, D, delta_bias = _scaled(A), D.contiguous(), delta_bias.contiguous()
    chunks, groups, cells = triton.cdiv(length, chunk), triton.cdiv(channels, width), states * channels
    ends, sums = u.new_empty(batch, chunks, states, channels), u.new_empty(batch, chunks, channels)
    entering = u.new_empty(batch, chunks + 1, states, channels)
    entering[:, 0] = 0 if state is None else state
    out = u.new_empty(u.shape)
    sizes = {"CHUNK": chunk, "STATES": states, "WIDTH": width, "ALIGNED": _alignment(B, C), "num_warps": 1}
    with torch.cuda.device_of(u):
        _chunk_ends[chunks * groups, batch](
            u, delta, delta_bias, a2, B, ends, sums, length, channels, chunks, *_strides(u, delta, B), **sizes
        )
        _carry[triton.cdiv(cells, CELLS), batch](
            ends, sums, a2, entering, channels, chunks, cells, REVERSE=False, CARRIED=carried, WIDTH=CELLS
        )
        _outputs[chunks * groups, batch](
            u, delta, z, delta_bias, a2, B, C, D, entering, out, length, channels, chunks,
            *_strides(u, delta, z, B, C), GATED=gated, **sizes,
        )  # fmt: skip
    return out, entering, sums


def backward(
    grad, entering, sums, u, delta, A, B, C, D, z, delta_bias,
    chunk=CHUNK, width=WIDTH, carried=CARRIED, programs=PROGRAMS,
):  # fmt: skip
    """The gradients of u, delta, A, B, C, D, z (None without z) and delta_bias. chunk: the one of `forward`."""
    batch, length, channels = u.shape
    states = A.shape[1]
    u, delta, B, C, grad = _rows(u), _rows(delta), _rows(B), _rows(C), grad.contiguous()
    gated, z = z is not None, u if z is None else _rows(z)
    a2, D, delta_bias = _scaled(A), D.contiguous(), delta_bias.contiguous()
    chunks, groups, cells = triton.cdiv(length, chunk), triton.cdiv(channels, width), states * channels
    programs = min(batch * chunks, max(1, programs // groups))
    starts, leaving = u.new_empty(batch, chunks, states, channels), torch.empty_like(entering)
    leaving[:, chunks] = 0
    gu, gdelta = u.new_empty(u.shape), u.new_empty(u.shape)
    gz = u.new_empty(u.shape) if gated else None
    gB, gC = u.new_empty(groups, batch, length, states), u.new_empty(groups, batch, length, states)
    gA = u.new_empty(programs, states, channels)
    gD, gbias = u.new_empty(programs, channels), u.new_empty(programs, channels)
    sizes = {"GATED": gated, "CHUNK": chunk, "STATES": states, "WIDTH": width, "ALIGNED": _alignment(B, C)}
    sizes["num_warps"] = 1
    with torch.cuda.device_of(u):
        _chunk_starts[chunks * groups, batch](
            grad, delta, z, delta_bias, a2, C, starts, length, channels, chunks, *_strides(delta, z, C), **sizes
        )
        _carry[triton.cdiv(cells, CELLS), batch](
            starts, sums, a2, leaving, channels, chunks, cells, REVERSE=True, CARRIED=carried, WIDTH=CELLS
        )
        scratch = u.new_empty(programs, groups, chunk + 1, states, width)
        _gradients[programs, groups](
            grad, u, delta, z, delta_bias, a2, B, C, D, entering, leaving, scratch,
            gu, gdelta, gz if gated else gu, gB, gC, gA, gD, gbias, batch, length, channels, chunks,
            *_strides(u, delta, z, B, C), **sizes,
        )  # fmt: skip
    return gu, gdelta, gA.sum(0).t().contiguous(), gB.sum(0), gC.sum(0), gD.sum(0), gz, gbias.sum(0)


def conv_forward(x, weight, bias, tokens=TOKENS, width=WIDTH):
    """SiLU of the causal convolution, zeros before the first token. weight: (D, taps)."""
    batch, length, channels = x.shape
    x, weight = _rows(x), weight.contiguous()
    out = x.new_empty(x.shape)
    with torch.cuda.device_of(x):
        _conv_silu[triton.cdiv(length, tokens) * triton.cdiv(channels, width), batch](
            x, weight, bias.contiguous(), out, length, channels, *_strides(x),
            TAPS=weight.shape[1], TOKENS=tokens, WIDTH=width,
        )  # fmt: skip
    return out


def conv_backward(grad, x, weight, bias, tokens=TOKENS, width=WIDTH):
    """The gradients of x, weight and bias."""
    batch, length, channels = x.shape
    x, weight, grad, taps = _rows(x), weight.contiguous(), grad.contiguous(), weight.shape[1]
    before, gx = x.new_empty(x.shape), x.new_empty(x.shape)
    blocks, groups = triton.cdiv(length, tokens), triton.cdiv(channels, width)
    sums = x.new_empty(batch, blocks, taps + 1, channels)
    sizes = {"TAPS": taps, "TOKENS": tokens, "WIDTH": width}
    with torch.cuda.device_of(x):
        _conv_silu_before[blocks * groups, batch](
            x, weight, bias.contiguous(), grad, before, sums, length, channels, *_strides(x), **sizes
        )
        _conv_transposed[blocks * groups, batch](before, weight, gx, length, channels, **sizes)
    totals = sums.sum((0, 1))
    return gx, totals[:taps].t().contiguous(), totals[taps]
