"""Worst: the images on which a method loses most to the others, with the metrics by which, and who is best there."""

from __future__ import annotations

from benchmark.report import failure_cases
from benchmark.report.failure_cases import Failures
from benchmark.report.material import Material
from benchmark.report.sections.scores import title
from benchmark.report.tabular import Column, Entry, Grid, Line, counted, key, number
from benchmark.report.terminal import saving_notes, title_of

ORDER = 60
ON_REQUEST = True


def grids(content: Material) -> list[Grid]:
    return [_grid(one, content) for one in failure_cases.chosen(content)]


def rank(value: float) -> str:
    """Print a rank by one metric: equal values share the mean of theirs."""
    return number(value, 0 if value.is_integer() else 1)


def losses(case: failure_cases.FailureCase) -> str:
    """Print the metrics by which others are ahead, each with the method's rank."""
    return ", ".join(f"{metric} {rank(value)}" for metric, value in case.losses)


def _grid(failures: Failures, content: Material) -> Grid:
    one, row = failures.measured, failures.row
    lines = []
    for case in failures.cases:
        best = one.rows[case.best]
        entries = (
            Entry(number(case.mean_rank, 2), case.mean_rank),
            Entry(str(case.place), case.place),
            Entry(losses(case)),
            Entry(title_of(best)),
            Entry(number(case.best_rank, 2), case.best_rank),
        )
        lines.append(Line(case.id, case.id, entries))
    methods = list({other.cell: other for other in (row, *(one.rows[case.best] for case in failures.cases))}.values())
    cited = [*content.cites_of_data([one]), *(work for one in methods for work in content.cites_of_method(one.name))]
    explanation = (
        f"The {counted(len(lines), 'image')} of {one.images} on which {title_of(row)} loses most among"
        f" {counted(failures.compared, 'method')}, the worst first. Mean rank: on the image, over"
        f" {', '.join(failure_cases.ranking_of(one).metrics)}; 1 is best. Loses by: the metrics with its worst ranks"
        " there. Best other: the lowest mean rank there."
    )
    return Grid(
        key=key("worst", one.dataset, one.split, one.protocol, row.cell.method),
        title=f"Where {title_of(row)} fails: {title(one)}",
        columns=(
            Column("mean rank", -1),
            Column("place", -1),
            Column("loses by"),
            Column("best other"),
            Column("mean rank of the best other", -1),
        ),
        lines=tuple(lines),
        explanation=explanation if lines else "",
        notes=(*([] if lines else [f"{title_of(row)}: {failures.reason}"]), *saving_notes(methods)),
        corner="image",
        cites=tuple(dict.fromkeys(cited)),
    )
