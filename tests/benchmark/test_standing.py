"""Mean ranks over data sets, as `benchmarks/standing.py` prints them."""

import numpy as np
import pandas
import pytest

from benchmarks.standing import incomplete, mean_ranks


def frame(values: dict[str, dict[str, list[float]]]) -> pandas.DataFrame:
    """data set -> method -> scores of its images."""
    rows = [
        (dataset, method, "VIF", str(i), value)
        for dataset, methods in values.items()
        for method, scores in methods.items()
        for i, value in enumerate(scores)
    ]
    return pandas.DataFrame(rows, columns=["dataset", "method", "metric", "id", "value"])


def test_ranks_are_of_means_on_each_set_and_averaged_over_sets():
    ranks = mean_ranks(
        frame(
            {
                "one": {"a": [0.9, 0.1], "b": [0.6, 0.6], "c": [0.2, 0.2]},  # a 0.5, b 0.6, c 0.2
                "two": {"a": [3.0], "b": [1.0], "c": [1.0]},  # b and c share ranks 2 and 3
            }
        )
    )["VIF"]
    assert ranks.to_dict() == pytest.approx({"a": 1.5, "b": 1.75, "c": 2.75})


def test_a_method_that_lacks_a_score_is_told():
    lacking = incomplete(frame({"one": {"a": [1.0, 2.0], "b": [1.0, np.nan]}, "two": {"a": [1.0], "b": [1.0]}}))
    assert lacking == {"b": "1/2 images of one have VIF"}
