"""`bench detect`: train and evaluate a detector on fused images."""

from __future__ import annotations

import click

from benchmark import options, progress
from benchmark.errors import UserError
from benchmark.imaging.kinds import STRETCHES
from benchmark.names import composed, printable, unusable

METHODS = "mambadfuse,cddfuse,ir,vis"
ALWAYS = ("average", "laplacian")

EPILOG = """\b
Examples:
  bench detect --dataset synth-det --epochs 30 --imgsz 320
  bench detect --dataset m3fd --methods mambadfuse,cddfuse,ir,vis --seeds 0,1,2 --data-root DATA
  bench detect --dataset m3fd --protocol frozen --train-on vis+ir --data-root DATA
  bench detect --dataset llvip --protocol pretrained --methods all --init yolov8n.pt --data-root DATA
  bench detect --dataset m3fd --protocol pretrained --detector yolov8n,yolo11m,rtdetr-l --init DIR --data-root DATA
  bench detect --dataset kaist --labels kaist_annotations_test20.json --protocol pretrained --data-root DATA
  bench detect --dataset m3fd --train t.txt --val v.txt --test e.txt --name mine --data-root DATA
\b
Initial weights: auto takes DIR/yolo/<detector>.pt of --weights-root DIR where it is, and
yaml (random ones) otherwise; pretrained downloads that file where it is missing. Nothing
else is ever downloaded. A folder is searched for <detector>.pt. Every result says what it
began with. With --protocol pretrained the weights are evaluated as they are.
"""


class Names(click.ParamType):
    """Comma-separated names, each kept once, in the order given."""

    name = "A,B,…"

    def convert(self, value, param, ctx):
        parts = str(value).split(",") if not isinstance(value, (list, tuple)) else value
        found = tuple(dict.fromkeys(str(part).strip() for part in parts if str(part).strip()))
        if not found:
            self.fail("expected at least one name", param, ctx)
        return found


class Seeds(click.ParamType):
    """Comma-separated whole numbers, each kept once, in the order given."""

    name = "N,N,…"

    def convert(self, value, param, ctx):
        parts = str(value).split(",") if not isinstance(value, (list, tuple)) else value
        try:
            seeds = tuple(dict.fromkeys(int(part) for part in parts))
        except ValueError:
            self.fail(f"expected whole numbers, not {value}", param, ctx)
        if not seeds or min(seeds) < 0:
            self.fail("expected at least one number, none below 0", param, ctx)
        return seeds


@click.command(epilog=EPILOG, short_help="Train and evaluate a detector on fused images.")
@click.option(
    "--dataset",
    shell_complete=options.completing(options.dataset_names),
    default="synth-det",
    show_default=True,
    help="A data set with object boxes.",
)
@click.option(
    "--split",
    shell_complete=options.completing(options.split_names),
    help="Division into train, val, test; scene where there is one if left out. With --protocol pretrained also any"
    " split of bench ls splits, the data set's own default if left out.",
)
@options.labels
@options.folders
@click.option("--train", type=options.FOLDER, metavar="FILE", help="Instead of --split: a file of training ids.")
@click.option("--val", type=options.FOLDER, metavar="FILE", help="Ids to choose the weights on.")
@click.option("--test", type=options.FOLDER, metavar="FILE", help="Ids to evaluate on, once.")
@click.option("--scenes", type=options.FOLDER, metavar="FILE", help="Lines id,scene[,time of day], for own lists.")
@click.option("--name", help="What results call the division, for own lists.")
@options.methods(METHODS)
@click.option("--only", is_flag=True, help=f"Do not add {' and '.join(ALWAYS)} to the methods.")
@click.option(
    "--detector",
    "detectors",
    type=Names(),
    default="yolov8n",
    show_default=True,
    help="Of ultralytics, see bench ls detectors: yolov5n … yolo26x, rtdetr-l. A table for each.",
)
@click.option(
    "--init", default="auto", show_default=True, help="auto, yaml, pretrained, a file of weights or a folder."
)
@click.option(
    "--protocol",
    type=click.Choice(["retrain", "frozen", "pretrained"]),
    default="retrain",
    show_default=True,
    help="Train a detector for each method, or one for all; or evaluate one as its makers trained it, on test images"
    " alone.",
)
@click.option(
    "--train-on",
    type=click.Choice(["vis", "vis+ir"]),
    default="vis",
    show_default=True,
    help="For frozen: what the detector is trained on.",
)
@click.option("--seeds", type=Seeds(), default="0", show_default=True, help="One training for each.")
@click.option("--epochs", type=click.IntRange(1), default=100, show_default=True)
@click.option("--imgsz", type=click.IntRange(32), default=640, show_default=True, help="Longer side, in pixels.")
@click.option("--batch", type=click.IntRange(1), default=16, show_default=True)
@click.option("--workers", type=click.IntRange(0), default=8, show_default=True, help="Loading processes, on a GPU.")
@click.option(
    "--argument",
    "arguments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Of ultralytics' training, like mosaic=0, in place of its default; may be repeated.",
)
@click.option(
    "--output",
    type=click.Choice(["raw", "native"]),
    default="raw",
    show_default=True,
    help="As of bench run: the images that are trained and tested on.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, or GPUs: 0 or 0,1.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first N pairs of each part.")
