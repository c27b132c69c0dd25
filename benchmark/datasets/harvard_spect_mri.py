"""Harvard SPECT-MRI: brain slices of the Whole Brain Atlas."""

from benchmark.datasets._harvard import Harvard

DATASET = Harvard(
    "SPECT",
    counts={"test": 24, "train": 333, "patient-test": 81, "patient-train": 276, "train-disjoint": 186, "cddfuse": 73},
    neighbours=24,
    apart=0.56,
    near=0.70,
    shared="Of CDDFuse's 73 slices 33 are of case 9 and 27 of case 36, with another MRI; both cases are in the usual"
    " training list and none is in patient-train. The other 13 are of no case of the usual lists.",
)
