"""What a metric is worth: whether it moves as a detector does where fused images are altered on purpose.

Rests on `detection`, `run`, `datasets`, `imaging` and `store`.
"""
