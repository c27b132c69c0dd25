"""`bench` in a folder of the user's that holds modules called as ours, as Python's and as a library's."""

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from importlib.util import find_spec
from pathlib import Path

import pytest
from harness import ROOT, table

from benchmark.run import spawning

OURS = ("metrics", "baselines", "benchmark")
OTHERS = ("torch", "numpy", "click")
if sys.version_info >= (3, 11):  # Python 3.10 looks for its own modules in the current folder
    OTHERS += ("random", "queue", "statistics", "signal")

# Their own all have a VALUE, and nothing else.
MINE = f"""
import {", ".join(OURS)}
def mine(ir, vis):
    import {", ".join(OTHERS)}
    return ir * ({" + ".join(f"{name}.VALUE" for name in OURS + OTHERS)}) / {len(OURS + OTHERS)}
"""
CONSOLE = """import sys
from mmif_bench import main
if __name__ == "__main__":
    sys.exit(main())
"""  # as pip writes it
RUN = ("run", "--methods", "./mine.py,ir", "--limit", "1", "--metrics", "EN,SD", "--jobs", "2")


@pytest.fixture
def theirs(tmp_path) -> Path:
    """A folder with a method, and with modules of those names."""
    for name in OURS + OTHERS:
        (tmp_path / f"{name}.py").write_text("VALUE = 1\n")
    (tmp_path / "mine.py").write_text(MINE)
    return tmp_path


def call(folder: Path, *command, path=(ROOT,), **environment) -> subprocess.CompletedProcess:
    """Run a command in `folder`. path: of modules, before those that are installed."""
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONSAFEPATH")}
    kept |= {"PYTHONPATH": os.pathsep.join(map(str, path))} if path else {}
    kept["TMPDIR"] = str(folder)  # where the lock is that has a profile wait for other tests
    command = [str(word) for word in command]
    return subprocess.run(command, cwd=folder, env={**kept, **environment}, capture_output=True, text=True, timeout=250)


def is_scored(done: subprocess.CompletedProcess) -> None:
    """Their method saw its neighbours, and our workers our metrics."""
    assert done.returncode == 0 and "failed" not in done.stderr, done.stderr[-3000:]
    rows = table(done.stdout)
    values = {name: [re.sub("[¹²]", "", entry) for entry in row] for name, row in rows.items()}
    assert [*values] == ["mine", "ir"] and values["mine"] == values["ir"]


@pytest.mark.parametrize("path", [("", ROOT), (ROOT,)], ids=["on the path", "in the folder"])
def test_the_console_script(theirs, path):
    """An empty entry of PYTHONPATH is the current folder. Python itself could not start with their `random` in it."""
    (theirs / "bin").mkdir()
    (theirs / "bin" / "bench").write_text(CONSOLE)
    if "" in path:
        for name in OTHERS:
            (theirs / f"{name}.py").unlink()
        (theirs / "mine.py").write_text("import metrics\ndef mine(ir, vis):\n    return ir * metrics.VALUE\n")
    is_scored(call(theirs, sys.executable, theirs / "bin" / "bench", *RUN, path=path))


def test_the_module_by_our_own_name(theirs):
    is_scored(call(theirs, sys.executable, "-m", "mmif_bench", *RUN))


def test_the_module_by_a_name_that_others_may_have(theirs):
    """`python -m benchmark.cli` starts their benchmark.py, if there is one."""
    for name in ("benchmark", *OTHERS):
        (theirs / f"{name}.py").unlink()
    (theirs / "click.py").write_text("raise RuntimeError")
    (theirs / "mine.py").write_text("import metrics\ndef mine(ir, vis):\n    return ir * metrics.VALUE\n")
    is_scored(call(theirs, sys.executable, "-m", "benchmark.cli", *RUN))


def test_the_folder_of_the_suite_itself(tmp_path):
    """`python -m` finds the packages where it is called, as in a clone without an installation."""
    for module in ("mmif_bench", "benchmark.cli"):
        done = call(ROOT, sys.executable, "-m", module, "--version", path=())
        assert done.returncode == 0 and done.stdout.startswith("mmif-bench"), done.stderr


