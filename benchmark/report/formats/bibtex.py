"""BibTeX of every method, data set and metric in the tables."""

from __future__ import annotations

from benchmark.report import references
from benchmark.report.content import Content

ORDER = 15
FILE = "report.bib"


def render(content: Content) -> str:
    return references.bibtex(content.references)
