"""`bench report`: tables from the store."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain

import click

from benchmark import options, progress
from benchmark.errors import UserError, unknown
from benchmark.report import MARKS, names_in
from benchmark.report import formats as all_formats
from benchmark.report import sections as all_sections
from benchmark.store.saved import OUTPUTS

EPILOG = """\b
Examples:
  bench report
  bench report --methods cddfuse,mine --metrics EN,MI,VIF,Qabf --protocol cddfuse --sd
  bench report --format latex --standalone --out paper && pdflatex -output-directory paper paper/report.tex
  bench report --reported cddfuse2023 --protocol cddfuse
  bench report --title mine="Ours (small)" --title tno@cddfuse25="TNO*" --title protocol:cddfuse=CDDFuse
  bench report --sections detection --dataset m3fd --protocol retrain --format markdown --out -
  bench report --sections worst --methods mine --figures --data-root DATA
  bench report --format csv --out -
  bench report --figure curves,critical-difference-EN --methods cddfuse,mine --font serif --width column
  bench report --html --figures --data-root DATA && xdg-open results/report/page/index.html
\b
A table holds one split under one protocol. Bold is the best mean, underlined the second best; °
stands at those not shown to differ from the best (all pairs tested together by random signs, 0.05).
The simple baselines (ir, vis, average, max, laplacian) are in every table, for reference: above a
rule and in no rank or test, unless --rank-baselines; --no-naive leaves them out.
docs/reports.md says what each statistic is.
"""


def _sections(ctx=None) -> list[str]:
    return names_in(all_sections)


def _formats(ctx=None) -> list[str]:
    return names_in(all_formats)


def _figures(ctx=None) -> list[str]:
    from benchmark.figures import drawing

    return [*drawing.KINDS, *(f"{drawing.DIAGRAM}-{metric}" for metric in options.metric_names())]


@click.command(epilog=EPILOG)
@click.option(
    "--format",
    "names",
    type=options.NameList(_formats),
    help="latex, bibtex, csv, markdown, html, json, excel; all by default.",
)
@click.option(
    "--sections",
    type=options.NameList(_sections),
    help=f"{', '.join(names_in(all_sections))}; all but worst if left out.",
)
@click.option(
    "--worst",
    type=click.IntRange(1),
    metavar="N",
    help="For --sections worst: on how many images a method loses most to all others.  [default: 5]",
)
@click.option("--dataset", type=options.DATASETS, help="Data sets, DATASET@SPLIT or DATASET@DIVISION; all if left out.")
@click.option("--protocol", type=options.PROTOCOLS, help="Protocols of scores or of detection; all if left out.")
@click.option(
    "--methods",
    type=options.METHOD_NAMES,
    help="Methods, in the order of the rows, with all of their checkpoints or one (NAME+HASH); all if left out.",
)
@click.option(
    "--metrics", type=options.METRICS, help="Metrics of scores, in the order of the columns; all if left out."
)
@click.option("--naive/--no-naive", default=True, show_default=True, help="Simple baselines beside those asked for.")
@click.option(
    "--rank-baselines",
    is_flag=True,
    help="Rank, test and mark the simple baselines as other methods; otherwise they are shown for reference.",
)
@click.option(
    "--output",
    type=click.Choice(OUTPUTS),
    help="What is ranked, as bench run --output saved it; results saved otherwise are marked and not ranked."
    "  [default: raw]",
)
@click.option(
    "--mark",
    type=click.Choice(MARKS),
    default=MARKS[0],
    show_default=True,
    help="Bold is the best mean, with a sign ° at what tests do not show to differ from it; or all of these are bold.",
)
@click.option("--common", is_flag=True, help="Compare on the images that all methods have.")
@click.option("--sd", is_flag=True, help="Show ± standard deviation.")
@click.option(
    "--digits",
    type=click.IntRange(0, 10),
    help="Decimal places; if left out four digits in all, one place of percents.",
)
@click.option("--wide", is_flag=True, help="One table for all data sets.")
@click.option("--standalone", is_flag=True, help="LaTeX: a document that compiles as it is, with its references.")
@click.option(
    "--columns",
    type=click.Choice(("1", "2")),
    help="LaTeX: as wide as one or both columns of a paper; wider tables are split.  [default: as needed]",
)
@click.option("--cite", is_flag=True, help="LaTeX: cite from report.bib.")
@click.option(
    "--reported", multiple=True, metavar="FILE", help="Show values from papers beside: a CSV, or cddfuse2023."
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    default=0.02,
    show_default=True,
    help="How far a measured value may be from a reported one and count as near.",
)
@options.title
@click.option("--figures", is_flag=True, help="Draw figures as well into OUT/figures: all but violins.")
@click.option(
    "--figure",
    type=options.NameList(_figures),
    help="Draw these: box, violin, curves, radar, critical-difference (of each metric) or critical-difference-METRIC,"
    " cost, precision-recall, classes.",
)
@options.print_width(None)
@options.printing
@click.option("--html", "page", is_flag=True, help="Write a page to explore as well: OUT/page/index.html.")
@click.option(
    "--page-images",
    type=click.IntRange(0),
    metavar="N",
    help="Pairs per split with pictures in the page, spread over it; 0 for none.  [default: all]",
)
@click.option("--out", type=options.FOLDER, help="Where to write; - for stdout.  [default: RESULTS/report]")
@options.config
@options.speech
@options.shared
def command(
    names,
    sections,
    worst,
    dataset,
    protocol,
    methods,
    metrics,
    naive,
    rank_baselines,
    output,
    mark,
    common,
    sd,
    digits,
    wide,
    standalone,
    columns,
    cite,
    reported,
    tolerance,
    titles,
    figures,
    figure,
    width,
    font,
    figure_format,
    page,
    page_images,
    out,
    results,
    data_root,
    weights_root,
):
    """Write tables of what is stored, scores with statistics and AP of detectors: LaTeX, BibTeX, CSV, Markdown, HTML,
    JSON, Excel; and figures and a page, if asked for.

    Needs the results only, no data, no weights. Only complete rows are ranked; the others are shown with
    what they lack.
    """
    from benchmark.report import content, detected, formats, material, measured
    from benchmark.store import files

    writers = content.modules(formats)
    if names is None:
        names = ["markdown"] if str(out) == "-" else list(writers)
    elif "all" in names:
        names = list(writers)
    for name in names:
        if name not in writers:
            raise unknown("format", name, [*writers, "all"])
    for name in sections or ():
        if name not in content.modules(all_sections):
            raise unknown("section", name, content.modules(all_sections))
    if reported and sections and "reported" not in sections:
        raise UserError("--reported: --sections leaves out the section reported, which would show it")
    if str(out) == "-" and (binary := [name for name in names if writers[name].FILE.endswith(".xlsx")]):
        raise UserError(f"--out -: {binary[0]} is no text; name a folder, or other formats with --format")
    if str(out) == "-" and progress.is_json():
        raise UserError("--out -: with --json stdout holds events; name a folder")
    figures = figures or bool(figure)
    given = [name for name in ("width", "font", "figure_format") if options.given(click.get_current_context(), name)]
    if given and not figures:
        raise UserError(f"--{given[0].replace('_', '-')} is about figures; add --figures or --figure")
    if page and figures and "png" not in figure_format:
        raise UserError("--html shows figures as PNG; add png to --figure-format")
    if str(out) == "-" and (figures or page):
        raise UserError(f"--out -: {'--figures' if figures else '--html'} writes a folder; name where")
    if page_images is not None and not page:
        raise UserError("--page-images is about the page; add --html")
    failures = "worst" in (sections or ())
    if worst is not None and not failures:
        raise UserError("--worst is about the section of that name; add --sections worst")
    setups, broken = detected.read(results, output)
    for line in broken:
        progress.say(f"left out: {line}", "warning")
    asked = {"datasets": dataset, "protocols": protocol, "methods": methods, "naive": naive}
    also = detected.names(setups)
    titled = measured.titles_given(results, titles, also)
    chosen = {"metrics": metrics, "common": common, "also": also, "output": output, "titles": titled}
    chosen["rank_baselines"] = rank_baselines
    everything = measured.measure(results, **asked, **chosen, every_output=page)
    found = list({(one.place, one.protocol): one for one in reversed(everything)}.values())[::-1]
    for line in measured.fallbacks(found):
        progress.say(line)
    everyone = ()
    if failures and (methods is not None or not naive):
        all_methods = {**asked, "methods": None, "naive": True}
        everyone = measured.measure(results, **all_methods, **chosen, every_output=True)
    setups = detected.choose(setups, **asked, titles=titled, rank_baselines=rank_baselines)
    report = content.Content(
        results,
        tuple(found),
        material.Options(
            methods=methods,
            digits=digits,
            sd=sd,
            wide=wide,
            standalone=standalone,
            cite=cite or standalone,
            columns=columns and int(columns),
            sections=sections,
            reported=reported,
            tolerance=tolerance,
            mark=mark,
            worst=worst or material.Options.worst,
        ),
        tuple(setups),
        tuple(everyone),
        titled,
    )
    if not report.grids:
        what = f"--sections {','.join(sections)}: " if sections else ""
        raise UserError(f"{what}nothing to show for these results and options")
    drawing = _drawing(found, figure, width, font, figure_format) if figures else None
    remarks = [report.rewritten]
    for name in names:
        remarks += getattr(writers[name], "remarks", _no_remarks)(report)
    for line in filter(None, remarks):
        progress.say(line, "warning")
    folder = results / "report" if out is None else out
    with _figures(drawing, found, results, folder, setups) as paths:
        for name in names:
            data = writers[name].render(report)
            if str(out) == "-":
                click.echo(data.encode(), nl=False)
                continue
            path = folder / writers[name].FILE
            files.replace(path, data)
            progress.answer(str(path), "file", path=path, format=name)
        drawn = []
        if figures and failures:
            from benchmark.figures import failure_grid

            tell = partial(progress.say, event="warning")
            paths = chain(paths, failure_grid.draw(report, folder / "figures", data_root, tell, drawing[1]))
        for path in paths:
            progress.answer(str(path), "file", path=path)
            drawn.append(path)
    for kind in drawing[0] if figure else ():
        if not any(path.name.startswith(f"{kind}-") for path in drawn):
            progress.say(f"figure {kind}: nothing to draw in these results", "warning")
    if drawn:
        from benchmark.figures import lettering

        if line := lettering.remark(lettering.lacking):
            progress.say(line, "warning")
    if page:
        from benchmark.report.page import making

        places = None if dataset is None else {one.place for one in found}
        start = making.write(
            replace(report, measured=tuple(everything)),
            folder / "page",
            places=places,
            naive=naive,
            data_root=data_root,
            limit=page_images,
            figures=drawn,
        )
        progress.answer(str(start), "file", path=start)


def _no_remarks(report):
    return []


def _drawing(found, figure, width, font, figure_format):
    """What of figures is asked for: their kinds, and how they are printed."""
    from benchmark.figures import drawing, lettering, style

    kinds = drawing.kinds_of(figure, found) if figure else drawing.DEFAULT
    return kinds, style.Print(style.WIDTHS.get(width), font and lettering.installed(font), figure_format)


@contextmanager
def _figures(wanted, found, results, folder, setups):
    """The files of all figures, which are drawn while the caller writes the tables."""
    if not wanted:
        yield ()
        return
    from benchmark.cost import records
    from benchmark.figures import drawing

    with drawing.begun(found, records.read(results), folder / "figures", *wanted) as paths:
        yield chain(paths, drawing.draw_detection(setups, folder / "figures", *wanted))
