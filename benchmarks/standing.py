"""Where a method stands among others over several data sets: the table of docs/training.md.

    python -m benchmarks.standing --results RESULTS --method mambadfuse \
        --sets msrs@test,roadscene@cddfuse50,tno@cddfuse25

For every metric the methods are ranked by their mean score on each data set, and these ranks are averaged over the
sets. Printed are the mean ranks, and for each other method on how many metrics METHOD has the better one. Methods
that lack an image of a set are told and left out.
"""

from __future__ import annotations

import argparse

import pandas

import benchmark
import metrics
from benchmark.errors import UserError


def mean_ranks(frame: pandas.DataFrame) -> pandas.DataFrame:
    """Methods x metrics: the rank on each data set (1 is best, ties share theirs), averaged over data sets.

    frame: rows of `benchmark.load_results()` under one protocol.
    """
    means = frame.groupby(["dataset", "metric", "method"])["value"].mean()
    return means.groupby(["dataset", "metric"]).rank(ascending=False).groupby(["method", "metric"]).mean().unstack()


def incomplete(frame: pandas.DataFrame) -> dict[str, str]:
    """Method -> why it cannot be ranked: the data set that it has fewer images of than others."""
    defined = frame[frame["value"].notna()]
    counts = defined.groupby(["dataset", "metric", "method"])["id"].nunique().unstack(fill_value=0)
    found = {}
    for (dataset, metric), row in counts.iterrows():
        for method in row.index[row < row.max()]:
            found.setdefault(method, f"{row[method]}/{row.max()} images of {dataset} have {metric}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", default="results")
    parser.add_argument("--method", default="mambadfuse")
    parser.add_argument("--sets", default="msrs@test,roadscene@cddfuse50,tno@cddfuse25")
    parser.add_argument("--protocol", default="cddfuse")
    arguments = parser.parse_args()

    try:
        frame = benchmark.load_results(arguments.results)
    except UserError as error:
        parser.error(error.message)
    wanted = arguments.sets.split(",")
    place = frame["dataset"] + "@" + frame["split"]
    frame = frame[place.isin(wanted) & (frame["protocol"] == arguments.protocol) & frame["metric"].isin(metrics.CORE)]
    missing = sorted(set(wanted) - set(place[frame.index]))
    if missing:
        parser.error(f"no scores of {', '.join(missing)} under protocol {arguments.protocol} in {arguments.results}")
    left_out = incomplete(frame)
    ranks = mean_ranks(frame[~frame["method"].isin(left_out)])[list(metrics.CORE)]
    if arguments.method not in ranks.index:
        parser.error(f"{arguments.method}: {left_out.get(arguments.method, 'no scores')}")
    own = ranks.loc[arguments.method]
    ranks.insert(len(ranks.columns), "mean", ranks.mean(axis=1))
    better = (ranks[list(metrics.CORE)] > own).sum(axis=1)
    print(f"| {len(ranks)} methods | " + " | ".join(ranks.columns) + f" | {arguments.method} better on |")
    print("|---|" + "---:|" * (len(ranks.columns) + 1))
    for method in ranks.sort_values("mean").index:
        values = " | ".join(f"{value:.1f}" for value in ranks.loc[method])
        print(f"| {method} | {values} | {'—' if method == arguments.method else better[method]} |")
    for method, why in sorted(left_out.items()):
        print(f"\n{method}: left out, {why}")


if __name__ == "__main__":
    main()
