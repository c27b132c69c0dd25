"""One file per format of a report: each has `render`, which makes text or bytes of grids, and perhaps
`remarks`, lines for whoever asked for it. Rests on `tabular`."""
