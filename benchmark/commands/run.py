"""`bench run`: fuse and score."""

from __future__ import annotations

import click

from benchmark import options, progress

METHODS = "mambadfuse,cddfuse,laplacian,average,max,ir,vis"

EPILOG = """\b
Examples:
  bench run
  bench run --dataset msrs,tno --methods mambadfuse,average --protocol standard,cddfuse
  bench run --dataset folder --ir my/infrared --vis my/visible --methods average
  bench run --dataset folder --ir my --vis my --ir-pattern '{id}_T' --vis-pattern '{id}_V' --methods average
  bench run --dataset folder --ir raw16/infrared --vis my/visible --methods average --stretch percentile
  bench run --dataset msrs --methods cddfuse --checkpoint cddfuse=my.safetensors
  bench run --dataset tno --methods all,./my_fuser.py:MyFuser
  bench run --dataset folder --ir my/infrared --vis my/visible --methods seafusion --tile 512
  bench run --methods average --methods 'cmd:python their_test.py {ir} {vis} {out}'
  bench run --config run.yaml --limit 3
  bench run --dataset tno --methods all --quiet
  bench run --dataset tno --methods all --json | jq -r 'select(.event == "failure").message'
\b
A method whose weights are missing is shown as unavailable; that counts as a failure
(exit code 1) only where --methods names it. Of a group (all, learned, classical, naive), methods
made for other pairs than the data set's (medical ones, or not) are left out.
"""


