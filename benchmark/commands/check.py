"""`bench check`: does a method keep what every method promises?"""

from __future__ import annotations

import click

from benchmark import options

EPILOG = """\b
Examples:
  bench check ./my_fuser.py:MyFuser
  bench check average,seafusion --weights-root WEIGHTS
  bench check 'cmd:python their_test.py {ir} {vis} {out}'
"""


@click.command(epilog=EPILOG, short_help="Run the contract tests of a method.")
@click.argument("methods", type=options.METHODS, metavar="METHOD[,METHOD…]")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="cpu", show_default=True)
@options.checkpoints
@options.timeout
@options.shared
@click.pass_context
def command(ctx, methods, device, checkpoint, trust_checkpoint, timeout, results, data_root, weights_root):
    """Run the contract tests on METHOD, anything that bench run --methods takes, and say what fails: sizes, range,
    determinism, batches, what happens to its input, devices, memory. Exit code 1 where a check fails."""
    from baselines import Unavailable, contract
    from benchmark import plan, tables
    from benchmark.errors import one_line
    from benchmark.progress import Progress

    chosen = plan.select_methods(methods, checkpoint, weights_root, timeout=timeout, trust=trust_checkpoint)
    device = plan.select_device(device, chosen)
    broken = False
    for method in chosen:
        reason = method.unavailable
        if reason is None:
            try:
                ready = {device: method.load(device)}
            except Unavailable as error:
                reason = one_line(error)
            except Exception as error:  # a method may raise anything
                reason = f"{type(error).__name__}: {one_line(error)}"
        if reason is not None:
            click.echo(f"{method.label}: cannot be checked: {reason}", err=True)
            broken = True
            continue
        found = []
        with Progress().bar(f"checking {method.label}", len(contract.CHECKS), summary=False) as step:
            for result in contract.run(lambda name, m=method, r=ready: r.get(name) or m.load(name), device):
                found.append(result)
                step()
        click.echo(f"\n{method.label} on {device}")
        rows = [(r.name, r.promise, f"{r.state}: {r.reason}" if r.reason else r.state) for r in found]
        tables.show_listing(("check", "promise", "result"), rows)
        broken |= any(result.state == "failed" for result in found)
    ctx.exit(int(broken))
