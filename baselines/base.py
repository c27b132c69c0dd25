"""What a fuser is: its card, its checkpoint and one call."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib.util
import inspect
import json
import os
import random
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np

from . import state_dicts, tiling, weights
from .wording import reason, shape

SHIPPED = Path(__file__).parent / "checkpoints"
MIN_SIDE = 16
FAMILIES = ("naive", "classical", "learned", "other")
OUTPUTS = ("raw", "native", "minmax")


class Unavailable(Exception):
    """A method cannot run here; the message says why and what to do about it."""


@dataclass(frozen=True)
class MethodCard:
    """Facts about a fusion method.

    tasks: what it was made for, "ivf" (infrared with visible) or "mif" (medical).
    trained_on: what the authors' checkpoints were trained on. It tells in-domain results from zero-shot ones; other
    checkpoints have a record of their own (see `checkpoint_record`).
    parameters: of the network. flops: of one forward pass at 480x640; a multiplication and an addition count as two.
    None where they are not stated, and for what is no network.
    stretch: the authors' test script stretches each image to the full range on saving.
    truncate: the authors' test script cuts grey levels off on saving; others round them.
    agreement: how far the outputs are from the authors', and on what.
    checkpoints: the files that the method can load, best first: name -> sha256, None where no hash is published, as
    for files that a user trains.
    companions: the further files of a checkpoint, which lie beside it: its name -> their names -> sha256.
    weights_folder: the folder under the weights root, where it is not the method's name.
    requires: packages that the method imports: name -> the extra of ours that installs it.
    variant: of the network, where weights of the same names and shapes are of several; "" for that of the authors'
    code.
    """

    name: str
    title: str = ""  # the name where it is empty
    family: str = "other"  # naive, classical, learned, or other for code from elsewhere that does not say
    year: int | None = None
    citation: str = ""
    licence: str = ""  # of the authors' code
    weights_licence: str = ""
    link: str = ""
    tasks: tuple[str, ...] = ("ivf", "mif")
    trained_on: str = ""
    parameters: int | None = None
    flops: float | None = None
    input_convention: str = "luminance in [0, 1]"
    output_convention: str = "clipped to [0, 1]"
    stretch: bool = False
    truncate: bool = False
    agreement: str = ""
    checkpoints: dict[str, str | None] = field(default_factory=dict)
    companions: dict[str, dict[str, str | None]] = field(default_factory=dict)
    weights_folder: str = ""
    requires: dict[str, str] = field(default_factory=dict)
    notes: str = ""
    variant: str = ""
    version: str = "1"  # changes when the method's output changes; part of the key of every stored result

    def __post_init__(self):
        if self.family not in FAMILIES:
            raise ValueError(f"{self.name}: family '{self.family}' is not one of {', '.join(FAMILIES)}")
        object.__setattr__(self, "title", self.title or self.name)


def sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _sha256(file)


def _sha256(file) -> str:  # hashlib.file_digest is new in Python 3.11
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def checkpoint_files(card: MethodCard, path: Path) -> list[Path]:
    """All files of the checkpoint at `path`: itself, and its companions by the card, which lie beside it."""
    return [path, *(path.with_name(file) for file in card.companions.get(path.name, ()))]


def checkpoint_sha256(card: MethodCard, path: Path) -> str:
    """The hash that identifies a checkpoint: the sha256 of its file or, of several files, of their sha256s."""
    return _joined([sha256(file) for file in checkpoint_files(card, path)])


def _joined(hashes: list[str]) -> str:
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def published_sha256s(card: MethodCard) -> set[str]:
    """The `checkpoint_sha256` of each checkpoint of the card whose files all have a published hash."""
    found = ([sha, *card.companions.get(file, {}).values()] for file, sha in card.checkpoints.items())
    return {_joined(hashes) for hashes in found if all(hashes)}


def find_checkpoint(
    card: MethodCard,
    override: str | Path | None = None,
    weights_root: str | Path | None = None,
    trust: bool = False,
) -> Path | None:
    """Find the file that a method's weights are read from; None for a method without weights. Where a checkpoint has
    several files, this is the first, and the others lie beside it.

    Looks at `override` first, then for `<weights_root>/<folder>/<file>`, then for `<folder>/<file>` in the cache that
    `bench weights pull` fills, then among the files shipped with the package. weights_root: None for BENCH_WEIGHTS.
    Raises Unavailable when there is no file and when a package that the method requires is not installed. Raises it
    also for a file found by name that has another hash than is published for that name, unless `trust`, and for weights
    of another variant of the network.
    """
    for package, extra in card.requires.items():
        if importlib.util.find_spec(package) is None:
            raise Unavailable(f'{card.name}: needs the package {package}: pip install "mmif-bench[{extra}]"')
    if override is not None:
        path = Path(override)
        if not path.is_file():
            raise Unavailable(f"{card.name}: no checkpoint at {path}")
        if lacking := [file.name for file in checkpoint_files(card, path) if not file.is_file()]:
            raise Unavailable(f"{card.name}: the checkpoint {path} needs {', '.join(lacking)} beside it")
        _check_variant(card, path)
        return path
    if not card.checkpoints:
        return None
    root = weights_root or os.environ.get("BENCH_WEIGHTS")
    name = card.weights_folder or card.name
    folders = [*([Path(root) / name] if root else []), weights.cache() / name, SHIPPED]
    for folder in folders:
        for file in card.checkpoints:
            if all(path.is_file() for path in checkpoint_files(card, folder / file)):
                if not trust:
                    _check_published(card, folder / file)
                _check_variant(card, folder / file)
                return folder / file
    wanted = " or ".join(" with ".join([f"{name}/{file}", *card.companions.get(file, ())]) for file in card.checkpoints)
    where = f"in {root}" if root else "(no --weights-root or BENCH_WEIGHTS given)"
    source = f", published at {card.link}" if card.link and not card.variant else ""
    pull = f": bench weights pull {name}" if any(weights.source(name, file) for file in card.checkpoints) else ""
    raise Unavailable(f"{card.name}: no checkpoint {wanted} {where}{source}{pull}; or --checkpoint {card.name}=PATH")


def _check_published(card: MethodCard, path: Path) -> None:
    """Raises Unavailable where a file of the checkpoint at `path` has another hash than is published for its name."""
    stated = {**card.checkpoints, **card.companions.get(path.name, {})}
    for file in checkpoint_files(card, path):
        source = weights.source(card.weights_folder or card.name, file.name)
        known = stated.get(file.name)
        if (known and sha256(file) != known) or (source and not source.matches(file)):
            raise Unavailable(
                f"{card.name}: {file} is not the file that is published under that name; --trust-checkpoint to use it "
                "all the same"
            )


def stated_variant(path: Path) -> tuple[str | None, str]:
    """Return the variant of the network that the weights at `path` are of, "" for that of the authors' code, and the
    method that has it; None where neither the file nor the record beside it says.
    """
    stated = {}
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError, safe_open

        with contextlib.suppress(OSError, SafetensorError), safe_open(path, "np") as file:  # told when they are read
            stated = file.metadata() or {}
    if "variant" not in stated:
        stated = checkpoint_record(path)
        if not stated or ("sha256" in stated and stated["sha256"] != sha256(path)):  # another file's record
            return None, ""
    return str(stated.get("variant") or ""), str(stated.get("method") or "")


def _check_variant(card: MethodCard, path: Path) -> None:
    """Raises Unavailable where the weights are of another variant of the network than the method."""
    variant, method = stated_variant(path)
    if variant not in (None, card.variant):
        names = [
            f"the variant '{name}' of the network" if name else "the authors' network"
            for name in (variant, card.variant)
        ]
        hint = f"; {method} takes them" if method else ""
        raise Unavailable(f"{card.name}: {path} holds weights of {names[0]}, and {card.name} is {names[1]}{hint}")


def is_known(card: MethodCard, path: Path) -> bool:
    """Whether the origin of the checkpoint at `path` is known, whatever its name: it is published, or the package ships
    it, or the record of its training lies beside it."""
    digest = checkpoint_sha256(card, path)
    if digest in published_sha256s(card):
        return True
    published = weights.sources(card.weights_folder or card.name)
    if all(any(source.matches(file) for source in published) for file in checkpoint_files(card, path)):
        return True
    if (own := shipped_checkpoint(card)) is not None and sha256(own) == digest:
        return True
    record = checkpoint_record(path)
    return bool(record) and record.get("sha256", digest) == digest


def checkpoint_record(path: Path) -> dict:
    """Read what `<name>.json` beside a checkpoint says of its training, as `bench train` writes it; {} without one.

    Tables show two of its entries: `trained_on`, and `status` ("preliminary"), which only shipped checkpoints have.
    """
    try:
        record = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def shipped_checkpoint(card: MethodCard) -> Path | None:
    """The file that the package ships for a method, or None."""
    return next((SHIPPED / file for file in card.checkpoints if (SHIPPED / file).is_file()), None)


def training_record(card: MethodCard, path: Path, digest: str) -> dict:
    """What is known of the training of the checkpoint at `path`: at least `trained_on`. digest: `checkpoint_sha256`.

    The card speaks for the authors' file, which its published hash tells or, where there is none, its name. The record
    beside it speaks for any other file, and the shipped record for a copy of a shipped file without one. Where nothing
    does, `trained_on` is "unknown".
    """
    source = weights.source(card.weights_folder or card.name, path.name)
    named = path.name != f"{card.name}.safetensors" and card.checkpoints.get(path.name, digest) is None
    named = named and (source is None or source.matches(path))
    if digest in published_sha256s(card) or named:
        return {"trained_on": card.trained_on}
    record = checkpoint_record(path)
    if record.get("sha256", digest) != digest:  # left behind by another file of that name
        record = {}
    if not record and (own := shipped_checkpoint(card)) is not None and sha256(own) == digest:
        record = checkpoint_record(own)
    return {**record, "trained_on": str(record.get("trained_on") or "unknown")}


def load_state(path: Path) -> dict:
    """Read a checkpoint without running any code in it: safetensors, torch files with weights_only=True, or the .index
    of a TensorFlow 1 checkpoint, whose values lie beside it.

    Returns names with tensors, with further such dicts, or with numbers that a training left there (its epoch).
    """
    import torch

    from .tensorflow1 import read_checkpoint

    try:
        if path.suffix == ".index":
            state = {name: torch.from_numpy(values) for name, values in read_checkpoint(path).items()}
        else:
            state = state_dicts.read(path)
    except Exception as error:
        raise Unavailable(
            f"{path}: not a readable checkpoint ({reason(error)[:300] or type(error).__name__})"
        ) from error
    if not _is_state(state):
        raise Unavailable(f"{path}: not a state dict (names with tensors, or with further such dicts)")
    return state


def load_tensors(path: Path, device: str = "cpu"):
    """Read a file of torch's, and nothing in it that could run code. Raises whatever torch raises: tell it by
    `wording.reason`, since torch advises to run the code all the same."""
    import torch

    return torch.load(path, map_location=device, weights_only=True)


def load_states(card: MethodCard, path: Path) -> list[dict]:
    """`load_state` of each file of the checkpoint at `path`."""
    return [load_state(file) for file in checkpoint_files(card, path)]


def _is_state(value) -> bool:
    import torch

    return isinstance(value, dict) and all(
        isinstance(name, str) and (isinstance(x, (torch.Tensor, int, float)) or _is_state(x))
        for name, x in value.items()
    )


def as_unit(image: np.ndarray, name: str) -> np.ndarray:
    """float32 in [0, 1] from uint8, or from float that is already in [0, 1]."""
    image = np.asarray(image)
    if image.dtype == np.uint8:
        return image.astype(np.float32) / np.float32(255)
    if image.dtype.kind != "f":
        raise ValueError(f"{name}: expected uint8 or float in [0, 1], got {image.dtype}")
    image = image.astype(np.float32)
    if not np.isfinite(image).all():
        raise ValueError(f"{name}: contains NaN or infinite values")
    if image.size and (image.min() < 0 or image.max() > 1):
        raise ValueError(f"{name}: expected float in [0, 1], got {image.min():.4g} to {image.max():.4g}")
    return image


def seed_generators(value: int) -> None:
    """Seed every generator that a method may draw from: Python's, numpy's and, once it is imported, torch's."""
    random.seed(value)
    np.random.seed(value)  # noqa: NPY002 (what methods draw from)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(value)


