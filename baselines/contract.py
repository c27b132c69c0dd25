"""What every method promises, as checks that run on it: for `bench check` and for the tests.

A check takes `make`, which loads the method on a device, and the device. Its docstring says the promise. It raises
`Broken` with what is wrong, or `Skipped` with why the promise cannot be tested here; it may return a remark.
"""

from __future__ import annotations

import copy
import ctypes
import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from . import tiling
from .base import Fuser, NetworkFuser, seed_generators
from .plugins import told
from .wording import shape

Make = Callable[[str], Fuser]
SIZES = ((16, 16), (17, 23), (40, 31), (64, 48))
SAME = 1e-5  # of the range: sums may be split differently
DEVICES = 0.01  # of the range, between a GPU and the CPU: two and a half grey levels
_FAR = 2.0  # networks overshoot 0 and 1 by less; a method that goes beyond means another range
# Shares of the pixels that are beyond 0..1 by more than a grey level: above the first a method fails, above the second
# a remark says so. Built-in methods: TarDAL++ has 0.37, GTF 0.13; those that add detail have 0.02 or less.
_CLIPPED, _NOTED = 0.5, 0.05
_MEMORY_SIZE, _MEMORY_CALLS, _MEMORY_SECONDS = (96, 128), (8, 24), 10.0


class Broken(AssertionError):
    """A promise that is not kept; the message says how, in one line."""


class Skipped(Exception):
    """A promise that cannot be tested here; the message says why."""


@dataclass(frozen=True)
class Result:
    """What became of a check. state: "ok", "failed" or "skipped". reason: why it failed or was skipped, or a remark.
    error: what the method itself raised, if it did."""

    name: str
    promise: str
    state: str
    reason: str
    seconds: float
    error: str = ""


