"""Cite the works behind methods, data sets, metrics and detectors. `references.yaml` holds the facts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

_PLACES = ("journal", "booktitle", "howpublished")


@cache
def entries() -> dict[str, dict[str, str]]:
    """Return key -> fields of BibTeX, with the entry's `type` among them."""
    return {key: {name: str(v) for name, v in fields.items() if name != "of"} for key, fields in _read().items()}


@cache
def _read() -> dict[str, dict]:
    import yaml

    text = Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


@cache
def _owners() -> dict[tuple[str, str], tuple[str, ...]]:
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for key, fields in _read().items():
        for owner in fields["of"]:
            kind, _, name = owner.partition(" ")
            found[kind, name] = (*found.get((kind, name), ()), key)
    return found


def keys(kind: str, name: str) -> tuple[str, ...]:
    """Return the keys cited for a "method", "dataset", "metric" or "detector"; () where there are none. A variant of a
    method (`ifcnn_sum`, `tardal-dt`) is cited as the method is."""
    while name:
        if found := _owners().get((kind, name)):
            return found
        if kind != "method":
            return ()
        name = name[: max(name.rfind(c) for c in "_-+@")] if any(c in name for c in "_-+@") else ""
    return ()


def bibtex(keys: Iterable[str]) -> str:
    """Write the entries as BibTeX, in this order."""
    parts = []
    for key in keys:
        fields = {name: value for name, value in entries()[key].items() if name != "type"}
        # Braces keep the capitals of names, which styles would lower.
        fields["title"] = f"{{{fields['title']}}}"
        lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items())
        parts.append(f"@{entries()[key]['type']}{{{key},\n{lines}}}\n")
    return "\n".join(parts)


def bibliography(keys: Iterable[str], escape: Callable[[str], str]) -> str:
    """Write the entries as LaTeX's `thebibliography`, which needs no BibTeX run. escape: turns text into LaTeX."""
    items = [f"\\bibitem{{{key}}} {_written(entries()[key], escape)}\n" for key in keys]
    return "".join(["\\begin{thebibliography}{99}\n\\small\n", *items, "\\end{thebibliography}\n"])


def _written(fields: dict[str, str], escape: Callable[[str], str]) -> str:
    place = next((fields[name] for name in _PLACES if name in fields), "")
    volume = fields.get("volume", "") + (f"({fields['number']})" if "number" in fields else "")
    where = ", ".join(filter(None, (f"{place} {volume}".strip(), fields.get("pages", ""), fields.get("year", ""))))
    author = fields.get("author", "").replace(" and ", "; ")
    return ". ".join(_escaped(part, escape) for part in (author.rstrip("."), fields["title"], where) if part) + "."


def _escaped(text: str, escape: Callable[[str], str]) -> str:
    """Escape text, except what is LaTeX already: a dash of two hyphens and an escaped underscore."""
    return "--".join(r"\_".join(escape(part) for part in half.split(r"\_")) for half in text.split("--"))
