"""What every data set is: a card, named splits, and pairs that load themselves."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark import images
from benchmark.errors import UserError, unknown

if TYPE_CHECKING:
    from benchmark.data.labels import Flaw

SPLITS = Path(__file__).with_name("splits")
MANIFESTS = Path(__file__).with_name("manifests")

# Names under which the two folders of a set circulate, whatever their publisher called them; any case.
_IR_FOLDERS = ("ir", "infrared", "thermal", "lwir")
_VIS_FOLDERS = ("vi", "vis", "visible", "rgb")

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
    (medical); `licence`: "none stated" where the publisher states none; `use`: what the set may be used for;
    `labels`: what is annotated; `by_hand`: the steps to get it where it cannot be downloaded directly.
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
    use: str = "research, with the papers cited; ask the publisher about anything else"
    labels: str = "none"
    by_hand: tuple[str, ...] = ()
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
    visible image is grey, `notes`: what was converted on reading, one phrase each.

    `ir_rgb`: the first image's colours, for pairs whose fused image takes its colours from there.
    """

    ir: np.ndarray
    vis: np.ndarray
    vis_rgb: np.ndarray | None
    notes: tuple[str, ...] = ()
    ir_rgb: np.ndarray | None = None

    @property
    def colour(self) -> np.ndarray | None:
        """The colours that a fused image is given, uint8 (H, W, 3), or None for a grey pair."""
        return self.vis_rgb if self.ir_rgb is None else self.ir_rgb


@dataclass(frozen=True)
class Pair:
    """Two image files of one scene. `id` names it in its data set and is safe as a file name.

    `ir` or `vis` is None where the file is missing; `problem` then says so. Such a pair is still listed,
    and raises when it is loaded, so that it is reported as failed instead of vanishing. For medical sets, `ir`
    is the functional image or the CT, and `vis` the MRI. `colour_from`: "vis" or "ir", the image that lends its
    colours. `labels` and `mask`: the files of object boxes and of the segmentation, where there are any.
    """

    id: str
    ir: Path | None
    vis: Path | None
    problem: str | None = None
    colour_from: str = "vis"
    labels: Path | None = None
    mask: Path | None = None

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
        ir_rgb = ir.rgb if self.colour_from == "ir" else None
        return PairImages(ir.luminance, vis.luminance, vis.rgb, tuple(notes), ir_rgb)

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


@dataclass(frozen=True)
class Manifest:
    """The content of a set as its publisher ships it: `files`: path in the set -> SHA-256 (hex); `source`: the
    address that they lie under, at a fixed revision."""

    source: str
    files: dict[str, str]


class Dataset:
    """A data set: subclasses set `card` and `default_split`, and say where the pairs are.

    `parts`: the splits that together hold every pair once, for checks of the whole set. `classes`: the names
    of labelled objects, or () where there are no boxes.
    """

    card: DatasetCard
    default_split: str
    parts: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()

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

    def schemes(self) -> dict[str, dict[str, list[str]]]:
        """The named ways to divide the set: scheme -> part ("train", "val", "test") -> ids."""
        return {}

    def scene_of(self, id: str) -> str | None:
        """The scene that a pair was taken from: pairs of one scene are no independent observations. None where the
        set does not tell."""
        return None

    def boxes(self, pair: Pair, flaws: list[Flaw] | None = None) -> list[Box]:
        """The objects labelled in a pair; raises UserError where it has no labels or they are broken. With a list
        `flaws`, what is wrong with single objects is added there instead (see `benchmark.data.labels.of_pair`)."""
        raise UserError(f"data set {self.name}: has no object boxes")

    def time_of_day(self, pair: Pair) -> str | None:
        """Day, night or what the set calls it; None where it is not known."""
        return None

    def manifest(self) -> Manifest | None:
        """What is known of the set's files, from ``manifests/<name>.txt``; None where nothing is."""
        path = MANIFESTS / f"{self.name}.txt"
        return read_manifest(path) if path.is_file() else None

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
        """`split`, or the default for None, or the test part of a scheme; raises UserError for an unknown name."""
        split = self.default_split if split is None else split
        if split not in self.splits() and "test" in self.schemes().get(split, {}):
            split = f"{split}-test"
        if split not in self.splits():
            raise unknown(f"split of {self.name}", split, self.splits())
        return split


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
    pairs = [(ir, vis) for ir in _IR_FOLDERS for vis in _VIS_FOLDERS]
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

    def count_notes(self, split: str, pairs: Sequence[Pair], found: Place | str) -> tuple[str, ...]:
        """What the user must know where a split is not complete."""
        published = self.card.counts.get(split)
        if published is None or len(pairs) == published:
            return ()
        return (f"{self.name} {split}: {len(pairs)} of {published} pairs are in {found}",)

    def select(self, split: str | None = None, root: str | os.PathLike | None = None) -> Selection:
        split = self.check_split(split)
        pairs, place = self.listed(split, root)
        return Selection(pairs, self.count_notes(split, pairs, place), str(place))

    def _remedy(self) -> str:
        return f"expected {self.card.layout} under --data-root DIR (or BENCH_DATA=DIR); get it from {self.card.link}"


