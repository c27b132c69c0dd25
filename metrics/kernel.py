"""The compiled kernels: found, chosen for this processor, and given numpy arguments.

`library()` is None where they were not built (no compiler at installation); every caller then computes the
same value with numpy. The environment variable BENCH_ISA forces an instruction set (avx512, avx2, base) or,
with "none", the numpy code.
"""

from __future__ import annotations

import ctypes
import os
from ctypes import c_double, c_int, c_int64, c_void_p
from functools import cache
from pathlib import Path

import numpy as np

PATH = Path(__file__).with_name("_kernel.so")
ISAS = ("avx512", "avx2", "base")

SIGNATURES = {
    "qabf": (None, [c_void_p, c_void_p, c_void_p, c_int64, c_int64, c_void_p]),
    "qabf_framed": (None, [c_void_p, c_void_p, c_void_p, c_int64, c_int64, c_void_p]),
    "nabf": (None, [c_void_p, c_void_p, c_void_p, c_int64, c_int64, c_double, c_void_p]),
    "qg": (c_double, [c_void_p, c_void_p, c_void_p, c_int64, c_int64]),
    "qg_framed": (c_double, [c_void_p, c_void_p, c_void_p, c_int64, c_int64]),
    "joint_histogram": (None, [c_void_p, c_void_p, c_int64, c_void_p]),
    "histogram": (None, [c_void_p, c_int64, c_void_p]),
    "product_sum": (c_int64, [c_void_p, c_void_p, c_int64]),
    "squared_differences": (None, [c_void_p, c_int64, c_int64, c_void_p]),
    "vif_scales": (None, [c_void_p, c_int64, c_int64, c_void_p, c_void_p]),
    "vif": (None, [c_void_p] * 6 + [c_int64, c_int64, c_void_p, c_void_p]),
    "fmi": (c_double, [c_void_p, c_void_p, c_int64, c_int64, c_double]),
    "weigh": (None, [c_void_p, c_void_p, c_void_p, c_int64, c_void_p]),
    "phase_congruency": (None, [c_void_p] * 4 + [c_int64, c_double, c_double] + [c_void_p] * 5),
    "windowed": (None, [c_void_p, c_void_p, c_int64, c_int64, c_void_p, c_int64, c_int, c_void_p]),
    "unfilter": (c_int, [c_void_p, c_int64, c_int64, c_int64, c_void_p]),
    "luminance": (c_int, [c_void_p, c_int64, c_void_p]),
    "ssim_boxes": (c_double, [c_void_p, c_void_p, c_void_p, c_int64, c_int64, c_double]),
    "short_of_memory": (c_int, []),
}


