"""The data sets: one module here is one data set, found by its file name. Rests on `imaging`.

`names()` lists them without importing any; `get(name)` imports one and returns its `DATASET`. To add a
data set, add ``benchmark/datasets/<name>.py`` that sets ``DATASET`` to an instance of a
`benchmark.datasets.abstract.Dataset`; id lists of its splits go to ``splits/<name>_<split>.txt``.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from benchmark.errors import UserError, unknown

if TYPE_CHECKING:
    from benchmark.datasets.abstract import Dataset

_SHARED = (
    "abstract",
    "coco",
    "id_lists",
    "image_files",
    "labels",
    "name_matching",
    "name_rules",
    "pairs",
    "scenes",
    "two_folders",
)  # what data sets are made of


def names() -> list[str]:
    """The names of all data sets, sorted."""
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name for name in found if name not in _SHARED and not name.startswith("_"))


def get(name: str, label_order: str | None = None) -> Dataset:
    """The data set of that name, in which - and _ are the same. label_order: of M3FD's classes, where its labels do
    not name them. Raises UserError for an unknown name, with the nearest one, and for an order that does not fit."""
    known, typed = names(), name
    name = name if name in known else name.replace("-", "_").lower()
    if name not in known:
        base, at, split = typed.partition("@")  # as reports name a split
        if at and base.replace("-", "_").lower() in known:
            raise UserError(
                f"unknown data set '{typed}': name the data set alone, {base}, and its split by --split {split}"
            )
        raise unknown("data set", name, known)
    source = importlib.import_module(f"{__name__}.{name}").DATASET
    if label_order is None:
        return source
    if name != "m3fd":
        raise UserError(f"--label-order: for M3FD only, not for {name}")
    return type(source)(label_order)
