"""The study of levels, with few simulations: the naive procedures fail where ours hold."""

from studies import null


def numbers(rows) -> dict[tuple[str, ...], list[float]]:
    """name and units -> percents."""
    return {tuple(row[:2]): list(map(float, row[2:])) for row in rows}


def test_equal_methods_are_told_apart_no_more_often_than_stated():
    rows = [("normal", 20), ("neighbours, ρ = 0.5", 50)]
    found = numbers(null.comparisons(60, rows, methods=5))
    naive, best, pairs, *_ = found["neighbours, ρ = 0.5", "50"]
    assert naive > 30 and best <= pairs < 17
    assert max(found["normal", "20"][1:7]) < 17


def test_intervals_hold_the_mean_where_the_bootstrap_does_not():
    found = numbers(null.intervals(80, units=(7,), lengths=(50,)))
    bootstrap, ours = zip(*found.values())
    assert sum(ours) / len(ours) > 91 > 85 > sum(bootstrap) / len(bootstrap)
    assert min(ours) > 85


def test_changes_and_detection_run(capsys):
    assert all(0 <= percent <= 25 for row in null.changes(20, units=(10,)) for percent in map(float, row[2:]))
    ((scenes, *percents),) = null.detection(4, scenes=(7,))
    assert scenes == "7" and all(0 <= float(percent) <= 100 for percent in percents)
    lines = list(null.written(["null", "units", "x"], iter([["normal", "7", "1.5"], ["normal", "10", "2.5"]])))
    assert lines == ["| null | units | x |", "| --- | ---: | ---: |", "| normal | 7 | 1.5 |", "| normal | 10 | 2.5 |"]
