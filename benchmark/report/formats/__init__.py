"""One file per format of a report: its `render` makes text or bytes of the tables, and its `remarks`, where it has
them, are lines for whoever asked for the report. Rests on `tabular`."""
