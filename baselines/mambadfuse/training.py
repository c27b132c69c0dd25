"""Training of MambaDFuse."""

from __future__ import annotations

from ..scan import mamba
from ..training import Task
from .losses import fusion_loss
from .network import MambaDFuse, load_network

TASK = Task(
    build=MambaDFuse,
    load=load_network,
    loss=lambda network, ir, vis, recipe, step: fusion_loss(network(ir, vis), ir, vis, **recipe.loss),
    state=lambda network: network.state_dict(),
    official=lambda network: {"params": network.state_dict()},
    terms=("intensity", "gradient", "ssim", "ssim_share", "stronger"),
    recompute=lambda network: mamba.recompute(),
)
