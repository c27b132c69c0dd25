"""Training of MambaDFuse."""

from __future__ import annotations

from ..training import Task
from .losses import fusion_loss
from .network import MambaDFuse

TASK = Task(
    build=MambaDFuse,
    loss=lambda network, ir, vis, recipe, step: fusion_loss(network(ir, vis), ir, vis),
    state=lambda network: network.state_dict(),
)
