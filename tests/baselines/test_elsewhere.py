"""A user's file sees its own neighbours, whatever they are called, and nobody else sees them."""

import os
import pickle
import random
import statistics
import sys
from pathlib import Path

import numpy as np
import pytest

import baselines
import metrics
from baselines import elsewhere, plugins

ROOT = Path(baselines.__file__).parents[1]
IMAGE = np.zeros((16, 20), np.float32)

# Ours, Python's, one of a library, and one that nobody else has.
NAMES = ("metrics", "baselines", "benchmark", "random", "statistics", "torch", "neighbour")


@pytest.fixture(autouse=True)
def _nothing_is_left():
    """Neither in `sys.path` nor under the name of another module."""
    path, modules, finders = list(sys.path), dict(sys.modules), list(sys.meta_path)
    yield
    assert sys.path == path and sys.meta_path == finders
    assert all(sys.modules[name] is module for name, module in modules.items())
    added = [module for name, module in sys.modules.items() if name not in modules and not name.startswith("baselines")]
    assert not [module for module in added if "/test_" in str(getattr(module, "__file__", None))]


def write(folder: Path, **files: str) -> Path:
    """`folder` with these files; a double underscore in a name is a folder's end."""
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/') if not name.startswith('__') else name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def value(path: Path, name: str = "fuse") -> float:
    """What the function in a file fuses black images to."""
    return float(baselines.create(plugins.from_file(path, name)).fuse(IMAGE, IMAGE).max())


def fuse(body: str, before: str = "") -> str:
    return f"{before}\ndef fuse(ir, vis):\n    {body}\n"


WAYS = {
    "at the top": "import {0}\nf = lambda: {0}.VALUE",
    "under a name": "import {0} as other\nf = lambda: other.VALUE",
    "one of it": "from {0} import VALUE\nf = lambda: VALUE",
    "all of it": "from {0} import *\nf = lambda: VALUE",
    "relatively": "from . import {0} as other\nf = lambda: other.VALUE",
    "in a call": "def f():\n    import {0}\n    return {0}.VALUE",
    "in a thread": "from concurrent.futures import ThreadPoolExecutor\n"
    "def later():\n    import {0}\n    return {0}.VALUE\n"
    "def f():\n    with ThreadPoolExecutor(1) as pool:\n        return pool.submit(later).result()",
    "by its name": "import importlib.util\ndef f():\n    return importlib.import_module('{0}').VALUE",
    "by import_module": "from importlib import import_module\nf = lambda: import_module('{0}').VALUE",
    "by __import__": "f = lambda: __import__('{0}').VALUE",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NAMES)
def test_a_neighbour_of_any_name(tmp_path, name, way):
    write(tmp_path, **{name: "VALUE = 0.25", "mine": fuse("return ir + f()", WAYS[way].format(name))})
    assert value(tmp_path / "mine.py") == 0.25


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("init", [True, False])
def test_a_package_of_any_name(tmp_path, name, init):
    """Without __init__.py it gives way to a module of another place, as Python has it, but not to ours."""
    write(
        tmp_path,
        **{
            f"{name}__deep__net": f"from {name}.sizes import SIZE\nfrom ..sizes import SIZE as again\n"
            "import helpers\nVALUE = SIZE + again + helpers.VALUE",
            f"{name}__sizes": "SIZE = 0.125",
            "helpers": "VALUE = 0.25",
            "mine": fuse(f"import {name}.deep.net\n    return ir + {name}.deep.net.VALUE"),
            "other": fuse("return ir + net.VALUE", f"from {name}.deep import net"),
        },
    )
    if init:
        (tmp_path / name / "__init__.py").write_text(f"from {name}.sizes import SIZE")
    if not init and name in ("random", "statistics", "torch"):
        with pytest.raises(ValueError, match=f"other.py: cannot be imported: ModuleNotFoundError: No module .*{name}"):
            value(tmp_path / "other.py")
    else:
        assert value(tmp_path / "mine.py") == value(tmp_path / "other.py") == 0.5


def test_folders_of_pictures_are_no_packages(tmp_path):
    for name in ("baselines", "metrics", "torch"):
        (tmp_path / name).mkdir()
    mine = fuse(
        "return ir + metrics.evaluate(255 * vis, 255 * ir, 255 * vis, ['EN'])['EN']", "import baselines, metrics"
    )
    write(tmp_path, mine=f"import torch.nn\nfrom baselines import NetworkFuser\n{mine}")
    assert value(tmp_path / "mine.py") == 0


def test_two_files_with_neighbours_of_one_name(tmp_path):
    for number, folder in enumerate("ab", start=1):
        mine = "import utils\n" + fuse("from utils import VALUE\n    return ir + utils.VALUE + VALUE")
        write(tmp_path / folder, utils=f"VALUE = {number / 8}", mine=mine)
    one, two = (baselines.create(plugins.from_file(tmp_path / folder / "mine.py", "fuse")) for folder in "ab")
    assert [fuser.fuse(IMAGE, IMAGE).max() for fuser in (one, two, one)] == [0.25, 0.5, 0.25]


