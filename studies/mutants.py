"""Mutation testing: one small mistake at a time is put into the code, and the tests must notice it.

    python -m studies.mutants --work DIR                       # 34 mutants of each area; half an hour on one core
    python -m studies.mutants --work DIR --areas store --seed 1
    python -m studies.mutants --work DIR --again               # the survivors once more, after tests were written

Works in DIR/tree, a copy of the repository. Each test of an area is measured once: which lines it reaches, and for how
long it runs (DIR/reach.json, anew where the file of the test changes). A mutant is tried on the tests that reach its
line (that of a constant: any line of its file), the quickest first, until one fails. Outcomes are appended to
DIR/mutants.jsonl; a run that is started again goes on where it was stopped. Printed are the table of
docs/architecture.md and all that survived.

A sample is drawn by the hash of each mutant and the seed: code that is added elsewhere leaves it as it is. Mutants
that change nothing which anybody could see stand in studies/equivalent_mutants.yaml, each with the reason.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import contextlib
import copy
import hashlib
import importlib.util
import itertools
import json
import multiprocessing
import os
import re
import shutil
import signal
import sys
import time
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.store import files

ROOT = Path(__file__).resolve().parents[1]
EQUIVALENT = Path(__file__).with_name("equivalent_mutants.yaml")
# Tests and code rest on these. Imported once here, they are there in every process that runs tests.
HEAVY = ("click", "cv2", "hypothesis", "numpy", "pandas", "PIL.Image", "pytest", "scipy.stats", "torch", "yaml")
IGNORED = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "*.egg-info", "build")


@dataclass(frozen=True)
class Area:
    """Code, and the tests that are meant to notice mistakes in it: patterns of files.

    elsewhere: those of the tests that reach the code in processes of their own, where lines are not seen.
    """

    code: tuple[str, ...]
    tests: tuple[str, ...]
    elsewhere: tuple[str, ...] = ()


BENCH = "tests/benchmark/test_"
AREAS = {
    "definitions": Area(
        ("metrics/definitions/*.py",),
        ("tests/metrics/test_*.py", "tests/calibration/test_metric_goldens.py"),
        ("tests/metrics/test_kernel.py",),
    ),
    "metrics": Area(
        ("metrics/*.py",),
        ("tests/metrics/test_*.py", "tests/calibration/test_metric_goldens.py"),
        ("tests/metrics/test_kernel.py",),
    ),
    "statistics": Area(
        ("benchmark/inference.py", "benchmark/statistics.py"),
        tuple(f"{BENCH}{name}.py" for name in ("statistics", "report_tables", "report_worst", "compare")),
    ),
    "detection": Area(
        tuple(
            f"benchmark/detection/{name}.py"
            for name in ("differences", "division", "jackknife", "outcome", "precision")
        ),
        (f"{BENCH}detection_*.py", f"{BENCH}report_detection.py"),
    ),
    "store": Area(
        ("benchmark/store/*.py",),
        tuple(f"{BENCH}{name}.py" for name in ("store", "told", "report_tables", "provenance")),
    ),
    "datasets": Area(
        ("benchmark/datasets/*.py",),  # not synth/: any change of it changes the hashes of what is drawn
        tuple(
            f"{BENCH}{name}.py"
            for name in ("datasets", "data_leak", "detection_data", "name_matching", "partial_sets", "textfiles")
        ),
    ),
    "imaging": Area(
        tuple(f"benchmark/imaging/{name}.py" for name in ("bt601", "oddities", "raw_values", "reading", "saving")),
        tuple(f"{BENCH}{name}.py" for name in ("reading", "stretched_reading", "told", "formats", "tiff")),
    ),
}


@dataclass(frozen=True)
class Mutant:
    """One change of one file.

    start, end: the bytes that `text` takes the place of. lines: those of the statement. before, after: the lines that
    change, as one. count: which one it is of several that read alike. at_import: whether the statement runs when the
    file is imported, not when a test calls something.
    """

    file: str
    operator: str
    start: int
    end: int
    text: str
    lines: range
    before: str
    after: str
    count: int
    at_import: bool

    @property
    def key(self) -> str:
        return f"{self.file}: {self.before} -> {self.after}" + (f" ({self.count})" if self.count else "")

    def of(self, source: bytes) -> bytes:
        """The file with the mistake in it."""
        return source[: self.start] + self.text.encode() + source[self.end :]


# What one kind of node can be mistaken for.
COMPARED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
ARITHMETIC = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}  # fmt: skip
CALLED = {
    "min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum", "any": "all", "all": "any",
    "mean": "median", "floor": "ceil", "ceil": "floor", "rint": "floor", "round": "floor", "argmax": "argmin",
    "argmin": "argmax", "flatnonzero": "nonzero", "nanmean": "mean", "startswith": "endswith", "endswith": "startswith",
    "removeprefix": "removesuffix", "removesuffix": "removeprefix", "partition": "rpartition",
    "rpartition": "partition",
}  # fmt: skip
# Calls that may be left out: what is given remains.
BOUNDED = {"min", "max", "minimum", "maximum"}
TRANSPARENT = {"abs", "clip", "sorted", "sqrt", "nan_to_num"}
METHODS = {"strip", "lower", "clip", "copy"}
# Facts for people, and what only bounds how much is kept or done at a time.
IDLE_KEYWORDS = {"year", "maxsize", "description", "help", "timeout", "summary", "indent", "prog"}


def name_of(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def variants(node: ast.AST, parent: ast.AST) -> Iterator[tuple[str, ast.AST | None]]:
    """Mistakes that can be made at a node: what kind each is, and the node in its place, None to leave it out."""

    def changed(**fields) -> ast.AST:
        found = copy.copy(node)
        for name, value in fields.items():
            setattr(found, name, value)
        return found

    def call(name: str) -> ast.Call:
        """The call by another name; numpy's, where neither Python nor arrays have one of that name."""
        if isinstance(node.func, ast.Name) and hasattr(builtins, name):
            return changed(func=ast.Name(name))
        if isinstance(node.func, ast.Attribute) and (name != "median" or name_of(node.func.value) == "np"):
            return changed(func=ast.Attribute(node.func.value, name))
        numpy = ast.Call(ast.Name("__import__"), [ast.Constant("numpy")], [])
        own = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        return changed(func=ast.Attribute(numpy, name), args=[*own, *node.args])

    match node:
        case ast.Compare(ops=ops):
            for k, op in enumerate(ops):
                if other := COMPARED.get(type(op)):
                    yield "comparison", changed(ops=[*ops[:k], other(), *ops[k + 1 :]])
        case ast.BinOp(op=op, right=right) if type(op) in ARITHMETIC and not is_text(node.left) and not is_text(right):
            yield "arithmetic", changed(op=ARITHMETIC[type(op)]())
        case ast.AugAssign(op=op) if type(op) in ARITHMETIC:
            yield "arithmetic", changed(op=ARITHMETIC[type(op)]())
        case ast.Constant(value=bool(value)):
            yield "constant", ast.Constant(not value)
        case ast.Constant(value=int(value)) if not is_sign(parent):
            yield "constant", ast.Constant(value + 1)
            if value:
                yield "constant", ast.Constant(value - 1)
        case ast.Constant(value=float(value)):
            yield "constant", ast.Constant(value * 1.1 if value else 0.1)
        case ast.BoolOp(op=op):
            yield "and, or", changed(op=ast.Or() if isinstance(op, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert(), operand=operand):
            yield "sign", operand
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            yield "sign", ast.UnaryOp(ast.USub(), operand)
        case ast.If(test=test) | ast.IfExp(test=test) if not isinstance(test, ast.Compare | ast.UnaryOp):
            yield "condition", changed(test=ast.UnaryOp(ast.Not(), test))
        case ast.Subscript(slice=ast.Constant(value=0), ctx=ast.Load()):
            yield "first, last", changed(slice=ast.UnaryOp(ast.USub(), ast.Constant(1)))
        case ast.Subscript(slice=ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1)), ctx=ast.Load()):
            yield "first, last", changed(slice=ast.Constant(0))
        case ast.Slice(lower=lower, upper=upper):
            if lower is not None:
                yield "bound", changed(lower=None)
            if upper is not None:
                yield "bound", changed(upper=None)
        case ast.comprehension(ifs=[_, *_] as ifs):
            for k in range(len(ifs)):
                yield "condition", changed(ifs=[*ifs[:k], *ifs[k + 1 :]])
        case ast.DictComp(generators=[first, *others]):
            backwards = copy.copy(first)
            backwards.iter = ast.Call(ast.Name("reversed"), [ast.List([ast.Starred(first.iter)])], [])
            yield "first, last", changed(generators=[backwards, *others])
        case ast.Expr(value=ast.Call()):
            yield "statement", ast.Pass()
        case ast.Raise() | ast.Continue() | ast.Break():
            yield "statement", ast.Pass()
        case ast.Call(func=function, args=args, keywords=keywords):
            name = name_of(function)
            if name in CALLED:
                yield "call", call(CALLED[name])
            if name in BOUNDED and len(args) == 2 and not keywords:
                yield from (("bound", arg) for arg in args if not isinstance(arg, ast.Constant))
            if name in TRANSPARENT and args:
                yield "left out", args[0]
            if name in METHODS and isinstance(function, ast.Attribute) and function.value is not None and not args:
                yield "left out", function.value
            if name == "sorted" and args:
                yield "first, last", ast.Call(ast.Name("reversed"), [ast.Call(ast.Name("sorted"), args, keywords)], [])
            if not isinstance(parent, ast.FunctionDef) and not name.endswith("Card"):  # what a card lacks is an error
                yield from (("keyword", keyword) for keyword in keywords if keyword.arg not in (None, *IDLE_KEYWORDS))


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


