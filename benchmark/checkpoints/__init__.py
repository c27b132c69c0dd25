"""Checkpoint files: `published` finds and fetches those of the authors, `convert` changes their layout.

Rests on `curation` for downloads, on `store` and on `baselines`.
"""
