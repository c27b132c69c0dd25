"""Training of fusion networks: `crops` draws the batches, `loop` trains and resumes, `log` writes losses and scores.

Rests on `datasets`, `run`, `store`, the curves of `figures`, `metrics`, and `baselines`, which says what is
trainable.
"""
