"""The command line: `bench`, with one command for every file in `benchmark/commands`.

A file there defines `command`, a click command (or group); adding the file adds the command. At its top a
command's file imports click and light modules only, so that help and completion stay quick.
"""

from __future__ import annotations

import mmif_bench  # noqa: F401 (first: it says which modules are found)

# isort: split
import errno
import importlib
import os
import pkgutil
import signal
import sys
import threading
import warnings
from contextlib import contextmanager

import click

from benchmark import commands, progress
from benchmark.errors import UserError, one_line, unknown

# Threads of OpenMP that spin at their barriers starve one another on busy cores: fusing took six times as long. torch
# reads this when it is imported, which is later.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# torch says so to whoever wrote the code that loads a file.
warnings.filterwarnings("ignore", message=".*weights_only")

# Failures of the file system that the user can mend; any other OSError is a bug and keeps its traceback.
_MENDABLE = {
    errno.EACCES,
    errno.EBUSY,
    errno.EDQUOT,
    errno.EEXIST,
    errno.EFBIG,
    errno.EIO,
    errno.EISDIR,
    errno.ELOOP,
    errno.EMFILE,
    errno.ENAMETOOLONG,
    errno.ENFILE,
    errno.ENODEV,
    errno.ENOENT,
    errno.ENOSPC,
    errno.ENOTDIR,
    errno.ENOTEMPTY,
    errno.ENXIO,
    errno.EPERM,
    errno.EROFS,
    errno.ESTALE,
}


class Terminated(KeyboardInterrupt):
    """SIGTERM, as from a batch system: ends a run as Ctrl-C does."""


@contextmanager
def _terminable():
    """A context in which SIGTERM raises Terminated. Only the main thread can ask for that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def terminate(*_):
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _in_one_line(error: click.UsageError) -> UserError:
    """Say in one line what click says in three."""
    see = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
    return UserError(f"{error.format_message()}{see}")


class Commands(click.Group):
    """The commands found by file; each is imported when it is asked for."""

    def list_commands(self, ctx):
        return sorted(module.name for module in pkgutil.iter_modules(commands.__path__))

    def get_command(self, ctx, name):
        if name not in self.list_commands(ctx):
            return None
        return importlib.import_module(f"{commands.__name__}.{name}").command

    def resolve_command(self, ctx, args):
        if not ctx.resilient_parsing and not args[0].startswith("-") and args[0] not in self.list_commands(ctx):
            raise unknown("command", args[0], self.list_commands(ctx))
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx, args):
        ctx.meta["benchmark.arguments"] = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            raise _in_one_line(error) from error

    def invoke(self, ctx):
        if hasattr(sys.stdout, "reconfigure"):  # a name that the terminal cannot write is no reason to stop
            sys.stdout.reconfigure(errors="backslashreplace")
        with progress.speaking() as voice:
            try:
                self._invoke(ctx)
                code = 0
            except click.exceptions.Exit as stop:
                code = stop.exit_code
            except click.exceptions.NoArgsIsHelpError:
                raise
            except click.ClickException as error:
                if voice.mode is None and "--json" in ctx.meta["benchmark.arguments"]:  # before it was understood
                    voice.select("json", ctx.invoked_subcommand or "")
                if voice.mode != "json":
                    raise
                code = error.exit_code
                progress.say(error.format_message(), "error")
            except Exception as error:
                if voice.mode == "json" and not isinstance(error, BrokenPipeError):
                    progress.say(f"{type(error).__name__}: {one_line(error)}", "error")
                    voice.end(1)
                raise
            voice.end(code)
        if code:
            ctx.exit(code)

    def _invoke(self, ctx):
        """Run the command. What a user can mend is a UserError."""
        try:
            with _terminable():
                super().invoke(ctx)
        except KeyboardInterrupt as stop:
            word, code = ("Terminated", 143) if isinstance(stop, Terminated) else ("Interrupted", 130)
            progress.say(f"{word}; what is finished is kept. Run the same command again to continue.", "error")
            ctx.exit(code)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            raise _in_one_line(error) from error
        except OSError as error:
            if error.errno not in _MENDABLE:
                raise
            where = f"{error.filename}: " if error.filename else ""
            raise UserError(f"{where}{error.strerror}") from error


def _version(ctx, param, value):
    if value and not ctx.resilient_parsing:
        from benchmark.store.provenance import package_version

        click.echo(f"mmif-bench {package_version()}")
        ctx.exit()


EPILOG = """\b
Examples:
  bench run                                            the built-in scenes, seven methods
  bench run --dataset msrs --methods mambadfuse,average --data-root DATA
  bench eval --fused MY_IMAGES --name mine --dataset msrs --data-root DATA
  bench report                                         tables with statistics from the results
  bench ls methods                                     what there is, and whether it can run here
"""


@click.group(
    cls=Commands,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_version,
    help="Show the version and exit.",
)
def main():
    """Benchmark multi-modality image fusion: fuse, score, report.

    Exit codes: 0 all done, 1 something failed, 2 a mistake in the command or its input, 130 interrupted,
    143 terminated.
    """


if __name__ == "__main__":
    main(prog_name="bench")
