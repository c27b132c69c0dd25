"""`bench doctor`: what this installation runs on."""

from __future__ import annotations

import os
from pathlib import Path

import click

from benchmark import options, progress

EPILOG = """\b
Examples:
  bench doctor
  bench doctor --data-root DATA --weights-root WEIGHTS    are these folders seen?
  bench doctor results                                    are these results as they were written?
"""


@click.command(epilog=EPILOG, short_help="Show versions, devices, compiled kernels and folders in use.")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@options.speech
@options.shared
@click.pass_context
def command(ctx, folder, results, data_root, weights_root):
    """Show what this installation runs on: versions, devices, compiled kernels, folders.

    With FOLDER, a folder of results: check every record, every line of scores and the bytes of every fused image in it.
    One line a finding; exit code 1 where there is one."""
    if folder is not None:
        if _inspected(folder):
            ctx.exit(1)
        return
    from benchmark.store import provenance

    facts = provenance.environment()
    _say("mmif-bench", f"{facts['mmif-bench']}, commit {facts['git'] or 'unknown'}")
    _say("python", f"{facts['python']} on {facts['machine']}, {provenance.processors()} processors")
    for package in provenance.PACKAGES:
        _say(package, facts["packages"].get(package, "not installed"))
    _torch()
    _scan()
    _metrics()
    for option, folder in (("data root", data_root), ("weights root", weights_root), ("results", results)):
        if folder is None:
            _say(option, f"not given (--{option.replace(' ', '-')} or BENCH_{option.split()[0].upper()})")
        else:
            _say(option, f"{folder}{'' if folder.is_dir() else ': no such folder'}")


def _inspected(folder: Path) -> bool:
    """Print what is wrong with a folder of results; return whether anything is."""
    from benchmark.names import printable
    from benchmark.store import inspection
    from benchmark.store.cells import cells

    every = cells(folder)
    with progress.Progress().bar(f"checking {printable(str(folder))}", len(every), "cell", summary=False) as step:
        found, seen = inspection.inspect(folder, every, _ids_of, step)
    for one in found:
        place = printable(str(one.place))
        progress.answer(f"{place}: {one.what}", "finding", place=place, what=one.what)
    unsigned = f", {seen.unsigned} of them without a check of older versions" if seen.unsigned else ""
    text = f"{len(found)} findings in {seen.cells} cells, {seen.lines} lines{unsigned}, {seen.images} images"
    progress.answer(text, "summary", findings=len(found), **vars(seen))
    return bool(found)


def _ids_of(cell) -> set[str]:
    """The ids of a cell's split as its list has them; empty where no list is known here."""
    from benchmark import datasets
    from benchmark.datasets.id_lists import list_of
    from benchmark.errors import UserError

    try:
        return {*(datasets.get(cell.dataset).listed_split(list_of(cell.split)) or ())}
    except UserError:
        return set()


def _say(name: str, text: str) -> None:
    click.echo(f"{name + ':':<24} {text}")


def _torch() -> None:
    try:
        import torch
    except ImportError as error:
        _say("torch", f"cannot be imported: {error}")
        return
    _say("torch threads", str(torch.get_num_threads()))
    cuda = torch.cuda.get_device_name() if torch.cuda.is_available() else "not available"
    _say("cuda", cuda)


def _metrics() -> None:
    import metrics

    try:
        text = metrics.isa() or "numpy code; the compiled kernel was not built, or BENCH_ISA=none"
    except RuntimeError as error:
        text = str(error)
    _say("metrics kernel", text)


def _scan() -> None:
    try:
        import torch

        from baselines import scan
    except ImportError as error:
        _say("scan kernels", f"cannot be imported: {error}")
        return
    devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    forced = os.environ.get("BENCH_SCAN_BACKEND")
    in_use = {forced} if forced else {scan.in_use(device) for device in devices}
    for backend, available, reason in scan.describe():
        state = "in use" if backend in in_use else "available" if available else "not available"
        _say(f"scan kernel {backend}", f"{state}{f' ({reason})' if reason else ''}")
