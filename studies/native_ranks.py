"""What ranking methods as their authors save them changes: the table of docs/reports.md.

    bench run --dataset roadscene --split cddfuse50 --limit 10 --protocol cddfuse --output raw,native \
        --methods mambadfuse,cddfuse,seafusion,u2fusion,sdnet,mmdrfuse,average,laplacian
    python -m studies.native_ranks --results results --set roadscene@cddfuse50-first10 \
        --methods mambadfuse,cddfuse,seafusion,u2fusion,sdnet,mmdrfuse,average,laplacian

Methods are ranked by their means, by every metric, once with raw and once with native output. Printed are three means
and the mean rank of each method in both, and how many of the ranks differ.
"""

from __future__ import annotations

import argparse

import pandas

import benchmark
import metrics
from benchmark.errors import UserError
from studies.standing import of_output

SHOWN = ("EN", "SD", "SF")  # what a stretch moves most
OUTPUTS = ("raw", "native")


def means_of(frame: pandas.DataFrame, output: str, names: list[str]) -> pandas.DataFrame:
    """Methods x metrics of one output. Raises UserError where a method lacks it."""
    values = of_output(frame, output).groupby(["method", "metric"])["value"].mean().unstack()
    if lacking := [name for name in names if name not in values.index]:
        raise UserError(f"no {output} output of {', '.join(lacking)}")
    return values.loc[names, [name for name in metrics.CORE if name in values.columns]]


def ranks_of(means: pandas.DataFrame) -> pandas.DataFrame:
    """1 is best, ties share theirs: higher values are better by every core metric."""
    return means.rank(ascending=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", default="results")
    parser.add_argument("--set", default="roadscene@cddfuse50-first10")
    parser.add_argument("--methods", required=True)
    parser.add_argument("--protocol", default="cddfuse")
    arguments = parser.parse_args()
    names = arguments.methods.split(",")
    try:
        frame = benchmark.load_results(arguments.results)
        here = (frame["dataset"] + "@" + frame["split"] == arguments.set) & (frame["protocol"] == arguments.protocol)
        means = {output: means_of(frame[here], output, names) for output in OUTPUTS}
    except UserError as error:
        parser.error(error.message)
    ranks = {output: ranks_of(found) for output, found in means.items()}
    heads = [f"{metric} {output}" for metric in SHOWN for output in OUTPUTS]
    print(f"| {len(names)} methods | {' | '.join(heads)} | mean rank raw | mean rank native | ranks that change |")
    print("|---|" + "---:|" * (len(heads) + 3))
    changed = ranks["raw"] != ranks["native"]
    by_rank = ranks["raw"].mean(axis=1)
    for name in sorted(names, key=by_rank.get):
        values = [f"{means[output].loc[name, metric]:.2f}" for metric in SHOWN for output in OUTPUTS]
        values += [f"{ranks[output].loc[name].mean():.1f}" for output in OUTPUTS]
        print(f"| {name} | {' | '.join(values)} | {changed.loc[name].sum()} of {changed.shape[1]} |")
    print(f"\n{changed.to_numpy().sum()} of {changed.size} ranks change.")


if __name__ == "__main__":
    main()
