"""From names and options to what is to be run: pairs, methods, metrics. Nothing is fused or written here."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from benchmark.datasets import image_files, name_rules
from benchmark.datasets.abstract import Dataset
from benchmark.datasets.id_lists import limited_label, part_label
from benchmark.datasets.pairs import Pair, PairError
from benchmark.errors import UserError, first_few, unknown
from benchmark.names import composed, printable, spelled, unusable
from benchmark.progress import Progress
from benchmark.run import stretching
from benchmark.run.methods import Method, check_weights_root, fitting, select_methods
from benchmark.run.stretching import Stretching
from benchmark.store import cells

__all__ = [
    "Method",
    "Split",
    "check_external_name",
    "check_weights_root",
    "find_fused",
    "fitting",
    "fuse_keys",
    "select_datasets",
    "select_device",
    "select_methods",
    "select_metrics",
    "select_scan_backend",
    "select_split",
    "select_splits",
    "why",
]

_NAMED = 5  # files in a line about many


@dataclass(frozen=True)
class Split:
    """The pairs to run on. `dataset` and `name` are the labels under which results are kept. task: "ivf" or "mif", ""
    where it is not known.

    digests: id -> SHA-256 of the pair's content, or None where it cannot be read: `broken` then says why.
    """

    dataset: str
    name: str
    pairs: list[Pair]
    source: str = ""
    notes: tuple[str, ...] = ()
    digests: dict[str, str | None] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    task: str = ""

    @cached_property
    def largest(self) -> tuple[int, int] | None:
        """Height and width of the largest pair; None where none can be read. Reads every image's header, once."""
        sizes = []
        for pair in self.pairs:
            if self.digests.get(pair.id) is not None:
                try:
                    sizes.append(pair.size()[::-1])
                except UserError:
                    continue  # told when it is loaded
        return max(sizes, key=lambda size: size[0] * size[1], default=None)

    def sha256(self) -> str:
        """Of ids and images in order: two runs with the same one saw the same split."""
        content = repr([(pair.id, self.digests[pair.id]) for pair in self.pairs])
        return hashlib.sha256(content.encode()).hexdigest()


def select_split(
    dataset: str,
    split: str | None = None,
    limit: int | None = None,
    data_root: Path | None = None,
    ir: Path | None = None,
    vis: Path | None = None,
    ir_pattern: str | None = None,
    vis_pattern: str | None = None,
    stretch: Stretching = stretching.NONE,
) -> Split:
    """The pairs of a split that are at hand, the first `limit` of them where that is given.

    What is fewer than the split is a split of its own, see `part_label` and `limited_label`. `ir` and `vis` are the
    directories of the data set `folder`, with the patterns of their names; its splits are called after the pairs'
    content, wherever they lie. stretch: of images of more than 8 bits; it makes a split of its own, too. Raises
    UserError for an unknown name or missing data.
    """
    source = select_source(dataset, ir, vis, ir_pattern, vis_pattern)
    dataset = source.name
    name = source.check_split(split)
    selection = source.select(name, data_root)
    pairs = selection.pairs
    if not pairs:
        raise UserError(f"{dataset}@{name}: no pairs found in {selection.found}; expected {source.card.layout}")
    name = part_label(name, [pair.id for pair in pairs], selection.total)
    limited = limit is not None and limit < len(pairs)
    pairs, notes = stretching.apply(pairs[:limit], stretch)
    chosen = read_split(dataset, name, pairs, selection.found, (*selection.notes, *notes))
    if dataset == "folder":
        name = f"{name}-{chosen.sha256()[:8]}"
    return replace(chosen, name=(limited_label(name, limit) if limited else name) + stretch.suffix)


def select_source(
    name: str,
    ir: Path | None = None,
    vis: Path | None = None,
    ir_pattern: str | None = None,
    vis_pattern: str | None = None,
    label_order: str | None = None,
) -> Dataset:
    """The data set of that name, or the directories of the data set `folder`. Raises UserError as `datasets.get`."""
    from benchmark import datasets

    source = datasets.get(name, label_order)
    return type(source)(ir, vis, ir_pattern, vis_pattern) if source.name == "folder" else source


def read_split(dataset: str, name: str, pairs: list[Pair], source: str = "", notes: tuple[str, ...] = ()) -> Split:
    """A split of these pairs, with the digest of each, or why it cannot be read."""
    digests, broken = {}, {}
    with Progress().bar(f"reading {dataset}@{name}", len(pairs), summary=False) as step:
        for pair in pairs:
            try:
                digests[pair.id] = pair.digest()
            except UserError as error:
                digests[pair.id], broken[pair.id] = None, why(error)
            step()
    from benchmark import datasets

    task = "" if dataset == "folder" else datasets.get(dataset).card.task
    return Split(dataset, name, pairs, source, (*notes, *_twins(digests)), digests, broken, task)


