"""Mutation testing: which mistakes are made, and that a test which notices them is told from one which does not."""

import json
import subprocess
import sys

import pytest

from studies import mutants

pytest.importorskip("coverage", reason="needs the extra 'dev'")

CODE = """
def size(x):
    return abs(x)


def opposite(x):
    return -x


def never_called(x):
    return not x
"""
STRONG = """
from tiny.code import opposite, size

def test_values():
    assert [size(x) for x in (0, 1, -9.5)] == [0, 1, 9.5]
    opposite(3)
"""
WEAK = """
from tiny.code import opposite, size

def test_values():
    assert size(5) == 5
    opposite(3)

def test_that_fails_anyway():
    assert size(-5) == 6
"""


def changes(line: str) -> set[str]:
    """What the mutants of one line of code make of it."""
    return {mutant.after for mutant in mutants.mutants("a.py", line.encode()) if mutants.differs(mutant, line.encode())}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a < b", {"(a <= b)"}),
        ("a + b * c", {"(a - b * c)", "a + (b / c)"}),
        ("x = 3", {"x = 4", "x = 2"}),
        ("x = 0.5", {"x = 0.55"}),
        ("a and not b", {"(a or not b)", "a and b"}),
        ("f(x, key=y)", {"pass", "f(x)"}),
        ("f(key=y, more=z).g", {"f(more=z).g", "f(key=y).g"}),
        ("x[0] = y[0]", {"x[1] = y[0]", "x[0] = y[1]", "x[0] = (y[-1])"}),
        ("x = y[a:b]", {"x = y[:b]", "x = y[a:]"}),
        ("x = min(a, b)", {"x = max(a, b)", "x = a", "x = b"}),
        ("x = np.rint(a)", {"x = np.floor(a)"}),
        ("x = a.mean(axis=k)", {"x = __import__('numpy').median(a, axis=k)", "x = a.mean()"}),
        ("x = abs(a)", {"x = a"}),
        ("x = sorted(a)", {"x = a", "x = reversed(sorted(a))"}),
        ("x = {k: v for k, v in y}", {"x = ({k: v for k, v in reversed([*y])})"}),
        ("x = [k for k in y if k.z]", {"x = ([k for k in y])"}),
        ("def f(x: int = 1) -> int: raise ValueError(2)", {
            "def f(x: int = 2) -> int: raise ValueError(2)",
            "def f(x: int = 0) -> int: raise ValueError(2)",
            "def f(x: int = 1) -> int: pass",
        }),
        ("@cache(maxsize=8)\ndef f(): 'text 1'", set()),
        ("x = f'{a + 1}' + 'b'", set()),
    ],
)  # fmt: skip
def test_what_is_mistaken_for_what(line, expected):
    assert changes(line) == expected


def test_a_sample_does_not_depend_on_other_code():
    one, other = b"x = 1\ny = a < b\n", b"z = c + d\nx = 1\n\ny = a < b\n"
    chosen, total = mutants.sample({"a.py": one}, 2, seed=0)
    more, _ = mutants.sample({"a.py": other}, 10, seed=0)
    assert (len(chosen), total) == (2, 3)
    assert [m.key for m in more if "z" not in m.key][:2] == [m.key for m in chosen]
    orders = [[m.key for m in mutants.sample({"a.py": other}, 10, seed=k)[0]] for k in range(5)]
    assert len(set(map(tuple, orders))) > 1


SAME = "tiny/code.py: return -x -> return x"
RUN = """
import json, sys
from pathlib import Path
from studies.mutants import Area, Study, table
here, tests, same, again = Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4] == "again"
study = Study(here / "root", here / "work", {"tiny": Area(("tiny/*.py",), (f"tests/test_{tests}.py",))})
rows = study.run(99, 0, {same: "for the sake of the test"}, again)
print(json.dumps([rows[0], table(rows), study.outcomes()]))
"""


@pytest.fixture
def try_on(tmp_path):
    """Try all mutants of a repository with one file on "strong" or "weak" tests, in a process that forks. Return what
    is printed, the row of numbers, the table and the outcomes."""
    for name, text in (("tiny/code.py", CODE), ("tests/test_strong.py", STRONG), ("tests/test_weak.py", WEAK)):
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).write_text(text)
    (tmp_path / "work").mkdir()

    def call(tests: str, again: str = "") -> tuple[list[str], dict, str, dict]:
        command = [sys.executable, "-c", RUN, tmp_path, tests, SAME, again]
        done = subprocess.run(command, cwd=mutants.ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        *told, found = done.stdout.splitlines()
        return told, *json.loads(found)

    return call


@pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")
def test_tests_that_notice_are_told_from_tests_that_do_not(try_on, tmp_path):
    told, row, _, _ = try_on("weak")
    survived = {"tiny/code.py: return abs(x) -> return x", "tiny/code.py: return not x -> return x"}
    assert (row["generated"], row["sampled"], row["killed"]) == (3, 3, 0)
    assert (set(row["survived"]), row["equivalent"]) == (survived, [SAME])
    assert "survived: tiny/code.py: return not x -> return x  [no test reaches it]" in told

    told, row, table, outcomes = try_on("strong", "again")
    assert row["survived"] == ["tiny/code.py: return not x -> return x"]
    assert table.splitlines()[-1] == "| all | 3 | 3 | 1 | 1 | 1 |"
    found = outcomes["tiny/code.py: return abs(x) -> return x"]
    assert found["state"] == "killed" and found["told"].startswith("FAILED tests/test_strong.py::test_values")

    with open(tmp_path / "work" / "mutants.jsonl", "a", encoding="utf-8") as file:
        file.write('{"key": "torn by a ki')
    told, again, _, _ = try_on("strong")
    assert told == [] and again == row, "what was tried is not tried again"
    assert (tmp_path / "root" / "tiny" / "code.py").read_text() == CODE


def test_every_equivalent_mutant_is_still_one_of_the_code():
    """An entry that names no mutant says nothing, and its reason may be of code that is gone."""
    known = mutants.read_equivalent()
    files = {key.partition(": ")[0] for key in known}
    made = {m.key for file in files for m in mutants.mutants(file, (mutants.ROOT / file).read_bytes())}
    assert set(known) <= made
    assert all(why.strip() for why in known.values())
