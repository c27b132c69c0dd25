"""`bench eval`: score fused images from anywhere."""

from __future__ import annotations

import click

from benchmark import options, progress

EPILOG = """\b
Examples:
  bench eval --fused out/tno --name mymethod --dataset tno --data-root DATA
  bench eval --fused out --name mymethod --dataset folder --ir my/infrared --vis my/visible
  bench eval --fused out --name mymethod --dataset msrs --pattern '{id}_fused.png'
\b
Fused images are matched by name: the pair 01 is scored from 01.png, or from
01 with another extension that is read (docs/datasets.md). Names like
01_fused.png are read where one rule explains all of them, or as --pattern says.
Colour images are scored by their luminance, except under a protocol that scores colours.
"""


@click.command(epilog=EPILOG)
@click.option("--fused", type=options.FOLDER, required=True, help="Folder of fused images.")
@click.option("--pattern", metavar="TEXT", help="Of their names, where they are no ids: '{id}_fused.png'.")
@click.option("--name", required=True, help="What to call them in results.")
@click.option(
    "--dataset",
    shell_complete=options.completing(options.dataset_names),
    default="synth",
    show_default=True,
    help="What they were fused from: bench ls datasets.",
)
@click.option(
    "--split",
    shell_complete=options.completing(options.split_names),
    help="Split of the data set; its default one if left out.",
)
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
@options.folders
@options.stretch
@options.config
@options.speech
@options.shared
@click.pass_context
def command(
    ctx,
    fused,
    pattern,
    name,
    dataset,
    split,
    protocol,
    metrics,
    limit,
    processes,
    ir,
    vis,
    ir_pattern,
    vis_pattern,
    stretch,
    results,
    data_root,
    weights_root,
):
    """Score fused images from anywhere as the benchmark scores its own."""
    from benchmark.report import terminal
    from benchmark.run import jobs, plan, runner

    name = plan.check_external_name(name)
    (dataset,) = plan.select_datasets([dataset], ir, vis, ir_pattern, vis_pattern)
    wanted = plan.select_metrics(metrics, protocol)
    chosen = plan.select_split(dataset, split, limit, data_root, ir, vis, ir_pattern, vis_pattern, stretch)
    job = jobs.external_job(results, chosen, name, fused, wanted, pattern)
    for note in job.split.notes:
        progress.say(note, **runner.place(job))
    outcomes = runner.run_jobs([job], processes, options.command_line(ctx))
    found = runner.tables_of(outcomes, wanted)
    if len(wanted) > 1:
        terminal.show_protocols(sorted(found, key=lambda table: list(wanted).index(table.protocol)))
    else:
        terminal.show(found)
    ctx.exit(int(any(outcome.failed for outcome in outcomes)))
