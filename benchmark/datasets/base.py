"""What every data set is: a card, named splits, and pairs that load themselves."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark import images
from benchmark.errors import UserError, unknown

SPLITS = Path(__file__).with_name("splits")

_UNSAFE = re.compile(r"[\\/\x00-\x1f\x7f]")


class PairError(UserError):
    """A pair that cannot be used; `id` and `reason` say which and why, in one line."""

    def __init__(self, id: str, reason: str) -> None:
        self.id, self.reason = id, reason
        super().__init__(f"pair '{id}': {reason}")

    def __reduce__(self):
        return PairError, (self.id, self.reason)


@dataclass(frozen=True)
class DatasetCard:
    """What a user must know about a data set before using it.

    `counts`: split -> number of pairs as published (None where it varies); `size`: of the images, in words;
    `layout`: the folders looked for under the data root; `task`: "ivf" (infrared and visible) or "mif"
    (medical); `licence`: "none stated" where the publisher states none.
    """

    name: str
    title: str
    year: int | None
    citation: str
    licence: str
    link: str
    size: str
    counts: dict[str, int | None]
    layout: str
    task: str = "ivf"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Box:
    """An object's extent in pixels: columns x0..x1-1 and rows y0..y1-1 of the image."""

    label: str
    x0: int
    y0: int
    x1: int
    y1: int


@dataclass(frozen=True)
class PairImages:
    """A loaded pair: `ir` and `vis` uint8 luminance (H, W), `vis_rgb` uint8 (H, W, 3) or None where the
    visible image is grey, `notes`: what was converted on reading, one phrase each."""

    ir: np.ndarray
    vis: np.ndarray
    vis_rgb: np.ndarray | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pair:
    """Two image files of one scene. `id` names it in its data set and is safe as a file name.

    `ir` or `vis` is None where the file is missing; `problem` then says so. Such a pair is still listed,
    and raises when it is loaded, so that it is reported as failed instead of vanishing.
    """

    id: str
    ir: Path | None
    vis: Path | None
    problem: str | None = None

    def __post_init__(self) -> None:
        if self.id in ("", ".", "..") or _UNSAFE.search(self.id):
            raise ValueError(f"the pair id {self.id!r} cannot be a file name")

    def load(self) -> PairImages:
        """Both images, of the same size; raises PairError or images.ImageError, in one line."""
        ir_bytes, vis_bytes = self._bytes()
        ir, vis = images.decode(ir_bytes, self.ir), images.decode(vis_bytes, self.vis)
        if ir.luminance.shape != vis.luminance.shape:
            (h, w), (vis_h, vis_w) = ir.luminance.shape, vis.luminance.shape
            raise PairError(self.id, f"different sizes: {self.ir} is {w}x{h}, {self.vis} is {vis_w}x{vis_h}")
        notes = [f"{path.name}: {note}" for path, picture in ((self.ir, ir), (self.vis, vis)) for note in picture.notes]
        return PairImages(ir.luminance, vis.luminance, vis.rgb, tuple(notes))

    def digest(self) -> str:
        """SHA-256 (hex) of both images' content; raises as `load` does where a file is missing."""
        return content_digest(*self._bytes())

    def _bytes(self) -> tuple[bytes, bytes]:
        if self.problem is not None:
            raise PairError(self.id, self.problem)
        return images.read_bytes(self.ir), images.read_bytes(self.vis)


@dataclass(frozen=True)
class Selection:
    """The pairs of one split in a stable order; `notes` for the user, one line each; `found`: the folders
    recognised, in words."""

    pairs: list[Pair]
    notes: tuple[str, ...] = ()
    found: str = ""


class Dataset:
    """A data set: subclasses set `card` and `default_split`, and say where the pairs are."""

    card: DatasetCard
    default_split: str

    @property
    def name(self) -> str:
        return self.card.name

    def splits(self) -> dict[str, str]:
        """The names of the splits, with one line about each."""
        raise NotImplementedError

    def select(self, split: str | None = None, root: str | os.PathLike | None = None) -> Selection:
        """The pairs of a split (None: the default one), found under the data root `root` (None: the
        environment variable BENCH_DATA). Raises UserError for an unknown split or a missing folder."""
        raise NotImplementedError

    def pairs(self, split: str | None = None, root: str | os.PathLike | None = None) -> list[Pair]:
        """`select(split, root).pairs`."""
        return self.select(split, root).pairs

    def unavailable(self, split: str | None = None, root: str | os.PathLike | None = None) -> str | None:
        """Why the split cannot be read here, in one line, or None where it can."""
        try:
            return None if self.select(split, root).pairs else "no pairs"
        except UserError as error:
            return error.message

    def check_split(self, split: str | None) -> str:
        """`split`, or the default for None; raises UserError for an unknown name."""
        split = self.default_split if split is None else split
        if split not in self.splits():
            raise unknown(f"split of {self.name}", split, self.splits())
        return split


