"""Training of MambaDFuse."""

from __future__ import annotations

from functools import partial

from ..scan import mamba
from ..tasks import Task
from .losses import fusion_loss
from .network import MambaDFuse, MedicalMambaDFuse, load_network

TASKS = {
    task: Task(
        build=kind,
        load=partial(load_network, kind=kind),
        loss=lambda network, ir, vis, recipe, step: fusion_loss(network(ir, vis), ir, vis, **recipe.loss),
        state=lambda network: network.state_dict(),
        official=lambda network: {"params": network.state_dict()},
        terms=("intensity", "gradient", "ssim", "ssim_share", "stronger"),
        recompute=lambda network: mamba.recompute(),
    )
    for task, kind in (("ivf", MambaDFuse), ("mif", MedicalMambaDFuse))
}
