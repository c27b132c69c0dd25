"""Work on whole data sets: labels, checks, leakage, downloads, cards."""
