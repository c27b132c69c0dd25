"""`bench worth`: how far metrics order fusion methods as a detector does."""

from __future__ import annotations

from functools import partial

import click

from benchmark import options, progress
from benchmark.errors import UserError

EPILOG = """\b
Examples:
  bench worth
  bench worth --dataset m3fd --detection pretrained --out DIR --figure
  bench worth --metrics VIF,Qabf,SSIM --protocol cddfuse
\b
Needs detections of bench detect and scores of bench run, both of the same images. What the
columns say, and when metrics may be ranked by them: docs/worth.md.
"""


@click.command(epilog=EPILOG, short_help="Say how far metrics order methods as a detector does.")
@click.option(
    "--dataset", type=options.NameList(), metavar="A,B,…", help="Data sets, or SET@DIVISION; all if left out."
)
@click.option("--detection", type=options.NameList(), metavar="A,B,…", help="Of bench detect; all if left out.")
@click.option("--detector", type=options.NameList(), metavar="A,B,…", help="Detectors; all if left out.")
@click.option("--methods", type=options.NameList(), metavar="A,B,…", help="Methods to compare; all if left out.")
@click.option("--metrics", type=options.METRICS, help="Metrics; all that every method was scored with if left out.")
@click.option("--protocol", default="standard", show_default=True, help="Protocol of the scores.")
@click.option(
    "--resamples", type=click.IntRange(100), default=1000, show_default=True, help="Times that scenes are drawn."
)
@click.option("--figure", is_flag=True, help="Draw the forest plot as well, into OUT.")
@options.print_width(None)
@options.printing
@click.option("--out", type=options.FOLDER, help="Write worth.csv, report.md, report.tex and worth.txt there.")
@options.config
@options.speech
@options.shared
@click.pass_context
def command(
    ctx, dataset, detection, detector, methods, metrics, protocol, resamples, figure, width, font, figure_format, out,
    results, data_root, weights_root,
):  # fmt: skip
    """Correlate, over fusion methods, every metric with what a detector reaches on the same images: Kendall's tau and
    Spearman's rho with AP, AP50 and F1, with intervals over scenes, and with how far the detector's own order can be
    believed."""
    from benchmark.report import detected, detection_tables, material, worth_tables
    from benchmark.report.formats import latex, markdown
    from benchmark.store import files
    from benchmark.worth import evidence, judging, simple_predictors

    if figure and out is None:
        raise UserError("--figure: name a folder with --out")
    setups, broken = detected.read(results)
    for line in broken:
        progress.say(f"left out: {line}", "warning")
    setups = [one for one in detected.titled(setups) if _is_asked(one, dataset, detection, detector)]
    if not setups:
        raise UserError(f"no detection results in {results} that fit; make some with bench detect")
    predictors = partial(simple_predictors.predictors, data_root=data_root)
    found, failed = [], 0
    with progress.Progress().bar("setups", len(setups), summary=False) as step:
        for one in setups:
            try:
                chosen = _chosen(one, methods)
                collected = evidence.collect(chosen, results, protocol, metrics, predictors)
                found.append(judging.judge(collected, resamples))
            except UserError as error:
                failed += 1
                if len(setups) == 1:
                    raise
                progress.say(f"left out: {error.message}", "warning")
            step()
    if not found:
        raise UserError("no setup can be judged, see above")
    grids = worth_tables.grids(found)
    detection_tables.show(grids)
    text = worth_tables.paragraphs(found)
    for paragraph in text:
        progress.answer(f"\n{paragraph}", "paragraph")
    if out is not None:
        content = worth_tables.WorthContent(results, (), material.Options(standalone=False), given=tuple(grids))
        written = {"worth.csv": worth_tables.as_csv(found), "worth.txt": "\n\n".join(text) + "\n"}
        written |= {module.FILE: module.render(content) for module in (markdown, latex)}
        for name, data in written.items():
            files.replace(out / name, data)
            progress.answer(str(out / name), "file", path=out / name)
    if figure:
        from benchmark.figures import forest, lettering, style

        with style.pyplot(font and lettering.installed(font)) as plt:
            drawn = forest.forest(plt, found, style.WIDTHS.get(width))
            for path in style.save(drawn, out / "worth", figure_format):
                progress.answer(str(path), "file", path=path)
    ctx.exit(int(bool(failed)))


def _is_asked(one, datasets, protocols, detectors) -> bool:
    settings = one.facts["settings"]
    return (
        (datasets is None or one.place in datasets or one.facts["dataset"] in datasets)
        and (protocols is None or settings["protocol"] in protocols)
        and (detectors is None or settings["detector"] in detectors)
    )


def _chosen(one, methods):
    """The setup with the rows asked for. Raises UserError for a method that it does not hold."""
    from dataclasses import replace

    from benchmark.errors import unknown

    if methods is None:
        return one
    known = {row.method for row in one.rows}
    for name in methods:
        if name not in known:
            raise unknown(f"method of {one.setup}", name, known)
    return replace(one, rows=tuple(row for row in one.rows if row.method in methods))
