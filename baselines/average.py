"""The mean of both images, halves rounded up."""

from .base import MethodCard, NaiveFuser


class Average(NaiveFuser):
    card = MethodCard(
        name="average", title="Average", family="naive", version="2", notes="(ir + vis) / 2, halves rounded up"
    )

    def fuse_levels(self, ir, vis):
        return (ir + vis + 1) >> 1
