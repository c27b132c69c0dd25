"""One file per format of a report: its `render` makes text or bytes of the tables. Rests on `tabular`."""
