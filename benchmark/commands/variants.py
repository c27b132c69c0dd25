"""`bench variants`: alter fused images on purpose, and see whether metrics move as a detector does."""

from __future__ import annotations

import click

from benchmark import options, progress
from benchmark.errors import UserError, unknown

METHODS = "average,seafusion,ifcnn-max"
FORMATS = ("latex", "csv", "markdown", "html", "excel")

EPILOG = """\b
Examples:
  bench variants --dataset m3fd --split all --init yolov8n.pt --data-root DATA
  bench variants --dataset m3fd,llvip --methods average,mine.py:Mine --init yolov8n.pt --data-root DATA
  bench variants --dataset llvip --variants noise-4,noise-8,blur-2 --metrics SF,VIF --init yolov8n.pt --data-root DATA
  bench variants --stored --format latex,csv --out paper
\b
Variants are KIND-STRENGTH: noise-8 (Gaussian, in levels), sharpen-1 (amount of an unsharp
mask), contrast-1.3 (gain about the mean), gamma-0.7, brightness-20, blur-1 (pixels), and
full-range (from minimum to maximum). docs/variants.md says what each does exactly.
"""


def _variant_names(ctx=None) -> list[str]:
    from benchmark.worth import variants

    return list(variants.DEFAULT)


@click.command(epilog=EPILOG, short_help="Alter fused images: do metrics move as a detector does?")
@click.option("--dataset", type=options.DATASETS, help="Data sets with object boxes.")
@click.option(
    "--split",
    shell_complete=options.completing(options.split_names),
    help="Split of the data set; its default one if left out.",
)
@options.methods(METHODS)
@click.option(
    "--variants",
    "names",
    type=options.NameList(_variant_names),
    help="KIND-STRENGTH, comma-separated.  [default: noise-8, sharpen-1, contrast-1.3, gamma-0.7, brightness-20,"
    " blur-1, full-range]",
)
@click.option("--protocol", default="standard", show_default=True, help="Of the metrics: bench ls protocols.")
@click.option("--metrics", type=options.METRICS, help="bench ls metrics; the eight core ones if left out.")
@click.option(
    "--detector",
    "detectors",
    type=options.NameList(),
    default="yolov8n",
    show_default=True,
    help="As of bench detect --protocol pretrained; a table for each.",
)
@click.option(
    "--init", default="auto", show_default=True, help="As of bench detect: a file of trained weights, or a folder."
)
@click.option("--imgsz", type=click.IntRange(32), default=640, show_default=True, help="Longer side, in pixels.")
@click.option(
    "--batch", type=click.IntRange(1), default=16, show_default=True, help="Images that a detector sees at once."
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first N pairs, a split of their own.")
@click.option(
    "--jobs",
    "processes",
    type=click.IntRange(0),
    metavar="N",
    help="Scoring processes; one per processor if left out.",
)
@click.option("--device", default="auto", show_default=True, help="As of bench detect.")
@options.checkpoints
@click.option("--label-order", help="For M3FD labels in YOLO form: paper (3 = Motorcycle) or tardal (3 = Lamp).")
@click.option("--stored", is_flag=True, help="Show all variants that are stored, and make none.")
@click.option(
    "--format", "formats", type=options.NameList(lambda ctx: FORMATS), help=f"Also write: {', '.join(FORMATS)}."
)
@click.option("--digits", type=click.IntRange(0, 10), help="Decimal places.")
@click.option("--standalone", is_flag=True, help="LaTeX: a document that compiles as it is.")
@click.option("--out", type=options.FOLDER, help="Where to write; - for stdout.  [default: RESULTS/worth]")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@options.config
@options.speech
@options.shared
@click.pass_context
def command(ctx, dataset, stored, protocol, metrics, formats, digits, standalone, out, results, **given):
    """Alter the fused images of methods in a controlled way: noise, sharpening, contrast. Score them, show them to a
    detector as its makers trained it, and say which metrics can be bought: those that become better where the detector
    does not.

    Images that are stored already are taken, and everything that is finished is kept: run the same command again to
    continue. Variants lie in RESULTS/worth/variants and enter no report of RESULTS.
    """
    from benchmark.report import detection_tables, variant_tables
    from benchmark.run import plan
    from benchmark.worth import effects

    for name in formats or ():
        if name not in FORMATS:
            raise unknown("format", name, FORMATS)
    if str(out) == "-" and (not formats or len(formats) > 1 or formats == ("excel",) or progress.is_json()):
        raise UserError("--out -: give one --format that is text, and no --json")
    if out is not None and not formats:
        raise UserError(f"--out {out}: name what to write with --format")
    wanted = plan.select_metrics(metrics, [protocol])
    if list(wanted) != [protocol]:
        raise UserError(f"--protocol {protocol}: name one protocol")
    if stored:
        for name in ("dataset", "split", "methods", "names", "limit", "dry_run"):
            if options.given(ctx, name):
                flag = {"names": "variants", "dry_run": "dry-run"}.get(name, name)
                raise UserError(f"--{flag}: --stored shows all that is there, and makes nothing")
        failed, asked = False, {}
    else:
        if not dataset:
            raise UserError("--dataset: name one with object boxes, such as m3fd; or show what is there: --stored")
        failed, asked = _make(ctx, dataset, wanted, results, given)
        if given["dry_run"]:
            ctx.exit(int(failed))
    found = effects.read(results, protocol, metrics and wanted[protocol], **asked)
    grids = variant_tables.grids(found, digits)
    if str(out) != "-":
        detection_tables.show(grids)
    _write(found, grids, formats or (), standalone, out, results)
    ctx.exit(int(failed))


def _write(found, grids, formats, standalone, out, results) -> None:
    from importlib import import_module

    from benchmark.report import variant_tables
    from benchmark.report.material import Options
    from benchmark.store import files

    content = variant_tables.Tables(results, (), Options(standalone=standalone), given=tuple(grids))
    for name in formats:
        writer = import_module(f"benchmark.report.formats.{name}")
        data = variant_tables.csv_of(found) if name == "csv" else writer.render(content)
        if str(out) == "-":
            click.echo(data.encode(), nl=False)
            continue
        path = (results / "worth" if out is None else out) / writer.FILE.replace("report", "variants")
        files.replace(path, data)
        progress.answer(str(path), "file", path=path, format=name)


def _make(ctx, names, wanted, results, given):
    """Fuse, alter, score and detect what is not there. Return whether something failed, and what `effects.read` shall
    read of it."""
    from benchmark.commands import detect
    from benchmark.detection import initial_weights, offline
    from benchmark.run import machine, plan, runner
    from benchmark.worth import altering, variants

    offline.check_installed()
    chosen_variants = variants.read(given["names"] or variants.DEFAULT)
    for detector in given["detectors"]:
        initial_weights.check_detector(detector)
    file = detect._file(given["init"])
    if file is not None and len(given["detectors"]) > 1:
        raise UserError(f"--init {file}: one file for {len(given['detectors'])} detectors; give the folder of theirs")
    methods = plan.select_methods(
        given["methods"], given["checkpoint"], given["weights_root"], trust=given["trust_checkpoint"]
    )
    device, fuse_device = detect._devices(given["device"], methods)
    names = plan.select_datasets(names)
    for detector in given["detectors"]:  # before what takes long
        initial_weights.find_trained(detector, given["init"], given["weights_root"])
    divisions, errors = _divisions(names, given)
    offline.prepare(results / "detect" / ".ultralytics", online=given["init"] == "pretrained")
    from benchmark.detection import yolo

    detectors = given["detectors"]
    if file is not None and not options.given(ctx, "detectors"):
        detectors = (yolo.detector_in(file) or detectors[0],)
    origins = {
        detector: initial_weights.find_trained(detector, given["init"], given["weights_root"]) for detector in detectors
    }
    ready = {detector: yolo.ready(detector, origin.file) for detector, origin in origins.items()}
    for method in methods:
        if method.unavailable:
            text = f"{method.name}: unavailable: {method.unavailable}"
            progress.say(text, "unavailable", method=method.label, reason=method.unavailable)
    there = [method for method in methods if not method.unavailable]
    if not there:
        raise UserError("; ".join(f"{method.name}: {method.unavailable}" for method in methods))
    named = options.given(ctx, "methods")
    failed = bool(errors) or (named and any(method.unavailable and not method.group for method in methods))
    places, labels = [], {altering.label(method.label, one) for method in there for one in chosen_variants}
    with machine.working(progress.say):
        for division in divisions:
            detect._tell(division)
            (split,) = division.splits.values()
            fitting, _ = plan.fitting(there, split.task)
            bases = altering.bases(results, division, fitting, wanted, fuse_device)
            if given["dry_run"]:
                for job in bases:
                    text = f"{job.cell}: {len(job.keys)} images, and of each {', '.join(map(str, chosen_variants))}"
                    progress.answer(text, "plan", **runner.place(job))
                continue
            made = altering.make(bases, chosen_variants, given["processes"], options.command_line(ctx))
            failed |= made.failed
            for detector in detectors:
                settings = _settings(detector, origins[detector].text, given)
                mine = division.seen_by(ready[detector].names)
                detect._tell_classes(mine, detector)
                devices, told = (device, fuse_device), options.command_line(ctx)
                setup, stopped = altering.show(results, mine, fitting, made, settings, devices, told, ready[detector])
                failed |= stopped
                places.append(setup.folder)
    return failed, {"places": places, "labels": labels}


def _divisions(names, given) -> tuple[list, list]:
    """The test images of each data set. Of several, those that are not there are told."""
    from benchmark import datasets
    from benchmark.detection import division

    found, errors = [], []
    for name in names:
        order = given["label_order"] if name == "m3fd" or "m3fd" not in names else None
        source = datasets.get(name, order)
        try:
            found.append(division.test_only(source, given["split"], given["data_root"], given["limit"]))
        except UserError as error:
            errors.append(error)
    if not found:
        raise UserError("; ".join(error.message for error in errors))
    for error in errors:
        progress.say(error.message, "failure")
    return found, errors


def _settings(detector: str, init: str, given):
    from benchmark.detection import yolo
    from benchmark.detection.settings import Settings

    return Settings(
        detector=detector,
        init=init,
        protocol="pretrained",
        trained_on=None,
        epochs=0,
        imgsz=given["imgsz"],
        batch=given["batch"],
        workers=0,
        further={},
        ultralytics=yolo.VERSION,
    )
