"""`bench weights`: checkpoints."""

from __future__ import annotations

from pathlib import Path

import click

from benchmark import options, progress

EPILOG = """\b
Examples:
  bench weights verify all --weights-root WEIGHTS      what is here, and whether it is the published file
  bench weights pull seafusion,cddfuse                 from the authors' repositories, into the cache
  bench weights convert CDDFuse_IVF.pth cddfuse-official.safetensors --method cddfuse
  bench weights convert runs/mine/mambadfuse.safetensors mine.pth --method mambadfuse
  bench weights export mambadfuse mambadfuse.pt        as TorchScript
"""

_root = click.option(
    "--weights-root",
    type=options.FOLDER,
    envvar="BENCH_WEIGHTS",
    show_envvar=True,
    help="Where checkpoints lie: DIR/<method>/<file>; a cache folder if left out.",
)


@click.group(epilog=EPILOG, short_help="Checkpoints: verify, pull, convert, export.")
def command():
    """Work with checkpoints."""


_VERIFY_EXAMPLES = """\b
Examples:
  bench weights verify
  bench weights verify seafusion,cddfuse --weights-root WEIGHTS
"""


@command.command(epilog=_VERIFY_EXAMPLES, short_help="Check files against the published hashes.")
@click.argument("methods", type=options.METHOD_NAMES, default="all")
@options.speech
@_root
@click.pass_context
def verify(ctx, methods, weights_root):
    """Check the published checkpoints of METHODS (all if left out) under the weights root. Exit code 1 where a file is
    another than the published one."""
    from benchmark.checkpoints import published
    from benchmark.report import terminal

    root, sources, states = published.root(weights_root), published.select(methods), {}
    with progress.Progress().bar("hashing", len(sources), "file", summary=False) as step:
        for source in sources:
            states[source] = published.state(source, root)
            step()
    rows = [(f"{s.folder}/{s.file}", state, f"{s.repository} at {s.commit[:10]}") for s, state in states.items()]
    terminal.show_listing(("file", "state", "published in"), rows)
    count = {kind: sum(state == kind for state in states.values()) for kind in ("ok", "missing")}
    wrong = len(states) - sum(count.values())
    text = f"{root}: {count['ok']} of {len(states)} files right, {count['missing']} missing, {wrong} wrong"
    progress.answer(text, "summary", root=root, right=count["ok"], missing=count["missing"], wrong=wrong)
    ctx.exit(int(wrong > 0))


_PULL_EXAMPLES = """\b
Examples:
  bench weights pull seafusion,cddfuse
  bench weights pull all --dry-run
  bench weights pull all --weights-root WEIGHTS
"""


@command.command(epilog=_PULL_EXAMPLES, short_help="Download published files, checked against their hashes.")
@click.argument("methods", type=options.METHOD_NAMES)
@click.option("--dry-run", is_flag=True, help="Say what would be downloaded, and do nothing.")
@options.speech
@_root
@click.pass_context
def pull(ctx, methods, dry_run, weights_root):
    """Download the published checkpoints of METHODS, or all, each from its authors' repository at a pinned commit.

    Files that are there are kept, and parts of interrupted ones continued. Their licences are the authors'."""
    from benchmark.checkpoints import published

    root = published.root(weights_root)
    states = {source: published.state(source, root) for source in published.select(methods)}
    missing = [source for source, state in states.items() if state == "missing"]
    wrong = [source for source, state in states.items() if state not in ("ok", "missing")]
    for source in missing if dry_run else ():
        progress.answer(source.url, "plan", url=source.url)
    progress.answer(f"{len(missing)} of {len(states)} files to get, into {root}", "note")
    for source in wrong:
        path = root / source.folder / source.file
        progress.say(f"{path}: {states[source]}; left as it is", "failure", path=path, reason=states[source])
    failed = {}
    if not dry_run:
        with progress.Progress().bar("downloading weights", len(missing), "file", summary=False) as step:
            failed = published.pull(missing, root, step)
        for reason in failed.values():
            progress.say(reason, "failure")
        got = len(missing) - len(failed)
        text = f"{got} files downloaded and checked, {len(failed)} failed"
        progress.answer(text, "summary", downloaded=got, failed=len(failed))
    ctx.exit(int(bool(failed or wrong)))


_CONVERT_EXAMPLES = """\b
Examples:
  bench weights convert CDDFuse_IVF.pth cddfuse-official.safetensors --method cddfuse
  bench weights convert runs/mine/mambadfuse.safetensors mine.pth --method mambadfuse --float16
"""


@command.command(epilog=_CONVERT_EXAMPLES, short_help="The authors' layout to safetensors with a record, and back.")
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("target", type=options.FOLDER, metavar="TARGET")
@click.option("--method", required=True, help="Whose weights these are, for example cddfuse or mambadfuse-mif.")
@click.option("--float16", is_flag=True, help="Store half precision; grey levels may change by one.")
def convert(source, target, method, float16):
    """Write SOURCE, the authors' file or safetensors, as TARGET: .safetensors, or .pth for the authors' layout.

    Every name and shape must be the network's. A record (.json) is written beside TARGET."""
    from benchmark.checkpoints.convert import convert

    record = convert(method, source, target, float16)
    progress.answer(f"{target}, record {record}", "file", path=target, record=record)


_EXPORT_EXAMPLES = """\b
Examples:
  bench weights export mambadfuse mambadfuse.pt
  bench weights export cddfuse mine.pt --checkpoint runs/mine/cddfuse.best.safetensors
  bench weights export lrrnet lrrnet.pt --size 640x480 --weights-root WEIGHTS
\b
In Python, and likewise in C++:
  fused = torch.jit.load("mambadfuse.pt")(ir, vis)     float32 (1, 1, H, W) in [0, 1]
"""


@command.command(epilog=_EXPORT_EXAMPLES, short_help="A network as TorchScript, which runs without this package.")
@click.argument("method")
@click.argument("target", type=options.FOLDER, metavar="TARGET")
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The weights [default: those that bench run takes].",
)
@click.option("--size", type=options.Size(), help="Of the images, for networks that can be exported for one size only.")
@options.speech
@_root
def export(method, target, checkpoint, size, weights_root):
    """Write the network of METHOD, with its weights, as TARGET (.pt), and a record (.json) beside it.

    The file is loaded again, and its images compared with those of METHOD. Scans of Mamba run as plain PyTorch in it:
    the same images, some times slower than bench run."""
    from benchmark.checkpoints.torchscript import export

    record = export(method, target, checkpoint, weights_root, size and size[::-1])
    traced = record["traced_with"]
    sizes = "images of any size" if record["any_size"] else f"images of {traced['width']}x{traced['height']} only"
    text = f"{target}: for {sizes}, at most {255 * record['largest_difference']:.1g} grey levels from {method}"
    progress.answer(text, "file", path=target, record=target.with_suffix(".json"), any_size=record["any_size"])
