"""Where a method stands among others over several data sets: the table of docs/training.md.

    python -m studies.standing --results RESULTS --method mambadfuse \
        --sets msrs@test,roadscene@cddfuse50,tno@cddfuse25
    python -m studies.standing results/reference/{tno,roadscene,msrs}_*.csv

For every metric the methods are ranked by their mean score on each data set, and these ranks are averaged over the
sets. Printed are the mean ranks, and for each other method on how many metrics METHOD has the better one. One output is
ranked, `--output raw` or `native`. Methods that lack an image of a set are told and left out, simple baselines
unless `--rank-baselines` is given. FILES are tables of `bench report --format csv`.
"""

from __future__ import annotations

import argparse

import pandas

import benchmark
import metrics
from benchmark.errors import UserError
from benchmark.store.summary import NAIVE


def mean_ranks(means: pandas.Series) -> pandas.DataFrame:
    """Methods x metrics: the rank on each data set (1 is best, ties share theirs), averaged over data sets.

    means: mean scores by data set, metric and method.
    """
    return means.groupby(["dataset", "metric"]).rank(ascending=False).groupby(["method", "metric"]).mean().unstack()


def incomplete(counts: pandas.Series) -> dict[str, str]:
    """Method -> why it cannot be ranked: the data set that it has fewer images of than others.

    counts: of the images for which the metric is defined, by data set, metric and method.
    """
    found = {}
    for (dataset, metric), row in counts.unstack(fill_value=0).astype(int).iterrows():
        for method in row.index[row < row.max()]:
            found.setdefault(method, f"{row[method]}/{row.max()} images of {dataset} have {metric}")
    return found


def of_output(frame: pandas.DataFrame, output: str) -> pandas.DataFrame:
    """The rows to rank, under plain names: of each method and place the one saved as `output` or, where the method's
    native output is the same, the raw one. Images from elsewhere, whose output is empty, are taken as they are.

    A raw row is the native one, too, unless some place has a native row of the method.
    """
    suffix = f"+{output}"
    if output == "native":
        apart = frame.loc[frame["output"] == "native", "method"].str.removesuffix(suffix).unique()
        same = (frame["output"] == "raw") & ~frame["method"].isin(apart)
    else:
        same = False
    frame = frame[(frame["output"] == output) | (frame["output"] == "") | same]
    return frame.assign(method=frame["method"].str.removesuffix(suffix))


def read_tables(files: list[str], protocol: str, output: str) -> tuple[pandas.Series, pandas.Series]:
    """Means and counts from tables of `bench report --format csv`."""
    frame = pandas.concat([pandas.read_csv(file) for file in files])
    frame = of_output(frame.assign(output=frame["output"].fillna("")), output)
    frame = frame[(frame["protocol"] == protocol) & frame["metric"].isin(metrics.CORE)]
    frame = frame.set_index(["dataset", "metric", "method"])
    return frame["mean"], frame["n"]


def read_results(folder: str, sets: list[str], protocol: str, output: str) -> tuple[pandas.Series, pandas.Series]:
    """Means and counts from a folder of results; raises UserError where it has none of a set."""
    frame = of_output(benchmark.load_results(folder), output)
    place = frame["dataset"] + "@" + frame["split"]
    frame = frame[place.isin(sets) & (frame["protocol"] == protocol) & frame["metric"].isin(metrics.CORE)]
    missing = sorted(set(sets) - set(place[frame.index]))
    if missing:
        raise UserError(f"no scores of {', '.join(missing)} under protocol {protocol}, {output} output, in {folder}")
    values = frame.groupby(["dataset", "metric", "method"])["value"]
    return values.mean(), values.count()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", metavar="FILES")
    parser.add_argument("--results", default="results")
    parser.add_argument("--method", default="mambadfuse")
    parser.add_argument("--sets", default="msrs@test,roadscene@cddfuse50,tno@cddfuse25")
    parser.add_argument("--protocol", default="cddfuse")
    parser.add_argument("--output", choices=["raw", "native"], default="raw")
    parser.add_argument("--rank-baselines", action="store_true")
    arguments = parser.parse_args()

    try:
        if arguments.files:
            means, counts = read_tables(arguments.files, arguments.protocol, arguments.output)
        else:
            means, counts = read_results(
                arguments.results, arguments.sets.split(","), arguments.protocol, arguments.output
            )
    except UserError as error:
        parser.error(error.message)
    except (OSError, ValueError, KeyError) as error:
        parser.error(f"not a table of bench report --format csv: {error}")
    if not arguments.rank_baselines:
        means, counts = (one[~one.index.isin(NAIVE, level="method")] for one in (means, counts))
    left_out = incomplete(counts)
    ranks = mean_ranks(means[~means.index.isin(left_out, level="method")])[list(metrics.CORE)]
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
