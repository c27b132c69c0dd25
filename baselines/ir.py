"""The infrared image itself: what a metric gives without any fusion."""

from .base import ClassicalFuser, MethodCard


class Infrared(ClassicalFuser):
    card = MethodCard(name="ir", title="Infrared", family="naive", notes="the infrared image, unchanged")

    reach = 0

    def fuse_pair(self, ir, vis):
        return ir
