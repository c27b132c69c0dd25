"""The visible image itself: what a metric gives without any fusion."""

from .base import MethodCard, NaiveFuser


class Visible(NaiveFuser):
    card = MethodCard(name="vis", title="Visible", family="naive", version="2", notes="the visible image, unchanged")

    def fuse_levels(self, ir, vis):
        return vis
