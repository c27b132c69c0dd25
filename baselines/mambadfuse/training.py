"""Training of MambaDFuse."""

from __future__ import annotations

from ..base import load_state
from ..scan import mamba
from ..training import Task
from .losses import fusion_loss
from .network import MambaDFuse


def load(path) -> MambaDFuse:
    state = load_state(path)
    network = MambaDFuse()
    network.load_state_dict(state.get("params", state))
    return network


TASK = Task(
    build=MambaDFuse,
    load=load,
    loss=lambda network, ir, vis, recipe, step: fusion_loss(network(ir, vis), ir, vis, **recipe.loss),
    state=lambda network: network.state_dict(),
    terms=("intensity", "gradient", "ssim", "ssim_share", "stronger"),
    recompute=lambda network: mamba.recompute(),
)
