"""`bench compare`: what changed between two sets of results."""

from __future__ import annotations

import click

from benchmark import options

EPILOG = """\b
Examples:
  bench compare average max                        two methods in the results
  bench compare results.old results                two folders of results, cell by cell
  bench compare cddfuse cddfuse+1a2b3c4d --metrics MI,VIF
  bench compare results.old results --format markdown
  bench compare cddfuse mine --format latex --title mine=Ours
\b
Differences are B less A on the images that both have. p is of tests of the mean
difference by random signs of images (of scenes, where the data set tells them), corrected for
everything compared. With fewer than seven images the verdict is "too few".
"""

FORMATS = ("text", "markdown", "latex", "html", "csv", "json")


@click.command(epilog=EPILOG)
@click.argument("a")
@click.argument("b")
@click.option("--metrics", type=options.METRICS, help="Metrics to compare; all if left out.")
@click.option("--format", "kind", type=click.Choice(FORMATS), default="text", show_default=True)
@options.title
@options.config
@options.shared
def command(a, b, metrics, kind, titles, results, data_root, weights_root):
    """Compare two folders of results, or two methods: what changed, by how much, and whether it is more than noise."""
    from benchmark.report import changes, changes_text

    found = changes.compare(a, b, results, metrics)
    shown = changes.titles_given(found, titles)
    click.echo(changes_text.render(found, a, b, kind, shown), nl=False)