@click.option(
    "--stretch",
    type=click.Choice(STRETCHES),
    default=STRETCHES[0],
    show_default=True,
    help="As of bench run, each image over its own range: one for a set would differ between training and test. A"
    " division of its own, NAME~stretch-KIND.",
)
@options.checkpoints
@click.option("--label-order", help="For M3FD labels in YOLO form: paper (3 = Motorcycle) or tardal (3 = Lamp).")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@options.config
@options.speech
@options.shared
@click.pass_context
def command(ctx, dataset, methods, only, protocol, train_on, seeds, device, dry_run, results, data_root, **options_):
    """Fuse what is missing, train a detector on each method's images, and evaluate it on the test part once, with
    the weights that are best on validation. Or evaluate one that is trained already.

    Everything that is finished is kept: run the same command again to continue one that was interrupted, in
    fusion, training or evaluation, or to add methods and seeds.
    """
    from benchmark.detection import offline
    from benchmark.run import machine, plan

    offline.check_installed()
    from benchmark.detection import initial_weights, late_fusion

    trains = protocol != "pretrained"
    detectors, file = options_["detectors"], _file(options_["init"])
    if file is not None and len(detectors) > 1:
        raise UserError(f"--init {file}: one file for {len(detectors)} detectors; give the folder that holds theirs")
    for detector in detectors:
        initial_weights.check_detector(detector)
    given = options.given(ctx, "methods")
    if protocol != "frozen" and options.given(ctx, "train_on"):
        raise UserError("--train-on goes with --protocol frozen")
    _check_idle(ctx, trains)
    names = tuple(dict.fromkeys([*methods, *(() if only else ALWAYS)]))
    trust = options_["trust_checkpoint"]
    outputs = [options_["output"]]
    chosen = plan.select_methods(names, options_["checkpoint"], options_["weights_root"], outputs=outputs, trust=trust)
    if any(method.name == late_fusion.LABEL for method in chosen):
        raise UserError(f"--methods: {late_fusion.LABEL} is the row of both cameras; call yours otherwise: NAME=…")
    sources = train_on.split("+") if protocol == "frozen" else []
    helpers = plan.select_methods([name for name in sources if name not in names]) if set(sources) - set(names) else []
    device, fuse_device = _devices(device, chosen)
    division = _division(dataset, data_root, options_, trains)
    _tell(division)

    offline.prepare(results / "detect" / ".ultralytics", online=options_["init"] == "pretrained")
    from benchmark.detection import outcome, yolo
    from benchmark.detection.experiment import Experiment
    from benchmark.detection.settings import Settings
    from benchmark.report import detection_tables, several_detectors

    further = yolo.further_arguments(options_["arguments"])
    if file is not None and not trains and not options.given(ctx, "detectors"):
        detectors = (yolo.detector_in(file) or detectors[0],)
        initial_weights.check_detector(detectors[0])

    def experiment_with(detector: str) -> Experiment:
        find = initial_weights.find if trains else initial_weights.find_trained
        origin = find(detector, options_["init"], options_["weights_root"])
        ready, mine = None, division
        if not trains:
            ready = yolo.ready(detector, origin.file)
            try:
                mine = division.seen_by(ready.names)
            except UserError as error:
                raise UserError(f"{origin.file}: {error.message}") from None
        elif origin.file is not None:
            yolo.check_weights(detector, origin.file)
        settings = Settings(
            detector=detector,
            init=origin.text,
            protocol=protocol,
            trained_on=train_on if protocol == "frozen" else None,
            epochs=options_["epochs"] if trains else 0,
            imgsz=options_["imgsz"],
            batch=options_["batch"],
            workers=options_["workers"] if trains else 0,
            further=further,
            ultralytics=yolo.VERSION,
        )
        classes = list(mine.classes)
        return Experiment(
            results,
            mine,
            chosen,
            helpers,
            settings,
            seeds,
            lambda path, seed: yolo.save_init(path, detector, classes, seed, origin.file),
            device,
            fuse_device,
            options.command_line(ctx),
            ready,
        )

    experiments, failed = _all_that_can_be(detectors, experiment_with)
    if dry_run:
        _fusions(experiments[0])
        for experiment in experiments:
            _intentions(experiment)
        ctx.exit(int(failed))
    for method in chosen:
        if method.unavailable:
            text = f"{method.name}: unavailable: {method.unavailable}"
            progress.say(text, "unavailable", method=method.label, reason=method.unavailable)
    done, fusion = [], None
    with machine.working(progress.say):
        for experiment in experiments:
            _tell_classes(experiment.division, experiment.settings.detector)
            try:
                setup, fusion = experiment.run(fusion)
            except UserError as error:
                if len(experiments) == 1:
                    raise
                progress.say(error.message, "failure")
                failed = True
                continue
            done.append(outcome.read(setup, seeds))
            detection_tables.show(detection_tables.grids(done[-1]))
    detection_tables.show(several_detectors.grids(done))
    for number, one in enumerate(done):
        progress.answer("\n" * (not number) + str(one.setup.folder), "file", path=one.setup.folder)
    missed = any(m.unavailable and given for m in chosen) or any(experiment.stopped for experiment in experiments)
    ctx.exit(int(failed or missed or any(experiment.division.excluded for experiment in experiments)))


