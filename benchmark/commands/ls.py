"""`bench ls`: what there is, and whether it can be used here."""

from __future__ import annotations

import click

from benchmark import options, progress
from benchmark.errors import UserError, unknown


def datasets(data_root, weights_root):
    """the data sets, and whether they are found under the data root"""
    from benchmark import datasets

    yield "data set", "title", "splits (default first)", "pairs", "found"
    for name in datasets.names():
        source = datasets.get(name)
        default = source.default_split
        splits = [default, *(split for split in source.splits() if split != default)]
        published = source.card.counts.get(default)
        yield (
            name,
            source.card.title,
            ", ".join(splits),
            "any" if published is None else str(published),
            _where(source, default, data_root),
        )


def splits(data_root, weights_root):
    """the splits of every data set, and how many pairs are found"""
    from benchmark import datasets

    yield "data set", "split", "published", "found", "what it is"
    for name in datasets.names():
        source = datasets.get(name)
        for split, what in source.splits().items():
            published = source.card.counts.get(split)
            yield (
                name,
                split,
                "any" if published is None else str(published),
                _count(source, split, data_root),
                what,
            )


def _where(source, split, root) -> str:
    try:
        selection = source.select(split, root)
    except UserError as error:
        return "no: " + error.message.removeprefix(f"data set {source.name}: ")
    part = (
        f", {len(selection.pairs)} of {selection.total}" if selection.total not in (None, len(selection.pairs)) else ""
    )
    return f"yes: {selection.found}{part}" if selection.found else "yes"


def _count(source, split, root) -> str:
    try:
        pairs = source.select(split, root).pairs
    except UserError:
        return "none"
    return str(sum(pair.problem is None for pair in pairs))


def methods(data_root, weights_root):
    """the methods, and the checkpoints that they would use"""
    import baselines
    from benchmark.run.plan import check_weights_root

    check_weights_root(weights_root)
    yield "method", "family", "year", "trained on", "available"
    for name in baselines.names():
        card = baselines.card(name)
        try:
            checkpoint = baselines.find_checkpoint(card, None, weights_root)
            state = f"yes: {checkpoint}" if checkpoint else "yes"
            record = {}
            if checkpoint:
                digest = baselines.checkpoint_sha256(card, checkpoint)
                record = baselines.training_record(card, checkpoint, digest)
        except baselines.Unavailable as error:
            state, record = "no: " + str(error).removeprefix(f"{name}: "), {}
        trained_on = ", ".join(filter(None, [record.get("trained_on", card.trained_on), record.get("status")]))
        yield name, card.family, str(card.year or ""), trained_on, state


def metrics(data_root, weights_root, protocol=None):
    """the metrics, and the protocols that define them; --protocol NAME: what that one computes"""
    import metrics

    try:
        names = metrics.names(protocol)
    except ValueError as error:
        raise UserError(str(error)) from None
    yield "metric", "title", "better", "range", "unit", "available", "under this protocol" if protocol else "protocols"
    for name in names:
        card = metrics.card(name)
        better = {1: "higher ↑", -1: "lower ↓"}.get(card.direction, "")
        last = card.protocols[protocol] if protocol else ", ".join(card.protocols)
        yield name, card.title, better, card.range, card.unit, metrics.unavailable(name) or "yes", last


def protocols(data_root, weights_root):
    """the protocols: named sets of conventions to compute metrics by"""
    import metrics

    yield "protocol", "metrics", "what it is"
    for name, description in metrics.protocols().items():
        yield name, str(len(metrics.names(name))), description


def profiles(results):
    """what bench profile measured: parameters, FLOPs, time and memory of methods"""
    from benchmark.cost.records import listing, read

    tables = listing(read(results))
    if not tables:
        return
    yield "processor", *tables[0][1]
    for title, _, rows in tables:
        yield from ((title, *row) for row in rows)


def detectors(data_root, weights_root):
    """the detectors of ultralytics, for bench detect"""
    import os

    os.environ.setdefault("YOLO_OFFLINE", "True")
    from benchmark.detection.initial_weights import FOLDER, architectures
    from benchmark.detection.offline import check_installed

    check_installed()
    yield "detector", "sizes", "pretrained weights found"
    for name, sizes in architectures().items():
        folder = None if weights_root is None else weights_root / FOLDER
        files = sorted(folder.glob(f"{name}*.pt")) if folder and folder.is_dir() else []
        yield name, ", ".join(sizes), ", ".join(file.name for file in files) or "no"


WHAT = {listing.__name__: listing for listing in (datasets, detectors, methods, metrics, profiles, protocols, splits)}

EPILOG = """\b
Examples:
  bench ls
  bench ls methods --weights-root WEIGHTS
  bench ls metrics --protocol cddfuse
  bench ls datasets --data-root DATA | cut -f 1,5
\b
In columns on a terminal; elsewhere a line for each, separated by tabs, below a line of heads.
"""


@click.command(epilog=EPILOG, short_help="List data sets, detectors, methods, metrics, profiles, protocols or splits.")
@click.argument(
    "what",
    required=False,
    shell_complete=options.completing(lambda ctx: list(WHAT)),
    metavar="[datasets|detectors|methods|metrics|profiles|protocols|splits]",
)
@click.option(
    "--protocol",
    shell_complete=options.completing(options.protocol_names),
    help="With metrics: only those that this protocol defines, and what it computes.",
)
@options.speech
@options.shared
def command(what, protocol, results, data_root, weights_root):
    """List what there is, whether it can be used here, and why not."""
    if what is None:
        for name, listing in WHAT.items():
            progress.answer(f"bench ls {name:<10} {listing.__doc__}", "row", listing=name)
        return
    if what not in WHAT:
        raise unknown("listing", what, WHAT)
    if protocol and what != "metrics":
        raise UserError("--protocol goes with bench ls metrics")
    from benchmark.report.terminal import show_listing

    if what == "profiles":
        if not (found := list(profiles(results))):
            progress.answer(f"nothing measured in {results}: bench profile measures methods", "note")
            return
        head, *rows = found
    else:
        head, *rows = WHAT[what](data_root, weights_root, **({"protocol": protocol} if protocol else {}))
    show_listing(head, rows)
