"""Running jobs: fuse what is not there, score what is not scored, keep everything else."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from baselines.base import seed_generators
from baselines.plugins import told
from benchmark.datasets.pairs import Pair, PairError, PairImages
from benchmark.errors import UserError, first_few, one_line
from benchmark.imaging import bt601, reading, saving
from benchmark.progress import Part, Progress
from benchmark.run import machine, reuse
from benchmark.run.forecast import Forecast
from benchmark.run.jobs import Job, Made, facts, kept, unscored
from benchmark.run.plan import why
from benchmark.run.scoring import Scorer
from benchmark.store import cells, files, provenance
from benchmark.store import told as facts_told
from benchmark.store.summary import Table, state, summarise, tables

if TYPE_CHECKING:
    import numpy as np

_NAMED = 5  # ids in a line about many


@dataclass
class Outcome:
    """What became of a job: ids that failed with reasons, or why nothing could be done at all. told: of the sources."""

    job: Job
    failed: dict[str, str] = field(default_factory=dict)
    error: str | None = None
    unavailable: str | None = None
    fused: int = 0
    scored: int = 0
    told: list[str] = field(default_factory=list)

    @property
    def state(self) -> str | None:
        """The state where it does not follow from what is stored."""
        if self.unavailable:
            return f"unavailable ({self.unavailable})"
        return f"failed ({self.error})" if self.error else None


def run_jobs(jobs: Sequence[Job], processes: int | None = None, command: str = "") -> list[Outcome]:
    """Complete the jobs, one after the other. processes: that score while the next pair is fused; None: one
    per processor, 0: this one. command: for the record."""
    progress, said = Progress(), set()
    processes = provenance.processors() if processes is None else processes
    places = {(job.split.dataset, job.split.name) for job in jobs}
    title = f"all {_counted(len({job.cell.method for job in jobs}), 'method')}, {_counted(len(places), 'split')}"
    with machine.working(progress.line), Scorer(processes) as scorer:
        forecast = Forecast(jobs, processes)
        total = sum(len(job.split.pairs) for job in jobs)
        with progress.whole(title, total, forecast.left, shown=len(jobs) > 1) as whole:
            outcomes = []
            for number, job in enumerate(jobs):
                course = Course(forecast, whole, number)
                outcomes.append(run_job(job, scorer, progress, command, said, course))
                forecast.end(number)
                whole.reach(sum(len(job.split.pairs) for job in jobs[: number + 1]))
            return outcomes


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


@dataclass
class Course:
    """Where a job stands among all jobs of a run."""

    forecast: Forecast
    whole: Part
    place: int

    def begin(self, lacking: int, total: int) -> None:
        """Of the job's pairs, this many are to do; the others count as done."""
        self.forecast.begin(self.place, lacking)
        self.whole.reach(self.whole.done + total - lacking)


def tables_of(outcomes: Sequence[Outcome], wanted: dict[str, list[str]]) -> list[Table]:
    """What these jobs led to, methods in the order of the jobs; wanted: protocol -> metrics."""
    rows = [
        replace(row, state=outcome.state or row.state)
        for outcome in outcomes
        for row in summarise(outcome.job.cell)
        if row.protocol in wanted
    ]
    return tables(rows, wanted)


def run_job(
    job: Job,
    scorer: Scorer,
    progress: Progress,
    command: str = "",
    said: set | None = None,
    course: Course | None = None,
) -> Outcome:
    """Complete a cell as far as possible. What fails is told on `progress`, noted in `run.json` and tried
    again in the next run; everything else is kept in the store as it comes. said: what was told of the sources of
    earlier jobs, and is not told again. course: among the other jobs, None for one that stands alone."""
    waiting = f"{job.cell}: another run is at work on it; waiting"
    with job.cell.lock(lambda: progress.line(waiting, **place(job))):
        if job.unavailable:
            return _not_available(job)
        return _Run(job, scorer, progress, command, set() if said is None else said, course).complete()


def place(job: Job) -> dict[str, str]:
    """What events call a job by."""
    return {"dataset": job.split.dataset, "split": job.split.name, "method": job.cell.method}


def _not_available(job: Job) -> Outcome:
    # Results that an earlier run made where the method was available stay what they are.
    if not cells.read_scores(job.cell):
        job.cell.write_run({**facts(job), "unavailable": job.unavailable})
    return Outcome(job, unavailable=job.unavailable)