def pair_up(ir: Path, vis: Path, ir_suffix: str = "", vis_suffix: str = "") -> list[Pair]:
    """The same-named images (whatever the extension) of two folders as pairs, sorted by id. The suffixes are
    what names without extension end in, and what is no part of the id.

    A file without partner, or a name that stands twice in one folder, becomes a pair that fails with the
    reason. Raises UserError where a folder is missing or neither holds an image.
    """
    for folder in (ir, vis):
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder")
    sides = [_by_stem(ir, ir_suffix), _by_stem(vis, vis_suffix)]
    if not any(sides):
        kinds = ", ".join(images.EXTENSIONS)
        raise UserError(f"no images ({kinds}) in {ir} and {vis}; put pairs of the same names there")
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
    """The ids of ``splits/<dataset>_<split>.txt``, in its order; lines that start with # are comments. Raises
    ValueError where they are not those that ``splits/sha256.txt`` states."""
    name = f"{dataset}_{split}"
    lines = (SPLITS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    ids = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if ids_sha256(ids) != split_hashes().get(name):
        raise ValueError(f"the list {name} is not the one that splits/sha256.txt states; restore or re-hash it")
    return ids


def read_ids(path: Path) -> list[str]:
    """The ids of a list of one's own: one to a line, or file names; lines that start with # are comments. Raises
    UserError for a file that is missing, no text or empty."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: {getattr(error, 'strerror', None) or 'not a text file'}") from None
    ids = [Path(line.strip()).stem for line in lines if line.strip() and not line.startswith("#")]
    if not ids:
        raise UserError(f"{path}: holds no ids")
    return ids


def ids_sha256(ids: Sequence[str]) -> str:
    """SHA-256 (hex) of ids, one to a line."""
    return hashlib.sha256("".join(f"{id}\n" for id in ids).encode()).hexdigest()


@cache
def split_hashes() -> dict[str, str]:
    """Name of a list -> SHA-256 of its ids, from ``splits/sha256.txt``."""
    lines = (SPLITS / "sha256.txt").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split() for line in lines if line and not line.startswith("#"))}


def read_manifest(path: Path) -> Manifest:
    """A file of lines "SHA-256  path", with a comment line "# source: ADDRESS"."""
    source, files = "", {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            head, _, value = line.partition("source:")
            source = value.strip() if head == "# " else source
        elif line:
            digest, _, name = line.partition("  ")
            files[name] = digest
    return Manifest(source, files)


def content_digest(*parts: bytes) -> str:
    """SHA-256 (hex) over the SHA-256 of each part, so that no two lists of parts share one."""
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _by_stem(folder: Path, suffix: str = "") -> dict[str, list[Path]]:
    """The images of a folder by name without suffix and extension; composed Unicode, whatever the file system has."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in images.EXTENSIONS and not path.name.startswith(".") and path.is_file():
            stem = unicodedata.normalize("NFC", path.stem)
            if stem.endswith(suffix):
                found.setdefault(stem[: len(stem) - len(suffix)], []).append(path)
    return found


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
