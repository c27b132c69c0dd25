"""Checkpoint files: which are published and which of them are here, and changing their layout.

Rests on `baselines`, `store` and the downloads of `curation`.
"""
