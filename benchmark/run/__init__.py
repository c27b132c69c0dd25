"""Fusing and scoring: from names and options (`methods`, `plan`) to jobs, to what `runner` leaves in the store.

Rests on `datasets`, `imaging`, `store`, the fusers of `baselines`, and `metrics`.
"""
