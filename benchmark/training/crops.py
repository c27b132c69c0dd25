"""Read the pairs that a network is trained on, from one or several data sets, and cut the random crops of a step."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from baselines.tasks import Recipe
from benchmark.errors import UserError
from benchmark.run import stretching
from benchmark.run.stretching import Stretching
from benchmark.store import told

VALIDATION_PAIRS = 8
VALIDATION_CROP = 128  # pixels
GAMMA, GAIN = (0.5, 2.5), (0.3, 1.0)
REDRAWS = 4


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A pair that is validated on. images: infrared and visible as training would see them, uint8. size: height and
    width of the pair as it is, which `whole` reads."""

    name: str
    images: tuple[np.ndarray, np.ndarray]
    size: tuple[int, int]
    whole: Callable[[], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Source:
    """The training pairs of one split (published weights have a `Source` of their own in `baselines.weights`).

    images: (infrared, visible) of each pair, uint8 luminance. ids_sha256: hash of the ids, one to a line, as of the
    committed split lists. images_sha256: hash of the files' content. notes: on which pairs these are, one line each.
    told: what was converted on reading and what cannot be meant, one line each. ids: of the pairs; their places where
    empty. sizes: height and width before reduction, where that changed any. whole: reads a pair, by its place, as it is
    without reduction; None where `images` holds all.
    """

    dataset: str
    split: str
    images: list[tuple[np.ndarray, np.ndarray]]
    ids_sha256: str = ""
    images_sha256: str = ""
    notes: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    sizes: tuple[tuple[int, int], ...] = ()
    whole: Callable[[int], tuple[np.ndarray, np.ndarray]] | None = None

    def held_out(self, place: int) -> HeldOut:
        """The pair at a place, to validate on."""
        images = self.images[place]
        name = f"{self.dataset} {self.ids[place] if self.ids else place}"
        if self.whole is None or self.sizes[place] == images[0].shape:
            return HeldOut(name, images, images[0].shape, lambda: images)
        return HeldOut(name, images, self.sizes[place], partial(self.whole, place))

    def facts(self) -> dict:
        return {
            "dataset": self.dataset, "split": self.split, "pairs": len(self.images),
            "ids_sha256": self.ids_sha256, "images_sha256": self.images_sha256,
        }  # fmt: skip


def read(
    spec: str,
    recipe: Recipe,
    split: str | None = None,
    root: str | os.PathLike | None = None,
    ir: Path | None = None,
    vis: Path | None = None,
    ir_pattern: str | None = None,
    vis_pattern: str | None = None,
    stretch: Stretching = stretching.NONE,
) -> Source:
    """Read the source that `spec` names: a data set, or DATASET@SPLIT.

    split: taken where `spec` names none; None stands for the set's `training_split`, or its default one. ir,
    vis: the directories of the data set `folder`; ir_pattern, vis_pattern: of the names in them. Reduces images whose
    longer side exceeds the recipe's `longest` to it, by area averaging. stretch: of images of more than 8 bits. Raises
    UserError for unknown names, missing or broken data,
    and pairs smaller than a crop.
    """
    from benchmark import datasets
    from benchmark.datasets.id_lists import ids_sha256, part_label

    name, _, own = spec.partition("@")
    dataset = datasets.get(name)
    if dataset.name == "folder":
        dataset = type(dataset)(ir, vis, ir_pattern, vis_pattern)
    split = dataset.check_split(own or split or dataset.training_split)
    selection = dataset.select(split, root)
    pairs, notes = stretching.apply(selection.pairs, stretch)
    images, sizes, digest, facts = [], [], hashlib.sha256(), {}
    for pair in pairs:
        loaded = pair.load()
        both = reduce(loaded.ir, recipe.longest), reduce(loaded.vis, recipe.longest)
        if min(both[0].shape) < recipe.crop:
            raise UserError(f"pair {pair.id} is smaller than the recipe's crops of {recipe.crop} pixels")
        images.append(both)
        sizes.append(loaded.ir.shape)
        facts[pair.id] = loaded.told
        digest.update(pair.digest().encode())
    ids = [pair.id for pair in pairs]
    label = part_label(split, ids, selection.total) + stretch.suffix
    lines = (*notes, *told.in_all(facts, len(pairs)))

    def whole(place: int) -> tuple[np.ndarray, np.ndarray]:
        loaded = pairs[place].load()
        return loaded.ir, loaded.vis

    return Source(
        dataset.name, label, images, ids_sha256(ids), digest.hexdigest(), selection.notes, lines, tuple(ids),
        tuple(sizes), whole,
    )  # fmt: skip


def refuse_repeats(sources: Sequence[Source]) -> None:
    """Raise UserError where two sources hold a pair of the same pixels: it could be held out of one and trained on in
    the other."""
    if len(sources) < 2:
        return
    seen, repeated = {}, {}
    for index, source in enumerate(sources):
        for pair in source.images:
            content = hashlib.sha256(b"".join(image.tobytes() for image in pair)).digest()
            other = seen.setdefault(content, index)
            if other != index:
                repeated[other, index] = repeated.get((other, index), 0) + 1
    for both, count in repeated.items():
        first, second = (f"{sources[i].dataset}@{sources[i].split}" for i in both)
        pairs = "1 pair is" if count == 1 else f"{count} pairs are"
        raise UserError(
            f"{pairs} in both {first} and {second}, so that pairs held out would be trained on; leave one of them out"
        )


def reduce(image: np.ndarray, longest: int) -> np.ndarray:
    """Reduce an image, by area averaging, until its longer side has at most `longest` pixels (0: leave it)."""
    side = max(image.shape)
    if not longest or side <= longest:
        return image
    import cv2

    size = [round(n * longest / side) for n in image.shape]
    return cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)


