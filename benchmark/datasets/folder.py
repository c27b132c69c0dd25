"""Any two directories of same-named images: ``--dataset folder --ir DIR --vis DIR``."""

from __future__ import annotations

import os
from pathlib import Path

from benchmark.datasets.abstract import Dataset, DatasetCard, Selection
from benchmark.datasets.name_matching import pair_folders
from benchmark.errors import UserError
from benchmark.names import printable


class Folder(Dataset):
    """The images of the directories `ir` and `vis`, paired by name; the data root plays no part. ir_pattern,
    vis_pattern: see `image_files.Pattern`."""

    card = DatasetCard(
        name="folder",
        title="Two directories of your own",
        short="Own pairs",
        year=None,
        citation="",
        licence="that of your images",
        link="",
        size="any",
        counts={"all": None},
        layout="--ir DIR --vis DIR, holding images of the same names, or as --ir-pattern and --vis-pattern say",
    )
    default_split = "all"

    def __init__(
        self,
        ir: str | os.PathLike | None = None,
        vis: str | os.PathLike | None = None,
        ir_pattern: str | None = None,
        vis_pattern: str | None = None,
    ) -> None:
        self.ir = None if ir is None else Path(ir)
        self.vis = None if vis is None else Path(vis)
        self.patterns = (ir_pattern, vis_pattern)

    def splits(self) -> dict[str, str]:
        return {"all": "every image that stands in either directory"}

    def select(self, split: str | None = None, root: str | os.PathLike | None = None) -> Selection:
        self.check_split(split)
        missing = [option for option, value in (("--ir DIR", self.ir), ("--vis DIR", self.vis)) if value is None]
        if missing:
            raise UserError(f"data set folder: needs {' and '.join(missing)}, directories of same-named images")
        pairs, notes = pair_folders(self.ir, self.vis, *self.patterns)
        return Selection(pairs, notes, f"{printable(self.ir)} + {printable(self.vis)}")


DATASET = Folder()