def stretched(images: np.ndarray) -> np.ndarray:
    """Stretch each image of (B, 1, H, W) from its minimum and maximum to [0, 1]; a flat one stays as it is."""
    low, high = images.min(axis=(1, 2, 3), keepdims=True), images.max(axis=(1, 2, 3), keepdims=True)
    return np.divide(images - low, high - low, out=images.copy(), where=high > low)


class Fuser(ABC):
    """A fusion method that is ready to run.

    Subclasses set `card` and implement `fuse_batch`; this class checks, converts and clips.
    checkpoint: the file that the weights come from, as `find_checkpoint` found it. precision: one of `precisions`;
    "fp32" unless `baselines.load` was asked for another.

    For large images in parts: `reach` is how many pixels away a pixel of the images can still change a pixel of the
    result; None where that is the whole image or not known, and `whole` then says why. `align`: tiles begin at
    multiples of it, as the image's own grid does. `streams`: the images pass in bands instead, with the same result,
    by a `fuse_parts` of the method's own. `tile`: side of the parts in pixels, None for whole images.

    `stretched_over`: what the authors' stretch, where `card.stretch` tells of one, goes from and to.

    told: what is to be told of the image that was fused last, one phrase each.
    """

    card: ClassVar[MethodCard]
    precisions: ClassVar[tuple[str, ...]] = ("fp32",)
    precision: str = "fp32"
    reach: ClassVar[int | None] = None
    align: ClassVar[int] = 1
    whole: ClassVar[str] = "it does not say how far pixels reach (`reach`)"
    streams: ClassVar[bool] = False
    tile: int | None = None
    told: tuple[str, ...] = ()
    stretched_over: ClassVar[str] = "its minimum to its maximum"

    @classmethod
    def native(cls) -> str:
        """Say what the authors do to a result before they save it, beyond clipping and rounding; "" where that is
        nothing, so that "native" and "raw" output are the same grey levels."""
        parts = []
        if cls.card.stretch:
            parts.append(f"stretched from {cls.stretched_over}")
        elif inspect.unwrap(cls.as_saved) is not Fuser.as_saved:
            parts.append("changed as its authors do")
        if cls.card.truncate:
            parts.append("grey levels cut off instead of rounded")
        return ", ".join(parts)

    def __init__(self, checkpoint: Path | None = None, device: str = "cpu"):
        self.checkpoint = checkpoint
        self.device = device

    @abstractmethod
    def fuse_batch(self, ir: np.ndarray, vis: np.ndarray) -> np.ndarray:
        """Fuse float32 arrays (B, 1, H, W) in [0, 1]. Returns the same shape, in the domain 0..1, not yet clipped."""

    def fuse_parts(self, ir: np.ndarray, vis: np.ndarray) -> np.ndarray:
        """`fuse_batch` of one pair (1, 1, H, W) in parts of `tile`."""
        cut = np.ascontiguousarray
        return tiling.blended(lambda a, b: self.fuse_batch(cut(a), cut(b)), ir, vis, self.tile, self.reach, self.align)

    def _fused(self, ir: np.ndarray, vis: np.ndarray) -> np.ndarray:
        height, width = ir.shape[2:]
        if self.tile is None or not in_parts(type(self), height, width, self.tile):
            return self.fuse_batch(ir, vis)
        return np.concatenate([self.fuse_parts(a[None], b[None]) for a, b in zip(ir, vis)])

    def as_saved(self, fused: np.ndarray, colour: np.ndarray | None) -> np.ndarray:
        """Do to the result of `fuse_batch` what the authors' test script does before it cuts or rounds grey levels.

        colour: as for `fuse`, (B, H, W, 3); used where the authors' script looks at the colours.
        """
        return stretched(fused) if self.card.stretch else fused

    def minmax(self, fused: np.ndarray) -> np.ndarray:
        """Stretch each result of `fuse_batch` from its minimum and maximum to [0, 1]."""
        return stretched(fused)

    def fuse(
        self, ir: np.ndarray, vis: np.ndarray, output: str = "raw", colour: np.ndarray | None = None
    ) -> np.ndarray:
        """Fuse luminance images.

        ir, vis: uint8, or float in [0, 1]; (H, W) or (B, 1, H, W), both alike, sides of at least 16.
        output: "raw", clipped only; "minmax", each image stretched from its minimum and maximum; "native", as the
        authors save it. Even then `card.truncate` is left to the caller, who makes the grey levels.
        colour: the image that gives the fused one its colours, uint8 (H, W, 3) or (B, H, W, 3); None for grey ones.
        Returns float32 of the shape of ir, in [0, 1]. Raises ValueError for other input, and RuntimeError when the
        result is not finite or of another shape.
        """
        return self.fuse_as(ir, vis, [output], colour)[0]

    def fuse_as(
        self, ir: np.ndarray, vis: np.ndarray, outputs: Sequence[str], colour: np.ndarray | None = None
    ) -> list[np.ndarray]:
        """Fuse once and return the result as each of `outputs`; otherwise as `fuse`."""
        for output in outputs:
            if output not in OUTPUTS:
                raise ValueError(f"output '{output}' is not one of {', '.join(OUTPUTS)}")
        ir, vis = as_unit(ir, "ir"), as_unit(vis, "vis")
        if ir.shape != vis.shape:
            raise ValueError(f"ir is {shape(ir.shape)} and vis is {shape(vis.shape)}; they must have one shape")
        if ir.ndim not in (2, 4) or (ir.ndim == 4 and ir.shape[1] != 1):
            raise ValueError(f"expected shape (H, W) or (B, 1, H, W), got {shape(ir.shape)}")
        if min(ir.shape[-2:]) < MIN_SIDE:
            size = f"{ir.shape[-1]}x{ir.shape[-2]}"
            raise ValueError(f"the image is {size}; its sides must be at least {MIN_SIDE} pixels")
        batch = (-1, 1, *ir.shape[-2:])
        fused = np.asarray(self._fused(ir.reshape(batch), vis.reshape(batch)), dtype=np.float32)
        if fused.shape != (len(fused), 1, *ir.shape[-2:]) or fused.size != ir.size:
            found = f"returned shape {shape(fused.shape)} for images of {shape(ir.shape)}"
            raise RuntimeError(f"{self.card.name} {found}")
        if not np.isfinite(fused).all():
            raise RuntimeError(f"{self.card.name} returned values that are not finite")
        colours = None if colour is None else colour.reshape(-1, *colour.shape[-3:])
        ways = {
            "raw": lambda: fused,
            "native": lambda: self.as_saved(fused.copy(), colours),
            "minmax": lambda: self.minmax(fused),
        }
        return [np.clip(ways[output](), 0, 1).reshape(ir.shape) for output in outputs]


