"""Options that commands share, and the kinds of value that options take."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from benchmark import progress, textfiles
from benchmark.errors import UserError, unknown
from benchmark.imaging.kinds import OVER, STRETCHES
from benchmark.store.saved import OUTPUTS

FIGURE_FORMATS = ("pdf", "png", "svg")
_COMMAND = re.compile(r"(?:^|,)(?P<entry>\s*(?:[^,=]+=)?cmd:.*)", re.DOTALL)


def dataset_names(ctx=None) -> list[str]:
    """For completion, as the functions below: quick, and only a help."""
    from benchmark import datasets

    return datasets.names()


def split_names(ctx) -> list[str]:
    """Of the data sets that the command line names so far."""
    from benchmark import datasets

    given = ctx.params.get("dataset") or ()
    names = given if isinstance(given, (tuple, list)) else (given,)
    return list(dict.fromkeys(split for name in names for split in datasets.get(name).splits()))


def method_names(ctx=None) -> list[str]:
    import baselines

    return ["all", "classical", "learned", "naive", *baselines.spelled_names()]


def trainable_names(ctx=None) -> list[str]:
    from baselines import tasks

    return tasks.trainable()


def metric_names(ctx=None) -> list[str]:
    import metrics

    return metrics.names()


def protocol_names(ctx=None) -> list[str]:
    import metrics

    return list(metrics.protocols())


def completing(known: Callable[..., Sequence[str]]):
    """What completes a single name, for the `shell_complete` of an option or argument."""

    def complete(ctx, param, incomplete):
        try:
            names = known(ctx)
        except UserError:  # a name that is needed for it is not right yet
            return []
        return [name for name in names if name.startswith(incomplete)]

    return complete


class NameList(click.ParamType):
    """Comma-separated names: trimmed, each kept once, in the order given; at least one. known: gives the names that
    completion offers; any name is taken."""

    name = "a,b,…"

    def __init__(self, known: Callable[..., Sequence[str]] | None = None) -> None:
        self._known = known

    def shell_complete(self, ctx, param, incomplete):
        given, comma, begun = incomplete.rpartition(",")
        names = [] if self._known is None else completing(self._known)(ctx, param, begun)
        taken = given.split(",")
        return [click.shell_completion.CompletionItem(f"{given}{comma}{name}") for name in names if name not in taken]

    def convert(self, value, param, ctx):
        parts = value.split(",") if isinstance(value, str) else value
        names = tuple(dict.fromkeys(str(part).strip() for part in parts if str(part).strip()))
        if not names:
            self.fail("expected at least one name", param, ctx)
        return names


class MethodList(NameList):
    """Methods, comma-separated. `cmd:`, or `NAME=cmd:`, takes all that follows it, commas too."""

    def convert(self, value, param, ctx):
        if not isinstance(value, str):
            return super().convert(value, param, ctx)
        command = _COMMAND.search(value)
        if command is None:
            return super().convert(value, param, ctx)
        before = value[: command.start()]
        names = super().convert(before, param, ctx) if before.strip() else ()
        return (*names, command["entry"].strip())


class Outputs(NameList):
    """Ways to save results, comma-separated, each once."""

    name = "|".join(OUTPUTS)

    def __init__(self) -> None:
        super().__init__(lambda ctx: OUTPUTS)

    def convert(self, value, param, ctx):
        names = super().convert(value, param, ctx)
        for name in names:
            if name not in OUTPUTS:
                self.fail(f"'{name}' is not one of {', '.join(OUTPUTS)}", param, ctx)
        return names


class Folder(click.ParamType):
    """A path, `~` expanded; whether it must exist is up to what uses it."""

    name = "dir"

    def convert(self, value, param, ctx):
        if not str(value).strip() or "\0" in str(value):
            self.fail("expected a path", param, ctx)
        return Path(value).expanduser()

    def shell_complete(self, ctx, param, incomplete):
        return [click.shell_completion.CompletionItem(incomplete, type="dir")]


class Size(click.ParamType):
    """Width and height, joined by an x."""

    name = "WxH"

    def convert(self, value, param, ctx):
        if isinstance(value, tuple):
            return value
        try:
            width, height = (int(side) for side in value.lower().split("x"))
        except ValueError:
            self.fail(f"expected something like 640x480, not {value}")
        if not (64 <= width <= 4096 and 64 <= height <= 4096):
            self.fail(f"sides of 64 to 4096 pixels, not {value}")
        return width, height


class Tile(click.ParamType):
    """ "auto", "none", or the side of a tile in pixels."""

    name = "auto|none|SIZE"

    def convert(self, value, param, ctx):
        if value in ("auto", "none") or isinstance(value, int):
            return value
        if not re.fullmatch("[0-9]{1,5}", value) or int(value) < 16:
            self.fail(f"expected auto, none or a number of pixels from 16 up, not {value}", param, ctx)
        return int(value)


NAMES = NameList()
DATASETS = NameList(dataset_names)
PROTOCOLS = NameList(protocol_names)
METRICS = NameList(metric_names)
METHOD_NAMES = NameList(method_names)
METHODS = MethodList(method_names)
FOLDER = Folder()


def shared(command):
    """Decorator: adds --results, --data-root and --weights-root, passed on as `results` (Path), `data_root`
    and `weights_root` (Path or None)."""
    for option in (
        click.option(
            "--weights-root",
            type=FOLDER,
            envvar="BENCH_WEIGHTS",
            show_envvar=True,
            help="Where checkpoints lie: DIR/<method>/<file>.",
        ),
        click.option(
            "--data-root", type=FOLDER, envvar="BENCH_DATA", show_envvar=True, help="Where the data sets lie."
        ),
        click.option(
            "--results",
            type=FOLDER,
            default="results",
            envvar="BENCH_RESULTS",
            show_envvar=True,
            show_default=True,
            help="Where results are kept.",
        ),
    ):
        command = option(command)
    return command


def speech(command):
    """Decorator: adds --quiet and --json, which choose how the command speaks (see `benchmark.progress`)."""
    for option in (
        click.option(
            "--json",
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_speak_json,
            help="Print events, one JSON object a line, in place of all else: docs/command-line.md.",
        ),
        click.option(
            "--quiet",
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_be_quiet,
            help="Say nothing but failures, and print what was asked for.",
        ),
    ):
        command = option(command)
    return command


def _speak_json(ctx, param, value):
    if value and not ctx.resilient_parsing:
        name = ctx.command_path.partition(" ")[2]
        progress.select("json", name, arguments=ctx.find_root().meta.get("benchmark.arguments", []))


def _be_quiet(ctx, param, value):
    if value and not ctx.resilient_parsing:
        progress.select("quiet", ctx.command_path.partition(" ")[2])


def methods(default: str):
    """Decorator: adds --methods, which may be repeated, passed on as `methods` (each entry once)."""
    return click.option(
        "--methods",
        type=METHODS,
        multiple=True,
        default=[default],
        show_default=default,
        callback=lambda ctx, param, values: tuple(dict.fromkeys(name for names in values for name in names)),
        help="bench ls methods; all, learned, classical or naive; FILE.py:CLASS; or, last, 'cmd:COMMAND {ir} {vis}"
        " {out}'.",
    )


def labels(command):
    """Decorator: adds --labels, passed on as `labels` (a tuple of paths)."""
    return click.option(
        "--labels",
        type=FOLDER,
        multiple=True,
        metavar="FILE",
        help="Object labels in place of the data set's own: COCO's JSON, or a folder with a file for each image (VOC"
        " XML, YOLO or KAIST's text); may be repeated.",
    )(command)


def folders(command):
    """Decorator: adds --ir and --vis, passed on as `ir` and `vis` (Path or None), and patterns of the names in them,
    passed on as `ir_pattern` and `vis_pattern` (text or None)."""
    for option in (
        click.option("--vis-pattern", metavar="TEXT", help="The same for --vis."),
        click.option(
            "--ir-pattern", metavar="TEXT", help="How files in --ir are called where names differ: '{id}_T.png'."
        ),
        click.option("--vis", type=FOLDER, help="Visible images, for --dataset folder."),
        click.option("--ir", type=FOLDER, help="Infrared images, for --dataset folder."),
    ):
        command = option(command)
    return command


def checkpoints(command):
    """Decorator: adds --checkpoint and --trust-checkpoint, passed on as `checkpoint` and `trust_checkpoint`."""
    for option in (
        click.option(
            "--trust-checkpoint",
            is_flag=True,
            help="Also load files that are neither published nor written by bench train.",
        ),
        click.option("--checkpoint", multiple=True, metavar="METHOD=PATH", help="Weights to use; may be repeated."),
    ):
        command = option(command)
    return command


title = click.option(
    "--title",
    "titles",
    multiple=True,
    metavar="NAME=TITLE",
    help="What to call a method, data set (also DATASET@SPLIT) or protocol; may be repeated. method:, dataset: or"
    " protocol: in front tells which.",
)


def stretch(command):
    """Decorator: adds --stretch and --stretch-over, passed on as `stretch` (a `run.stretching.Stretching`)."""
    import functools

    @click.option(
        "--stretch",
        type=click.Choice(STRETCHES),
        default=STRETCHES[0],
        show_default=True,
        help="How source images of more than 8 bits become 0..255: scaled by their depth, over their extremes, or"
        " from the 1st to the 99th percentile; a split of its own, SPLIT~stretch-KIND.",
    )
    @click.option(
        "--stretch-over",
        type=click.Choice(OVER),
        default=OVER[0],
        show_default=True,
        help="Whether each image has its own range, or all infrared images of the split one, and all visible ones.",
    )
    @functools.wraps(command)
    def with_stretch(*arguments, stretch, stretch_over, **rest):
        from benchmark.run.stretching import Stretching

        return command(*arguments, stretch=Stretching(stretch, stretch_over), **rest)

    return with_stretch


class FormatList(NameList):
    """Formats of figures, comma-separated."""

    def convert(self, value, param, ctx):
        names = super().convert(value, param, ctx)
        for name in names:
            if name.lower() not in FIGURE_FORMATS:
                self.fail(f"unknown format {name}; known: {', '.join(FIGURE_FORMATS)}", param, ctx)
        return tuple(dict.fromkeys(name.lower() for name in names))


def print_width(default: str | None):
    """Decorator: adds --width, passed on as `width`, a key of `figures.style.WIDTHS` or None."""
    return click.option(
        "--width",
        type=click.Choice(["page", "column"]),
        default=default,
        show_default=default is not None,
        help="Of figures: 3.5 inches, a column, or 7.16, a page of two."
        + ("" if default else "  [default: each its own]"),
    )


def printing(command):
    """Decorator: adds --font and --figure-format, passed on as `font` (text or None) and `figure_format` (names)."""
    for option in (
        click.option(
            "--figure-format",
            type=FormatList(),
            default="pdf,png",
            show_default=True,
            help=f"Of figures: {', '.join(FIGURE_FORMATS)}.",
        ),
        click.option(
            "--font",
            metavar="NAME",
            help="Of figures: an installed family, or serif, sans-serif or monospace.  [default: DejaVu Sans]",
        ),
    ):
        command = option(command)
    return command


timeout = click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="What a cmd: method may take for a pair.  [default: 600]",
)


def scan_backend(command):
    """Decorator: adds --scan-backend, passed on as `scan_backend` (a name or None)."""
    return click.option(
        "--scan-backend",
        envvar="BENCH_SCAN_BACKEND",
        show_envvar=True,
        help="What runs the selective scan: native, mamba_ssm, triton or chunked; the first that can if left out.",
    )(command)


def config(command):
    """Decorator: adds --config FILE, a YAML mapping of the command's own option names to values.

    It stands in for options that neither the command line nor the environment gives.
    """
    return click.option(
        "--config",
        type=click.Path(dir_okay=False),
        expose_value=False,
        is_eager=True,
        callback=_read_config,
        help="YAML file of options (names as here, without dashes in front); the command line wins.",
    )(command)


def _read_config(ctx, param, path):
    if path is None:
        return
    values = textfiles.read_yaml(path)
    if not isinstance(values, dict):
        raise UserError(f"{path}: expected a mapping of option names to values")
    known = {
        flag.lstrip("-"): option
        for option in ctx.command.params
        if isinstance(option, click.Option) and option.name not in ("config", "help")
        for flag in option.opts
    }
    defaults = {}
    for key, value in values.items():
        option = known.get(str(key).replace("_", "-"))
        if option is None:
            raise unknown(f"option in {path}", key, known)
        try:
            defaults[option.name] = _as_typed(option, value)
            option.type_cast_value(ctx, defaults[option.name])
        except ValueError as error:
            raise UserError(f"{path}: {key}: {error}") from None
        except click.BadParameter as error:
            raise UserError(f"{path}: {key}: {error.message}") from None
    ctx.default_map = {**(ctx.default_map or {}), **defaults}


def _as_typed(option: click.Option, value):
    """Turn what YAML holds into what would stand on the command line. Raises ValueError for what could not."""
    if option.is_flag:
        if not isinstance(value, bool):
            raise ValueError("expected true or false")
        return value
    if option.multiple and isinstance(value, dict):
        # METHOD: PATH reads better in YAML than METHOD=PATH; both are taken.
        value = [f"{_text(a)}={_text(b)}" for a, found in value.items() for b in _listed(found)]
    if option.multiple or (isinstance(option.type, NameList) and isinstance(value, list)):
        return [_text(one) for one in _listed(value)]
    return _text(value)


def _listed(value) -> list:
    return value if isinstance(value, list) else [value]


def _text(value) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        from baselines.wording import shown

        raise ValueError(f"expected text or a number, found {shown(value)}")
    return str(value)


def given(ctx, name: str) -> bool:
    """Whether the user gave the option (on the command line, by environment or in --config)."""
    return ctx.get_parameter_source(name) not in (
        click.core.ParameterSource.DEFAULT,
        None,
    )


def command_line(ctx) -> str:
    """The command as it was typed, for the record."""
    return shlex.join(["bench", *ctx.find_root().meta.get("benchmark.arguments", [])])