def _twins(digests: dict[str, str | None]) -> list[str]:
    """A line about pairs that are no observations of their own, since their images are those of others."""
    ids: dict[str | None, list[str]] = {}
    for id, digest in digests.items():
        ids.setdefault(digest, []).append(id)
    groups = [same for digest, same in ids.items() if digest is not None and len(same) > 1]
    if not groups:
        return []
    count = sum(len(same) - 1 for same in groups)
    some = "; ".join(printable(first_few(same, _NAMED)) for same in groups[:_NAMED])
    what = "1 pair repeats another" if count == 1 else f"{count} pairs repeat others"
    return [f"{what}, and each counts as if it were new: {some}{'; …' * (len(groups) > _NAMED)}"]


def select_splits(names: Sequence[str], *arguments) -> tuple[list[Split], dict[str, str]]:
    """The splits of several data sets (arguments as of `select_split`), and data set -> why it is unavailable.

    Raises UserError where not one of them is there.
    """
    splits, unavailable = [], {}
    for name in names:
        try:
            splits.append(select_split(name, *arguments))
        except UserError as error:
            if len(names) == 1:
                raise
            unavailable[name] = error.message.removeprefix(f"data set {name}: ")
    if not splits:
        raise UserError("; ".join(f"{name}: {reason}" for name, reason in unavailable.items()))
    return splits, unavailable


def select_datasets(names: Sequence[str], ir: Path | None = None, vis: Path | None = None, *patterns) -> list[str]:
    """The data sets as they spell their own names, each once. Raises UserError for an unknown one, and for
    directories (`ir`, `vis`) and patterns of names where no data set takes them."""
    from benchmark import datasets

    found = list(dict.fromkeys(datasets.get(name).name for name in names))
    if "folder" not in found:
        if ir or vis:
            raise UserError("--ir and --vis go with --dataset folder")
        if any(patterns):
            raise UserError("--ir-pattern and --vis-pattern go with --dataset folder")
    return found


def select_metrics(metrics: Sequence[str] | None, protocols: Sequence[str]) -> dict[str, list[str]]:
    """protocol -> metrics to compute under it; metrics: names, or None for the core ones that it defines. The
    protocol "all" stands for every one that defines any of them.

    Raises UserError for an unknown name, for a metric that none of the protocols defines, and for a BENCH_ISA that
    cannot run here.
    """
    import metrics as library

    try:
        library.isa()
        asked = None if metrics is None else list(dict.fromkeys(library.card(name).name for name in metrics))
        for name in asked or ():
            if reason := library.unavailable(name):
                raise UserError(reason)
        if "all" in protocols:
            sought = set(library.CORE if asked is None else asked)
            protocols = [name for name in library.protocols() if sought & set(library.names(name))]
        defined = {protocol: library.names(protocol) for protocol in protocols}
    except (RuntimeError, ValueError) as error:
        raise UserError(str(error)) from None
    if asked is None:
        return {
            protocol: [name for name in library.CORE if name in names] or names for protocol, names in defined.items()
        }
    for name in asked:
        if not any(name in names for names in defined.values()):
            raise UserError(
                f"metric {name} is not defined by protocol {', '.join(protocols)}; it is by"
                f" {', '.join(library.card(name).protocols)}"
            )
    chosen = {protocol: [name for name in asked if name in names] for protocol, names in defined.items()}
    for protocol, names in chosen.items():
        if not names:
            raise UserError(f"protocol {protocol} defines none of the metrics asked for: {', '.join(asked)}")
    return chosen


def select_device(device: str, methods: Sequence[Method]) -> str:
    """ "cpu" or "cuda"; "auto" takes a GPU where there is one and a network to run on it."""
    if device == "cpu" or (device == "auto" and not any(m.card.family == "learned" for m in methods)):
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if device == "cuda":
        raise UserError("--device cuda: torch finds no CUDA device here; see bench doctor, or use --device cpu")
    return "cpu"


def select_scan_backend(name: str | None, device: str) -> None:
    """Make the selective scan run on a backend of `baselines.scan`; None leaves the choice to it. Raises UserError
    for an unknown backend, and for one that cannot run on the device."""
    if name is None:
        return
    from baselines import scan

    if name not in scan.BACKENDS:
        raise unknown("scan backend", name, scan.BACKENDS)
    if reason := scan.unfit(name, device):
        raise UserError(f"--scan-backend {name}: {reason}")
    os.environ["BENCH_SCAN_BACKEND"] = name