def is_sign(parent: ast.AST) -> bool:
    """Whether the constant 1 below is a direction, such as +1, which is mutated by its sign."""
    return isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.UAdd)


def silent(node: ast.AST, parent: ast.AST) -> bool:
    """Whether nothing at or below a node can matter to a result: types, texts, caches, how a file is started."""
    match node:
        case ast.JoinedStr() | ast.Import() | ast.ImportFrom() | ast.arg():
            return True
        case ast.FunctionDef(name="__repr__") | ast.Expr(value=ast.Constant()):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Compare(left=ast.Name(id="__name__"))):
            return True
        case ast.keyword(arg=name) if name in IDLE_KEYWORDS:
            return True
    if isinstance(parent, ast.FunctionDef | ast.ClassDef) and node in parent.decorator_list:
        return name_of(node.func if isinstance(node, ast.Call) else node) in (
            "cache",
            "lru_cache",
            "dataclass",
            "wraps",
        )
    if isinstance(parent, ast.AnnAssign | ast.FunctionDef):
        return node in (getattr(parent, "annotation", None), getattr(parent, "returns", None))
    return isinstance(parent, ast.Call) and isinstance(node, ast.expr) and name_of(parent.func).endswith("Error")


def mutants(file: str, source: bytes) -> list[Mutant]:
    """All mutants of a file, in the order of its text."""
    tree = ast.parse(source)
    starts = [0, *itertools.accumulate(map(len, source.splitlines(keepends=True)))]
    found, seen = [], {}

    def span(node: ast.AST) -> tuple[int, int]:
        return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset

    def visit(node: ast.AST, parent: ast.AST, statement: ast.AST, at_import: bool) -> None:
        if silent(node, parent):
            return
        if isinstance(node, ast.stmt):
            statement = node
        if hasattr(node, "lineno"):
            place = node
        elif isinstance(node, ast.Slice | ast.comprehension):
            place = parent
        else:
            place = None
        for operator, other in variants(node, parent) if place is not None else ():
            found.append(made(operator, node, place, parent, other, statement, at_import))
        for name, value in ast.iter_fields(node):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    inside = isinstance(node, ast.FunctionDef | ast.Lambda) and name == "body"
                    visit(child, node, statement, at_import and not inside)

    def made(operator, node, place, parent, other, statement, at_import) -> Mutant:
        start, end = span(place)
        if node is not place:  # what has no place of its own is written with what it stands in
            whole = copy.deepcopy(place)
            for ours, theirs in zip(ast.walk(place), ast.walk(whole)):
                if ours is node:
                    theirs.__dict__.update(other.__dict__)
            other = whole
        if isinstance(node, ast.If):  # the test alone, so that the body stays as it is
            (start, end), other = span(node.test), other.test
        if isinstance(other, ast.keyword):  # with the comma before or behind it
            start, end, text = *span(other), ""
            behind = re.compile(rb"\s*,\s*").match(source, end)
            before = re.compile(rb"\s*,\s*$").search(source, 0, start)
            start, end = (start, behind.end()) if behind else (before.start() if before else start, end)
        else:
            text = ast.unparse(ast.fix_missing_locations(other))
            if isinstance(other, ast.expr) and not isinstance(other, ast.Constant | ast.Name | ast.Call | ast.Slice):
                text = f"({text})"
        first = source.rfind(b"\n", 0, start) + 1
        last = source.find(b"\n", end)
        last = len(source) if last < 0 else last
        before = " ".join(source[first:last].decode().split())
        after = " ".join((source[first:start] + text.encode() + source[end:last]).decode().split())
        count = seen[before, after] = seen.get((before, after), -1) + 1
        head = statement.body[0].lineno if getattr(statement, "body", None) else statement.end_lineno + 1
        lines = range(statement.lineno, max(head, statement.lineno + 1))
        return Mutant(file, operator, start, end, text, lines, before, after, count, at_import)

    visit(tree, tree, tree, True)
    return found


