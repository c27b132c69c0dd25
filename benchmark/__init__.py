"""The harness: data sets, runs, store, detection, training, reports and the command line over them.

Its rooms, and who may import whom, are drawn in docs/architecture.md. May import `metrics` and `baselines`.

benchmark.load_results("results")     # every score as a pandas.DataFrame, one row per image and metric
benchmark.load_profiles("results")    # what methods cost, one row per method and machine
"""


def __getattr__(name):
    # Imported on use: `bench --help` must not wait for it.
    if name == "load_results":
        from benchmark.store.summary import load_results

        return load_results
    if name == "load_profiles":
        from benchmark.cost.records import load_profiles

        return load_profiles
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
