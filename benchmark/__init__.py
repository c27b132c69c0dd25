"""The harness: command line, data sets, runs, store, training, reports.

benchmark.load_results("results")     # every score as a pandas.DataFrame, one row per image and metric
benchmark.load_profiles("results")    # what methods cost, one row per method and machine
"""


def __getattr__(name):
    # Imported on use: `bench --help` must not wait for it.
    if name == "load_results":
        from benchmark.summary import load_results

        return load_results
    if name == "load_profiles":
        from benchmark.profiles import load_profiles

        return load_profiles
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
