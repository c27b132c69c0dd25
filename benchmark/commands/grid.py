"""`bench grid`: fused images side by side, as papers print them."""

from __future__ import annotations

import click

from benchmark import options, progress
from benchmark.errors import UserError, unknown

EPILOG = """\b
Examples:
  bench grid --dataset msrs --ids 00036N,00131D --methods seafusion,cddfuse,mambadfuse
  bench grid --dataset tno --rows 6 --zoom below --width column --methods seafusion,mambadfuse
  bench grid --dataset tno --crop 120,80,64,48 --out figures/tno
  bench grid --dataset tno --ids 01,06 --crop 01=120,80,64,48 --crop 01=300,60,64,48 --crop auto
  bench grid --dataset msrs --limit 6 --colour --crop none --figure-format pdf
  bench grid --dataset tno --difference vis
\b
Writes OUT.pdf and OUT.png. Needs the data set beside the results, for the sources. --crop auto, the
default, finds objects (labelled ones where there are any, else hot spots) and structure that the
methods render differently. Titles that have no room stand upright, or are numbers with a legend.
"""


@click.command("grid", epilog=EPILOG, short_help="Fused images side by side, with enlarged crops.")
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
    help="Rows: ids of pairs; some spread over the split if left out. Repeat it for ids with commas.",
)
@click.option(
    "--rows", type=click.IntRange(1), metavar="N", help="How many pairs where --ids is left out.  [default: 3]"
)
@click.option(
    "--columns", type=click.IntRange(1), metavar="N", help="Pictures side by side; by default as many as can be seen."
)
@click.option(
    "--crop",
    multiple=True,
    metavar="[ID=]X,Y,W,H",
    help="What is enlarged: pixels, auto or none; of all rows, or of one. Repeat it, for two in a row too.  [default:"
    " auto]",
)
@click.option("--crops", type=click.IntRange(1, 2), help="How many auto finds.  [default: 1 inside, 2 below]")
@click.option(
    "--zoom",
    type=click.Choice(["inside", "below"]),
    default="inside",
    show_default=True,
    help="Where crops are enlarged: in the corners where they hide least, or under the picture.",
)
@click.option("--colour", is_flag=True, help="With the colours that the pair lends.")
@click.option("--difference", metavar="COLUMN", help="Maps of the difference to ir, vis or a method instead.")
@options.print_width("page")
@options.printing
@options.title
@click.option("--out", type=click.Path(dir_okay=False), help="Without suffix.  [default: RESULTS/report/grid-…]")
@options.folders
@options.stretch
@options.speech
@options.shared
def command(
    dataset, split, limit, methods, ids, rows, columns, crop, crops, zoom, colour, difference, width, font,
    figure_format, titles, out, ir, vis, ir_pattern, vis_pattern, stretch, results, data_root, weights_root,
):  # fmt: skip
    """Draw a grid: a row per image pair, the sources and each method side by side."""
    from dataclasses import replace
    from pathlib import Path

    from benchmark import datasets
    from benchmark.figures import image_grid, lettering, stored_pairs, style
    from benchmark.run import plan

    if colour and difference:
        raise UserError("--difference is of luminance; leave --colour out")
    if difference and (crop or crops):
        raise UserError("--difference has no enlarged crops; leave --crop and --crops out")
    if ids and rows:
        raise UserError("--rows: --ids names the rows already")
    printed = style.Print(style.WIDTHS[width], font and lettering.installed(font), figure_format)
    (name,) = plan.select_datasets([dataset], ir, vis, ir_pattern, vis_pattern)
    chosen = plan.select_split(name, split, limit, data_root, ir, vis, ir_pattern, vis_pattern, stretch)
    cells = stored_pairs.stored_cells(results, chosen, methods, titles)
    pairs = stored_pairs.select_pairs(chosen, cells, ids, rows or stored_pairs.ROWS)
    source = datasets.get(name)
    drawn, missing = stored_pairs.grid_rows(cells, pairs, colour, skip=not ids)
    asked = stored_pairs.Chosen.parse(crop, [row.id for row in drawn])
    for line in (*missing, *stored_pairs.saving(cells)):
        progress.say(line, "warning")
    shown = {
        **dict(zip(("ir", "vis"), source.source_titles)),
        **{cell.method: title for cell, title in cells.items()},
    }
    if difference:
        known = {"ir": "ir", "vis": "vis", **stored_pairs.labels(cells)}
        if difference not in known:
            raise unknown("column in --difference", difference, known)
        difference = known[difference]
        # Rows that lack it have no differences; what they lack is told above.
        drawn = [row for row in drawn if difference in row.pictures]
        if not drawn:
            raise UserError(f"none of these pairs has a picture of {difference}")
    kind = "difference" if difference else "grid"
    stem = Path(out) if out else results / "report" / f"{kind}-{chosen.dataset}@{chosen.name}"
    with style.pyplot(printed.font) as plt:
        if difference:
            figure = image_grid.differences(plt, drawn, shown, difference, printed.width, columns)
        else:
            by_id = {pair.id: pair for pair in pairs}
            for index, row in enumerate(drawn):
                crop = asked.of(row.id)
                scene = stored_pairs.scene(row, stored_pairs.labelled(source, by_id[row.id]) if crop is None else ())
                for one in crop or ():
                    one.check(row.shape, row.id)
                if crop is None:
                    crop = scene.find(crops or (1 if zoom == "inside" else 2))
                drawn[index] = replace(row, crops=crop, scene=scene)
            figure = image_grid.qualitative(plt, drawn, shown, printed.width, zoom, columns)
        for path in style.save(figure, stem, printed.formats):
            progress.answer(str(path), "file", path=path)
        if (height := figure.get_size_inches()[1]) > style.TALLEST:
            progress.say(f"the figure is {height:.1f} inches high, more than a page: draw fewer rows", "warning")
    if line := lettering.remark(lettering.lacking):
        progress.say(line, "warning")
