"""What methods cost: measuring parameters, operations, time and memory, and the records that are kept.

Rests on `run`, `store` and `baselines`.
"""
