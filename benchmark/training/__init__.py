"""Training of fusion networks: `crops` draws the batches, `loop` trains and resumes, `log` keeps what is to be read.

Rests on `datasets`, `store` and `figures`, for its curves, and on what `baselines.tasks` says is trainable.
"""
