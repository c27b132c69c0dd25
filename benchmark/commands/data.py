"""`bench data`: check, get and understand data sets."""

from __future__ import annotations

from pathlib import Path

import click

from benchmark import options, progress
from benchmark.errors import UserError, first_few

EPILOG = """\b
Examples:
  bench data verify msrs --data-root DATA              every pair, against the publisher's hashes
  bench data pull roadscene --data-root DATA           downloads, or says how to get the set
  bench data pull llvip --archive LLVIP.zip --data-root DATA
  bench data labels m3fd --labels train.json           what labels hold in every division
  bench data leak --dataset m3fd --split random811-seed0
  bench data synth --out DATA/SYNTH --pairs 200        drawn scenes in the layout of M3FD's detection set
"""

_root = click.option(
    "--data-root", type=options.FOLDER, envvar="BENCH_DATA", show_envvar=True, help="Where the data sets lie."
)
_label_order = click.option(
    "--label-order", help="For M3FD labels in YOLO form: paper (3 = Motorcycle) or tardal (3 = Lamp)."
)


@click.group(epilog=EPILOG, short_help="Check, get and understand data sets.")
def command():
    """Check data sets, download them, measure how far divisions leak, draw synthetic ones."""


def _dataset(name: str, label_order: str | None = None):
    from benchmark import datasets

    source = datasets.get(name, label_order)
    if source.name == "folder":
        raise UserError("data set folder: two directories of your own; there is nothing known to compare them with")
    return source


_VERIFY_EXAMPLES = """\b
Examples:
  bench data verify msrs --data-root DATA
  bench data verify roadscene --split cddfuse50 --data-root DATA --json
"""


@command.command(epilog=_VERIFY_EXAMPLES, short_help="Check a data set to the last pair.")
@click.argument("name", shell_complete=options.completing(options.dataset_names))
@click.option("--split", "splits", type=options.NAMES, help="These only; the whole set if left out.")
@click.option("--jobs", "threads", type=click.IntRange(1), metavar="N", help="Threads; one per processor if left out.")
@_label_order
@options.speech
@_root
@click.pass_context
def verify(ctx, name, splits, threads, label_order, data_root):
    """Check the data set NAME: pairs complete, readable, of one size, in register, as many and the same as
    published, none twice; labels in order. One line per problem; exit code 1 where one is an error."""
    from contextlib import ExitStack

    from benchmark.curation.verify import ERROR
    from benchmark.curation.verify import verify as check
    from benchmark.report import terminal

    source = _dataset(name, label_order)
    if not hasattr(source, "folders"):
        raise UserError(f"data set {source.name}: built in; there are no files to check")
    with ExitStack() as stack:
        steps = []

        def begin(total: int) -> None:
            steps.append(stack.enter_context(progress.Progress().bar(f"checking {source.name}", total, summary=False)))

        report = check(source, data_root, splits or (), threads, lambda: steps[0](), begin)
    for line in report.lines:
        progress.answer(line, "note", dataset=source.name)
    if report.problems:
        rows = [(problem.level, problem.split, problem.id or "–", problem.what) for problem in report.problems]
        terminal.show_listing(("problem", "split", "pair", "what"), rows)
    errors = sum(problem.level == ERROR for problem in report.problems)
    warnings = len(report.problems) - errors
    text = f"{errors} errors, {warnings} warnings" if report.problems else "all well"
    progress.answer(f"{source.name}: {text}", "summary", dataset=source.name, errors=errors, warnings=warnings)
    if report.failed:
        ctx.exit(1)


_PULL_EXAMPLES = """\b
Examples:
  bench data pull roadscene --data-root DATA
  bench data pull msrs --split test --dry-run --data-root DATA
  bench data pull llvip --archive LLVIP.zip --data-root DATA
"""


