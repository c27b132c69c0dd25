"""One file per section of a report: each has `grids`, which makes tables of what was measured. Rests on `measured`."""