@pytest.mark.slow
def test_what_a_profile_measures(theirs):
    """In a process that sees ours, and in which their commands find what they find elsewhere."""
    (theirs / "copy.txt").write_text(
        "import os, shutil, sys\nfrom metrics import VALUE\n"
        "assert not {'PYTHONSAFEPATH', 'PYTHONPATH'} & {*os.environ}\nshutil.copy(sys.argv[1], sys.argv[3])\n"
    )
    for name in OTHERS:
        (theirs / f"{name}.py").unlink()
    shutil.copy(theirs / "copy.txt", theirs / "theirs.py")
    bin = theirs / "bin"
    bin.mkdir()
    (bin / "bench").write_text(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{CONSOLE}")
    (theirs / "mine.py").write_text("import metrics\ndef mine(ir, vis):\n    return ir * metrics.VALUE\n")
    methods = f"./mine.py,theirs=cmd:'{sys.executable}' theirs.py {{ir}} {{vis}} {{out}}"
    measure = ("profile", "--methods", methods, "--size", "64x64", "--device", "cpu", "--threads", "1")
    done = call(theirs, sys.executable, bin / "bench", *measure, path=())
    assert done.returncode == 0, done.stderr
    assert "mine" in done.stdout and "theirs" in done.stdout


def test_processes_of_a_pool(theirs, monkeypatch):
    monkeypatch.chdir(theirs)
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    with spawning.pool(1) as pool:
        assert pool.submit(os.getpid).result(60) != os.getpid()
    assert "PYTHONSAFEPATH" not in os.environ


def test_all_processes_start_alike():
    for path in (ROOT / "benchmark").rglob("*.py"):
        if path.name != "spawning.py":
            assert not re.search("ProcessPoolExecutor\\(|get_context|multiprocessing.Process", path.read_text()), path


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """A copy of what an installation is made from: building leaves files."""
    for package in ("pip", "setuptools"):  # not imported here: setuptools changes distutils
        if find_spec(package) is None:
            pytest.skip(f"needs {package}")
    copy = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "mmif_bench.py"):
        shutil.copy(ROOT / name, copy)
    for name in OURS:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    return copy


@pytest.fixture(scope="module", params=["wheel", "editable"])
def installed(request, source, tmp_path_factory) -> Path:
    """The folder of the programs of an environment that has the suite installed, and what this one has besides."""
    place = tmp_path_factory.mktemp(request.param)
    venv.create(place / "env", with_pip=False)
    programs = place / "env" / ("Scripts" if os.name == "nt" else "bin")
    (site,) = (place / "env").rglob("site-packages")
    (site / "others.pth").write_text("\n".join(entry for entry in sys.path if entry.endswith("-packages")))
    without_kernels = {"CC": "false", "CXX": "false"}
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    options = ("--no-deps", "--no-index", "--no-build-isolation")
    what = ["--editable", source]
    if request.param == "wheel":
        done = call(source, *pip, "wheel", *options, "-w", place, source, path=(), **without_kernels)
        assert done.returncode == 0, done.stderr
        what = [*place.glob("*.whl")]
    into = ("--python", programs / "python", "install", "--ignore-installed")
    done = call(source, *pip, *into, *options, *what, path=(), **without_kernels)
    assert done.returncode == 0, done.stderr
    return programs


@pytest.mark.slow
def test_an_installation(theirs, installed):
    code = "import mmif_bench, metrics; print(metrics.__file__)"
    (theirs / "empty").mkdir()
    found = call(theirs / "empty", installed / "python", "-c", code, path=())
    assert found.returncode == 0 and not found.stdout.startswith(str(ROOT)), found.stderr
    is_scored(call(theirs, installed / "bench", *RUN, path=()))
    shutil.rmtree(theirs / "results")
    is_scored(call(theirs, installed / "python", "-m", "mmif_bench", *RUN, path=()))
    shutil.rmtree(theirs / "results")
    (theirs / "elsewhere").mkdir()
    for name in OURS:
        shutil.copy(theirs / f"{name}.py", theirs / "elsewhere")
    is_scored(call(theirs, installed / "bench", *RUN, path=(theirs / "elsewhere",)))


@pytest.mark.slow
@pytest.mark.parametrize("way", ["module", "script"])
def test_a_training_that_accelerate_launches(theirs, way):
    """In the folder of their modules; each process finds ours."""
    pytest.importorskip("accelerate")
    (theirs / "bin").mkdir()
    (theirs / "bin" / "bench").write_text(CONSOLE)
    (theirs / "short.yaml").write_text("{steps: 1, batch: 2, crop: 16, learning_rate: 1.0e-3}")
    program = ("-m", "mmif_bench") if way == "module" else (theirs / "bin" / "bench",)
    launcher = Path(sys.executable).with_name("accelerate")
    launch = ("launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1", "--main_process_port", "0")
    launch += ("--mixed_precision", "no", "--dynamo_backend", "no")
    train = ("train", "--method", "mambadfuse", "--dataset", "synth", "--recipe", "short.yaml", "--device", "cpu")
    done = call(theirs, launcher, *launch, *program, *train, "--out", "out", OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr[-3000:]
    assert (theirs / "out" / "mambadfuse.safetensors").is_file()
    assert json.loads((theirs / "out" / "mambadfuse.json").read_text())["processes"] == 2
