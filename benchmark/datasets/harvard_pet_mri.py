"""Harvard PET-MRI: brain slices of the Whole Brain Atlas."""

from benchmark.datasets._harvard import Harvard

DATASET = Harvard(
    "PET",
    counts={"test": 24, "train": 245, "patient-test": 82, "patient-train": 187, "train-disjoint": 113, "cddfuse": 42},
    neighbours=24,
    apart=0.31,
    near=0.91,
    shared="CDDFuse's 42 slices are 21 of one PET study, each with two MRI: one head, which the usual lists do not"
    " hold.",
)