def _file(init: str):
    """The file of weights that --init names; None where it names something else."""
    from pathlib import Path

    path = Path(init).expanduser()
    return path if init not in ("auto", "yaml", "pretrained") and path.is_file() else None


_IDLE = ("epochs", "seeds", "workers", "arguments", "train", "val")


def _check_idle(ctx, trains: bool) -> None:
    """Refuse options that say how to train where nothing is trained."""
    idle = [] if trains else [name for name in _IDLE if options.given(ctx, name)]
    if idle:
        name = {"arguments": "argument"}.get(idle[0], idle[0])
        raise UserError(f"--{name}: --protocol pretrained trains nothing")


def _all_that_can_be(detectors, make) -> tuple[list, bool]:
    """Make an experiment of each detector, and say which of several cannot be had. Raises UserError where none can."""
    found, errors = [], []
    for detector in detectors:
        try:
            found.append(make(detector))
        except UserError as error:
            errors.append(error)
    if not found:
        raise UserError("; ".join(error.message for error in errors))
    for error in errors:
        progress.say(error.message, "failure")
    return found, bool(errors)


def _tell_classes(division, detector: str) -> None:
    if division.counterparts:
        named = ", ".join(f"{name} = {theirs}" for name, theirs in division.counterparts.items())
        progress.say(f"{division} {detector}: classes {named}", dataset=division.dataset)
    if division.unknown:
        lost = ", ".join(f"{name} ({count} objects)" for name, count in division.unknown.items())
        progress.say(f"{division} {detector}: does not know, and leaves out: {lost}", dataset=division.dataset)


