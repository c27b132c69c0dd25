"""Training of CDDFuse: reconstruction first, then fusion."""

from __future__ import annotations

from ..training import Task
from .losses import phase1_loss, phase2_loss
from .network import CDDFuse, state_for_saving


def loss(network, ir, vis, recipe, step):
    phase = phase1_loss if step < recipe.phase1 * recipe.steps else phase2_loss
    return phase(network, ir, vis)


TASK = Task(build=CDDFuse, loss=loss, state=state_for_saving, parts=lambda network: list(network.children()))
