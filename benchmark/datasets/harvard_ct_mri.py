"""Harvard CT-MRI: brain slices of the Whole Brain Atlas."""

from benchmark.datasets._harvard import Harvard

DATASET = Harvard("CT", train=160, test=24, cddfuse=21)