def in_parts(cls: type[Fuser], height: int, width: int, tile: int) -> bool:
    """Whether a method fuses images of that size in parts where it is given `tile`."""
    return height * width > tile**2 if cls.streams else cls.reach is not None and max(height, width) > tile


class ClassicalFuser(Fuser):
    """A fuser without weights, written for one pair of (H, W) arrays at a time."""

    @abstractmethod
    def fuse_pair(self, ir: np.ndarray, vis: np.ndarray) -> np.ndarray:
        """Fuse float32 arrays (H, W) in [0, 1]."""

    def fuse_batch(self, ir, vis):
        return np.stack([np.asarray(self.fuse_pair(a[0], b[0]))[None] for a, b in zip(ir, vis)])


class NaiveFuser(Fuser):
    """A fuser of single pixels, computed in whole grey levels: 8-bit images lose nothing on the way in or out, and
    halves are rounded up. Other values are rounded to the nearest level first."""

    whole = "it works pixel by pixel, so that tiles would save nothing"

    @abstractmethod
    def fuse_levels(self, ir: np.ndarray, vis: np.ndarray) -> np.ndarray:
        """Fuse grey levels 0..255 in int32 arrays of one shape. Returns levels of that shape and type."""

    def fuse_batch(self, ir, vis):
        return as_unit(self.fuse_levels(_levels(ir), _levels(vis)).astype(np.uint8), "fused")

    def minmax(self, fused):
        levels = _levels(fused)
        low, high = levels.min(axis=(1, 2, 3), keepdims=True), levels.max(axis=(1, 2, 3), keepdims=True)
        spread = (510 * (levels - low) + high - low) // np.maximum(2 * (high - low), 1)
        return as_unit(np.where(high > low, spread, levels).astype(np.uint8), "fused")