def find_fused(
    folder: Path, pairs: Sequence[Pair], pattern: str | None = None, method: str = ""
) -> tuple[dict[str, Path], dict[str, str], tuple[str, ...]]:
    """The fused images from elsewhere: id -> file; id -> why there is none; and what to tell of how names were read.

    pattern: see `image_files.Pattern`. Without it, names that are no ids are read by one rule where it explains all
    of them; the method's name may be part of them. Raises UserError where the folder is missing or holds no image of
    any pair.
    """
    if not folder.is_dir():
        raise UserError(f"--fused {printable(folder)}: no such folder")
    notes: list[str] = []
    names = image_files.Pattern.of("--pattern", pattern) if pattern else None
    named = image_files.by_name(folder) if names is None else names.read(folder, notes)
    left = image_files.not_looked_at(folder, "--pattern", pattern)
    by_id: dict[str, list[Path]] = {}
    for name, files in named.items():
        by_id.setdefault(spelled(name), []).extend(files)
    ids = {pair.id for pair in pairs}
    if by_id and not (ids <= by_id.keys() or by_id.keys() <= ids):
        rule = name_rules.guess_within(ids, named, _words_of_methods(method))
        if rule is not None:
            id, name = rule.example()
            by_id = {one: named[other] for one, other in rule.matching()}
            what = f"'{rule.second.pattern}'" if rule.second.cut else "alike but for case and zeros before a number"
            notes.append(
                f"fused images matched by a guess, {printable(what)}: {printable(name)} is pair {id}, {len(by_id)} of"
                f" {len(ids)} pairs; if that is wrong, give --pattern"
            )
    found, missing, others = {}, {}, None
    for pair in pairs:
        files = by_id.get(pair.id, [])
        if len(files) == 1 and (reason := image_files.dead_link(files[0])):
            missing[pair.id] = reason
        elif len(files) == 1:
            found[pair.id] = files[0]
        elif files:
            listing = ", ".join(printable(file.relative_to(folder)) for file in files)
            missing[pair.id] = f"{len(files)} fused images of that name: {listing}"
        else:
            if others is None:
                others = {spelled(name): reason for name, reason in image_files.unread(folder, names).items()}
            missing[pair.id] = others.get(pair.id) or f"no fused image of that name in {printable(folder)}"
    if not found and not any(pair.id in by_id for pair in pairs):
        files = [file for files in named.values() for file in files]
        example = f", or give --pattern, such as '{printable(image_files.example(named))}'" if named else ""
        raise UserError(
            f"--fused {printable(folder)}: no image is named as a pair of the split; expected"
            f" {pairs[0].id}.png, …{example}; it holds {_content(folder, files)}"
            f"{''.join(f'; {note}' for note in left)}"
        )
    taken = {file for id in ids for file in by_id.get(id, ())}
    if others := [printable(name) for name, files in named.items() if taken.isdisjoint(files)]:
        count = f"{len(others)} fused image{'s fit' if len(others) != 1 else ' fits'} no pair of the split"
        notes.append(f"{printable(folder)}: {count}: {first_few(others, _NAMED)}")
    return found, missing, (*left, *notes)


def _words_of_methods(name: str) -> list[str]:
    """What names of fused images may hold of the name of their method, which may be one of this suite."""
    import baselines

    return [name, *baselines.modules()]


def _content(folder: Path, files: Sequence[Path]) -> str:
    """What lies in a folder, whose images are `files`."""
    if files:
        return _counted("image", files)
    if others := image_files.unread(folder):
        return f"no image files: {first_few(list(others.values()), 1)}"
    folders = sorted(path for path in folder.iterdir() if path.is_dir())
    return "no image files" + (f", but {_counted('folder', folders)}" if folders else "")


def _counted(kind: str, paths: Sequence[Path]) -> str:
    names = [printable(path.name) for path in paths]
    return f"{len(paths)} {kind}{'s' * (len(paths) != 1)} ({first_few(names, _NAMED)})"


def check_external_name(name: str) -> str:
    """A name for results from elsewhere, without spaces around it; raises UserError where it cannot be a folder or is
    that of a method's file (importing all methods, and torch with them, would take longer than scoring)."""
    import baselines

    name = composed(name.strip())
    if reason := unusable(name, typed=False):
        raise UserError(f"--name '{printable(name)}': must be usable as a folder's name; {reason}")
    if name.partition("+")[0].lower() in baselines.modules():  # some file systems ignore case
        raise UserError(f"--name {name}: is a method of this suite; choose another name for images from elsewhere")
    return name


def fuse_keys(split: Split, method: Method, seed: int) -> dict[str, str]:
    """id -> fuse key of every pair that can be read."""
    return {
        id: cells.fuse_key(digest, method.name, method.version, method.checkpoint_sha256, seed)
        for id, digest in split.digests.items()
        if digest is not None
    }


def why(error: UserError) -> str:
    """The reason that an error gives, without the pair's id, which stands beside it."""
    return error.reason if isinstance(error, PairError) else error.message
