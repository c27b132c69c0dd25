"""Harvard PET-MRI: brain slices of the Whole Brain Atlas."""

from benchmark.datasets._harvard import Harvard

DATASET = Harvard("PET", train=245, test=24, cddfuse=42)
