"""Reports: `measured` collects what may be compared, `sections/` make tables of it, `formats/` and `page/` make files.

A section turns measurements into tables (`tabular.Grid`); a format turns these into text or bytes. A new file in
either folder adds a section or a format; nothing else is edited. Rests on `store`, `detection`, `worth`, `cost`,
`run`, `datasets`, `imaging` and `metrics`.
"""

from __future__ import annotations

import pkgutil
from types import ModuleType

MARKS = ("mean", "significance")  # bold: the best mean, or all that tests do not show to differ from it


def names_in(package: ModuleType) -> list[str]:
    """List the files in `sections` or `formats` without loading them."""
    return sorted(info.name for info in pkgutil.iter_modules(package.__path__))
