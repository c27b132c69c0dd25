"""The visible image itself: what a metric gives without any fusion."""

from .base import ClassicalFuser, MethodCard


class Visible(ClassicalFuser):
    card = MethodCard(name="vis", title="Visible", family="naive", notes="the visible image, unchanged")

    reach = 0

    def fuse_pair(self, ir, vis):
        return vis
