"""Harvard SPECT-MRI: brain slices of the Whole Brain Atlas."""

from benchmark.datasets._harvard import Harvard

DATASET = Harvard("SPECT", train=333, test=24, cddfuse=73)
