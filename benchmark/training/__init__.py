"""Training of fusion networks: `crops` draws the batches, `loop` trains and resumes, `log` writes losses and scores.

Rests on `datasets`, on `store`, on `figures` for its curves, and on `baselines.tasks`, which says what is trainable.
"""
