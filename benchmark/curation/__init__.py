"""Care of whole data sets, for `bench data`: downloads, checks, leaks between splits, drawn sets, the page of cards.

Rests on `datasets`, `store`, `imaging` and the processes of `run`.
"""
