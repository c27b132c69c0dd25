"""Fusing and scoring: from names and options (`methods`, `plan`) to jobs, to what `runner` leaves in the store.

Rests on `datasets`, `store`, `imaging`, the fusers of `baselines` and `metrics`.
"""
