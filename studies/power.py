"""How large a difference must be for tests of all pairs to show it: the table of docs/reports.md.

    python -m studies.power --repeats 200

Draws methods of which all but one are equal in truth. The other one is ahead by a number of standard deviations of the
difference between two methods. Printed is how often it is shown to differ from another one, in percent.
"""

from __future__ import annotations

import argparse

import numpy as np

from benchmark import statistics
from benchmark.statistics import Scores

UNITS = (7, 10, 15, 20, 30, 50, 100)
AHEAD = (0.5, 1, 2, 3)


def shown(rng: np.random.Generator, methods: int, units: int, ahead: float, repeats: int) -> float:
    """Return how often the method that is ahead is shown to differ from another one, in percent. ahead: in standard
    deviations of the difference."""
    ids = tuple(f"{i:04d}" for i in range(units))  # each a scene of its own, so that no neighbours are alike
    found = []
    for _ in range(repeats):
        values = rng.normal(size=(methods, 1, units)) / np.sqrt(2)
        values[0] += ahead
        drawn = Scores(tuple(f"m{i}" for i in range(methods)), {"M": 1}, ids, values, ids)
        found.append((statistics.pairwise(drawn, "M")[0, 1:] < statistics.ALPHA).mean())
    return 100 * float(np.mean(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    print("| methods | ahead by | " + " | ".join(f"{units} units" for units in UNITS) + " |")
    print("|---:|---:|" + "---:|" * len(UNITS))
    for methods in (8, 16):
        for ahead in AHEAD:
            cells = [f"{shown(rng, methods, units, ahead, arguments.repeats):.0f}" for units in UNITS]
            print(f"| {methods} | {ahead:g} sd | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
