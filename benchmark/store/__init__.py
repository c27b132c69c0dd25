"""What runs leave behind in `results/`: files, cells, what they come to (`summary`), what made them (`provenance`).

Rests on plain ground only (`errors`), so that every other room may read and write results.
"""
