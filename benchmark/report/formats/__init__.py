"""One file per format of a report: each has `render`, which makes text or bytes of grids. Rests on `tabular`."""
