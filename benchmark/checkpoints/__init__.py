"""Checkpoint files: `published` finds and fetches those of the authors, `convert` changes their layout.

Rests on `baselines`, `store` and the downloads of `curation`.
"""
