"""Scoring in worker processes, which import the metrics and never torch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchmark.datasets.pairs import Pair, PairImages
from benchmark.run import spawning, worker

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Scored:
    """scores: protocol -> (metric -> value, reasons for undefined ones, seconds). told: what there is to say of the
    three images, each as "SUBJECT: what"."""

    scores: dict[str, tuple[dict[str, float], dict[str, str], float]]
    told: tuple[str, ...] = ()


def score_file(
    path, source: Pair | PairImages, wanted: dict[str, list[str]], copy: bool = False, notes: Sequence[str] = ()
) -> Scored:
    """Score the image file at `path` against its sources: read here, unless the caller has them.

    wanted: protocol -> metrics. Where `source` and the image have colours, a protocol that scores colour images as
    they are sees them. copy: whether the image is meant to be one of its sources, so that nothing odd is told of it.
    notes: what was converted when the image was made. Raises UserError or ValueError, in one line.
    """
    import metrics
    from benchmark.errors import UserError
    from benchmark.imaging import oddities, reading
    from benchmark.store.told import FULL, FULL_ALONE, FUSED
    from metrics.evaluation import COLOUR_PROTOCOLS

    if isinstance(source, Pair):
        source = source.load()
    picture = reading.read(path)
    picture = replace(picture, notes=(*notes, *picture.notes))
    sizes = [f"{width}x{height}" for height, width in (picture.luminance.shape, source.ir.shape)]
    if sizes[0] != sizes[1]:
        raise UserError(f"the fused image is {sizes[0]}, its sources are {sizes[1]}")
    found = {}
    for protocol, names in wanted.items():
        start = time.perf_counter()
        colour = protocol in COLOUR_PROTOCOLS and source.vis_rgb is not None and picture.rgb is not None
        fused, visible = (picture.rgb, source.vis_rgb) if colour else (picture.luminance, source.vis)
        reasons: dict[str, str] = {}
        scores = metrics.evaluate(fused, source.ir, visible, names, protocol, reasons)
        found[protocol] = (scores, reasons, time.perf_counter() - start)
    if copy:
        facts = oddities.of_file(picture)
    else:
        facts = oddities.of_fused(picture, source.ir, source.vis, source.names, source.colour)
    of_fused = [f"{FUSED}: {what}" for what in dict.fromkeys(facts)]
    if not copy and _is_full(picture.luminance):
        of_fused.append(FULL if _is_full(source.ir) or _is_full(source.vis) else FULL_ALONE)
    return Scored(found, (*source.told, *of_fused))


def _is_full(image: np.ndarray) -> bool:
    return bool(image.min() == 0 and image.max() == 255)


class Scorer:
    """`jobs` processes that score; 0: in this process. Use as a context manager."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if self._pool is not None:
            # After an error nobody waits for what is queued.
            self._pool.shutdown(wait=kind is None, cancel_futures=kind is not None)

    def submit(self, *arguments) -> Future:
        """`score_file(*arguments)`, in a worker."""
        if self.jobs == 0:
            future: Future = Future()
            try:
                future.set_result(score_file(*arguments))
            except Exception as error:
                future.set_exception(error)
            return future
        return self._in_worker(score_file, *arguments)

    def _in_worker(self, function: Callable, *arguments) -> Future:
        try:
            return self._started().submit(function, *arguments)
        except BrokenProcessPool:
            # A worker died, as for lack of memory: what was in hand ends so, the next images get new workers.
            self._pool = None
            return self._started().submit(function, *arguments)

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = spawning.pool(self.jobs, worker.start)
        return self._pool
