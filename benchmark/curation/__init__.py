"""Care of whole data sets, for `bench data`: downloads, checks, leaks between splits, drawn sets, the page of cards.

Rests on `datasets`, `imaging`, `store`, the processes of `run` and the hashes of `baselines`.
"""
