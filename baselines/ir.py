"""The infrared image itself: what a metric gives without any fusion."""

from .base import MethodCard, NaiveFuser


class Infrared(NaiveFuser):
    card = MethodCard(name="ir", title="Infrared", family="naive", version="2", notes="the infrared image, unchanged")

    def fuse_levels(self, ir, vis):
        return ir
