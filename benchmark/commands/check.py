"""`bench check`: does a method keep what every method promises?"""

from __future__ import annotations

import click

from benchmark import options, progress

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
@options.speech
@options.shared
@click.pass_context
def command(ctx, methods, device, checkpoint, trust_checkpoint, timeout, results, data_root, weights_root):
    """Run the contract tests on METHOD, anything that bench run --methods takes, and say what fails: sizes, range,
    determinism, batches, what happens to its input, devices, memory. Exit code 1 where a check fails."""
    from baselines import Unavailable, contract
    from baselines.plugins import told
    from benchmark.errors import one_line
    from benchmark.report import terminal
    from benchmark.run import plan

    chosen = plan.select_methods(methods, checkpoint, weights_root, timeout=timeout, trust=trust_checkpoint)
    device = plan.select_device(device, chosen)
    broken = False
    for method in chosen:
        reason = method.unavailable
        if reason is None:
            try:
                ready = {device: method.load(device)}
            except Unavailable as error:
                reason = one_line(error).removeprefix(f"{method.name}: ")
            except Exception as error:  # a method may raise anything
                reason = told(error)
        if reason is not None:
            text = f"{method.shown}: cannot be checked: {reason}"
            progress.say(text, "failure", method=method.label, reason=reason)
            broken = True
            continue
        found, title = [], f"checking {method.shown}"
        with progress.Progress().bar(title, len(contract.CHECKS), summary=False, method=method.label) as step:
            for result in contract.run(lambda name, m=method, r=ready: r.get(name) or m.load(name), device):
                found.append(result)
                step()
        progress.answer(f"\n{method.shown} on {device}", "table", method=method.label, device=device)
        terminal.show_listing(("check", "promise", "result"), [(r.name, r.promise, _shown(r, found)) for r in found])
        broken |= any(result.state == "failed" for result in found)
    ctx.exit(int(broken))


def _shown(result, all_results) -> str:
    first = next(other for other in all_results if other.error == result.error)
    reason = "as above" if result.error and first is not result else result.reason
    return f"{result.state}: {reason}" if reason else result.state
