"""`bench train`: train a fusion network on a data set's pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

import click

from benchmark.errors import UserError, unknown
from benchmark.options import (
    DATASETS,
    Tile,
    completing,
    folders,
    protocol_names,
    scan_backend,
    shared,
    speech,
    stretch,
    trainable_names,
)

BY_TASK = {"ivf": ["roadscene"], "mif": ["harvard_ct_mri", "harvard_pet_mri", "harvard_spect_mri"]}

EPILOG = """\b
Examples:
  bench train --method mambadfuse --recipe preliminary --data-root DATA
  bench train --method cddfuse --dataset roadscene,tno --checkpoint CDDFuse_IVF.pth --data-root DATA
  bench train --method cddfuse --task mif --checkpoint cddfuse.safetensors --data-root DATA
  bench train --method mambadfuse --recipe mine.yaml --dataset folder --ir my/infrared --vis my/visible
\b
The same command continues a stopped run. To use the result:
  bench run --methods mambadfuse --checkpoint mambadfuse=runs/mambadfuse-roadscene/mambadfuse.safetensors
"""


@click.command("train", epilog=EPILOG, short_help="Train a fusion network; stops and resumes at any time.")
@click.option(
    "--method",
    shell_complete=completing(trainable_names),
    required=True,
    help="The method to train, for example mambadfuse.",
)
@click.option(
    "--task",
    type=click.Choice(["ivf", "mif"]),
    default="ivf",
    show_default=True,
    help="Infrared with visible, or medical; the latter's weights are METHOD-mif's.",
)
@click.option(
    "--variant",
    default="official",
    show_default=True,
    help="Of the network: official, as the authors' code has it, or another that METHOD has. MambaDFuse has paper, the"
    " gating that its paper draws; its weights are those of mambadfuse-paper.",
)
@click.option(
    "--dataset",
    type=DATASETS,
    help="The data sets that the crops are cut from, each as NAME or NAME@SPLIT [default: roadscene; for --task mif the"
    " three harvard sets].",
)
@click.option("--split", help="Where none is given (default: train where there is one, else the set's own default).")
@click.option(
    "--recipe", "--config", "recipe", help="A recipe of the method, or a YAML file [default: that of the task]."
)
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Start from these weights, the authors' or ours, not from random ones.",
)
@click.option("--steps", type=click.IntRange(1), help="Instead of the recipe's.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@scan_backend
@click.option("--threads", type=click.IntRange(1), help="CPU threads (default: torch's choice).")
@click.option(
    "--precision",
    type=click.Choice(["fp32", "bf16"]),
    default="fp32",
    show_default=True,
    help="bf16: bfloat16 autocast of the network; weights, losses and scans stay in float32.",
)
@click.option("--recompute", is_flag=True, help="Gradient checkpointing: less memory, more time.")
@click.option("--tensorboard", is_flag=True, help="Write logs for TensorBoard, too (needs the package tensorboard).")
@click.option(
    "--wandb",
    is_flag=True,
    help="Log to Weights & Biases, too (needs the package wandb); on this computer only, unless WANDB_MODE is online.",
)
@click.option("--save-every", type=click.IntRange(1), default=50, show_default=True, help="Steps between saved states.")
@click.option(
    "--validate-every", type=click.IntRange(1), default=100, show_default=True, help="Steps between validations."
)
@click.option(
    "--validate-on",
    type=click.Choice(["whole", "crops"]),
    help="The held-out pairs as whole images, fused and saved as bench run does, or the centres of them, 128 pixels a"
    " side, which take much less time [default: whole on a GPU, crops on a CPU].",
)
@click.option(
    "--validate-by",
    default="rank",
    show_default=True,
    help="What the best checkpoint, METHOD.best.safetensors, is chosen by: rank (the mean rank, by the metrics, among"
    " the validations so far), loss, or a metric's name.",
)
@click.option(
    "--protocol",
    default="cddfuse",
    show_default=True,
    shell_complete=completing(protocol_names),
    help="Of the metrics of validation.",
)
@click.option(
    "--output",
    type=click.Choice(["raw", "native"]),
    default="raw",
    show_default=True,
    help="How the images of validation are saved; native: as the method's authors do (CDDFuse stretches them).",
)
@click.option("--tile", type=Tile(), default="auto", show_default=True, help="As of bench run, for whole images.")
@click.option(
    "--samples",
    type=click.IntRange(0, 8),
    default=4,
    show_default=True,
    help="How many held-out pairs are drawn at each validation, in samples/STEP.png.",
)
@folders
@stretch
@click.option("--out", type=click.Path(path_type=Path), help="Run folder [default: runs/METHOD-DATASET].")
@speech
@shared
def command(
    method,
    task,
    variant,
    dataset,
    split,
    recipe,
    checkpoint,
    steps,
    seed,
    device,
    scan_backend,
    threads,
    precision,
    recompute,
    tensorboard,
    wandb,
    save_every,
    validate_every,
    validate_on,
    validate_by,
    protocol,
    output,
    tile,
    samples,
    ir,
    vis,
    ir_pattern,
    vis_pattern,
    stretch,
    out,
    data_root,
    **_,
):
    """Train METHOD on random crops; the run folder holds the state, the losses and validation scores as tables and
    curves, pictures of held-out pairs, and the weights of the last step and of the best validation.
    """
    import torch
    from filelock import Timeout

    from baselines import Unavailable, stated_variant, tasks
    from benchmark import datasets, textfiles
    from benchmark.progress import Progress, answer, duration
    from benchmark.run import machine, plan
    from benchmark.store import provenance
    from benchmark.training.crops import read, refuse_repeats
    from benchmark.training.log import check_boards
    from benchmark.training.loop import Diverged, Run, in_steps
    from benchmark.training.processes import join
    from benchmark.training.validation import Validation

    if method not in tasks.trainable():
        if instead := _instead(method):
            raise UserError(f"'{method}' is the method that fuses with these weights; train them by {instead}")
        raise unknown("trainable method", method, tasks.trainable())
    part = tasks.find(method, task)
    if variant not in (variants := ["official", *part.variants]):
        raise unknown(f"variant of {method}", variant, variants)
    variant = "" if variant == "official" else variant
    part = part.variants[variant] if variant else part
    known, recipe = tasks.recipes(method), recipe or task
    path = known.get(recipe) or Path(recipe)
    if not path.is_file():
        raise unknown("recipe", recipe, known)
    try:
        chosen = tasks.Recipe.of(textfiles.read_yaml(path, "recipe"), **({"steps": steps} if steps else {}))
    except ValueError as error:
        raise UserError(f"recipe {path}: {error}") from error
    dataset = dataset or BY_TASK[task]
    for spec in dataset:
        card = datasets.get(spec.partition("@")[0]).card
        if card.name != "folder" and card.task != task:
            raise UserError(f"--task {task}: {card.name} is a data set of the task {card.task}")
    boards = [name for name, wanted in (("tensorboard", tensorboard), ("wandb", wandb)) if wanted]
    check_boards(boards)
    if threads:
        torch.set_num_threads(threads)
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: torch finds no CUDA device here; see bench doctor, or use --device cpu")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    plan.select_scan_backend(scan_backend, device)
    on = validate_on or ("crops" if device == "cpu" else "whole")
    validation = Validation(on, protocol, output, validate_by, tile)
    if (ir or vis or ir_pattern or vis_pattern) and "folder" not in dataset:
        raise UserError("--ir, --vis and their patterns go with --dataset folder")
    try:
        processes = join(device)
    except ModuleNotFoundError as error:
        raise UserError(f"several processes need accelerate ({error}): pip install 'mmif-bench[train]'") from error

    progress, first = Progress(), processes.rank == 0
    sources = []
    for spec in dataset:
        sources.append(read(spec, chosen, split, data_root, ir, vis, ir_pattern, vis_pattern, stretch))
        if first:
            where = f"{sources[-1].dataset}@{sources[-1].split}"
            place = {"dataset": sources[-1].dataset, "split": sources[-1].split}
            for note in sources[-1].notes:
                progress.line(note, **place)
            progress.line(f"{where}: {len(sources[-1].images)} pairs", **place)
            for line in sources[-1].told:
                progress.line(f"{where}: {line}", "told", **place)
    refuse_repeats(sources)
    if chosen.continues and not checkpoint and first:
        progress.line(
            f"recipe {recipe} continues trained weights, and none are given: --checkpoint FILE, or train with"
            " --recipe preliminary first",
            "warning",
        )
    if checkpoint and first and (other := stated_variant(checkpoint)[0]) not in (None, variant):
        other, own = (f"the variant {one or 'official'}" for one in (other, variant))
        progress.line(f"{own} starts from {checkpoint}, which holds weights of {other}", "warning")
    name = tasks.weights_name(method, task, variant)
    facts = {
        "trained_on": ", ".join(f"{source.dataset} {source.split}" for source in sources),
        "data": [source.facts() for source in sources],
        "environment": provenance.environment(),
    }
    folder = out or Path("runs") / f"{name}-{'-'.join(source.dataset for source in sources)}"
    try:
        with _alone(folder) if first else nullcontext(), machine.working(progress.line):
            run = Run(
                part, chosen, name, folder, seed, device, facts, checkpoint, precision, recompute,
                processes, validation, samples=samples,
            )  # fmt: skip
            if run.step and first:
                progress.line(f"continuing at step {run.step} of {chosen.steps}")
            bar = progress.bar(f"training {name}", chosen.steps - run.step, "step", method=name)
            with bar if first else nullcontext(_nothing) as step:
                advance = partial(_tell, step)
                run.train(sources, save_every, validate_every, advance, progress.line, boards)
    except Timeout as error:
        raise UserError(f"another training is at work in {folder}; wait for it, or give another --out") from error
    except torch.cuda.OutOfMemoryError as error:
        raise UserError("out of GPU memory; --recompute needs less, so does a smaller batch or crop") from error
    except (ValueError, Unavailable, Diverged) as error:
        raise UserError(str(error)) from error
    if first:
        path, spent = folder / f"{name}.safetensors", round(run.seconds, 1)
        text = f"{path}: {in_steps(run.step)}, {duration(spent)}"
        answer(text, "summary", path=path, steps=run.step, seconds=spent, record=path.with_suffix(".json"))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder, made where it is missing; a refused run leaves no empty one. Raises filelock.Timeout."""
    from filelock import FileLock

    lock, made = folder / ".lock", not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(lock, timeout=0):
            yield
    finally:
        if made and {*folder.iterdir()} <= {lock}:
            lock.unlink(missing_ok=True)
            folder.rmdir()


def _tell(step: Callable[..., None], news) -> None:
    """Tell how the training goes: its loss, its learning rate and its speed."""
    speed = f"{news.steps_per_second:.3g} steps/s"
    step(note=f"loss {news.loss:.4g}, rate {news.learning_rate:.2g}, {speed}", **vars(news))


def _nothing(*_, **__) -> None:
    pass


def _instead(method: str) -> str:
    """The options that train the weights of a method called METHOD-…, "" where there are none."""
    import baselines
    from baselines import tasks

    base = next((base for base in tasks.trainable() if method.startswith(f"{base}-")), None)
    if base is None or method not in baselines.spelled_names():
        return ""
    name = method.removeprefix(f"{base}-")
    what = name.removesuffix("mif").removesuffix("-")
    options = f"--method {base}" + (" --task mif" if name.endswith("mif") else "")
    if not what:
        return options
    return f"{options} --variant {what}" if what in tasks.find(base).variants else f"{options} --recipe {name}"