def _devices(device: str, methods) -> tuple[str, str]:
    """The device as ultralytics takes it, and the one to fuse on."""
    from benchmark.run import plan

    if device not in ("auto", "cpu", "cuda") and not all(part.strip().isdigit() for part in device.split(",")):
        raise UserError(f"--device {device}: expected auto, cpu, cuda, or numbers of GPUs like 0 or 0,1")
    if device == "cpu":
        return "cpu", "cpu"
    import torch

    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "auto":
        return ("0", plan.select_device("auto", methods)) if found else ("cpu", "cpu")
    numbers = [0] if device == "cuda" else [int(part) for part in device.split(",")]
    if not found or max(numbers) >= found:
        raise UserError(f"--device {device}: torch finds {found} CUDA devices here; see bench doctor")
    return ",".join(map(str, numbers)), plan.select_device("auto", methods)


def _division(dataset: str, data_root, given: dict, trains: bool):
    from benchmark.detection import division, relabelling
    from benchmark.run import plan
    from benchmark.run.stretching import Stretching

    folders = [given[name] for name in ("ir", "vis", "ir_pattern", "vis_pattern")]
    plan.select_datasets([dataset], *folders)
    source, stretch = plan.select_source(dataset, *folders, given["label_order"]), Stretching(given["stretch"])
    if given["labels"]:
        pairs = relabelling.at_hand(source, given["split"], data_root)
        source = relabelling.read(given["labels"], source, pairs).apply(source)
    lists = {part: given[part] for part in ("train", "val", "test") if given[part] is not None}
    if not lists:
        if given["scenes"] or given["name"]:
            raise UserError(f"--scenes and --name go with {'--train FILE and ' * trains}--test FILE")
        divide = division.divide if trains else division.test_only
        return divide(source, given["split"], data_root, given["limit"], stretch)
    needed = {"train", "test"} if trains else {"test"}
    if given["split"] or not needed <= lists.keys() or not given["name"]:
        wanted = "--train FILE, --test FILE, --name NAME, perhaps --val FILE," if trains else "--test FILE, --name NAME"
        raise UserError(f"own lists: give {wanted} and no --split")
    name = composed(given["name"].strip())
    if reason := unusable(name):
        raise UserError(f"--name {printable(name)}: cannot name a division, {reason}")
    if taken := {name, *(f"{name}-{part}" for part in lists)} & source.splits().keys():
        raise UserError(f"--name {name}: {source.name} has a split {min(taken)} of its own; choose another name")
    if not trains:
        return division.test_only_list(source, name, lists["test"], given["scenes"], data_root, given["limit"], stretch)
    return division.divide_by_lists(source, name, lists, given["scenes"], data_root, given["limit"], stretch)


def _tell(division) -> None:
    """What the user must know of the data, one line each."""
    from benchmark.detection.division import told

    for note in division.notes:
        progress.say(note, dataset=division.dataset)
    for kind, (count, example) in told(division.flaws).items():
        progress.say(f"{division}: {count} × {kind} ({example})", "told", dataset=division.dataset)
    for id, reason in list(division.excluded.items())[:10]:
        progress.say(f"{division}: {id} left out: {reason}", "failure", dataset=division.dataset, ids=[id])
    if len(division.excluded) > 10:
        progress.say(f"{division}: {len(division.excluded)} images left out in all", "failure")


def _fusions(experiment) -> None:
    from benchmark.run import jobs, reuse, runner

    for job in experiment.planned():
        if job.unavailable:
            progress.answer(f"{job.cell}: unavailable: {job.unavailable}", "plan", **runner.place(job))
        else:
            lacking = job.keys.keys() - jobs.kept(job).fused.keys()
            count = len(lacking) - len(reuse.found(job, lacking))
            progress.answer(f"{job.cell}: {count} of {len(job.keys)} pairs to fuse", "plan", **runner.place(job))


def _intentions(experiment) -> None:
    division, settings = experiment.division, experiment.settings
    counts = ", ".join(f"{part} {len(items)}" for part, items in division.parts.items() if items)
    if not division.trains:
        progress.answer(f"{division} ({division.sha256()[:8]}): {counts}")
        _tell_classes(division, settings.detector)
        progress.answer(f"evaluation of {settings.detector} with the weights {settings.init}, no training")
        return
    progress.answer(f"{division} ({division.sha256()[:8]}): {counts}; leak {division.leak()}")
    trainings = len(experiment.seeds) * (1 if settings.protocol == "frozen" else len(experiment.methods))
    progress.answer(f"{trainings} trainings of {settings.detector} from {settings.init}, {settings.epochs} epochs")
