"""What a metric is worth: whether it orders methods as a detector does (`judging`), and whether it moves as a detector
does where fused images are altered on purpose (`effects`).

Rests on `detection`, `run`, `datasets`, `imaging` and `store`.
"""
