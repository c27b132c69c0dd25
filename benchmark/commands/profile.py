"""`bench profile`: what methods cost."""

from __future__ import annotations

import click

from benchmark import options, progress

EPILOG = """\b
Examples:
  bench profile --methods learned --weights-root WEIGHTS
  bench profile --methods seafusion,./my_fuser.py:MyFuser --threads 1
\b
Each method is measured in a process of its own, one after the other, while no other bench command
of yours fuses on this machine. Time is the median over repetitions after warm-up, from pair to
fused image; memory is what loading and fusing one pair add to a process. Kept in RESULTS/profile.
"""


@click.command(epilog=EPILOG, short_help="Measure parameters, FLOPs, time and memory.")
@options.methods("mambadfuse,cddfuse,laplacian,average")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="auto: the CPU and, for networks where there is one, the GPU.",
)
@click.option("--size", type=options.Size(), default="640x480", show_default=True, help="Of the pair.")
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Of torch; its own choice if left out.")
@options.checkpoints
@options.timeout
@options.config
@options.speech
@options.shared
@click.pass_context
def command(
    ctx, methods, device, size, threads, checkpoint, trust_checkpoint, timeout, results, data_root, weights_root
):
    """Measure parameters, FLOPs, time per pair and peak memory of each method, and keep them with the results."""
    from benchmark.cost import profiler, records
    from benchmark.run import machine, plan
    from benchmark.store import provenance

    chosen = plan.select_methods(methods, checkpoint, weights_root, timeout=timeout, trust=trust_checkpoint)
    work = [(method, name) for method in chosen for name in _devices(device, method)]
    bars = progress.Progress()
    measured, failed = [], False
    if (load := profiler.load_average()) is not None and load > 0.5 * provenance.processors():
        text = f"this machine is busy (load {load:g}): times will be longer than the methods need"
        progress.say(text, "warning", load=load)
    with machine.alone(progress.say), bars.bar("measuring", len(work), summary=False) as step:
        for method, name in work:
            try:
                if method.unavailable:
                    raise profiler.ProfileError(method.unavailable)
                record = profiler.measure(method, name, size, threads, timeout)
            except profiler.ProfileError as error:
                text = f"{method.shown} on {name}: not measured: {error}"
                progress.say(text, "failure", method=method.label, device=name, reason=str(error))
                failed |= not method.group or not method.unavailable
            else:
                record["command"] = options.command_line(ctx)
                records.write(results, record)
                measured.append(record)
            step()
    if progress.is_json():
        for record in measured:
            progress.answer(None, "result", **{key: record.get(key) for key in records.COLUMNS})
    elif measured:
        show(measured)
    ctx.exit(int(failed))


def _devices(device: str, method) -> list[str]:
    from benchmark.run import plan

    if device != "auto":
        return [plan.select_device(device, [method])]
    return list(dict.fromkeys(["cpu", plan.select_device("auto", [method])]))


def show(records) -> None:
    """Print records to stdout, a table for each processor."""
    from benchmark.cost.records import listing
    from benchmark.report import terminal

    for title, head, rows in listing(records):
        click.echo(f"\n{title}")
        terminal.show_listing(head, rows)
