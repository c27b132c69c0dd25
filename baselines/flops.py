"""Floating-point operations of a network, as torch counts them, with the selective scans added by formula.

torch's counter sees matrix products and convolutions; a multiplication and an addition count as two. It does not see
elementwise steps, FFTs and the compiled mixer of `scan`. So the mixer runs in torch while operations are counted, and
each scan is added as the authors of Mamba count it (https://github.com/state-spaces/mamba/issues/110): 9 operations per
token, channel and state, and one each per token and channel for skip and gate.
"""

from __future__ import annotations

import copy
import os
from contextlib import contextmanager

from .base import Fuser, NetworkFuser
from .contract import scene


def scan_flops(batch: int, length: int, channels: int, states: int, gated: bool = True) -> int:
    """The operations of one selective scan."""
    return batch * length * channels * (9 * states + 1 + gated)


def count(fuser: Fuser, height: int = 480, width: int = 640) -> tuple[int, int] | None:
    """Count the operations for one pair of that size: (all, those of the scans). None for what is not a network."""
    if not isinstance(fuser, NetworkFuser):
        return None
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    scans = 0

    def selective_scan(u, delta, A, B, C, D, z=None, *rest, **options):
        nonlocal scans
        scans += scan_flops(*u.shape, A.shape[1], z is not None)
        return torch.zeros_like(u)  # the count does not depend on values

    for run in (on_shapes, _on_values):
        scans, counter = 0, FlopCounterMode(display=False)
        try:
            with mixer_in_torch(selective_scan), counter:
                run(fuser, height, width)
        except Exception:
            if run is _on_values:
                raise
            continue  # the network looks at values: run it on some
        return counter.get_total_flops() + scans, scans
    raise AssertionError("unreachable")


def on_shapes(fuser: NetworkFuser, height: int, width: int) -> None:
    """Run the network on tensors without values, which takes no time."""
    import torch

    hollow = copy.copy(fuser)
    hollow.device, hollow.network = "meta", copy.deepcopy(fuser.network).to("meta")
    pair = torch.empty(2, 1, 1, height, width, device="meta")
    with torch.inference_mode():
        hollow.forward(*pair)


def _on_values(fuser: NetworkFuser, height: int, width: int) -> None:
    fuser.fuse(*scene(height, width))


@contextmanager
def mixer_in_torch(scan):
    """A context in which the mixer runs in torch, takes all tokens at once, and calls `scan` for each of its scans."""
    from .scan import mamba

    backend, own = os.environ.get("BENCH_SCAN_BACKEND"), (mamba.selective_scan, mamba.CHUNK)
    os.environ["BENCH_SCAN_BACKEND"], mamba.selective_scan, mamba.CHUNK = "chunked", scan, 1 << 40
    try:
        yield
    finally:
        mamba.selective_scan, mamba.CHUNK = own
        del os.environ["BENCH_SCAN_BACKEND"]
        if backend is not None:
            os.environ["BENCH_SCAN_BACKEND"] = backend
