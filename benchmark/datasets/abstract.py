"""What every data set is: a card, named splits, and pairs that load themselves."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import ClassVar, Protocol

from benchmark.datasets import labels
from benchmark.datasets.labels import Flaw
from benchmark.datasets.pairs import Box, Pair
from benchmark.errors import UserError, unknown
from benchmark.names import spelled

MANIFESTS = Path(__file__).with_name("manifests")


@dataclass(frozen=True)
class DatasetCard:
    """What a user must know about a data set before using it.

    `licence`: "none stated" where the publisher states none.
    `size`: of the images, in words.
    `counts`: split -> number of pairs as published (None where it varies).
    `layout`: the folders looked for under the data root.
    `task`: "ivf" (infrared and visible) or "mif" (medical).
    `use`: what the set may be used for.
    `labels`: what is annotated.
    `by_hand`: the steps to get the set where it cannot be downloaded directly.
    `caveats`: split -> what stands beside every table of it, one line.
    `short`: the title in captions; where empty, what stands before a colon in `title`.
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
    caveats: Mapping[str, str] = field(default_factory=dict)
    short: str = ""


@dataclass(frozen=True)
class Selection:
    """The pairs of one split that are at hand, in a stable order; `notes` for the user, one line each; `found`: the
    folders recognised, in words; `total`: how many pairs the split has, None where that varies."""

    pairs: list[Pair]
    notes: tuple[str, ...] = ()
    found: str = ""
    total: int | None = None


class Labels(Protocol):
    """Labels that a user brings. text: a line that says where they are from. flaws: those of images that are none of
    the set's."""

    text: str
    flaws: tuple[Flaw, ...]

    def boxes(self, pair: Pair, flaws: list[Flaw] | None = None) -> list[Box]:
        """As `Dataset.boxes`."""


@dataclass(frozen=True)
class Manifest:
    """The content of a set as its publisher ships it: `files`: path in the set -> SHA-256 (hex); `source`: the
    address that they lie under, at a fixed revision."""

    source: str
    files: dict[str, str]


class Dataset:
    """A data set: subclasses set `card` and `default_split`, and say where the pairs are.

    `source_titles`: what the two images of a pair are called, such as ("PET", "MRI"). `parts`: the splits that together
    hold every pair once, for checks of the whole set. `classes`: the names of labelled objects, or () where there are
    no boxes. `called`: other names, in small letters, under which methods say that they were trained on the set.
    `split_titles`: what captions call splits other than the default one, which they leave out. `in_sequence`:
    whether the scenes, in the order of their names, follow one another in time, so that neighbours may be alike.
    `regions`: names that published labels have for regions in which detections do not count, see `pairs.Box`.
    `own_labels`: the user's labels, where they stand in for the set's.
    """

    card: DatasetCard
    default_split: str
    source_titles: tuple[str, str] = ("Infrared", "Visible")
    parts: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    called: tuple[str, ...] = ()
    split_titles: ClassVar[dict[str, str]] = {}
    in_sequence: bool = False
    regions: tuple[str, ...] = ()
    own_labels: Labels | None = None

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

    @property
    def training_split(self) -> str:
        """What networks are trained on where no split is named: the training part of the default division, or the
        default split where it has none."""
        own = f"{self.default_split.removesuffix('-test')}-train"
        return next((split for split in ("train", own) if split in self.splits()), self.default_split)

    def listed_split(self, split: str) -> list[str] | None:
        """The ids of a split as its list has them, at hand or not; None where no list is known."""
        named = {f"{scheme}-{part}": ids for scheme, parts in self.schemes().items() for part, ids in parts.items()}
        return named.get(split)

    def scene_of(self, id: str) -> str | None:
        """The scene that a pair was taken from: pairs of one scene are no independent observations. None where the
        set does not tell."""
        return None

    def boxes(self, pair: Pair, flaws: list[Flaw] | None = None) -> list[Box]:
        """The objects labelled in a pair; raises UserError where it has no labels or they are broken. With a list
        `flaws`, what is wrong with single objects is added there instead (see `benchmark.datasets.labels.of_pair`)."""
        raise UserError(f"data set {self.name}: has no object boxes")

    def spellings(self, id: str) -> tuple[str, ...]:
        """What label files call the image `id`, without extension, beside the id itself."""
        return ()

    def id_of(self, name: str) -> str:
        """The id of an image that a label file calls `name`, where the set has no list of ids."""
        return spelled(PurePosixPath(name.replace("\\", "/")).stem)

    def yolo_names(self, path: Path) -> Mapping[int, str]:
        """Number -> class in a label file in YOLO's form: as a file beside it says, else the set's only class. Raises
        UserError where neither is there."""
        stated = labels.stated_order(path)
        if stated is None and len(self.classes) != 1:
            raise UserError(
                f"{path.parent}: nothing says what classes the numbers in YOLO labels are; put a classes.txt there"
            )
        return dict(enumerate(self.classes if stated is None else stated))

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

    def at_hand(self, root: str | os.PathLike | None = None) -> dict[str, Pair]:
        """id -> pair of the whole set, as far as it is there. Raises UserError where nothing is."""
        found, errors = {}, []
        for split in self.parts or (self.default_split,):
            try:
                found |= {pair.id: pair for pair in self.pairs(split, root)}
            except UserError as error:
                errors.append(error)
        if errors and not found:
            raise errors[0]
        return found

    def listed_ids(self, root: str | os.PathLike | None = None) -> set[str]:
        """The ids in the set's lists and those at hand; empty where neither is there."""
        ids = {id for parts in self.schemes().values() for members in parts.values() for id in members}
        try:
            return ids | self.at_hand(root).keys()
        except UserError:
            return ids

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


def read_manifest(path: Path) -> Manifest:
    """Read a file of lines "SHA-256  path", with a comment line "# source: ADDRESS"."""
    source, files = "", {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            head, _, value = line.partition("source:")
            source = value.strip() if head == "# " else source
        elif line:
            digest, _, name = line.partition("  ")
            files[name] = digest
    return Manifest(source, files)
