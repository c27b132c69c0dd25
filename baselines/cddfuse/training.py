"""Training of CDDFuse: reconstruction first, then fusion."""

from __future__ import annotations

from functools import partial

from ..tasks import Task, recomputing
from .losses import phase1_loss, phase2_loss
from .network import (
    BaseFeatureExtraction,
    CDDFuse,
    DetailNode,
    MedicalCDDFuse,
    TransformerBlock,
    load_network,
    official_state,
    state_for_saving,
)

BLOCKS = (BaseFeatureExtraction, DetailNode, TransformerBlock)


def loss(network, ir, vis, recipe, step):
    if step < recipe.first_phase:
        return phase1_loss(network, ir, vis)
    return phase2_loss(network, ir, vis, **recipe.loss)


TASKS = {
    task: Task(
        build=kind,
        load=partial(load_network, kind=kind),
        loss=loss,
        state=state_for_saving,
        official=official_state,
        parts=lambda network: list(network.children()),
        terms=("intensity", "gradient", "decomposition", "stronger", "ssim"),
        calls=("encode", "merge", "decode"),
        recompute=lambda network: recomputing(m for m in network.modules() if isinstance(m, BLOCKS)),
    )
    for task, kind in (("ivf", CDDFuse), ("mif", MedicalCDDFuse))
}
