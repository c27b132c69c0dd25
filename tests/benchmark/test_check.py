"""`bench check`: what keeps the contract, what breaks it, what cannot be checked."""

import pytest

FUSERS = """
def fine(ir, vis):
    return (ir + vis) / 2

def even(ir, vis):
    if ir.shape[0] % 2:
        raise ValueError("even sides only")
    return ir
"""


@pytest.fixture
def fusers(pairs):
    (pairs / "fusers.py").write_text(FUSERS)
    return pairs


def test_a_good_method(fusers, bench):
    result = bench("check", "fusers.py:fine,average")
    assert result.exit_code == 0, result.output
    assert "fine on cpu" in result.stdout and "average on cpu" in result.stdout
    assert "failed" not in result.stdout
    assert len([line for line in result.stdout.splitlines() if line.rstrip().endswith("ok")]) >= 2 * 8


def test_a_method_with_faults(fusers, bench):
    result = bench("check", "fusers.py:even")
    assert result.exit_code == 1
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("sizes")]
    assert line.rstrip().endswith("failed: 23x17: ValueError: even sides only (fusers.py, line 7)")
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("flat images")]
    assert line.rstrip().endswith("ok")


def test_what_cannot_be_checked(fusers, bench, gain):
    result = bench("check", "gain")
    assert result.exit_code == 1
    assert "gain: cannot be checked: no checkpoint gain/gain.txt" in result.stderr
    (gain / "gain" / "gain.txt").write_text("no number")
    result = bench("check", "gain", "--weights-root", gain)
    assert result.exit_code == 1
    assert "holds no number" in result.stderr
    assert bench("check", "fine").exit_code == 2
    assert bench("check").exit_code == 2


def test_random_methods_are_seeded_as_in_a_run(bench, gain):
    """`gain` adds noise."""
    result = bench("check", "gain", "--weights-root", gain)
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("deterministic")]
    assert line.rstrip().endswith("ok")
