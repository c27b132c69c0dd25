"""Reports: what is measured (`measured`), what is said of it (`sections/`), and the files it becomes (`formats/`).

A section turns measurements into grids (`grid`); a format turns grids into text or bytes. Adding a file to either
folder adds a section or a format; nothing else is edited.
"""
