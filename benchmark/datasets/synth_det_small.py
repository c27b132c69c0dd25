"""synth-det-small: the scenes of synth-det at 320x240, for quick runs without a GPU."""

from benchmark.datasets.synth_det import SynthDet

DATASET = SynthDet("synth_det_small", 320, 240)
