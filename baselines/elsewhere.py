"""What a user's file imports: its own neighbours first, and nobody else sees them.

Each folder is a package `baselines.elsewhere.x<path in hex>`. A neighbour called `metrics`, `utils` or `random` is a
module of that package, so it never stands in the way of ours, of another folder's or of Python's. The name tells the
folder, so another process can import it, as pickle does. Statements such as `import utils`, at the top or inside a
function, reach the neighbours because modules of these packages have an `__import__` of their own.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import itertools
import os
import re
import sys
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import find_spec, module_from_spec, spec_from_file_location, spec_from_loader
from pathlib import Path
from types import ModuleType

PREFIX = f"{__name__}.x"
OURS = ("baselines", "benchmark", "metrics")
_ENTERED = ("__init__", "fuse", "fuse_as", "fuse_batch", "as_saved")  # what the harness calls of a method

__path__: list[str] = []  # makes this module a package, which the folders are modules of


def plain(text: str) -> str:
    """A message with the names that users gave their modules."""
    return re.sub(rf"{re.escape(PREFIX)}[0-9a-f]+\.?", "", text)


@functools.cache
def folder(path: str) -> Folder:
    return Folder(path)


class Folder:
    """A folder with files of the user's. Enter it while their code runs: then what looks a module up by name, as
    unpickling does, finds neighbours where there is no other module of that name. On leaving, `sys.path` and
    `sys.modules` are as they were; entries that the code added to `sys.path` are remembered for its own imports."""

    def __init__(self, path: str):
        self.path = path
        self.package = PREFIX + os.fsencode(path).hex()
        self.builtins = {**vars(builtins), "__import__": self._import}
        self._importlib = _Importlib(self)
        self._ahead: list[str] = []  # what the code put before the first entry of sys.path
        self._behind: list[str] = []
        self._depth = 0
        self._before = self._list = sys.path
        self._served: list[str] = []

    def load(self, path: Path) -> ModuleType:
        """Run a file of this folder. Raises whatever it raises."""
        importlib.invalidate_caches()  # files may be new
        importlib.import_module(self.package)
        name = f"{self.package}.{path.stem.replace('.', '_')}"
        spec = spec_from_file_location(name, path, loader=_Loader(name, str(path), self))
        module = sys.modules[name] = module_from_spec(spec)
        try:
            with self:
                spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module

    def methods_within(self, cls: type) -> dict:
        """The methods of a fuser that the harness calls, each of which enters this folder."""
        return {name: self._entering(getattr(cls, name)) for name in _ENTERED}

    def _entering(self, function):
        @functools.wraps(function)
        def call(*args, **options):
            with self:
                return function(*args, **options)

        return call

    def __enter__(self):
        if self._depth == 0:
            self._list, self._before = sys.path, [*sys.path]
            sys.meta_path.insert(0, self)
        self._depth += 1
        return self

    def __exit__(self, *_):
        if self._depth > 1:
            self._depth -= 1
            return
        self._ahead, self._behind = self._added()
        self._depth = 0
        sys.path = self._list
        sys.path[:] = self._before
        sys.meta_path.remove(self)
        for name in self._served:
            sys.modules.pop(name, None)
        self._served.clear()

    def _added(self) -> tuple[list[str], list[str]]:
        """Entries of `sys.path` that the code added: before the first that was there, and after it."""
        ahead, behind = self._ahead, self._behind
        if self._depth:
            front = list(itertools.takewhile(lambda entry: entry not in self._before, sys.path))
            back = [entry for entry in sys.path if entry not in self._before and entry not in front]
            ahead, behind = [*dict.fromkeys([*front, *ahead])], [*dict.fromkeys([*behind, *back])]
        return ahead, behind

    def search(self) -> list[str]:
        """Where the neighbours are looked for."""
        ahead, behind = self._added()
        return [*ahead, self.path, *behind]

    def has(self, name: str, wanted=()) -> bool:
        """Whether `import name`, or `from name import wanted`, means a neighbour: what Python would say if this folder
        came first in `sys.path`, but that our own packages come last."""
        top, _, rest = name.partition(".")
        if top in sys.builtin_module_names:
            return False
        own = PathFinder.find_spec(top, self.search())
        if own is None:
            return False
        public = self._public(top)
        if public is None:
            return True
        if own.origin is None:  # a folder without __init__.py, which any other module goes before
            inside = [*own.submodule_search_locations]
            if top in OURS:
                asked = [rest.partition(".")[0]] if rest else wanted or ()
                mine = any(PathFinder.find_spec(part, inside) for part in asked)
            else:
                mine = public.origin is None
            return mine and not {*inside} & {*(public.submodule_search_locations or ())}
        if public.origin and os.path.realpath(own.origin) == os.path.realpath(public.origin):
            # In everybody's path: what others have will do, unless it may itself want a neighbour called as ours.
            return top not in OURS and any(map(self.has, OURS))
        ahead, _ = self._added()
        return top in OURS or _regular(PathFinder.find_spec(top, [*ahead, self.path]))

    def _public(self, top: str) -> ModuleSpec | None:
        """The module that everybody else gets by that name."""
        module = sys.modules.get(top)
        if module is not None and top not in self._served:
            return getattr(module, "__spec__", None) or ModuleSpec(top, None, origin="unknown")
        for finder in sys.meta_path:
            if finder is not self and hasattr(finder, "find_spec"):
                path = self._before if self._depth and finder is PathFinder else None
                if spec := finder.find_spec(top, path):
                    return spec
        return None

    def _import(self, name, globals=None, locals=None, fromlist=(), level=0):
        """`__import__` of the modules here. A file that imports its own name means another one."""
        top = name.partition(".")[0]
        looked_up = fromlist == [] and globals is locals  # so compiled code calls it: then `sys.modules` is what counts
        itself = globals and "__path__" not in globals and globals.get("__name__") == f"{self.package}.{top}"
        if level == 0 and not looked_up and not itself and self.has(name, fromlist):
            found = builtins.__import__(f"{self.package}.{name}", globals, locals, fromlist or ("__name__",))
            return found if fromlist else sys.modules[f"{self.package}.{top}"]
        found = builtins.__import__(name, globals, locals, fromlist, level)
        return self._importlib if found is importlib else found

    def import_module(self, name: str, package: str | None = None) -> ModuleType:
        """`importlib.import_module` of the modules here."""
        own = not name.startswith(".") and self.has(name)
        return importlib.import_module(f"{self.package}.{name}" if own else name, package)

    def find_spec(self, name, path=None, target=None):
        """For what is looked up by name, while their code runs: a neighbour where there is nothing else."""
        top = name.partition(".")[0]
        known = top in self._served if "." in name else self.has(name) and self._public(name) is None
        if not known or find_spec(f"{self.package}.{name}") is None:
            return None
        self._served.append(name)
        return spec_from_loader(name, _Alias(importlib.import_module(f"{self.package}.{name}")))


def _regular(spec: ModuleSpec | None) -> bool:
    return spec is not None and spec.origin is not None


class _Importlib(ModuleType):
    """`importlib` as the modules of a folder see it."""

    def __init__(self, folder: Folder):
        super().__init__("importlib")
        self.import_module = folder.import_module

    def __getattr__(self, name):
        return getattr(importlib, name)


class _Loader(SourceFileLoader):
    """Runs a module with its folder's `__import__`, from the source as it is now."""

    def __init__(self, name: str, path: str, folder: Folder):
        super().__init__(name, path)
        self.folder = folder

    def get_code(self, fullname):
        return self.source_to_code(self.get_data(self.path), self.path)

    def exec_module(self, module):
        vars(module)["__builtins__"] = self.folder.builtins
        super().exec_module(module)


class _Alias:
    """Gives a module that is there already a second name."""

    def __init__(self, module: ModuleType):
        self.module, self.spec = module, module.__spec__

    def create_module(self, spec):
        return self.module

    def exec_module(self, module):
        module.__spec__ = self.spec


class _Finder:
    """Finds the folders and the modules in them."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if not name.startswith(PREFIX):
            return None
        code, *modules = name[len(PREFIX) :].split(".")
        here = folder(os.fsdecode(bytes.fromhex(code)))
        if not modules:
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations.append(here.path)
            return spec
        spec = PathFinder.find_spec(name, here.search() if len(modules) == 1 else path)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(name, spec.loader.path, here)
        return spec


sys.meta_path.insert(0, _Finder)