class Library:
    """The kernels for one instruction set. Arrays are C-contiguous, of the dtype that the kernel expects. All raise
    MemoryError where the memory that they need beside the images is not there."""

    WINDOW_SIZES = (3, 5, 7, 9, 11, 17, 31)

    def __init__(self, shared: ctypes.CDLL, isa: str) -> None:
        self.isa = isa
        self._functions = {}
        for name, (result, arguments) in SIGNATURES.items():
            function = getattr(shared, f"{name}_{isa}")
            function.restype, function.argtypes = result, arguments
            if name != "short_of_memory":
                function.errcheck = self._checked
            self._functions[name] = function

    def _checked(self, result, function, arguments):
        if self._functions["short_of_memory"]():
            raise MemoryError("a compiled kernel found no memory")
        return result

    def qabf(self, f: np.ndarray, a: np.ndarray, b: np.ndarray, framed: bool) -> tuple[float, float]:
        """Sum of the weighted preservations and of the weights; levels (H, W), at least 3x3 unless framed."""
        out = np.empty(2)
        self._functions["qabf_framed" if framed else "qabf"](*pointers(f, a, b), *f.shape, *pointers(out))
        return float(out[0]), float(out[1])

    def nabf(self, f: np.ndarray, a: np.ndarray, b: np.ndarray, faint: float) -> tuple[float, float, float]:
        """The sums of what is lost, of what is added and of the weights; levels (H, W), at least 2x2."""
        out = np.empty(3)
        self._functions["nabf"](*pointers(f, a, b), *f.shape, faint, *pointers(out))
        return tuple(out.tolist())

    def qg(self, f: np.ndarray, a: np.ndarray, b: np.ndarray, framed: bool) -> float:
        return self._functions["qg_framed" if framed else "qg"](*pointers(f, a, b), *f.shape)

    def joint_histogram(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        counts = np.empty((256, 256), np.int32)
        self._functions["joint_histogram"](*pointers(x, y), x.size, *pointers(counts))
        return counts

    def histogram(self, x: np.ndarray) -> np.ndarray:
        counts = np.empty(256, np.int64)
        self._functions["histogram"](*pointers(x), x.size, *pointers(counts))
        return counts

    def product_sum(self, x: np.ndarray, y: np.ndarray) -> int:
        return self._functions["product_sum"](*pointers(x, y), x.size)

    def squared_differences(self, x: np.ndarray) -> tuple[int, int]:
        out = np.empty(2, np.int64)
        self._functions["squared_differences"](*pointers(x), *x.shape, *pointers(out))
        return int(out[0]), int(out[1])

    def unfilter(self, rows: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray | None:
        """The pixels of a PNG, uint8 `shape`, from its filtered rows; None where a filter is unknown."""
        h, w, channels = shape
        out = np.empty(shape, np.uint8)
        known = self._functions["unfilter"](*pointers(rows), h, w * channels, channels, *pointers(out))
        return out if known else None

    def luminance(self, pixels: np.ndarray) -> tuple[np.ndarray, bool]:
        """BT.601 luminance of pixels (H, W, 3), as Pillow rounds it; and whether R = G = B everywhere."""
        out = np.empty(pixels.shape[:2], np.uint8)
        grey = self._functions["luminance"](*pointers(pixels), out.size, *pointers(out))
        return out, bool(grey)

    def ssim_boxes(self, f: np.ndarray, a: np.ndarray, b: np.ndarray, peak: float) -> float:
        return self._functions["ssim_boxes"](*pointers(f, a, b), *f.shape, peak)

    def vif_scales(self, x: np.ndarray, windows: np.ndarray) -> np.ndarray:
        """The second to fourth scale of the levels x, one after the other; windows: their 9 + 5 + 3 weights."""
        size, side = 0, np.array(x.shape)
        for n in (9, 5, 3):
            side = (side - n) // 2 + 1
            size += int(side.prod())
        out = np.empty(size)
        self._functions["vif_scales"](*pointers(x), *x.shape, *pointers(windows, out))
        return out

    def vif(self, levels, scales, windows: np.ndarray) -> np.ndarray:
        """Information (log2) kept and there: of the first source, then the second.

        levels: f, a, b; scales: their `vif_scales`; windows: 17 + 9 + 5 + 3 weights.
        """
        out = np.empty(4)
        self._functions["vif"](*pointers(*levels, *scales), *levels[0].shape, *pointers(windows, out))
        return out

    def fmi(self, f: np.ndarray, s: np.ndarray, noise: float) -> float:
        """Mean information over the 3x3 windows of two feature maps, float64 (H, W)."""
        return self._functions["fmi"](*pointers(f, s), *f.shape, noise)

    def weigh(self, x: np.ndarray, p: np.ndarray, q: np.ndarray, out: np.ndarray) -> None:
        """out = x p q; x and out complex128, p and q float64."""
        self._functions["weigh"](*pointers(x, p, q), x.size, *pointers(out))

    def phase_congruency(self, sums, responses, angle: float, noise: float) -> None:
        """Adds one orientation's four complex filter responses to five maps; see qp.add_orientation."""
        maps = (sums.energy, sums.amplitude, sums.xx, sums.yy, sums.xy)
        self._functions["phase_congruency"](*pointers(*responses), maps[0].size, angle, noise, *pointers(*maps))

    def windowed(self, x: np.ndarray, y: np.ndarray | None, window: np.ndarray, everywhere: bool) -> np.ndarray:
        """x y (x, if y is None) filtered by a symmetric window along both axes; float64 (H, W).

        everywhere: zeros beyond the border; otherwise only where the window fits.
        """
        if len(window) not in self.WINDOW_SIZES:
            raise ValueError(f"a window of {len(window)} weights; the compiled kernels have {self.WINDOW_SIZES}")
        h, w = x.shape
        cut = 0 if everywhere else len(window) - 1
        out = np.empty((h - cut, w - cut))
        second = None if y is None else y.ctypes.data
        self._functions["windowed"](
            x.ctypes.data, second, h, w, window.ctypes.data, len(window), everywhere, out.ctypes.data
        )
        return out


def pointers(*arrays: np.ndarray) -> list[int]:
    return [array.ctypes.data for array in arrays]


@cache
def library() -> Library | None:
    """The kernels for the widest instruction set that this processor has; None where they were not built.

    Raises RuntimeError where BENCH_ISA asks for what cannot run here.
    """
    wanted = os.environ.get("BENCH_ISA", "")
    if wanted == "none" or (not wanted and not PATH.exists()):
        return None
    if wanted and wanted not in ISAS:
        raise RuntimeError(f"BENCH_ISA={wanted}: expected one of {', '.join(ISAS)}, none")
    if not PATH.exists():
        raise RuntimeError(f"BENCH_ISA={wanted}: the compiled kernels were not built")
    try:
        shared = ctypes.CDLL(str(PATH))
    except OSError as error:
        if wanted:
            raise RuntimeError(f"BENCH_ISA={wanted}: {error}") from None
        return None
    for isa in ISAS:
        built = all(hasattr(shared, f"{name}_{isa}") for name in SIGNATURES)  # an older library lacks some
        if built and getattr(shared, f"supported_{isa}")() and wanted in ("", isa):
            return Library(shared, isa)
    if wanted:
        raise RuntimeError(f"BENCH_ISA={wanted}: not built, or not supported by this processor")
    return None


def isa() -> str | None:
    """Instruction set of the compiled kernels in use: "avx512", "avx2" or "base"; None for the numpy code."""
    found = library()
    return found.isa if found else None