@command.command(epilog=_PULL_EXAMPLES, short_help="Download a data set, or say how to get it.")
@click.argument("name", shell_complete=options.completing(options.dataset_names))
@click.option("--split", help="Only the files of this split; everything if left out.")
@click.option("--archive", type=click.Path(path_type=Path), help="Unpack this file, downloaded by hand.")
@click.option("--sha256", metavar="HEX", help="What the archive's SHA-256 must be.")
@click.option("--connections", type=click.IntRange(1, 32), default=8, show_default=True)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@options.speech
@_root
@click.pass_context
def pull(ctx, name, split, archive, sha256, connections, dry_run, data_root):
    """Get the data set NAME under the data root.

    Sets that their publisher offers file by file are downloaded at a fixed revision, each file checked against
    its SHA-256; the same command continues an interrupted download. For sets behind a form or in a cloud drive
    the steps are told, and --archive unpacks what was downloaded by hand.
    """
    source = _dataset(name)
    if not hasattr(source, "folders"):
        raise UserError(f"data set {source.name}: built in; there is nothing to download")
    if data_root is None:
        raise UserError(f"bench data pull {source.name}: give --data-root DIR (or BENCH_DATA=DIR), where it shall lie")
    folder = data_root / source.folders[0]
    if archive is not None:
        _unpack(source, archive, sha256, folder, dry_run)
        return
    manifest = source.manifest()
    if manifest is None or not manifest.source:
        progress.answer(f"{source.card.title} cannot be downloaded directly:")
        for number, step in enumerate(source.card.by_hand, start=1):
            progress.answer(f"  {number}. {step}")
        progress.answer(f"  Expected layout: {source.card.layout} under {data_root}")
        progress.answer(f"  Licence: {source.card.licence}. Use: {source.card.use}.")
        progress.answer(f"  Then check it: bench data verify {source.name} --data-root {data_root}")
        return
    _download(ctx, source, manifest, folder, split, connections, dry_run)


def _download(ctx, source, manifest, folder: Path, split: str | None, connections: int, dry_run: bool) -> None:
    from benchmark.curation import pull as pulling

    prefixes = []
    if split is not None:
        layout = source.layouts(source.check_split(split))[0]
        prefixes = [f"{layout.ir}/", f"{layout.vis}/"]
    todo = pulling.plan(manifest, folder, prefixes)
    if not todo.wanted:
        raise UserError(f"data set {source.name}: no file of split '{split}' can be downloaded")
    progress.answer(f"{source.card.title}; licence: {source.card.licence}; use: {source.card.use}.")
    progress.answer(f"From {manifest.source}: {len(todo.missing)} of {len(todo.wanted)} files to get, into {folder}")
    for path in todo.wrong:
        text = f"{folder / path}: there already, and not the publisher's file; left as it is"
        progress.say(text, "failure", dataset=source.name, path=folder / path)
    failed = {}
    if not dry_run:
        with progress.Progress().bar(f"downloading {source.name}", len(todo.missing), "file", summary=False) as step:
            failed = pulling.download(manifest, todo, connections, step)
        for reason in failed.values():
            progress.say(reason, "failure", dataset=source.name)
        got = len(todo.missing) - len(failed)
        text = f"{got} files downloaded and checked, {len(failed)} failed"
        progress.answer(text, "summary", dataset=source.name, downloaded=got, failed=len(failed))
    if failed or todo.wrong:
        ctx.exit(1)


def _unpack(source, archive: Path, sha256: str | None, folder: Path, dry_run: bool) -> None:
    from benchmark.curation import archives
    from benchmark.store import files

    if not archive.is_file():
        raise UserError(f"--archive {archive}: no such file")
    if sha256 is not None and (found := files.file_sha256(archive)) != sha256.lower():
        raise UserError(f"--archive {archive}: its SHA-256 is {found}, not {sha256}")
    if dry_run:
        progress.answer(f"Would unpack {archive} into {folder}")
        return
    with progress.Progress().bar(f"unpacking {archive.name}", 0, summary=False) as step:
        added = archives.unpack(archive, folder, step=step)
    progress.answer(f"{', '.join(path.name for path in added[:5])} unpacked into {folder}")
    if why := source.unavailable(source.default_split, folder.parent):
        progress.say(f"Unpacked, but not recognised: {why}", "warning", dataset=source.name)


