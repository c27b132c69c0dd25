"""The larger of both images, pixel by pixel."""

import numpy as np

from .base import ClassicalFuser, MethodCard


class Maximum(ClassicalFuser):
    card = MethodCard(name="max", title="Maximum", family="naive", notes="max(ir, vis)")

    whole = "it works pixel by pixel, so that tiles would save nothing"

    def fuse_pair(self, ir, vis):
        return np.maximum(ir, vis)
