"""Cost: what `bench profile` measured of the methods that the report shows."""

from __future__ import annotations

from benchmark.report.material import Material
from benchmark.report.sections.scores import merged
from benchmark.report.tabular import Column, Entry, Grid, Line, key
from benchmark.report.terminal import title_of

ORDER = 40

_COLUMNS = {
    # Field of a record -> head, factor, decimal places.
    "parameters": ("parameters (M)", 1e-6, 3),
    "flops": ("FLOPs (G)", 1e-9, 2),
    "seconds": ("time (ms)", 1e3, 1),
    "peak_memory_mib": ("memory (MiB)", 1, 0),
    "gpu_peak_memory_mib": ("GPU memory (MiB)", 1, 0),
}


def grids(content: Material) -> list[Grid]:
    if not (content.results / "profile").is_dir():
        return []
    from benchmark.cost import records

    rows = {row.measured_as: row for one in content.measured for row in reversed(one.shown)}
    place = {n: i for i, n in enumerate(merged([one.order for one in content.measured]))}
    order = sorted(rows, key=lambda name: place[rows[name].cell.method])
    machines: dict[tuple, dict[str, dict]] = {}
    for record in records.read(content.results):
        machine = tuple(record[name] for name in ("device", "processor", "threads", "width", "height"))
        machines.setdefault(machine, {})[record["method"]] = record
    found = []
    for machine, measured in sorted(machines.items()):
        shown = [(rows[name], measured[name]) for name in order if name in measured]
        if shown:
            found.append(_grid(machine, shown, content, [name for name in order if name not in measured]))
    return found


def _grid(machine: tuple, shown: list, content: Material, missing: list[str]) -> Grid:
    device, processor, threads, width, height = machine
    fields = [name for name in _COLUMNS if any(record.get(name) is not None for _, record in shown)]
    lines = [
        Line(
            row.cell.method,
            title_of(row),
            tuple(_entry(record.get(name), *_COLUMNS[name][1:]) for name in fields),
            cites=content.cites_of_method(row.name),
        )
        for row, record in shown
    ]
    on = processor if device == "cuda" else f"{processor}, {threads} thread{'s' * (threads != 1)}"
    notes = ["Time: median of one pair after warm-up, from pair to fused image."]
    if missing:
        notes.append(f"Not measured there: {', '.join(missing)}")
    return Grid(
        key=key("cost", device, processor, str(threads), f"{width}x{height}"),
        title=f"Cost: one pair of {width}x{height}, {on}",
        columns=tuple(Column(_COLUMNS[name][0], -1) for name in fields),
        lines=tuple(lines),
        notes=tuple(notes),
    )


def _entry(value: float | None, factor: float, places: int) -> Entry:
    return Entry() if value is None else Entry(f"{value * factor:.{places}f}", value)
