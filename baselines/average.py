"""The mean of both images."""

from .base import ClassicalFuser, MethodCard


class Average(ClassicalFuser):
    card = MethodCard(name="average", title="Average", family="naive", notes="(ir + vis) / 2")

    whole = "it works pixel by pixel, so that tiles would save nothing"

    def fuse_pair(self, ir, vis):
        return (ir + vis) / 2
