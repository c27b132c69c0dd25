"""What a metric is worth: whether it orders methods as a detector does, and whether it moves as the detector does where
fused images are altered on purpose.

Rests on `detection`, `run`, `datasets`, `imaging` and `store`.
"""
