"""What runs leave behind in `results/`: files, cells, what they come to (`summary`), what made them (`provenance`).

Rests on `baselines` and `metrics`, whose versions it records, so that every room above may read and write results.
"""
