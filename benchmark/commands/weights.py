"""`bench weights`: checkpoints."""

from __future__ import annotations

from pathlib import Path

import click

from benchmark import options

EPILOG = """\b
Examples:
  bench weights convert CDDFuse_IVF.pth cddfuse-official.safetensors --method cddfuse
  bench weights convert runs/mine/mambadfuse.safetensors mine.pth --method mambadfuse
"""


@click.group(epilog=EPILOG, short_help="Checkpoints: convert.")
def command():
    """Work with checkpoints."""


@command.command(short_help="The authors' layout to safetensors with a record, and back.")
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("target", type=options.FOLDER, metavar="TARGET")
@click.option("--method", required=True, help="Whose weights these are, for example cddfuse or mambadfuse-mif.")
@click.option("--float16", is_flag=True, help="Store half precision; grey levels may change by one.")
def convert(source, target, method, float16):
    """Write SOURCE, the authors' file or safetensors, as TARGET: .safetensors, or .pth for the authors' layout.

    Every name and shape must be the network's. A record (.json) is written beside TARGET."""
    from benchmark.weights_convert import convert

    record = convert(method, source, target, float16)
    click.echo(f"{target}, record {record}")