def sample(sources: dict[str, bytes], count: int, seed: int) -> tuple[list[Mutant], int]:
    """`count` mutants of some files, the same ones for the same seed whatever else there is; and of how many."""
    found = [mutant for file, source in sources.items() for mutant in mutants(file, source)]
    found.sort(key=lambda mutant: hashlib.sha256(f"{seed} {mutant.key}".encode()).digest())
    return list(itertools.islice((m for m in found if differs(m, sources[m.file])), count)), len(found)


def differs(mutant: Mutant, source: bytes) -> bool:
    """Whether a mutant is Python, and not what the source says in other words."""
    with contextlib.suppress(SyntaxError):
        return ast.dump(ast.parse(mutant.of(source))) != ast.dump(ast.parse(source))
    return False


class Reach:
    """A plugin of pytest: which lines of the code each test reaches, and the seconds that it takes. Tests that fail are
    left out."""

    def __init__(self, tree: Path) -> None:
        import coverage

        self.tree, self.found, self.passed = tree, {}, {}
        code, tests = f"{tree}/*", f"{tree}/tests/*"
        self.coverage = coverage.Coverage(data_file=None, include=[code], omit=[tests], config_file=False)

    def __enter__(self) -> Reach:
        import pytest

        class Plugin:
            @staticmethod
            @pytest.hookimpl(hookwrapper=True)
            def pytest_runtest_protocol(item):
                self.coverage.switch_context(item.nodeid)
                start = time.perf_counter()
                yield
                self.found[item.nodeid] = time.perf_counter() - start

            @staticmethod
            def pytest_runtest_logreport(report):
                self.passed[report.nodeid] = self.passed.get(report.nodeid, True) and report.passed

        self.plugin = Plugin
        self.coverage.start()
        return self

    def __exit__(self, *_) -> None:
        self.coverage.stop()

    def tests(self) -> dict:
        """Test -> seconds, and file -> lines."""
        data = self.coverage.get_data()
        tests = {
            id: {"seconds": round(seconds, 3), "lines": {}} for id, seconds in self.found.items() if self.passed.get(id)
        }
        for path in filter(os.path.isfile, data.measured_files()):  # compiled libraries name sources that are not here
            file = Path(path).relative_to(self.tree).as_posix()
            for line, contexts in data.contexts_by_lineno(path).items():
                for context in contexts:
                    if context in tests:
                        tests[context]["lines"].setdefault(file, []).append(line)
        return tests


