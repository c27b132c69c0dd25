"""The harness: command line, data sets, runs, store, training, reports."""
