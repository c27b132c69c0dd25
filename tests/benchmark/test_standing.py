"""Mean ranks over data sets, as `studies/standing.py` prints them."""

from pathlib import Path

import numpy as np
import pandas
import pytest

from studies import native_ranks, standing

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


@pytest.mark.parametrize(("output", "tables"), [("native", TABLES), ("raw", TABLES[:1])])
def test_the_tables_of_the_training_page_follow_from_the_reference_tables(monkeypatch, capsys, output, tables):
    monkeypatch.setattr("sys.argv", ["standing", "--output", output, *tables])
    standing.main()
    table = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert "\n".join(table) in (ROOT / "docs" / "training.md").read_text(encoding="utf-8")


FRAME = pandas.DataFrame(
    [
        ("one", "same", "raw", 1.0),
        ("one", "other", "raw", 2.0),
        ("one", "other+native", "native", 3.0),
        ("one", "theirs", "", 4.0),
        ("two", "other", "raw", 5.0),
        ("two", "other+minmax", "minmax", 6.0),
    ],
    columns=["dataset", "method", "output", "value"],
).assign(split="s", protocol="cddfuse", metric="SD", n=1, mean=lambda frame: frame["value"])


@pytest.mark.parametrize(
    ("output", "left"),
    [
        ("raw", {("one", "same"): 1, ("one", "other"): 2, ("one", "theirs"): 4, ("two", "other"): 5}),
        ("native", {("one", "same"): 1, ("one", "other"): 3, ("one", "theirs"): 4}),
    ],
)
def test_one_output_is_ranked(output, left, tmp_path):
    """A raw row is the native one only of methods that have no native row anywhere."""
    found = standing.of_output(FRAME, output).set_index(["dataset", "method"])["value"]
    assert found.to_dict() == left
    FRAME.to_csv(tmp_path / "table.csv")
    means, counts = standing.read_tables([str(tmp_path / "table.csv")], "cddfuse", output)
    assert means.droplevel("metric").to_dict() == left and len(counts) == len(left)


def test_ranks_that_change_between_outputs(monkeypatch, capsys):
    values = {"a": ("raw", [3, 1]), "a+native": ("native", [5, 1]), "b": ("raw", [4, 2]), "c": ("raw", [1, 0])}
    rows = [
        (*place, metric, value)
        for (*place, scores) in [("r", "s", name, "cddfuse", output, v) for name, (output, v) in values.items()]
        for metric, value in zip(("SD", "EN"), scores)
    ]
    frame = pandas.DataFrame(rows, columns=["dataset", "split", "method", "protocol", "output", "metric", "value"])
    monkeypatch.setattr(native_ranks.benchmark, "load_results", lambda folder: frame)
    monkeypatch.setattr(native_ranks, "SHOWN", ("SD",))
    monkeypatch.setattr("sys.argv", ["native_ranks", "--set", "r@s", "--methods", "a,b,c"])
    native_ranks.main()
    assert capsys.readouterr().out.splitlines()[2:] == [
        "| b | 4.00 | 4.00 | 1.0 | 1.5 | 1 of 2 |",
        "| a | 3.00 | 5.00 | 2.0 | 1.5 | 1 of 2 |",
        "| c | 1.00 | 1.00 | 3.0 | 3.0 | 0 of 2 |",
        "",
        "2 of 6 ranks change.",
    ]
    monkeypatch.setattr("sys.argv", ["native_ranks", "--set", "r@s", "--methods", "a,d"])
    with pytest.raises(SystemExit, match="2"):
        native_ranks.main()
    assert "no raw output of d" in capsys.readouterr().err


def test_what_is_no_table_is_one_line(monkeypatch, capsys, tmp_path):
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    for file in ("nowhere.csv", "other.csv"):
        monkeypatch.setattr("sys.argv", ["standing", str(tmp_path / file)])
        with pytest.raises(SystemExit, match="2"):
            standing.main()
        assert "not a table of bench report --format csv" in capsys.readouterr().err.splitlines()[-1]