@click.command(epilog=EPILOG)
@click.option(
    "--dataset", type=options.DATASETS, default="synth", show_default=True, help="Data sets: bench ls datasets."
)
@click.option(
    "--split",
    shell_complete=options.completing(options.split_names),
    help="Split of the data set; its default one if left out.",
)
@options.methods(METHODS)
@click.option(
    "--protocol", type=options.PROTOCOLS, default="standard", show_default=True, help="bench ls protocols; or all."
)
@click.option("--metrics", type=options.METRICS, help="bench ls metrics; the eight core ones if left out.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first N pairs, a split of their own.")
@click.option(
    "--jobs",
    "processes",
    type=click.IntRange(0),
    metavar="N",
    help="Scoring processes; one per processor if left out.",
)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option(
    "--precision",
    type=click.Choice(["fp32", "bf16"]),
    default="fp32",
    show_default=True,
    help="bf16: bfloat16 matrix products in methods that have them; results of their own, METHOD+bf16.",
)
@click.option(
    "--output",
    type=options.Outputs(),
    metavar="raw,native,minmax",
    default="raw",
    show_default=True,
    help="How results are saved: raw (clipped only), native (as each method's authors save them) or minmax (each image"
    " stretched to 0..255), perhaps several. Of methods whose authors do more than clip, native is a result of its"
    " own, METHOD+native, and so is METHOD+minmax of all.",
)
@click.option(
    "--tile",
    type=options.Tile(),
    default="auto",
    show_default=True,
    help="Fuse large images in tiles of SIZE pixels a side: results of their own, METHOD+tileSIZE. auto: of 512 pixels,"
    " and only where a method would otherwise need more memory than is free.",
)
@options.scan_backend
@click.option("--seed", type=int, default=0, show_default=True, help="For methods that draw random numbers.")
@click.option("--force", is_flag=True, help="Compute everything anew.")
@click.option("--colour", is_flag=True, help="Also save fused images with the visible image's colours.")
@options.checkpoints
@options.timeout
@options.folders
@options.stretch
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@options.config
@options.speech
@options.shared
@click.pass_context
def command(
    ctx,
    dataset,
    split,
    methods,
    protocol,
    metrics,
    limit,
    processes,
    device,
    precision,
    output,
    tile,
    scan_backend,
    seed,
    force,
    colour,
    checkpoint,
    trust_checkpoint,
    timeout,
    ir,
    vis,
    ir_pattern,
    vis_pattern,
    stretch,
    dry_run,
    results,
    data_root,
    weights_root,
):
    """Fuse image pairs with each method and score what was saved.

    Everything that is finished is kept: run the same command again to continue one that was
    interrupted, or to add methods, protocols or metrics.
    """
    from benchmark.report import terminal
    from benchmark.run import jobs, memory, plan, runner

    dataset = plan.select_datasets(dataset, ir, vis, ir_pattern, vis_pattern)
    wanted = plan.select_metrics(metrics, protocol)
    chosen = plan.select_methods(methods, checkpoint, weights_root, precision, output, timeout, trust_checkpoint)
    memory.check_tile(tile, chosen)
    device = plan.select_device(device, chosen)
    plan.select_scan_backend(scan_backend, device)
    splits, absent = plan.select_splits(dataset, split, limit, data_root, ir, vis, ir_pattern, vis_pattern, stretch)
    planned, notes, named, leaders = [], [], set(), {}
    for one in splits:
        fitting, left = plan.fitting(chosen, one.task)
        for method in fitting:
            method, note = memory.fitted(method, one, device, tile, results)
            job = jobs.fuser_job(results, one, method, wanted, device=device, seed=seed, colour=colour, force=force)
            planned.append(job)
            if not force:  # the first of the jobs that only save otherwise fuses for all of them
                same = (one.dataset, one.name, method.name, method.checkpoint_sha256, method.precision, method.tile)
                if (first := leaders.setdefault(same, job)) is not job:
                    first.also.append(job)
            if note:
                notes.append((f"{job.cell}: {note}", "note", runner.place(job)))
            if not method.group:
                named.add(str(job.cell))
        if left:
            names = ", ".join(method.name for method in left)
            text = f"{one.dataset}@{one.name}: left out, made for other pairs: {names}"
            notes.append((text, "note", {"dataset": one.dataset, "split": one.name}))
    of_splits = [(note, "note", {"dataset": one.dataset, "split": one.name}) for one in splits for note in one.notes]
    for text, event, fields in (*of_splits, *notes):
        progress.say(text, event, **fields)
    if dry_run:
        for job in planned:
            progress.answer(_intention(job), "plan", **runner.place(job))
        for name, reason in absent.items():
            progress.answer(f"{name}: unavailable: {reason}", "unavailable", dataset=name, reason=reason)
        return
    for name, reason in absent.items():
        progress.say(f"{name}: unavailable: {reason}", "unavailable", dataset=name, reason=reason)
    for method, reason in dict.fromkeys((job.cell.method, job.unavailable) for job in planned if job.unavailable):
        progress.say(f"{method}: unavailable: {reason}", "unavailable", method=method, reason=reason)
    outcomes = runner.run_jobs(planned, processes, options.command_line(ctx))
    terminal.show(runner.tables_of(outcomes, wanted))
    if not progress.is_json():
        for name, reason in absent.items():
            click.echo(f"\n{name}: unavailable ({reason})")
    counts = named if options.given(ctx, "methods") else set()
    failed = (o.failed or o.error or (o.unavailable and str(o.job.cell) in counts) for o in outcomes)
    ctx.exit(int(bool(absent) or any(failed)))


def _intention(job) -> str:
    from benchmark.run import jobs, reuse

    total = len(job.split.pairs)
    if job.unavailable:
        return f"{job.cell}: unavailable: {job.unavailable}"
    kept = jobs.kept(job)
    lacking = job.keys.keys() - kept.fused.keys()
    elsewhere = reuse.found(job, lacking)
    to_score = sum(bool(jobs.unscored(job, kept.lines, id)) for id in job.keys)
    parts = [f"{total} pairs", f"{len(lacking) - len(elsewhere)} to fuse", f"{to_score} to score"]
    if elsewhere:
        parts.insert(1, f"{len(elsewhere)} fused in other splits")
    incomplete = sum(pair.problem is not None for pair in job.split.pairs)
    for count, what in ((incomplete, "incomplete"), (len(job.split.broken) - incomplete, "unreadable")):
        parts += [f"{count} {what}"] * bool(count)
    return f"{job.cell}: {', '.join(parts)}"