def _levels(images: np.ndarray) -> np.ndarray:
    """The nearest grey levels 0..255 of float32 in [0, 1], as int32."""
    return np.floor(images * np.float32(255) + np.float32(0.5)).astype(np.int32)


@cache
def keep_freed_memory() -> None:
    """Make glibc keep the memory that large tensors free. Returned page by page, it would cost a fifth of a forward
    pass in page faults. Without glibc this does nothing."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mmap_threshold, trim_threshold = -3, -1
        mallopt(mmap_threshold, 1 << 30)
        mallopt(trim_threshold, (1 << 31) - 1)


@contextlib.contextmanager
def inference(device: str):
    """Run a network without gradients, and on a CPU with float32 numbers below 1.2e-38 taken as zero. A processor needs
    many times as long for such numbers, and some networks make a great many of them."""
    import torch

    flushes = device == "cpu" and torch.set_flush_denormal(True)
    try:
        with torch.inference_mode():
            yield
    finally:
        if flushes:
            torch.set_flush_denormal(False)


class NetworkFuser(Fuser):
    """A fuser that is a torch module: subclasses build it and, where it needs more than one call, override `forward`.

    Images of one size run in one batch on `device`, in inference mode and in float32. multiple: what the sides of
    images must be multiples of; others are padded on the right and below with their last column and row, and cut again.
    """

    multiple: ClassVar[int] = 1

    def __init__(self, checkpoint=None, device="cpu"):
        super().__init__(checkpoint, device)
        try:
            network = self.build(checkpoint)
        except (AttributeError, KeyError, RuntimeError, TypeError) as error:  # load_state_dict says what is wrong
            why = reason(error)[:300]
            raise Unavailable(f"{self.card.name}: {checkpoint} does not fit the network ({why})") from error
        self._take(network)

    @classmethod
    def around(cls, network, device: str = "cpu") -> NetworkFuser:
        """The method with a network that is at hand, such as one in training, instead of one from a checkpoint."""
        fuser = cls.__new__(cls)
        Fuser.__init__(fuser, None, device)
        fuser._take(network)
        return fuser

    def _take(self, network) -> None:
        device = self.device
        self.network = network.eval().float().to(device)
        if device == "cpu":
            keep_freed_memory()
        else:
            import torch

            torch.backends.cudnn.allow_tf32 = False  # its ten bits of mantissa would show in the saved grey levels

    @abstractmethod
    def build(self, checkpoint: Path):
        """Build the network and load the weights of `checkpoint` strictly, as `load_weights` does."""

    def prepare(self, ir, vis):
        """What is done to whole images before `forward`, which may get parts of them: tensors (B, 1, H, W)."""
        return ir, vis

    def forward(self, ir, vis):
        """Fuse tensors (B, 1, H, W), as `prepare` left them, to one of the same shape."""
        return self.network(ir, vis)

    def padded_forward(self, ir, vis):
        """`forward` with sides that are multiples of `multiple`: tensors to a tensor."""
        height, width = ir.shape[2:]
        right, below = -width % self.multiple, -height % self.multiple
        if right or below:
            from torch.nn.functional import pad

            ir, vis = (pad(image, (0, right, 0, below), mode="replicate") for image in (ir, vis))
        return self.forward(ir, vis)[..., :height, :width].float()

    def _forward(self, ir, vis):
        return self.padded_forward(ir, vis).cpu().numpy()

    def _tensors(self, ir, vis):
        import torch

        return self.prepare(*(torch.from_numpy(image).to(self.device) for image in (ir, vis)))

    def fuse_batch(self, ir, vis):
        with inference(self.device):
            return self._forward(*self._tensors(ir, vis))

    def fuse_parts(self, ir, vis):
        def fuse(ir, vis):
            return self._forward(ir.contiguous(), vis.contiguous())

        with inference(self.device):
            return tiling.blended(fuse, *self._tensors(ir, vis), self.tile, self.reach, self.align)