_LEAK_EXAMPLES = """\b
Examples:
  bench data leak --dataset m3fd --split random811-seed0
  bench data leak --dataset roadscene --split cddfuse50 --data-root DATA
  bench data leak --dataset m3fd --train train.txt --test test.txt --data-root DATA
"""


@command.command(epilog=_LEAK_EXAMPLES, short_help="Measure how far training and test of a division share scenes.")
@click.option(
    "--dataset",
    shell_complete=options.completing(options.dataset_names),
    required=True,
    help="Data set: bench ls datasets.",
)
@click.option("--split", help="A division of the data set into training and test.")
@click.option("--train", type=click.Path(path_type=Path), help="Instead of --split: a file of training ids.")
@click.option("--test", type=click.Path(path_type=Path), help="Instead of --split: a file of test ids.")
@options.speech
@click.option("--geometric", is_flag=True, help="Look for common places by local features too; takes minutes.")
@click.option("--all", "everything", is_flag=True, help="With --geometric: list all that show one place, not 20.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="With --geometric: write the list to a CSV file."
)
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Threads; one per processor if left out.")
@_root
def leak(dataset, split, train, test, geometric, everything, out, jobs, data_root):
    """Print the share of test images that have a training image within 1, 2, 5 and 10 ids; and, where the images
    are there, the share whose nearest training image is a near duplicate by perceptual hash.

    A hash does not see that a camera moved. --geometric does: local features (SIFT) of the infrared and of the visible
    images are matched under a fundamental matrix. Couples with one image mirrored, which show no common place, set the
    threshold."""
    from benchmark.curation import leakage
    from benchmark.report import terminal
    from benchmark.store import provenance

    if (everything or out) and not geometric:
        raise UserError("bench data leak: --all and --out go with --geometric")
    if (train is None) != (test is None) or (split is None) == (train is None):
        raise UserError("bench data leak: give --split NAME, or --train FILE and --test FILE")
    source = _dataset(dataset)
    if split is not None:
        parts = leakage.published_parts(source, split)
    else:
        parts = leakage.own_parts(source, train, test, data_root)
    for note in parts.notes:
        progress.say(note, "warning", dataset=source.name)
    found = leakage.measure(source, parts, data_root, geometric, jobs or provenance.processors())
    progress.answer(f"{source.name}, division {parts.name}: {len(parts.train)} training, {len(parts.test)} test images")
    if found.both:
        progress.answer(f"{len(found.both)} ids are in training AND test: {first_few(found.both, 3)}")
    rows = [(f"±{distance}", f"{100 * share:.1f} %") for distance, share in found.shares.items()]
    if rows:
        terminal.show_listing(("ids", "test images with a training image that near"), rows)
    else:
        progress.answer("Neighbours by id not told: there are ids without a number")
    if found.broken:
        progress.answer(f"{found.broken} pairs cannot be read and are left out; see bench data verify {source.name}")
    if found.twins is None:
        progress.answer(
            f"{'Near duplicates and places' if geometric else 'Near duplicates'} not looked for: {found.lacking}"
        )
        return
    twins = found.twins
    progress.answer(
        f"{100 * twins.share:.1f} % of {twins.compared} test images have a near duplicate in training (perceptual"
        f" hashes differ in at most {leakage.NEAR_DUPLICATE} of 64 bits; median of the nearest: {twins.median:g})"
    )
    if not found.complete:
        progress.answer(f"Only {twins.training} training and {twins.compared} test images are here: a lower bound")
    for test_id, train_id, bits in twins.examples:
        progress.answer(f"  {test_id} (test) and {train_id} (training): {bits:g} bits apart")
    if geometric:
        _places(found, len(parts.test), everything, out)


_LISTED = 20  # couples, without --all


