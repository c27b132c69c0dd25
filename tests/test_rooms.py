"""Who may import whom, what folders say of themselves, and names that no other resembles."""

import ast
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = None

ROOT = Path(__file__).parents[1]
PACKAGES = ("baselines", "benchmark", "metrics")

# Files whose name is what a user types: a command, a section or a format of a report, a method, a metric, a data set.
TYPED = ("benchmark/commands/", "benchmark/report/sections/", "benchmark/report/formats/", "metrics/definitions/")
# The same part of several trainable methods, each in its method's folder.
PARTS = {"losses", "network", "training"}


def lint(config: Path):
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()"]
    return subprocess.run([*command, "--config", config, "--no-cache"], cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def contracts() -> str:
    """The part of pyproject.toml that says who may import whom."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return text[text.index("[tool.importlinter]") :]


def test_rooms_import_only_what_is_below_them(contracts, tmp_path):
    pytest.importorskip("importlinter")
    config = tmp_path / "pyproject.toml"
    config.write_text(contracts, encoding="utf-8")
    found = lint(config)
    assert found.returncode == 0, found.stdout[found.stdout.find("Broken contracts") :]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('    "run",\n    "datasets",\n', '    "datasets",\n    "run",\n', "benchmark.run"),
        ('    "figures",\n', "", "benchmark.figures"),  # a new room must be given its floor
        ('"baselines | metrics"', '"metrics", "benchmark | baselines"', "benchmark"),
    ],
)
def test_another_order_is_refused(contracts, tmp_path, before, after, told):
    pytest.importorskip("importlinter")
    assert before in contracts
    config = tmp_path / "pyproject.toml"
    config.write_text(contracts.replace(before, after), encoding="utf-8")
    found = lint(config)
    assert found.returncode != 0 and told in found.stdout + found.stderr


@pytest.mark.skipif(tomllib is None, reason="tomllib came with Python 3.11")
def test_the_floors_in_the_docs_are_those_that_are_checked(contracts):
    layers = next(
        c["layers"] for c in tomllib.loads(contracts)["tool"]["importlinter"]["contracts"] if c["id"] == "rooms"
    )
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    floors = re.findall(r"^\| (\d+) \| (.+) \|$", page, re.MULTILINE)
    assert [int(number) for number, _ in floors] == list(range(len(layers), 0, -1))
    assert [re.findall(r"`(\w+)`", rooms) for _, rooms in floors] == [layer.split(" | ") for layer in layers]
    entries = {path.stem for path in (ROOT / "benchmark").iterdir() if path.suffix == ".py" or is_package(path)}
    assert entries - {"__init__"} == {room for layer in layers for room in layer.split(" | ")}
    drawn = page[page.index("```mermaid") : page.index("Who may import whom")]
    rooms = {path.name for path in (ROOT / "benchmark").iterdir() if is_package(path)}
    assert rooms - {"commands"} == {name for name in rooms if f"<b>{name}</b>" in drawn}


def is_package(path: Path) -> bool:
    return (path / "__init__.py").is_file()


def modules() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def test_every_folder_says_what_lives_there():
    for path in modules():
        if path.name == "__init__.py":
            assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path


def test_every_room_says_what_it_imports():
    grimp = pytest.importorskip("grimp")
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    rooms = {path.name for path in (ROOT / "benchmark").iterdir() if is_package(path)}
    for room in rooms - {"commands"}:
        imported = set()
        for module in (f"benchmark.{room}", *graph.find_descendants(f"benchmark.{room}")):
            for name in graph.find_modules_directly_imported_by(module):
                package, _, inner = name.partition(".")
                imported.add(inner.partition(".")[0] if package == "benchmark" else package)
        imported = (imported & (rooms | {"baselines", "metrics"})) - {room}
        text = ast.get_docstring(ast.parse((ROOT / "benchmark" / room / "__init__.py").read_text(encoding="utf-8")))
        sentence = re.search(r"Rests on [^.]*", text)[0]
        assert set(re.findall(r"`(\w+)`", sentence)) == imported, room


def test_no_two_modules_share_a_name():
    places = defaultdict(list)
    for path in modules():
        place = path.relative_to(ROOT).as_posix()
        if path.name != "__init__.py" and not place.startswith(TYPED):
            places[path.stem].append(place)
    twice = {stem: found for stem, found in places.items() if len(found) > 1}
    for part in PARTS:
        inside = [place for place in twice.get(part, ()) if place.count("/") == 2 and place.startswith("baselines/")]
        if len(twice.get(part, ())) - len(inside) <= 1:
            twice.pop(part, None)
    assert not twice
    folders = {path.parent.name for path in modules() if path.name == "__init__.py"} - set(PACKAGES)
    alike = {(stem, folder) for stem in places for folder in folders if stem.rstrip("s") == folder.rstrip("s")}
    assert alike <= {("training", "training")}  # a method's part, for the room of that name