def test_a_file_that_is_called_as_ours(tmp_path):
    """It imports ours by that name, its neighbours import it."""
    text = (
        "class Mine(baselines.ClassicalFuser):\n    def fuse_pair(self, ir, vis):\n        return ir + utils.value()\n"
    )
    write(tmp_path, baselines=f"import baselines\nVALUE = 0.25\nimport utils\n{text}")
    write(tmp_path, utils="import baselines\ndef value():\n    return baselines.VALUE")
    assert value(tmp_path / "baselines.py", "Mine") == 0.25
    assert plugins.code_sha256(plugins.from_file(tmp_path / "baselines.py")) == baselines.sha256(
        tmp_path / "baselines.py"
    )


def test_others_get_what_is_theirs(tmp_path):
    """While a file's code runs, libraries and this package do not see its neighbours."""
    ask = "import sys, random\ndef ask(name):\n    __import__(name)\n    return sys.modules[name]"
    library = write(tmp_path / "library", **{"a_library": ask})
    write(tmp_path / "user", **dict.fromkeys(NAMES, "raise RuntimeError"))
    folder = baselines.elsewhere.folder(str(tmp_path / "user"))
    sys.path.append(str(library))
    try:
        import a_library

        with folder:
            found = [a_library.ask(name) for name in ("metrics", "baselines", "random", "statistics")]
    finally:
        sys.path.remove(str(library))
        del sys.modules["a_library"]
    assert found == [metrics, baselines, random, statistics]


def test_the_suites_own_folder_as_a_neighbour(tmp_path):
    """A file in a clone of the suite gets the very modules that run, not copies."""
    for name in ("baselines", "metrics"):
        (tmp_path / name).symlink_to(ROOT / name)
    text = "import metrics\nfrom baselines import ClassicalFuser\nclass Mine(ClassicalFuser):\n    M = metrics\n"
    write(tmp_path, mine=text + "    def fuse_pair(self, ir, vis):\n        return ir + 0.5\n")
    assert value(tmp_path / "mine.py", "Mine") == 0.5
    assert plugins.from_file(tmp_path / "mine.py").M is metrics


@pytest.mark.parametrize("name", ["metrics", "other"])
def test_a_folder_in_everybodys_path(tmp_path, monkeypatch, name):
    """As on PYTHONPATH: a neighbour's neighbours are seen too, and a module that others have is not loaded twice."""
    monkeypatch.syspath_prepend(tmp_path)
    values = {name: "VALUE = 0.5", "utils": f"import {name}\nVALUE = {name}.VALUE"}
    write(tmp_path, **values, mine=fuse("return ir + utils.VALUE", "import utils"))
    fuser = plugins.from_file(tmp_path / "mine.py")
    assert baselines.create(fuser).fuse(IMAGE, IMAGE).max() == 0.5
    loaded = [sys.modules.pop(module, None) for module in ("utils", "other")]
    assert [module is not None for module in loaded] == [name == "other"] * 2


@pytest.mark.parametrize("way", ["insert(0, ", "append("])
@pytest.mark.parametrize("name", ["metrics", "baselines", "utils"])
def test_a_path_that_the_file_adds(tmp_path, name, way):
    """It holds for the file's imports, later ones too, and for no one else's."""
    top = f"import os, sys\nsys.path.{way}os.path.dirname(os.path.dirname(__file__)))\nimport {name}"
    later = f"import {name}, late\n    return ir + {name}.VALUE + late.VALUE"
    write(tmp_path, **{name: "VALUE = 0.25", "late": "VALUE = 0.25", "methods__mine": fuse(later, top)})
    assert value(tmp_path / "methods" / "mine.py") == 0.5
    called = f"import os, sys\n    sys.path.{way}os.path.dirname(os.path.dirname(__file__)))\n    {later}"
    write(tmp_path, more__mine=fuse(called))
    fuser = baselines.create(plugins.from_file(tmp_path / "more" / "mine.py"))
    assert [fuser.fuse(IMAGE, IMAGE).max() for _ in range(2)] == [0.5, 0.5]


def test_a_path_that_the_file_removes_again(tmp_path):
    added = f"import sys\nsys.path.insert(0, {str(tmp_path / 'lib')!r})\n"
    top = f"{added}import helpers\nsys.path.pop(0)\nsys.path = [*sys.path]"
    write(tmp_path, lib__helpers="VALUE = 0.5", mine=fuse("return ir + helpers.VALUE", top))
    assert value(tmp_path / "mine.py") == 0.5


