"""docs/methods.md does what it says: its files are written and its commands are run, section by section."""

import re
import runpy
import shlex
import sys

import pytest
from harness import ROOT, draw, table

from baselines import contract

PAGE = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
SECTIONS = {part.partition("\n")[0].strip(): part for part in PAGE.split("\n## ")[1:] if "\n$ " in part}
NAMES = {
    "A function": "my_fuser",
    "A network with weights": "Ours",
    "An authors' repository as it is": "Theirs",
    "A folder of images": "Theirs",
}


def commands(section):
    return [shlex.split(line[2:]) for line in section.splitlines() if line.startswith("$ ")]


def test_each_of_the_four_ways_has_an_example():
    assert list(SECTIONS) == list(NAMES)


@pytest.mark.parametrize("title", SECTIONS)
def test_the_page_as_it_stands(tmp_path, monkeypatch, bench, title):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(contract, "_MEMORY_CALLS", (2, 2))  # it has tests of its own
    monkeypatch.setenv("PATH", sys.exec_prefix + "/bin", prepend=":")
    for name in ("BENCH_RESULTS", "BENCH_DATA", "BENCH_WEIGHTS"):
        monkeypatch.delenv(name, raising=False)
    for seed, id in enumerate("abc"):
        draw(tmp_path / "data" / "ir" / f"{id}.png", seed)
        draw(tmp_path / "data" / "vis" / f"{id}.png", 9 + seed)
    for name, code in re.findall(r"```python\n# (\S+)\n(.*?)```", SECTIONS[title], re.DOTALL):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(code)
    for program, *arguments in commands(SECTIONS[title]):
        if program == "python":
            with monkeypatch.context() as context:
                context.syspath_prepend(tmp_path)
                runpy.run_path(arguments[0], run_name="__main__")
            sys.modules.pop("mynet", None)
            continue
        assert program == "bench"
        result = bench(*arguments, *(["--jobs", 0] if arguments[0] in ("run", "eval") else []))
        assert result.exit_code == 0, result.output
        if arguments[0] == "run":
            assert "average" in table(result.stdout) and len(table(result.stdout)) == 1 + ("folder" not in arguments)
        if arguments[0] in ("check", "report"):
            assert NAMES[title] in result.stdout
