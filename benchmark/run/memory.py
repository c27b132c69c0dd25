"""Whether a method's pairs fit in memory and, where not, the tiles that they are fused in. Nothing is run here."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from benchmark.errors import UserError
from benchmark.run.methods import Method, in_tiles
from benchmark.run.plan import Split
from benchmark.store.cells import Cell

TILE = 512  # side of the tiles that "auto" takes: of one size, so that another day's memory gives the same result
_SHARE = 0.8  # of what is free; the rest is for images, scoring and what else runs
_BESIDES = 32  # bytes per pixel of the images themselves and of the result, which tiles do not make smaller
_IN_BANDS = 2  # times what a pixel of a whole image takes, a pixel of a band does: states and waiting rows besides
_ALL_THE_SAME = "--tile none runs it all the same"
_LARGE = 1 << 20  # pixels from which a network that is not in the table is loaded, to see what it takes
_SIDE = 256  # of the pair that its tensors are counted for
_KERNELS = 1.6  # the most that networks of the table took on a CPU, compared with their tensors
_UNLIMITED = 1 << 60  # cgroups state a number beyond it for no limit


def check_tile(tile: str | int, methods: Sequence[Method]) -> None:
    """Raises UserError where an explicit tile size fits none of the methods, or not one that is named."""
    if isinstance(tile, str):
        return
    import baselines

    reasons = {m.name: baselines.untiled(m.cls, tile) for m in methods}
    if all(reasons.values()):
        raise UserError(f"--tile {tile}: " + "; ".join(f"{name}: {reason}" for name, reason in reasons.items()))
    for method in methods:
        tileable = method.cls.streams or method.cls.reach is not None
        if tileable and reasons[method.name] and not method.group:
            raise UserError(f"--tile {tile}: {method.name}: {reasons[method.name]}")


def fitted(method: Method, split: Split, device: str, tile: str | int, results: Path) -> tuple[Method, str]:
    """The method as it is to run on a split, and what to tell of that, "" for nothing.

    tile: "none", "auto" or the side of tiles in pixels. With "auto" a method gets tiles only where its largest pair,
    fused whole, would take more memory than is at hand, or where results in tiles are what there is already; it is
    unavailable where tiles would not do.
    """
    size = None if tile == "none" or method.unavailable else split.largest
    if size is None:
        return method, ""
    return fitted_to(size, method, device, tile, lambda: _begun(method, split, results))


def fitted_to(
    size: tuple[int, int], method: Method, device: str, tile: str | int, begun: Callable[[], bool] = lambda: False
) -> tuple[Method, str]:
    """`fitted` for images of at most `size`, height and width. begun: whether there are results in tiles already."""
    import baselines

    if tile == "none":
        return method, ""
    height, width = size
    note = ""
    if tile != "auto":
        if (reason := baselines.untiled(method.cls, tile)) is None:
            if not baselines.in_parts(method.cls, height, width, tile):
                return method, ""
            return _in_parts(method, tile, "as --tile says")
        note = f"whole, {reason}" if max(height, width) > tile and method.card.family != "naive" else ""
    each, free = _per_pixel(method, height * width, device), at_hand(device)
    short = each is not None and free is not None and each * height * width > _SHARE * free
    possible = baselines.untiled(method.cls, TILE) is None and baselines.in_parts(method.cls, height, width, TILE)
    if not short:
        there = tile == "auto" and possible and not method.cls.streams and begun()
        return _in_parts(method, TILE, "as the results that are there") if there else (method, note)
    need, allowed = each * height * width, _SHARE * free
    lack = f"{width}x{height} pixels would take about {_amount(need)}, of {_amount(allowed)} that may be taken"
    if tile != "auto" or not possible:
        reason = baselines.untiled(method.cls, TILE if tile == "auto" else tile)
        reason = reason or "and such an image is no larger than a tile"
        return replace(method, unavailable=f"{lack}; {reason}; {_ALL_THE_SAME}"), ""
    in_parts = each * TILE**2 * (_IN_BANDS if method.cls.streams else 1) + _BESIDES * height * width
    if in_parts > allowed:
        tiled = f"and in tiles of {TILE} about {_amount(in_parts)}"
        return replace(method, unavailable=f"{lack}, {tiled}; {_ALL_THE_SAME}"), ""
    return _in_parts(method, TILE, lack)


def _in_parts(method: Method, tile: int, reason: str) -> tuple[Method, str]:
    what = f"bands of {tile}² pixels, with the same result" if method.cls.streams else f"tiles of {tile} pixels"
    return in_tiles(method, tile), f"in {what}: {reason}"


def _begun(method: Method, split: Split, results: Path) -> bool:
    """Whether there are results in tiles, and none of whole images."""
    whole, tiled = (Cell(results, split.dataset, split.name, m.label) for m in (method, in_tiles(method, TILE)))
    return tiled.run_file.is_file() and not whole.scores_file.is_file()


def _per_pixel(method: Method, pixels: int, device: str) -> float | None:
    """Bytes that a pixel of a pair takes, fused whole; None where that is not known. pixels: of the pair."""
    from baselines import NetworkFuser, tiling

    network = issubclass(method.cls, NetworkFuser)
    known = tiling.bytes_per_pixel(method.name, device if network else "cpu")
    return _counted(method) if known is None and network and pixels > _LARGE else known


def _counted(method: Method) -> float | None:
    """Bytes per pixel of a network that is not in the table, by its tensors; None where they cannot be counted."""
    from baselines import alive

    try:
        fuser = method.load("cpu")
    except Exception:  # told when the method is to run
        return None
    most = alive.count(fuser, _SIDE, _SIDE)
    return None if most is None else _KERNELS * most / _SIDE**2


def _amount(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size < 1e10 else f"{size / 1e9:.0f} GB"


def at_hand(device: str, root: Path = Path("/")) -> int | None:
    """Bytes that this process can still take: of a GPU, or of what the system, its cgroups and `ulimit -v` leave, the
    least; None where the system does not tell. root: where /proc and /sys are."""
    if device == "cuda":
        import torch

        return torch.cuda.mem_get_info()[0]
    found = [_available(root), _below_ulimit(root), *_in_cgroups(root)]
    return min((size for size in found if size is not None), default=None)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _number(text: str, pattern: str) -> int | None:
    found = re.search(pattern, text, re.MULTILINE)
    return int(found[1]) if found else None


def _available(root: Path) -> int | None:
    found = _number(_read(root / "proc/meminfo"), r"^MemAvailable:\s+(\d+) kB")
    return None if found is None else 1024 * found


def _below_ulimit(root: Path) -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    used = _number(_read(root / "proc/self/status"), r"^VmSize:\s+(\d+) kB")
    return None if limit == resource.RLIM_INFINITY or used is None else max(0, limit - 1024 * used)


def _in_cgroups(root: Path) -> list[int]:
    """What each cgroup above this process leaves, version 2 or 1; of what it uses, file pages that can be dropped do
    not count."""
    found = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            found += _levels(root / "sys/fs/cgroup", path, "memory.max", "memory.current", r"^inactive_file (\d+)")
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", r"^total_inactive_file (\d+)")
            found += _levels(root / "sys/fs/cgroup/memory", path, *names)
    return found


def _levels(mount: Path, path: str, limit: str, usage: str, droppable: str) -> list[int]:
    found = []
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for count in range(len(parts) + 1):
        folder = mount.joinpath(*parts[:count])
        most, used = (_number(_read(folder / name), r"^(\d+)$") for name in (limit, usage))
        if most is not None and used is not None and most < _UNLIMITED:
            found.append(max(0, most - used + (_number(_read(folder / "memory.stat"), droppable) or 0)))
    return found
