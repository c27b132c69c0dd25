"""Memory that a network's tensors take at once, counted on tensors that have no values: quick, at any size."""

from __future__ import annotations

import weakref

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from . import flops
from .base import NetworkFuser
from .cddfuse import network as cddfuse


class Alive(TorchDispatchMode):
    """Adds up the bytes of tensors from when an operation returns them to when nobody holds them; `most`: the peak."""

    def __init__(self):
        super().__init__()
        self.bytes = self.most = 0
        self.held = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor) and tensor.untyped_storage()._cdata not in self.held:
                self._add(tensor.untyped_storage())
        return result

    def _add(self, storage):
        self.held.add(storage._cdata)
        self.bytes += storage.nbytes()
        self.most = max(self.most, self.bytes)
        weakref.finalize(storage, self._drop, storage._cdata, storage.nbytes())

    def _drop(self, address: int, size: int) -> None:
        self.held.discard(address)
        self.bytes -= size


def count(fuser: NetworkFuser, height: int, width: int) -> int | None:
    """Bytes that the tensors of a forward pass take at once, as a GPU runs it; None for a network that looks at values.

    What kernels keep for themselves comes on top.
    """
    strips, cddfuse.STRIP_PIXELS = cddfuse.STRIP_PIXELS, 1 << 60  # a GPU takes none
    try:
        with flops.mixer_in_torch(lambda u, *rest, **options: u.new_empty(u.shape)), Alive() as alive:
            flops.on_shapes(fuser, height, width)
    except Exception:  # a network from elsewhere may raise anything
        return None
    finally:
        cddfuse.STRIP_PIXELS = strips
    return alive.most
