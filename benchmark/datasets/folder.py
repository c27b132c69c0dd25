"""Any two directories of same-named images: ``--dataset folder --ir DIR --vis DIR``."""

from __future__ import annotations

import os
from pathlib import Path

from benchmark.datasets.abstract import Dataset, DatasetCard, Selection
from benchmark.datasets.two_folders import pair_up
from benchmark.errors import UserError


class Folder(Dataset):
    """The same-named images of the directories `ir` and `vis`; the data root plays no part."""

    card = DatasetCard(
        name="folder",
        title="Two directories of your own",
        year=None,
        citation="",
        licence="that of your images",
        link="",
        size="any",
        counts={"all": None},
        layout="--ir DIR --vis DIR, holding images of the same names",
    )
    default_split = "all"

    def __init__(self, ir: str | os.PathLike | None = None, vis: str | os.PathLike | None = None) -> None:
        self.ir = None if ir is None else Path(ir)
        self.vis = None if vis is None else Path(vis)

    def splits(self) -> dict[str, str]:
        return {"all": "every image that stands in either directory"}

    def select(self, split: str | None = None, root: str | os.PathLike | None = None) -> Selection:
        self.check_split(split)
        missing = [option for option, value in (("--ir DIR", self.ir), ("--vis DIR", self.vis)) if value is None]
        if missing:
            raise UserError(f"data set folder: needs {' and '.join(missing)}, directories of same-named images")
        return Selection(pair_up(self.ir, self.vis), (), f"{self.ir} + {self.vis}")


DATASET = Folder()