def _places(found, tests: int, everything: bool, out: Path | None) -> None:
    """Print what local features tell of a division."""
    from benchmark.curation.same_place import USUAL
    from benchmark.report import terminal

    places, compared = found.places, found.twins.compared
    progress.answer(
        f"{len(found.placed)} of {compared} test images show the place of a training image by local features:"
        f" {len(places.found)} of {places.compared} couples have at least {places.threshold} inliers more than the"
        f" {USUAL} of unrelated images, both modalities together"
    )
    progress.answer(
        f"Threshold: none of {places.unrelated} couples with one image mirrored, which show no common place, reaches it"
        f" (false alarms: at most {100 * places.false_alarms:.2g} % of couples, with 95 % confidence)"
    )
    for modality, ids in zip(("infrared", "visible"), places.bare):
        if ids:
            progress.answer(f"Too few features to match in the {modality} images of {len(ids)}: {first_few(ids, 5)}")
    head = ("test", "training", "inliers infrared", "visible", "evidence", "hash bits", "found by")
    rows = [(s.test, s.train, *map(str, (*s.inliers, s.evidence)), f"{s.bits:g}", s.by) for s in found.shared]
    if rows:
        terminal.show_listing(head, rows if everything else rows[:_LISTED])
    if len(rows) > _LISTED and not everything:
        progress.answer(f"{len(rows) - _LISTED} more: --all, or --out FILE")
    if out is not None:
        _write_couples(out, head, rows)


def _write_couples(out: Path, head, rows) -> None:
    import csv
    import io

    from benchmark.report.formats.csv import text as spreadsheet_text
    from benchmark.store import files

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([[name.replace(" ", "_") for name in head], *([*map(spreadsheet_text, row)] for row in rows)])
    try:
        files.replace(out, text.getvalue())
    except OSError as error:
        raise UserError(f"--out {out}: {error.strerror}") from error
    progress.answer(f"{len(rows)} couples in {out}")


_LABELS_EXAMPLES = """\b
Examples:
  bench data labels m3fd --labels train.json --labels val.json
  bench data labels llvip --data-root DATA
"""


@command.command(epilog=_LABELS_EXAMPLES, short_help="Count what labels hold in each part of each division.")
@click.argument("name", shell_complete=options.completing(options.dataset_names))
@options.labels
@_label_order
@options.folders
@options.speech
@_root
@click.pass_context
def labels(ctx, name, labels, label_order, ir, vis, ir_pattern, vis_pattern, data_root):
    """Count images, scenes and objects of each class in every division of the data set NAME into training and test, as
    label files say, whether images are there or not; and tell what is not right in them. Without --labels: the labels
    that lie with the images. Exit code 1 where the labels of an image cannot be used."""
    from benchmark.detection import census, counterparts, division, relabelling
    from benchmark.report import terminal
    from benchmark.run import plan

    source = plan.select_source(name, ir, vis, ir_pattern, vis_pattern, label_order)
    pairs = {}
    try:
        pairs = source.at_hand(data_root)
    except UserError:
        if not labels or source.name == "folder":
            raise
    brought = relabelling.read(labels, source, pairs, strangers=not source.schemes() and not ir) if labels else None
    if brought is None and not source.classes:
        raise UserError(f"data set {source.name}: has no object boxes; bring some by --labels FILE")
    found = census.take(source, brought, pairs, data_root)
    if brought is not None:
        progress.answer(brought.text, "note", dataset=source.name)
    heads = ("division", "part", "images", "scenes", "objects", *found.classes, "background", "ignored regions")
    rows = [
        (
            row.division,
            row.part or "–",
            f"{row.images}" if row.listed in (None, row.images) else f"{row.images} of {row.listed}",
            "–" if row.scenes is None else f"{row.scenes}",
            f"{sum(row.objects.values())}",
            *map(str, row.objects.values()),
            f"{row.background}",
            f"{row.ignored}",
        )
        for row in found.rows
    ]
    terminal.show_listing(heads, rows)
    for scheme, shares in found.leak.items():
        near = ", ".join(f"±{distance} {100 * share:.1f} %" for distance, share in shares.items())
        text = f"{source.name}@{scheme}: test images with a training image near by id: {near}"
        progress.answer(text, "note", dataset=source.name, split=scheme, shares=shares)
    same = counterparts.in_coco(found.classes)
    named = ", ".join(f"{mine} = {theirs}" for mine, theirs in same.items()) or "none"
    without = ", ".join(mine for mine in found.classes if mine not in same)
    progress.answer(f"classes that COCO has: {named}{f'; not: {without}' if without else ''}", "note", coco=same)
    if found.missing:
        few = first_few(found.missing, 3)
        text = f"{len(found.missing)} of {source.name}'s listed images are not in the labels: {few}"
        progress.answer(text, "note", dataset=source.name, ids=found.missing)
    for kind, (count, example) in division.told(found.flaws).items():
        progress.answer(f"{count} × {kind} ({example})", "told", dataset=source.name, kind=kind, count=count)
    for id, reason in list(found.excluded.items())[:10]:
        progress.answer(f"{id} cannot be used: {reason}", "failure", dataset=source.name, ids=[id])
    if len(found.excluded) > 10:
        progress.answer(f"{len(found.excluded)} images cannot be used in all", "failure", dataset=source.name)
    ctx.exit(int(bool(found.excluded)))


