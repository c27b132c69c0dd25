"""`bench report`: tables from the store."""

from __future__ import annotations

import click

from benchmark import options
from benchmark.errors import unknown

FORMATS = {"latex": "report.tex", "csv": "report.csv", "markdown": "report.md"}

EPILOG = """\b
Examples:
  bench report
  bench report --results results --format csv --out -
\b
There is one table per data set, split and protocol. In the CSV, sd is the sample standard
deviation (ddof = 1) and n the number of images that the mean is over.
"""


@click.command(epilog=EPILOG)
@click.option(
    "--format",
    "formats",
    type=options.NAMES,
    default=",".join(FORMATS),
    show_default=True,
    help="What to write.",
)
@click.option("--out", type=options.FOLDER, help="Where to write; - for stdout.  [default: RESULTS/report]")
@options.shared
def command(formats, out, results, data_root, weights_root):
    """Write LaTeX, CSV and Markdown tables of what is stored.

    Needs the results only, no data, no weights. Only complete rows are ranked; the others are listed with
    what they lack.
    """
    for name in formats:
        if name not in FORMATS:
            raise unknown("format", name, FORMATS)
    from benchmark import store, summary, tables

    rows = summary.rows(store.existing_cells(results))
    found = summary.tables(rows)
    for name in formats:
        text = (
            {"latex": tables.latex, "markdown": tables.markdown}[name](found)
            if name != "csv"
            else tables.csv_text(rows)
        )
        if str(out) == "-":
            click.echo(text, nl=False)
            continue
        path = (results / "report" if out is None else out) / FORMATS[name]
        store.replace(path, text)
        click.echo(path)