def test_an_appended_path_hides_no_library(tmp_path):
    write(tmp_path, lib__numpy="raise RuntimeError", lib__random="raise RuntimeError")
    top = f"import sys\nsys.path.append({str(tmp_path / 'lib')!r})\nimport numpy, random\n"
    write(tmp_path, mine=fuse("return ir + numpy.float32(0.5)", top))
    assert value(tmp_path / "mine.py") == 0.5


def test_pickles_name_neighbours(tmp_path):
    """Of two files each unpickles its own class, and it is the one that its imports give."""
    for number, folder in enumerate("ab", start=1):
        mine = "import pickle, model.net\nNet = pickle.loads(b'cmodel.net\\nNet\\n.')\nassert Net is model.net.Net\n"
        later = "return ir + pickle.loads(b'cmodel.net\\nNet\\n.').VALUE + pickle.loads(b'cmodel.late\\nNet\\n.').VALUE"
        net = f"class Net:\n    VALUE = {number / 8}\n"
        write(tmp_path / folder, model__net=net, model__late=net, mine=mine + fuse(later))
    one, two = (baselines.create(plugins.from_file(tmp_path / folder / "mine.py", "fuse")) for folder in "ab")
    assert [fuser.fuse(IMAGE, IMAGE).max() for fuser in (one, two, one)] == [0.25, 0.5, 0.25]


def test_objects_reach_another_process(tmp_path):
    """One that the file starts itself, and which is begun from nothing."""
    body = (
        "from multiprocessing import get_context\n"
        "    with get_context('spawn').Pool(1) as pool:\n"
        "        return ir + pool.apply(metrics.half, (Mine(0.5),)).value + pool.apply(quarter)"
    )
    things = (
        "class Mine:\n    def __init__(self, value):\n        self.value = value\ndef quarter():\n    return 0.25\n"
    )
    mine = f"import metrics\n{things}"
    half = "import utils\ndef half(thing):\n    thing.value *= utils.HALF\n    return thing"
    write(tmp_path, utils="HALF = 0.5", metrics=half, mine=mine + fuse(body))
    assert value(tmp_path / "mine.py") == 0.5


def test_what_looks_at_its_own_module(tmp_path):
    text = """
        from __future__ import annotations
        import inspect, pickle, typing
        from dataclasses import dataclass
        import utils

        @dataclass
        class Size:
            value: typing.ClassVar[float] = 0.5
            other: Size | None = None

        def fuse(ir, vis):
            assert "other" in inspect.getsource(Size) and typing.get_type_hints(Size)
            assert pickle.loads(pickle.dumps(Size())) == Size()
            return ir + utils.size().value
    """
    write(tmp_path, mine=text.replace("\n        ", "\n"), utils="def size():\n    import mine\n    return mine.Size()")
    assert value(tmp_path / "mine.py") == 0.5


def test_an_odd_name_of_a_file_or_folder(tmp_path):
    mine = fuse("from .utils import VALUE\n    return ir + VALUE")
    for folder in ("with.dot", "with space", "Überblick", "a-b"):
        for file in ("my.method-2", "方法", "__init__"):
            write(tmp_path / folder, utils="VALUE = 0.5", **{file: mine})
            assert value(tmp_path / folder / f"{file}.py") == 0.5


def test_what_the_file_says_now_is_run(tmp_path):
    """Even if it is as long and as old as what it was, and nothing is left beside it."""
    for number in (0.25, 0.75):
        write(tmp_path, mine=fuse(f"return ir + {number}"))
        os.utime(tmp_path / "mine.py", (1, 1))
        assert value(tmp_path / "mine.py") == number
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]


@pytest.mark.parametrize(
    ("top", "told"),
    [
        ("import metrics", "ZeroDivisionError: division by zero (mine.py, line 1)"),
        ("import no_such_thing", "ModuleNotFoundError: No module named 'no_such_thing' (mine.py, line 1)"),
        ("from .base import Fuser", "ModuleNotFoundError: No module named 'base' (mine.py, line 1)"),
        ("from utils import no_such", "ImportError: cannot import name 'no_such' from 'utils'"),
        ("import utils.no_such", "ModuleNotFoundError: No module named 'utils.no_such'; 'utils' is not a package"),
    ],
)
def test_failures_are_told_by_the_names_of_the_user(tmp_path, top, told):
    write(tmp_path, metrics="1 / 0", utils="", mine=f"{top}\n{fuse('return ir')}")
    for _ in range(2):
        with pytest.raises(ValueError) as error:
            plugins.from_file(tmp_path / "mine.py")
        assert told in str(error.value) and elsewhere.PREFIX not in str(error.value)


def test_names_of_folders_can_be_undone(tmp_path):
    write(tmp_path, mine="def fuse(ir, vis):\n    return ir\n")
    found = plugins.from_file(tmp_path / "mine.py").origin
    assert pickle.loads(pickle.dumps(found)) is found
    assert bytes.fromhex(found.__module__.split(".")[2][1:]).decode() == str(tmp_path)
