"""The visible image itself: what a metric gives without any fusion."""

from .base import ClassicalFuser, MethodCard


class Visible(ClassicalFuser):
    card = MethodCard(name="vis", title="Visible", family="naive", notes="the visible image, unchanged")

    whole = "it works pixel by pixel, so that tiles would save nothing"

    def fuse_pair(self, ir, vis):
        return vis
