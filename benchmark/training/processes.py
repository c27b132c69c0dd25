"""Train one network on several GPUs: `accelerate launch` or torchrun starts the processes, accelerate joins them."""

from __future__ import annotations

import os

import torch
from torch import Tensor, nn


class Alone:
    """A training in one process, as most are."""

    rank, count = 0, 1

    def __init__(self, device: str):
        self.device = device

    def prepare(self, module: nn.Module) -> nn.Module:
        return module

    def backward(self, loss: Tensor) -> None:
        loss.backward()

    def share(self, batch: Tensor) -> Tensor:
        """Return this process's part of a batch (2, batch, 1, H, W)."""
        return batch

    def any(self, flag: bool) -> bool:
        """Return whether any process sets `flag`."""
        return flag

    def mean(self, values: dict[str, float]) -> dict[str, float]:
        """Return the mean of each value over the processes."""
        return values

    def wait(self) -> None:
        """Wait until all processes are here."""


class Several(Alone):
    """A training in several processes. Each draws the same batch and takes its part of it. Their gradients are
    averaged, so that all processes stay equal to one that sees the whole batch. Only terms that look at the whole batch
    differ, as CDDFuse's decomposition and MambaDFuse's share of SSIM: they see a process's part of it."""

    def __init__(self, device: str):
        from accelerate import Accelerator
        from accelerate.utils import DistributedDataParallelKwargs

        # CDDFuse's fusion layers have no gradient in its first phase.
        unused = DistributedDataParallelKwargs(find_unused_parameters=True)
        self._accelerator = Accelerator(cpu=device == "cpu", kwargs_handlers=[unused])
        super().__init__(str(self._accelerator.device))
        self.rank, self.count = self._accelerator.process_index, self._accelerator.num_processes

    def prepare(self, module):
        return self._accelerator.prepare(module)

    def backward(self, loss):
        self._accelerator.backward(loss)

    def share(self, batch):
        if batch.shape[1] % self.count:
            raise ValueError(f"a batch of {batch.shape[1]} cannot be shared by {self.count} processes")
        return batch[:, self.rank :: self.count]

    def any(self, flag):
        flags = torch.tensor(float(flag), device=self.device)
        return self._accelerator.reduce(flags, "sum").item() > 0

    def mean(self, values):
        reduced = self._accelerator.reduce(torch.tensor(list(values.values()), device=self.device), "mean")
        return dict(zip(values, reduced.tolist()))

    def wait(self):
        self._accelerator.wait_for_everyone()


def join(device: str) -> Alone:
    """Join the processes that a launcher started, or return this one alone. Raises ModuleNotFoundError without
    accelerate."""
    return Several(device) if int(os.environ.get("WORLD_SIZE", 1)) > 1 else Alone(device)