def centre_crop(image: np.ndarray) -> np.ndarray:
    """Cut the centre of an image, at most VALIDATION_CROP pixels a side."""
    top, left = ((side - min(side, VALIDATION_CROP)) // 2 for side in image.shape)
    return np.ascontiguousarray(image[top : top + VALIDATION_CROP, left : left + VALIDATION_CROP])


def split_off_validation(sources: Sequence[Source]) -> tuple[list[list], list[HeldOut]]:
    """Hold evenly spaced pairs of every source out; return (training images of each source, held-out pairs of all).

    Eight pairs are held out in all, shared out by the sources' sizes, but never more than a quarter of a source.
    """
    total = sum(len(source.images) for source in sources)
    training, validation = [], []
    for source in sources:
        size = len(source.images)
        count = min(max(1, round(VALIDATION_PAIRS * size / total)), size // 4)
        chosen = set(np.linspace(0, size - 1, count + 2)[1:-1].round().astype(int)) if count else set()
        training.append([x for i, x in enumerate(source.images) if i not in chosen])
        validation += [source.held_out(i) for i in range(size) if i in chosen]
    return training, validation


def shares(counts: Sequence[int], balance: float) -> np.ndarray:
    """Return each source's probability that a crop comes from it, proportional to (number of pairs) ** balance."""
    weights = np.array(counts, float) ** balance
    return weights / weights.sum()


def crops(sources: Sequence[list[tuple[np.ndarray, np.ndarray]]], recipe: Recipe, seed: int, step: int) -> torch.Tensor:
    """Cut the batch of a step, (2, batch, 1, crop, crop) in [0, 1], infrared first.

    Draws everything random from seed and step, so that a resumed run sees what an unbroken one would. Turns and mirrors
    the crops. Draws flat ones again and changes tones as the recipe says.
    """
    random = np.random.default_rng([seed, step])
    chances = shares([len(images) for images in sources], recipe.balance)
    batch = []
    for source in random.choice(len(sources), size=recipe.batch, p=chances):
        images = sources[source]
        for _ in range(1 + REDRAWS):
            pair = _cut(images[random.integers(len(images))], recipe.crop, random)
            if not recipe.contrast or _contrast(pair) >= recipe.contrast:
                break
        pair = np.rot90(pair, random.integers(4), axes=(1, 2))
        pair = pair[:, :, ::-1] if random.integers(2) else pair
        pair = pair.astype(np.float32) / 255
        if recipe.tone:
            pair = np.stack([_retone(image, random) if random.random() < recipe.tone else image for image in pair])
        batch.append(pair)
    return torch.from_numpy(np.stack(batch, axis=1)[:, :, None].astype(np.float32))


class Ahead:
    """Draws the crops of the next step in a thread, while a GPU is at work on this one's.

    pinned: whether into page-locked memory, from which a GPU fetches them by itself; needs CUDA.
    """

    def __init__(self, pinned: bool):
        self._pinned, self._thread = pinned, ThreadPoolExecutor(1, "crops")
        self._next, self._drawn = None, None

    def crops(self, sources: Sequence[list], recipe: Recipe, seed: int, step: int) -> torch.Tensor:
        """Return what `crops` returns. Steps may come in any order; the one after the last is there already."""
        if self._next is None or self._next[0] is not sources or self._next[1:] != (recipe, seed, step):
            self._ask(sources, recipe, seed, step)
        batch = self._drawn.result()
        self._ask(sources, recipe, seed, step + 1)
        return batch

    def _ask(self, *what) -> None:
        self._next, self._drawn = what, self._thread.submit(self._draw, *what)

    def _draw(self, *what) -> torch.Tensor:
        batch = crops(*what)
        return batch.pin_memory() if self._pinned else batch


def _cut(pair: tuple[np.ndarray, np.ndarray], side: int, random: np.random.Generator) -> np.ndarray:
    top, left = (random.integers(0, size - side + 1) for size in pair[0].shape)
    return np.stack([image[top : top + side, left : left + side] for image in pair])


def _contrast(pair: np.ndarray) -> float:
    """Return the gap between the 10th and 90th percentiles, in [0, 1], of the image in which it is wider."""
    low, high = np.percentile(pair, (10, 90), axis=(1, 2))
    return float((high - low).max() / 255)


def _retone(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return gain * image ** gamma. Draws gamma log-uniformly from GAMMA and gain uniformly from GAIN; black stays
    black."""
    gamma = np.exp(random.uniform(*np.log(GAMMA)))
    return random.uniform(*GAIN) * image**gamma
