"""The larger of both images, pixel by pixel."""

import numpy as np

from .base import MethodCard, NaiveFuser


class Maximum(NaiveFuser):
    card = MethodCard(name="max", title="Maximum", family="naive", version="2", notes="max(ir, vis)")

    def fuse_levels(self, ir, vis):
        return np.maximum(ir, vis)