_SYNTH_EXAMPLES = """\b
Examples:
  bench data synth --out DATA/SYNTH --pairs 200
  bench run --dataset m3fd --split all --data-root DATA/SYNTH
  bench data leak --dataset m3fd --train DATA/SYNTH/splits/scene-train.txt --test DATA/SYNTH/splits/scene-test.txt
"""


@command.command(epilog=_SYNTH_EXAMPLES, short_help="Draw synthetic scenes with boxes, in the layout of M3FD.")
@click.option("--out", type=options.FOLDER, required=True, help="A new folder to write Ir, Vis and Annotation to.")
@click.option("--pairs", type=click.IntRange(1), default=240, show_default=True)
@click.option("--size", type=options.Size(), default="640x480", show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--jobs", "processes", type=click.IntRange(1), metavar="N", help="Processes; one per processor otherwise."
)
@options.speech
def synth(out, pairs, size, seed, processes):
    """Draw scenes of consecutive frames, by day, dusk and night, in fog and glare, with boxes of M3FD's six classes
    around what is visible, and divisions by scenes and at random."""
    import time

    from benchmark.curation import drawn_sets
    from benchmark.store import provenance

    start = time.monotonic()
    with progress.Progress().bar("drawing", pairs, summary=False) as step:

        def drawn(frames: int) -> None:
            for _ in range(frames):
                step()

        division = drawn_sets.write(out, pairs, size, seed, processes or provenance.processors(), drawn)
    seconds = time.monotonic() - start
    parts = ", ".join(f"{part} {len(ids)}" for part, ids in division.items())
    progress.answer(f"{pairs} pairs in {out}, {seconds:.0f} s ({pairs / seconds:.1f} a second); by scenes: {parts}")


_SCENES_EXAMPLES = """\b
Examples:
  bench data scenes --out lists --data-root DATA
  bench data scenes --out lists --label-order paper --data-root DATA
"""


@command.command(
    epilog=_SCENES_EXAMPLES, short_help="Divide M3FD by whole scenes, balanced on the classes of its labels."
)
@click.option("--out", type=options.FOLDER, required=True, help="Folder for the lists of ids.")
@_label_order
@options.speech
@_root
def scenes(out, label_order, data_root):
    """Divide M3FD's detection set by whole scenes, balanced on images and on the objects of each class, as the
    labels under the data root count them. The division `scene` that this package ships is balanced without
    labels; lists made here can be compared with it by `bench data leak`."""
    from benchmark.curation import balancing
    from benchmark.report import terminal

    source = _dataset("m3fd", label_order)
    division = balancing.by_labels(source, data_root)
    balancing.write_lists(out, "scene", division.parts)
    rows = [
        (part, str(len(ids)), *(f"{100 * division.share(part, label):.1f} %" for label in source.classes))
        for part, ids in division.parts.items()
    ]
    terminal.show_listing(("part", "images", *source.classes), rows)
    if division.labelled < division.images:
        progress.answer(f"Only {division.labelled} of {division.images} images have labels here: balanced on those")
    progress.answer(f"Lists in {out}")