def measure(tree: Path, test_file: str, out: Path) -> None:
    """Write which tests of a file reach which lines, as JSON. Runs in a process of its own."""
    import pytest

    with Reach(tree) as reach:
        pytest.main([*OPTIONS, test_file], plugins=[reach.plugin])
    out.write_text(json.dumps(reach.tests()), encoding="utf-8")


# Drawn images are the same ones each time; no plugin is loaded that a verdict does not need, which takes a second.
OPTIONS = (
    *("-q", "-rf", "--tb=line", "--no-header", "--disable-warnings", "-p", "no:cacheprovider"),
    *("-p", "_hypothesis_pytestplugin", "--hypothesis-seed=0"),
)


def run_tests(tests: Sequence[str]) -> None:
    """Run tests until one fails, and leave with pytest's exit code. Runs in a process of its own."""
    import pytest

    os._exit(pytest.main([*OPTIONS, "-x", *tests]))


def in_process(work: Callable, arguments: tuple, tree: Path, log: Path, timeout: float) -> int | None:
    """The exit code of `work(*arguments)` in a process that stands in `tree` and imports from there; None after
    `timeout` seconds. What it prints goes to `log`."""

    def child() -> None:
        os.setsid()
        sys.stdout = sys.stderr = open(log, "w", buffering=1)  # noqa: SIM115
        for number in (1, 2):
            os.dup2(sys.stdout.fileno(), number)
        os.chdir(tree)
        sys.path[:] = [str(tree), *(path for path in sys.path if path not in ("", str(ROOT)))]
        for name in [n for n in sys.modules if n.partition(".")[0] in ("baselines", "benchmark", "metrics", "studies")]:
            del sys.modules[name]
        os.environ.update(PYTHONPATH=str(tree), PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
        sys.modules["__main__"] = types.ModuleType("__main__")  # or workers would start by importing this file
        work(*arguments)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(timeout)
    code = process.exitcode
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # what the tests started goes too
    process.join()
    return code


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Study:
    """Mutants of the repository at `root`, tried in the folder `work`."""

    def __init__(self, root: Path, work: Path, areas: dict[str, Area], tries: float = 300) -> None:
        self.root, self.work, self.areas, self.tries = root, work, areas, tries
        self.tree, self.reach_file, self.results = work / "tree", work / "reach.json", work / "mutants.jsonl"
        self.clock = itertools.count(1_000_000_000)

    def prepare(self) -> None:
        """Make the copy of the repository; a copy is never reused, so that no mutant is left in it."""
        shutil.rmtree(self.tree, ignore_errors=True)
        shutil.copytree(self.root, self.tree, ignore=IGNORED)

    def files(self, patterns: Iterable[str]) -> list[str]:
        """The files of the copy that the patterns name, relative to it, sorted."""
        return sorted({path.relative_to(self.tree).as_posix() for p in patterns for path in self.tree.glob(p)})

    def measured(self, area: Area) -> dict[str, dict]:
        """Test -> seconds and lines, of the tests of an area."""
        known = json.loads(self.reach_file.read_text(encoding="utf-8")) if self.reach_file.is_file() else {}
        found = {}
        for file in self.files(area.tests):
            mark = digest(self.tree / file)
            if known.get(file, {}).get("sha256") != mark:
                out = self.work / "measured.json"
                out.unlink(missing_ok=True)
                log = self.work / "measured.log"
                in_process(measure, (self.tree, file, out), self.tree, log, 3600)
                if not out.is_file():
                    raise SystemExit(f"{file} cannot be measured: see {log}")
                tests = json.loads(out.read_text(encoding="utf-8"))
                reached = sorted({name for test in tests.values() for name in test["lines"]})
                sources = {name: digest(self.tree / name) for name in reached}
                known[file] = {"sha256": mark, "sources": sources, "tests": tests}
                files.replace(self.reach_file, json.dumps(known))
            for id, test in known[file]["tests"].items():
                found[id] = {**test, "sources": known[file]["sources"]}
        return found

    def tests_for(self, mutant: Mutant, area: Area, measured: dict[str, dict]) -> list[str]:
        """The tests that reach the mutant, the quickest first, as far as `tries` seconds go."""
        mark, chosen = digest(self.root / mutant.file), {}
        for id, test in measured.items():
            lines = test["lines"].get(mutant.file, ())
            # Where the file is another one than was measured, its lines have moved.
            anywhere = mutant.at_import or test["sources"].get(mutant.file) != mark
            if lines and (anywhere or any(line in mutant.lines for line in lines)):
                chosen[id] = test["seconds"]
        for file in self.files(area.elsewhere):
            chosen |= {id: measured[id]["seconds"] for id in measured if id.partition("::")[0] == file}
        order = sorted(chosen, key=chosen.get)
        spent = itertools.accumulate(chosen[id] for id in order)
        return [id for id, seconds in zip(order, spent) if seconds <= self.tries]

    def attempt(self, mutant: Mutant, tests: Sequence[str], seconds: float) -> tuple[str, str]:
        """Try a mutant: "killed", "timeout" or "survived", and the test that failed."""
        if not tests:
            return "survived", "no test reaches it"
        path, log = self.tree / mutant.file, self.work / "tests.log"
        original = path.read_bytes()
        try:
            self.write(path, mutant.of(original))
            code = in_process(run_tests, (list(tests),), self.tree, log, 30 + 10 * seconds)
        finally:
            self.write(path, original)
        if code is None:
            return "timeout", ""
        if code == 0:
            return "survived", f"{len(tests)} tests"
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        told = [line for line in lines if line.startswith(("FAILED", "ERROR"))] or lines[-1:]
        return "killed", " | ".join(told)[:300]

    def write(self, path: Path, content: bytes) -> None:
        """Each writing has a time of its own, by which Python knows that its compiled file is old."""
        path.write_bytes(content)
        stamp = next(self.clock)
        os.utime(path, (stamp, stamp))

    def outcomes(self) -> dict[str, dict]:
        """Key -> the last outcome of each mutant that was tried."""
        return {line["key"]: line for line in files.read_lines(self.results)}

    def run(self, count: int, seed: int, equivalent: dict[str, str], again: bool = False) -> list[dict]:
        """Try `count` mutants of each area, those that were not tried yet, and `again` those that survived; a row of
        numbers per area.

        equivalent: key -> why a mutant changes nothing; these are counted, not tried.
        """
        self.prepare()
        rows = []
        for name, area in self.areas.items():
            sources = {file: (self.tree / file).read_bytes() for file in self.files(area.code)}
            chosen, generated = sample(sources, count, seed)
            known, measured = self.outcomes(), None
            for mutant in chosen:
                state = known.get(mutant.key, {}).get("state")
                if mutant.key in equivalent or (state and not (again and state == "survived")):
                    continue
                measured = self.measured(area) if measured is None else measured
                tests = self.tests_for(mutant, area, measured)
                state, told = self.attempt(mutant, tests, sum(measured[id]["seconds"] for id in tests))
                line = {"key": mutant.key, "area": name, "operator": mutant.operator, "state": state, "told": told}
                files.append(self.results, line)
                print(f"{state}: {mutant.key}" + (f"  [{told}]" if state != "killed" else ""), flush=True)
            known = self.outcomes()
            same = [m.key for m in chosen if m.key in equivalent]
            states = [known[m.key]["state"] for m in chosen if m.key not in equivalent]
            survived = [m.key for m in chosen if m.key not in equivalent and known[m.key]["state"] == "survived"]
            rows.append(
                {
                    "area": name,
                    "generated": generated,
                    "sampled": len(chosen),
                    "killed": len(states) - len(survived),
                    "survived": survived,
                    "equivalent": same,
                }
            )
        return rows


def table(rows: Sequence[dict]) -> str:
    """The numbers of each area, as Markdown."""
    lines = ["| area | generated | sampled | killed | survived | equivalent |", "|---|---:|---:|---:|---:|---:|"]
    names = ("generated", "sampled", "killed", "survived", "equivalent")
    counts = [[row[n] if isinstance(row[n], int) else len(row[n]) for n in names] for row in rows]
    for row, numbers in zip([*(r["area"] for r in rows), "all"], [*counts, [sum(c) for c in zip(*counts)]]):
        lines.append(f"| {row} | " + " | ".join(map(str, numbers)) + " |")
    return "\n".join(lines)


def read_equivalent(path: Path = EQUIVALENT) -> dict[str, str]:
    """Key of a mutant -> why it changes nothing that anybody could see."""
    import yaml

    return {
        f"{file}: {change['change']}": change["why"]
        for file, changes in yaml.safe_load(path.read_text(encoding="utf-8")).items()
        for change in changes
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="the folder to work in; what was tried is kept there")
    parser.add_argument("--areas", default=",".join(AREAS), help=f"some of {', '.join(AREAS)}")
    parser.add_argument("--count", type=int, default=34, help="mutants of each area")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", action="store_true", help="try those once more that survived")
    parser.add_argument("--tries", type=float, default=300, help="seconds of tests that a mutant is tried on")
    arguments = parser.parse_args()
    chosen = arguments.areas.split(",")
    if wrong := set(chosen) - set(AREAS):
        parser.error(f"unknown area {', '.join(sorted(wrong))}; known: {', '.join(AREAS)}")
    if arguments.count < 1 or arguments.tries <= 0:
        parser.error("--count and --tries are at least 1")
    if arguments.work.resolve().is_relative_to(ROOT):
        parser.error(f"--work {arguments.work}: lies in the repository, which is copied there; name another folder")
    if importlib.util.find_spec("coverage") is None:
        parser.error("the package coverage is needed: pip install -e '.[dev]'")
    arguments.work.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for name in HEAVY:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    study = Study(ROOT, arguments.work.resolve(), {name: AREAS[name] for name in chosen}, arguments.tries)
    rows = study.run(arguments.count, arguments.seed, read_equivalent(), arguments.again)
    print(table(rows))
    for key in itertools.chain.from_iterable(row["survived"] for row in rows):
        print(f"survived: {key}")


if __name__ == "__main__":
    main()