class _Run:
    """One job on its way, under the cell's lock."""

    def __init__(
        self, job: Job, scorer: Scorer, progress: Progress, command: str, said: set, course: Course | None
    ) -> None:
        self.job, self.scorer, self.progress, self.command, self.said = job, scorer, progress, command, said
        self.course = course
        self.outcome = Outcome(job)
        self.queue: deque[tuple[Pair, Future]] = deque()
        self.orphans: list[Pair] = []  # whose scoring ended when a process died, be it for them or for a neighbour
        self.fuser: Callable[[PairImages], Made] | None = None
        self.lacking: dict[cells.Cell, set[str]] = {}  # what the jobs beside this one lacked before it

    def complete(self) -> Outcome:
        job, outcome = self.job, self.outcome
        cells.sweep(job.cell)
        found = kept(job)
        self.fused, self.lines, self.told = dict(found.fused), dict(found.lines), dict(found.told)
        if job.force:
            job.cell.timings_file.unlink(missing_ok=True)
        if adopted := reuse.adopt(job, job.keys.keys() - self.fused.keys()):
            self.fused |= {id: image.digest for id, image in adopted.items()}
            self.told |= {id: image.told for id, image in adopted.items()}
            text = f"{job.cell}: {len(adopted)} fused before, in another split; taken from there"
            self.progress.line(text, **place(job))
        self._write_lines()
        self.record = facts(job, list(self.lines.values()))
        self._fail_all(job.split.broken | job.missing)
        self.record["runs"] = job.cell.run().get("runs", []) if self.fused else []
        pairs = [pair for pair in job.split.pairs if pair.id in job.keys and self._lacks_something(pair)]
        if self.course is not None:
            self.course.begin(len(pairs), len(job.split.pairs))
        if not pairs:
            self._write_record(finished=True)
            self._tell()
            return outcome
        entry = {"command": self.command, "device": job.device, "start": provenance.now(), "end": None}
        entry.update(provenance.environment())
        provenance.start_gpu_peak(job.device)
        self.record["runs"].append(entry)
        self._write_record()
        try:
            whole = self.course.whole if self.course is not None else None
            with self.progress.bar(str(job.cell), len(pairs), whole=whole, **place(job)) as step:
                self._work(pairs, self._counting(step))
        finally:
            # Also on the way out of an interruption, so that the files say what is there.
            entry.update(
                end=provenance.now(),
                fused=outcome.fused,
                scored=outcome.scored,
                process_peak_memory_mib=provenance.process_peak_memory_mib(),
                gpu_peak_memory_mib=provenance.gpu_peak_memory_mib(job.device),
                threads=provenance.threads(),
                **provenance.kernels(job.device if job.provided is None else None),
            )
            self._write_lines()
            self._write_record(finished=True)
        self._tell()
        return outcome

    def _counting(self, step: Callable[..., None]) -> Callable[..., None]:
        """The step of a bar, which the forecast is told of first."""

        def counted(well: bool = True) -> None:
            if self.course is not None:
                self.course.forecast.step()
            step(well)

        return counted

    def _lacks_files(self, pair: Pair) -> bool:
        no_colour = self.job.colour and not self.job.cell.colour(pair.id).exists()
        return pair.id not in self.fused or no_colour

    def _lacks_something(self, pair: Pair) -> bool:
        return self._lacks_files(pair) or bool(unscored(self.job, self.lines, pair.id))

    def _work(self, pairs: Sequence[Pair], step: Callable[..., None]) -> None:
        for pair in pairs:
            try:
                source = self._make(pair)
            except UserError as error:
                self._fail(pair.id, why(error))
                step(False)
                continue
            except _Hopeless:
                break
            if wanted := unscored(self.job, self.lines, pair.id):
                self.queue.append((pair, self._submit(pair, source, wanted)))
            else:
                step()
            # As many wait as keep the workers busy; images in memory stay few.
            while self.queue and (self.queue[0][1].done() or len(self.queue) > 2 * self.scorer.jobs + 1):
                self._keep_first(step)
        while self.queue:
            self._keep_first(step)
        for pair in self.orphans:
            self.queue.append((pair, self._submit(pair, pair, unscored(self.job, self.lines, pair.id))))
            self._keep_first(step, alone=True)

    def _submit(self, pair: Pair, source: Pair | PairImages, wanted: dict[str, list[str]]) -> Future:
        return self.scorer.submit(self.job.picture(pair.id), source, wanted, self.job.copies, self._notes(pair.id))

    def _notes(self, id: str) -> list[str]:
        """What was converted when the image was made here."""
        if self.job.provided is not None:
            return []
        return [what for fact in self.told.get(id, ()) if (what := facts_told.what_of_fused(fact))]

    def _make(self, pair: Pair) -> Pair | PairImages:
        """Make the files of the fused image that are not there. Returns what to score it against: the images, if they
        had to be read for that, else the pair, so that the worker reads them."""
        if not self._lacks_files(pair):
            return pair
        loaded = pair.load()
        self._fuse(pair, loaded)
        if self.job.colour:
            self._colour(pair, loaded)
        return replace(loaded, vis_rgb=loaded.vis_rgb if self.job.colour_scores else None, ir_rgb=None)

    def _fuse(self, pair: Pair, loaded: PairImages) -> None:
        job, path = self.job, self.job.picture(pair.id)
        if pair.id in self.fused:
            return
        fuse = self._fuser()
        _seed(job.seed, pair.id)
        start = time.perf_counter()
        try:
            made = fuse(loaded)
        except Exception as error:  # a method may raise anything; the other pairs go on
            raise UserError(f"fusing failed: {told(error)}") from error
        seconds = time.perf_counter() - start
        job.cell.colour(pair.id).unlink(missing_ok=True)
        saving.save_luminance(path, made.image)
        digest = files.file_sha256(path)
        line = {"id": pair.id, "key": job.keys[pair.id], "fused": digest, "fuse_s": round(seconds, 6)}
        of_both = (*loaded.told, *(f"{facts_told.FUSED}: {note}" for note in made.notes))
        files.append(job.cell.timings_file, {**line, "told": of_both} if of_both else line)
        self.fused[pair.id], self.told[pair.id] = digest, of_both
        self.outcome.fused += 1
        for other, image in zip(job.also, made.also):
            self._save_for(other, pair.id, image, line, of_both)

    def _save_for(self, other: Job, id: str, image: np.ndarray, line: dict, told: tuple[str, ...]) -> None:
        """Save the image of another job that lacks it, unless a run is at work there: then it makes its own."""
        if other.cell not in self.lacking:
            self.lacking[other.cell] = other.keys.keys() - kept(other).fused.keys()
        if id not in self.lacking[other.cell]:
            return
        with other.cell.lock_if_free() as held:
            if held:
                other.cell.colour(id).unlink(missing_ok=True)
                path = other.cell.fused(id)
                saving.save_luminance(path, image)
                line = {**line, "key": other.keys[id], "fused": files.file_sha256(path)}
                files.append(other.cell.timings_file, {**line, "told": told} if told else line)

    def _fuser(self) -> Callable[[PairImages], Made]:
        if self.fuser is None:
            from baselines import Unavailable

            try:
                self.fuser = self.job.fuse()
            except Unavailable as error:
                self.outcome.unavailable = self.record["unavailable"] = one_line(error).removeprefix(
                    f"{self.job.about['name']}: "
                )
                text = f"{self.job.cell}: unavailable: {self.outcome.unavailable}"
                self.progress.line(text, "failure", **place(self.job), reason=self.outcome.unavailable)
                raise _Hopeless from error
            except Exception as error:  # a method may raise anything; the other methods go on
                self.outcome.error = self.record["error"] = told(error)
                text = f"{self.job.cell}: failed: {self.outcome.error}"
                self.progress.line(text, "failure", **place(self.job), reason=self.outcome.error)
                raise _Hopeless from error
        return self.fuser

    def _colour(self, pair: Pair, loaded: PairImages) -> None:
        path = self.job.cell.colour(pair.id)
        if path.exists():
            return
        import numpy as np

        grey = reading.read_luminance(self.job.picture(pair.id))
        grey_rgb = np.repeat(grey[..., None], 3, axis=2)
        saving.save_rgb(path, grey_rgb if loaded.colour is None else bt601.attach_colour(grey, loaded.colour))

    def _keep_first(self, step: Callable[..., None], alone: bool = False) -> None:
        """Wait for the scores of the image that is first in line, and store them. alone: no other image is scored
        beside it, so that a process that dies dies of this one."""
        pair, future = self.queue.popleft()
        try:
            found = future.result()
        except BrokenProcessPool:
            if not alone:
                self.orphans.append(pair)
                return
            self._fail(pair.id, "the process that scored it died, with no other image beside (out of memory?)")
        except UserError as error:
            of_sources = isinstance(error, PairError) or getattr(error, "path", None) in (pair.ir, pair.vis)
            self._fail(pair.id, why(error) if of_sources else f"scoring failed: {getattr(error, 'reason', error)}")
        except Exception as error:  # a metric may raise anything; the other images go on
            self._fail(pair.id, f"scoring failed: {type(error).__name__}: {one_line(error)}")
        else:
            for protocol in sorted(found.scores):
                self._keep_scores(pair.id, protocol, found.told, *found.scores[protocol])
            self.outcome.scored += 1
        step(pair.id not in self.outcome.failed)

    def _keep_scores(self, id: str, protocol: str, told: tuple, scores: dict, reasons: dict, seconds: float) -> None:
        job = self.job
        if line := self.lines.get((id, protocol)):
            scores, reasons = {**cells.scores_of(line), **scores}, {**line.get("reasons", {}), **reasons}
        line = cells.score_line(id, protocol, job.key(id, protocol), self.fused[id], scores, reasons, told)
        files.append(job.cell.scores_file, line)
        self.lines[id, protocol] = line
        files.append(job.cell.timings_file, {"id": id, "protocol": protocol, "score_s": round(seconds, 6)})

    def _fail_all(self, reasons: dict[str, str]) -> None:
        """Pairs that have one reason in common are told in one line."""
        self.outcome.failed.update(reasons)
        for reason in dict.fromkeys(reasons.values()):
            ids = [id for id in reasons if reasons[id] == reason]
            some = first_few(ids, _NAMED)
            where = some if len(ids) == 1 else f"{len(ids)} of {len(self.job.split.pairs)} pairs ({some})"
            self.progress.line(
                f"{self.job.cell}: {where}: {reason}", "failure", **place(self.job), ids=ids, reason=reason
            )

    def _fail(self, id: str, reason: str) -> None:
        self.outcome.failed[id] = reason
        self.progress.line(f"{self.job.cell}: {id}: {reason}", "failure", **place(self.job), ids=[id], reason=reason)

    def _facts(self) -> facts_told.Facts:
        """What there is to tell of the images; of what is not scored, of its sources alone."""
        return {**self.told, **facts_told.by_image(self.lines.values(), self.job.copies, self.job.declared)}

    def _tell(self) -> None:
        """Say once of a run what is true of a split's sources, and what of the cell's own images."""
        job, found, total = self.job, self._facts(), len(self.job.split.pairs)
        of = (job.split.dataset, job.split.name)
        sources = facts_told.of_sources(found)
        self.outcome.told = facts_told.in_all(sources, total)
        new = {id: [fact for fact in facts if (*of, id, fact) not in self.said] for id, facts in sources.items()}
        self.said.update((*of, id, fact) for id, facts in new.items() for fact in facts)
        for line in facts_told.in_all(new, total):
            self.progress.line(f"{'@'.join(of)}: {line}", "told", dataset=of[0], split=of[1])
        for line in facts_told.in_all(facts_told.of_fused(found), total):
            self.progress.line(f"{job.cell}: {line}", "told", **place(job))

    def _write_lines(self) -> None:
        """Make `scores.jsonl` hold the valid lines, ordered by pair, then protocol."""
        order = {pair.id: index for index, pair in enumerate(self.job.split.pairs)}
        ordered = sorted(self.lines, key=lambda key: (order[key[0]], key[1]))
        files.write_lines(self.job.cell.scores_file, [self.lines[key] for key in ordered])

    def _write_record(self, finished: bool = False) -> None:
        record = {**self.record, "failed": self.outcome.failed}
        if told := facts_told.in_all(self._facts(), len(self.job.split.pairs)):
            record["told"] = told
        if finished:
            # For whoever opens the file; reports count the lines, which a kill does not make wrong.
            scored = Counter(protocol for _, protocol in self.lines)
            record["states"] = {name: state(record, scored[name]) for name in record["protocols"]}
        if record != self.job.cell.run():
            self.job.cell.write_run(record)


class _Hopeless(Exception):
    """The method cannot fuse anything in this run."""


def _seed(seed: int, id: str) -> None:
    """Seed what a method may draw from; the same for a pair in whatever order pairs come."""
    seed_generators(int(sha256(f"{seed}/{id}".encode()).hexdigest()[:8], 16))
