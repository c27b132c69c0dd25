"""`bench grid`: fused images side by side, as papers print them."""

from __future__ import annotations

import click

from benchmark import options, progress
from benchmark.errors import UserError, unknown

EPILOG = """\b
Examples:
  bench grid --dataset msrs --ids 00036N,00131D --methods seafusion,cddfuse,mambadfuse
  bench grid --dataset tno --crop 120,80,64,48 --out figures/tno
  bench grid --dataset msrs --limit 6 --colour --crop none
  bench grid --dataset tno --difference vis
\b
Writes OUT.pdf and OUT.png. Needs the data set beside the results, for the sources. --crop auto, the
default, zooms in where the methods differ most.
"""


@click.command("grid", epilog=EPILOG, short_help="Fused images side by side, with zoomed insets.")
@click.option(
    "--dataset", shell_complete=options.completing(options.dataset_names), required=True, help="The data set."
)
@click.option("--split", shell_complete=options.completing(options.split_names), help="Its split, as for bench run.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="As for bench run: the split of the first N pairs.")
@click.option(
    "--methods", type=options.METHOD_NAMES, help="Columns after the sources, in order; all stored ones if left out."
)
@click.option(
    "--ids",
    multiple=True,
    metavar="a,b,…",
    help="Rows: ids of pairs; three spread over the split if left out. Repeat it for ids with commas.",
)
@click.option("--crop", default="auto", show_default=True, metavar="X,Y,W,H", help="Inset: pixels, auto or none.")
@click.option("--colour", is_flag=True, help="With the colours that the pair lends.")
@click.option("--difference", metavar="COLUMN", help="Maps of the difference to ir, vis or a method instead.")
@click.option(
    "--width", type=click.Choice(["page", "column"]), default="page", show_default=True, help="Of the figure."
)
@options.title
@click.option("--out", type=click.Path(dir_okay=False), help="Without suffix.  [default: RESULTS/report/grid-…]")
@options.folders
@options.stretch
@options.speech
@options.shared
def command(
    dataset, split, limit, methods, ids, crop, colour, difference, width, titles, out, ir, vis, ir_pattern, vis_pattern,
    stretch, results, data_root, weights_root,
):  # fmt: skip
    """Draw a grid: a row per image pair, the sources and each method side by side."""
    from pathlib import Path

    from benchmark import datasets
    from benchmark.figures import image_grid, lettering, stored_pairs, style
    from benchmark.run import plan

    if colour and difference:
        raise UserError("--difference is of luminance; leave --colour out")
    fixed = image_grid.Crop.parse(crop) if crop not in ("auto", "none") else None
    (name,) = plan.select_datasets([dataset], ir, vis, ir_pattern, vis_pattern)
    chosen = plan.select_split(name, split, limit, data_root, ir, vis, ir_pattern, vis_pattern, stretch)
    cells = stored_pairs.stored_cells(results, chosen, methods, titles)
    pairs = stored_pairs.select_pairs(chosen, cells, ids)
    sources = datasets.get(name).source_titles
    rows, missing = stored_pairs.grid_rows(cells, pairs, sources, colour, skip=not ids)
    for line in missing:
        progress.say(line, "warning")
    columns = {"ir": sources[0], "vis": sources[1], **stored_pairs.columns(cells)}
    if difference and difference not in columns:
        raise unknown("column in --difference", difference, columns)
    if difference:  # rows that lack it have no differences; what they lack is told above
        rows = [row for row in rows if columns[difference] in row.pictures]
        if not rows:
            raise UserError(f"none of these pairs has a picture of {difference}")
    if fixed:
        for row in rows:
            fixed.check(next(iter(row.pictures.values())).shape, row.id)
    inches = style.PAGE if width == "page" else style.COLUMN
    kind = "difference" if difference else "grid"
    stem = Path(out) if out else results / "report" / f"{kind}-{chosen.dataset}@{chosen.name}"
    with style.pyplot() as plt:
        if difference:
            figure = image_grid.differences(plt, rows, columns[difference], inches)
        else:
            crops = [stored_pairs.differing(row, sources) if crop == "auto" else fixed for row in rows]
            figure = image_grid.qualitative(plt, rows, crops, inches)
        for path in style.save(figure, stem):
            progress.answer(str(path), "file", path=path)
    if line := lettering.remark(lettering.lacking):
        progress.say(line, "warning")
