"""One file per section of a report: its `grids` makes tables of what was measured. Rests on `measured`."""
