"""Harvard CT-MRI: brain slices of the Whole Brain Atlas."""

from benchmark.datasets._harvard import Harvard

DATASET = Harvard(
    "CT",
    counts={"test": 24, "train": 160, "patient-test": 35, "patient-train": 149, "train-disjoint": 97, "cddfuse": 21},
    neighbours=15,
    apart=0.46,
    near=0.60,
    shared="CDDFuse's 21 slices are of the cases 16 and 21: 13 of them are in the usual training list, 8 in its test"
    " list, none in patient-train.",
)
