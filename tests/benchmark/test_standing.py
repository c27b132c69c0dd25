"""Mean ranks over data sets, as `studies/standing.py` prints them."""

from pathlib import Path

import numpy as np
import pandas
import pytest

from studies import standing

ROOT = Path(__file__).parents[2]
TABLES = [
    str(ROOT / "results" / "reference" / name)
    for name in ("tno_cddfuse25.csv", "roadscene_cddfuse50.csv", "msrs_test_60_pairs.csv")
]


def scores(values: dict[str, dict[str, list[float]]]) -> tuple[pandas.Series, pandas.Series]:
    """Means and counts of data set -> method -> scores of its images."""
    rows = [
        (dataset, "VIF", method, value)
        for dataset, methods in values.items()
        for method, of_images in methods.items()
        for value in of_images
    ]
    frame = pandas.DataFrame(rows, columns=["dataset", "metric", "method", "value"])
    grouped = frame.groupby(["dataset", "metric", "method"])["value"]
    return grouped.mean(), grouped.count()


def test_ranks_are_of_means_on_each_set_and_averaged_over_sets():
    means, _ = scores(
        {
            "one": {"a": [0.9, 0.1], "b": [0.6, 0.6], "c": [0.2, 0.2]},  # a 0.5, b 0.6, c 0.2
            "two": {"a": [3.0], "b": [1.0], "c": [1.0]},  # b and c share ranks 2 and 3
        }
    )
    assert standing.mean_ranks(means)["VIF"].to_dict() == pytest.approx({"a": 1.5, "b": 1.75, "c": 2.75})


def test_a_method_that_lacks_a_score_is_told():
    _, counts = scores({"one": {"a": [1.0, 2.0], "b": [1.0, np.nan]}, "two": {"a": [1.0], "b": [1.0], "c": [1.0]}})
    assert standing.incomplete(counts) == {
        "b": "1/2 images of one have VIF",
        "c": "0/2 images of one have VIF",
    }


def test_the_table_of_the_training_page_follows_from_the_reference_tables(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["standing", *TABLES])
    standing.main()
    table = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert "\n".join(table) in (ROOT / "docs" / "training.md").read_text(encoding="utf-8")


def test_what_is_no_table_is_one_line(monkeypatch, capsys, tmp_path):
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    for file in ("nowhere.csv", "other.csv"):
        monkeypatch.setattr("sys.argv", ["standing", str(tmp_path / file)])
        with pytest.raises(SystemExit, match="2"):
            standing.main()
        assert "not a table of bench report --format csv" in capsys.readouterr().err.splitlines()[-1]
