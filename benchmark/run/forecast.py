"""How long the jobs of a run still take: by what their pairs took so far, and by cards of methods not yet seen."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import fmean

from benchmark.run.jobs import Job, unscored
from benchmark.store import cells, files

# Seconds that a pair of 480x640 is expected to take where nothing is known: of one thread of an ordinary processor.
FLOPS = 4e10  # a second, of networks
BY_FAMILY = {"naive": 0.01, "classical": 0.3, "learned": 0.5, "other": 0.5}
METRIC = 0.01  # for each metric of each protocol
_PIXELS = 480 * 640
_TRUST = 2.0  # seconds of work from which what was measured says more than what was expected
_LIMITS = 1 / 20, 20  # of how much faster or slower than expected the machine is


class Forecast:
    """Seconds that jobs take, done one after the other, with `processes` that score."""

    def __init__(self, jobs: Sequence[Job], processes: int) -> None:
        self._jobs, self._processes = list(jobs), processes
        self._lacking: list[int | None] = [0 if job.unavailable else None for job in jobs]  # None: not looked at yet
        along = {id(one) for job in jobs for one in job.also}
        self._along = [id(job) in along for job in jobs]  # whose images another job makes
        self._expected = [_expected(job, not others) for job, others in zip(jobs, self._along)]
        self._measured: dict[int, tuple[float, int]] = {}  # place of a job -> seconds and pairs
        self._earlier: dict[int, float | None] = {}
        self._scaled = len({(job.split.dataset, job.split.name) for job in jobs}) > 1
        self._at, self._begun, self._first = -1, 0.0, 0.0

    def begin(self, place: int, lacking: int) -> None:
        """A job begins, of which this many pairs are to do."""
        self._at, self._lacking[place] = place, lacking
        self._begun = time.monotonic()

    def step(self) -> None:
        """A pair of the job is done."""
        now, at = time.monotonic(), self._at
        self._lacking[at] -= 1
        _, count = self._measured.get(at, (0.0, 0))
        if count == 0:
            self._first = now
        # The first pair waits for the method to be loaded: it is left out as soon as there is another.
        seconds = now - self._begun if count == 0 else (now - self._first) * (count + 1) / count
        self._measured[at] = seconds, count + 1

    def end(self, place: int) -> None:
        """A job is over, whatever it left."""
        self._lacking[place] = 0

    def left(self) -> float | None:
        """Seconds that all jobs still take; None before a pair is done."""
        if not self._measured:
            return None
        for place, job in enumerate(self._jobs):
            if self._lacking[place] is None:
                self._lacking[place] = _lacking(job)
        return sum(self._per_pair(place) * count for place, count in enumerate(self._lacking) if count)

    def _per_pair(self, place: int) -> float:
        if place in self._measured:
            seconds, count = self._measured[place]
            return seconds / count
        label = self._jobs[place].cell.method
        same = [at for at in self._measured if self._jobs[at].cell.method == label]
        if same:
            of_one = fmean(self._measured[at][0] / self._measured[at][1] / self._size(at) for at in same)
            return of_one * self._size(place)
        if place not in self._earlier:
            self._earlier[place] = None if self._along[place] else _earlier(self._jobs[place], self._processes)
        if (earlier := self._earlier[place]) is not None:
            return earlier
        measured = sum(seconds for seconds, _ in self._measured.values())
        expected = sum(self._expected[at] * self._size(at) * count for at, (_, count) in self._measured.items())
        speed = (measured + _TRUST) / (expected + _TRUST)
        return self._expected[place] * self._size(place) * min(max(speed, _LIMITS[0]), _LIMITS[1])

    def _size(self, place: int) -> float:
        """Of a job's pairs, compared with 480x640; 1 where all jobs have the same pairs."""
        largest = self._jobs[place].split.largest if self._scaled else None
        return 1.0 if largest is None else largest[0] * largest[1] / _PIXELS


def _lacking(job: Job) -> int:
    """How many pairs are to do, as far as the lines of the store tell without a look at the images."""
    if job.force:
        return len(job.keys)
    fused = {(id, key) for id, key, _ in cells.read_fused(job.cell)}
    lines = {
        (id, protocol): line
        for (id, protocol), line in cells.read_scores(job.cell).items()
        if id in job.keys and line["key"] == job.key(id, protocol)
    }
    made = {id for id, key in job.keys.items() if job.provided is not None or (id, key) in fused}
    return sum(id not in made or bool(unscored(job, lines, id)) for id in job.keys)


def _expected(job: Job, fuses: bool) -> float:
    fusing = BY_FAMILY[job.family] + job.flops / FLOPS if fuses and job.provided is None else 0.0
    return fusing + METRIC * (1 + sum(map(len, job.wanted.values())))


def _earlier(job: Job, processes: int) -> float | None:
    """What a pair took when an earlier run did a part of the job; None where none did."""
    lines = files.read_lines(job.cell.timings_file)
    fusing, scoring = (
        [line[name] for line in lines if isinstance(line.get(name), (int, float))] for name in ("fuse_s", "score_s")
    )
    if not fusing:
        return None
    return fmean(fusing) + (fmean(scoring) / max(1, processes) if scoring else 0.0)
