"""Data sets that lie in two folders of same-named files, in the publisher's layout or in one that circulates."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from benchmark.datasets import image_files, name_matching
from benchmark.datasets.abstract import Dataset, Selection
from benchmark.datasets.id_lists import part_label, pick
from benchmark.datasets.pairs import IR_FOLDERS, VIS_FOLDERS, Pair
from benchmark.errors import UserError


@dataclass(frozen=True)
class Layout:
    """Where a split lies: subfolders for the two modalities, relative to the set's folder.

    `ir_suffix` and `vis_suffix`: how file names (without extension) end where both modalities share a folder.
    """

    ir: str
    vis: str
    ir_suffix: str = ""
    vis_suffix: str = ""


def variants(part: str = "") -> tuple[Layout, ...]:
    """The layouts that a set takes on its way through other people's code: any of the usual names of the two
    folders, within the folder `part` ("train", "test") or around it."""
    pairs = [(ir, vis) for ir in IR_FOLDERS for vis in VIS_FOLDERS]
    if not part:
        return tuple(Layout(ir, vis) for ir, vis in pairs)
    inner = tuple(Layout(f"{part}/{ir}", f"{part}/{vis}") for ir, vis in pairs)
    return inner + tuple(Layout(f"{ir}/{part}", f"{vis}/{part}") for ir, vis in pairs)


@dataclass(frozen=True)
class Place:
    """Where a split was found: `base` is the set's folder, `layout` how it lies in there."""

    base: Path
    layout: Layout
    ir: Path
    vis: Path
    as_published: bool

    def __str__(self) -> str:
        kind = "as published" if self.as_published else f"known variant {self.layout.ir} + {self.layout.vis}"
        return f"{self.ir} + {self.vis} ({kind})"


class FolderDataset(Dataset):
    """A data set that lies in two folders of same-named files, in one of some known layouts.

    Subclasses set `folders` (names of the set's own folder) and say which `layouts` are known for a split.
    The set's folder is looked for in the data root, under any case, or may be the data root itself; one more
    folder between, as archives have it, is seen through.
    """

    folders: tuple[str, ...]

    def layouts(self, split: str) -> tuple[Layout, ...]:
        """The layouts in which the split is known, the publisher's first."""
        raise NotImplementedError

    def locate(self, split: str, root: str | os.PathLike | None) -> Place:
        """Where the images of a split lie; raises UserError naming the layout expected."""
        root = self.root(root)
        partial, layouts, generic = None, self.layouts(split), {*variants(), *variants(split)}
        for base in self.bases(root):
            for number, layout in enumerate(layouts):
                # In the data root itself, folders called `ir` and `vis` may be anything.
                if number and base is root and layout in generic:
                    continue
                ir, vis = subfolder(base, layout.ir), subfolder(base, layout.vis)
                if ir is not None and vis is not None and (layout.ir_suffix or ir != vis):
                    return Place(base, layout, ir, vis, number == 0)
                if number == 0 and (ir is None) != (vis is None) and base is not root:
                    have, lack = (ir, layout.vis) if vis is None else (vis, layout.ir)
                    partial = partial or f"found {have} but no {lack} in {base}"
        raise UserError(f"data set {self.name}: {partial or f'not found in {root}'}; {self._remedy()}")

    def root(self, root: str | os.PathLike | None) -> Path:
        """The data root, from BENCH_DATA for None; raises UserError where there is none."""
        root = root if root is not None else os.environ.get("BENCH_DATA") or None
        if root is None:
            raise UserError(f"data set {self.name}: no data root given; {self._remedy()}")
        root = Path(root).expanduser()
        if not root.is_dir():
            raise UserError(f"data set {self.name}: the data root {root} is not a folder; {self._remedy()}")
        return root

    def bases(self, root: Path) -> list[Path]:
        """The folders that may be the set's own, the likeliest first."""
        own = [found for name in self.folders if (found := subfolder(root, name)) is not None]
        return [*own, *(inner for base in own for inner in _subfolders(base)), root]

    def listed(self, split: str, root: str | os.PathLike | None) -> tuple[list[Pair], Place]:
        """All pairs on disk, sorted by id, and where they are; raises UserError where there is none."""
        place = self.locate(split, root)
        pairs = pair_up(place.ir, place.vis, place.layout.ir_suffix, place.layout.vis_suffix)
        return [self.finish(pair, place) for pair in pairs], place

    def finish(self, pair: Pair, place: Place) -> Pair:
        """The pair with what else lies there: labels, masks."""
        return pair

    def selection(
        self,
        split: str,
        pairs: list[Pair],
        found: Place | str,
        notes: tuple[str, ...] = (),
        total: int | None = None,
    ) -> Selection:
        """The pairs of a split that are at hand; of a part of it, with a note. total: how many the split has, where
        the card does not say."""
        total = self.card.counts.get(split) or total
        if total is not None and len(pairs) != total:
            label = part_label(split, [pair.id for pair in pairs], total)
            count = f"{len(pairs)} of {total} pairs are in {found}"
            notes = (*notes, f"{self.name} {split}: {count}; a split of their own, {label}")
        return Selection(pairs, notes, str(found), total)

    def select(self, split: str | None = None, root: str | os.PathLike | None = None) -> Selection:
        split = self.check_split(split)
        return self.selection(split, *self.listed(split, root))

    def select_across(self, split: str, ids: list[str], root: str | os.PathLike | None) -> Selection:
        """The pairs of a split that takes from several of `parts`; raises UserError where none of these is there."""
        found, errors = [], []
        for part in self.parts:
            try:
                found.append(self.listed(part, root))
            except UserError as error:
                errors.append(error)
        if not found:
            raise errors[0]
        where = " and ".join(str(place) for _, place in found)
        return self.selection(split, pick([pair for part, _ in found for pair in part], ids, where), where)

    def _remedy(self) -> str:
        return f"expected {self.card.layout} under --data-root DIR (or BENCH_DATA=DIR); get it from {self.card.link}"


def pair_up(ir: Path, vis: Path, ir_suffix: str = "", vis_suffix: str = "") -> list[Pair]:
    """The same-named images (whatever the extension) of two folders as pairs, sorted by id; see
    `name_matching.pairs_of`. The suffixes are what names without extension end in, and what is no part of the id."""
    sides = []
    for folder, suffix in ((ir, ir_suffix), (vis, vis_suffix)):
        named = image_files.by_name(folder, deep=False)
        sides.append({name.removesuffix(suffix): files for name, files in named.items() if name.endswith(suffix)})
    return name_matching.pairs_of(sides, (ir, vis))


def _subfolders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def subfolder(folder: Path, relative: str) -> Path | None:
    """The folder `relative` (parts joined by /) under `folder`: the exact name first, then any case."""
    for part in relative.split("/"):
        exact = folder / part
        if exact.is_dir():
            folder = exact
            continue
        try:
            near = [path for path in _subfolders(folder) if path.name.lower() == part.lower()]
        except OSError:
            return None
        if not near:
            return None
        folder = near[0]
    return folder