@dataclass(frozen=True)
class Layout:
    """Where a publisher puts a split: subfolders for the two modalities, relative to the set's folder."""

    ir: str
    vis: str


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

    def locate(self, split: str, root: str | os.PathLike | None) -> tuple[Path, Path]:
        """The folders (infrared, visible) of a split; raises UserError naming the layout expected."""
        root = root if root is not None else os.environ.get("BENCH_DATA") or None
        if root is None:
            raise UserError(f"data set {self.name}: no data root given; {self._remedy()}")
        root = Path(root).expanduser()
        if not root.is_dir():
            raise UserError(f"data set {self.name}: the data root {root} is not a folder; {self._remedy()}")
        own = [found for name in self.folders if (found := _subfolder(root, name)) is not None]
        bases = [*own, *(inner for base in own for inner in _subfolders(base)), root]
        partial = None
        for base in bases:
            for layout in self.layouts(split):
                ir, vis = _subfolder(base, layout.ir), _subfolder(base, layout.vis)
                if ir is not None and vis is not None:
                    return ir, vis
                # In the data root itself a lone folder called `ir` may be anything.
                if (ir is None) != (vis is None) and base is not root:
                    have, lack = (ir, layout.vis) if vis is None else (vis, layout.ir)
                    partial = partial or f"found {have} but no {lack} in {base}"
        raise UserError(f"data set {self.name}: {partial or f'not found in {root}'}; {self._remedy()}")

    def listed(self, split: str, root: str | os.PathLike | None) -> tuple[list[Pair], str]:
        """All pairs on disk, sorted by id, and the folders found; raises UserError where there is none."""
        ir, vis = self.locate(split, root)
        return pair_up(ir, vis), f"{ir} + {vis}"

    def _remedy(self) -> str:
        return f"expected {self.card.layout} under --data-root DIR (or BENCH_DATA=DIR); get it from {self.card.link}"


def pair_up(ir: Path, vis: Path) -> list[Pair]:
    """The same-named images (whatever the extension) of two folders as pairs, sorted by id.

    A file without partner, or a name that stands twice in one folder, becomes a pair that fails with the
    reason. Raises UserError where a folder is missing or neither holds an image.
    """
    for folder in (ir, vis):
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder")
    sides = [_by_stem(ir), _by_stem(vis)]
    if not any(sides):
        raise UserError(f"no images ({', '.join(images.EXTENSIONS)}) in {ir} and {vis}")
    pairs = []
    for stem in sorted(sides[0].keys() | sides[1].keys()):
        paths, problem = [], None
        for side, folder, kind in zip(sides, (ir, vis), ("infrared", "visible")):
            candidates = side.get(stem, [])
            paths.append(candidates[0] if candidates else None)
            if not candidates:
                problem = problem or f"no {kind} image of that name in {folder}"
            elif len(candidates) > 1:
                listing = ", ".join(path.name for path in candidates)
                problem = problem or f"{len(candidates)} {kind} images of that name in {folder}: {listing}"
        safe = _UNSAFE.sub("_", stem)
        if safe != stem:
            problem = "a backslash or a control character in the file name; rename it"
        pairs.append(Pair(safe, *paths, problem))
    return pairs


def pick(pairs: Iterable[Pair], ids: Sequence[str], where: str) -> list[Pair]:
    """The pairs with these ids, in the order of `ids`; an id that is not there becomes a pair that fails.
    Raises UserError where not one is there: then `where` is another data set's folder."""
    by_id = {pair.id: pair for pair in pairs}
    if by_id.keys().isdisjoint(ids):
        raise UserError(f"none of the {len(ids)} ids of the split ({ids[0]}, …) is in {where}")
    return [by_id.get(id) or Pair(id, None, None, f"listed in the split but not in {where}") for id in ids]


def split_ids(dataset: str, split: str) -> list[str]:
    """The ids of ``splits/<dataset>_<split>.txt``, in its order; lines that start with # are comments."""
    lines = (SPLITS / f"{dataset}_{split}.txt").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def content_digest(*parts: bytes) -> str:
    """SHA-256 (hex) over the SHA-256 of each part, so that no two lists of parts share one."""
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _by_stem(folder: Path) -> dict[str, list[Path]]:
    """The images of a folder by name without extension; composed Unicode, whatever the file system has."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in images.EXTENSIONS and not path.name.startswith(".") and path.is_file():
            found.setdefault(unicodedata.normalize("NFC", path.stem), []).append(path)
    return found


def _subfolders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _subfolder(folder: Path, relative: str) -> Path | None:
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
