"""Training of fusion networks: `crops` draws the batches, `loop` trains and resumes, `validation` judges
what is held out, `log` writes losses and scores.

Rests on `datasets`, `imaging`, `run`, `store`, the curves of `figures`, `metrics`, and `baselines`, which says what is
trainable.
"""
