"""Training of MambaDFuse."""

from __future__ import annotations

from functools import partial

from ..scan import mamba
from ..tasks import Task
from .losses import fusion_loss
from .network import MambaDFuse, MedicalMambaDFuse, PaperMambaDFuse, PaperMedicalMambaDFuse, load_network


def _task(kind: type[MambaDFuse], variant: str = "", variants: dict[str, Task] | None = None) -> Task:
    return Task(
        build=kind,
        load=partial(load_network, kind=kind),
        loss=lambda network, ir, vis, recipe, step: fusion_loss(network(ir, vis), ir, vis, **recipe.loss),
        state=lambda network: network.state_dict(),
        official=lambda network: {"params": network.state_dict()},
        terms=("intensity", "gradient", "ssim", "ssim_share", "stronger", "summed", "gain"),
        recompute=lambda network: mamba.recompute(),
        variant=variant,
        variants=variants or {},
    )


TASKS = {
    "ivf": _task(MambaDFuse, variants={"paper": _task(PaperMambaDFuse, "paper")}),
    "mif": _task(MedicalMambaDFuse, variants={"paper": _task(PaperMedicalMambaDFuse, "paper")}),
}
