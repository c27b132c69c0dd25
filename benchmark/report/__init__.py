"""Reports: what is measured (`measured`), what is said of it (`sections/`), the files it becomes (`formats/`,
`page/`).

A section turns measurements into grids (`tabular`); a format turns grids into text or bytes. Adding a file to either
folder adds a section or a format; nothing else is edited. Rests on `store`, `detection`, `cost` and `statistics`.
"""

from __future__ import annotations

import pkgutil
from types import ModuleType


def names_in(package: ModuleType) -> list[str]:
    """The files in `sections` or `formats`, without loading them."""
    return sorted(info.name for info in pkgutil.iter_modules(package.__path__))