def scene(height: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A uint8 pair: smooth shading and a bright disc in ir, stripes and noise in vis."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    ir = 60 + 40 * np.cos(y / 9 + seed) + 120 * (np.hypot(y - height / 2, x - width / 3) < 5)
    vis = 110 + 60 * np.sin(x / 2 + seed) + rng.normal(0, 15, (height, width))
    return ir.clip(0, 255).astype(np.uint8), vis.clip(0, 255).astype(np.uint8)


def _fuse(fuser: Fuser, ir: np.ndarray, vis: np.ndarray, **options) -> np.ndarray:
    """Fuse a pair as the method's authors save it, so that their steps are checked as well."""
    seed_generators(0)  # as a run does before every pair
    return fuser.fuse(ir, vis, **{"output": "native", **options})


def _require(kept: bool, otherwise: str) -> None:
    if not kept:
        raise Broken(otherwise)


def _same(a: np.ndarray, b: np.ndarray, atol: float, what: str) -> None:
    worst = float(np.abs(a - b).max())
    _require(worst <= atol, f"{what}: values differ by up to {worst:.3g}, more than {atol:g}")


def sizes(make: Make, device: str) -> None:
    """any size from 16x16 up, odd ones too: one float32 image of that size"""
    fuser = make(device)
    for height, width in SIZES:
        try:
            fused = _fuse(fuser, *scene(height, width))
        except Exception as error:
            raise Broken(f"{width}x{height}: {told(error)}") from error
        kind = f"{fused.dtype} of shape {shape(fused.shape)}"
        _require(fused.shape == (height, width) and fused.dtype == np.float32, f"{width}x{height}: returned {kind}")


def value_range(make: Make, device: str) -> str:
    """finite values in the domain 0..1, at most half of them clipped as beyond it; no constant image"""
    fuser = make(device)
    ir, vis = (image[None, None] / np.float32(255) for image in scene(40, 56))
    seed_generators(0)
    raw = np.asarray(fuser.fuse_batch(ir, vis), dtype=np.float32)
    _require(bool(np.isfinite(raw).all()), "values that are not finite")
    low, high = float(raw.min()), float(raw.max())
    _require(low > -_FAR and high < _FAR, f"values from {low:.4g} to {high:.4g}; the domain is 0..1")
    fused = _fuse(fuser, *scene(40, 56))
    _require(fused.max() - fused.min() > 1 / 255, f"every pixel is {fused.min():.4g}, for a pair full of detail")
    saved = fuser.as_saved(raw, None)
    clipped = float(((saved < -1 / 255) | (saved > 1 + 1 / 255)).mean())
    lost = f"{clipped:.0%} of the pixels are beyond 0..1 and clipped (values from {low:.4g} to {high:.4g})"
    _require(clipped <= _CLIPPED, lost)
    return lost if clipped > _NOTED else ""


def flat_images(make: Make, device: str) -> None:
    """black, white and grey images give finite values"""
    fuser = make(device)
    for levels in ((0, 0), (255, 255), (0, 255), (128, 7)):
        try:
            fused = _fuse(fuser, *(np.full((18, 20), level, np.uint8) for level in levels))
        except Exception as error:
            raise Broken(f"levels {levels[0]} and {levels[1]}: {told(error)}") from error
        _require(fused.min() >= 0 and fused.max() <= 1, f"levels {levels[0]} and {levels[1]}: beyond [0, 1]")


def deterministic(make: Make, device: str) -> None:
    """the same pair gives the same bits, whatever was fused in between"""
    fuser = make(device)
    first, other = scene(40, 31), scene(24, 52, seed=1)
    fused = _fuse(fuser, *first)
    for pair, when in ((first, "at once"), (other, "after another pair")):
        _fuse(fuser, *pair)
        difference = np.abs(_fuse(fuser, *first) - fused).max()
        _require(difference == 0, f"values differ by up to {difference:.3g} {when}")


def batches(make: Make, device: str) -> None:
    """a batch (B, 1, H, W) gives what its pairs give one by one"""
    fuser = make(device)
    pairs = [scene(21, 34, seed) for seed in range(3)]
    ir, vis = (np.stack(images)[:, None] for images in zip(*pairs))
    fused = _fuse(fuser, ir, vis)
    _require(fused.shape == ir.shape, f"returned shape {shape(fused.shape)} for {shape(ir.shape)}")
    for place, pair in enumerate(pairs):
        _same(fused[place, 0], _fuse(fuser, *pair), SAME, f"pair {place + 1} of 3")


def floats(make: Make, device: str) -> None:
    """8-bit images as floats in [0, 1] are the same images"""
    fuser = make(device)
    ir, vis = scene(24, 35)
    fused = _fuse(fuser, (ir / 255).astype(np.float32), vis / 255)
    _same(fused, _fuse(fuser, ir, vis), SAME, "float and uint8")


def inputs_stay(make: Make, device: str) -> None:
    """input may be read-only, and is left as it was"""
    fuser = make(device)
    for convert in (lambda image: image.copy(), lambda image: (image / 255).astype(np.float32)):
        images = [convert(image) for image in scene(24, 35)]
        kept = [image.copy() for image in images]
        fused = _fuse(fuser, *images)
        _require(all(map(np.array_equal, images, kept)), "the input was written to")
        fused[:] = 0  # a result that shares the input's memory would change it
        _require(all(map(np.array_equal, images, kept)), "the result shares the input's memory")
        for image in images:
            image.flags.writeable = False
        _fuse(fuser, *images)


def views(make: Make, device: str) -> None:
    """rows with gaps, reversed columns and Fortran order are the same image as their copy"""
    fuser = make(device)
    ir, vis = scene(40, 36)
    ir, vis = ir[::2, ::-1], np.asfortranarray(vis[::2])
    fused, expected = _fuse(fuser, ir, vis), _fuse(fuser, ir.copy(order="C"), vis.copy(order="C"))
    _require(np.array_equal(fused, expected), "another result than of the copies")


def tiles(make: Make, device: str) -> None:
    """in tiles, where it says that it can be tiled, the result is that of the whole image"""
    fuser = copy.copy(make(device))
    if not fuser.streams and fuser.reach is None:
        raise Skipped(f"it cannot be tiled: {fuser.whole}")
    tile = 32 if fuser.streams else tiling.smallest(fuser.reach, fuser.align)
    side = tile + max(tile // 4 // fuser.align, 1) * fuser.align
    pair = scene(side, side + fuser.align)
    whole = _fuse(fuser, *pair, output="raw")
    fuser.tile = tile
    _same(_fuse(fuser, *pair, output="raw"), whole, SAME, f"{side + fuser.align}x{side} in tiles of {tile}")


def parameters(make: Make, device: str) -> str:
    """the card's number of parameters, if it states one, is the network's"""
    fuser = make(device)
    if not isinstance(fuser, NetworkFuser):
        raise Skipped("not a network")
    found, stated = sum(p.numel() for p in fuser.network.parameters()), fuser.card.parameters
    if stated is None:
        return f"{found:,}"
    _require(found == stated, f"the network has {found:,}, the card says {stated:,}")
    return ""


def devices(make: Make, device: str) -> None:
    """a GPU gives the CPU's result"""
    import torch

    if not torch.cuda.is_available():
        raise Skipped("torch finds no CUDA device here")
    pair = scene(64, 48)
    on = {name: _fuse(make(name), *pair, output="raw") for name in ("cpu", "cuda")}
    _same(on["cuda"], on["cpu"], DEVICES, "GPU and CPU")


def memory(make: Make, device: str) -> None:
    """memory does not grow from pair to pair"""
    fuser, pair = make(device), scene(*_MEMORY_SIZE)
    if _held() is None:
        raise Skipped("this system's C library does not tell what a process holds")
    for _ in range(3):
        _fuse(fuser, *pair)
    before, start, calls = _held(), time.perf_counter(), 0
    while calls < _MEMORY_CALLS[0] or (calls < _MEMORY_CALLS[1] and time.perf_counter() - start < _MEMORY_SECONDS):
        _fuse(fuser, *pair)
        calls += 1
    growth, image = _held() - before, 4 * _MEMORY_SIZE[0] * _MEMORY_SIZE[1]
    sizes = f"{growth / 2**20:.1f} MiB more after {calls} pairs of {image / 2**20:.2f} MiB an image"
    _require(growth <= calls * image // 2, sizes)


def _held() -> int | None:
    """Bytes that this process has asked the C library for and not given back; None without glibc 2.33 or newer.

    The system's resident size would not do: it also counts memory that is kept for later use.
    """
    gc.collect()
    try:
        mallinfo = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError, TypeError):
        return None
    mallinfo.restype = _MallocInfo
    found = mallinfo()
    return found.uordblks + found.hblkhd


class _MallocInfo(ctypes.Structure):
    """struct mallinfo2: `uordblks` bytes in use on the heaps, `hblkhd` in mappings of their own."""

    _names = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
    _fields_ = tuple((name, ctypes.c_size_t) for name in _names)


CHECKS: dict[str, Callable[[Make, str], str | None]] = {
    "sizes": sizes,
    "range": value_range,
    "flat images": flat_images,
    "deterministic": deterministic,
    "batches": batches,
    "floats": floats,
    "inputs": inputs_stay,
    "views": views,
    "tiles": tiles,
    "parameters": parameters,
    "devices": devices,
    "memory": memory,
}


def run(make: Make, device: str = "cpu") -> Iterator[Result]:
    """Run all checks, and yield each result as it comes. make: device -> the method, loaded; called once for each
    device. What a method raises fails the check in hand only."""
    made: dict[str, Fuser] = {}

    def once(device: str) -> Fuser:
        if device not in made:
            made[device] = make(device)
        return made[device]

    for name, check in CHECKS.items():
        start = time.perf_counter()
        state, reason, raised = "ok", "", None
        try:
            reason = check(once, device) or ""
        except Skipped as error:
            state, reason = "skipped", str(error)
        except Broken as error:
            state, reason, raised = "failed", str(error), error.__cause__
        except Exception as error:  # a method may raise anything
            state, reason, raised = "failed", told(error), error
        seconds = time.perf_counter() - start
        yield Result(name, check.__doc__, state, reason, seconds, told(raised) if raised else "")
