"""The infrared image itself: what a metric gives without any fusion."""

from .base import ClassicalFuser, MethodCard


class Infrared(ClassicalFuser):
    card = MethodCard(name="ir", title="Infrared", family="naive", notes="the infrared image, unchanged")

    whole = "it works pixel by pixel, so that tiles would save nothing"

    def fuse_pair(self, ir, vis):
        return ir
